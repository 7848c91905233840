//! SIGTERM and SIGINT: what is in flight is finished, what was answered is on record, and then the process ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    both_engines,
    support::{BFF, CLIENT_CREDENTIALS, Engine, Installation, NO_HANG, Process, eventually},
};

const BODY: &str =
    "grant_type=client_credentials&client_id=bff&client_secret=demo-secret-of-the-bff-do-not-use-elsewhere";

/// Sends the head of a token request and half of its body, and waits until the server has begun to read it.
fn half_a_request(server: &Process) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).expect("a connection");
    let head = format!(
        "POST /token HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).expect("to send");
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).expect("an interim answer");
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(&BODY.as_bytes()[..20]).expect("to send");
    stream
}

fn refuses_connections(server: &Process) -> bool {
    // A listener that is closed refuses; one whose queue nobody empties would take a connection and say nothing.
    TcpStream::connect(server.address()).is_err()
}

both_engines! {
    fn a_request_in_flight_is_finished(engine) {
        for signal in ["TERM", "INT"] {
            let mut installation = Installation::demo(engine).with("server.shutdown_timeout", "20");
            let mut server = installation.serve();
            let mut stream = half_a_request(&server);

            server.signal(signal);
            eventually("new connections to be refused", NO_HANG, || refuses_connections(&server));
            stream.write_all(&BODY.as_bytes()[20..]).expect("to send the rest");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer, and the end of the connection");

            assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{signal}: {answer}");
            assert!(answer.contains("\"access_token\""), "{signal}: {answer}");
            assert_eq!(server.wait().code(), Some(0), "{}", server.stderr.text());
            let log = server.stderr.text();
            assert!(log.contains("all audit records written"), "{log}");
            assert_eq!(installation.database.audit_records().len(), 1);
        }
    }

    fn records_that_wait_in_memory_are_written_before_the_end(engine) {
        let mut installation = Installation::demo(engine).with("audit.commit", "after_response");
        let mut server = installation.serve();
        let mut tokens: Vec<String> = (0..50)
            .map(|_| {
                let token = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
                crate::support::tokens::peek(&token)["jti"].as_str().expect("jti").to_owned()
            })
            .collect();
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0));
        let records = installation.database.audit_records();
        let mut recorded: Vec<String> =
            records.iter().map(|record| record["jti"].as_str().expect("jti").to_owned()).collect();
        tokens.sort();
        recorded.sort();
        assert_eq!(recorded, tokens, "one record for each token, and no other");
    }
}

#[test]
fn idle_connections_do_not_hold_up_the_end() {
    let mut installation = Installation::demo(Engine::Sqlite).with("server.shutdown_timeout", "20");
    let mut server = installation.serve();
    // The HTTP client keeps this connection open for its next request.
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    let silent = TcpStream::connect(server.address()).expect("a connection");
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let took = told.elapsed();
    println!("stopped after {took:?} with idle connections");
    assert!(took < Duration::from_secs(15), "{took:?}");
    drop(silent);
}

#[test]
fn a_request_that_never_ends_holds_the_end_no_longer_than_the_timeout() {
    let mut installation = Installation::demo(Engine::Sqlite).with("server.shutdown_timeout", "2");
    let mut server = installation.serve();
    let stream = half_a_request(&server);
    let told = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(told.elapsed() >= Duration::from_secs(1), "it had its time: {:?}", told.elapsed());
    assert!(told.elapsed() < Duration::from_secs(15), "{:?}", told.elapsed());
    assert!(installation.database.audit_records().is_empty());
    drop(stream);
}
