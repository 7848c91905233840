//! `subject_token_type=urn:tessera:…:subject-id`: a client that is trusted with it says who the user is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{
        Answer, EXCHANGE, Engine, TestServer,
        tokens::{self, SUBJECT_ID, verify},
    },
};

/// Id and secret of the client that may say who a user is.
pub(super) const SIGN_IN: (&str, &str) = ("sign-in", "a-secret-of-sign-in-with-more-than-32-characters");
/// Id and secret of one that may not.
const OTHER: (&str, &str) = ("other", "a-secret-of-other-with-more-than-32-characters");
pub(super) const APP: &str = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e";

pub(super) const ENVIRONMENT: &str = r#"
[environment]
name = "delegated"

[[resource_server]]
audience = "bff-api"
scopes = ["read", "write"]

[[client]]
id = "sign-in"
grants = ["client_credentials", "token_exchange"]
permissions = { ax-user-service = ["GENERATE_DELEGATED_ACCESS_TOKEN"] }
secret = "a-secret-of-sign-in-with-more-than-32-characters"

[[client]]
id = "other"
grants = ["client_credentials", "token_exchange"]
permissions = { ax-user-service = ["USERS_VIEW"] }
secret = "a-secret-of-other-with-more-than-32-characters"

[[application]]
id = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e"
name = "web"
platform = "WEB"

[[application]]
id = "1b7e8a3f-4d2c-4b6a-9f8e-7a6b5c4d3e2f"
name = "off"
platform = "WEB"
enabled = false

[[identity_connection]]
name = "our sign-in"
provider = "DELEGATED"

[[exchange_rule]]
name = "users may read"
client = "sign-in"
subject = { issuer = "our sign-in" }
audience = ["bff-api"]
grant_scopes = ["read"]
max_lifetime = 300
"#;

pub(super) fn server(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).start()
}

/// The exchange of a subject id.
pub(super) fn delegate(server: &TestServer, client: (&str, &str), subject_id: &str, more: &[(&str, &str)]) -> Answer {
    tokens::delegate(server, client, (APP, subject_id), more)
}

