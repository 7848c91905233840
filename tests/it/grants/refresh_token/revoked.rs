//! Revocation reaches sessions, whatever is revoked and however late.

use serde_json::Value;
use tessera::domain::{clock::Clock as _, environment::MAX_ACCESS_TOKEN_LIFETIME, revocation::RevocationKind};

use super::{
    Pair, REFUSED, assert_dead, begin, begin_with, demo, one, refresh, refresh_as, replaced, revoke, start, used_on,
};
use crate::{
    both_engines,
    grants::token_exchange::{WEB, demo_claims, demo_token},
    support::{
        CALENDAR, TestServer,
        forge::{Forge, with},
        tokens::{exchange, exchange_as, peek},
    },
};

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// Lets every revocation run out, and be deleted.
fn long_after(server: &TestServer) {
    server.clock.advance(2 * MAX_ACCESS_TOKEN_LIFETIME);
    server.database.execute("DELETE FROM revocations");
}

both_engines! {
    fn each_of_what_a_session_came_of_ends_it_for_good(engine) {
        let server = start(engine);
        let kid = Forge::of(&server).kid;
        for (kind, name) in [
            (RevocationKind::Token, ""),
            (RevocationKind::Session, "sid"),
            (RevocationKind::Session, "parent"),
            (RevocationKind::Subject, "user-1"),
            (RevocationKind::Subject, "bff"),
            (RevocationKind::Client, WEB),
            (RevocationKind::Client, "bff"),
            (RevocationKind::Key, &kid),
        ] {
            // Older than the session.
            server.clock.advance(1);
            // Of a session of its own: this node may still remember an earlier one's revocation.
            let parent = format!("parent of {:?} {name}", kind);
            let subject = Forge::of(&server).token(&with(&demo_claims(&server), &serde_json::json!({ "sid": parent })));
            server.clock.advance(1);
            let pair = begin_with(&server, &subject);
            let session = peek(&pair.access)["sid"].clone();
            let value = match name {
                "" => text(&peek(&subject)["jti"]).to_owned(),
                "sid" => text(&session).to_owned(),
                "parent" => parent,
                name => name.to_owned(),
            };
            revoke(&server, kind, &value, None);
            // In its own row, not only as long as the node remembers the revocation.
            let record = assert_dead(&server, &pair.refresh);
            assert!(text(&record["detail"]).ends_with("is over (revoked)"), "{kind:?} {name}: {record}");
            assert_eq!(record["session_id"], session);
            long_after(&server);
            assert_dead(&server, &pair.refresh);
        }
    }

    // A JWT's own revocation is forgotten when it expires; what was refreshed since lives on and must be reached.
    fn a_subject_token_that_expired_long_ago_still_takes_its_session_along(engine) {
        let server = start(engine);
        let subject = demo_token(&server);
        let mut pair = begin_with(&server, &subject);
        server.clock.advance(MAX_ACCESS_TOKEN_LIFETIME);
        pair = Pair::of(&refresh(&server, &pair.refresh, &[]));
        let derived = used_on(&server, &pair.access).access_token();
        let expired = peek(&subject)["exp"].as_i64();
        assert!(expired < Some(server.clock.now()));
        revoke(&server, RevocationKind::Token, text(&peek(&subject)["jti"]), expired);
        assert_dead(&server, &pair.refresh);
        let reason = "the token, or one that it came of, is revoked";
        server.eventually("the revocation", || used_on(&server, &pair.access).status == 400);
        for token in [&pair.access, &derived] {
            server.assert_subject_refused(&used_on(&server, token), reason);
        }
    }

    fn a_session_that_came_of_a_session_ends_with_it(engine) {
        let server = TestServer::builder(engine)
            .environment(&replaced(&demo(), "max_lifetime = 120", "max_lifetime = 120\nrefresh = true"))
            .start();
        let first = begin(&server);
        let second = Pair::of(&exchange_as(&server, CALENDAR, &first.access, &[("scope", "reports.read")]));
        assert_ne!(peek(&second.access)["sid"], peek(&first.access)["sid"]);
        let third = used_on(&server, &second.access).access_token();
        let other = begin(&server);
        revoke(&server, RevocationKind::Session, text(&peek(&first.access)["sid"]), None);
        assert_dead(&server, &first.refresh);
        let answer = refresh_as(&server, CALENDAR, &second.refresh, &[]);
        server.assert_refused(&answer, REFUSED.0, REFUSED.1);
        server.eventually("the revocation", || used_on(&server, &third).status == 400);
        server.assert_subject_refused(&used_on(&server, &second.access), "the session of the token is revoked");
        Pair::of(&refresh(&server, &other.refresh, &[]));
    }

    // Sweeping the session in the middle forgets what that one came of.
    fn a_token_of_a_session_that_came_of_a_swept_one_ends_with_the_first(engine) {
        let server = TestServer::builder(engine)
            .environment(&replaced(&demo(), "max_lifetime = 120", "max_lifetime = 120\nrefresh = true"))
            .start();
        let first = begin(&server);
        let second = Pair::of(&exchange_as(&server, CALENDAR, &first.access, &[("scope", "reports.read")]));
        let (first_session, second_session) = (peek(&first.access)["sid"].clone(), peek(&second.access)["sid"].clone());
        assert_eq!(peek(&second.access)["anc_of"]["sid"], serde_json::json!([first_session]));
        server.database.execute(&format!("DELETE FROM sessions WHERE id = '{}'", text(&second_session)));
        revoke(&server, RevocationKind::Session, text(&first_session), None);
        let refused = || used_on(&server, &second.access);
        server.eventually_subject_refused("the session of the token is revoked", refused);
    }

    // The exchange and the revocation of what it starts from, at the same moment: the node has not heard of it yet.
    fn no_session_begins_with_what_was_just_revoked(engine) {
        let server = start(engine);
        let subject = demo_token(&server);
        begin_with(&server, &subject);
        let sessions = one(&server, "SELECT count(*) FROM sessions");
        revoke(&server, RevocationKind::Token, text(&peek(&subject)["jti"]), None);
        // Refused by the database if not by the memory.
        let answer = exchange(&server, &subject, &[("scope", "calendar.read")]);
        server.assert_subject_refused(&answer, "the token, or one that it came of, is revoked");
        assert_eq!(one(&server, "SELECT count(*) FROM sessions"), sessions);
    }

    fn siblings_live_on(engine) {
        let server = start(engine);
        let (one, other) = (begin(&server), begin(&server));
        revoke(&server, RevocationKind::Token, text(&peek(&one.access)["jti"]), None);
        Pair::of(&refresh(&server, &one.refresh, &[]));
        Pair::of(&refresh(&server, &other.refresh, &[]));
    }
}
