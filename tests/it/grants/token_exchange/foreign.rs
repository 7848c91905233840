//! Tokens of foreign issuers as subject tokens: an identity connection says how far each counts.

use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use super::JWT;
use crate::{
    both_engines,
    support::{
        ACCESS_TOKEN, Answer, EXCHANGE, Engine, TestServer,
        forge::{Forge, claims, with},
        tokens::{exchange_as, verify},
    },
};

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
/// Id and secret of the client that exchanges.
const GATE: (&str, &str) = ("gate", "a-secret-of-gate-with-more-than-32-characters");
const APP: &str = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e";
const ISSUER: &str = "https://idp.example";

/// An environment that believes the owner of `key`, under two connections with conditions of their own.
fn environment(key: &Forge) -> String {
    format!(
        r#"
[environment]
name = "foreign"

[[resource_server]]
audience = "deploy-api"
scopes = ["deploy", "read"]

[[client]]
id = "gate"
grants = ["client_credentials", "token_exchange"]
secret = "a-secret-of-gate-with-more-than-32-characters"

[[application]]
id = "{APP}"
name = "web"
platform = "WEB"

[[identity_connection]]
name = "people"
provider = "OIDC"
issuer = "{ISSUER}"
audiences = ["tessera"]
algorithms = ["ES256"]
jwks = '{{"keys":[{jwk}]}}'
map = {{ name = "display" }}

[[identity_connection]]
name = "builds"
provider = "JWT"
issuer = "https://ci.example"
audiences = ["tessera-ci"]
jwks = '{{"keys":[{jwk}]}}'
claims = {{ repository = "acme/app", protected = true }}

[[exchange_rule]]
name = "people read"
client = "gate"
subject = {{ issuer = "people" }}
audience = ["deploy-api"]
grant_scopes = ["read"]
claims = {{ pass = ["department", "display"] }}

[[exchange_rule]]
name = "builds deploy"
client = "gate"
subject = {{ issuer = "builds" }}
audience = ["deploy-api"]
mode = "impersonation"
grant_scopes = ["deploy"]
max_lifetime = 120
"#,
        jwk = key.public_jwk
    )
}

fn start(engine: Engine) -> (TestServer, Forge) {
    let key = Forge::attacker();
    (TestServer::builder(engine).environment(&environment(&key)).start(), key)
}

/// Claims of an ID token for us.
fn person(server: &TestServer) -> Value {
    let now = server.clock.now();
    json!({
        "iss": ISSUER, "sub": "ada", "aud": "tessera", "iat": now, "exp": now + 600,
        "email": "ada@example.com", "email_verified": true, "display": "Ada", "department": "engines",
    })
}

fn build(server: &TestServer) -> Value {
    let now = server.clock.now();
    json!({
        "iss": "https://ci.example", "sub": "repo:acme/app:ref:main", "aud": "tessera-ci", "iat": now, "exp": now + 300,
        "repository": "acme/app", "protected": true,
    })
}

fn foreign(key: &Forge, claims: &Value) -> String {
    key.sign(&json!({ "alg": "ES256", "kid": key.kid }).to_string(), &claims.to_string())
}

fn present(server: &TestServer, token: &str, kind: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", EXCHANGE), ("subject_token", token), ("subject_token_type", kind)];
    form.extend_from_slice(more);
    server.token(GATE, &form)
}

const READ: [(&str, &str); 3] = [("audience", "deploy-api"), ("scope", "read"), ("application_id", APP)];
const DEPLOY: [(&str, &str); 2] = [("audience", "deploy-api"), ("scope", "deploy")];

