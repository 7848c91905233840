//! Who calls (RFC 6750), and what the caller may do here (TE-139).

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::{MANAGEMENT, assert_refused};
use crate::{
    both_engines,
    support::{
        Answer, CLIENT_CREDENTIALS, Engine, TestServer,
        forge::{Forge, claims, with},
    },
    well_known::{SECOND_CLIENT, apply_second},
};

const MANAGER: (&str, &str) = ("manager", "a-secret-of-the-manager-long-enough-to-be-one");
/// `manager` has no target, so that its tokens are for this server; those of `visitor` are for another.
const ENVIRONMENT: &str = r#"
[environment]
name = "test"

[[resource_server]]
audience = "other-api"
scopes = ["other.read"]

[[client]]
id = "manager"
grants = ["client_credentials"]
permissions = { ax-id-service = ["PERMISSIONS_SYNCHRONIZE"] }
secret = "a-secret-of-the-manager-long-enough-to-be-one"

[[client]]
id = "visitor"
grants = ["client_credentials"]
access = [{ audience = "other-api", scopes = ["other.read"] }]
permissions = { ax-id-service = ["PERMISSIONS_SYNCHRONIZE"] }
secret = "a-secret-of-the-visitor-long-enough-to-be-one"
"#;
const VISITOR: (&str, &str) = ("visitor", "a-secret-of-the-visitor-long-enough-to-be-one");
const QUERY: &str = r#"{ currentCaller { subject subjectType clientId
    may: hasPermission(serviceId: "ax-id-service", key: "PERMISSIONS_SYNCHRONIZE")
    other: hasPermission(serviceId: "ax-id-service", key: "SERVICE_ACCOUNTS_EDIT") } }"#;

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).start()
}

/// Asks who calls, with these `Authorization` headers.
fn ask_with(server: &TestServer, path: &str, authorization: &[&str]) -> Answer {
    let request = server.request(Method::POST, path).json(&json!({ "query": QUERY }));
    Answer::to(authorization.iter().fold(request, |request, value| request.header("authorization", *value)))
}

fn ask(server: &TestServer, token: &str) -> Answer {
    ask_with(server, MANAGEMENT, &[&format!("Bearer {token}")])
}

/// Whether the holder of `token` has the permission, by the answer to a good token.
#[track_caller]
fn may(server: &TestServer, token: &str) -> bool {
    let answer = ask(server, token);
    assert_eq!(answer.status, 200, "{} for {:?}", answer.text, crate::support::tokens::peek(token));
    let caller = answer.json()["data"]["currentCaller"].clone();
    assert_eq!(caller["other"], false);
    caller["may"].as_bool().expect("an answer")
}

/// Checks a refusal of status 401 whose cause is the token.
#[track_caller]
fn assert_token_refused(answer: &Answer, code: &str) {
    assert_refused(answer, 401, code, &json!(["currentCaller"]));
    assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""));
}

/// A token of `manager`, as the server itself would make it, but for some claims.
fn forged(server: &TestServer, forge: &Forge, changes: &Value) -> String {
    let own = json!({
        "sub": "manager",
        "subjectType": "ServiceAccount",
        "permissions": { "ax-id-service": ["PERMISSIONS_SYNCHRONIZE"] },
    });
    forge.token(&with(&with(&claims(server, &server.url, "manager", ""), &own), changes))
}

both_engines! {
    fn the_caller_is_whom_the_token_speaks_of(engine) {
        let server = start(engine);
        let token = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
        let answer = ask(&server, &token);
        let expected = json!({ "data": { "currentCaller": {
            "subject": "manager", "subjectType": "ServiceAccount", "clientId": "manager", "may": true, "other": false,
        } } });
        assert_eq!((answer.status.as_u16(), answer.json()), (200, expected));
        assert_eq!(ask_with(&server, MANAGEMENT, &[&format!("bearer  {token}")]).status, 200);
    }

    fn what_was_taken_away_is_gone_from_tokens_that_are_out(engine) {
        let server = start(engine);
        let token = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
        assert!(may(&server, &token));
        let of_the_manager = "permissions = { ax-id-service = [\"PERMISSIONS_SYNCHRONIZE\"] }\nsecret = \"a-secret-of-the-manager";
        assert!(ENVIRONMENT.contains(of_the_manager));
        server.apply(&ENVIRONMENT.replace(of_the_manager, "secret = \"a-secret-of-the-manager"));
        server.eventually("the permission is gone", || !may(&server, &token));
        server.apply(ENVIRONMENT);
        server.eventually("the permission is back", || may(&server, &token));
        server.apply(&ENVIRONMENT.replace("id = \"manager\"\n", "id = \"manager\"\nenabled = false\n"));
        server.eventually("the client is disabled", || ask(&server, &token).status == 401);
        assert_token_refused(&ask(&server, &token), "ACCESS_TOKEN_INVALID");
    }
}

