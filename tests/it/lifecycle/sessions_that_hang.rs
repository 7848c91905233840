//! One session of Postgres that stands still, or is of no use any more, while the server as a whole works: the connection is given up,
//! and the service goes on over another one.

use std::time::{Duration, Instant};

use crate::{
    both_engines,
    support::{
        BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, Engine, Installation, TestServer, cluster::Cluster, eventually,
    },
};

/// How soon the service is back: a statement may take one second and one of grace here, and every part does one thing after the other.
const BACK: Duration = Duration::from_secs(20);
/// The longest that a request may take.
const LONGEST: Duration = Duration::from_secs(9);

fn installation(url: &str, commit: &str) -> Installation {
    let installation = Installation::new(Engine::Sqlite)
        .with("database.url", url)
        .with("audit.commit", commit)
        .with("database.acquire_timeout_ms", "500")
        .with("database.statement_timeout_ms", "1000")
        .with("log.level", "warn,tessera=info,access=warn");
    installation.cli(&["migrate"]).success();
    installation.apply(DEMO);
    installation
}

#[test]
fn a_session_that_hangs_is_given_up_and_the_service_goes_on() {
    for (commit, sessions) in [
        ("before_response", "query LIKE 'COPY%'"),
        ("after_response", "query LIKE 'COPY%'"),
        ("before_response", "query NOT LIKE 'COPY%'"),
        ("before_response", "true"),
    ] {
        let cluster = Cluster::start();
        let mut installation = installation(&cluster.url(), commit);
        let server = installation.serve();
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        eventually("the node to be ready", BACK, || server.get("/ready").status == 200);
        eventually("the record to be written", BACK, || {
            cluster.texts("SELECT count(*)::text AS text FROM audit_records WHERE jti IS NOT NULL") == ["1"]
        });

        // Held to the end: nothing is waited for but what the node does about it.
        let _held = cluster.freeze_sessions(sessions);
        let since = Instant::now();
        for client in [BFF, CALENDAR] {
            eventually("tokens to be issued", BACK, || {
                let asked = Instant::now();
                let answer = server.token(client, &CLIENT_CREDENTIALS);
                assert!(asked.elapsed() < LONGEST, "{sessions}: {:?}", asked.elapsed());
                if answer.status != 200 {
                    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
                }
                answer.status == 200
            });
        }
        eventually("the node to be ready", BACK, || server.get("/ready").status == 200);
        println!("{commit}, {sessions}: back after {:?}", since.elapsed());
        let issued = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        let jti = crate::support::tokens::peek(&issued)["jti"].as_str().expect("jti").to_owned();
        eventually("the record of a token", BACK, || {
            let query = format!("SELECT jti AS text FROM audit_records WHERE jti = '{jti}'");
            !cluster.texts(&query).is_empty()
        });
        // Changes reach the node over another session too.
        installation.cli(&["keys", "rotate"]).success();
        eventually("the new key to be published", BACK, || {
            server.get("/.well-known/jwks.json").json()["keys"].as_array().is_some_and(|keys| keys.len() == 2)
        });
        installation.cli(&["audit", "verify"]).success();
    }
}

#[test]
fn a_server_that_became_a_standby_is_left_for_the_new_primary() {
    let old = Cluster::start();
    let mut installation = installation(&old.url(), "before_response");
    let new = old.twin();
    new.set_read_only(true);
    let hosts = format!("postgres://postgres@127.0.0.1:{},127.0.0.1:{}/postgres", old.port(), new.port());
    installation.set("database.url", &hosts);
    let server = installation.serve();
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    eventually("the node to be ready", BACK, || server.get("/ready").status == 200);

    // Every session of the node goes on, and takes no changes.
    old.set_read_only(true);
    let refused = server.token(BFF, &CLIENT_CREDENTIALS);
    refused.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    eventually("the node to say that it is not ready", BACK, || server.get("/ready").status == 503);
    new.set_read_only(false);
    let promoted = Instant::now();
    eventually("tokens to be issued", BACK, || server.token(BFF, &CLIENT_CREDENTIALS).status == 200);
    eventually("new clients to be served", BACK, || server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 200);
    eventually("the node to be ready", BACK, || server.get("/ready").status == 200);
    println!("back after {:?}", promoted.elapsed());
    assert_ne!(new.texts("SELECT count(*)::text AS text FROM audit_records WHERE jti IS NOT NULL"), ["1"]);

    installation.cli(&["keys", "rotate"]).success();
    eventually("a change at the new primary to be followed", BACK, || {
        server.get("/.well-known/jwks.json").json()["keys"].as_array().is_some_and(|keys| keys.len() == 2)
    });
    eventually("the old primary to be left", BACK, || {
        let sessions = "SELECT count(*)::text AS text FROM pg_stat_activity WHERE application_name = 'tessera'";
        old.texts(sessions) == ["0"]
    });
}

both_engines! {
    fn a_node_whose_audit_log_cannot_write_is_not_ready_until_it_can(engine) {
        let server = TestServer::start(engine);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        server.database.execute("ALTER TABLE audit_records RENAME TO taken_away");
        let refused = server.token(BFF, &CLIENT_CREDENTIALS);
        refused.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
        let since = Instant::now();
        // For longer than the node waits before it looks again by itself.
        while since.elapsed() < Duration::from_secs(1) {
            let ready = server.get("/ready");
            assert_eq!(ready.status, 503);
            assert_eq!((&ready.json()["audit"], &ready.json()["database"]), (&"cannot write".into(), &"ok".into()));
        }
        server.database.execute("ALTER TABLE taken_away RENAME TO audit_records");
        // Nobody sends requests to a node that is not ready: it finds out by itself, and leaves no record of that.
        server.eventually("the node to be ready", || server.get("/ready").status == 200);
        assert_eq!(server.database.audit_records().len(), 1);
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        assert_eq!(server.database.audit_records().len(), 2);
    }
}
