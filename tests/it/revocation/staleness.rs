//! A node that is cut off from the database, while the others go on and something is revoked.

use std::time::Instant;

use super::{FRONT, ORDERS, WATCHER, builder, own_token, pass_on, user_token};
use crate::support::{Engine, TestServer, tokens::exchange_as, tunnel::Tunnel};

/// A node that is in touch, and one whose connections go through a tunnel.
fn two_nodes(strict: &str) -> (TestServer, TestServer, Tunnel) {
    let one = builder(Engine::Postgres)
        .setting("revocation.max_staleness", "2")
        .setting("revocation.strict", strict)
        // What needs nothing new goes on without the database.
        .setting("audit.commit", "after_response")
        .setting("audit.queue", "100000")
        .setting("database.acquire_timeout_ms", "500")
        .start();
    let tunnel = Tunnel::to(&one.database.url);
    let two = one.another_node_with(&[("database.url", &tunnel.through(&one.database.url))]);
    (one, two, tunnel)
}

fn is_stale(node: &TestServer) -> bool {
    let ready = node.get("/ready");
    ready.status == 503 && ready.json()["revocations"] == "not heard of for too long"
}

#[test]
fn a_strict_node_that_does_not_hear_of_revocations_says_so_and_refuses_what_depends_on_them() {
    let (one, two, tunnel) = two_nodes("true");
    let root = user_token(&one, "ada");
    let (kept, lost) = (pass_on(&one, FRONT, &root, "orders-api"), pass_on(&one, FRONT, &root, "orders-api"));
    let exchange = |node: &TestServer, token: &str| {
        exchange_as(node, ORDERS, token, &[("audience", "store-api"), ("scope", "all")])
    };
    // All that is needed is in memory.
    for token in [&kept, &lost] {
        exchange(&two, token).access_token();
        assert!(two.is_active(WATCHER, token));
    }
    assert_eq!(two.get("/ready").status, 200);
    tunnel.cut();
    let cut = Instant::now();
    two.eventually("the node to say so", || is_stale(&two));
    println!("not ready {:?} after the cut", cut.elapsed());
    one.revoked(FRONT, &lost);
    for token in [&kept, &lost] {
        for answer in [exchange(&two, token), two.post_as("/introspect", WATCHER, &[("token", token)])] {
            answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
            assert!(answer.header("retry-after").is_some());
        }
    }
    // Not even that something is dead: a key may be new.
    assert_eq!(two.post_as("/introspect", WATCHER, &[("token", "x")]).status, 503);
    assert!(one.is_active(WATCHER, &kept) && !one.is_active(WATCHER, &lost));
    assert_eq!(own_token(&two, FRONT).split('.').count(), 3, "what depends on no token goes on");

    tunnel.mend();
    let mended = Instant::now();
    two.eventually("the node to be back", || two.get("/ready").status == 200);
    println!("ready {:?} after the mend", mended.elapsed());
    assert!(two.is_active(WATCHER, &kept) && !two.is_active(WATCHER, &lost), "it heard of what it had missed");
    exchange(&two, &kept).access_token();
    assert_eq!(exchange(&two, &lost).status, 400);
}

#[test]
fn another_node_goes_by_what_it_knows_and_hears_of_the_rest_later() {
    let (one, two, tunnel) = two_nodes("false");
    let root = user_token(&one, "ada");
    let (kept, lost) = (pass_on(&one, FRONT, &root, "orders-api"), pass_on(&one, FRONT, &root, "orders-api"));
    for token in [&kept, &lost] {
        pass_on(&two, ORDERS, token, "store-api");
        assert!(two.is_active(WATCHER, token));
    }
    tunnel.cut();
    two.eventually("the node to say so", || is_stale(&two));
    one.revoked(FRONT, &lost);
    for token in [&kept, &lost] {
        assert!(two.is_active(WATCHER, token));
    }
    let late = pass_on(&two, ORDERS, &lost, "store-api");
    assert!(!one.is_active(WATCHER, &late), "dead wherever one has heard of it");
    tunnel.mend();
    two.eventually("the node to be back", || two.get("/ready").status == 200);
    assert!(two.is_active(WATCHER, &kept));
    for dead in [&lost, &late] {
        assert!(!two.is_active(WATCHER, dead));
    }
}
