//! A Postgres server that is really stopped, and started again, under a server of ours that goes on.

use std::time::{Duration, Instant};

use crate::support::{
    BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, Engine, Installation, NO_HANG, cluster::Cluster, eventually,
};

#[test]
fn a_restart_of_postgres_needs_no_restart_of_the_server() {
    for (commit, of_known_clients) in [("before_response", 503), ("after_response", 200)] {
        let cluster = Cluster::start();
        let mut installation =
            Installation::new(Engine::Sqlite).with("database.url", &cluster.url()).with("audit.commit", commit);
        installation.cli(&["migrate"]).success();
        installation.apply(DEMO);
        let server = installation.serve();
        server.token(BFF, &CLIENT_CREDENTIALS).access_token();

        cluster.stop();
        let asked = Instant::now();
        assert_eq!(server.token(BFF, &CLIENT_CREDENTIALS).status, of_known_clients, "{commit}");
        for client in [CALENDAR, ("nobody", "whatever-the-secret-may-be")] {
            let answer = server.token(client, &CLIENT_CREDENTIALS);
            answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
        println!("{commit}: three answers in {:?} without a database", asked.elapsed());
        eventually("the node to say that it is not ready", NO_HANG, || server.get("/ready").status == 503);
        let said = installation.cli(&["keys", "list"]).failure(4);
        assert!(said.contains("the database is unavailable"), "{said}");

        cluster.resume();
        let resumed = Instant::now();
        eventually("new clients to be served", Duration::from_secs(20), || {
            server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 200
        });
        eventually("the node to be ready", Duration::from_secs(20), || server.get("/ready").status == 200);
        println!("{commit}: back in service after {:?}", resumed.elapsed());
        assert!(resumed.elapsed() < Duration::from_secs(10), "within seconds");

        let said_once = server.stderr.text().matches("the audit log cannot write").count();
        assert_eq!(said_once, 1, "once per outage, not once per request: {}", server.stderr.text());
        // Changes reach the node again.
        installation.cli(&["keys", "rotate"]).success();
        eventually("the new key to be published", NO_HANG, || {
            server.get("/.well-known/jwks.json").json()["keys"].as_array().is_some_and(|keys| keys.len() == 2)
        });
    }
}
