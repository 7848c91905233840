//! TE-019: a wrong secret and an unknown client take the same work. Counted in what the database is needed for; that the
//! secret is hashed once in either case follows from what `operations::authenticate::check` is given.

use crate::support::{BFF, CLIENT_CREDENTIALS, Engine, TestServer};

const UNKNOWN: (&str, &str) = ("nobody", BFF.1);
const WRONG: (&str, &str) = (BFF.0, "a-secret-that-is-not-the-one-of-the-bff");

fn server() -> TestServer {
    // Records wait in memory, so that only the look-up of the client needs the database.
    TestServer::builder(Engine::Postgres).setting("audit.commit", "after_response").start()
}

#[test]
fn neither_is_refused_without_a_look_at_the_database_when_both_are_new() {
    let server = server();
    server.database.cut_off();
    for client in [UNKNOWN, WRONG, BFF] {
        // The database is asked again, not left alone after the failure before.
        server.clock.advance(1);
        server.token(client, &CLIENT_CREDENTIALS).assert_refused(
            503,
            "temporarily_unavailable",
            "temporarily_unavailable",
        );
    }
    server.database.restore();
}

#[test]
fn neither_needs_the_database_when_both_were_there_before() {
    let server = server();
    for client in [UNKNOWN, WRONG] {
        server.token(client, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
    }
    server.database.cut_off();
    for client in [UNKNOWN, WRONG, UNKNOWN, WRONG] {
        server.token(client, &CLIENT_CREDENTIALS).assert_refused(401, "invalid_client", "client_authentication_failed");
    }
    server.database.restore();
}

/// An id that no client can have is refused like any other, and is neither looked up nor kept in memory.
#[test]
fn an_impossible_id_is_refused_like_an_unknown_one() {
    let server = TestServer::start(Engine::Sqlite);
    let long = "x".repeat(30_000);
    let unknown = server.token(UNKNOWN, &CLIENT_CREDENTIALS);
    for id in [long.as_str(), "b f f", "bff\u{e4}", "bff\n"] {
        let answer = server.token((id, BFF.1), &CLIENT_CREDENTIALS);
        answer.assert_refused(401, "invalid_client", "client_authentication_failed");
        assert_eq!(answer.text, unknown.text);
    }
    for record in server.database.audit_records() {
        let id = record["client_id"].as_str().expect("client_id");
        assert!(id.chars().count() <= 1001 && !id.contains(char::is_control), "{id:?}");
    }
}
