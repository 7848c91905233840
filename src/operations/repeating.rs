//! Threads that do the same again and again.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use crate::store::{Cut, Lane, Store};

/// What such a thread does. When it waits for the database in vain, it is left behind, and another one is made that goes on.
pub trait Work: 'static {
    /// Once.
    fn run(&mut self);

    /// When there is no next time.
    fn finish(&mut self) {}
}

/// A running thread. When dropped it ends what it has begun, and stops.
pub struct Repeating {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Signal {
    /// Waits so long; `false` when it is time to stop.
    fn wait(&self, pause: Duration) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) =
            self.wake.wait_timeout_while(stopped, pause, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}

impl Repeating {
    /// Starts with what `make` makes: the first time is now, the next one `pause` after the end of the one before.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start<W: Work>(
        store: &Store,
        name: &'static str,
        pause: Duration,
        make: impl Fn() -> io::Result<W> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let mut lane = Lane::new(store, name, make);
        let thread = thread::Builder::new().name(name.to_owned()).spawn({
            let signal = Arc::clone(&signal);
            move || {
                let said = |cut: Cut| log::warn!("{name}: {cut}");
                loop {
                    lane.run(W::run).unwrap_or_else(said);
                    if !signal.wait(pause) {
                        break;
                    }
                }
                lane.run(W::finish).unwrap_or_else(said);
            }
        })?;
        Ok(Self { signal, thread: Some(thread) })
    }
}

impl Drop for Repeating {
    fn drop(&mut self) {
        *self.signal.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged by the runtime.
            let _ = thread.join();
        }
    }
}
