//! Counting, and the page that Prometheus reads. The only place that names `prometheus_client`.
//!
//! Whatever is counted is counted where it happens, in a [`Count`], [`CountBy`] or [`Histogram`] that the counting part owns:
//! one atomic addition, no lock and no look-up by name. What is known anyway (the length of a queue, the age of a key) is
//! counted by nobody. When somebody asks, each part writes what it has onto a [`Page`]: see `src/http/metrics.rs`.

mod count;
mod histogram;
mod page;

pub(crate) use self::count::kinds;
pub use self::{
    count::{Count, CountBy, CountByTwo, Kind},
    histogram::Histogram,
    page::{CONTENT_TYPE, Page},
};
