use super::{super::testing::on_both_engines, samples::*, with_environment};
use crate::{
    domain::{revocation::Revocation, signing_key::KeySchedule},
    store::{StoreError, revocations, signing_keys},
};

#[test]
fn revocations_are_numbered_and_a_second_one_of_the_same_is_new_again() {
    on_both_engines(|database| {
        let outcome = database.store.transact(|conn| -> Result<(), StoreError> {
            with_environment(conn);
            assert!(!revocations::add(conn, "nowhere", &a_revocation())?);
            let named = |value: &str| Revocation { value: value.to_owned(), ..a_revocation() };
            for value in ["a", "b", "c"] {
                assert!(revocations::add(conn, "one", &named(value))?);
            }
            let later = Revocation { revoked_at: 15, ..named("a") };
            revocations::add(conn, "one", &later)?;
            assert_eq!(revocations::after(conn, "one", 0, 2)?, [(named("b"), 2), (named("c"), 3)]);
            assert_eq!(revocations::after(conn, "one", 3, 2)?, [(later.clone(), 4)]);
            let earlier = Revocation { revoked_at: 5, expires_at: 1, ..later.clone() };
            revocations::add(conn, "one", &earlier)?;
            assert_eq!(revocations::after(conn, "one", 4, 2)?, [(later, 5)], "nothing is taken back");
            Ok(())
        });
        outcome.expect("the database");
    });
}

#[test]
fn what_is_revoked_is_kept_as_long_as_a_token_that_may_have_come_of_it_lives() {
    on_both_engines(|database| {
        let outcome = database.store.transact(|conn| -> Result<(), StoreError> {
            with_environment(conn);
            revocations::add(conn, "one", &a_revocation())?;
            let key = a_key();
            let schedule = KeySchedule { tokens_until: 500, ..key.schedule };
            signing_keys::insert(conn, &signing_keys::StoredKey { schedule, ..key })?;
            let kept = Revocation { value: "kept".to_owned(), ..a_revocation() };
            revocations::add(conn, "one", &kept)?;
            assert!(!revocations::sweep(conn, 19)?);
            assert_eq!(revocations::after(conn, "one", 0, 9)?.len(), 2);
            assert!(!revocations::sweep(conn, 20)?);
            let left = revocations::after(conn, "one", 0, 9)?;
            assert_eq!(left, [(Revocation { expires_at: 500, ..kept }, 2)]);
            revocations::sweep(conn, 500)?;
            assert_eq!(revocations::after(conn, "one", 0, 9)?, []);
            Ok(())
        });
        outcome.expect("the database");
    });
}
