//! Law 8: nothing comes of a token whose time is not now, or behind which somebody is disabled or gone.

use serde_json::json;

use super::{UNKNOWN_KEY, demo_claims, demo_token};
use crate::{
    both_engines,
    support::{
        Answer, CALENDAR, DEMO, Engine, TestServer,
        forge::{Forge, with},
        tokens::{exchange, exchange_as},
    },
};

const CLIENT_GONE: &str = "the client behind the token is disabled or gone";
const APPLICATION_GONE: &str = "the application behind the token is disabled or gone";

/// The demo with one more line behind `id`.
fn demo_with(id: &str, line: &str) -> String {
    assert_eq!(DEMO.matches(id).count(), 1, "{id}");
    DEMO.replace(id, &format!("{id}\n{line}\n"))
}

/// The demo without its `bff`.
fn demo_without_bff() -> String {
    let blocks: Vec<&str> = DEMO
        .split("\n[[")
        .filter(|block| !block.contains("\"bff\"\n") && !block.contains("client = \"bff\""))
        .collect();
    blocks.join("\n[[").replace("clients = [\"bff\"] ", "clients = [] ")
}

/// The next exchange of a token for the demo's `resource-api`.
fn to_reports(server: &TestServer, token: &str) -> Answer {
    exchange_as(server, CALENDAR, token, &[("scope", "reports.read")])
}

both_engines! {
    // TE-077. The token, the client and the decision were all in memory a moment ago.
    fn a_client_disabled_behind_a_token_stops_it_though_it_was_cached(engine) {
        let server = TestServer::start(engine);
        let token = exchange(&server, &demo_token(&server), &[]).access_token();
        to_reports(&server, &token).access_token();

        server.apply(&demo_with("id = \"bff\"", "enabled = false"));
        server.eventually("the client is off", || {
            to_reports(&server, &token).status == 400
        });
        let answer = to_reports(&server, &token);
        server.assert_subject_refused(&answer, CLIENT_GONE);
        // The client itself gets nothing either.
        exchange(&server, &demo_token(&server), &[]).assert_refused(401, "invalid_client", "client_authentication_failed");

        server.apply(DEMO);
        server.eventually("the client is back", || {
            to_reports(&server, &token).status == 200
        });
    }

    fn a_client_removed_behind_a_token_stops_it(engine) {
        let server = TestServer::start(engine);
        let token = exchange(&server, &demo_token(&server), &[]).access_token();
        let file = server.database.folder().join("without.toml");
        std::fs::write(&file, demo_without_bff()).expect("a file");
        server.cli(&["apply", "--prune", file.to_str().expect("UTF-8")]).success();
        server.eventually("the client is gone", || to_reports(&server, &token).status == 400);
        server.assert_subject_refused(&to_reports(&server, &token), CLIENT_GONE);
    }

    fn a_disabled_application_stops_its_users_tokens_wherever_they_went(engine) {
        let server = TestServer::start(engine);
        let subject = demo_token(&server);
        let token = exchange(&server, &subject, &[]).access_token();
        server.apply(&DEMO.replace("platform = \"WEB\"\nenabled = true", "platform = \"WEB\"\nenabled = false"));
        server.eventually("the application is off", || exchange(&server, &subject, &[]).status == 400);
        server.assert_subject_refused(&exchange(&server, &subject, &[]), APPLICATION_GONE);
        let answer = to_reports(&server, &token);
        server.assert_subject_refused(&answer, APPLICATION_GONE);
    }

    // TE-097: also for tokens that were verified, and kept in memory, before.
    fn a_token_under_a_revoked_key_is_refused(engine) {
        let server = TestServer::start(engine);
        let subject = demo_token(&server);
        exchange(&server, &subject, &[]).access_token();
        server.cli(&["keys", "revoke", &Forge::of(&server).kid]).success();
        server.eventually_subject_refused(UNKNOWN_KEY, || exchange(&server, &subject, &[]));
        server.clock.catch_up();
        server.clock.advance(1);
        exchange(&server, &demo_token(&server), &[]).access_token();
    }
}

#[test]
fn an_expired_token_is_refused_from_its_very_second_on_though_it_was_cached() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    server.clock.advance(3599);
    assert_eq!(exchange(&server, &subject, &[]).json()["expires_in"], 1);
    server.clock.advance(1);
    let record = server.assert_subject_refused(&exchange(&server, &subject, &[]), "the token has expired");
    assert!(record.get("parents").is_none(), "what it says is not believed any more");
}

// Clocks of nodes differ by a little (10 s); what lies further ahead was made up.
#[test]
fn a_token_that_is_not_valid_yet_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let base = demo_claims(&server);
    let now = base["iat"].as_i64().expect("iat");
    for name in ["nbf", "iat"] {
        let early = |seconds: f64| forge.token(&with(&base, &json!({ name: now as f64 + seconds })));
        assert_eq!(exchange(&server, &early(10.0), &[]).status, 200, "{name}");
        for seconds in [10.5, 11.0, 3000.0] {
            server.assert_subject_refused(&exchange(&server, &early(seconds), &[]), "the token is not valid yet");
        }
    }
}

// The service account that a token stands for may be far behind the client that it was issued to.
#[test]
fn a_token_of_a_service_account_that_is_gone_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    for (changes, detail) in [
        (json!({ "client_id": "nobody" }), CLIENT_GONE),
        (json!({ "client_id": "WEB" }), CLIENT_GONE),
        (json!({ "sub": "nobody", "subjectType": "ServiceAccount" }), CLIENT_GONE),
        (json!({ "applicationId": "nobody" }), APPLICATION_GONE),
    ] {
        let subject = forge.token(&with(&demo_claims(&server), &changes));
        server.assert_subject_refused(&exchange(&server, &subject, &[]), detail);
    }
}
