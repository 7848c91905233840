//! The calls of all webhooks of this node: who may call, and how it went so far.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::breaker::Breaker;
use crate::metrics::Page;

/// How the calls of one webhook went, on this node since it started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HookCounters {
    /// Calls that gave `extensions`.
    pub succeeded: u64,
    /// Calls that failed.
    pub failed: u64,
    /// Calls that were not made, because the webhook is dead or too slow.
    pub not_made: u64,
    /// Whether it is left alone at present.
    pub resting: bool,
}

#[derive(Default)]
struct Hook {
    breaker: Breaker,
    counters: HookCounters,
}

/// The webhooks that were called, by application. Applications that are deleted stay here until the node stops: a few bytes each.
#[derive(Default)]
pub struct HookCalls(Mutex<HashMap<String, Arc<Mutex<Hook>>>>);

impl HookCalls {
    /// Whether the webhook of an application may be called at `now` (milliseconds since 1970).
    ///
    /// # Errors
    /// Why not.
    pub(super) fn admit(&self, application_id: &str, now: i64) -> Result<Admitted, String> {
        let hook = Arc::clone(locked(&self.0).entry(application_id.to_owned()).or_default());
        let admitted = {
            let mut hook = locked(&hook);
            let admitted = hook.breaker.admit(now);
            if admitted.is_err() {
                hook.counters.not_made += 1;
            }
            admitted
        };
        admitted.map_err(str::to_owned)?;
        Ok(Admitted { hook: Some(hook), now })
    }

    /// Writes how the calls of all webhooks went onto `page`, those of applications together: there may be thousands.
    pub fn expose(&self, page: &mut Page, now: i64) {
        let hooks: Vec<Arc<Mutex<Hook>>> = locked(&self.0).values().cloned().collect();
        let (mut sum, mut resting) = (HookCounters::default(), 0);
        for hook in &hooks {
            let hook = locked(hook);
            sum.succeeded += hook.counters.succeeded;
            sum.failed += hook.counters.failed;
            sum.not_made += hook.counters.not_made;
            resting += usize::from(hook.breaker.is_resting(now));
        }
        let help =
            "Calls of enrichment webhooks, by how they ended; not_made: the webhook was left alone, or too slow.";
        for (outcome, count) in [("success", sum.succeeded), ("failed", sum.failed), ("not_made", sum.not_made)] {
            page.counter("tessera_webhook_calls_total", help, &[("outcome", outcome)], count);
        }
        let help =
            "Enrichment webhooks that were called so far, by the state of their breaker; open: left alone at present.";
        for (state, count) in [("closed", hooks.len() - resting), ("open", resting)] {
            page.number("tessera_webhook_breakers", help, &[("state", state)], count);
        }
    }

    /// How the calls of an application's webhook went on this node.
    pub fn counters(&self, application_id: &str, now: i64) -> HookCounters {
        let hook = locked(&self.0).get(application_id).cloned();
        hook.map_or_else(HookCounters::default, |hook| {
            let hook = locked(&hook);
            HookCounters { resting: hook.breaker.is_resting(now), ..hook.counters }
        })
    }
}

/// A call that may be made. One that is given up half-way, because its request was, counts as failed: a webhook that never
/// answers must not go free because its callers lose patience first.
pub(super) struct Admitted {
    hook: Option<Arc<Mutex<Hook>>>,
    now: i64,
}

impl Admitted {
    /// It ended at `now`.
    pub(super) fn ended(mut self, well: bool, now: i64) {
        self.end(well, now);
    }

    fn end(&mut self, well: bool, now: i64) {
        if let Some(hook) = self.hook.take() {
            let mut hook = locked(&hook);
            hook.breaker.ended(well, now);
            let counter = if well { &mut hook.counters.succeeded } else { &mut hook.counters.failed };
            *counter += 1;
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.end(false, self.now);
    }
}

/// Whoever panicked with the lock left counts behind, nothing that could be half done.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_one_that_is_given_up_is_a_failure() {
        let calls = HookCalls::default();
        calls.admit("app", 0).expect("admitted").ended(true, 0);
        calls.admit("app", 0).expect("admitted").ended(false, 0);
        drop(calls.admit("app", 0).expect("admitted"));
        let expected = HookCounters { succeeded: 1, failed: 2, not_made: 0, resting: false };
        assert_eq!(calls.counters("app", 0), expected);
        for _ in 0..3 {
            calls.admit("app", 0).expect("admitted").ended(false, 0);
        }
        assert!(calls.admit("app", 0).is_err());
        assert_eq!(calls.counters("app", 0), HookCounters { succeeded: 1, failed: 5, not_made: 1, resting: true });
        assert_eq!(calls.counters("another", 0), HookCounters::default());
    }
}
