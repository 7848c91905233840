//! Many uses of one token at the same moment.

use std::{collections::BTreeSet, sync::Barrier};

use super::{Pair, REFUSED, assert_dead, begin, demo, one, refresh};
use crate::{
    both_engines,
    support::{Answer, TestServer},
};

const MANY: usize = 32;

fn at_once(servers: &[&TestServer], token: &str) -> Vec<Answer> {
    let start = Barrier::new(MANY);
    std::thread::scope(|scope| {
        let uses: Vec<_> = (0..MANY)
            .map(|number| {
                let (server, start) = (servers[number % servers.len()], &start);
                scope.spawn(move || {
                    start.wait();
                    refresh(server, token, &[])
                })
            })
            .collect();
        uses.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

both_engines! {
    fn all_are_answered_within_the_grace_and_one_chain_goes_on(engine) {
        let server = TestServer::builder(engine).environment(&demo()).start();
        let node = server.another_node();
        let first = begin(&server);
        let pairs: Vec<Pair> = at_once(&[&server, &node], &first.refresh).iter().map(Pair::of).collect();
        let distinct: BTreeSet<&String> = pairs.iter().map(|pair| &pair.refresh).collect();
        assert_eq!(distinct.len(), MANY);
        assert_eq!(one(&server, "SELECT generation FROM sessions"), "2", "one of them was the first");

        let next = Pair::of(&refresh(&server, &pairs[7].refresh, &[]));
        refresh(&node, &pairs[8].refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        assert_dead(&server, &next.refresh);
    }

    fn without_a_grace_exactly_one_is_answered_and_the_session_ends(engine) {
        let server = TestServer::builder(engine).environment(&demo()).setting("sessions.reuse_grace", "0").start();
        let node = server.another_node();
        let first = begin(&server);
        let answers = at_once(&[&server, &node], &first.refresh);
        let (good, bad): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
        assert_eq!(good.len(), 1);
        bad.iter().for_each(|answer| answer.assert_refused(400, REFUSED.0, REFUSED.1));
        assert_dead(&server, &Pair::of(good[0]).refresh);
        assert_eq!(one(&server, "SELECT end_reason FROM sessions"), "replayed");
        let issued = "SELECT count(*) FROM audit_records WHERE event = 'token.refreshed'";
        assert_eq!(one(&server, issued), "1", "no token besides the one that was answered");
    }
}
