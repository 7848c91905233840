//! `/health` and `/ready`.

use serde_json::json;

use crate::{
    both_engines,
    support::{Engine, TestServer},
};

both_engines! {
    fn a_server_with_database_and_keys_is_ready(engine) {
        let server = TestServer::start(engine);
        let health = server.get("/health");
        assert_eq!((health.status.as_u16(), health.json()), (200, json!({ "status": "up" })));
        let ready = server.get("/ready");
        let expected = json!({ "status": "ready", "database": "ok", "changes": "ok", "revocations": "ok", "audit": "ok", "keys": "ok" });
        assert_eq!((ready.status.as_u16(), ready.json()), (200, expected));
        assert_eq!(ready.header("cache-control"), Some("no-store"));
    }

    fn without_an_environment_it_is_up_but_not_ready(engine) {
        let server = TestServer::builder(engine).environment("").start();
        assert_eq!(server.get("/health").status, 200);
        let ready = server.get("/ready");
        assert_eq!(ready.status, 503);
        assert_eq!(ready.json()["keys"], "no environment yet: run tessera apply");
        assert_eq!((&ready.json()["status"], &ready.json()["database"]), (&json!("not ready"), &json!("ok")));
        server.apply(crate::support::DEMO);
        server.eventually("the environment is there", || server.get("/ready").status == 200);
    }
}

/// A load balancer takes the node out, and the orchestrator does not kill it.
#[test]
fn without_its_database_it_is_up_but_not_ready() {
    let server = TestServer::start(Engine::Postgres);
    server.database.cut_off();
    let ready = server.get("/ready");
    assert_eq!(ready.status, 503);
    assert_eq!((&ready.json()["status"], &ready.json()["database"]), (&json!("not ready"), &json!("unavailable")));
    assert_eq!(server.get("/health").status, 200);
    server.database.restore();
    server.eventually("the database is back", || server.get("/ready").status == 200);
}

/// Everybody can reach them: they say nothing of addresses, versions or causes.
#[test]
fn they_tell_strangers_nothing() {
    let server = TestServer::start(Engine::Postgres);
    server.database.cut_off();
    for path in ["/health", "/ready"] {
        let text = server.get(path).text;
        for word in ["postgres", "127.0.0.1", "tessera_test", env!("CARGO_PKG_VERSION")] {
            assert!(!text.contains(word), "{text}");
        }
    }
    server.database.restore();
}
