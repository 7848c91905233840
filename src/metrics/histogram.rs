//! How much, how often.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// Upper bounds for the time that something takes, in microseconds: from what a token from memory costs to the longest that
/// anybody waits.
const TIMES: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000,
];
/// Upper bounds for how many of something are done at once.
const SIZES: [u64; 11] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000];
/// Microseconds in a second.
const SECOND: f64 = 1e6;

/// How many observations fell below which bound. Without a lock, unlike the one of the library: every request adds to one.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [u64],
    /// What the unit of the bounds is divided by on the page.
    scale: f64,
    /// One for each bound, and one for what is above all of them.
    buckets: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// For durations; the page has them in seconds.
    pub fn of_times() -> Self {
        Self::new(&TIMES, SECOND)
    }

    /// For numbers.
    pub fn of_sizes() -> Self {
        Self::new(&SIZES, 1.0)
    }

    fn new(bounds: &'static [u64], scale: f64) -> Self {
        let buckets = std::iter::repeat_with(AtomicU64::default).take(bounds.len() + 1).collect();
        Self { bounds, scale, buckets, sum: AtomicU64::default() }
    }

    /// Adds a duration.
    pub fn took(&self, time: Duration) {
        self.observe(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    /// Adds a number.
    pub fn observe(&self, value: u64) {
        let place = self.bounds.partition_point(|bound| *bound < value);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
            self.sum.fetch_add(value, Ordering::Relaxed);
        }
    }

    /// Sum, count, and for each bucket its upper bound and how many fell into it alone.
    pub(super) fn read(&self) -> Reading {
        let bounds = self.bounds.iter().map(|bound| scaled(*bound, self.scale)).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> =
            bounds.zip(&self.buckets).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect();
        // From the same reading, so that the count is that of the last bucket whatever happens meanwhile.
        let count = buckets.iter().map(|(_, count)| count).sum();
        Reading { sum: scaled(self.sum.load(Ordering::Relaxed), self.scale), count, buckets }
    }
}

/// A histogram at one moment.
#[derive(Debug)]
pub(super) struct Reading {
    pub sum: f64,
    pub count: u64,
    pub buckets: Vec<(f64, u64)>,
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a page has floating-point numbers; 53 bits are 285 years of microseconds"
)]
fn scaled(value: u64, scale: f64) -> f64 {
    value as f64 / scale
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Page;

    #[test]
    fn a_value_falls_into_the_first_bucket_whose_bound_it_does_not_exceed() {
        let times = Histogram::of_times();
        for micros in [1, 500, 501, 1_000_000, 99_000_000] {
            times.took(Duration::from_micros(micros));
        }
        let mut page = Page::default();
        page.histogram("tessera_x_seconds", "How long.", &[("a", "b")], &times);
        let text = page.text().expect("a page");
        for line in [
            "tessera_x_seconds_bucket{a=\"b\",le=\"0.0005\"} 2",
            "tessera_x_seconds_bucket{a=\"b\",le=\"0.001\"} 3",
            "tessera_x_seconds_bucket{a=\"b\",le=\"0.5\"} 3",
            "tessera_x_seconds_bucket{a=\"b\",le=\"1\"} 4",
            "tessera_x_seconds_bucket{a=\"b\",le=\"10\"} 4",
            "tessera_x_seconds_bucket{a=\"b\",le=\"+Inf\"} 5",
            "tessera_x_seconds_count{a=\"b\"} 5",
            "tessera_x_seconds_sum{a=\"b\"} 100.001002",
        ] {
            assert!(text.lines().any(|said| said == line), "{line}: {text}");
        }
    }
}
