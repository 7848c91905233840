//! Behind a load balancer: a node that is told to stop says so first and serves on, and connections are kept for longer than the balancer
//! keeps them.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::support::{BFF, CLIENT_CREDENTIALS, Engine, Installation, NO_HANG, eventually};

/// Longer than a test may take, so that it ends for another reason.
const FOR_EVER: &str = "600";

#[test]
fn a_node_that_is_told_to_stop_is_not_ready_and_serves_on_until_it_is_told_again() {
    let mut installation = Installation::demo(Engine::Sqlite).with("server.stop_delay", FOR_EVER);
    let mut server = installation.serve();
    let answer = server.token(BFF, &CLIENT_CREDENTIALS);
    assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, None));
    assert_eq!(server.get("/ready").status, 200);

    server.signal("TERM");
    eventually("the node to say that it stops", NO_HANG, || server.get("/ready").status == 503);
    assert_eq!(server.get("/ready").json()["status"], "stopping");
    assert_eq!(server.get("/health").status, 200);
    // Each on a connection of its own, and all of them are taken.
    for _ in 0..3 {
        let answer = server.token(BFF, &CLIENT_CREDENTIALS);
        assert_eq!((answer.status.as_u16(), answer.header("connection")), (200, Some("close")));
    }

    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr.text());
    assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
    assert!(server.stderr.text().contains("all audit records written"), "{}", server.stderr.text());
    assert_eq!(installation.database.audit_records().len(), 4);
}

#[test]
fn the_listener_closes_after_the_delay_and_nobody_who_waits_at_a_keyboard_waits_for_that() {
    let mut installation = Installation::demo(Engine::Sqlite).with("server.stop_delay", "2");
    let mut server = installation.serve();
    server.get("/health");
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr.text());
    assert!(told.elapsed() >= Duration::from_secs(2), "{:?}", told.elapsed());

    let mut server = installation.with("server.stop_delay", FOR_EVER).serve();
    server.get("/health");
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0), "{}", server.stderr.text());
}

#[test]
fn an_idle_connection_is_kept_as_long_as_the_settings_say() {
    let mut installation = Installation::demo(Engine::Sqlite).with("server.keep_alive", "3");
    let server = installation.serve();
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    stream.set_read_timeout(Some(NO_HANG)).expect("a time limit");
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("to send");
    let asked = Instant::now();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and the end of the connection");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && !answer.contains("connection: close"), "{answer}");
    assert!(asked.elapsed() >= Duration::from_secs(2), "{:?}", asked.elapsed());
}

#[test]
fn a_hang_up_ends_nothing() {
    let mut installation = Installation::demo(Engine::Sqlite);
    let server = installation.serve();
    server.get("/health");
    server.signal("HUP");
    eventually("the server to say what it did", NO_HANG, || {
        server.stderr.text().contains("SIGHUP: there is no certificate")
    });
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
}
