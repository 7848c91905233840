//! Lists of leaked passwords, asked without telling which password it is about: the range protocol of Have I Been Pwned. Of the
//! SHA-1 of the password the first five digits are sent, and all that begin with them come back.

use openssl::{memcmp, sha::sha1};

use super::Password;

/// How many hexadecimal digits the list is told: one of a million ranges, each with hundreds of passwords.
pub const RANGE_LENGTH: usize = 5;

/// Where in the list a password would stand.
pub struct LeakedRange {
    digits: String,
}

impl std::fmt::Debug for LeakedRange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The whole hash would find the password.
        f.write_str("LeakedRange(…)")
    }
}

impl LeakedRange {
    /// Of a password, as it was typed: the list was made of what people typed.
    pub fn of(password: &Password) -> Self {
        Self { digits: sha1(password.text().as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect() }
    }

    /// What the list is told.
    pub fn prefix(&self) -> &str {
        self.digits.get(..RANGE_LENGTH).unwrap_or_default()
    }

    /// Whether the password stands in the answer: lines of `SUFFIX:COUNT`. A count of 0 is padding, which hides how long the range is.
    pub fn is_in(&self, answer: &str) -> bool {
        let own = self.digits.get(RANGE_LENGTH..).unwrap_or_default().as_bytes();
        answer.lines().any(|line| {
            let Some((suffix, count)) = line.trim().split_once(':') else { return false };
            let suffix = suffix.to_ascii_uppercase();
            let is_same = suffix.len() == own.len() && memcmp::eq(suffix.as_bytes(), own);
            is_same && count.trim().parse::<u64>().is_ok_and(|count| count > 0)
        })
    }
}
