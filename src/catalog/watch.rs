//! Keeps the memory in step with the database, on a thread of its own.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::{Catalog, LoadError};
use crate::{
    metrics::Page,
    store::{ChangeWatch, Lane, Store, StoreError},
};

/// How often the database is asked whether something changed; cheap: no statement on Postgres, one pragma on SQLite.
const LISTEN_INTERVAL: Duration = Duration::from_millis(200);
/// How often the versions are compared all the same, in case a notification was lost.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// How soon a change that could not be loaded is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// How often expired revocations are deleted. Any node may: it is the same whoever does.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);
/// How old the last good look may be before this node counts as out of touch, although no error came. Above what a slow statement may
/// take.
const LONGEST_SILENCE: Duration = Duration::from_secs(15);

/// The running watch. Stops when dropped.
pub struct CatalogWatch {
    catalog: Arc<Catalog>,
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

struct Signal {
    stopped: Mutex<bool>,
    wake: Condvar,
    /// Whether the last look at the database worked.
    in_touch: AtomicBool,
}

impl Signal {
    fn new() -> Self {
        Self { stopped: Mutex::new(false), wake: Condvar::new(), in_touch: AtomicBool::new(true) }
    }

    /// Says once that the database is out of reach, and once that it is back.
    fn report(&self, looked: Result<(), LoadError>) {
        let was_in_touch = self.in_touch.swap(looked.is_ok(), Ordering::Relaxed);
        match looked {
            Err(error) if was_in_touch => log::error!("changes cannot be read; serving from memory: {error}"),
            Ok(()) if !was_in_touch => log::info!("changes can be read again"),
            _ => {}
        }
    }

    /// Waits for one interval; `false` when it is time to stop.
    fn wait(&self) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) = self
            .wake
            .wait_timeout_while(stopped, LISTEN_INTERVAL, |stopped| !*stopped)
            .unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}

impl CatalogWatch {
    /// Starts watching.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(catalog: Arc<Catalog>, store: &Store) -> std::io::Result<Self> {
        let signal = Arc::new(Signal::new());
        let thread = std::thread::Builder::new().name("catalog-watch".to_owned()).spawn({
            let (signal, catalog, watched) = (Arc::clone(&signal), Arc::clone(&catalog), store.clone());
            let lane = Lane::new(store, "catalog-look", move || Ok(Looks::new(watched.watch())));
            move || run(&catalog, lane, &signal)
        })?;
        Ok(Self { catalog, signal, thread: Some(thread) })
    }

    /// Writes how far behind the database this node may be onto `page`.
    pub fn expose(&self, page: &mut Page) {
        let help = "Time since the database was last seen to hold nothing that this node does not know.";
        page.gauge("tessera_catalog_lag_seconds", help, &[], self.catalog.silence().as_secs_f64());
    }

    /// Whether this node hears of changes: the last look at the database worked, and was not long ago.
    pub fn in_touch(&self) -> bool {
        self.signal.in_touch.load(Ordering::Relaxed) && self.catalog.silence() < LONGEST_SILENCE
    }
}

impl Drop for CatalogWatch {
    fn drop(&mut self) {
        *self.signal.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // The thread holds nothing that needs saving; a panic in it was logged by the runtime.
            let _ = thread.join();
        }
    }
}

/// Forgets what has expired, and deletes some of it; `true` when there may be more.
fn sweep(catalog: &Catalog, goes_on: bool) -> bool {
    if !goes_on {
        catalog.forget_revocations();
    }
    // Another node may be at it: that is no reason to count as out of touch, and the next minute is another chance.
    let deleted = catalog.delete_revocations();
    let deleted = deleted.and_then(|more| Ok(catalog.delete_sessions()? || more));
    let deleted = deleted.and_then(|more| Ok(catalog.delete_attempts()? || more));
    let deleted = deleted.and_then(|more| Ok(catalog.delete_codes()? || more));
    let failed = |error: &StoreError| log::warn!("what has expired cannot be deleted yet: {error}");
    deleted.inspect_err(failed).unwrap_or_default()
}

/// What the thread knows from one look to the next.
struct Looks {
    watch: ChangeWatch,
    last_poll: Instant,
    last_sweep: Instant,
    /// Whether a change is known to be missing from memory.
    behind: bool,
    /// Whether there may be more to delete.
    sweeping: bool,
}

impl Looks {
    fn new(watch: ChangeWatch) -> Self {
        Self { watch, last_poll: Instant::now(), last_sweep: Instant::now(), behind: false, sweeping: false }
    }

    /// Looks once. `None` while it is too soon to say.
    fn look(&mut self, catalog: &Catalog) -> Option<Result<(), LoadError>> {
        let looked = self.watch.changed().map_err(LoadError::from).and_then(|changed| {
            let interval = if self.behind { RETRY_INTERVAL } else { POLL_INTERVAL }.min(catalog.longest_interval());
            if changed || self.last_poll.elapsed() >= interval {
                (self.last_poll, self.behind) = (Instant::now(), true);
                catalog.refresh()?;
                self.behind = false;
                self.watch.check()?;
            }
            Ok(())
        });
        if !self.behind && looked.is_ok() && (self.sweeping || self.last_sweep.elapsed() >= SWEEP_INTERVAL) {
            (self.last_sweep, self.sweeping) = (Instant::now(), sweep(catalog, self.sweeping));
        }
        (looked.is_err() || !self.behind).then_some(looked)
    }
}

fn run(catalog: &Arc<Catalog>, mut lane: Lane<Looks>, signal: &Signal) {
    while signal.wait() {
        let catalog = Arc::clone(catalog);
        match lane.run(move |looks| looks.look(&catalog)) {
            Ok(Some(looked)) => signal.report(looked),
            Ok(None) => {}
            Err(cut) => signal.report(Err(StoreError::from(cut).into())),
        }
    }
}
