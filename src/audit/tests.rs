//! The audit log against both engines.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use tokio::task::JoinSet;

use super::{
    AuditLog, AuditMode, AuditOptions, AuditRecord, AuditUnavailable, Event, Outcome, Report, chain::day_of, verify,
    verify::verify_rows, writer::Writer,
};
use crate::{
    domain::{clock::Clock, random::SystemRandom},
    store::{
        Conn, Engine, Store, StoreError, audit_reading,
        audit_records::AuditRow,
        testing::{TestDatabase, on_both_engines},
    },
};

const DAY: i64 = 20_000;
const NOON: i64 = DAY * 86_400_000 + 43_200_000;

#[derive(Debug)]
struct At(AtomicI64);

impl Clock for At {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

fn start(database: &TestDatabase, mode: AuditMode, queue: usize) -> (AuditLog, Arc<At>) {
    let clock = Arc::new(At(AtomicI64::new(NOON)));
    let options = AuditOptions { mode, retention_days: 2, queue, ..AuditOptions::default() };
    let audit = AuditLog::start(&database.store, options, Arc::clone(&clock) as _, Arc::new(SystemRandom));
    (audit.expect("writer"), clock)
}

fn record(request_id: impl Into<String>, clock: &At) -> AuditRecord {
    let mut record = AuditRecord::new(Event::TokenIssued, Outcome::Success, request_id, clock.now_millis());
    record.client_id = Some("bff\0\"".to_owned());
    record.audience = vec!["api".to_owned()];
    record
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime").block_on(future)
}

/// Commits so many records at once.
fn commit_all(audit: &AuditLog, clock: &At, count: usize) -> Vec<Result<(), AuditUnavailable>> {
    block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..count {
            let (audit, record) = (audit.clone(), record(format!("r{number}"), clock));
            tasks.spawn(async move { audit.commit(record).await });
        }
        tasks.join_all().await
    })
}

/// The chains that have records of a day, and those records.
fn chains_of(store: &Store, day: i64) -> Vec<Vec<AuditRow>> {
    let read = |conn: &mut Conn<'_>| {
        let (mut chains, mut after) = (Vec::new(), String::new());
        while let Some(node) = audit_reading::next_node(conn, day, &after)? {
            let mut chain = audit_reading::page(conn, day, &node, 0)?;
            while let last = chain.last().map_or(0, |row| row.seq)
                && let more = audit_reading::page(conn, day, &node, last)?
                && !more.is_empty()
            {
                chain.extend(more);
            }
            chains.push(chain);
            after = node;
        }
        Ok::<_, StoreError>(chains)
    };
    store.read(read).expect("chains")
}

fn chains(store: &Store) -> Vec<Vec<AuditRow>> {
    chains_of(store, DAY)
}

#[test]
fn records_are_durable_when_commit_returns_and_their_chain_verifies() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::BeforeResponse, 64);
        assert_eq!(commit_all(&audit, &clock, 300), vec![Ok(()); 300]);
        let chains = chains(&database.store);
        assert_eq!((chains.len(), chains[0].len()), (1, 300));
        assert_eq!(verify_rows(&chains[0]), Ok(()));
        let row = &chains[0][0];
        assert_eq!(
            (row.day, row.time_ms, row.event.as_str(), row.outcome.as_str()),
            (DAY, NOON, "token.issued", "success")
        );
        assert_eq!(row.client_id.as_deref(), Some("bff\u{FFFD}\""));
        assert_eq!(row.environment_id, None);
        let text: serde_json::Value = serde_json::from_str(&row.record).expect("JSON");
        assert_eq!(text["client_id"], "bff\0\"");
        assert_eq!(text["audience"][0], "api");
        audit.shutdown();
    });
}

#[test]
fn a_record_changed_in_the_database_is_found() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::BeforeResponse, 64);
        assert_eq!(commit_all(&audit, &clock, 5), vec![Ok(()); 5]);
        database.execute("UPDATE audit_records SET record = replace(record, '\"api\"', '\"other\"') WHERE seq = 3");
        assert_eq!(verify_rows(&chains(&database.store)[0]).expect_err("changed").seq, 3);
        database.execute("DELETE FROM audit_records WHERE seq = 3");
        assert_eq!(verify_rows(&chains(&database.store)[0]).expect_err("removed").seq, 4);
    });
}

