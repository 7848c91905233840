//! The messages that wait, bounded.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{DeliveryError, Message};
use crate::domain::clock::Clock;

/// How often a thread looks whether a message that failed is due again.
const TICK: Duration = Duration::from_millis(100);

/// A message that waits.
pub(super) struct Waiting {
    pub message: Message,
    /// How often it was tried.
    pub attempts: usize,
    /// When it may be tried, in milliseconds since 1970.
    pub due_ms: i64,
}

/// The messages of one channel. One that is being sent keeps its place until it is.
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Waiting>,
    under_way: usize,
    stopping: bool,
}

impl State {
    fn len(&self) -> usize {
        self.waiting.len() + self.under_way
    }
}

impl Queue {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, state: Mutex::default(), wake: Condvar::new() }
    }

    /// Whoever panicked with the lock left a queue behind that is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn len(&self) -> usize {
        self.state().len()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= self.capacity
    }

    pub fn push(&self, message: Message, now_ms: i64) -> Result<(), DeliveryError> {
        let mut state = self.state();
        if state.stopping || state.len() >= self.capacity {
            return Err(DeliveryError::Busy);
        }
        state.waiting.push_back(Waiting { message, attempts: 0, due_ms: now_ms });
        drop(state);
        self.wake.notify_one();
        Ok(())
    }

    /// The next that is due, once there is one; `None` when the queue has been told to stop and is empty.
    pub fn take(&self, clock: &dyn Clock) -> Option<Waiting> {
        let mut state = self.state();
        loop {
            let now = clock.now_millis();
            let stopping = state.stopping;
            let due = state.waiting.iter().position(|waiting| stopping || waiting.due_ms <= now);
            if let Some(waiting) = due.and_then(|place| state.waiting.remove(place)) {
                state.under_way += 1;
                return Some(waiting);
            }
            if stopping {
                return None;
            }
            state = self.wake.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was taken is sent, or given up.
    pub fn done(&self) {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
    }

    /// What was taken is to be tried again; it comes back when there will be no other time.
    pub fn again(&self, waiting: Waiting) -> Option<Waiting> {
        let mut state = self.state();
        state.under_way = state.under_way.saturating_sub(1);
        if state.stopping {
            return Some(waiting);
        }
        state.waiting.push_back(waiting);
        None
    }

    /// Takes no more. All that waits is due now, for the last time.
    pub fn stop(&self) {
        self.state().stopping = true;
        self.wake.notify_all();
    }

    /// Drops what waits, and says how many messages were not sent.
    pub fn give_up(&self) -> usize {
        let mut state = self.state();
        let left = state.len();
        state.waiting.clear();
        left
    }
}
