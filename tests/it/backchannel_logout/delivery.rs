//! Clients that are away, and nodes that are.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use tessera::domain::clock::Clock as _;

use super::{
    LOOPBACK, SESSION, USER, builder, environment, notices, revoke_session, sign_in, start, verified, waiting,
};
use crate::{
    both_engines,
    support::{
        Engine, Installation, TestServer, eventually,
        peer::{Peer, respond},
    },
};

const LATER_SESSION: &str = "5e3d6c7b-0f9a-4b1c-8d2e-4f3a2b1c0d9e";

/// When each client that waits is to be told next, in Unix time.
fn due(server: &TestServer) -> Vec<String> {
    server.database.texts("SELECT CAST(due_at AS TEXT) AS text FROM logout_deliveries")
}

/// Fails so often, and is well then.
fn failing(times: usize) -> Peer {
    let asked = AtomicUsize::new(0);
    Peer::start(move |stream| {
        let well = asked.fetch_add(1, Ordering::SeqCst) >= times;
        respond(stream, if well { "204 No Content" } else { "500 Internal Server Error" }, "", "");
    })
}

#[test]
fn a_client_that_fails_is_told_again_when_its_time_has_come_with_a_new_token() {
    let (web, shop) = (failing(2), Peer::serving(""));
    let server = start(Engine::Sqlite, &web, &shop);
    sign_in(&server, SESSION, &["web", "shop"]);
    revoke_session(&server, SESSION);
    // The other one does not wait for it.
    let failed_at = server.clock.now();
    server.eventually("one to be told, and the other to be put off", || {
        (notices(&server).len(), due(&server)) == (1, vec![(failed_at + 5).to_string()])
    });
    assert_eq!((web.requests().len(), shop.requests().len(), waiting(&server)), (1, 1, 1));
    server.clock.advance(4);
    // The end of a later session is told meanwhile: whatever is due has been looked for since.
    sign_in(&server, LATER_SESSION, &["shop"]);
    revoke_session(&server, LATER_SESSION);
    server.eventually("the later one to be told", || notices(&server).len() == 2);
    assert_eq!(web.requests().len(), 1, "it was told again too soon");
    server.clock.advance(1);
    server.eventually("a second attempt", || web.requests().len() == 2);
    server.eventually("a third attempt", || {
        server.clock.advance(30);
        notices(&server).len() == 3
    });
    let requests = web.requests();
    let tokens: BTreeSet<String> =
        requests.iter().map(|request| verified(&server, request, "web")["jti"].to_string()).collect();
    assert_eq!((requests.len(), tokens.len()), (3, 3), "each attempt has a token of its own");
}

#[test]
fn a_client_that_is_away_for_hours_is_given_up_and_recorded() {
    let (web, shop) = (failing(usize::MAX), Peer::serving(""));
    let server = start(Engine::Sqlite, &web, &shop);
    sign_in(&server, SESSION, &["web"]);
    revoke_session(&server, SESSION);
    server.eventually("it to be given up", || {
        server.clock.advance(1000);
        !notices(&server).is_empty()
    });
    assert_eq!(notices(&server), [serde_json::json!(["web", "failed", SESSION, "attempt 7: it answered 500"])]);
    assert_eq!(web.requests().len(), 7);
    server.eventually("the row to go", || waiting(&server) == 0);
    assert!(server.get("/metrics").text.contains("tessera_logout_notices_total{outcome=\"failed\"} 1"));
}

#[test]
fn no_address_inside_is_called_and_no_redirect_followed() {
    let elsewhere = Peer::serving("");
    let location = format!("Location: {}\r\n", elsewhere.url("/"));
    let moved = Peer::start(move |stream| respond(stream, "302 Found", &location, ""));
    let server = builder(Engine::Sqlite, "https://10.0.0.1/logout", &moved.url("/logout")).start();
    sign_in(&server, SESSION, &["web", "shop"]);
    revoke_session(&server, SESSION);
    server.eventually("both to be given up", || {
        server.clock.advance(1000);
        notices(&server).len() == 2
    });
    let [shop, web] = <[serde_json::Value; 2]>::try_from(notices(&server)).expect("two");
    assert!(web[3].to_string().contains("attempt 1: the host has an address"), "{web}");
    assert!(shop[3].to_string().contains("redirects are not followed"), "{shop}");
    assert!(elsewhere.requests().is_empty());
}

both_engines! {
    fn of_two_nodes_one_tells_each_client(engine) {
        let (web, shop) = (Peer::serving(""), Peer::serving(""));
        let one = start(engine, &web, &shop);
        let two = one.another_node();
        let sessions: Vec<String> = (0..20).map(|n| format!("{n:08x}-8e7d-4f5a-9b3c-2d1e0a6d7f2e")).collect();
        for session in &sessions {
            sign_in(&one, session, &["web", "shop"]);
        }
        for (place, session) in sessions.iter().enumerate() {
            revoke_session(if place % 2 == 0 { &one } else { &two }, session);
        }
        one.eventually("all to be told", || notices(&one).len() == 40);
        assert_eq!((web.requests().len(), shop.requests().len()), (20, 20));
    }

    fn what_a_node_left_is_told_after_a_restart(engine) {
        let web = Peer::serving("");
        let mut installation = Installation::new(engine).with(LOOPBACK.0, LOOPBACK.1);
        installation.apply(&environment(&web.url("/logout"), "https://a.example/"));
        let id = installation.database.value("SELECT id AS value FROM environments");
        // As of a node that died in the middle of it.
        installation.database.execute(&format!(
            "INSERT INTO logout_deliveries (session_id, client_id, environment_id, user_id, created_at, attempts, due_at)
             VALUES ('{SESSION}', 'web', '{id}', '{USER}', 1, 1, 61)"
        ));
        let process = installation.serve();
        eventually("the client to be told", Duration::from_secs(20), || web.requests().len() == 1);
        eventually("the row to go", Duration::from_secs(20), || {
            installation.database.texts("SELECT client_id AS text FROM logout_deliveries").is_empty()
        });
        drop(process);
    }
}