pub(super) fn rows(server: &TestServer, table: &str) -> String {
    server.database.value(&format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {table}"))
}

pub(super) fn claims(server: &TestServer, answer: &Answer) -> Value {
    let audience = server.url.clone();
    verify(server, &answer.access_token(), &audience)
}

both_engines! {
    fn a_user_is_made_once_and_known_from_then_on(engine) {
        let server = server(engine);
        let more = [("email", "ada@example.com"), ("name", "Ada")];
        let first = claims(&server, &delegate(&server, SIGN_IN, "ada 1815/é", &more));
        assert_eq!(first["subjectType"], "EndUserAccount");
        assert_eq!((&first["sub"], &first["client_id"]), (&first["userId"], &json!("sign-in")));
        assert_eq!((&first["applicationId"], &first["email"], &first["name"]), (&json!(APP), &json!("ada@example.com"), &json!("Ada")));
        assert_eq!((first.get("scope"), first.get("act"), first.get("anc")), (None, None, None));

        let second = claims(&server, &delegate(&server, SIGN_IN, "ada 1815/é", &[]));
        for same in ["sub", "profileId", "email", "name"] {
            assert_eq!(first[same], second[same], "{same}");
        }
        assert_ne!(first["sessionId"], second["sessionId"], "each login is a session of its own");
        let other = claims(&server, &delegate(&server, SIGN_IN, "ada 1815/E", &[]));
        assert_ne!(other["sub"], first["sub"]);
        assert_eq!((rows(&server, "users"), rows(&server, "profiles")), ("2".into(), "2".into()));

        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["event"], &record["subject"]), (&json!("token.issued"), &other["sub"]));
        assert_eq!(record["rule"], "permission ax-user-service:GENERATE_DELEGATED_ACCESS_TOKEN");
    }

    fn a_profile_is_found_by_its_identifier_or_made(engine) {
        let server = server(engine);
        let plain = claims(&server, &delegate(&server, SIGN_IN, "ada", &[]));
        let profile = [("unique_profile_identifier", "kids")];
        let kids = claims(&server, &delegate(&server, SIGN_IN, "ada", &profile));
        assert_eq!(plain["sub"], kids["sub"]);
        assert_ne!(plain["profileId"], kids["profileId"]);
        assert_eq!(claims(&server, &delegate(&server, SIGN_IN, "ada", &profile))["profileId"], kids["profileId"]);
        assert_eq!(claims(&server, &delegate(&server, SIGN_IN, "ada", &[]))["profileId"], plain["profileId"]);
        let others = claims(&server, &delegate(&server, SIGN_IN, "bob", &profile));
        assert_ne!(others["profileId"], kids["profileId"], "an identifier is the user's own");
    }

    fn email_and_name_are_kept_up_to_date_on_every_node(engine) {
        let server = server(engine);
        let node = server.another_node();
        let named = |name| [("name", name), ("email", "ada@example.com")];
        claims(&server, &delegate(&server, SIGN_IN, "ada", &named("Ada")));
        assert_eq!(claims(&server, &delegate(&node, SIGN_IN, "ada", &[]))["name"], "Ada");
        claims(&server, &delegate(&server, SIGN_IN, "ada", &named("Countess")));
        assert_eq!(claims(&server, &delegate(&server, SIGN_IN, "ada", &[]))["name"], "Countess");
        server.eventually("the other node to hear of it", || {
            claims(&server, &delegate(&node, SIGN_IN, "ada", &[]))["name"] == "Countess"
        });
    }

    fn a_disabled_user_gets_nothing_and_the_tokens_die(engine) {
        let server = server(engine);
        let token = delegate(&server, SIGN_IN, "ada", &[("audience", "bff-api"), ("scope", "read")]).access_token();
        let sub = verify(&server, &token, "bff-api")["sub"].as_str().expect("sub").to_owned();
        let again = |server: &TestServer| {
            server.token(SIGN_IN, &[("grant_type", EXCHANGE), ("subject_token", &token),
                ("subject_token_type", crate::support::ACCESS_TOKEN), ("audience", "bff-api"), ("scope", "read")])
        };
        server.assert_refused(&again(&server), "unauthorized_client", "no_rule");
        server.database.execute(&format!(
            "UPDATE users SET enabled = (1 = 0) WHERE id = '{sub}'; UPDATE environments SET users_version = users_version + 1"
        ));
        server.eventually("the user is off", || {
            delegate(&server, SIGN_IN, "ada", &[]).json()["error_code"] == "subject_token_refused"
        });
        server.assert_subject_refused(&delegate(&server, SIGN_IN, "ada", &[("name", "New")]), "the user is disabled");
        server.assert_subject_refused(&again(&server), "the user behind the token is disabled or gone");
        assert_eq!(server.database.texts("SELECT COALESCE(name, 'none') AS text FROM users"), ["none"]);
    }

    // The rule of the database decides, whoever comes first.
    fn sixty_four_first_logins_of_one_subject_make_one_user_and_one_profile(engine) {
        let server = server(engine);
        for profile in [None, Some("kids")] {
            let subjects: Vec<(String, String)> = std::thread::scope(|scope| {
                let logins: Vec<_> = (0..64).map(|_| scope.spawn(|| {
                    let more: Vec<_> = profile.map(|name| ("unique_profile_identifier", name)).into_iter().collect();
                    let claims = claims(&server, &delegate(&server, SIGN_IN, "ada", &more));
                    (claims["sub"].to_string(), claims["profileId"].to_string())
                })).collect();
                logins.into_iter().map(|login| login.join().expect("a token")).collect()
            });
            assert_eq!(subjects.len(), 64);
            assert_eq!(subjects.into_iter().collect::<BTreeSet<_>>().len(), 1);
        }
        let counts = ["users", "user_identities", "profiles"].map(|table| rows(&server, table));
        assert_eq!(counts, ["1", "1", "2"]);
    }
}

// TE-086: what the login established is copied on, never made anew.
#[test]
fn profile_and_session_follow_the_user_through_the_next_exchange() {
    let onward = r#"
[[exchange_rule]]
name = "and on from there"
client = "sign-in"
subject = { issuer = "self" }
audience = ["bff-api"]
grant_scopes = ["read"]
"#;
    let server = TestServer::builder(Engine::Sqlite).environment(&format!("{ENVIRONMENT}{onward}")).start();
    let token = delegate(&server, SIGN_IN, "ada", &[("unique_profile_identifier", "kids")]).access_token();
    let before = tokens::peek(&token);
    let form = [("audience", "bff-api"), ("scope", "read")];
    let after = verify(&server, &tokens::exchange_as(&server, SIGN_IN, &token, &form).access_token(), "bff-api");
    for name in ["sub", "userId", "applicationId", "profileId", "sessionId"] {
        assert!(before[name].is_string(), "{name}: {before}");
        assert_eq!(after[name], before[name], "{name}");
    }
    assert_eq!((&after["act"]["sub"], &after["anc"]), (&json!("sign-in"), &json!([before["jti"]])));
}

