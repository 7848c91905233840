//! A pattern that an answer of somebody else must match. The only place that names regex, whose time grows with the text alone.

use regex::bytes::{Regex, RegexBuilder};

/// The most memory that a compiled pattern may take, in bytes: `a{9999}{9999}` would take gigabytes.
const MAX_COMPILED: usize = 256 * 1024;

/// A pattern that an answer must match somewhere.
#[derive(Clone)]
pub struct AnswerPattern(Regex);

impl AnswerPattern {
    /// Reads a regular expression.
    ///
    /// # Errors
    /// The text is no regular expression, or one that takes too much memory.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let built = RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
        built.map(Self).map_err(|_| "must be a regular expression, without look-around and back-references")
    }

    /// Whether the answer matches.
    pub fn matches(&self, answer: &[u8]) -> bool {
        self.0.is_match(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_looked_for_anywhere_in_the_answer() {
        let pattern = AnswerPattern::parse(r#""status"\s*:\s*"(queued|sent)""#).unwrap_or_else(|why| panic!("{why}"));
        assert!(pattern.matches(b"{\"status\": \"queued\"}") && pattern.matches(b"\xff{\"status\":\"sent\"}"));
        assert!(!pattern.matches(b"{\"status\":\"failed\"}") && !pattern.matches(b""));
    }

    #[test]
    fn what_is_no_pattern_or_too_large_is_refused() {
        for bad in ["(", "a{9999}{9999}", "(?=x)", r"\1"] {
            assert!(AnswerPattern::parse(bad).is_err(), "{bad}");
        }
    }
}
