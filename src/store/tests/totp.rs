use super::{
    super::testing::on_both_engines,
    sign_in_samples::{a_totp, a_transaction},
    tables::fill,
};
use crate::store::{Conn, Store, StoreError, totp, totp_transactions};

fn transact<T>(store: &Store, work: impl FnOnce(&mut Conn<'_>) -> Result<T, StoreError>) -> T {
    store.transact(work).expect("the database")
}

fn filled(conn: &mut Conn<'_>) -> Result<(), StoreError> {
    fill(conn);
    Ok(())
}

#[test]
fn a_step_is_used_once_whoever_comes_at_the_same_moment_and_none_before_it_after() {
    on_both_engines(|database| {
        transact(&database.store, filled);
        let won: usize = std::thread::scope(|scope| {
            let use_it =
                || usize::from(transact(&database.store, |conn| totp::use_step(conn, "an authenticator", 7, 210)));
            let uses: Vec<_> = (0..8).map(|_| scope.spawn(use_it)).collect();
            uses.into_iter().map(|one| one.join().expect("no panic")).sum()
        });
        assert_eq!(won, 1);
        transact(&database.store, |conn| {
            assert!(!totp::use_step(conn, "an authenticator", 6, 211)?);
            assert!(totp::use_step(conn, "an authenticator", 8, 240)?);
            assert!(!totp::use_step(conn, "another", 9, 270)?);
            assert_eq!(totp::of_user(conn, "one", "user", None)?[0].last_used_at, Some(240));
            Ok(())
        });
    });
}

#[test]
fn authenticators_are_read_and_deleted_by_user_application_and_id() {
    on_both_engines(|database| {
        transact(&database.store, filled);
        transact(&database.store, |conn| {
            assert_eq!(totp::of_user(conn, "one", "user", Some("app"))?, [a_totp()]);
            for (environment, user, application) in
                [("two", "user", None), ("one", "nobody", None), ("one", "user", Some("x"))]
            {
                assert_eq!(totp::of_user(conn, environment, user, application)?, []);
                assert_eq!(totp::delete(conn, environment, user, application, None)?, 0);
            }
            assert_eq!(totp::delete(conn, "one", "user", None, Some("another"))?, 0);
            assert_eq!(totp::delete(conn, "one", "user", Some("app"), Some("an authenticator"))?, 1);
            assert_eq!(totp::of_user(conn, "one", "user", None)?, []);
            Ok(())
        });
    });
}

#[test]
fn a_transaction_waits_for_its_user_until_it_is_taken_or_expires() {
    on_both_engines(|database| {
        transact(&database.store, filled);
        transact(&database.store, |conn| {
            let waiting = |conn: &mut Conn<'_>, user, application, challenge, now| {
                totp_transactions::waiting(conn, user, application, challenge, now)
            };
            assert_eq!(waiting(conn, "user", "app", "123456", 599)?, Some(a_transaction()));
            assert_eq!(waiting(conn, "user", "app", "123456", 600)?, None);
            assert_eq!(waiting(conn, "user", "app", "123457", 0)?, None);
            assert_eq!(waiting(conn, "user", "other", "123456", 0)?, None);
            assert_eq!(waiting(conn, "other", "app", "123456", 0)?, None);
            let again = totp_transactions::Transaction { id: "again".to_owned(), ..a_transaction() };
            let taken = conn.savepoint(|conn| totp_transactions::insert(conn, "one", &again));
            assert!(taken.expect_err("the challenge is taken").is_conflict());
            // Two that are nobody's may well have the same.
            for id in ["x", "y"] {
                let nobodys = totp_transactions::Transaction { id: id.to_owned(), user_id: None, ..a_transaction() };
                totp_transactions::insert(conn, "one", &nobodys)?;
            }
            assert!(totp_transactions::take(conn, "a transaction")?);
            assert!(!totp_transactions::take(conn, "a transaction")?);
            assert!(!totp_transactions::sweep(conn, 599)?);
            assert!(totp_transactions::take(conn, "x")?);
            assert!(!totp_transactions::sweep(conn, 600)?);
            assert!(!totp_transactions::take(conn, "y")?);
            Ok(())
        });
    });
}
