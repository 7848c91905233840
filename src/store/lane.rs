//! A thread for work with the database that is left behind when the database does not answer.

use std::{
    fmt, io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError, Sender},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use super::{Store, StoreError};

/// How often whoever waits looks whether there is still something to wait for.
const LOOK: Duration = Duration::from_millis(100);
/// The most threads that one lane leaves behind. With as many it waits: a database that lets in one connection after the other and
/// answers none must not cost a thread each.
const MOST_LEFT: usize = 8;

type Job<S> = Box<dyn FnOnce(&mut S) + Send>;

/// Runs one piece of work after the other on a thread of its own, with a state that lives there. When the work waits in vain for the
/// database, the thread is left behind with its state and its connection, and the next piece of work gets a new one.
pub struct Lane<S> {
    store: Store,
    name: &'static str,
    make: Arc<dyn Fn() -> io::Result<S> + Send + Sync>,
    running: Option<Running<S>>,
    left: Vec<JoinHandle<()>>,
}

struct Running<S> {
    jobs: Sender<Job<S>>,
    thread: JoinHandle<()>,
}

/// Why there is no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Cut {
    /// The database did not answer. The work may go on when it does, and nobody hears how it ends.
    #[error("the database does not answer; its connection is given up")]
    LeftBehind,
    /// The work panicked, or there was no thread for it.
    #[error("the work was cut off")]
    Ended,
}

impl From<Cut> for StoreError {
    fn from(cut: Cut) -> Self {
        StoreError::unavailable(cut.to_string())
    }
}

impl<S> fmt::Debug for Lane<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S: 'static> Lane<S> {
    /// One whose threads have this name, and a state that `make` makes there. The thread begins with the first work.
    pub fn new(store: &Store, name: &'static str, make: impl Fn() -> io::Result<S> + Send + Sync + 'static) -> Self {
        Self { store: store.clone(), name, make: Arc::new(make), running: None, left: Vec::new() }
    }

    /// Runs `work`, and waits for it as long as it is not known to be in vain.
    ///
    /// # Errors
    /// It is in vain, or `work` panicked.
    pub fn run<T: Send + 'static>(&mut self, work: impl FnOnce(&mut S) -> T + Send + 'static) -> Result<T, Cut> {
        let (done, result) = mpsc::channel();
        let job: Job<S> = Box::new(move |state| {
            // Nobody hears it when the thread was left behind.
            let _ = done.send(work(state));
        });
        let running = match self.running.take() {
            Some(running) => running,
            None => self.start().map_err(|error| {
                log::error!("no thread for work with the database ({}): {error}", self.name);
                Cut::Ended
            })?,
        };
        if running.jobs.send(job).is_err() {
            return Err(Cut::Ended);
        }
        loop {
            match result.recv_timeout(LOOK) {
                Ok(result) => {
                    self.running = Some(running);
                    return Ok(result);
                }
                Err(RecvTimeoutError::Disconnected) => return Err(Cut::Ended),
                Err(RecvTimeoutError::Timeout) if self.may_leave(&running) => {
                    self.left.push(running.thread);
                    self.store.leave_hanging();
                    return Err(Cut::LeftBehind);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn may_leave(&mut self, running: &Running<S>) -> bool {
        self.left.retain(|thread| !thread.is_finished());
        self.left.len() < MOST_LEFT && self.store.hangs(running.thread.thread().id())
    }

    fn start(&self) -> io::Result<Running<S>> {
        let (jobs, given) = mpsc::channel::<Job<S>>();
        let (name, make) = (self.name, Arc::clone(&self.make));
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || match make() {
            Ok(mut state) => given.iter().for_each(|job| job(&mut state)),
            Err(error) => log::error!("work with the database ({name}) cannot begin: {error}"),
        })?;
        Ok(Running { jobs, thread })
    }
}

impl<S> Drop for Lane<S> {
    fn drop(&mut self) {
        let Some(Running { jobs, thread }) = self.running.take() else { return };
        drop(jobs);
        // It is idle, and ends at once. A panic in it was logged by the runtime.
        let _ = thread.join();
    }
}