/// RFC 6750 §3.1, TE-140.
#[test]
fn a_token_stands_in_one_header_and_nowhere_else() {
    let server = start(Engine::Sqlite);
    let token = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
    let bearer = format!("Bearer {token}");
    let in_url = format!("{MANAGEMENT}?access_token={token}");
    for (path, headers) in
        [(MANAGEMENT, vec![]), (MANAGEMENT, vec!["Basic YTpi"]), (MANAGEMENT, vec![token.as_str()]), (&in_url, vec![])]
    {
        let answer = ask_with(&server, path, &headers);
        assert_refused(&answer, 401, "ACCESS_TOKEN_REQUIRED", &json!(["currentCaller"]));
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "no error where there was no token");
    }
    for headers in [vec!["Bearer"], vec![&*bearer, &*bearer], vec!["Basic YTpi", &*bearer], vec!["Bearer undefined"]] {
        assert_token_refused(&ask_with(&server, MANAGEMENT, &headers), "MALFORMED_TOKEN");
    }
    // Who asks for nothing that needs one is not asked for one.
    let body = json!({ "query": "{ serverVersion }" });
    let answer = Answer::to(server.request(Method::POST, MANAGEMENT).header("authorization", "Bearer x").json(&body));
    assert_eq!(answer.status, 200);
}

#[test]
fn each_fault_of_a_token_has_its_code() {
    let server = start(Engine::Sqlite);
    let ours = Forge::of(&server);
    let attacker = Forge::attacker();
    assert!(may(&server, &forged(&server, &ours, &json!({}))), "the forged tokens differ from a good one in one thing");
    let now = server.clock.now();
    for (changes, code) in [
        (json!({ "exp": now }), "ACCESS_TOKEN_EXPIRED"),
        (json!({ "iss": "https://elsewhere.example" }), "JWT_IS_NOT_MOSAIC_TOKEN"),
        (json!({ "iss": "ax-user-service" }), "JWT_IS_NOT_MOSAIC_TOKEN"),
        (json!({ "nbf": now + 3600 }), "ACCESS_TOKEN_INVALID"),
        (json!({ "sub": null }), "ACCESS_TOKEN_INVALID"),
        (json!({ "sub": "nobody" }), "ACCESS_TOKEN_INVALID"),
        (json!({ "client_id": "nobody" }), "ACCESS_TOKEN_INVALID"),
        (json!({ "subjectType": "SuperUser" }), "ACCESS_TOKEN_INVALID"),
        (json!({ "cnf": { "jkt": "x" } }), "ACCESS_TOKEN_INVALID"),
        (json!({ "applicationId": "00000000-0000-4000-8000-000000000001" }), "APPLICATION_NOT_ACTIVE"),
    ] {
        let answer = ask(&server, &forged(&server, &ours, &changes));
        match code {
            "APPLICATION_NOT_ACTIVE" => drop(assert_refused(&answer, 200, code, &json!(["currentCaller"]))),
            _ => assert_token_refused(&answer, code),
        }
    }
    assert_token_refused(&ask(&server, &forged(&server, &attacker, &json!({}))), "SIGNING_KEY_NOT_FOUND");
    let by_another = Forge { kid: ours.kid.clone(), ..attacker };
    assert_token_refused(&ask(&server, &forged(&server, &by_another, &json!({}))), "ACCESS_TOKEN_VERIFICATION_FAILED");
    let payload = claims(&server, &server.url, "manager", "").to_string();
    for (header, code) in [
        (with(&ours.header(), &json!({ "alg": "RS256" })), "ACCESS_TOKEN_VERIFICATION_FAILED"),
        (with(&ours.header(), &json!({ "kid": null })), "MALFORMED_TOKEN"),
        (with(&ours.header(), &json!({ "typ": "dpop+jwt" })), "ACCESS_TOKEN_INVALID"),
    ] {
        assert_token_refused(&ask(&server, &ours.sign(&header.to_string(), &payload)), code);
    }
    for malformed in ["x", "a.b", "a.b.c", "...", &"x".repeat(20_000)] {
        assert_token_refused(&ask(&server, malformed), "MALFORMED_TOKEN");
    }
    let good = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
    assert!(may(&server, &good));
    server.clock.advance(3600);
    assert_token_refused(&ask(&server, &good), "ACCESS_TOKEN_EXPIRED");
}

