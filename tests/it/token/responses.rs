//! What the endpoint answers (RFC 6749 §5).

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, EXCHANGE, Engine, TestServer, tokens::peek},
};

fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    CLIENT_CREDENTIALS.into_iter().chain(more.iter().copied()).collect()
}

both_engines! {
    /// TE-031, TE-032, TE-033, TE-034, TE-039.
    fn a_token_comes_with_exactly_these_members(engine) {
        let server = TestServer::start(engine);
        let answer = server.token(BFF, &with(&[("scope", "calendar.edit calendar.read")]));
        let token = answer.access_token();
        let expected = json!({
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": 600,
            "scope": "calendar.edit calendar.read",
        });
        assert_eq!(answer.json(), expected);
        let claims = peek(&token);
        assert_eq!(claims["exp"].as_i64().zip(claims["iat"].as_i64()).map(|(exp, iat)| exp - iat), Some(600));
    }
}

/// TE-034, TE-035: without `scope` the client gets its `default_scopes`, and is told.
#[test]
fn no_scope_gets_the_default_and_never_everything() {
    let server = TestServer::start(Engine::Sqlite);
    for form in [with(&[]), with(&[("scope", " ")])] {
        let answer = server.token(BFF, &form);
        assert_eq!(
            (&answer.json()["scope"], &peek(&answer.access_token())["scope"]),
            (&json!("calendar.read"), &json!(["calendar.read"]))
        );
    }
}

/// TE-035: an empty default is none.
#[test]
fn no_scope_and_no_default_is_refused() {
    let environment = crate::support::DEMO.replace("default_scopes = [\"calendar.read\"]", "default_scopes = []");
    let server = TestServer::builder(Engine::Sqlite).environment(&environment).start();
    server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(400, "invalid_scope", "no_default_scope");
    server.database.assert_nothing_issued();
}

/// TE-036.
#[test]
fn repeated_scopes_collapse_and_their_order_is_free() {
    let server = TestServer::start(Engine::Sqlite);
    for (scope, granted) in [
        ("calendar.read calendar.read", "calendar.read"),
        ("  calendar.edit   calendar.read calendar.edit ", "calendar.edit calendar.read"),
        ("calendar.read calendar.edit", "calendar.read calendar.edit"),
    ] {
        assert_eq!(server.token(BFF, &with(&[("scope", scope)])).json()["scope"], granted);
    }
}

/// TE-036.
#[test]
fn a_character_outside_the_grammar_of_scopes_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    for bad in ["\"", "\\", "\t", "\n", "\r", "\u{7f}", "\u{1}", "\u{e4}", "\u{a0}", "\u{2003}"] {
        for scope in [bad.to_owned(), format!("calendar.read {bad}"), format!("calendar.read{bad}calendar.edit")] {
            let answer = server.token(BFF, &with(&[("scope", &scope)]));
            answer.assert_refused(400, "invalid_scope", "malformed_scope");
        }
    }
    // Whatever the grammar allows is merely unknown.
    for scope in
        ["!", "#", "[", "]", "~", "calendar.read,calendar.edit", "Calendar.Read", "calendar.read calendar.delete"]
    {
        let answer = server.token(BFF, &with(&[("scope", scope)]));
        assert_eq!((answer.status.as_u16(), &answer.json()["error"]), (400, &json!("invalid_scope")), "{scope}");
    }
    server.database.assert_nothing_issued();
}

/// A text that stands nowhere but in the request.
const MARKER: &str = "Zx9MarkerOfTheCaller";

