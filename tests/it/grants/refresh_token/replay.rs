//! A used refresh token that comes back: two have it, and nobody can tell which of them stole it.

use serde_json::json;

use super::{Pair, REFUSED, assert_dead, begin, one, refresh, start, used_on};
use crate::{both_engines, support::tokens::peek};

both_engines! {
    fn a_replay_kills_the_family_and_everything_that_came_of_it(engine) {
        let server = start(engine);
        let other = begin(&server);
        let first = begin(&server);
        let second = Pair::of(&refresh(&server, &first.refresh, &[]));
        let third = Pair::of(&refresh(&server, &second.refresh, &[]));
        let derived: Vec<String> =
            [&first, &second, &third].iter().map(|pair| used_on(&server, &pair.access).access_token()).collect();
        used_on(&server, &derived[0]).access_token();

        // Though within the grace: what came of the first use was used itself.
        let answer = refresh(&server, &first.refresh, &[]);
        answer.assert_refused(400, REFUSED.0, REFUSED.1);

        let session = peek(&first.access)["sid"].clone();
        let records = server.records_of(&answer);
        let seen: Vec<_> = records.iter().map(|record| (record["event"].clone(), record["outcome"].clone())).collect();
        assert_eq!(seen, [
            (json!("session.ended"), json!("success")),
            (json!("refresh_token.replayed"), json!("refused")),
        ]);
        for record in &records {
            assert_eq!((&record["session_id"], &record["subject"]), (&session, &json!("user-1")), "{record}");
            assert_eq!((&record["client_id"], &record["parents"]), (&json!("bff"), &peek(&first.access)["anc"]));
            assert!(record.get("jti").is_none());
        }
        assert_eq!(records[1]["reason"], REFUSED.1);

        for pair in [&first, &second, &third] {
            let record = assert_dead(&server, &pair.refresh);
            assert!(record["detail"].as_str().expect("words").ends_with("is over (replayed)"), "{record}");
            server.assert_subject_refused(&used_on(&server, &pair.access), "the session of the token is revoked");
        }
        for token in &derived {
            server.assert_subject_refused(&used_on(&server, token), "the session of the token is revoked");
        }
        assert_eq!(one(&server, "SELECT count(*) FROM sessions WHERE end_reason = 'replayed'"), "1");
        used_on(&server, &other.access).access_token();
        Pair::of(&refresh(&server, &other.refresh, &[]));
    }

    fn a_replay_kills_whatever_else_the_request_asks_for(engine) {
        let server = start(engine);
        for more in [("scope", "calendar.delete"), ("audience", "nowhere"), ("resource", "https://x.example/#f")] {
            let first = begin(&server);
            let second = Pair::of(&refresh(&server, &first.refresh, &[]));
            let third = Pair::of(&refresh(&server, &second.refresh, &[]));
            refresh(&server, &first.refresh, &[more]).assert_refused(400, REFUSED.0, REFUSED.1);
            assert_dead(&server, &third.refresh);
        }
    }

    fn a_thief_who_comes_second_and_one_who_comes_first_are_both_stopped(engine) {
        let server = start(engine);
        for thief_is_first in [true, false] {
            let stolen = begin(&server).refresh;
            let one = Pair::of(&refresh(&server, &stolen, &[]));
            server.clock.advance(60);
            if thief_is_first {
                // The owner comes with the old one, long after.
                refresh(&server, &stolen, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
            } else {
                let two = Pair::of(&refresh(&server, &one.refresh, &[]));
                refresh(&server, &stolen, &[]).assert_refused(400, REFUSED.0, REFUSED.1);
                assert_dead(&server, &two.refresh);
            }
            assert_dead(&server, &one.refresh);
        }
    }
}
