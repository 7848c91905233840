//! Which threads wait for an answer of the database, and which of them wait in vain.
//!
//! A server that was stopped, or a proxy that goes on acknowledging, gives no error and ends no connection, and libpq knows no time-out
//! for that. The server ends each statement after `database.statement_timeout_ms` by itself, so a statement that takes longer has a
//! connection that is lost.

use std::{
    cell::Cell,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use diesel::{
    PgConnection,
    connection::{Connection as _, InstrumentationEvent},
};

/// The time that a statement gets beyond what the server allows it, for a busy machine.
const GRACE: Duration = Duration::from_secs(1);
/// The longest that opening a connection may take. Above the sum of `connect_timeout` of several hosts.
const LONGEST_CONNECT: Duration = Duration::from_secs(30);
/// The most threads that are left behind at once. Beyond, the database as a whole is lost, and further connections are too.
const MOST_LEFT: usize = 32;
/// From so long on a refusal comes late: Postgres looks for deadlocks after one second, and nobody waits longer for a partition's lock.
const LATE: Duration = Duration::from_millis(900);

thread_local! {
    /// Whether the statement that failed last on this thread had waited before.
    static FAILED_LATE: Cell<bool> = const { Cell::new(false) };
}

/// Whether the statement of Postgres that failed last on this thread had waited before. Asked once for each failure.
pub(super) fn failed_late() -> bool {
    FAILED_LATE.take()
}

/// The threads that wait now. Cheap to clone; all clones share one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Statements(Arc<Mutex<HashMap<ThreadId, Wait>>>);

#[derive(Debug)]
struct Wait {
    since: Instant,
    /// When the answer must have come.
    until: Instant,
    /// Whether the pool was renewed on its account.
    is_left: bool,
}

impl Statements {
    fn waits(&self) -> MutexGuard<'_, HashMap<ThreadId, Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begins(&self, longest: Duration) {
        let since = Instant::now();
        let wait = Wait { since, until: since + longest, is_left: false };
        self.waits().insert(thread::current().id(), wait);
    }

    /// How long it took.
    fn ends(&self) -> Duration {
        self.waits().remove(&thread::current().id()).map(|wait| wait.since.elapsed()).unwrap_or_default()
    }

    /// Opens a connection, and counts that as a wait.
    pub(super) fn connecting<T>(&self, open: impl FnOnce() -> T) -> T {
        self.begins(LONGEST_CONNECT);
        let opened = open();
        self.ends();
        opened
    }

    /// Follows the statements of this connection, which the server ends after `timeout`.
    pub(super) fn follow(&self, connection: &mut PgConnection, timeout: Duration) {
        let (own, longest) = (self.clone(), timeout.saturating_add(GRACE));
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| match event {
            InstrumentationEvent::StartQuery { .. } => own.begins(longest),
            InstrumentationEvent::FinishQuery { error, .. } => {
                let took = own.ends();
                if error.is_some() {
                    FAILED_LATE.set(took >= timeout.min(LATE));
                }
            }
            _ => {}
        });
    }

    /// Whether this thread waits in vain.
    pub(super) fn hangs(&self, thread: ThreadId) -> bool {
        let now = Instant::now();
        self.waits().get(&thread).is_some_and(|wait| wait.until < now)
    }

    /// Whether threads wait in vain of which this was not known. They are known from now on.
    pub(super) fn leave_hanging(&self) -> bool {
        let (now, mut waits) = (Instant::now(), self.waits());
        if waits.values().filter(|wait| wait.is_left).count() >= MOST_LEFT {
            return false;
        }
        let mut found = false;
        for wait in waits.values_mut().filter(|wait| !wait.is_left && wait.until < now) {
            (wait.is_left, found) = (true, true);
        }
        found
    }
}
