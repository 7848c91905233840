//! One at a time, except for a thread that waits for the database in vain: the next takes its turn over.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::Duration,
};

/// How often whoever waits looks whether the one before can still come to its end.
const LOOK: Duration = Duration::from_millis(100);

#[derive(Default)]
pub(super) struct Turns {
    state: Mutex<State>,
    free: Condvar,
}

#[derive(Default)]
struct State {
    /// Counts the turns.
    number: u64,
    holder: Option<ThreadId>,
}

/// A turn. It ends when dropped.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    number: u64,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a turn. `hangs` says whether a thread will not come to its end.
    pub(super) fn take(&self, hangs: impl Fn(ThreadId) -> bool) -> Turn<'_> {
        let mut state = self.lock();
        while state.holder.is_some_and(|holder| !hangs(holder)) {
            (state, _) = self.free.wait_timeout(state, LOOK).unwrap_or_else(PoisonError::into_inner);
        }
        state.number += 1;
        state.holder = Some(thread::current().id());
        Turn { turns: self, number: state.number }
    }
}

impl Turn<'_> {
    /// Does this unless the turn was taken over: then somebody has read something newer.
    pub(super) fn finish(&self, work: impl FnOnce()) {
        let state = self.turns.lock();
        if state.number == self.number {
            work();
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.turns.lock();
        if state.number == self.number {
            state.holder = None;
            self.turns.free.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_turn_that_hangs_is_taken_over_and_changes_nothing_when_it_wakes() {
        let turns = Turns::default();
        let (wake, woken) = mpsc::channel::<()>();
        let (begun, has_begun) = mpsc::channel();
        thread::scope(|scope| {
            let shared = &turns;
            let hanging = scope.spawn(move || {
                let turn = shared.take(|_| false);
                begun.send(thread::current().id()).expect("a listener");
                woken.recv().expect("to be woken");
                turn.finish(|| panic!("it is not its turn any more"));
            });
            let id = has_begun.recv().expect("a thread");
            let turn = turns.take(|holder| holder == id);
            wake.send(()).expect("somebody who waits");
            hanging.join().expect("no panic");
            assert_eq!(turns.lock().holder, Some(thread::current().id()), "its end is not that of the other");
            let mut done = false;
            turn.finish(|| done = true);
            assert!(done);
            drop(turn);
            assert_eq!(turns.lock().holder, None);
        });
    }
}
