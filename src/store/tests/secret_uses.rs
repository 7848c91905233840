use super::{
    samples::{a_client, a_secret},
    with_environment,
};
use crate::{
    domain::client::ClientSecret,
    store::{
        Conn, Origin, Store, StoreError,
        client_secrets::{self, SecretOrigin},
        clients,
        secret_uses::{self, ExpiringSecret},
        testing::on_both_engines,
    },
};

fn with_client(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
    clients::upsert(conn, "one", &a_client(id), Origin::Command, 1)
}

fn secret(id: &str, expires_at: Option<i64>) -> ClientSecret {
    ClientSecret { expires_at, ..a_secret(id) }
}

fn filled(store: &Store) {
    store
        .transact(|conn| -> Result<(), StoreError> {
            with_environment(conn);
            for (client, id, expires_at) in [
                ("a", "a1", Some(500)),
                ("a", "a2", Some(300)),
                ("b", "b1", None),
                ("b", "b2", Some(90)),
                ("c", "c1", None),
            ] {
                with_client(conn, client)?;
                assert!(client_secrets::add(conn, "one", client, &secret(id, expires_at), 10)?, "{id}");
            }
            Ok(())
        })
        .expect("rows");
}

fn uses(store: &Store) -> Vec<(String, Option<i64>)> {
    let mut all = Vec::new();
    for client in ["a", "b", "c"] {
        let own = store.read(|conn| client_secrets::list(conn, "one", client)).expect("secrets");
        all.extend(own.into_iter().map(|stored| (stored.secret.id, stored.last_used_at)));
    }
    all.sort();
    all
}

fn write(store: &Store, uses: &[(&str, i64)]) {
    let uses: Vec<_> = uses.iter().map(|(id, at)| ((*id).to_owned(), *at)).collect();
    store.read(|conn| secret_uses::write(conn, &uses)).expect("to write");
}

#[test]
fn uses_are_written_together_and_never_go_back() {
    on_both_engines(|database| {
        let store = &database.store;
        filled(store);
        assert!(uses(store).iter().all(|(_, at)| at.is_none()));
        write(store, &[("a1", 100), ("b1", 100), ("gone\"',", 100)]);
        write(store, &[("a1", 90), ("b1", 110), ("c1", 5)]);
        write(store, &[]);
        let at = |seconds| Some(seconds);
        let expected = [("a1", at(100)), ("a2", None), ("b1", at(110)), ("b2", None), ("c1", at(5))];
        assert_eq!(uses(store), expected.map(|(id, at)| (id.to_owned(), at)));
    });
}

#[test]
fn more_uses_than_fit_into_one_statement_are_all_written() {
    on_both_engines(|database| {
        let store = &database.store;
        filled(store);
        let many: Vec<(String, i64)> = (0..2500).map(|number| (format!("no secret {number}"), 100)).collect();
        let last: Vec<(&str, i64)> = many.iter().map(|(id, at)| (id.as_str(), *at)).chain([("c1", 7)]).collect();
        write(store, &last);
        assert_eq!(uses(store)[4], ("c1".to_owned(), Some(7)));
    });
}

/// Postgres only: on SQLite one transaction writes at a time.
#[test]
fn a_secret_that_somebody_is_changing_is_not_waited_for() {
    let database = crate::store::testing::TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    filled(&database.store);
    database
        .store
        .transact(|conn| {
            let others = client_secrets::list(conn, "one", "a")?;
            client_secrets::expire(conn, &others[0].secret, 50)?;
            write(&database.store, &[(&others[0].secret.id, 100), ("b1", 100)]);
            assert_eq!(uses(&database.store)[2], ("b1".to_owned(), Some(100)));
            Ok::<_, StoreError>(())
        })
        .expect("to change");
}

#[test]
fn those_in_use_that_expire_soon_are_found_and_no_others() {
    on_both_engines(|database| {
        let store = &database.store;
        filled(store);
        write(store, &[("a1", 95), ("a2", 80), ("b1", 95), ("b2", 89)]);
        let expiring = |until, used_since| {
            let found = store.read(|conn| secret_uses::expiring(conn, 100, until, used_since)).expect("secrets");
            found.into_iter().map(|secret| secret.id).collect::<Vec<_>>()
        };
        assert_eq!(expiring(500, 80), ["a2", "a1"], "the one that has expired and those that never do are no concern");
        assert_eq!(expiring(499, 80), ["a2"]);
        assert_eq!(expiring(500, 81), ["a1"]);
        let first = store.read(|conn| secret_uses::expiring(conn, 100, 300, 0)).expect("secrets").remove(0);
        let (environment, client_id, id) = ("environment one".to_owned(), "a".to_owned(), "a2".to_owned());
        assert_eq!(first, ExpiringSecret { environment, client_id, id, expires_at: 300, last_used_at: 80 });
    });
}

#[test]
fn the_next_expiry_of_an_environment_is_of_a_secret_that_is_good() {
    on_both_engines(|database| {
        let store = &database.store;
        filled(store);
        let next = |now| store.read(|conn| secret_uses::next_expiries(conn, now)).expect("expiries");
        let at = |expires_at| [("one".to_owned(), expires_at)];
        assert_eq!(next(50), at(90));
        assert_eq!(next(90), at(300));
        assert_eq!(next(300), at(500));
        assert_eq!(next(500), []);
    });
}

#[test]
fn a_third_secret_is_refused_and_what_has_expired_makes_room() {
    on_both_engines(|database| {
        let result: Result<(), StoreError> = database.store.transact(|conn| {
            with_environment(conn);
            with_client(conn, "bff")?;
            let ids = |conn: &mut Conn<'_>| -> Result<Vec<String>, StoreError> {
                let all = client_secrets::list(conn, "one", "bff")?;
                let mut ids: Vec<String> = all.into_iter().map(|stored| stored.secret.id).collect();
                ids.sort();
                Ok(ids)
            };
            client_secrets::replace(conn, "one", "bff", &a_secret("file"), SecretOrigin::File, 10, 10)?;
            assert!(client_secrets::add(conn, "one", "bff", &secret("second", Some(100)), 20)?);
            assert!(!client_secrets::add(conn, "one", "bff", &a_secret("third"), 30)?);
            assert_eq!(ids(conn)?, ["file", "second"]);
            assert!(client_secrets::add(conn, "one", "bff", &a_secret("third"), 100)?);
            assert_eq!(ids(conn)?, ["file", "third"], "an expired one of no file is of no use");
            client_secrets::expire(conn, &a_secret("file"), 0)?;
            assert!(client_secrets::add(conn, "one", "bff", &a_secret("fourth"), 110)?);
            assert_eq!(ids(conn)?, ["file", "fourth", "third"], "the file's is known, and does not come back");
            Ok(())
        });
        result.expect("no failure");
    });
}
