//! How a request is read (RFC 6749 §3.2, Appendix B).

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::support::{Answer, BFF, CLIENT_CREDENTIALS, EXCHANGE, Engine, TestServer, tokens::peek};

const FORM: &str = "application/x-www-form-urlencoded";

fn send(server: &TestServer, content_type: Option<&str>, body: impl Into<reqwest::blocking::Body>) -> Answer {
    let request = server.request(Method::POST, "/token").basic_auth(BFF.0, Some(BFF.1)).body(body);
    Answer::to(match content_type {
        Some(content_type) => request.header("content-type", content_type),
        None => request,
    })
}

/// TE-002.
#[test]
fn only_post_gets_tokens_and_the_answer_says_so() {
    let server = TestServer::start(Engine::Sqlite);
    for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = server.request(method.clone(), "/token").basic_auth(BFF.0, Some(BFF.1)).form(&CLIENT_CREDENTIALS);
        let answer = Answer::to(request);
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, Some("POST")), "{method}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.text.is_empty() || answer.json()["error"] == "method_not_allowed", "{method}: {}", answer.text);
    }
    assert_eq!(server.database.audit_records(), Vec::<serde_json::Value>::new());
}

/// TE-011: no origin is configured, so no preflight is answered, and no page of another origin reads an answer.
#[test]
fn no_origin_is_let_in() {
    let server = TestServer::start(Engine::Sqlite);
    let preflight = server
        .request(Method::OPTIONS, "/token")
        .header("origin", "https://attacker.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization");
    let simple = server.request(Method::POST, "/token").header("origin", "https://attacker.example");
    let simple = simple.basic_auth(BFF.0, Some(BFF.1)).form(&CLIENT_CREDENTIALS);
    for answer in [Answer::to(preflight), Answer::to(simple)] {
        assert!(!answer.headers.keys().any(|name| name.as_str().starts_with("access-control-")), "{answer:?}");
    }
}

/// TE-003.
#[test]
fn a_form_in_utf_8_is_read_however_its_type_is_spelled() {
    let server = TestServer::start(Engine::Sqlite);
    for content_type in [
        FORM,
        "application/x-www-form-urlencoded;charset=UTF-8",
        "application/x-www-form-urlencoded; charset=utf-8",
        "Application/X-WWW-Form-Urlencoded ; Charset=\"utf-8\"",
        "application/x-www-form-urlencoded; boundary=x",
    ] {
        send(&server, Some(content_type), "grant_type=client_credentials").access_token();
    }
}

/// TE-003: and a JSON body is not read, whatever it says.
#[test]
fn every_other_content_type_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let form = "grant_type=client_credentials";
    let multipart = "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\nclient_credentials\r\n--x--\r\n";
    for (content_type, body) in [
        (None, form),
        (Some(""), form),
        (Some("application/json"), r#"{"grant_type":"client_credentials"}"#),
        (Some("multipart/form-data; boundary=x"), multipart),
        (Some("text/plain"), form),
        (Some("application/x-www-form-urlencoded-v2"), form),
        (Some("application/x-www-form-urlencoded; charset=iso-8859-1"), form),
        (Some("application/x-www-form-urlencoded, application/json"), form),
    ] {
        send(&server, content_type, body).assert_refused(400, "invalid_request", "content_type");
    }
    server.database.assert_nothing_issued();
}

/// TE-004.
#[test]
fn a_parameter_without_a_value_counts_as_absent() {
    let server = TestServer::start(Engine::Sqlite);
    server.token(BFF, &[("grant_type", "")]).assert_refused(400, "invalid_request", "missing_parameter");
    server.database.assert_nothing_issued();
    let empty = [("scope", ""), ("audience", ""), ("resource", ""), ("client_id", ""), ("client_secret", "")];
    let form: Vec<_> = CLIENT_CREDENTIALS.into_iter().chain(empty).collect();
    assert_eq!(peek(&server.token(BFF, &form).access_token())["scope"], json!(["calendar.read"]));
    send(&server, Some(FORM), "grant_type=client_credentials&scope&&=&audience=").access_token();
}

/// TE-005.
#[test]
fn unknown_parameters_are_ignored() {
    let server = TestServer::start(Engine::Sqlite);
    let form = [
        ("grant_type", "client_credentials"),
        ("prompt", "none"),
        ("Scope", "calendar.edit"),
        ("scope[]", "calendar.edit"),
        ("", "x"),
        ("ünknown", "ü"),
    ];
    assert_eq!(peek(&server.token(BFF, &form).access_token())["scope"], json!(["calendar.read"]));
}

