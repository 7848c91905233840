//! Tells the clients of a session that it has ended (OpenID Connect Back-Channel Logout 1.0), on a thread of its own.
//!
//! Whom to tell is written in the transaction that ends the session (`store::logout_deliveries`), so that it outlives this node.
//! Each is told at least once, by one node at a time: whoever takes a row on moves its time, on the condition that nobody else has.

mod delivery;

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use self::delivery::Deliveries;
use super::context::Context;
use crate::store::Store;

/// How often the thread looks for sessions that have ended: one statement, that an index answers.
const TICK: Duration = Duration::from_millis(500);

/// The running thread. When dropped it ends what it has begun, and stops; what is left is for another node, or the next start.
pub struct LogoutNotices {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    stopped: Mutex<bool>,
    wake: Condvar,
}

impl Signal {
    /// Waits for one tick; `false` when it is time to stop.
    fn wait(&self) -> bool {
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner);
        let (stopped, _) =
            self.wake.wait_timeout_while(stopped, TICK, |stopped| !*stopped).unwrap_or_else(PoisonError::into_inner);
        !*stopped
    }
}

impl LogoutNotices {
    /// Starts.
    ///
    /// # Errors
    /// No thread could be started.
    pub fn start(context: &Context, store: &Store) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let deliveries = Deliveries::new(context.clone(), store.clone());
        let signal = Arc::new(Signal::default());
        let thread = std::thread::Builder::new().name("logout".to_owned()).spawn({
            let signal = Arc::clone(&signal);
            move || {
                while signal.wait() {
                    deliveries.run(&runtime);
                }
            }
        })?;
        Ok(Self { signal, thread: Some(thread) })
    }
}

impl Drop for LogoutNotices {
    fn drop(&mut self) {
        *self.signal.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged by the runtime.
            let _ = thread.join();
        }
    }
}
