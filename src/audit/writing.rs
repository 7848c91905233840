//! What the writer does with the database, and how it finds out that it can again.

use std::{collections::BTreeSet, sync::Arc, time::Instant};

use super::{
    chain::{Chain, day_of},
    record::{AuditRecord, Event, Outcome},
    writer::{RESPITE, Writer, link},
};
use crate::store::{
    Conn, Cut, Dedicated, Store, StoreError,
    audit_records::{self, AuditRow},
    leases,
};

/// The lease that a node writes to see whether the disk has room. Nobody holds it: all take it under one name.
const PROBE: &str = "audit-probe";

/// Of its own, so that audit never waits for a free one of the pool.
pub(super) struct Connection {
    pub(super) store: Store,
    pub(super) open: Option<Dedicated>,
}

impl Connection {
    /// Works with it. After a failure it is not worth finding out what is still good: the next work opens another one.
    fn work<T>(&mut self, work: impl FnOnce(&mut Conn<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut connection = match self.open.take() {
            Some(connection) => connection,
            None => self.store.dedicated()?,
        };
        let done = work(&mut connection.conn())?;
        self.open = Some(connection);
        Ok(done)
    }
}

impl Writer {
    /// Works with the database for as long as it answers.
    pub(super) fn with_database<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Conn<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let outcome = self.database.run(move |connection| connection.work(work));
        self.is_left_behind = matches!(outcome, Err(Cut::LeftBehind));
        outcome?
    }

    pub(super) fn write(&mut self, rows: &Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        let began = self.stats.begins();
        let outcome = self.try_write(rows);
        self.stats.ends(began, outcome.is_ok().then_some(rows.len()));
        match &outcome {
            Ok(()) => self.works(),
            Err(_) => {
                self.last_failure = Some(Instant::now());
                self.prepared.clear();
            }
        }
        outcome
    }

    fn works(&mut self) {
        self.last_failure = None;
        if let Some(since) = self.outage.take() {
            log::info!("the audit log writes again, after {} s", since.elapsed().as_secs());
        }
    }

    /// Asks the database whether it would take records.
    pub(super) fn probe(&mut self) {
        if self.last_failure.is_some_and(|failure| failure.elapsed() < RESPITE) {
            return;
        }
        match self.try_probe() {
            Ok(()) => {
                self.stats.recovers();
                self.works();
            }
            Err(_) => self.last_failure = Some(Instant::now()),
        }
    }

    fn try_probe(&mut self) -> Result<(), StoreError> {
        let now_ms = self.clock.now_millis();
        let record = AuditRecord::new(Event::TokenRefused, Outcome::Failed, "probe", now_ms);
        let mut chain = Chain::new(self.random.as_ref()).map_err(|error| StoreError::Query(error.to_string()))?;
        let rows = link(&mut chain, [&record])?;
        self.with_database(move |conn| {
            audit_records::prepare_day(conn, day_of(now_ms))?;
            audit_records::would_append(conn, &rows)?;
            // Of what is taken back a full disk says nothing.
            let now = now_ms.div_euclid(1000);
            leases::take(conn, PROBE, PROBE, now, now).map(drop)
        })
    }

    fn try_write(&mut self, rows: &Arc<Vec<AuditRow>>) -> Result<(), StoreError> {
        let days: BTreeSet<i64> = rows.iter().map(|row| row.day).filter(|day| !self.prepared.contains(day)).collect();
        let (rows, unprepared) = (Arc::clone(rows), days.clone());
        self.with_database(move |conn| {
            unprepared.into_iter().try_for_each(|day| audit_records::prepare_day(conn, day))?;
            audit_records::append(conn, &rows)
        })?;
        self.prepared.extend(days);
        Ok(())
    }

    /// Whether the last of these rows is there, and so all of them: a batch is written as a whole.
    pub(super) fn is_written(&mut self, rows: &[AuditRow]) -> Result<bool, StoreError> {
        let Some(last) = rows.last().cloned() else { return Ok(true) };
        let expected = last.hash.clone();
        let hash = self.with_database(move |conn| audit_records::hash_at(conn, last.day, &last.node, last.seq))?;
        Ok(hash.as_ref() == Some(&expected))
    }
}
