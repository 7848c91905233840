//! PgBouncer in transaction mode between the server and Postgres: each transaction may be in another session, and each session is
//! others' too.

use std::{thread, time::Duration};

use crate::support::{
    BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, Engine, Installation,
    cluster::{Cluster, texts},
    eventually,
    pgbouncer::PgBouncer,
};

fn installation(pooler: &PgBouncer) -> Installation {
    Installation::new(Engine::Sqlite)
        .with("database.url", &pooler.url())
        .with("database.transaction_pooling", "true")
        .with("database.prepared_statements", "false")
}

#[test]
fn through_a_pooler_in_transaction_mode_everything_works_without_prepared_statements() {
    let cluster = Cluster::start();
    // Before the pooler opens a session.
    cluster.execute("ALTER ROLE postgres SET statement_timeout = '7s'");
    let pooler = PgBouncer::before(&cluster);
    let mut installation = installation(&pooler);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| installation.cli(&["migrate"]).success());
        }
    });
    installation.apply(DEMO);
    let server = installation.serve();
    // More at once than the pooler has sessions.
    thread::scope(|scope| {
        for client in [BFF, CALENDAR, BFF, CALENDAR] {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..20 {
                    server.token(client, &CLIENT_CREDENTIALS).access_token();
                }
            });
        }
    });
    assert_eq!(server.get("/ready").status, 200);
    assert_eq!(cluster.texts("SELECT count(*)::text AS text FROM audit_records WHERE jti IS NOT NULL"), ["80"]);

    installation.cli(&["keys", "rotate"]).success();
    eventually("the new key to be published", Duration::from_secs(20), || {
        server.get("/.well-known/jwks.json").json()["keys"].as_array().is_some_and(|keys| keys.len() == 2)
    });
    installation.cli(&["audit", "verify"]).success();

    // Nothing is left behind in the sessions: no time limit, no prepared statement, no lock, nobody who listens.
    let mut shared = pooler.connection();
    for query in [
        "SELECT current_setting('statement_timeout') AS text",
        "SELECT name AS text FROM pg_prepared_statements WHERE name LIKE '\\_\\_diesel%' UNION SELECT '7s'",
        "SELECT channel AS text FROM pg_listening_channels() AS channel UNION SELECT '7s'",
    ] {
        assert_eq!(texts(&mut shared, query), ["7s"], "{query}");
    }
    assert_eq!(cluster.texts("SELECT count(*)::text AS text FROM pg_locks WHERE locktype = 'advisory'"), ["0"]);
    assert!(!server.stderr.text().contains("no statement_timeout is set"), "{}", server.stderr.text());
}

#[test]
fn a_pooler_that_the_settings_do_not_allow_for_is_named_at_the_start() {
    let cluster = Cluster::start();
    let pooler = PgBouncer::before(&cluster);
    let installation = installation(&pooler).with("database.transaction_pooling", "false");
    let said = installation.cli(&["migrate"]).failure(3);
    assert!(said.contains("set database.transaction_pooling = true"), "{said}");
    assert!(cluster.texts("SELECT tablename::text AS text FROM pg_tables WHERE schemaname = 'public'").is_empty());

    // This one does not keep prepared statements apart: no version does without `max_prepared_statements`.
    let installation = installation.with("database.transaction_pooling", "true");
    let said = installation.with("database.prepared_statements", "true").cli(&["migrate"]).failure(3);
    assert!(said.contains("database.prepared_statements = false"), "{said}");
}
