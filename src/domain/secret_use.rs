//! When a secret was last used: noted by requests, written by nobody's request.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

/// Shared by all copies of a secret on this node. Noting a use costs one store, and none within the same second.
#[derive(Debug, Clone, Default)]
pub struct SecretUse(Arc<AtomicI64>);

impl SecretUse {
    /// Notes a use at `now` (seconds since 1970).
    pub fn note(&self, now: i64) {
        // Reading is shared between the cores, storing is not.
        if self.0.load(Ordering::Relaxed) < now {
            self.0.store(now, Ordering::Relaxed);
        }
    }

    /// The last use that was noted since the last call; `None` if there was none.
    pub fn take(&self) -> Option<i64> {
        Some(self.0.swap(0, Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Whether a secret has this one, so that there may be further uses.
    pub fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_use_of_any_copy_is_taken_once() {
        let used = SecretUse::default();
        let copy = used.clone();
        assert_eq!(used.take(), None);
        copy.note(100);
        used.note(90);
        assert_eq!((used.take(), used.take()), (Some(100), None));
        assert!(used.is_shared());
        drop(copy);
        assert!(!used.is_shared());
    }
}
