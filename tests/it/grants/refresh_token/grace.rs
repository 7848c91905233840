//! The honest second use: the answer was lost, or two windows asked at once.

use super::{Pair, REFUSED, assert_dead, begin, demo, one, refresh, start};
use crate::{both_engines, support::TestServer};

both_engines! {
    fn a_lost_answer_can_be_asked_for_again(engine) {
        let server = start(engine);
        let first = begin(&server);
        Pair::of(&refresh(&server, &first.refresh, &[]));
        server.clock.advance(9);
        let answer = refresh(&server, &first.refresh, &[]);
        let again = Pair::of(&answer);
        assert_eq!(server.record_of(&answer)["detail"], "the refresh token was sent again within sessions.reuse_grace");
        server.clock.advance(3600);
        let next = Pair::of(&refresh(&server, &again.refresh, &[]));
        Pair::of(&refresh(&server, &next.refresh, &[]));
        assert_eq!(one(&server, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), "1");
    }

    fn the_grace_ends_to_the_second(engine) {
        let server = start(engine);
        let first = begin(&server);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        server.clock.advance(10);
        refresh(&server, &first.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        assert_dead(&server, &second.refresh);
    }

    // An owner and a thief with the same token: both are answered, and only one of them can go on.
    fn of_two_answers_to_one_token_only_one_chain_survives(engine) {
        let server = start(engine);
        let first = begin(&server);
        let one = Pair::of(&refresh(&server, &first.refresh, &[]));
        let two = Pair::of(&refresh(&server, &first.refresh, &[]));
        let three = Pair::of(&refresh(&server, &one.refresh, &[]));
        refresh(&server, &two.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        for dead in [&first, &one, &two, &three] {
            assert_dead(&server, &dead.refresh);
        }
    }

    fn repeating_does_not_lengthen_the_grace(engine) {
        let server = start(engine);
        let first = begin(&server);
        for _ in 0..5 {
            Pair::of(&refresh(&server, &first.refresh, &[]));
            server.clock.advance(2);
        }
        refresh(&server, &first.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
    }

    fn without_a_grace_every_second_use_is_a_replay(engine) {
        let server = TestServer::builder(engine).environment(&demo()).setting("sessions.reuse_grace", "0").start();
        let first = begin(&server);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        refresh(&server, &first.refresh, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
        assert_dead(&server, &second.refresh);
    }
}
