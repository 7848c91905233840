use super::{super::testing::on_both_engines, tables::fill};
use crate::{
    domain::{
        login::{AuthMethod, reset::PasswordReset},
        password::PasswordHash,
    },
    store::{Conn, StoreError, password_resets, passwords, users},
};

fn a_password_hash(text: &str) -> PasswordHash {
    PasswordHash::from_stored(text.to_owned())
}

fn a_password_reset() -> PasswordReset {
    PasswordReset {
        token_hash: "reset".to_owned(),
        user_id: "user".to_owned(),
        application_id: "app".to_owned(),
        methods: vec![AuthMethod::EmailLink],
        needs_second_factor: true,
        generation: Some(2),
        expires_at: 600,
    }
}

/// One row in every table, of a user's second password.
pub(super) fn fill_passwords(conn: &mut Conn<'_>) {
    assert!(passwords::insert(conn, "user", &a_password_hash("first"), true, 1).expect("password"));
    let first = passwords::find(conn, "user").expect("a password").expect("one");
    assert!(passwords::replace(conn, "user", &first, &a_password_hash("second"), false, 2).expect("a change"));
    password_resets::insert(conn, "one", &a_password_reset()).expect("reset");
}

#[test]
fn of_two_who_replace_a_password_at_once_one_does() {
    on_both_engines(|database| {
        let done = database.store.transact(|conn| -> Result<(), StoreError> {
            fill(conn);
            let present = passwords::find(conn, "user")?.expect("a password");
            assert_eq!((present.generation, present.temporary, present.changed_at), (2, false, 2));
            assert_eq!(passwords::history(conn, "user", 20)?, [a_password_hash("first")]);
            assert!(passwords::replace(conn, "user", &present, &a_password_hash("third"), false, 3)?);
            assert!(!passwords::replace(conn, "user", &present, &a_password_hash("late"), false, 3)?);
            let history = passwords::history(conn, "user", 20)?;
            assert_eq!(history, [a_password_hash("second"), a_password_hash("first")]);
            assert_eq!(passwords::history(conn, "user", 1)?, [a_password_hash("second")]);
            assert!(!passwords::insert(conn, "user", &a_password_hash("again"), false, 4)?);
            Ok(())
        });
        done.expect("passwords");
    });
}

fn change(conn: &mut Conn<'_>, to: &str, now: i64) -> Result<(), StoreError> {
    let present = passwords::find(conn, "user")?.expect("a password");
    assert!(passwords::replace(conn, "user", &present, &a_password_hash(to), false, now)?);
    Ok(())
}

#[test]
fn only_the_last_passwords_are_remembered() {
    on_both_engines(|database| {
        let done = database.store.transact(|conn| -> Result<(), StoreError> {
            fill(conn);
            for number in 0..40 {
                change(conn, &format!("password {number}"), 10 + number)?;
            }
            let history = passwords::history(conn, "user", 100)?;
            let count = i64::try_from(history.len()).expect("few");
            assert_eq!(count, passwords::MAX_REMEMBERED - 1, "with the present one that makes 20");
            assert_eq!(history.first(), Some(&a_password_hash("password 38")));
            users::delete(conn, "one", "user")?;
            assert_eq!(passwords::find(conn, "user")?, None);
            assert_eq!(passwords::history(conn, "user", 100)?, []);
            Ok(())
        });
        done.expect("passwords");
    });
}

#[test]
fn a_hash_is_renewed_only_while_it_is_that_of_the_same_password() {
    on_both_engines(|database| {
        let done = database.store.transact(|conn| -> Result<(), StoreError> {
            fill(conn);
            let (before, after) = (a_password_hash("second"), a_password_hash("renewed"));
            assert!(passwords::rehash(conn, "user", &before, &after)?);
            assert!(!passwords::rehash(conn, "user", &before, &a_password_hash("late"))?);
            let present = passwords::find(conn, "user")?.expect("a password");
            assert_eq!((present.hash, present.generation, present.changed_at), (after, 2, 2));
            Ok(())
        });
        done.expect("passwords");
    });
}

#[test]
fn a_reset_is_found_until_its_second_and_taken_once() {
    on_both_engines(|database| {
        let done = database.store.transact(|conn| -> Result<(), StoreError> {
            fill(conn);
            assert_eq!(password_resets::find(conn, "one", "reset", 599)?, Some(a_password_reset()));
            assert_eq!(password_resets::find(conn, "one", "reset", 600)?, None);
            assert_eq!(password_resets::find(conn, "two", "reset", 599)?, None);
            assert!(password_resets::take(conn, "reset")? && !password_resets::take(conn, "reset")?);
            password_resets::insert(conn, "one", &a_password_reset())?;
            assert!(!password_resets::sweep(conn, 599)?);
            assert!(password_resets::find(conn, "one", "reset", 1)?.is_some());
            assert!(!password_resets::sweep(conn, 600)?);
            assert_eq!(password_resets::find(conn, "one", "reset", 1)?, None);
            Ok(())
        });
        done.expect("resets");
    });
}
