//! The parameters of the exchange (RFC 8693 §2.1).

use serde_json::json;

use super::{JWT, actor, bff_token, demo_claims, demo_token};
use crate::support::{
    ACCESS_TOKEN, BFF, CALENDAR, EXCHANGE, Engine, TestServer,
    forge::{Forge, with},
    tokens::{exchange, exchange_as, peek, verify},
};

const ID_TOKEN: &str = "urn:ietf:params:oauth:token-type:id_token";
const REFRESH_TOKEN: &str = "urn:ietf:params:oauth:token-type:refresh_token";

// TE-042.
#[test]
fn the_subject_token_and_its_type_are_both_required() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    for (form, missing) in [
        (vec![("subject_token_type", ACCESS_TOKEN)], "subject_token"),
        (vec![("subject_token", ""), ("subject_token_type", ACCESS_TOKEN)], "subject_token"),
        (vec![("subject_token", subject.as_str())], "subject_token_type"),
        (vec![("subject_token", subject.as_str()), ("subject_token_type", "")], "subject_token_type"),
    ] {
        let form = [vec![("grant_type", EXCHANGE), ("audience", "resource-api")], form].concat();
        let answer = server.token(BFF, &form);
        server.assert_refused(&answer, "invalid_request", "missing_parameter");
        assert_eq!(answer.json()["error_description"], format!("{missing}: a required parameter is missing"));
    }
}

// TE-043. RFC 8693 §2.1 forbids the type without the token.
#[test]
fn an_actor_token_and_its_type_come_together_or_not_at_all() {
    let server = TestServer::start(Engine::Sqlite);
    let (subject, own) = (demo_token(&server), bff_token(&server));
    let answer = exchange(&server, &subject, &[("actor_token", &own)]);
    server.assert_refused(&answer, "invalid_request", "missing_parameter");
    assert!(answer.text.contains("actor_token_type"));
    for form in [vec![("actor_token_type", ACCESS_TOKEN)], vec![("actor_token", ""), ("actor_token_type", JWT)]] {
        let answer = exchange(&server, &subject, &form);
        server.assert_refused(&answer, "invalid_request", "unexpected_parameter");
    }
    for kind in [ACCESS_TOKEN, JWT] {
        let answer = exchange(&server, &subject, &[("actor_token", &own), ("actor_token_type", kind)]);
        assert_eq!(peek(&answer.access_token())["act"]["sub"], "bff");
    }
}

// TE-050, TE-051. Names are compared byte by byte.
#[test]
fn token_types_that_are_not_served_are_refused_by_the_name_of_the_parameter() {
    let server = TestServer::start(Engine::Sqlite);
    let (subject, own) = (demo_token(&server), bff_token(&server));
    let upper = ACCESS_TOKEN.to_uppercase();
    let spaced = format!(" {ACCESS_TOKEN}");
    for kind in [ID_TOKEN, REFRESH_TOKEN, "urn:ietf:params:oauth:token-type:saml2", "access_token", &upper, &spaced] {
        let form = [("grant_type", EXCHANGE), ("subject_token", subject.as_str()), ("subject_token_type", kind)];
        let as_subject = server.token(BFF, &form);
        let as_actor = exchange(&server, &subject, &[("actor_token", &own), ("actor_token_type", kind)]);
        let as_result = exchange(&server, &subject, &[("requested_token_type", kind)]);
        for (answer, parameter) in [
            (as_subject, "subject_token_type"),
            (as_actor, "actor_token_type"),
            (as_result, "requested_token_type"), // TE-048
        ] {
            if (kind, parameter) == (ID_TOKEN, "subject_token_type") {
                // Served, but for foreign issuers only: ours is no ID token (TE-044).
                server.assert_refused(&answer, "invalid_request", "identity_connection_not_active");
                continue;
            }
            server.assert_refused(&answer, "invalid_request", "unsupported_token_type");
            let description = answer.json()["error_description"].to_string();
            assert!(description.starts_with(&format!("\"{parameter}: ")) && !description.contains("saml2"));
        }
    }
}

// TE-052, TE-053: `issued_token_type` repeats what was asked for; `token_type` is how the token is used.
#[test]
fn the_answer_says_what_was_issued() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    for (requested, issued) in
        [(None, ACCESS_TOKEN), (Some(""), ACCESS_TOKEN), (Some(ACCESS_TOKEN), ACCESS_TOKEN), (Some(JWT), JWT)]
    {
        let form: Vec<(&str, &str)> = requested.map(|kind| ("requested_token_type", kind)).into_iter().collect();
        let answer = exchange(&server, &subject, &form);
        verify(&server, &answer.access_token(), "resource-api");
        let body = answer.json();
        assert_eq!(body["issued_token_type"], issued);
        assert_eq!(body["scope"], "calendar.read", "TE-057");
        // TE-056: never a refresh token.
        let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["access_token", "issued_token_type", "token_type", "expires_in", "scope"]);
    }
}

