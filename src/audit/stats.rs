//! How the writer gets on.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::metrics::{Count, Histogram, Page};

/// No moment.
const NEVER: u64 = u64::MAX;

/// How the writer gets on, on this node since it started.
#[derive(Debug)]
pub(super) struct Stats {
    start: Instant,
    /// Records in each batch that was written.
    batches: Histogram,
    /// How long writing a batch took, the commit included.
    commits: Histogram,
    /// Attempts that failed.
    failures: Count,
    /// Records that the writer has taken out of the queue and not written yet.
    in_hand: AtomicU64,
    /// Since when the database has not taken what it was given; milliseconds after `start`. An attempt that is under way counts:
    /// a database that stands still gives no error.
    failing_since: AtomicU64,
    /// When the attempt that is under way began; milliseconds after `start`.
    under_way_since: AtomicU64,
    /// Whether the last attempt failed.
    has_failed: AtomicBool,
}

impl Stats {
    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    /// The writer has so many records in hand.
    pub(super) fn has(&self, records: usize) {
        self.in_hand.store(u64::try_from(records).unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// An attempt begins.
    pub(super) fn begins(&self) -> Instant {
        let now = self.millis();
        self.under_way_since.store(now, Ordering::Relaxed);
        // Unless an earlier one has failed: then it is since that one.
        let _ = self.failing_since.compare_exchange(NEVER, now, Ordering::Relaxed, Ordering::Relaxed);
        Instant::now()
    }

    /// The attempt that began at `began` ended; with so many records, or not well.
    pub(super) fn ends(&self, began: Instant, written: Option<usize>) {
        self.under_way_since.store(NEVER, Ordering::Relaxed);
        match written {
            Some(records) => {
                self.recovers();
                self.commits.took(began.elapsed());
                self.batches.observe(u64::try_from(records).unwrap_or(NEVER));
            }
            None => {
                self.failures.one();
                self.has_failed.store(true, Ordering::Relaxed);
            }
        }
    }

    /// The database would take records again.
    pub(super) fn recovers(&self) {
        self.failing_since.store(NEVER, Ordering::Relaxed);
        self.has_failed.store(false, Ordering::Relaxed);
    }

    /// Whether the last attempt failed, and nothing has shown since that the next would not.
    pub(super) fn is_failing(&self) -> bool {
        self.has_failed.load(Ordering::Relaxed)
    }

    /// Whether an attempt has been under way for longer than that: the database stands still, and no other attempt can begin.
    pub(super) fn hangs_longer_than(&self, time: Duration) -> bool {
        self.since(&self.under_way_since) > time
    }

    fn since(&self, moment: &AtomicU64) -> Duration {
        match moment.load(Ordering::Relaxed) {
            NEVER => Duration::ZERO,
            since => Duration::from_millis(self.millis().saturating_sub(since)),
        }
    }

    /// Writes all onto `page`; `waiting` records are in the queue, and it has room for `capacity`.
    pub(super) fn expose(&self, page: &mut Page, waiting: usize, capacity: usize) {
        let in_hand = usize::try_from(self.in_hand.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        let help = "Audit records that wait for the writer.";
        page.number("tessera_audit_queue_records", help, &[], waiting);
        let help = "Audit records that may wait; when as many do, requests wait too.";
        page.number("tessera_audit_queue_capacity_records", help, &[], capacity);
        let help = "Audit records that are not durable yet: in the queue, or in a batch that is being written.";
        page.number("tessera_audit_unwritten_records", help, &[], waiting.saturating_add(in_hand));
        let help =
            "How long the database has taken no audit record although there was one to take; 0 when all is well.";
        page.gauge("tessera_audit_outage_seconds", help, &[], self.since(&self.failing_since).as_secs_f64());
        let help = "Attempts to write a batch of audit records that failed.";
        page.counter("tessera_audit_write_failures_total", help, &[], self.failures.get());
        page.histogram("tessera_audit_batch_records", "Audit records in each batch.", &[], &self.batches);
        let help = "How long it took to make a batch of audit records durable.";
        page.histogram("tessera_audit_commit_duration_seconds", help, &[], &self.commits);
    }
}

impl Default for Stats {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            batches: Histogram::of_sizes(),
            commits: Histogram::of_times(),
            failures: Count::default(),
            in_hand: AtomicU64::new(0),
            failing_since: AtomicU64::new(NEVER),
            under_way_since: AtomicU64::new(NEVER),
            has_failed: AtomicBool::new(false),
        }
    }
}
