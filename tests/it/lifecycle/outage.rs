//! Postgres out of reach and back: who can be served is served, the others are told to come back, nobody is told that his
//! credentials are wrong.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use crate::support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer};

fn server(commit: &str) -> TestServer {
    TestServer::builder(Engine::Postgres)
        .setting("audit.commit", commit)
        // Short waits for a connection, and room for all that is issued meanwhile.
        .setting("database.acquire_timeout_ms", "500")
        .setting("audit.queue", "1000000")
        .start()
}

fn assert_come_back(answer: &Answer) {
    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Ends the load, also when the test fails meanwhile.
struct EndOfLoad<'a>(&'a AtomicBool);

impl Drop for EndOfLoad<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Asks for tokens from several threads while `work` runs; gives every answer.
fn under_load(server: &TestServer, work: impl FnOnce()) -> Vec<Answer> {
    let (answers, done) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::SeqCst) {
                    let answer = server.token(BFF, &CLIENT_CREDENTIALS);
                    answers.lock().expect("no panic").push(answer);
                }
            });
        }
        let _end = EndOfLoad(&done);
        work();
    });
    answers.into_inner().expect("no panic")
}

fn back_in_service(server: &TestServer) {
    let restored = Instant::now();
    server.eventually("a new client to be served", || server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 200);
    server.eventually("the node to be ready", || server.get("/ready").status == 200);
    println!("back in service after {:?}", restored.elapsed());
}

#[test]
fn with_records_before_answers_nothing_is_issued_during_an_outage() {
    let server = server("before_response");
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    let answers = under_load(&server, || {
        std::thread::park_timeout(Duration::from_millis(300));
        server.database.cut_off();
        server.eventually("an outage", || server.token(BFF, &CLIENT_CREDENTIALS).status == 503);
        for client in [BFF, CALENDAR, ("nobody", "whatever-the-secret-may-be")] {
            assert_come_back(&server.token(client, &CLIENT_CREDENTIALS));
        }
        server.eventually("the node to say that it is not ready", || server.get("/ready").status == 503);
        assert_eq!(server.get("/health").status, 200);
        assert_eq!(server.get("/.well-known/jwks.json").status, 200, "others verify all the same");
        std::thread::park_timeout(Duration::from_millis(500));
        server.database.restore();
        back_in_service(&server);
    });
    let (mut issued, mut refused) = (0, 0);
    for answer in &answers {
        match answer.status.as_u16() {
            200 => issued += 1,
            _ => {
                assert_come_back(answer);
                refused += 1;
            }
        }
    }
    println!("{issued} issued and {refused} told to come back");
    assert!(issued > 0 && refused > 0);
    let recorded = server.database.audit_records();
    let recorded: std::collections::BTreeSet<&str> =
        recorded.iter().filter_map(|record| record["jti"].as_str()).collect();
    for answer in answers.iter().filter(|answer| answer.status == 200) {
        let claims = crate::support::tokens::peek(&answer.access_token());
        assert!(recorded.contains(claims["jti"].as_str().expect("jti")), "a token without a record");
    }
}

#[test]
fn with_records_after_answers_known_clients_are_served_during_an_outage() {
    let server = server("after_response");
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    let answers = under_load(&server, || {
        std::thread::park_timeout(Duration::from_millis(300));
        server.database.cut_off();
        for _ in 0..3 {
            assert_come_back(&server.token(CALENDAR, &CLIENT_CREDENTIALS));
            assert_come_back(&server.token(("nobody", "whatever-the-secret-may-be"), &CLIENT_CREDENTIALS));
            server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        }
        server.token((BFF.0, "not-the-secret-of-the-bff-at-all"), &CLIENT_CREDENTIALS).assert_refused(
            401,
            "invalid_client",
            "client_authentication_failed",
        );
        server.eventually("the node to say that it is not ready", || server.get("/ready").status == 503);
        server.database.restore();
        back_in_service(&server);
    });
    let issued: Vec<String> = answers
        .iter()
        .map(|answer| crate::support::tokens::peek(&answer.access_token())["jti"].as_str().expect("jti").to_owned())
        .collect();
    println!("{} issued, during the outage too", issued.len());
    server.eventually("every token to be on record", || {
        let records = server.database.audit_records();
        let recorded: std::collections::BTreeSet<&str> =
            records.iter().filter_map(|record| record["jti"].as_str()).collect();
        issued.iter().all(|jti| recorded.contains(jti.as_str()))
    });
}

#[test]
fn what_changed_during_an_outage_is_followed_after_it() {
    let server = server("after_response");
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    server.database.cut_off();
    server.eventually("the node to notice", || server.get("/ready").status == 503);
    server.database.restore();
    // In no transaction of ours: as if the change had been made while this node could not hear of it.
    server.database.execute(
        "UPDATE clients SET enabled = false WHERE client_id = 'bff'; UPDATE environments SET version = version + 1",
    );
    server.eventually("the change to be followed", || server.token(BFF, &CLIENT_CREDENTIALS).status == 401);
    server.token(BFF, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
}
