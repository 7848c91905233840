use super::{super::testing::on_both_engines, samples::*, sign_in_samples::*, tables::fill};
use crate::{
    domain::secret::Secret,
    store::{Conn, StoreError, webauthn_ceremonies as ceremonies, webauthn_credentials as passkeys},
};

#[test]
fn a_ceremony_is_its_applications_and_given_away_once() {
    on_both_engines(|database| {
        let run = |conn: &mut Conn<'_>| -> Result<(), StoreError> {
            fill(conn);
            let id = Secret::new("begun").hash();
            assert_eq!(ceremonies::take(conn, "one", "another", &id)?, None);
            assert_eq!(ceremonies::take(conn, "two", "app", &id)?, None);
            assert_eq!(ceremonies::take(conn, "one", "app", &id)?, Some(a_ceremony("begun", 600)));
            assert_eq!(ceremonies::take(conn, "one", "app", &id)?, None);
            Ok(())
        };
        database.store.transact(run).expect("ceremonies");
    });
}

#[test]
fn ceremonies_are_bounded_by_network_and_forgotten_when_they_have_expired() {
    on_both_engines(|database| {
        let run = |conn: &mut Conn<'_>| -> Result<(), StoreError> {
            fill(conn);
            assert!(ceremonies::insert(conn, "one", &a_ceremony("second", 700), 1, 2)?);
            assert!(!ceremonies::insert(conn, "one", &a_ceremony("third", 700), 1, 2)?);
            let mut elsewhere = a_ceremony("elsewhere", 700);
            elsewhere.network = "192.0.2.8".to_owned();
            assert!(ceremonies::insert(conn, "one", &elsewhere, 1, 2)?);
            assert!(ceremonies::insert(conn, "one", &a_ceremony("third", 700), 600, 2)?);
            assert_eq!(ceremonies::take(conn, "one", "app", &Secret::new("begun").hash())?, None);
            Ok(())
        };
        database.store.transact(run).expect("ceremonies");
    });
}

#[test]
fn a_name_is_one_users_and_a_credential_is_registered_once() {
    on_both_engines(|database| {
        let run = |conn: &mut Conn<'_>| -> Result<(), StoreError> {
            fill(conn);
            let mut other = a_user();
            other.id = "other".to_owned();
            crate::store::users::insert(conn, "one", &other)?;
            assert!(passkeys::claim_username(conn, "one", ("app", "ada"), "user", 2)?);
            assert!(!passkeys::claim_username(conn, "one", ("app", "ada"), "other", 2)?);
            assert!(passkeys::claim_username(conn, "one", ("app", "Ada"), "other", 2)?);
            Ok(())
        };
        database.store.transact(run).expect("names");
        let mut taken = a_passkey("key");
        (taken.user_id, taken.username) = ("other".to_owned(), "Ada".to_owned());
        let again = database.store.transact(|conn| passkeys::insert(conn, "one", &taken));
        assert!(again.expect_err("taken").is_conflict());
    });
}

#[test]
fn a_use_is_kept_only_from_the_counter_that_it_was_checked_against() {
    on_both_engines(|database| {
        let run = |conn: &mut Conn<'_>| -> Result<(), StoreError> {
            fill(conn);
            let mut passkey = a_passkey("key");
            assert_eq!(passkeys::find(conn, "one", "key")?.as_ref(), Some(&passkey));
            (passkey.counter, passkey.last_seen_at) = (9, 5);
            passkey.seen(Some("another browser"), 5);
            assert!(!passkeys::used(conn, "one", &passkey, 6)?);
            assert!(passkeys::used(conn, "one", &passkey, 7)?);
            assert!(!passkeys::used(conn, "one", &passkey, 7)?);
            assert_eq!(passkeys::find(conn, "one", "key")?.as_ref(), Some(&passkey));
            assert_eq!(passkeys::of_user(conn, "one", "user")?, [passkey.clone()]);
            assert_eq!(passkeys::under_name(conn, "one", "app", "ada")?, [passkey.clone()]);
            assert!(passkeys::under_name(conn, "one", "app", "ADA")?.is_empty());
            Ok(())
        };
        database.store.transact(run).expect("uses");
    });
}

#[test]
fn what_is_removed_is_listed_and_neither_used_nor_named_again() {
    on_both_engines(|database| {
        let run = |conn: &mut Conn<'_>| -> Result<(), StoreError> {
            fill(conn);
            assert!(!passkeys::rename(conn, "one", "other", "key", "Mine")?);
            assert!(passkeys::rename(conn, "one", "user", "key", "Mine")?);
            assert!(!passkeys::remove(conn, "one", "other", "key", 9)?);
            assert!(passkeys::remove(conn, "one", "user", "key", 9)?);
            assert!(!passkeys::remove(conn, "one", "user", "key", 10)?);
            let removed = passkeys::find(conn, "one", "key")?.expect("kept");
            assert_eq!((removed.removed_at, removed.display_name.as_str()), (Some(9), "Mine"));
            assert!(!passkeys::used(conn, "one", &removed, 7)?);
            assert!(!passkeys::rename(conn, "one", "user", "key", "Again")?);
            assert!(passkeys::under_name(conn, "one", "app", "ada")?.is_empty());
            assert_eq!(passkeys::of_user(conn, "one", "user")?.len(), 1);
            passkeys::forget_removed(conn, "one", "user", "app")?;
            assert!(passkeys::of_user(conn, "one", "user")?.is_empty());
            Ok(())
        };
        database.store.transact(run).expect("removed");
    });
}
