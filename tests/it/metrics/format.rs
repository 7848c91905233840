//! A strict reader of the Prometheus text format, version 0.0.4. It panics at whatever a scraper would stumble over.

use std::collections::{BTreeMap, BTreeSet};

/// One metric.
#[derive(Debug)]
pub struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The names of its labels, without `le`.
    pub labels: BTreeSet<String>,
}

/// A page, read.
#[derive(Debug)]
pub struct Scrape {
    /// The metrics by name.
    pub families: BTreeMap<String, Family>,
    /// Name and labels as they stand there, and the value.
    samples: BTreeMap<String, f64>,
}

impl Scrape {
    /// Reads a page.
    pub fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut scrape = Self { families: BTreeMap::new(), samples: BTreeMap::new() };
        let (mut current, mut helped) = (String::new(), String::new());
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("a help text");
                assert!(is_name(name) && help.ends_with('.'), "{line}");
                helped = name.to_owned();
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("a type");
                assert!(["counter", "gauge", "histogram"].contains(&kind) && helped == name, "{line}");
                assert_eq!(kind == "counter", name.ends_with("_total"), "{name} is a {kind}");
                let family = Family { kind: kind.to_owned(), labels: BTreeSet::new() };
                assert!(scrape.families.insert(name.to_owned(), family).is_none(), "{name} is there twice");
                current = name.to_owned();
            } else {
                assert!(!line.starts_with('#') && !line.is_empty(), "{line:?}");
                scrape.sample(&current, line);
            }
        }
        scrape.check_histograms();
        scrape
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').expect("a value");
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line}"));
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, read_labels(rest)),
            None => (series, Vec::new()),
        };
        let known = self.families.get_mut(family).unwrap_or_else(|| panic!("{line} before its type"));
        let of_histogram = ["_bucket", "_sum", "_count"].iter().any(|end| name.strip_suffix(end) == Some(family));
        assert!(if known.kind == "histogram" { of_histogram } else { name == family }, "{line} below {family}");
        assert!(!value.is_nan() && value >= 0.0, "{line}");
        let names: BTreeSet<String> = labels.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(names.len(), labels.len(), "{line} has a label twice");
        known.labels.extend(names.into_iter().filter(|name| name != "le"));
        assert!(self.samples.insert(series.to_owned(), value).is_none(), "{series} is there twice");
    }

    /// Buckets never shrink, and the last is the count.
    fn check_histograms(&self) {
        let mut last = BTreeMap::<String, f64>::new();
        let bound = |series: &str| {
            let (before, rest) = series.split_once("le=\"").expect("a bound");
            let (bound, after) = rest.split_once('"').expect("an end");
            (format!("{before}{after}").replace(",}", "}").replace("{}", ""), bound.replace("+Inf", "inf"))
        };
        let mut buckets: Vec<(String, f64, f64)> = Vec::new();
        for (series, value) in self.samples.iter().filter(|(series, _)| series.contains("le=\"")) {
            let (series, bound) = bound(series);
            buckets.push((series, bound.parse().expect("a number"), *value));
        }
        buckets.sort_by(|a, b| (&a.0, a.1).partial_cmp(&(&b.0, b.1)).expect("numbers"));
        for (series, bound, value) in buckets {
            let before = last.insert(series.clone(), value).unwrap_or_default();
            assert!(value >= before, "{series}: {value} up to {bound}, but {before} below");
            if bound.is_infinite() {
                let count = self.samples.get(&series.replace("_bucket", "_count"));
                assert_eq!(count, Some(&value), "{series}");
                assert!(self.samples.contains_key(&series.replace("_bucket", "_sum")));
            }
        }
    }

    /// The value of one sample, such as `a_total{b="c"}`.
    pub fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("there is no {series} in {:#?}", self.samples.keys()))
    }

    /// The samples whose name begins like that.
    pub fn series(&self, start: &str) -> Vec<&str> {
        self.samples.keys().map(String::as_str).filter(|series| series.starts_with(start)).collect()
    }
}

fn is_name(name: &str) -> bool {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_first) && name.chars().all(|c| is_first(c) || c.is_ascii_digit())
}

/// Reads `a="b",c="d"}`.
fn read_labels(text: &str) -> Vec<(String, String)> {
    let (mut labels, mut rest) = (Vec::new(), text);
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("{text}"));
        assert!(is_name(name), "{text}");
        let (mut value, mut characters) = (String::new(), after.char_indices());
        let end = loop {
            match characters.next().unwrap_or_else(|| panic!("{text} has no end")) {
                (place, '"') => break place,
                (_, '\\') => match characters.next().map(|(_, escaped)| escaped) {
                    Some('n') => value.push('\n'),
                    Some(escaped @ ('\\' | '"')) => value.push(escaped),
                    other => panic!("{text} has the escape {other:?}"),
                },
                (_, plain) => value.push(plain),
            }
        };
        labels.push((name.to_owned(), value));
        rest = &after[end + 1..];
        match rest {
            "}" => return labels,
            _ => rest = rest.strip_prefix(',').unwrap_or_else(|| panic!("{text}")),
        }
    }
}

#[test]
fn the_reader_stumbles_over_what_is_no_page() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\\\"}\"} 1\n";
    assert_eq!(Scrape::parse(good).value("a_total{b=\"c\\\"}\"}"), 1.0);
    for (from, to) in [
        ("} 1\n", "} 1"),
        ("} 1\n", "} x\n"),
        ("} 1\n", "} NaN\n"),
        ("} 1\n", "} -1\n"),
        ("a_total{", "b_total{"),
        ("# TYPE a_total counter\n", ""),
        ("counter", "gauge"),
        ("{b=", "{1b="),
        ("\\\"", "\""),
        ("\\\"", "\\x"),
        ("a_total{b=\"c\\\"}\"} 1\n", "a_total 1\na_total 1\n"),
        ("# HELP a_total A.\n", ""),
    ] {
        let bad = good.replacen(from, to, 1);
        assert_ne!(bad, good);
        std::panic::catch_unwind(|| Scrape::parse(&bad)).map(|_| ()).expect_err(&bad);
    }
}
