//! The trace that a request belongs to (W3C Trace Context). It connects the logs of several services, and proves nothing: whoever
//! calls can choose it.

use std::fmt;

use log::kv::{ToValue, Value};

use super::random::{Random, RandomError};

/// The name of the header, which comes in and goes out.
pub const TRACEPARENT: &str = "traceparent";

/// The bit of the flags that says that the caller records its part. The others mean nothing in version 00.
const SAMPLED: u8 = 1;

/// The trace that a request belongs to: what of `traceparent` is kept. Not the caller's own part of it: what we call in turn is
/// ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    id: [u8; 16],
    sampled: bool,
}

impl Trace {
    /// Reads a `traceparent` (Trace Context §3.2). `None` for one that is not exactly of that form: it is then as if there were
    /// none (§4.3).
    pub fn parse(header: &[u8]) -> Option<Self> {
        let (version, rest) = field::<1>(header)?;
        let (id, rest) = field::<16>(rest.strip_prefix(b"-")?)?;
        let (parent, rest) = field::<8>(rest.strip_prefix(b"-")?)?;
        let (flags, rest) = field::<1>(rest.strip_prefix(b"-")?)?;
        let is_whole = match version {
            // Forbidden.
            [0xff] => false,
            [0x00] => rest.is_empty(),
            // Later versions may say more behind it (§4.3).
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let is_something = id != [0; 16] && parent != [0; 8];
        let [flags] = flags;
        (is_whole && is_something).then_some(Self { id, sampled: flags & SAMPLED != 0 })
    }

    /// The `traceparent` of a request that we make as part of it, under a new parent id.
    ///
    /// # Errors
    /// The random source failed.
    pub fn onward(&self, random: &dyn Random) -> Result<String, RandomError> {
        let mut parent = [0; 8];
        random.fill(&mut parent)?;
        let flags = if self.sampled { SAMPLED } else { 0 };
        Ok(format!("00-{self}-{:016x}-{flags:02x}", u64::from_be_bytes(parent).max(1)))
    }
}

/// The id of the trace: 32 hexadecimal digits.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.id))
    }
}

/// As `trace_id` beside `request_id` in a line of the log.
impl ToValue for Trace {
    fn to_value(&self) -> Value<'_> {
        Value::from_display(self)
    }
}

/// `N` bytes in lower-case hexadecimal, and what follows.
fn field<const N: usize>(text: &[u8]) -> Option<([u8; N], &[u8])> {
    let (digits, rest) = text.split_at_checked(2 * N)?;
    let digit = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = *pair else { return None };
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some((bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parse(header: &str) -> Option<String> {
        Trace::parse(header.as_bytes()).map(|trace| trace.to_string())
    }

    #[test]
    fn a_sound_header_gives_the_id_of_its_trace() {
        let id = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
        assert_eq!(parse(GOOD), id);
        assert_eq!(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"), id);
        assert_eq!(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff"), id, "flags that nobody knows");
        assert_eq!(parse("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more"), id, "a later version");
        assert_eq!(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), id, "a later version");
    }

    #[test]
    fn a_malformed_header_is_none() {
        for bad in [
            "",
            "00",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-1",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-011",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01more",
            "0-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e47361-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00_4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7_01",
            " 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\n",
            "00-4bf92f3577b34da6a3ce929d0e0e47\u{e9}-00f067aa0ba902b7-01",
        ] {
            assert_eq!(parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_goes_on_has_the_same_trace_and_a_parent_of_its_own() {
        let trace = Trace::parse(GOOD.as_bytes()).expect("a trace");
        let onward = trace.onward(&SystemRandom).expect("randomness");
        assert_eq!(Trace::parse(onward.as_bytes()), Some(trace));
        assert!(onward.ends_with("-01") && !onward.contains("00f067aa0ba902b7"), "{onward}");
        assert_ne!(onward, trace.onward(&SystemRandom).expect("randomness"));
        let unsampled = Trace::parse(GOOD.replace("-01", "-fe").as_bytes()).expect("a trace");
        assert!(unsampled.onward(&SystemRandom).expect("randomness").ends_with("-00"));
    }

    /// W3C: an id of nothing but zeros is invalid.
    #[test]
    fn the_parent_that_goes_on_is_never_nothing() {
        #[derive(Debug)]
        struct Zeros;
        impl Random for Zeros {
            fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
                bytes.fill(0);
                Ok(())
            }
        }
        let trace = Trace::parse(GOOD.as_bytes()).expect("a trace");
        assert!(Trace::parse(trace.onward(&Zeros).expect("no randomness").as_bytes()).is_some());
    }
}
