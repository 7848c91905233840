//! TE-018: whoever guesses secrets is slowed down, and nobody else.

use reqwest::Method;

use crate::support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer, server::Builder};

/// A server that believes in the addresses it is told.
fn server() -> TestServer {
    builder().start()
}

fn builder() -> Builder {
    let builder = TestServer::builder(Engine::Sqlite).setting("server.behind_proxy.trusted", "127.0.0.1");
    builder.setting("server.public_url", "https://auth.example.com")
}

fn from(server: &TestServer, address: &str, (id, secret): (&str, &str)) -> Answer {
    let request = server.request(Method::POST, "/token").header("x-forwarded-for", address);
    Answer::to(request.basic_auth(id, Some(secret)).form(&CLIENT_CREDENTIALS))
}

fn guess(server: &TestServer, address: &str, id: &str) -> Answer {
    from(server, address, (id, "a-guess-that-is-not-the-secret-of-anybody"))
}

fn assert_slowed_down(answer: &Answer) {
    answer.assert_refused(429, "temporarily_unavailable", "too_many_failures");
    let seconds: i64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=61).contains(&seconds), "{seconds}");
}

#[test]
fn thirty_failures_in_a_minute_are_enough() {
    let server = server();
    for _ in 0..30 {
        guess(&server, "198.51.100.1", BFF.0).assert_refused(401, "invalid_client", "client_authentication_failed");
    }
    assert_slowed_down(&guess(&server, "198.51.100.1", BFF.0));
    // Also the right one: the answer would tell that it is.
    assert_slowed_down(&from(&server, "198.51.100.1", BFF));
    server.database.assert_nothing_issued();
    let record = server.database.audit_records().pop().expect("a record");
    assert_eq!((&record["reason"], &record["client_id"]), (&"too_many_failures".into(), &BFF.0.into()));

    // Who merely knows the id locks nobody out.
    from(&server, "198.51.100.2", BFF).access_token();
    from(&server, "198.51.100.1", CALENDAR).access_token();
    server.clock.advance(61);
    from(&server, "198.51.100.1", BFF).access_token();
}

#[test]
fn a_search_through_client_ids_is_slowed_down_too() {
    // Three hundred commits would take a while.
    let server = builder().setting("audit.commit", "after_response").start();
    for number in 0..300 {
        guess(&server, "198.51.100.1", &format!("client-{number}"));
    }
    for id in ["client-0", "client-300", "client-300", "not an id", BFF.0, BFF.0] {
        assert_slowed_down(&guess(&server, "198.51.100.1", id));
    }
    // Whoever tried no wrong secret there is not to suffer for a neighbour behind the same translator.
    from(&server, "198.51.100.1", CALENDAR).access_token();
    assert_slowed_down(&from(&server, "198.51.100.1", BFF));
    from(&server, "198.51.100.2", BFF).access_token();
    server.clock.advance(61);
    from(&server, "198.51.100.1", BFF).access_token();
}

#[test]
fn another_address_in_the_same_64_or_another_way_to_write_it_does_not_help() {
    let server = builder().setting("limits.failures_per_client", "3").start();
    for address in ["2001:db8::1", "[2001:db8::2]:443", "2001:db8::ffff:0:0:1"] {
        assert_eq!(guess(&server, address, BFF.0).status, 401, "{address}");
    }
    assert_slowed_down(&guess(&server, "2001:db8::3", BFF.0));
    from(&server, "2001:db8:0:1::1", BFF).access_token();
    for address in ["198.51.100.1", "198.51.100.1:1234", "::ffff:198.51.100.1"] {
        assert_eq!(guess(&server, address, BFF.0).status, 401, "{address}");
    }
    assert_slowed_down(&guess(&server, "198.51.100.1:4321", BFF.0));
    // The client's own entries, whatever they are, do not hide what the proxy adds.
    assert_slowed_down(&guess(&server, "192.0.2.7, 198.51.100.1", BFF.0));
    let mut header = b"\xff\xfe, ".to_vec();
    header.extend_from_slice(b"198.51.100.1");
    let value = reqwest::header::HeaderValue::from_bytes(&header).expect("a header");
    let request = server.request(Method::POST, "/token").header("x-forwarded-for", value);
    assert_slowed_down(&Answer::to(request.basic_auth(BFF.0, Some(BFF.1)).form(&CLIENT_CREDENTIALS)));
    let record = server.database.audit_records().pop().expect("a record");
    assert_eq!(record["client_address"], "198.51.100.1");
    assert_eq!(record["detail"], "limits.failures_per_client is used up");
}

#[test]
fn success_and_refusals_of_other_kinds_do_not_count() {
    let server = server();
    for _ in 0..40 {
        from(&server, "198.51.100.1", BFF).access_token();
        let request = server.request(Method::POST, "/token").header("x-forwarded-for", "198.51.100.1");
        let answer = Answer::to(request.basic_auth(BFF.0, Some(BFF.1)).form(&[("grant_type", "password")]));
        assert_eq!(answer.status, 400);
    }
    from(&server, "198.51.100.1", BFF).access_token();
}
