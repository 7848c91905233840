//! Several processes on one database: what one changes, the others follow.

use std::time::{Duration, Instant};

use crate::{
    both_engines,
    support::{BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, TestServer},
};

/// Waits until every node follows, and prints how long it took. A second is what is promised.
fn measure(what: &str, nodes: &[&TestServer], check: impl Fn(&TestServer) -> bool) {
    let start = Instant::now();
    for node in nodes {
        node.eventually(what, || check(node));
    }
    println!("{what}: after {:?}", start.elapsed());
}

both_engines! {
    fn a_client_disabled_on_one_node_is_refused_by_the_other(engine) {
        let one = TestServer::start(engine);
        let two = one.another_node();
        for node in [&one, &two] {
            node.token(CALENDAR, &CLIENT_CREDENTIALS).access_token();
        }
        let disabled = DEMO.replace("id = \"calendar-service\"", "id = \"calendar-service\"\nenabled = false");
        one.apply(&disabled);
        measure("the disabled client to be refused", &[&one, &two], |node| {
            node.token(CALENDAR, &CLIENT_CREDENTIALS).status == 401
        });
        for node in [&one, &two] {
            node.token(CALENDAR, &CLIENT_CREDENTIALS)
                .assert_refused(401, "invalid_client", "client_authentication_failed");
            node.token(BFF, &CLIENT_CREDENTIALS).access_token();
        }
    }

    fn a_rotated_key_is_published_by_all_nodes(engine) {
        let one = TestServer::start(engine);
        let two = one.another_node();
        let before = two.get("/.well-known/jwks.json").json();
        one.cli(&["keys", "rotate"]).success();
        let count = |node: &TestServer| node.get("/.well-known/jwks.json").json()["keys"].as_array().map_or(0, Vec::len);
        measure("the new key to be published", &[&one, &two], |node| count(node) == 3);
        let after = one.get("/.well-known/jwks.json").json();
        assert_eq!(after, two.get("/.well-known/jwks.json").json());
        assert_eq!(after["keys"][0], before["keys"][0], "the one that signs comes first");
    }

    fn a_new_client_works_on_all_nodes_although_they_had_refused_it(engine) {
        let one = TestServer::start(engine);
        let two = one.another_node();
        for node in [&one, &two] {
            node.token(("late", "a-guess-at-a-secret"), &CLIENT_CREDENTIALS)
                .assert_refused(401, "invalid_client", "client_authentication_failed");
        }
        let made = one.cli(&["service-account", "create", "late", "--access", "reports-api=reports.read"]).success();
        let secret = made.lines().find_map(|line| line.strip_prefix("client_secret=")).expect("a secret");
        measure("the new client to work", &[&one, &two], |node| {
            node.token(("late", secret), &CLIENT_CREDENTIALS).status == 200
        });
    }

    fn an_environment_that_cannot_be_loaded_does_not_keep_others_from_following(engine) {
        let server = TestServer::start(engine);
        server.apply("[environment]\nname = \"second\"\n");
        // A copy of a key does not open under another id: the seal is for its environment and id.
        server.database.execute(
            "UPDATE signing_keys SET private_key = (SELECT private_key FROM signing_keys WHERE environment_id = \
             (SELECT id FROM environments WHERE is_default = (1 = 1)) AND alg = 'ES256') WHERE environment_id = \
             (SELECT id FROM environments WHERE name = 'second'); \
             UPDATE environments SET version = version + 1 WHERE name = 'second'",
        );
        server.eventually("the trouble to show", || server.get("/ready").status == 503);
        server.apply(&DEMO.replace("id = \"calendar-service\"", "id = \"calendar-service\"\nenabled = false"));
        server.eventually("the other environment to follow", || {
            server.token(CALENDAR, &CLIENT_CREDENTIALS).status == 401
        });
        let ready = server.get("/ready");
        assert_eq!((ready.status.as_u16(), &ready.json()["changes"]), (503, &"not heard of".into()));

        server.database.execute("DELETE FROM signing_keys WHERE environment_id = (SELECT id FROM environments WHERE name = 'second')");
        server.eventually("the trouble to end", || server.get("/ready").status == 200);
    }
}

/// Each process of a SQLite database has its own connection; the file is all that they share.
#[test]
fn the_time_it_takes_is_bounded() {
    let server = TestServer::start(crate::support::Engine::Sqlite);
    let start = Instant::now();
    server.cli(&["keys", "rotate"]).success();
    let written = Instant::now();
    server.eventually("the server to notice", || {
        server.get("/.well-known/jwks.json").json()["keys"].as_array().is_some_and(|keys| keys.len() == 3)
    });
    println!("noticed {:?} after the command, which took {:?}", written.elapsed(), written - start);
    assert!(written.elapsed() < Duration::from_secs(5), "sooner than the fall-back that polls");
}
