//! The door to the audit log: a bounded queue in front of the writer's thread.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::{
    sync::{mpsc, mpsc::error::TrySendError, oneshot},
    time::timeout,
};

use super::{record::AuditRecord, stats::Stats, writer::Writer};
use crate::{
    domain::{
        clock::Clock,
        random::{Random, RandomError},
    },
    metrics::Page,
    store::Store,
};

/// The longest that a request waits for its record: for a place in the queue and, where it must be durable first, for the commit.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// When a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditMode {
    /// When its record is durable. Without the database nothing is issued.
    #[default]
    BeforeResponse,
    /// When its record is in the queue; it is durable within 100 ms. Records that are only in memory are lost if the process dies.
    AfterResponse,
}

/// How the audit log works.
#[derive(Debug, Clone, Copy)]
pub struct AuditOptions {
    /// When a request is answered.
    pub mode: AuditMode,
    /// How many days records are kept; the day itself counts. At least 1.
    pub retention_days: u32,
    /// How many records may wait. When that many do, requests wait too; none is dropped.
    pub queue: usize,
}

impl Default for AuditOptions {
    fn default() -> Self {
        Self { mode: AuditMode::default(), retention_days: 365, queue: 8192 }
    }
}

/// The record could not be made durable, or not even queued, in time: the request must be refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the audit log cannot take the record now")]
pub struct AuditUnavailable;

/// The audit log could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// No node id.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// No thread.
    #[error("the audit writer's thread cannot be started: {0}")]
    Thread(#[from] std::io::Error),
}

/// A record on its way to the writer.
pub(super) struct Entry {
    pub(super) record: AuditRecord,
    /// Who waits until it is durable.
    pub(super) waiting: Option<oneshot::Sender<Result<(), AuditUnavailable>>>,
}

pub(super) enum Message {
    // Boxed: the queue is long, and the other variant is empty.
    Record(Box<Entry>),
    Stop,
}

/// The audit log. Cheap to clone.
#[derive(Clone)]
pub struct AuditLog(Arc<Inner>);

struct Inner {
    mode: AuditMode,
    queue: mpsc::Sender<Message>,
    stopping: Arc<AtomicBool>,
    stats: Arc<Stats>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("mode", &self.0.mode).finish_non_exhaustive()
    }
}

impl AuditLog {
    /// Starts the writer. It connects by itself, and again whenever the connection is lost.
    ///
    /// # Errors
    /// No randomness for the node id, or no thread.
    pub fn start(
        store: &Store,
        options: AuditOptions,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, AuditError> {
        let (queue, records) = mpsc::channel(options.queue.max(1));
        let stopping = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(store.clone(), options, records, Arc::clone(&stopping), clock, random)?;
        Self::run(writer, options.mode, queue, stopping)
    }

    /// Writes how the log gets on onto `page`.
    pub fn expose(&self, page: &mut Page) {
        let (capacity, free) = (self.0.queue.max_capacity(), self.0.queue.capacity());
        self.0.stats.expose(page, capacity.saturating_sub(free), capacity);
    }

    /// Starts this writer.
    pub(super) fn run(
        writer: Writer,
        mode: AuditMode,
        queue: mpsc::Sender<Message>,
        stopping: Arc<AtomicBool>,
    ) -> Result<Self, AuditError> {
        let stats = Arc::clone(&writer.stats);
        let thread = thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run())?;
        let thread = Mutex::new(Some(thread));
        Ok(Self(Arc::new(Inner { mode, queue, stopping, stats, thread })))
    }

    /// Hands over a record, and returns when the request may be answered.
    ///
    /// A caller that goes away meanwhile takes nothing back: the record is written all the same.
    ///
    /// # Errors
    /// The request must be refused: whatever it was about to hand out has no record. (It may get one, if the answer of the database was
    /// lost. A record too many is the safe side.)
    pub async fn commit(&self, record: AuditRecord) -> Result<(), AuditUnavailable> {
        timeout(LONGEST_WAIT, self.hand_over(record)).await.unwrap_or(Err(AuditUnavailable))
    }

    /// Whether a record would be taken now. Where it would not, requests are refused.
    pub fn takes_records(&self) -> bool {
        match self.0.mode {
            AuditMode::BeforeResponse => !self.0.stats.is_failing() && !self.0.stats.hangs_longer_than(LONGEST_WAIT),
            AuditMode::AfterResponse => self.0.queue.capacity() > 0,
        }
    }

    async fn hand_over(&self, record: AuditRecord) -> Result<(), AuditUnavailable> {
        // Nobody needs to wait to find out that the database stands still. As soon as it moves, records are taken again.
        let must_wait = self.0.mode == AuditMode::BeforeResponse || self.0.queue.capacity() == 0;
        if must_wait && self.0.stats.hangs_longer_than(LONGEST_WAIT) {
            return Err(AuditUnavailable);
        }
        let (waiting, durable) = match self.0.mode {
            AuditMode::AfterResponse => (None, None),
            AuditMode::BeforeResponse => {
                let (waiting, durable) = oneshot::channel();
                (Some(waiting), Some(durable))
            }
        };
        let entry = Message::Record(Box::new(Entry { record, waiting }));
        self.0.queue.send(entry).await.map_err(|_| AuditUnavailable)?;
        match durable {
            Some(durable) => durable.await.unwrap_or(Err(AuditUnavailable)),
            None => Ok(()),
        }
    }

    /// Writes what still waits, and ends the writer. Records that the database does not take within some seconds go to the log instead. Later
    /// calls of [`AuditLog::commit`] are refused. Blocks: call it after the last request, from a thread that may.
    pub fn shutdown(&self) {
        self.0.stopping.store(true, Ordering::Release);
        while let Err(TrySendError::Full(_)) = self.0.queue.try_send(Message::Stop) {
            thread::sleep(Duration::from_millis(5));
        }
        let thread = self.0.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            log::error!("the audit writer panicked");
        }
    }
}
