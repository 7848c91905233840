use std::time::{Duration, Instant};

use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, connection::SimpleConnection as _};

use super::{super::testing::on_both_engines, an_environment, with_environment};
use crate::store::{
    Conn, Engine, Store, StoreError, StoreOptions, connection::each, environments, schema, testing::TestDatabase,
};

#[test]
fn a_mistyped_path_is_not_a_new_database() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("tessera.bd");
    let url = format!("sqlite://{}", path.display());
    let error = Store::open(&StoreOptions::new(&url)).expect_err("no such file");
    assert!(error.to_string().contains("no SQLite database at") && !error.is_unavailable(), "{error}");
    assert!(!path.exists());
}

#[test]
fn a_new_file_is_made_only_when_asked_with_its_folder_and_nobody_else_may_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("data/50% new/tessera.db");
    let mut options = StoreOptions::new(format!("sqlite://{}", path.display()));
    options.create = true;
    let store = Store::open(&options).expect("made");
    // While it is open there is a write-ahead log.
    let _open = store.dedicated().expect("a connection");
    store.migrate().expect("migrations");
    for file in ["tessera.db", "tessera.db-wal"] {
        let mode = path.with_file_name(file).metadata().expect(file).permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    // A vanished file is not made anew behind a running server.
    std::fs::remove_file(&path).expect("remove");
    assert!(store.dedicated().is_err_and(|error| error.is_unavailable()));
    assert!(!path.exists());
}

#[test]
fn a_database_that_is_down_is_unavailable_and_the_error_keeps_the_password() {
    let mut options = StoreOptions::new("postgres://me:hunter2@127.0.0.1:1/tessera");
    options.acquire_timeout = Duration::from_millis(200);
    let error = Store::open(&options).expect_err("nobody listens there");
    assert!(error.is_unavailable(), "{error:?}");
    assert!(error.to_string().contains("127.0.0.1"), "{error}");
    assert!(!format!("{error} {error:?} {options:?}").contains("hunter2"));
}

#[test]
fn every_connection_of_the_pool_has_its_settings() {
    let database = TestDatabase::sqlite();
    let settings = |pragma: &str| -> i64 {
        #[derive(diesel::QueryableByName)]
        struct Setting {
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            value: i64,
        }
        let query = format!("SELECT * FROM (SELECT {pragma} AS value FROM pragma_{pragma})");
        let query = query.replace("SELECT busy_timeout", "SELECT timeout");
        let row: Setting = database
            .store
            .read(|conn| match conn {
                Conn::Sqlite(c) => diesel::sql_query(&query).get_result(*c).map_err(StoreError::from),
                Conn::Postgres(_) => unreachable!(),
            })
            .expect(pragma);
        row.value
    };
    assert_eq!(settings("foreign_keys"), 1);
    assert_eq!(settings("synchronous"), 2);
    assert_eq!(settings("busy_timeout"), 2000);
}

/// Reads, thinks, and updates only if nobody else has: the pattern of everything that may happen once.
fn take_once(store: &Store) -> Result<usize, StoreError> {
    store.transact(|conn| {
        let version = environments::find(conn, "one")?.expect("there").version;
        std::thread::sleep(Duration::from_millis(20));
        let one = schema::environments::table.find("one").filter(schema::environments::version.eq(1));
        let change = schema::environments::version.eq(2);
        let taken = each!(conn, c => diesel::update(one).set(change).execute(c))?;
        assert!(version == 1 || taken == 0);
        Ok(taken)
    })
}

#[test]
fn of_eight_that_race_for_one_counted_update_one_wins_and_none_fails() {
    on_both_engines(|database| {
        database
            .store
            .transact(|conn| -> Result<(), StoreError> {
                with_environment(conn);
                Ok(())
            })
            .expect("environment");
        let outcomes: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8).map(|_| scope.spawn(|| take_once(&database.store))).collect();
            racers.into_iter().map(|racer| racer.join().expect("no panic")).collect()
        });
        let taken: usize = outcomes.into_iter().map(|outcome| outcome.expect("no racer fails")).sum();
        assert_eq!(taken, 1);
    });
}

#[test]
fn after_a_conflict_in_a_savepoint_the_transaction_goes_on() {
    on_both_engines(|database| {
        let conflict = database.store.transact(|conn| -> Result<StoreError, StoreError> {
            with_environment(conn);
            let conflict = conn.savepoint(|conn| environments::insert(conn, &an_environment("one"), 2)).err();
            environments::insert(conn, &an_environment("two"), 2)?;
            Ok(conflict.expect("a second row with the same id"))
        });
        assert!(conflict.expect("the rest is committed").is_conflict());
        assert_eq!(database.store.read(environments::all).expect("rows").len(), 2);
    });
}

#[derive(Debug, PartialEq)]
enum Refused {
    ByUs,
    Store(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Refused::Store(error)
    }
}

#[test]
fn an_error_rolls_everything_back_and_arrives_as_it_is() {
    on_both_engines(|database| {
        let outcome: Result<(), Refused> = database.store.transact(|conn| {
            with_environment(conn);
            Err(Refused::ByUs)
        });
        assert_eq!(outcome, Err(Refused::ByUs));
        assert_eq!(database.store.read(environments::all).expect("rows"), []);
        // The connection is fit for use again.
        database.store.ping().expect("ping");
    });
}

