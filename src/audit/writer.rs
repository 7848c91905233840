//! The thread that writes. It takes everything that waits and writes it as one batch with one commit, so that the cost of a durable commit is
//! shared by as many requests as arrived during the one before.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, sync::mpsc, time::timeout};

use super::{
    chain::Chain,
    housekeeping::LOOK,
    log::{AuditError, AuditMode, AuditOptions, AuditUnavailable, Entry, Message},
    record::AuditRecord,
    stats::Stats,
    writing::Connection,
};
use crate::{
    domain::{clock::Clock, random::Random},
    store::{Lane, Store, StoreError, audit_records::AuditRow},
};

/// The most records in one batch.
const BATCH: usize = 1024;
/// `after_response` only: how long the first record of a batch waits for others. Nobody waits for it, and fewer commits leave more of the machine
/// to the requests. Well under the 100 ms that are promised.
const GATHER: Duration = Duration::from_millis(40);
/// The pause after the first failed attempt to write; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// `before_response` only: for so long after a failure requests are refused without a new attempt. A database that is starting up is not helped
/// by a connection attempt per request.
pub(super) const RESPITE: Duration = Duration::from_millis(250);
/// How long `shutdown` keeps trying to write.
const LAST_TRIES: Duration = Duration::from_secs(10);

pub(super) struct Writer {
    pub(super) options: AuditOptions,
    queue: mpsc::Receiver<Message>,
    stopping: Arc<AtomicBool>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    chain: Chain,
    /// On a thread that is left behind when the database does not answer.
    pub(super) database: Lane<Connection>,
    /// The days that have a partition.
    pub(super) prepared: BTreeSet<i64>,
    /// The day whose housekeeping is done.
    pub(super) kept_house: Option<i64>,
    /// When housekeeping failed.
    pub(super) house_failed: Option<Instant>,
    /// How often an idle writer looks whether there is housekeeping.
    pub(super) look: Duration,
    /// Only to wait: for records, or for the next look.
    runtime: Runtime,
    /// Since when the database has not taken records.
    pub(super) outage: Option<Instant>,
    /// When the last attempt failed.
    pub(super) last_failure: Option<Instant>,
    /// Whether that attempt was left behind, and may yet come to its end.
    pub(super) is_left_behind: bool,
    /// When [`LAST_TRIES`] began.
    last_tries: Option<Instant>,
    pub(super) stats: Arc<Stats>,
}

