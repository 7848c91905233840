//! One count: a leaky bucket in one number (GCRA, after ITU-T I.371).
//!
//! Not `governor`: it can only ask by consuming, where here the question comes before the failure and most questions have none;
//! it cannot take over what other nodes counted; and its memory grows with the keys.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// Failures of one kind, by when they will be forgotten. All times are in microseconds.
#[derive(Default)]
pub(super) struct Bucket {
    /// When nothing will be left: each failure moves it on.
    until: AtomicI64,
    /// What other nodes have not heard of.
    unshared: AtomicI64,
    /// Whether it waits to be shared.
    queued: AtomicBool,
}

impl Bucket {
    /// How much there is at `now`: the time until nothing is left. `most` is what there can be at most; more is not true,
    /// but due to a clock that was wrong, and must block nobody.
    pub fn level(&self, now: i64, most: i64) -> i64 {
        level(self.until.load(Ordering::Relaxed), now, most)
    }

    /// Adds `cost`, and says how much is not shared yet.
    pub fn add(&self, cost: i64, now: i64, most: i64) -> i64 {
        let higher = |until| Some(now.saturating_add(level(until, now, most).saturating_add(cost).min(most)));
        // The closure always has an answer.
        let _ = self.until.fetch_update(Ordering::Relaxed, Ordering::Relaxed, higher);
        self.unshared.fetch_add(cost, Ordering::Relaxed).saturating_add(cost)
    }

    /// Takes over a sum that includes this node's share.
    pub fn raise(&self, until: i64) {
        self.until.fetch_max(until, Ordering::Relaxed);
    }

    /// Whether the caller is the one who puts it into the queue.
    pub fn enters_queue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    /// Takes what is to be shared. What is forgotten already, after a long outage, is not worth telling.
    pub fn take_unshared(&self, now: i64, most: i64) -> i64 {
        self.queued.store(false, Ordering::Release);
        self.unshared.swap(0, Ordering::AcqRel).min(self.level(now, most))
    }

    /// Puts back what could not be shared.
    pub fn put_back(&self, cost: i64) {
        self.unshared.fetch_add(cost, Ordering::Relaxed);
    }
}

fn level(until: i64, now: i64, most: i64) -> i64 {
    let level = until.saturating_sub(now).max(0);
    if level > most { 0 } else { level }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_added_leaks_away_and_never_exceeds_the_most() {
        let bucket = Bucket::default();
        bucket.add(10, 100, 50);
        bucket.add(10, 100, 50);
        assert_eq!([100, 115, 120, 200].map(|now| bucket.level(now, 50)), [20, 5, 0, 0]);
        bucket.add(10, 200, 50);
        assert_eq!(bucket.level(200, 50), 10, "counting begins anew");
        (0..9).for_each(|_| {
            let _ = bucket.add(10, 200, 50);
        });
        assert_eq!(bucket.level(200, 50), 50);
    }

    #[test]
    fn a_clock_that_was_ahead_blocks_nobody() {
        let bucket = Bucket::default();
        bucket.add(10, 1_000_000, 50);
        assert_eq!(bucket.level(0, 50), 0);
        bucket.add(10, 0, 50);
        assert_eq!(bucket.level(0, 50), 10);
    }

    #[test]
    fn what_is_shared_is_taken_once_and_not_when_it_is_forgotten_already() {
        let bucket = Bucket::default();
        assert_eq!((bucket.add(10, 0, 50), bucket.add(10, 0, 50)), (10, 20));
        assert!(bucket.enters_queue() && !bucket.enters_queue());
        assert_eq!((bucket.take_unshared(5, 50), bucket.take_unshared(5, 50)), (15, 0));
        assert!(bucket.enters_queue());
        bucket.put_back(15);
        assert_eq!(bucket.take_unshared(20, 50), 0);
        bucket.raise(60);
        bucket.raise(40);
        assert_eq!(bucket.level(20, 50), 40);
    }
}
