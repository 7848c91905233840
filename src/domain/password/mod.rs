//! Passwords: what can be one, how one is kept, and how good one is. The only place that names `argon2`, `zxcvbn` and
//! `icu_normalizer`.

mod hash;
mod leaked;
mod strength;
#[cfg(test)]
mod tests;

use std::fmt;

use icu_normalizer::ComposingNormalizerBorrowed;

pub use self::{
    hash::{HASH_LENGTH, HashParameters, PasswordHash, PasswordHashError, SALT_LENGTH, Scratch},
    leaked::{LeakedRange, RANGE_LENGTH},
    strength::{MAX_LEVEL, StrengthRules, Weakness, weaknesses},
};

/// The longest password, in characters.
pub const MAX_CHARACTERS: usize = 128;
/// The longest password, in bytes of UTF-8. Whatever is longer never reaches a hash function.
pub const MAX_BYTES: usize = 1024;

/// A password in clear text. It cannot be printed by accident.
///
/// Two spellings of the same text are the same password: `é` is one character on one keyboard and two on another, and so is a space.
/// As in OpaqueString (RFC 8265 §4.2) spaces of any script become ASCII spaces, then everything is composed (NFC); upper and lower
/// case, and everything else, stay as they are.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// A text is no password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoPassword {
    /// There is nothing.
    #[error("a password must not be empty")]
    Empty,
    /// It is longer than [`MAX_CHARACTERS`] or [`MAX_BYTES`].
    #[error("a password has 128 characters and 1024 bytes at most")]
    TooLong,
    /// It has control characters, such as line breaks, which no keyboard types into a password field.
    #[error("a password must not have control characters")]
    ControlCharacters,
}

impl Password {
    /// Reads one. The length is looked at first: the rest costs time that grows with it.
    ///
    /// # Errors
    /// It cannot be one.
    pub fn parse(text: &str) -> Result<Self, NoPassword> {
        if text.is_empty() {
            return Err(NoPassword::Empty);
        }
        if text.len() > MAX_BYTES {
            return Err(NoPassword::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(NoPassword::ControlCharacters);
        }
        let spaced: String = text.chars().map(|c| if is_space(c) { ' ' } else { c }).collect();
        let composed = ComposingNormalizerBorrowed::new_nfc().normalize(&spaced).into_owned();
        if composed.chars().count() > MAX_CHARACTERS || composed.len() > MAX_BYTES {
            return Err(NoPassword::TooLong);
        }
        Ok(Self(composed))
    }

    /// The normalised text.
    fn text(&self) -> &str {
        &self.0
    }
}

/// The space separators of Unicode (category Zs).
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}
