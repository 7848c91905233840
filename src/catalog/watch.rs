//! Keeps the memory in step with the database, on a thread of its own.

use std::{
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use super::Catalog;
use crate::store::{ChangeWatch, Store};

/// How often the database is asked whether something changed; cheap: no statement on Postgres, one pragma on SQLite.
const LISTEN_INTERVAL: Duration = Duration::from_millis(200);
/// How often the versions are compared all the same, in case a notification was lost.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// The running watch. Stops when dropped.
pub struct CatalogWatch {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    stopped: Mutex<bool>,
    wake: Condvar,
    /// Whether the last look at the database worked.
    in_touch: AtomicBool,
}

impl Signal {
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
        let signal = Arc::new(Signal { in_touch: AtomicBool::new(true), ..Signal::default() });
        let thread = std::thread::Builder::new().name("catalog-watch".to_owned()).spawn({
            let (signal, watch) = (Arc::clone(&signal), store.watch());
            move || run(&catalog, watch, &signal)
        })?;
        Ok(Self { signal, thread: Some(thread) })
    }

    /// Whether this node hears of changes: the last look at the database worked.
    pub fn in_touch(&self) -> bool {
        self.signal.in_touch.load(Ordering::Relaxed)
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

fn run(catalog: &Catalog, mut watch: ChangeWatch, signal: &Signal) {
    let mut last_poll = Instant::now();
    while signal.wait() {
        let looked = watch.changed().map_err(Into::into).and_then(|changed| {
            if changed || last_poll.elapsed() >= POLL_INTERVAL {
                last_poll = Instant::now();
                catalog.refresh()?;
            }
            Ok::<(), super::LoadError>(())
        });
        report(looked, &signal.in_touch);
    }
}

/// Says once that the database is out of reach, and once that it is back.
fn report(looked: Result<(), super::LoadError>, in_touch: &AtomicBool) {
    let was_in_touch = in_touch.swap(looked.is_ok(), Ordering::Relaxed);
    match looked {
        Err(error) if was_in_touch => log::error!("changes cannot be read; serving from memory: {error}"),
        Ok(()) if !was_in_touch => log::info!("changes can be read again"),
        _ => {}
    }
}
