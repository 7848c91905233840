use std::time::{Duration, Instant};

use super::{super::testing::on_both_engines, an_environment, with_environment};
use crate::store::{
    ChangeWatch, Store, StoreError, audit_records, environments, resource_servers, testing::TestDatabase,
};

/// A notification needs a moment to arrive.
fn changes(watch: &mut ChangeWatch) -> bool {
    let started = Instant::now();
    while started.elapsed() < Duration::from_millis(400) {
        if watch.changed().expect("watch") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    false
}

#[test]
fn a_watch_sees_each_change_once_when_it_is_committed() {
    on_both_engines(|database| {
        let store = &database.store;
        let mut watch = store.watch();
        assert_eq!(watch.changed(), Ok(true), "on connecting: something may have been missed");
        assert!(!changes(&mut watch));
        store
            .transact(|conn| -> Result<(), StoreError> {
                with_environment(conn);
                assert!(!changes(&mut watch), "not committed yet");
                Ok(())
            })
            .expect("environment");
        assert!(changes(&mut watch));
        assert!(!changes(&mut watch));

        let before = store.read(environments::versions).expect("versions");
        assert_eq!(before, [("one".to_owned(), 1, 1, 0)]);
        let touched = store.transact(|conn| {
            assert!(!environments::touch(conn, "nowhere", 5)?);
            let touched = environments::touch(conn, "one", 5)?;
            resource_servers::delete(conn, "one", "api")?;
            Ok::<_, StoreError>(touched)
        });
        assert_eq!(touched, Ok(true));
        assert_eq!(store.read(environments::versions).expect("versions"), [("one".to_owned(), 2, 1, 0)]);
        assert!(changes(&mut watch));

        let refused = store.transact(|conn| {
            environments::touch(conn, "one", 6)?;
            environments::insert(conn, &an_environment("one"), 6)
        });
        assert!(refused.is_err());
        assert!(!changes(&mut watch), "rolled back");

        store.transact(|conn| environments::delete(conn, "one")).expect("delete");
        assert!(changes(&mut watch));
    });
}

#[test]
fn audit_records_are_not_changes() {
    on_both_engines(|database| {
        let mut watch = database.store.watch();
        assert_eq!(watch.changed(), Ok(true));
        let row = audit_records::AuditRow {
            day: 20_000,
            node: "node".to_owned(),
            seq: 1,
            time_ms: 20_000 * 86_400_000,
            environment_id: None,
            event: "token.issued".to_owned(),
            outcome: "ok".to_owned(),
            request_id: "r".to_owned(),
            client_id: None,
            subject: None,
            jti: None,
            reason: None,
            record: "{}".to_owned(),
            previous_hash: String::new(),
            hash: String::new(),
        };
        database
            .store
            .read(|conn| {
                audit_records::prepare_day(conn, 20_000)?;
                audit_records::append(conn, std::slice::from_ref(&row))
            })
            .expect("append");
        assert!(!changes(&mut watch));
    });
}

#[test]
fn a_watch_that_lost_its_connection_says_so_and_then_that_something_may_have_changed() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    let mut watch = database.store.watch();
    assert_eq!(watch.changed(), Ok(true));
    assert_eq!(watch.changed(), Ok(false));
    database.cut();
    std::thread::sleep(Duration::from_millis(100));
    let mut lost = false;
    for _ in 0..5 {
        match watch.changed() {
            Err(error) => lost = error.is_unavailable(),
            Ok(true) if lost => return,
            Ok(_) => {}
        }
    }
    panic!("the loss was not noticed: {lost}");
}

#[test]
fn behind_a_pooler_changes_are_seen_without_notifications() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    let mut options = database.options.clone();
    (options.transaction_pooling, options.prepared_statements) = (true, false);
    let store = Store::open(&options).expect("a store");
    let mut watch = store.watch();
    assert_eq!(watch.changed(), Ok(true), "on connecting: something may have been missed");
    let within = |watch: &mut ChangeWatch, limit: Duration| {
        let started = Instant::now();
        let mut seen = false;
        while !seen && started.elapsed() < limit {
            seen = watch.changed().expect("watch");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        seen
    };
    let added = store.transact(|conn| -> Result<(), StoreError> {
        with_environment(conn);
        Ok(())
    });
    added.expect("an environment");
    assert!(within(&mut watch, Duration::from_secs(30)));
    assert!(!within(&mut watch, Duration::from_millis(2500)), "once");
    database.execute("NOTIFY tessera_environments");
    assert!(!within(&mut watch, Duration::from_millis(2500)), "it does not listen");
}
