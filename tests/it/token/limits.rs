//! What a request must not be: too much of it, or not text (TE-009, TE-010).

use std::fmt::Write as _;

use reqwest::Method;

use crate::support::{Answer, BFF, Engine, TestServer};

const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
/// `bff` and its secret, for HTTP Basic.
const BASIC: &str = "Authorization: Basic YmZmOmRlbW8tc2VjcmV0LW9mLXRoZS1iZmYtZG8tbm90LXVzZS1lbHNld2hlcmU=";

fn send(server: &TestServer, body: impl Into<reqwest::blocking::Body>) -> Answer {
    let request = server.request(Method::POST, "/token").basic_auth(BFF.0, Some(BFF.1)).body(body);
    Answer::to(request.header("content-type", "application/x-www-form-urlencoded"))
}

/// `grant_type` and enough of `padding` for `length` bytes, in values that are each short enough.
fn body_of(length: usize) -> String {
    let mut body = String::from("grant_type=client_credentials");
    for name in ["a", "b", "c"] {
        if body.len() + 3 <= length {
            let room = (length - body.len() - 3).min(30_000);
            write!(body, "&{name}={}", "x".repeat(room)).expect("a string");
        }
    }
    assert_eq!(body.len(), length);
    body
}

/// TE-009.
#[test]
fn a_body_is_read_up_to_the_limit_and_not_beyond() {
    let server = TestServer::start(Engine::Sqlite);
    send(&server, body_of(65_536)).access_token();
    let before = server.database.audit_records().len();
    send(&server, body_of(65_537)).assert_refused(413, "invalid_request", "body_too_large");
    assert_eq!(server.database.audit_records().len(), before);
}

/// TE-009: the operator's limit holds, not the built-in one.
#[test]
fn the_limit_can_be_set() {
    let server = TestServer::builder(Engine::Sqlite).setting("server.max_body", "2048").start();
    send(&server, body_of(2048)).access_token();
    send(&server, body_of(2049)).assert_refused(413, "invalid_request", "body_too_large");
}

/// TE-009: a gigabyte is announced and never sent; the answer does not wait for it.
#[test]
fn an_announced_body_that_is_too_large_is_refused_before_it_is_there() {
    let server = TestServer::start(Engine::Sqlite);
    let head = format!("POST /token HTTP/1.1\r\nHost: a\r\n{BASIC}\r\n{FORM}\r\nContent-Length: 1000000000\r\n\r\n");
    let answer = server.raw(&[head.as_bytes(), b"grant_type=client_credentials"]);
    answer.assert_refused(413, "body_too_large");
    server.database.assert_nothing_issued();
}

/// TE-009: a body of unknown length is counted while it is read, and the sender is not waited for.
#[test]
fn a_chunked_body_is_read_up_to_the_limit_and_not_beyond() {
    let server = TestServer::start(Engine::Sqlite);
    let head = format!("POST /token HTTP/1.1\r\nHost: a\r\n{BASIC}\r\n{FORM}\r\nTransfer-Encoding: chunked\r\n");
    let chunk = format!("8000\r\n{}\r\n", "x".repeat(0x8000));
    let open_ended =
        [format!("{head}\r\n").into_bytes(), chunk.clone().into_bytes(), chunk.into_bytes(), b"1\r\nx\r\n".to_vec()];
    let pieces: Vec<&[u8]> = open_ended.iter().map(Vec::as_slice).collect();
    server.raw_first(&pieces).assert_refused(413, "body_too_large");

    let whole = format!("{head}Connection: close\r\n\r\n1d\r\ngrant_type=client_credentials\r\n0\r\n\r\n");
    let answer = server.raw(&[whole.as_bytes()]);
    assert_eq!(answer.status(), 200, "{}", answer.0);
}

/// TE-009: what follows on the connection is still the refused body. Read as a request it would let whoever chooses
/// parameters choose requests.
#[test]
fn the_rest_of_a_refused_body_is_not_taken_for_a_request() {
    let server = TestServer::start(Engine::Sqlite);
    let inner = "POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
    let body = format!("{}{inner}", "x".repeat(65_537));
    for refused_early in [
        format!("POST /token HTTP/1.1\r\nHost: a\r\n{FORM}\r\nContent-Length: {}\r\n\r\n", body.len()),
        format!(
            "POST /token HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ),
        format!("GET /token HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", body.len()),
    ] {
        let close = "GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        let answer = server.raw(&[refused_early.as_bytes(), body.as_bytes(), close.as_bytes()]);
        assert!(!answer.0.contains("client_authentication_failed"), "{refused_early}: {}", answer.0);
        assert!([413, 400, 405].contains(&answer.status()), "{}", answer.0);
    }
}

/// TE-009.
#[test]
fn too_many_parameters_are_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let body = |count: usize| {
        (1..count).fold(String::from("grant_type=client_credentials"), |body, number| format!("{body}&p{number}=x"))
    };
    send(&server, body(64)).access_token();
    send(&server, body(65)).assert_refused(400, "invalid_request", "too_many_parameters");
    let targets = "grant_type=client_credentials".to_owned() + &"&audience=resource-api".repeat(64);
    send(&server, targets).assert_refused(400, "invalid_request", "too_many_parameters");
}

/// TE-009.
#[test]
fn a_parameter_that_is_too_long_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    let long = |name: &str, length| format!("grant_type=client_credentials&{name}={}", "x".repeat(length));
    send(&server, long("x", 32_768)).access_token();
    send(&server, long("x", 32_769)).assert_refused(400, "invalid_request", "parameter_too_long");
    send(&server, long("subject_token", 32_769)).assert_refused(400, "invalid_request", "parameter_too_long");
    send(&server, long(&"n".repeat(129), 1)).assert_refused(400, "invalid_request", "parameter_too_long");
}

/// TE-010.
#[test]
fn what_is_not_percent_encoded_utf_8_is_refused() {
    let server = TestServer::start(Engine::Sqlite);
    for broken in [
        b"scope=%".as_slice(),
        b"scope=%2",
        b"scope=%zz",
        b"scope=%+1",
        b"%=x",
        b"scope=%FF",
        b"scope=\xff",
        b"x=%C3",
        b"x=%C0%80",
        b"x=%ED%A0%80",
        b"\xc3=%A4",
        b"scope=calendar.read%00",
        b"scope=calendar.read\0",
        b"scope%00=x",
    ] {
        let body = [b"grant_type=client_credentials&".as_slice(), broken].concat();
        send(&server, body).assert_refused(400, "invalid_request", "malformed_body");
    }
    server.database.assert_nothing_issued();
}

/// TE-010.
#[test]
fn an_empty_body_lacks_the_grant_type() {
    let server = TestServer::start(Engine::Sqlite);
    send(&server, "").assert_refused(400, "invalid_request", "missing_parameter");
    send(&server, "&&&").assert_refused(400, "invalid_request", "missing_parameter");
    server.database.assert_nothing_issued();
}
