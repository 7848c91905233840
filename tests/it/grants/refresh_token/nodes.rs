//! Several nodes, restarts, and a database that is away.

use super::{Pair, REFUSED, assert_dead, begin, demo, one, refresh, start, used_on};
use crate::{
    both_engines,
    support::{Engine, TestServer},
};

both_engines! {
    fn a_session_goes_on_at_another_node_and_after_a_restart(engine) {
        let server = start(engine);
        let node = server.another_node();
        let first = begin(&server);
        let second = Pair::of(&refresh(&node, &first.refresh, &[]));
        drop(node);
        let restarted = server.another_node();
        let third = Pair::of(&refresh(&restarted, &second.refresh, &[]));
        let derived = used_on(&restarted, &third.access).access_token();

        // A replay here is known there at once where it counts, and within a second everywhere else.
        refresh(&server, &first.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        refresh(&restarted, &third.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        for token in [&third.access, &derived] {
            restarted.eventually("the end of the session", || used_on(&restarted, token).status == 400);
        }
        drop(restarted);
        let restarted = server.another_node();
        assert_dead(&restarted, &third.refresh);
        let answer = used_on(&restarted, &derived);
        restarted.assert_subject_refused(&answer, "the session of the token is revoked");
    }
}

#[test]
fn a_database_that_is_away_uses_no_token_up() {
    let server = TestServer::builder(Engine::Postgres)
        .environment(&demo())
        .setting("database.acquire_timeout_ms", "500")
        .start();
    let pair = begin(&server);
    server.database.cut_off();
    server.eventually("an outage", || refresh(&server, &pair.refresh, &[]).status == 503);
    let answer = refresh(&server, &pair.refresh, &[]);
    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.database.restore();
    server.clock.advance(60);
    server.eventually("service", || server.get("/ready").status == 200);
    assert_eq!(one(&server, "SELECT generation FROM sessions"), "1");
    server.eventually("a new pair", || refresh(&server, &pair.refresh, &[]).status == 200);
}

/// The answer waits for the record, and the record for a lock that somebody holds: the token is used up and the client was told
/// 503. It asks again.
#[test]
fn a_client_whose_answer_could_not_be_recorded_asks_again() {
    let server = TestServer::builder(Engine::Postgres)
        .environment(&demo())
        .setting("database.statement_timeout_ms", "1000")
        .start();
    let pair = begin(&server);
    let lock = server.database.begin("LOCK TABLE audit_records IN ACCESS EXCLUSIVE MODE");
    let answer = refresh(&server, &pair.refresh, &[]);
    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    drop(lock);
    assert_eq!(one(&server, "SELECT generation FROM sessions"), "2");
    server.eventually("records again", || {
        let again = refresh(&server, &pair.refresh, &[]);
        if again.status == 200 {
            Pair::of(&refresh(&server, &Pair::of(&again).refresh, &[]));
        }
        again.status == 200
    });
}