/// A service that is shown a token must not get further with it here than at home (confused deputy).
#[test]
fn a_token_for_another_service_opens_nothing_here() {
    let server = start(Engine::Sqlite);
    let ours = Forge::of(&server);
    assert!(!may(&server, &server.token(VISITOR, &CLIENT_CREDENTIALS).access_token()));
    for (aud, opens) in [
        (json!(server.url), true),
        (json!("*"), true),
        (json!("ax-id-service"), true),
        (json!(["other-api", server.url]), true),
        (json!("ax-user-service"), false),
        (json!("other-api"), false),
        (json!(format!("{}/", server.url)), false),
        (json!("ax-id-service*"), false),
    ] {
        assert_eq!(may(&server, &forged(&server, &ours, &json!({ "aud": aud }))), opens, "{aud}");
    }
}

#[test]
fn a_permission_counts_only_in_a_token_of_its_own_holder() {
    let server = start(Engine::Sqlite);
    let ours = Forge::of(&server);
    for changes in [
        json!({ "act": { "iss": server.url, "sub": "visitor" } }),
        json!({ "permissions": null }),
        json!({ "permissions": {} }),
        json!({ "permissions": { "other": ["PERMISSIONS_SYNCHRONIZE"] } }),
        json!({ "permissions": ["PERMISSIONS_SYNCHRONIZE"] }),
        json!({ "permissions": null, "scope": "ax-id-service:PERMISSIONS_SYNCHRONIZE" }),
        json!({ "subjectType": "EndUserAccount", "permissions": null }),
    ] {
        assert!(!may(&server, &forged(&server, &ours, &changes)), "{changes}");
    }
    let managed = forged(&server, &ours, &json!({ "subjectType": "ManagedServiceAccount" }));
    assert_token_refused(&ask(&server, &managed), "ACCESS_TOKEN_INVALID");
}

#[test]
fn the_token_of_another_environment_is_refused_both_ways() {
    let server = start(Engine::Sqlite);
    let path = apply_second(&server);
    let first = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
    let request =
        server.request(Method::POST, &format!("{path}/token")).basic_auth(SECOND_CLIENT.0, Some(SECOND_CLIENT.1));
    let second = Answer::to(request.form(&CLIENT_CREDENTIALS)).access_token();
    let there = format!("{path}{MANAGEMENT}");
    assert_eq!(ask_with(&server, &there, &[&format!("Bearer {second}")]).status, 200);
    assert_token_refused(&ask_with(&server, &there, &[&format!("Bearer {first}")]), "SIGNING_KEY_NOT_FOUND");
    assert_token_refused(&ask(&server, &second), "SIGNING_KEY_NOT_FOUND");
}

#[test]
fn a_disabled_environment_and_a_disabled_tenant_say_so() {
    let server = start(Engine::Sqlite);
    let token = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
    assert!(may(&server, &token));
    for (table, code) in [("environments", "ENVIRONMENT_NOT_ACTIVE"), ("tenants", "TENANT_NOT_ACTIVE")] {
        let switch = |enabled: bool| {
            server.database.execute(&format!(
                "UPDATE {table} SET enabled = {enabled}; UPDATE environments SET version = version + 1"
            ));
        };
        switch(false);
        server.eventually("it is off", || ask(&server, &token).json()["errors"][0]["code"] == code);
        assert_refused(&ask(&server, &token), 200, code, &json!(["currentCaller"]));
        switch(true);
        server.eventually("it is on", || ask(&server, &token).json().get("errors").is_none());
    }
}

/// A caller is never refused for good because the server cannot look.
#[test]
fn without_the_database_a_caller_who_must_be_looked_up_is_told_to_come_back() {
    let server = start(Engine::Postgres);
    let token = forged(&server, &Forge::of(&server), &json!({}));
    server.database.cut_off();
    let answer = ask(&server, &token);
    let message = assert_refused(&answer, 503, "SERVICE_UNAVAILABLE", &json!(["currentCaller"]));
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert!(!message.contains("database") && !message.contains("manager"), "{message}");
}
