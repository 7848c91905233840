//! What only ever grows.

use std::{
    fmt,
    marker::PhantomData,
    sync::atomic::{AtomicU64, Ordering},
};

use super::Page;

/// Counts from 0, on this node since it started.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn one(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// So many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The values of a label: an enum whose values are few and known beforehand. Whatever a caller can choose is none: who may
/// invent label values fills the memory of whoever keeps the metrics.
pub trait Kind: Copy + 'static {
    /// All of them, each at its [`place`](Self::place).
    const ALL: &'static [Self];

    /// The place in [`ALL`](Self::ALL).
    fn place(self) -> usize;

    /// The value of the label.
    fn label(self) -> &'static str;
}

/// Declares enums that are the values of a label: each variant with its value.
macro_rules! kinds {
    ($( $(#[$doc:meta])* $vis:vis enum $kind:ident { $( $(#[$of:meta])* $name:ident = $label:literal, )+ } )+) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $kind {
            $( $(#[$of])* $name, )+
        }

        impl $crate::metrics::Kind for $kind {
            const ALL: &'static [Self] = &[ $( $kind::$name, )+ ];

            fn place(self) -> usize {
                self as usize
            }

            fn label(self) -> &'static str {
                match self { $( $kind::$name => $label, )+ }
            }
        }
    )+ };
}
pub(crate) use kinds;

/// A count for each value of one label.
pub struct CountBy<K>(Box<[Count]>, PhantomData<K>);

impl<K: Kind> CountBy<K> {
    /// One more of this kind.
    pub fn one(&self, kind: K) {
        if let Some(count) = self.0.get(kind.place()) {
            count.one();
        }
    }

    /// Writes all of them as counter `name`, those that are 0 too: a rate needs a beginning.
    pub fn expose(&self, page: &mut Page, name: &'static str, help: &'static str, label: &'static str) {
        for (kind, count) in K::ALL.iter().zip(&self.0) {
            page.counter(name, help, &[(label, kind.label())], count.get());
        }
    }
}

impl<K: Kind> Default for CountBy<K> {
    fn default() -> Self {
        Self(counts(K::ALL.len()), PhantomData)
    }
}

impl<K> fmt::Debug for CountBy<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CountBy").field(&self.0).finish()
    }
}

/// A count for each pair of values of two labels.
pub struct CountByTwo<A, B>(Box<[Count]>, PhantomData<(A, B)>);

impl<A: Kind, B: Kind> CountByTwo<A, B> {
    /// One more of this pair.
    pub fn one(&self, a: A, b: B) {
        if let Some(count) = self.0.get(a.place() * B::ALL.len() + b.place()) {
            count.one();
        }
    }

    /// Writes all of them as counter `name`, those that are 0 too.
    pub fn expose(&self, page: &mut Page, name: &'static str, help: &'static str, labels: [&'static str; 2]) {
        let pairs = A::ALL.iter().flat_map(|a| B::ALL.iter().map(move |b| (a.label(), b.label())));
        let [first, second] = labels;
        for ((a, b), count) in pairs.zip(&self.0) {
            page.counter(name, help, &[(first, a), (second, b)], count.get());
        }
    }
}

impl<A: Kind, B: Kind> Default for CountByTwo<A, B> {
    fn default() -> Self {
        Self(counts(A::ALL.len() * B::ALL.len()), PhantomData)
    }
}

impl<A, B> fmt::Debug for CountByTwo<A, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CountByTwo").field(&self.0).finish()
    }
}

fn counts(number: usize) -> Box<[Count]> {
    std::iter::repeat_with(Count::default).take(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy)]
    enum Colour {
        Red,
        Green,
    }

    impl Kind for Colour {
        const ALL: &'static [Self] = &[Colour::Red, Colour::Green];

        fn place(self) -> usize {
            self as usize
        }

        fn label(self) -> &'static str {
            match self {
                Colour::Red => "red",
                Colour::Green => "green",
            }
        }
    }

    #[test]
    fn each_pair_is_counted_at_its_own_place() {
        let counts = CountByTwo::<Colour, Colour>::default();
        counts.one(Colour::Red, Colour::Green);
        counts.one(Colour::Green, Colour::Red);
        counts.one(Colour::Green, Colour::Red);
        let single = CountBy::<Colour>::default();
        single.one(Colour::Green);
        let mut page = Page::default();
        counts.expose(&mut page, "tessera_pairs_total", "Pairs.", ["a", "b"]);
        single.expose(&mut page, "tessera_single_total", "Single.", "a");
        let text = page.text().expect("a page");
        for line in [
            "tessera_pairs_total{a=\"red\",b=\"red\"} 0",
            "tessera_pairs_total{a=\"red\",b=\"green\"} 1",
            "tessera_pairs_total{a=\"green\",b=\"red\"} 2",
            "tessera_pairs_total{a=\"green\",b=\"green\"} 0",
            "tessera_single_total{a=\"red\"} 0",
            "tessera_single_total{a=\"green\"} 1",
        ] {
            assert!(text.lines().any(|said| said == line), "{line}: {text}");
        }
    }
}