/// Requests that are refused for many reasons, with [`MARKER`] wherever the caller can put it.
fn refusals(server: &TestServer) -> Vec<Answer> {
    let marked = format!("https://marker.example/{MARKER}\"\\<script>\u{fc}");
    let marked = marked.as_str();
    let exchange = |more: &[(&'static str, &str)]| -> Vec<(String, String)> {
        let form = [("grant_type", EXCHANGE), ("subject_token", marked)].into_iter().chain(more.iter().copied());
        form.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let own = |more: &[(&str, &str)]| -> Vec<(String, String)> {
        with(more).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let jwt = "urn:ietf:params:oauth:token-type:jwt";
    let forms: Vec<Vec<(String, String)>> = vec![
        vec![("grant_type".to_owned(), marked.to_owned())],
        own(&[("scope", marked)]),
        own(&[("scope", MARKER)]),
        own(&[("audience", marked)]),
        own(&[("resource", marked)]),
        own(&[("resource", &format!("https://{MARKER}.example/"))]),
        own(&[("client_id", marked)]),
        own(&[("client_secret", marked)]),
        own(&[("client_assertion", marked)]),
        own(&[(marked, marked), (marked, marked)]),
        own(&[(&MARKER.repeat(10), marked)]),
        exchange(&[]),
        exchange(&[("subject_token_type", marked)]),
        exchange(&[("subject_token_type", jwt)]),
        exchange(&[("subject_token_type", jwt), ("actor_token_type", marked)]),
        exchange(&[("subject_token_type", jwt), ("actor_token", marked), ("actor_token_type", jwt)]),
        exchange(&[("subject_token_type", jwt), ("requested_token_type", marked)]),
        vec![("grant_type".to_owned(), "delegation".to_owned()), ("token".to_owned(), marked.to_owned())],
    ];
    let post = |path: &str| {
        let request = server.request(Method::POST, path);
        request.header("x-request-id", MARKER).header("user-agent", MARKER).header("x-forwarded-for", MARKER)
    };
    let as_bff = |path: &str| post(path).basic_auth(BFF.0, Some(BFF.1));
    let mut answers: Vec<Answer> = forms.iter().map(|form| Answer::to(as_bff("/token").form(form))).collect();
    let mut send = |request: reqwest::blocking::RequestBuilder| answers.push(Answer::to(request));
    send(post("/token").basic_auth(MARKER, Some(MARKER)).form(&CLIENT_CREDENTIALS));
    send(post("/token").header("authorization", format!("Bearer {MARKER}")).form(&CLIENT_CREDENTIALS));
    send(post("/token").form(&[("grant_type", MARKER), ("client_id", MARKER), ("client_secret", MARKER)]));
    send(as_bff("/token").header("content-type", format!("text/{MARKER}")).body(MARKER));
    send(as_bff("/token").header("content-type", "application/x-www-form-urlencoded").body(format!("%{MARKER}")));
    send(as_bff(&format!("/token?scope={MARKER}")).form(&CLIENT_CREDENTIALS));
    send(as_bff("/token").form(&[("x", MARKER.repeat(5000))]));
    send(post(&format!("/{MARKER}")).body(MARKER));
    send(post(&format!("/{MARKER}/{MARKER}/token")).form(&CLIENT_CREDENTIALS));
    send(server.request(Method::from_bytes(MARKER.as_bytes()).expect("a method"), &format!("/token?{MARKER}")));
    answers
}

/// TE-037, TE-038.
#[test]
fn no_refusal_says_anything_that_the_caller_said() {
    let server = TestServer::start(Engine::Sqlite);
    for answer in refusals(&server) {
        assert!(answer.status.is_client_error(), "{}", answer.text);
        let all = format!("{} {:?} {}", answer.status, answer.headers, answer.text);
        assert!(!all.to_ascii_lowercase().contains(&MARKER.to_ascii_lowercase()), "{all}");
        assert!(!all.contains("marker.example"), "{all}");
    }
    server.database.assert_nothing_issued();
}

/// TE-037, TE-041.
#[test]
fn refusals_keep_to_the_characters_of_the_rfc_and_have_a_request_id() {
    let server = TestServer::start(Engine::Sqlite);
    let mut ids = Vec::new();
    for answer in refusals(&server) {
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        let members = body.as_object().expect("an object");
        for (name, value) in members {
            let text = value.as_str().expect("a text");
            assert!(text.bytes().all(|byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{name}: {text}");
        }
        ids.push(answer.header("x-request-id").expect("an id").to_owned());
    }
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

/// TE-038, TE-138: nor does the record hold what may be a secret or a token.
#[test]
fn records_hold_no_secret_and_no_token() {
    let server = TestServer::start(Engine::Sqlite);
    let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    server.token((BFF.0, "another-secret"), &CLIENT_CREDENTIALS);
    let delegation = [("grant_type", "delegation"), ("token", token.as_str())];
    server.token(BFF, &delegation);
    server.token(BFF, &[("grant_type", "delegation"), ("token", "not-a-token-but-who-knows")]);
    let records = Value::from(server.database.audit_records()).to_string();
    for secret in [BFF.1, "another-secret", token.as_str(), "not-a-token-but-who-knows"] {
        assert!(!records.contains(secret), "{secret}");
    }
}

/// TE-040.
#[test]
fn a_failure_of_the_server_is_said_without_its_inside() {
    let server = TestServer::start(Engine::Sqlite);
    server.database.execute("DELETE FROM signing_keys; UPDATE environments SET version = version + 1");
    server.eventually("the keys are gone", || server.token(BFF, &CLIENT_CREDENTIALS).status == 500);
    let answer = server.token(BFF, &CLIENT_CREDENTIALS);
    answer.assert_refused(500, "server_error", "server_error");
    assert!(!answer.text.contains("ES256"), "{}", answer.text);
    let record = server.database.audit_records().pop().expect("a record");
    assert_eq!((&record["outcome"], &record["detail"]), (&json!("failed"), &json!("no active ES256 key")));
    assert!(record.get("jti").is_none());
}

/// TE-040: and the client is never told that it is unknown, which would make it give up.
#[test]
fn without_the_database_a_client_is_told_to_come_back() {
    let server = TestServer::start(Engine::Postgres);
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    server.database.cut_off();
    for (client, why) in [(CALENDAR, "not in memory"), (("nobody", CALENDAR.1), "unknown"), (BFF, "cannot be recorded")]
    {
        let answer = server.token(client, &CLIENT_CREDENTIALS);
        answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
        assert_eq!(answer.header("retry-after"), Some("1"), "{why}");
    }
    server.database.restore();
    server.eventually("the database is back", || {
        server.clock.advance(1);
        server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 200
    });
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    server.token(("nobody", CALENDAR.1), &CLIENT_CREDENTIALS).assert_refused(
        401,
        "invalid_client",
        "client_authentication_failed",
    );
}
