//! A clock that a test sets.

use std::sync::atomic::{AtomicI64, Ordering};

use tessera::domain::clock::{Clock, SystemClock};

/// Stands still at the time of its making until it is advanced.
#[derive(Debug)]
pub struct TestClock(AtomicI64);

impl TestClock {
    /// Starts at the time of the machine, so that others' libraries find the tokens current.
    pub fn new() -> Self {
        Self(AtomicI64::new(SystemClock.now_millis()))
    }

    /// Lets `seconds` go by.
    pub fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }

    /// Goes on to the machine's time, unless it is ahead of that. For what a command wrote, which takes the machine's clock: a
    /// busy machine runs a command late, so no number of seconds is enough.
    pub fn catch_up(&self) {
        self.0.fetch_max(SystemClock.now_millis(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }
}