impl Writer {
    pub(super) fn new(
        store: Store,
        options: AuditOptions,
        queue: mpsc::Receiver<Message>,
        stopping: Arc<AtomicBool>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, AuditError> {
        let chain = Chain::new(random.as_ref())?;
        let database =
            Lane::new(&store.clone(), "audit-database", move || Ok(Connection { store: store.clone(), open: None }));
        Ok(Self {
            options,
            queue,
            stopping,
            clock,
            random,
            chain,
            database,
            prepared: BTreeSet::new(),
            kept_house: None,
            house_failed: None,
            look: LOOK,
            runtime: tokio::runtime::Builder::new_current_thread().enable_time().build()?,
            outage: None,
            last_failure: None,
            is_left_behind: false,
            last_tries: None,
            stats: Arc::default(),
        })
    }

    /// Works until [`Message::Stop`], or until every `AuditLog` is gone.
    pub(super) fn run(mut self) {
        let mut rest = self.keep_house();
        let mut messages = Vec::with_capacity(BATCH);
        while self.take(&mut messages, rest) {
            let mut batch = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Record(entry) => batch.push(*entry),
                    // What was queued before is still taken; nothing new gets in.
                    Message::Stop => self.queue.close(),
                }
            }
            if !batch.is_empty() {
                self.stats.has(batch.len());
                match self.options.mode {
                    AuditMode::BeforeResponse => self.write_before(batch),
                    AuditMode::AfterResponse => self.write_after(batch),
                }
                self.stats.has(0);
            }
            rest = self.keep_house();
            if self.stats.is_failing() {
                // A node that is not ready gets no requests, and would never find out that it can write again.
                self.probe();
                rest = rest.min(RESPITE);
            }
        }
    }

    /// Waits for messages and takes what is there, or none after `longest`; `false` when there will be no more.
    fn take(&mut self, messages: &mut Vec<Message>, longest: Duration) -> bool {
        let received = async { timeout(longest, self.queue.recv_many(messages, BATCH)).await };
        match self.runtime.block_on(received) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(_) => return true,
        }
        // Of a full queue requests may wait, and gain nothing by more of them.
        let enough = BATCH.min(self.queue.max_capacity());
        if self.options.mode == AuditMode::AfterResponse && messages.len() < enough && !self.is_stopping() {
            thread::sleep(GATHER);
            while messages.len() < BATCH {
                let Ok(message) = self.queue.try_recv() else { break };
                messages.push(message);
            }
        }
        true
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// One attempt: requests wait for it, and are refused if it fails.
    fn write_before(&mut self, batch: Vec<Entry>) {
        let outcome = self.attempt(batch.iter().map(|entry| &entry.record));
        for waiting in batch.into_iter().filter_map(|entry| entry.waiting) {
            // Whoever went away does not need the answer.
            waiting.send(outcome).ok();
        }
    }

    fn attempt<'a>(&mut self, records: impl Iterator<Item = &'a AuditRecord>) -> Result<(), AuditUnavailable> {
        if self.last_failure.is_some_and(|failure| failure.elapsed() < RESPITE) {
            return Err(AuditUnavailable);
        }
        let mut chain = self.chain.clone();
        match link(&mut chain, records).and_then(|rows| self.write(&Arc::new(rows))) {
            Ok(()) => {
                self.chain = chain;
                Ok(())
            }
            Err(error) => {
                // If the connection was lost during the commit, these rows may be there, or may yet appear while the server has not
                // noticed the loss. Going on under the same numbers could then contradict them. A new chain cannot, whatever happened.
                self.failed(&error);
                self.begin_chain();
                Err(AuditUnavailable)
            }
        }
    }

    /// As many attempts as it takes: the requests were answered, so these records must not be lost.
    fn write_after(&mut self, batch: Vec<Entry>) {
        let records: Vec<AuditRecord> = batch.into_iter().map(|entry| entry.record).collect();
        let mut pause = FIRST_PAUSE;
        let mut chain = self.chain.clone();
        let mut rows = link(&mut chain, &records).map(Arc::new);
        loop {
            // Always the same rows: an earlier attempt whose answer was lost may have written them. Then they are in their own way now.
            let mut outcome = rows.clone().and_then(|rows| self.write(&rows));
            if self.is_left_behind {
                // Except that the same rows would wait for an attempt that hangs, for as long as it does. Under other numbers a record
                // may be there twice, which is the safe side.
                self.begin_chain();
                chain = self.chain.clone();
                rows = link(&mut chain, &records).map(Arc::new);
            }
            if let (Err(StoreError::Conflict(_)), Ok(own)) = (&outcome, &rows) {
                match self.is_written(own) {
                    Ok(true) => outcome = Ok(()),
                    // Someone else has our node id. With 128 random bits that never happens, and if it does, a new id is the way out.
                    Ok(false) => {
                        self.begin_chain();
                        chain = self.chain.clone();
                        rows = link(&mut chain, &records).map(Arc::new);
                    }
                    Err(_) => {}
                }
            }
            let Err(error) = outcome else { break self.chain = chain };
            self.failed(&error);
            if self.gives_up() {
                self.begin_chain();
                return log_unwritten(&records);
            }
            thread::sleep(pause);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn gives_up(&mut self) -> bool {
        self.is_stopping() && self.last_tries.get_or_insert_with(Instant::now).elapsed() >= LAST_TRIES
    }

    fn begin_chain(&mut self) {
        match Chain::new(self.random.as_ref()) {
            Ok(chain) => self.chain = chain,
            // Nothing can be issued without randomness either, so no record is about to follow; the next failure tries again.
            Err(error) => log::error!("the audit log cannot begin a new chain: {error}"),
        }
    }

    /// Once per outage, not once per request.
    fn failed(&mut self, error: &StoreError) {
        if self.outage.is_none() {
            let consequence = match self.options.mode {
                AuditMode::BeforeResponse => "requests are refused until it can",
                AuditMode::AfterResponse => "records are kept in memory until it can",
            };
            log::error!("the audit log cannot write, {consequence}: {error}");
            self.outage = Some(Instant::now());
        }
    }
}

pub(super) fn link<'a>(
    chain: &mut Chain,
    records: impl IntoIterator<Item = &'a AuditRecord>,
) -> Result<Vec<AuditRow>, StoreError> {
    let rows: Result<_, serde_json::Error> = records.into_iter().map(|record| chain.link(record)).collect();
    rows.map_err(|error| StoreError::Query(format!("an audit record cannot be written as JSON: {error}")))
}

/// The last resort at the end of the process: what the database did not take is at least in the log.
fn log_unwritten(records: &[AuditRecord]) {
    for record in records {
        match serde_json::to_string(record) {
            Ok(text) => log::error!("audit record not written to the database: {text}"),
            Err(error) => log::error!("audit record of request {} lost: {error}", record.request_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::{
            record::{Event, Outcome},
            verify::verify_rows,
        },
        domain::{clock::SystemClock, random::SystemRandom},
        store::{audit_reading, testing::on_both_engines},
    };

    fn batch(names: [&str; 2]) -> Vec<Entry> {
        let record = |name: &str| AuditRecord::new(Event::TokenIssued, Outcome::Success, name, 0);
        names.into_iter().map(|name| Entry { record: record(name), waiting: None }).collect()
    }

    #[test]
    fn a_batch_whose_commit_was_not_answered_is_not_written_twice() {
        on_both_engines(|database| {
            let (_queue, records) = mpsc::channel(1);
            let stopping = Arc::new(AtomicBool::new(false));
            let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
            let mut writer =
                Writer::new(database.store.clone(), AuditOptions::default(), records, stopping, clock, random)
                    .expect("random source");
            let mut chain = writer.chain.clone();
            let first = batch(["a", "b"]);
            let rows = link(&mut chain, first.iter().map(|entry| &entry.record)).expect("JSON");
            let rows = Arc::new(rows);
            writer.write(&rows).expect("written, but say that nobody heard of it");

            writer.write_after(first);
            writer.write_after(batch(["c", "d"]));

            let (node, mut connection) = (rows[0].node.clone(), database.store.dedicated().expect("connection"));
            let stored = audit_reading::page(&mut connection.conn(), rows[0].day, &node, 0).expect("rows");
            let requests: Vec<_> = stored.iter().map(|row| row.request_id.as_str()).collect();
            assert_eq!(requests, ["a", "b", "c", "d"]);
            assert_eq!(verify_rows(&stored), Ok(()));
        });
    }
}
