//! `scope`: an ordered set of scope tokens (RFC 6749 §3.3).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// One or more scope tokens, each once, in the order in which they were first named.
///
/// Order carries no meaning on the wire; it is kept so that an answer reads like its request and is the same every time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(Vec<String>);

/// A scope value with a character outside `%x21 / %x23-5B / %x5D-7E` (RFC 6749 §3.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a scope may hold only printable ASCII other than space, '\"' and '\\'")]
pub struct InvalidScope;

impl Scope {
    /// The scope that allows nothing.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    /// Reads the space-separated form of the wire. Repeated tokens and surplus spaces are dropped.
    ///
    /// # Errors
    /// A character outside the grammar of RFC 6749 §3.3.
    pub fn parse(text: &str) -> Result<Self, InvalidScope> {
        Self::from_tokens(text.split(' ').filter(|token| !token.is_empty()))
    }

    /// Builds a scope from single tokens.
    ///
    /// # Errors
    /// A token that is empty or breaks the grammar of RFC 6749 §3.3.
    pub fn from_tokens<I, T>(tokens: I) -> Result<Self, InvalidScope>
    where
        I: IntoIterator<Item = T>,
        T: AsRef<str>,
    {
        let mut scope = Self::empty();
        for token in tokens {
            let token = token.as_ref();
            if token.is_empty() || !token.bytes().all(is_scope_byte) {
                return Err(InvalidScope);
            }
            scope.insert(token);
        }
        Ok(scope)
    }

    /// The tokens, in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether no token is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `token` is one of them.
    pub fn contains(&self, token: &str) -> bool {
        self.0.iter().any(|known| known == token)
    }

    /// Whether every token is also in `other`.
    pub fn is_within(&self, other: &Scope) -> bool {
        self.iter().all(|token| other.contains(token))
    }

    /// The tokens that are also in `other`, in this scope's order.
    #[must_use]
    pub fn intersection(&self, other: &Scope) -> Scope {
        Self(self.0.iter().filter(|token| other.contains(token)).cloned().collect())
    }

    /// The tokens that are not in `other`, in this scope's order.
    #[must_use]
    pub fn difference(&self, other: &Scope) -> Scope {
        Self(self.0.iter().filter(|token| !other.contains(token)).cloned().collect())
    }

    /// This scope's tokens, then those of `other` that it lacks.
    #[must_use]
    pub fn union(&self, other: &Scope) -> Scope {
        let mut all = self.clone();
        for token in other.iter() {
            all.insert(token);
        }
        all
    }

    fn insert(&mut self, token: &str) {
        if !self.contains(token) {
            self.0.push(token.to_owned());
        }
    }
}

const fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E)
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, token) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

/// As a list of tokens: the form of the environment file and of the database.
impl Serialize for Scope {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tokens = Vec::<String>::deserialize(deserializer)?;
        Self::from_tokens(tokens).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a well-formed scope")
    }

    #[test]
    fn repeated_tokens_collapse_and_order_is_kept() {
        assert_eq!(scope("b a  b c").to_string(), "b a c");
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for bad in ["a\"b", "a\\b", "a\u{7f}", "é", "a\tb", "a\nb"] {
            assert_eq!(Scope::parse(bad), Err(InvalidScope), "{bad:?}");
        }
    }

    #[test]
    fn set_operations_keep_the_order_of_the_left_side() {
        assert_eq!(scope("c b a").intersection(&scope("a b")).to_string(), "b a");
        assert_eq!(scope("c b a").difference(&scope("b")).to_string(), "c a");
        assert_eq!(scope("a").union(&scope("b a")).to_string(), "a b");
        assert!(scope("a").is_within(&scope("b a")));
        assert!(!scope("a c").is_within(&scope("b a")));
    }
}
