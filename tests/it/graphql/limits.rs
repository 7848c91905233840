//! No document costs more than a bounded amount, and none ends the server.

use std::{fmt::Write as _, time::Instant};

use serde_json::{Value, json};

use super::{AUTH, MANAGEMENT, ask, assert_refused};
use crate::support::{Engine, NO_HANG, TestServer};

/// What GraphiQL asks to begin with.
const INTROSPECTION: &str = include_str!("../../../src/graphql/document/introspection.graphql");

#[test]
fn the_schema_can_be_read_whole() {
    let server = TestServer::start(Engine::Sqlite);
    for path in [AUTH, MANAGEMENT] {
        let answer = ask(&server, path, INTROSPECTION);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer.get("errors"), None);
        let types = answer["data"]["__schema"]["types"].as_array().expect("types");
        assert!(types.iter().any(|kind| kind["name"] == "Query"), "{types:?}");
    }
}

fn nested(open: &str, inside: &str, close: &str, levels: usize) -> String {
    format!("{}{inside}{}", open.repeat(levels), close.repeat(levels))
}

fn aliases(count: usize, field: &str) -> String {
    (0..count).fold(String::new(), |text, n| text + &format!("a{n}:{field} "))
}

/// Fragments of which each spreads the next one twenty times: 20^10 fields in a few hundred bytes.
fn bomb() -> String {
    let mut document = String::from("{...F0}");
    for n in 0..10 {
        write!(document, " fragment F{n} on Query{{{}}}", format!("...F{} ", n + 1).repeat(20)).expect("a string");
    }
    document + " fragment F10 on Query{serverVersion}"
}

#[test]
fn documents_that_would_cost_too_much_are_refused_at_once_and_the_server_goes_on() {
    let server = TestServer::start(Engine::Sqlite);
    let too_complex = [
        nested("{x", "", "}", 10_000),
        nested("{x(a:{b:", "1", "})}", 2_000),
        format!("{{serverVersion(x:{})}}", nested("[", "", "]", 15_000)),
        format!("query($x:{}){{serverVersion}}", nested("[", "Int", "]", 15_000)),
        format!("{{{}}}", nested("...{", "serverVersion", "}", 8_000)),
        format!("{{{}}}", aliases(1_000, "serverVersion")),
        format!(
            "mutation{{{}}}",
            aliases(6, "authenticateServiceAccount(input:{clientId:\"a\" clientSecret:\"b\"}){accessToken}")
        ),
        format!("{{currentCaller{{{}}}}}", aliases(2_000, "subject")),
        format!(
            "{{{}}}",
            nested("__type(name:\"Query\"){fields{type{", "name", "}}}", 1)
                + &nested("__schema{types{fields{type{fields{type{fields{type{fields{", "name", "}}}}}}}}}", 1)
        ),
        format!("{{serverVersion {}}}", "@include(if:true)".repeat(1_000)),
        format!("{{serverVersion # {}\n}}", "x".repeat(33_000)),
        bomb(),
    ];
    let not_valid = [
        "{...A} fragment A on Query{...A}".to_owned(),
        "{...A} fragment A on Query{...B} fragment B on Query{...A}".to_owned(),
        format!("{{serverVersion(x:\"{}", "[".repeat(10_000)),
    ];
    let refused = too_complex.iter().map(|document| (document, "QUERY_TOO_COMPLEX"));
    for (document, code) in refused.chain(not_valid.iter().map(|document| (document, "GRAPHQL_VALIDATION_FAILED"))) {
        for path in [AUTH, MANAGEMENT] {
            let started = Instant::now();
            let answer = ask(&server, path, document);
            let start: String = document.chars().take(60).collect();
            assert_refused(&answer, 400, code, &json!([]));
            assert!(started.elapsed() < NO_HANG, "{start} took {:?}", started.elapsed());
            assert!(answer.text.len() < 1000, "{start}: {}", answer.text);
        }
    }
    // There is nothing to subscribe to.
    assert_eq!(ask(&server, AUTH, "subscription{serverVersion}").status, 400);
    assert_eq!(ask(&server, AUTH, "{serverVersion}").status, 200);
}

#[test]
fn the_largest_documents_within_the_limits_are_answered_soon() {
    let server = TestServer::start(Engine::Sqlite);
    let roots = format!("{{{}}}", aliases(20, "serverVersion"));
    let answer = ask(&server, AUTH, &roots).json();
    assert_eq!(answer["data"].as_object().map(|data| data.len()), Some(20));
    // As much of the schema as may be had at once.
    let wide = |count| format!("{{__schema{{types{{fields{{type{{{}}}}}}}}}}}", aliases(count, "name"));
    assert_refused(&ask(&server, MANAGEMENT, &wide(400)), 400, "QUERY_TOO_COMPLEX", &json!([]));
    let started = Instant::now();
    let answer = ask(&server, MANAGEMENT, &wide(390));
    assert_eq!((answer.status.as_u16(), answer.json().get("errors")), (200, None), "{}", answer.text);
    assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());
    assert_ne!(answer.json()["data"]["__schema"]["types"], Value::Null);
}
