//! One-time codes of authenticator apps (RFC 6238). The only place that names totp-rs.
//!
//! What is used of it is the code of a step and the URI. Which steps are good is decided here: the crate takes codes of the future
//! too, and cannot say which step a code was of, without which a replay is not seen.

use openssl::memcmp;
use serde::{Deserialize, Serialize};
use totp_rs::{Algorithm, TOTP};

use super::random::{Random, RandomError};

/// The longest label or issuer, in bytes: an app shows them in one line.
pub const MAX_LABEL: usize = 254;
/// The most steps before the present one whose codes are taken.
pub const MAX_WINDOW: u8 = 5;

/// What the code is a hash with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TotpAlgorithm {
    /// HMAC-SHA-1: the only one that every app knows.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl TotpAlgorithm {
    const fn of_crate(self) -> Algorithm {
        match self {
            TotpAlgorithm::Sha1 => Algorithm::SHA1,
            TotpAlgorithm::Sha256 => Algorithm::SHA256,
            TotpAlgorithm::Sha512 => Algorithm::SHA512,
        }
    }

    /// As long as the hash (RFC 4226 §4, R6; RFC 6238 §5.1), in bytes.
    const fn secret_length(self) -> usize {
        match self {
            TotpAlgorithm::Sha1 => 20,
            TotpAlgorithm::Sha256 => 32,
            TotpAlgorithm::Sha512 => 64,
        }
    }
}

/// How codes are made. An app is told once, so an authenticator keeps what it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotpParameters {
    /// The hash.
    pub algorithm: TotpAlgorithm,
    /// The digits of a code: 6 or 8.
    pub digits: u8,
    /// How long a step is, in seconds. At least one.
    pub period: u32,
}

impl Default for TotpParameters {
    fn default() -> Self {
        Self { algorithm: TotpAlgorithm::Sha1, digits: 6, period: 30 }
    }
}

/// An authenticator's secret. It cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(…)")
    }
}

impl TotpSecret {
    /// Makes a new one: at least 160 random bits.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(algorithm: TotpAlgorithm, random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = vec![0; algorithm.secret_length()];
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Wraps one that was kept.
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, for the one place that seals them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TotpParameters {
    /// The step that a moment (seconds since 1970) lies in.
    pub fn step_at(self, now: i64) -> i64 {
        now.max(0) / i64::from(self.period.max(1))
    }

    /// The step of which `code` is, among the present one, `window` before it and, unless `window` is 0, the next one; of several the
    /// latest. The clocks of devices go ahead as well as behind (RFC 6238 §6), but a code is never good for more than one step before
    /// its time. Once a step is used, it and those before it are used up, the present one too.
    pub fn step_of(self, secret: &TotpSecret, code: &str, now: i64, window: u8) -> Option<i64> {
        let present = self.step_at(now);
        let first = present.saturating_sub(i64::from(window.min(MAX_WINDOW)));
        let last = present.saturating_add(i64::from(window.min(1)));
        let mut found = None;
        // All of them, whatever is found: how long it takes tells nothing.
        for step in first..=last {
            let expected = self.code(secret, step);
            let same = expected.len() == code.len() && memcmp::eq(expected.as_bytes(), code.as_bytes());
            if same && step >= 0 {
                found = Some(step);
            }
        }
        found
    }

    /// The code of a step.
    fn code(self, secret: &TotpSecret, step: i64) -> String {
        let time = u64::try_from(step).unwrap_or_default().saturating_mul(self.period.max(1).into());
        self.of_crate(secret, None, String::new()).generate(time)
    }

    /// What is shown to the user, who types it in.
    pub fn secret_in_base32(self, secret: &TotpSecret) -> String {
        self.of_crate(secret, None, String::new()).get_secret_base32()
    }

    /// The `otpauth` URI that apps read from a picture.
    pub fn uri(self, secret: &TotpSecret, issuer: &str, label: &str) -> String {
        self.of_crate(secret, Some(issuer.to_owned()), label.to_owned()).get_url()
    }

    fn of_crate(self, secret: &TotpSecret, issuer: Option<String>, label: String) -> TOTP {
        let (algorithm, digits) = (self.algorithm.of_crate(), usize::from(self.digits));
        TOTP::new_unchecked(algorithm, digits, 0, self.period.max(1).into(), secret.0.clone(), issuer, label)
    }
}

/// Whether digits are as many as a code of any authenticator app has.
pub fn is_code_length(digits: usize) -> bool {
    matches!(digits, 6 | 8)
}

/// Whether an app can show `text` as label or issuer. A colon would end the issuer in the middle of the URI's label, encoded
/// or not: a label could pose as that of another issuer.
pub fn is_label(text: &str) -> bool {
    super::user::is_text(text, MAX_LABEL) && !text.contains(':')
}

/// `text`, made a label.
pub fn as_label(text: &str) -> String {
    let mut label: String = text.chars().map(|c| if c == ':' || c.is_control() { ' ' } else { c }).collect();
    while label.len() > MAX_LABEL {
        label.pop();
    }
    label
}

#[cfg(test)]
mod tests;