both_engines! {
    fn an_id_token_becomes_a_user_of_the_application(engine) {
        let (server, key) = start(engine);
        let answer = present(&server, &foreign(&key, &person(&server)), ID_TOKEN, &READ);
        let claims = verify(&server, &answer.access_token(), "deploy-api");
        for (name, value) in [("subjectType", json!("EndUserAccount")), ("applicationId", json!(APP)),
            ("email", json!("ada@example.com")), ("name", json!("Ada")), ("department", json!("engines")), ("scope", json!("read"))] {
            assert_eq!(claims[name], value, "{name}");
        }
        assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&claims["userId"], &json!("gate")));
        assert!(claims["anc"][0].as_str().is_some_and(|root| root.starts_with("fgn-")), "{claims}");
        assert_eq!(answer.json()["expires_in"], 600, "no longer than the foreign token");
        let again = present(&server, &foreign(&key, &person(&server)), JWT, &READ).access_token();
        assert_eq!(verify(&server, &again, "deploy-api")["sub"], claims["sub"]);
        let record = server.record_of(&answer);
        assert_eq!((&record["rule"], &record["scope_widened"]), (&json!("people read"), &json!("read")));
    }

    // Its own id is a hash of it, which the record and `anc` name.
    fn a_foreign_token_that_is_revoked_is_no_subject_again_and_what_came_of_it_is_dead(engine) {
        let (server, key) = start(engine);
        let token = foreign(&key, &person(&server));
        let other = foreign(&key, &with(&person(&server), &json!({ "nonce": "another" })));
        let issued = |token: &str| present(&server, token, ID_TOKEN, &READ).access_token();
        let (first, second, of_other) = (issued(&token), issued(&token), issued(&other));
        let id = verify(&server, &first, "deploy-api")["anc"][0].as_str().expect("an id").to_owned();
        assert!(server.is_active(GATE, &first) && server.is_active(GATE, &second));
        // A client cannot: it was never issued to one.
        server.revoke(GATE, &token).assert_refused(400, "unsupported_token_type", "token_of_another_issuer");
        assert!(server.is_active(GATE, &first) && !server.is_active(GATE, &token));
        server.cli(&["revoke", "token", &id]).success();
        server.eventually("it to die", || !server.is_active(GATE, &first));
        assert!(!server.is_active(GATE, &second) && server.is_active(GATE, &of_other));
        let again = present(&server, &token, ID_TOKEN, &READ);
        server.assert_subject_refused(&again, "the token, or one that it came of, is revoked");
        issued(&other);
        // Nobody knows here how long it lives: its issuer might have said a year.
        let kept = server.database.value("SELECT CAST(expires_at - revoked_at AS TEXT) AS value FROM revocations");
        assert_eq!(kept, (366 * 86_400).to_string());
    }

    fn a_build_job_is_known_by_issuer_and_subject_and_has_no_user_record(engine) {
        let (server, key) = start(engine);
        let answer = present(&server, &foreign(&key, &build(&server)), JWT, &DEPLOY);
        let claims = verify(&server, &answer.access_token(), "deploy-api");
        assert_eq!(claims["sub"], "https://ci.example#repo:acme/app:ref:main");
        assert_eq!((&claims["subjectType"], claims.get("userId"), claims.get("act")), (&json!("Workload"), None, None));
        assert_eq!(answer.json()["expires_in"], 120);
        assert_eq!(server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), "0");
    }
}

#[test]
fn every_condition_of_the_connection_is_a_condition() {
    let (server, key) = start(Engine::Sqlite);
    let stranger = Forge::attacker();
    let now = server.clock.now();
    let changed = |changes: Value| foreign(&key, &with(&person(&server), &changes));
    let mut refused = vec![
        ("another key", foreign(&stranger, &person(&server))),
        ("another audience", changed(json!({ "aud": "someone-else" }))),
        ("no audience", changed(json!({ "aud": null }))),
        ("expired", changed(json!({ "exp": now }))),
        ("no expiry", changed(json!({ "exp": null }))),
        ("not yet valid", changed(json!({ "nbf": now + 60 }))),
        ("no subject", changed(json!({ "sub": null }))),
        ("bound to a key", changed(json!({ "cnf": { "jkt": "x" } }))),
        ("for another actor", changed(json!({ "may_act": { "sub": "somebody" } }))),
    ];
    // Its key is believed, but not for another issuer's names.
    refused.push(("the other issuer's audience", changed(json!({ "aud": "tessera-ci" }))));
    for (what, token) in refused {
        for kind in [ID_TOKEN, JWT] {
            let answer = present(&server, &token, kind, &READ);
            assert_eq!(answer.json()["error_code"], "subject_token_refused", "{what}: {}", answer.text);
        }
    }
    for (what, changes) in [
        ("another repository", json!({ "repository": "acme/other" })),
        ("no repository", json!({ "repository": null })),
        ("an unprotected branch", json!({ "protected": "true" })),
    ] {
        let token = foreign(&key, &with(&build(&server), &changes));
        let answer = present(&server, &token, JWT, &DEPLOY);
        assert_eq!(answer.json()["error_code"], "subject_token_refused", "{what}: {}", answer.text);
    }
    let build = foreign(&key, &build(&server));
    server.assert_refused(&present(&server, &build, ID_TOKEN, &DEPLOY), "invalid_request", "subject_token_refused");
    let unknown = changed(json!({ "iss": "https://unknown.example" }));
    let answer = present(&server, &unknown, ID_TOKEN, &READ);
    server.assert_refused(&answer, "invalid_request", "identity_connection_not_active");
    server.database.assert_nothing_issued();
    assert_eq!(server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), "0");
}

#[test]
fn a_foreign_token_is_no_access_token_and_its_claims_are_not_ours() {
    let (server, key) = start(Engine::Sqlite);
    let claims = with(
        &person(&server),
        &json!({
            "applicationId": "x", "profileId": "p", "userId": "u", "sessionId": "s", "extensions": { "admin": true },
            "permissions": { "ax-user-service": ["USERS_EDIT"] }, "client_id": "somebody", "scope": "deploy", "acr": "high",
            "tenantId": "t", "subjectType": "ServiceAccount",
        }),
    );
    let token = foreign(&key, &claims);
    server.assert_refused(&exchange_as(&server, GATE, &token, &READ), "invalid_request", "subject_token_refused");
    let issued = verify(&server, &present(&server, &token, JWT, &READ).access_token(), "deploy-api");
    for (name, foreign) in claims.as_object().expect("an object") {
        let is_ours = !["aud", "iat", "exp", "email", "display", "department"].contains(&name.as_str());
        assert!(!is_ours || issued.get(name) != Some(foreign), "{name} came through: {issued}");
    }
    assert_eq!((issued.get("extensions"), issued.get("permissions"), issued.get("acr")), (None, None, None));
}

