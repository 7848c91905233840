//! Threads that do the same again and again.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

/// What such a thread does.
pub trait Work: Send + 'static {
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
    /// Starts: the first time is now, the next one `pause` after the end of the one before.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(name: &str, pause: Duration, mut work: impl Work) -> io::Result<Self> {
        let signal = Arc::new(Signal::default());
        let thread = thread::Builder::new().name(name.to_owned()).spawn({
            let signal = Arc::clone(&signal);
            move || {
                loop {
                    work.run();
                    if !signal.wait(pause) {
                        break;
                    }
                }
                work.finish();
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