#[test]
fn targets_and_scopes_need_a_rule() {
    let server = server(Engine::Sqlite);
    let answer = delegate(&server, SIGN_IN, "ada", &[("audience", "bff-api"), ("scope", "read")]);
    let claims = verify(&server, &answer.access_token(), "bff-api");
    assert_eq!((&claims["scope"], &claims["act"]["sub"]), (&json!("read"), &json!("sign-in")));
    assert_eq!(answer.json()["expires_in"], 300);
    assert_eq!(server.record_of(&answer)["scope_widened"], "read");
    let wide = delegate(&server, SIGN_IN, "bob", &[("audience", "bff-api"), ("scope", "write")]);
    server.assert_refused(&wide, "invalid_scope", "scope_not_allowed");
    let elsewhere = delegate(&server, SIGN_IN, "bob", &[("audience", "reports-api")]);
    server.assert_refused(&elsewhere, "invalid_target", "target_not_allowed");
    assert_eq!(rows(&server, "users"), "1", "a refusal leaves no user behind");
}

#[test]
fn nobody_else_may_say_who_a_user_is_and_nothing_is_stored() {
    let server = server(Engine::Sqlite);
    server.assert_refused(&delegate(&server, OTHER, "ada", &[]), "unauthorized_client", "delegation_not_allowed");
    for id in ["1b7e8a3f-4d2c-4b6a-9f8e-7a6b5c4d3e2f", "2c8f9b4a-5e3d-4c7b-8a9f-8b7c6d5e4f3a", "sign-in"] {
        let answer = tokens::delegate(&server, SIGN_IN, (id, "ada"), &[]);
        server.assert_refused(&answer, "invalid_request", "application_not_active");
    }
    let long = "x".repeat(256);
    for (subject_id, name, value) in [
        (long.as_str(), "name", "n"),
        ("a\nb", "name", "n"),
        ("ada", "email", "a\tb"),
        ("ada", "name", &long),
        ("ada", "unique_profile_identifier", &long),
    ] {
        let answer = delegate(&server, SIGN_IN, subject_id, &[(name, value)]);
        server.assert_refused(&answer, "invalid_request", "invalid_parameter");
    }
    let no_application = [("grant_type", EXCHANGE), ("subject_token", "ada"), ("subject_token_type", SUBJECT_ID)];
    server.assert_refused(&server.token(SIGN_IN, &no_application), "invalid_request", "missing_parameter");
    assert_eq!((rows(&server, "users"), rows(&server, "profiles")), ("0".into(), "0".into()));
    server.database.assert_nothing_issued();
}

#[test]
fn a_disabled_connection_vouches_for_nobody() {
    let server = server(Engine::Sqlite);
    delegate(&server, SIGN_IN, "ada", &[]).access_token();
    server.apply(&ENVIRONMENT.replace("provider = \"DELEGATED\"", "provider = \"DELEGATED\"\nenabled = false"));
    server.eventually("the connection is off", || delegate(&server, SIGN_IN, "ada", &[]).status == 400);
    server.assert_refused(&delegate(&server, SIGN_IN, "ada", &[]), "invalid_request", "identity_connection_not_active");
}

#[test]
fn a_subject_id_is_neither_an_actor_nor_a_result() {
    let server = server(Engine::Sqlite);
    for more in [
        [("actor_token", "bob"), ("actor_token_type", SUBJECT_ID)],
        [("requested_token_type", SUBJECT_ID), ("x", "")],
        [("requested_token_type", "urn:ietf:params:oauth:token-type:id_token"), ("x", "")],
    ] {
        let answer = delegate(&server, SIGN_IN, "ada", &more);
        server.assert_refused(&answer, "invalid_request", "unsupported_token_type");
    }
}