/// TE-006: a gateway in front may read the other one of the two.
#[test]
fn a_repeated_parameter_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    for name in [
        "grant_type",
        "client_id",
        "client_secret",
        "scope",
        "subject_token",
        "subject_token_type",
        "actor_token",
        "actor_token_type",
        "requested_token_type",
        "client_assertion",
        "client_assertion_type",
        "token",
        "unknown",
    ] {
        let rest = if name == "grant_type" { "" } else { "grant_type=client_credentials&" };
        let value = if name == "grant_type" { "client_credentials" } else { "x" };
        let escaped = format!("%{:02X}{}", name.as_bytes()[0], &name[1..]);
        for body in [
            format!("{rest}{name}={value}&{name}={value}"),
            format!("{rest}{name}={value}&{name}="),
            format!("{rest}{name}={value}&{escaped}={value}"),
        ] {
            let answer = send(&server, Some(FORM), body);
            answer.assert_refused(400, "invalid_request", "repeated_parameter");
            // Our own names are said; others would be the caller's text.
            let description = answer.json()["error_description"].as_str().expect("a text").to_owned();
            assert_eq!(description.starts_with(&format!("{name}: ")), name != "unknown", "{description}");
        }
    }
    server.database.assert_nothing_issued();
}

/// TE-006: RFC 8693 §2.1 and RFC 8707 §2 let these two repeat.
#[test]
fn audience_and_resource_may_repeat() {
    let server = TestServer::start(Engine::Sqlite);
    let body = "grant_type=client_credentials&audience=resource-api&audience=resource-api&resource=&resource=";
    assert_eq!(peek(&send(&server, Some(FORM), body).access_token())["aud"], "resource-api");
}

/// TE-007.
#[test]
fn parameters_in_the_url_are_refused() {
    let server = TestServer::start(Engine::Sqlite);
    for query in [
        "grant_type=client_credentials",
        "client_id=bff",
        "client_secret=x",
        "client%5Fsecret=x",
        "subject_token=x",
        "actor_token=x",
        "token=x",
        "scope=calendar.edit",
        "audience=resource-api",
        "resource=https://a.example/",
        "requested_token_type=x",
        "x=1&%73cope=calendar.edit",
        "scope",
    ] {
        let request = server.request(Method::POST, &format!("/token?{query}")).basic_auth(BFF.0, Some(BFF.1));
        let answer = Answer::to(request.form(&CLIENT_CREDENTIALS));
        answer.assert_refused(400, "invalid_request", "parameters_in_query");
    }
    server.database.assert_nothing_issued();
}

/// TE-007: nothing in the query stands in for the body.
#[test]
fn the_rest_of_the_query_changes_nothing() {
    let server = TestServer::start(Engine::Sqlite);
    let request = server.request(Method::POST, "/token?Scope=calendar.edit&tenant=x&scope%00=calendar.edit");
    let answer = Answer::to(request.basic_auth(BFF.0, Some(BFF.1)).form(&CLIENT_CREDENTIALS));
    assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.read"]));
}

/// TE-008.
#[test]
fn grant_type_missing_unknown_and_not_allowed_are_three_refusals() {
    let server = TestServer::start(Engine::Sqlite);
    server.token(BFF, &[]).assert_refused(400, "invalid_request", "missing_parameter");
    for unknown in ["password", "implicit", "Client_Credentials", "client_credentials "] {
        let answer = server.token(BFF, &[("grant_type", unknown)]);
        answer.assert_refused(400, "unsupported_grant_type", "unsupported_grant_type");
    }
    let only_exchange = r#"
        [environment]
        name = "test"
        [[client]]
        id = "exchanger"
        grants = ["token_exchange"]
        secret = "a-secret-of-the-exchanger-that-is-long-enough"
    "#;
    let server_of_exchanger = TestServer::builder(Engine::Sqlite).environment(only_exchange).start();
    let exchanger = ("exchanger", "a-secret-of-the-exchanger-that-is-long-enough");
    let answer = server_of_exchanger.token(exchanger, &CLIENT_CREDENTIALS);
    answer.assert_refused(400, "unauthorized_client", "grant_not_allowed");
    let answer = server_of_exchanger.token(exchanger, &[("grant_type", EXCHANGE)]);
    answer.assert_refused(400, "invalid_request", "missing_parameter");
    server.database.assert_nothing_issued();
    server_of_exchanger.database.assert_nothing_issued();
}