#[test]
fn a_second_process_writes_a_chain_of_its_own() {
    on_both_engines(|database| {
        let (one, clock) = start(database, AuditMode::BeforeResponse, 64);
        let (two, _) = start(database, AuditMode::BeforeResponse, 64);
        thread::scope(|scope| {
            for audit in [&one, &two] {
                scope.spawn(|| assert_eq!(commit_all(audit, &clock, 50), vec![Ok(()); 50]));
            }
        });
        let chains = chains(&database.store);
        assert_eq!(chains.iter().map(Vec::len).collect::<Vec<_>>(), [50, 50]);
        assert!(chains.iter().all(|chain| verify_rows(chain).is_ok()));
    });
}

/// Runs `work` while the database takes no records.
fn without_the_database<T>(database: &TestDatabase, work: impl FnOnce() -> T) -> T {
    match database.engine {
        Engine::Postgres => {
            database.shut();
            let result = work();
            database.reopen();
            result
        }
        // Another process holds the write lock for longer than anybody waits for it.
        Engine::Sqlite => database.store.transact(|_| Ok::<_, StoreError>(work())).expect("lock"),
    }
}

#[test]
fn without_the_database_requests_are_refused_and_later_served_again() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::BeforeResponse, 64);
        assert_eq!(commit_all(&audit, &clock, 3), vec![Ok(()); 3]);
        let refused = without_the_database(database, || commit_all(&audit, &clock, 3));
        assert_eq!(refused, vec![Err(AuditUnavailable); 3]);
        let started = Instant::now();
        while commit_all(&audit, &clock, 1) != [Ok(())] {
            assert!(started.elapsed() < Duration::from_secs(10), "no service after the outage");
            thread::sleep(Duration::from_millis(50));
        }
        let chains = chains(&database.store);
        assert_eq!(chains.iter().map(Vec::len).sum::<usize>(), 4, "only what was committed");
        assert!(chains.iter().all(|chain| verify_rows(chain).is_ok()));
    });
}

#[test]
fn after_response_goes_on_without_the_database_and_loses_nothing() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::AfterResponse, 64);
        assert_eq!(commit_all(&audit, &clock, 3), vec![Ok(()); 3]);
        thread::sleep(Duration::from_millis(150));
        let queued = without_the_database(database, || {
            let queued = commit_all(&audit, &clock, 30);
            thread::sleep(Duration::from_millis(300));
            queued
        });
        assert_eq!(queued, vec![Ok(()); 30]);
        assert_eq!(commit_all(&audit, &clock, 2), vec![Ok(()); 2]);
        audit.shutdown();
        let chains = chains(&database.store);
        assert_eq!(chains.iter().map(Vec::len).collect::<Vec<_>>(), [35], "one chain, each record once");
        assert_eq!(verify_rows(&chains[0]), Ok(()));
    });
}

#[test]
fn after_response_becomes_durable_by_itself() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::AfterResponse, 64);
        commit_all(&audit, &clock, 1);
        let started = Instant::now();
        while chains(&database.store).is_empty() {
            assert!(
                started.elapsed() < Duration::from_secs(10),
                "nothing was written without a further record or a stop"
            );
            thread::yield_now();
        }
    });
}

#[test]
fn a_full_queue_makes_requests_wait_and_drops_nothing() {
    // More than the queue and the writer's own batch hold together.
    const RECORDS: usize = 4 + 1024 + 40;
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::AfterResponse, 4);
        let (locked, lock) = mpsc::channel();
        let unlocked = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                without_the_database(database, || {
                    locked.send(()).expect("receiver");
                    thread::sleep(Duration::from_millis(500));
                    unlocked.store(true, Ordering::SeqCst);
                });
            });
            lock.recv().expect("sender");
            assert_eq!(commit_all(&audit, &clock, RECORDS), vec![Ok(()); RECORDS]);
            assert!(unlocked.load(Ordering::SeqCst), "they do not all fit: the last ones waited");
        });
        audit.shutdown();
        assert_eq!(chains(&database.store).iter().map(Vec::len).sum::<usize>(), RECORDS);
    });
}