#[test]
fn both_names_of_the_subject_tokens_type_are_read_alike() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    let form = [("grant_type", EXCHANGE), ("subject_token", subject.as_str()), ("subject_token_type", JWT)];
    assert_eq!(peek(&server.token(BFF, &form).access_token())["sub"], "user-1");
}

// TE-049: what was presented stays as good as it was.
#[test]
fn an_exchange_does_not_use_the_subject_token_up() {
    let server = TestServer::start(Engine::Sqlite);
    let (subject, own) = (demo_token(&server), bff_token(&server));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let token = exchange(&server, &subject, &actor(&own)).access_token();
        ids.push(peek(&token)["jti"].to_string());
    }
    ids.dedup();
    assert_eq!(ids.len(), 3, "each exchange makes a token of its own");
}

// TE-005, TE-006.
#[test]
fn unknown_parameters_are_ignored_and_repeated_ones_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    let form = [("act", "{\"sub\":\"x\"}"), ("sub", "admin"), ("exp", "9999999999"), ("Scope", "x"), ("aud", "x")];
    let claims = peek(&exchange(&server, &subject, &form).access_token());
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&json!("user-1"), &json!("bff")));

    let before = server.database.audit_records().len();
    for (name, value) in [
        ("subject_token", subject.as_str()),
        ("subject_token", ""),
        ("subject_token_type", ACCESS_TOKEN),
        ("grant_type", "client_credentials"),
    ] {
        exchange(&server, &subject, &[(name, value)]).assert_refused(400, "invalid_request", "repeated_parameter");
    }
    for name in ["scope", "actor_token", "actor_token_type", "requested_token_type"] {
        exchange(&server, &subject, &[(name, "a"), (name, "a")]).assert_refused(
            400,
            "invalid_request",
            "repeated_parameter",
        );
    }
    let issued = server.database.audit_records().split_off(before);
    assert!(issued.iter().all(|record| record.get("jti").is_none()), "{issued:?}");
}

// TE-036. An escape that splits one scope into two, or hides one, must not get through either.
#[test]
fn a_scope_that_breaks_the_grammar_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    for scope in [
        "calendar.read\u{a0}calendar.edit",
        "calendar.read\tcalendar.edit",
        "calendar.read\ncalendar.edit",
        "calendar.re\u{200b}ad",
        "c\u{430}lendar.read",
        "\"calendar.read\"",
        "calendar\\read",
    ] {
        let answer = exchange(&server, &subject, &[("scope", scope)]);
        server.assert_refused(&answer, "invalid_scope", "malformed_scope");
    }
    let answer = exchange(&server, &subject, &[("scope", "  calendar.read   calendar.read ")]);
    assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.read"]));
}

// TE-008.
#[test]
fn a_client_without_the_grant_is_refused_before_its_token_is_looked_at() {
    let without = crate::support::DEMO.replace(
        "grants = [\"client_credentials\", \"token_exchange\"]",
        "grants = [\"client_credentials\", \"delegation\"]",
    );
    let server = TestServer::builder(Engine::Sqlite).environment(&without).start();
    let claims = with(&demo_claims(&server), &json!({ "aud": "resource-api" }));
    for subject in [Forge::of(&server).token(&claims), "rubbish".to_owned()] {
        let answer = exchange_as(&server, CALENDAR, &subject, &[]);
        let record = server.assert_refused(&answer, "unauthorized_client", "grant_not_allowed");
        assert!(record.get("parents").is_none() && record.get("subject").is_none());
    }
}

// TE-074: the grant alone opens nothing.
#[test]
fn a_client_that_no_rule_names_can_exchange_nothing() {
    let (rules, _) = crate::support::DEMO.split_once("[[exchange_rule]]\nname = \"calendar").expect("two rules");
    let server = TestServer::builder(Engine::Sqlite).environment(rules).start();
    let claims = with(&demo_claims(&server), &json!({ "aud": "resource-api" }));
    let subject = Forge::of(&server).token(&claims);
    let answer = exchange_as(&server, CALENDAR, &subject, &[("audience", "reports-api")]);
    let record = server.assert_refused(&answer, "unauthorized_client", "no_rule");
    assert!(record.get("rule").is_none());
}
