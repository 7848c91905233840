//! Wrong codes.

use super::*;

// Otherwise whoever can have codes sent would have three guesses more for each.
#[test]
fn wrong_codes_are_counted_across_codes_and_by_channel() {
    prepared(|database, key| {
        let store = &database.store;
        let first = kept(store, key, wanted(CodeChannel::Email));
        for _ in 0..2 {
            assert_eq!(CALLER.guess(store, key, wrong(&first), 100), Guess::Wrong);
        }
        let second = kept(store, key, wanted(CodeChannel::Email));
        assert_eq!(CALLER.guess(store, key, wrong(&second), 100), Guess::Wrong);
        assert_eq!(CALLER.guess(store, key, second.secret.reveal(), 100), Guess::Locked);
        let sms = kept(store, key, wanted(CodeChannel::Sms));
        assert!(is_right(&CALLER.guess(store, key, sms.secret.reveal(), 100)), "another channel is not locked");
    });
}

#[test]
fn a_right_code_forgets_the_wrong_ones_before_it_and_is_no_wrong_one_of_another_channel() {
    prepared(|database, key| {
        let store = &database.store;
        for _ in 0..4 {
            let (email, sms) =
                (kept(store, key, wanted(CodeChannel::Email)), kept(store, key, wanted(CodeChannel::Sms)));
            assert_eq!(CALLER.guess(store, key, "no", 100), Guess::Wrong);
            assert!(is_right(&CALLER.guess(store, key, email.secret.reveal(), 100)));
            // It is gone with the other, which proved the same.
            assert_eq!(CALLER.guess(store, key, sms.secret.reveal(), 100), Guess::Wrong);
            let sms = kept(store, key, wanted(CodeChannel::Sms));
            assert!(is_right(&CALLER.guess(store, key, sms.secret.reveal(), 100)));
        }
    });
}
