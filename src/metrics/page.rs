//! All metrics of one moment, as Prometheus reads them.

use std::fmt;

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text},
    metrics::MetricType,
    registry::Registry,
};

use super::histogram::{Histogram, Reading};

/// The `Content-Type` of a page: the Prometheus text format, version 0.0.4.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// The library writes it behind the name of each counter.
const TOTAL: &str = "_total";

/// All metrics of one moment. Each part of the server writes its own onto it; several may write samples of one metric.
///
/// Every name stands in `docs/operations/metrics.md`, and a test compares the two.
#[derive(Debug, Default)]
pub struct Page {
    families: Vec<Family>,
}

/// A metric with all its samples.
#[derive(Debug)]
struct Family {
    name: &'static str,
    help: &'static str,
    samples: Vec<(Labels, Value)>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(Debug)]
enum Value {
    Counter(u64),
    Gauge(f64),
    Histogram(Reading),
}

impl Page {
    /// What only ever grows; the name ends with `_total`. For what is counted elsewhere already.
    pub fn counter(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: u64) {
        self.add(name, help, labels, Value::Counter(value));
    }

    /// What goes up and down, as it is now.
    pub fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.add(name, help, labels, Value::Gauge(value));
    }

    /// A gauge of whole things.
    pub fn number(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: usize) {
        self.gauge(name, help, labels, f64::from(u32::try_from(value).unwrap_or(u32::MAX)));
    }

    /// A gauge of whole seconds.
    pub fn seconds(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: i64) {
        // Exact until the year 142 million.
        #[expect(clippy::cast_precision_loss, reason = "a page has floating-point numbers")]
        self.gauge(name, help, labels, value as f64);
    }

    /// How much, how often.
    pub fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        histogram: &Histogram,
    ) {
        self.add(name, help, labels, Value::Histogram(histogram.read()));
    }

    fn add(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: Value) {
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        match self.families.iter_mut().find(|family| family.name == name) {
            Some(family) => family.samples.push((labels, value)),
            None => self.families.push(Family { name, help, samples: vec![(labels, value)] }),
        }
    }

    /// The page as text.
    ///
    /// # Errors
    /// None in practice: a `String` takes everything.
    pub fn text(self) -> Result<String, fmt::Error> {
        // A registry of its own for each page: nothing is kept in between, and there is no global one.
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Page {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        self.families.iter().try_for_each(|family| family.encode(&mut encoder))
    }
}

impl Family {
    fn encode(&self, encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let kind = match self.samples.first() {
            Some((_, Value::Counter(_))) => MetricType::Counter,
            Some((_, Value::Histogram(_))) => MetricType::Histogram,
            Some((_, Value::Gauge(_))) | None => MetricType::Gauge,
        };
        let name = self.name.strip_suffix(TOTAL).unwrap_or(self.name);
        let mut encoder = encoder.encode_descriptor(name, self.help, None, kind)?;
        for (labels, value) in &self.samples {
            if labels.is_empty() {
                write(&mut encoder, value)?;
            } else {
                write(&mut encoder.encode_family(labels)?, value)?;
            }
        }
        Ok(())
    }
}

fn write(encoder: &mut MetricEncoder<'_>, value: &Value) -> Result<(), fmt::Error> {
    match value {
        Value::Counter(value) => encoder.encode_counter::<NoLabelSet, u64, f64>(value, None),
        Value::Gauge(value) => encoder.encode_gauge(value),
        Value::Histogram(Reading { sum, count, buckets }) => {
            encoder.encode_histogram::<NoLabelSet>(*sum, *count, buckets, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_of_one_metric_stand_together_and_labels_cannot_forge_a_line() {
        let mut page = Page::default();
        page.gauge("tessera_a", "First.", &[], 0.25);
        page.counter("tessera_b_total", "Second.", &[("name", "x\"} 1\ntessera_forged 1\\")], 3);
        page.number("tessera_a", "First.", &[("l", "v")], 2);
        let text = page.text().expect("a page");
        let expected = "# HELP tessera_a First.\n# TYPE tessera_a gauge\ntessera_a 0.25\ntessera_a{l=\"v\"} 2\n\
                        # HELP tessera_b_total Second.\n# TYPE tessera_b_total counter\n\
                        tessera_b_total{name=\"x\\\"} 1\\ntessera_forged 1\\\\\"} 3\n";
        assert_eq!(text.replace("2.0", "2"), expected);
    }
}
