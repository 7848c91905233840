//! How long refresh tokens are good for.

use tessera::domain::clock::Clock as _;

use super::{Pair, assert_dead, begin, begin_with, demo, refresh, replaced, start};
use crate::{
    both_engines,
    grants::token_exchange::demo_claims,
    support::{
        TestServer,
        forge::{Forge, with},
        tokens::peek,
    },
};

const DAY: i64 = 86_400;

both_engines! {
    fn an_unused_session_is_over_after_its_idle_lifetime(engine) {
        let server = start(engine);
        let idle = 14 * DAY;
        let first = begin(&server);
        server.clock.advance(idle - 1);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        server.clock.advance(idle);
        let record = assert_dead(&server, &second.refresh);
        assert!(record["detail"].as_str().expect("words").ends_with("is over (over by time)"), "{record}");
    }

    fn no_use_lengthens_a_session_beyond_its_absolute_end_nor_an_access_token(engine) {
        let server = start(engine);
        let mut pair = begin(&server);
        let end = server.clock.now() + 30 * DAY;
        server.clock.advance(10 * DAY);
        pair = Pair::of(&refresh(&server, &pair.refresh, &[]));
        server.clock.advance(10 * DAY);
        pair = Pair::of(&refresh(&server, &pair.refresh, &[]));
        server.clock.advance(10 * DAY - 100);
        let answer = refresh(&server, &pair.refresh, &[]);
        pair = Pair::of(&answer);
        assert_eq!(peek(&pair.access)["exp"].as_i64(), Some(end));
        assert_eq!(answer.json()["expires_in"], 100);
        server.clock.advance(100);
        assert_dead(&server, &pair.refresh);
    }

    fn a_rule_may_bound_its_sessions_further_and_the_first_token_too(engine) {
        let file = replaced(&demo(), "refresh = true\n", "refresh = true\nrefresh_lifetime = 120\n");
        let server = TestServer::builder(engine).environment(&file).start();
        let (began, first) = (server.clock.now(), begin(&server));
        assert_eq!(peek(&first.access)["exp"].as_i64(), Some(began + 120));
        server.clock.advance(119);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        assert_eq!(peek(&second.access)["exp"].as_i64(), Some(began + 120));
        server.clock.advance(1);
        assert_dead(&server, &second.refresh);
    }

    // The named exception to law 1: what `refresh = true` is for.
    fn the_session_outlives_the_subject_token_but_no_access_token_of_an_exchange_does_otherwise(engine) {
        let server = start(engine);
        let claims = demo_claims(&server);
        let short = serde_json::json!({ "exp": server.clock.now() + 60 });
        let subject = Forge::of(&server).token(&with(&claims, &short));
        let first = begin_with(&server, &subject);
        assert_eq!(peek(&first.access)["exp"], short["exp"], "law 1 for the exchange itself");
        server.clock.advance(DAY);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        assert_eq!(peek(&second.access)["exp"].as_i64(), Some(server.clock.now() + 300));
    }
}
