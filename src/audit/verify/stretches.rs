//! The unbroken stretches of one chain, whatever the order is in which its records are read.

use super::Link;

/// The longest that a request is on its way from its time to its place in the chain, in milliseconds. Those of around midnight stand
/// on either day in the order of the chain, and the first of the two days may have been dropped.
const ON_THE_WAY: i64 = 60_000;
/// The most stretches of one chain that are kept. Disorder of requests on their way makes some hundreds.
const MAX_STRETCHES: usize = 100_000;

/// What is known of one chain.
#[derive(Debug, Default)]
pub(super) struct Chain {
    /// In the order of their numbers; between two of them something is missing so far.
    stretches: Vec<Stretch>,
    pub(super) broken: Option<(i64, &'static str)>,
}

/// Records that follow one another.
#[derive(Debug)]
struct Stretch {
    first: i64,
    /// The hash that the record before `first` must have.
    previous: [u8; 32],
    last: i64,
    hash: [u8; 32],
    earliest_ms: i64,
    latest_ms: i64,
}

impl Chain {
    /// Notes that a record does not fit.
    pub(super) fn breaks(&mut self, seq: i64, what: &'static str) {
        if self.broken.is_none_or(|(first, _)| seq < first) {
            self.broken = Some((seq, what));
        }
    }

    /// Puts a record beside those before and after it.
    pub(super) fn add(&mut self, link: &Link<'_>, previous: [u8; 32], own: [u8; 32]) {
        let place = self.stretches.partition_point(|stretch| stretch.first <= link.seq);
        if place > 0 && self.stretches.get(place - 1).is_some_and(|before| link.seq <= before.last) {
            return self.breaks(link.seq, "is there twice");
        }
        let follows = place > 0 && self.stretches.get(place - 1).is_some_and(|before| before.last + 1 == link.seq);
        let at = if follows { place - 1 } else { place };
        if follows {
            if self.stretches.get(at).is_some_and(|before| before.hash != previous) {
                self.breaks(link.seq, "does not continue the record before it");
            }
        } else {
            if self.stretches.len() >= MAX_STRETCHES {
                return self.breaks(link.seq, "the records around it are missing");
            }
            let (seq, time) = (link.seq, link.time_ms);
            let new = Stretch { first: seq, previous, last: seq, hash: own, earliest_ms: time, latest_ms: time };
            self.stretches.insert(at, new);
        }
        if let Some(stretch) = self.stretches.get_mut(at) {
            (stretch.last, stretch.hash) = (link.seq, own);
            stretch.earliest_ms = stretch.earliest_ms.min(link.time_ms);
            stretch.latest_ms = stretch.latest_ms.max(link.time_ms);
        }
        self.join(at);
    }

    /// Joins a stretch with the one after it, if nothing is missing between them any more.
    fn join(&mut self, at: usize) {
        let next = at + 1;
        let Some((stretch, after)) = self.stretches.get(at).zip(self.stretches.get(next)) else { return };
        if stretch.last.checked_add(1) != Some(after.first) {
            return;
        }
        let fits = stretch.hash == after.previous;
        let after = self.stretches.remove(next);
        if !fits {
            self.breaks(after.first, "does not continue the record before it");
        }
        if let Some(stretch) = self.stretches.get_mut(at) {
            (stretch.last, stretch.hash) = (after.last, after.hash);
            stretch.earliest_ms = stretch.earliest_ms.min(after.earliest_ms);
            stretch.latest_ms = stretch.latest_ms.max(after.latest_ms);
        }
    }

    /// Looks at what is missing between the stretches.
    pub(super) fn finish(&mut self, begins_ms: i64, ends_ms: Option<i64>) {
        let Some(first) = self.stretches.first() else { return };
        let is_cut = first.first > 1;
        if first.first == 1 && first.previous != [0; 32] {
            self.breaks(1, "is not the beginning of a chain");
        }
        let mut latest = i64::MIN;
        let mut gaps = Vec::new();
        for (place, stretch) in self.stretches.iter().enumerate() {
            // Whoever can cut off the beginning of a chain can leave out some of its first records as well: nothing is lost by
            // not calling that a break.
            let at_the_beginning = is_cut && latest < begins_ms.saturating_add(ON_THE_WAY);
            if place > 0 && !at_the_beginning {
                gaps.push(place);
            }
            latest = latest.max(stretch.latest_ms);
        }
        let mut earliest = i64::MAX;
        let mut place = self.stretches.len();
        for gap in gaps.into_iter().rev() {
            for stretch in self.stretches.get(gap..place).unwrap_or_default() {
                earliest = earliest.min(stretch.earliest_ms);
            }
            place = gap;
            let at_the_end = ends_ms.is_some_and(|ends| earliest > ends.saturating_sub(ON_THE_WAY));
            if let Some(seq) = self.stretches.get(gap).map(|stretch| stretch.first).filter(|_| !at_the_end) {
                self.breaks(seq, "the record before it is missing");
            }
        }
    }

    /// Whether its first record is not among those that were seen.
    pub(super) fn is_without_beginning(&self) -> bool {
        self.stretches.first().is_some_and(|first| first.first > 1)
    }
}
