//! How much is sent.

use super::*;

fn limit(holder: &str) -> SendLimit {
    SendLimit { kind: "address", holder: holder.into(), most: 5, window: 60 }
}

#[test]
fn messages_are_counted_over_all_who_send_at_once_and_anew_when_the_window_is_over() {
    prepared(|database, key| {
        let store = &database.store;
        let send = |holder: &str, now: i64| {
            let made = make(&SystemRandom, key, wanted(CodeChannel::Email), now).expect("a code");
            store.transact(|conn| keep_in(conn, "e", &made.kept, &[limit(holder)])).map(|()| made)
        };
        let outcomes = at_once(12, |_| send("a", 100));
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 5);
        for refused in outcomes.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, CodeError::TooMany { kind: "address", retry_after: 60 }), "{refused}");
        }
        assert!(matches!(send("a", 159), Err(CodeError::TooMany { retry_after: 1, .. })));
        assert!(send("b", 159).is_ok());
        assert!(send("a", 160).is_ok());
        assert_eq!(database.count("sendings", "holder = 'a' AND sent = 1 AND until = 220"), 1);
        let refused = store.transact(|conn| sendings::sweep(conn, 219));
        assert!(!refused.expect("the database"));
        assert_eq!(database.count("sendings", "true"), 1, "b is over, a is not");
    });
}

#[test]
fn what_one_limit_refuses_is_not_counted_by_another_and_leaves_the_code_before_it() {
    prepared(|database, key| {
        let store = &database.store;
        let made = kept(store, key, wanted(CodeChannel::Email));
        let full = SendLimit { kind: "user", most: 0, ..limit("ada") };
        let full = SendLimit { most: 1, ..full };
        store.transact(|conn| sendings::count(conn, "e", &full, 100)).expect("counted");
        let next = make(&SystemRandom, key, wanted(CodeChannel::Email), 100).expect("a code");
        let refused = store.transact(|conn| keep_in(conn, "e", &next.kept, &[limit("a"), full]));
        assert!(matches!(refused, Err(CodeError::TooMany { kind: "user", .. })));
        assert_eq!(database.count("sendings", "kind = 'address'"), 0);
        assert!(is_right(&CALLER.guess(store, key, made.secret.reveal(), 100)));
    });
}