#[test]
fn a_snapshot_does_not_see_what_is_committed_meanwhile() {
    on_both_engines(|database| {
        let seen = database.store.snapshot(|conn| -> Result<_, StoreError> {
            let before = environments::all(conn)?.len();
            database.store.transact(|conn| -> Result<(), StoreError> {
                with_environment(conn);
                Ok(())
            })?;
            Ok((before, environments::all(conn)?.len()))
        });
        assert_eq!(seen.expect("snapshot"), (0, 0));
        assert_eq!(database.store.read(environments::all).expect("rows").len(), 1);
    });
}

#[test]
fn dead_connections_are_replaced_without_a_failed_call() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| database.store.ping().expect("ping"));
        }
    });
    database.cut();
    database.store.ping().expect("a read after the restart");
    database.cut();
    let write = database.store.transact(|conn| -> Result<(), StoreError> {
        with_environment(conn);
        Ok(())
    });
    write.expect("a write after the restart");
}

#[test]
fn a_database_that_goes_away_is_unavailable_until_it_is_back() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    database.shut();
    let error = database.store.read(|conn| environments::find(conn, "one")).expect_err("away");
    assert!(error.is_unavailable(), "{error:?}");
    database.reopen();
    assert_eq!(database.store.read(|conn| environments::find(conn, "one")), Ok(None));
}

#[test]
fn what_takes_too_long_is_unavailable() {
    let database = TestDatabase::postgres();
    let error = database.store.read(|conn| -> Result<(), StoreError> {
        let Conn::Postgres(c) = conn else { unreachable!() };
        Ok(c.batch_execute("SELECT pg_sleep(10)")?)
    });
    assert!(error.expect_err("statement timeout").is_unavailable());

    let database = TestDatabase::sqlite();
    database.store.migrate().expect("migrations");
    let error: Result<(), StoreError> = database.store.transact(|_| {
        let started = Instant::now();
        let second: Result<(), StoreError> = database.store.transact(|_| Ok(()));
        assert!(started.elapsed() >= Duration::from_secs(1), "it waits for the lock");
        second
    });
    assert!(error.expect_err("locked").is_unavailable());
    assert_eq!(database.engine, Engine::Sqlite);
}

#[test]
fn when_all_connections_are_in_use_the_wait_is_short() {
    let database = TestDatabase::sqlite();
    let mut options = database.options.clone();
    options.pool_size = 1;
    options.acquire_timeout = Duration::from_millis(100);
    let store = Store::open(&options).expect("open");
    let outcome: Result<(), StoreError> = store.read(|_| store.ping());
    assert!(outcome.expect_err("the only connection is in use").is_unavailable());
}

#[test]
fn a_mistake_in_a_statement_is_not_an_outage() {
    for database in [TestDatabase::sqlite(), TestDatabase::postgres()] {
        let error = database.store.read(environments::all).expect_err("no migrations, no table");
        assert!(matches!(error, StoreError::Query(_)), "{error:?}");
    }
}

#[test]
fn the_state_of_an_error_counts_and_not_the_language_of_its_message() {
    let database = TestDatabase::postgres();
    let execute = |statement: &str| {
        let outcome = database.store.read(|conn| -> Result<(), StoreError> {
            let Conn::Postgres(c) = conn else { unreachable!() };
            Ok(c.batch_execute(statement)?)
        });
        outcome.expect_err(statement)
    };
    let raised = |seconds: u8, state: &str| {
        execute(&format!(
            "DO $$ BEGIN PERFORM pg_sleep({seconds}); RAISE EXCEPTION 'Das geht jetzt nicht' USING ERRCODE = '{state}'; END $$"
        ))
    };
    // A server that takes no changes, and a conflict of transactions.
    for state in ["25006", "40001"] {
        assert!(raised(0, state).is_unavailable(), "{state}");
    }
    // Time-out, lock and deadlock: nobody is refused for those without having waited.
    for state in ["57014", "55P03", "40P01"] {
        assert!(raised(1, state).is_unavailable(), "{state}");
    }
    // A value that does not fit and a missing right are no outage, and let nobody make the node rest from the database.
    for state in ["22021", "42501"] {
        assert!(matches!(raised(0, state), StoreError::Query(_)), "{state}");
    }
    assert!(execute("SELECT pg_terminate_backend(pg_backend_pid())").is_unavailable());
    database.store.ping().expect("another connection");
}

#[test]
fn one_of_a_deadlock_is_told_that_it_may_try_again() {
    let database = TestDatabase::postgres();
    database.store.migrate().expect("migrations");
    let added = database.store.transact(|conn| {
        with_environment(conn);
        environments::insert(conn, &an_environment("two"), 2)
    });
    added.expect("two environments");
    let both_hold_one = std::sync::Barrier::new(2);
    let crosswise = |first: &str, second: &str| {
        database.store.transact(|conn| {
            environments::touch(conn, first, 5)?;
            both_hold_one.wait();
            environments::touch(conn, second, 5)
        })
    };
    let outcomes = std::thread::scope(|scope| {
        let racers = [("one", "two"), ("two", "one")].map(|(a, b)| scope.spawn(move || crosswise(a, b)));
        racers.map(|racer| racer.join().expect("no panic"))
    });
    let failed: Vec<_> = outcomes.into_iter().filter_map(Result::err).collect();
    assert!(matches!(&failed[..], [error] if error.is_unavailable()), "{failed:?}");
}