#[test]
fn without_a_rule_nothing_comes_of_it() {
    let (server, key) = start(Engine::Sqlite);
    let person = foreign(&key, &person(&server));
    for (more, error, code) in [
        (&[("application_id", APP)][..], "invalid_scope", "no_default_scope"),
        (
            &[("audience", "deploy-api"), ("scope", "deploy"), ("application_id", APP)],
            "invalid_scope",
            "scope_not_allowed",
        ),
        (&[("audience", "other"), ("scope", "read"), ("application_id", APP)], "invalid_target", "target_not_allowed"),
        (
            &[("audience", "deploy-api"), ("scope", "read"), ("application_id", "gate")],
            "invalid_request",
            "application_not_active",
        ),
    ] {
        server.assert_refused(&present(&server, &person, ID_TOKEN, more), error, code);
    }
    server.apply(&environment(&key).replace("issuer = \"people\"", "issuer = \"builds\""));
    server.eventually("the rule is gone", || present(&server, &person, ID_TOKEN, &READ).status == 400);
    server.assert_refused(&present(&server, &person, ID_TOKEN, &READ), "unauthorized_client", "no_rule");
}

/// What was derived from a foreign token is ours and goes on by our rules, with its root in the lineage.
#[test]
fn a_derived_token_is_ours() {
    let (server, key) = start(Engine::Sqlite);
    let token = present(&server, &foreign(&key, &build(&server)), JWT, &DEPLOY).access_token();
    let form = [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)];
    server.assert_refused(&server.token(GATE, &form), "unauthorized_client", "no_rule");
}

// Whoever reads the token as Mosaic services do sees the user inside; we must not see another one.
#[test]
fn a_jwt_that_carries_a_token_of_ours_is_but_its_envelope_though_we_believe_its_issuer() {
    let (server, key) = start(Engine::Sqlite);
    let around = |inner: &str| foreign(&key, &with(&person(&server), &json!({ "mosaic.end-user.accessToken": inner })));
    let inside = claims(&server, "deploy-api", APP, "read");
    let good = around(&Forge::of(&server).token(&inside));
    let answer = present(&server, &good, JWT, &READ);
    let record = server.assert_refused(&answer, "unauthorized_client", "no_rule");
    assert_eq!(record["subject"], inside["sub"], "the rule is for other subjects than this one");
    let answer = present(&server, &around(&key.token(&inside)), JWT, &READ);
    server.assert_subject_refused(&answer, "no key of this environment has that kid");
    // An ID token is presented for what it says itself.
    let id_token = verify(&server, &present(&server, &good, ID_TOKEN, &READ).access_token(), "deploy-api");
    assert_eq!(id_token["email"], "ada@example.com");
}

// Whoever may edit connections could otherwise make tokens that pass for ours, and keep the good ones from being taken.
#[test]
fn a_connection_in_our_own_name_vouches_for_nobody() {
    let (server, key) = start(Engine::Sqlite);
    let own = claims(&server, "deploy-api", APP, "read");
    let issuer = own["iss"].as_str().expect("an issuer");
    server.apply(&environment(&key).replace(ISSUER, issuer));
    let forged = foreign(&key, &with(&person(&server), &json!({ "iss": issuer })));
    let good = Forge::of(&server).token(&own);
    server.eventually("the connection is in our name", || {
        present(&server, &foreign(&key, &person(&server)), JWT, &READ).status == 400
    });
    let answer = present(&server, &forged, JWT, &READ);
    server.assert_subject_refused(&answer, "the header has no typ");
    server.assert_refused(
        &present(&server, &forged, ID_TOKEN, &READ),
        "invalid_request",
        "identity_connection_not_active",
    );
    server.assert_refused(&present(&server, &good, JWT, &READ), "unauthorized_client", "no_rule");
}

// Other services may tell users by their address: one that anybody could have written must not reach them by a rule either.
#[test]
fn an_address_that_is_not_verified_is_passed_on_by_no_rule() {
    let key = Forge::attacker();
    let environment = environment(&key).replace("[\"department\", ", "[\"department\", \"email\", ");
    let server = TestServer::builder(Engine::Sqlite).environment(&environment).start();
    let address = |verified: bool| {
        let claims = with(&person(&server), &json!({ "email_verified": verified, "sub": verified.to_string() }));
        let issued = present(&server, &foreign(&key, &claims), ID_TOKEN, &READ).access_token();
        verify(&server, &issued, "deploy-api").get("email").cloned()
    };
    assert_eq!((address(true), address(false)), (Some(json!("ada@example.com")), None));
}