#[test]
fn shutdown_writes_what_waits_and_takes_nothing_more() {
    on_both_engines(|database| {
        for mode in [AuditMode::AfterResponse, AuditMode::BeforeResponse] {
            let (audit, clock) = start(database, mode, 64);
            assert_eq!(commit_all(&audit, &clock, 20), vec![Ok(()); 20]);
            audit.shutdown();
            audit.shutdown();
            assert_eq!(commit_all(&audit, &clock, 1), [Err(AuditUnavailable)]);
        }
        assert_eq!(chains(&database.store).iter().map(Vec::len).collect::<Vec<_>>(), [20, 20]);
    });
}

#[test]
fn old_days_are_dropped_and_midnight_is_like_any_other_time() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::BeforeResponse, 64);
        let rows_of = |days: [i64; 4]| days.map(|day| chains_of(&database.store, DAY + day).len());
        for day in 0..3 {
            clock.0.store(NOON + day * 86_400_000, Ordering::Relaxed);
            assert_eq!(commit_all(&audit, &clock, 2), vec![Ok(()); 2]);
        }
        // Housekeeping follows the answer.
        audit.shutdown();
        assert_eq!(rows_of([0, 1, 2, 3]), [0, 1, 1, 0], "of two days, today is one");
        let chain: Vec<_> =
            [1, 2].into_iter().flat_map(|day| chains_of(&database.store, DAY + day).remove(0)).collect();
        assert_eq!((chain[0].seq, chain.len(), verify_rows(&chain)), (3, 4, Ok(())));
        let expected = Report { records: 4, chains: 1, without_beginning: 1, broken: Vec::new() };
        assert_eq!(verify(&database.store, None), Ok(expected), "a dropped beginning is no break");
        // The partition is gone, not only its rows; of SQLite's one table only they can be.
        let tables = |pattern: &str| database.count("pg_class", &format!("relname LIKE '{pattern}' AND relkind = 'r'"));
        match database.engine {
            Engine::Postgres => {
                assert_eq!((tables("audit_records_20000"), tables("audit_records_2000_")), (0, 3), "2, 3 and tomorrow");
                assert_eq!(database.count("pg_inherits", "inhparent = 'audit_records'::regclass"), 3);
            }
            Engine::Sqlite => assert_eq!(database.count("audit_records", "day <= 20000"), 0),
        }
    });
}

#[test]
fn old_days_are_dropped_also_while_nobody_asks_for_anything() {
    on_both_engines(|database| {
        let (audit, clock) = start(database, AuditMode::BeforeResponse, 64);
        assert_eq!(commit_all(&audit, &clock, 3), vec![Ok(()); 3]);
        audit.shutdown();

        let (queue, records) = tokio::sync::mpsc::channel(4);
        let stopping = Arc::new(AtomicBool::new(false));
        let (idle, random) = (Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemRandom));
        let options = AuditOptions { retention_days: 2, ..AuditOptions::default() };
        let mut writer =
            Writer::new(database.store.clone(), options, records, Arc::clone(&stopping), idle, random).expect("writer");
        writer.look = Duration::from_millis(5);
        let audit = AuditLog::run(writer, options.mode, queue, stopping).expect("thread");
        let has = |count: i64| database.count("audit_records", "day = 20000") == count;
        assert!(has(3), "not old yet");
        clock.0.store(NOON + 2 * 86_400_000, Ordering::Relaxed);
        let started = Instant::now();
        while !has(0) {
            assert!(started.elapsed() < Duration::from_secs(10), "an idle server keeps what is too old");
            thread::yield_now();
        }
        audit.shutdown();
    });
}

#[test]
fn days_change_at_midnight_utc_also_before_1970() {
    assert_eq!([day_of(0), day_of(86_399_999), day_of(86_400_000), day_of(-1)], [0, 0, 1, -1]);
}
