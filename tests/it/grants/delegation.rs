//! `grant_type=delegation`.

use serde_json::{Value, json};

use super::token_exchange::demo_claims;
use crate::{
    both_engines,
    support::{
        Answer, BFF, CALENDAR, DEMO, Engine, TestServer,
        forge::{Forge, with},
        tokens::{exchange_as, peek, user_token, verify},
    },
};

both_engines! {
    fn a_users_token_becomes_one_for_the_resource_api(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        let before = verify(&server, &subject, "bff-api");
        assert_eq!((&before["user-fullname"], &before["user-id"]), (&json!("Ada Lovelace"), &json!("1815")));

        let answer = server.token(BFF, &[("grant_type", "delegation"), ("token", &subject), ("scope", "calendar.edit")]);

        let after = verify(&server, &answer.access_token(), "resource-api");
        assert_eq!(after["scope"], json!(["calendar.edit"]));
        assert_eq!(after["user-access"], "resource-api");
        assert_eq!((&after["user-fullname"], &after["user-id"]), (&before["user-fullname"], &before["user-id"]));
        assert_eq!(after["sub"], before["sub"]);
        assert_eq!(after["act"], json!({ "iss": server.url, "sub": "bff" }));
        assert_eq!(after["anc"], json!([before["jti"]]));
        let body = answer.json();
        assert_eq!(body["scope"], "calendar.edit");
        assert_eq!(body["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
        assert_eq!(body["expires_in"], 300);

        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(record["event"], "token.issued");
        assert_eq!(record["rule"], "bff edits calendars for its users");
        assert_eq!(record["scope_widened"], "calendar.edit");
        assert_eq!(record["jti"], after["jti"]);
        assert_eq!(record["parents"], json!([before["jti"]]));
    }

    fn a_client_without_the_grant_is_refused(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        server
            .token(CALENDAR, &[("grant_type", "delegation"), ("token", &subject)])
            .assert_refused(400, "unauthorized_client", "grant_not_allowed");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["event"], &record["reason"]), (&json!("token.refused"), &json!("grant_not_allowed")));
        assert!(record.get("jti").is_none());
    }

    fn the_token_parameter_is_required(engine) {
        let server = TestServer::start(engine);
        for form in [vec![("grant_type", "delegation")], vec![("grant_type", "delegation"), ("token", "")]] {
            server.token(BFF, &form).assert_refused(400, "invalid_request", "missing_parameter");
        }
    }

    fn it_keeps_what_the_rule_passes_when_no_scope_is_named(engine) {
        let server = TestServer::start(engine);
        let subject = user_token(&server);
        let answer = server.token(BFF, &[("grant_type", "delegation"), ("token", &subject)]);
        assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.read"]));
    }
}

/// The demo, where `calendar-service` may use the old spelling too.
fn demo_with_both() -> String {
    DEMO.replace(
        "grants = [\"client_credentials\", \"token_exchange\"]",
        "grants = [\"client_credentials\", \"token_exchange\", \"delegation\"]",
    )
}

// Same rules, same laws, same audit: what the two spellings answer differs in nothing but what a request is known by.
#[test]
fn it_is_an_alias_of_the_token_exchange() {
    let server = TestServer::builder(Engine::Sqlite).environment(&demo_with_both()).start();
    let forge = Forge::of(&server);
    let base = demo_claims(&server);
    let good = forge.token(&base);
    let changed = |changes: Value| forge.token(&with(&base, &changes));
    let bound = changed(json!({ "cnf": { "jkt": "x" } }));
    let reserved = changed(json!({ "may_act": { "sub": "x" } }));
    let acted = changed(json!({ "act": { "iss": server.url, "sub": "front" }, "anc": ["root"] }));
    let late = changed(json!({ "exp": 1 }));
    for (client, subject, form) in [
        (BFF, good.as_str(), vec![]),
        (BFF, &good, vec![("scope", "calendar.edit"), ("audience", "resource-api")]),
        (BFF, &acted, vec![("resource", ""), ("scope", "calendar.read calendar.edit")]),
        (BFF, &good, vec![("scope", "calendar.delete")]),
        (BFF, &good, vec![("scope", "\"")]),
        (BFF, &good, vec![("audience", "reports-api")]),
        (BFF, &good, vec![("audience", "resource-api"), ("audience", "nowhere")]),
        (BFF, &good, vec![("resource", "x#y")]),
        (BFF, &bound, vec![]),
        (BFF, &reserved, vec![]),
        (BFF, &late, vec![]),
        (BFF, "rubbish", vec![]),
        (CALENDAR, &good, vec![("scope", "reports.read")]),
    ] {
        let exchanged = exchange_as(&server, client, subject, &form);
        let delegated =
            server.token(client, &[&[("grant_type", "delegation"), ("token", subject)][..], &form].concat());
        assert_eq!(delegated.status, exchanged.status, "{form:?}");
        assert_eq!(body(&delegated), body(&exchanged), "{form:?}");
        assert_eq!(record(&server, &delegated), record(&server, &exchanged), "{form:?}");
    }
}

/// What a client sees; of a token, what it says.
fn body(answer: &Answer) -> Value {
    let body = answer.json();
    let unique = json!({ "jti": null });
    let claims = body["access_token"].as_str().map_or(Value::Null, |token| with(&peek(token), &unique));
    with(&body, &json!({ "access_token": claims }))
}

/// What the operator sees.
fn record(server: &TestServer, answer: &Answer) -> Value {
    with(&server.record_of(answer), &json!({ "request_id": null, "jti": null, "grant": null }))
}

// The parameters of RFC 8693 mean nothing here: an actor who is not looked at must not be shown either.
#[test]
fn parameters_of_the_other_spelling_have_no_effect() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = user_token(&server);
    let form = [
        ("grant_type", "delegation"),
        ("token", subject.as_str()),
        ("actor_token", "rubbish"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:jwt"),
    ];
    let answer = server.token(BFF, &form);
    assert_eq!(answer.json()["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(peek(&answer.access_token())["act"], json!({ "iss": server.url, "sub": "bff" }));
    let form = [("grant_type", "delegation"), ("subject_token", subject.as_str())];
    server.assert_refused(&server.token(BFF, &form), "invalid_request", "missing_parameter");
}
