//! What the server does by itself, on a thread of its own: rotates signing keys, writes when secrets were used, warns of those
//! that expire.

mod rotation;
mod secrets;

use std::{
    io,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use super::context::Context;
use crate::{
    domain::random::{RandomError, random_id},
    store::Store,
};
use rotation::Rotation;
use secrets::Secrets;

/// How often the thread looks whether there is something to do. Looking costs no statement.
const TICK: Duration = Duration::from_millis(500);

/// What is done, and when.
#[derive(Debug, Clone, Copy)]
pub struct UpkeepOptions {
    /// How many seconds old a signing key gets before the next one is made; `None`: nothing rotates by itself.
    pub rotation_interval: Option<i64>,
    /// How long verifiers may keep the key set, in seconds.
    pub jwks_max_age: i64,
    /// How many seconds before a client secret expires its use is warned of; `None`: never.
    pub secret_expiry_warning: Option<i64>,
}

/// The running thread. When dropped it writes what it still has, and stops.
pub struct Upkeep {
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

impl Upkeep {
    /// Starts.
    ///
    /// # Errors
    /// No thread could be started, or no name for this node could be drawn.
    pub fn start(context: &Context, store: &Store, options: UpkeepOptions) -> io::Result<Self> {
        let node = random_id(&*context.random).map_err(|error: RandomError| io::Error::other(error.to_string()))?;
        let mut rotation = Rotation::new(context.clone(), store.clone(), node, options);
        let mut secrets = Secrets::new(context.clone(), store.clone(), options.secret_expiry_warning);
        let signal = Arc::new(Signal::default());
        let thread = std::thread::Builder::new().name("upkeep".to_owned()).spawn({
            let signal = Arc::clone(&signal);
            move || {
                loop {
                    rotation.tick();
                    secrets.tick();
                    if !signal.wait() {
                        break;
                    }
                }
                secrets.write_uses();
            }
        })?;
        Ok(Self { signal, thread: Some(thread) })
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        *self.signal.stopped.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.signal.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic in it was logged by the runtime.
            let _ = thread.join();
        }
    }
}
