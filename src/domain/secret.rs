//! Secrets: generated ones, and how any secret is kept and compared.

use std::fmt;

use openssl::{memcmp, sha::sha256};
use serde::{Deserialize, Serialize};

use super::random::{Random, RandomError};

/// Digits of the base-62 text of 256 random bits.
const BODY_LENGTH: usize = 43;
/// Digits of the checksum behind them: tells a mistyped secret from a wrong one without a look-up.
const CHECKSUM_LENGTH: usize = 6;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// The shortest secret accepted from an environment file, in characters.
pub const MIN_GIVEN_LENGTH: usize = 32;

/// What a generated secret is for. Each has a prefix of its own, so that secret scanners can find a leaked one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// The secret of a client, of an application or of a webhook.
    Key,
    /// A refresh token.
    RefreshToken,
    /// An authorization code.
    Code,
    /// The `session_id` of a login session.
    LoginSession,
    /// The code in a link that was sent to a user.
    Link,
    /// The name of a request for a code or link, which whoever redeems it must know.
    LoginRequest,
    /// That somebody may set a new password of a user.
    PasswordReset,
}

impl SecretKind {
    const ALL: [SecretKind; 7] = [
        SecretKind::Key,
        SecretKind::RefreshToken,
        SecretKind::Code,
        SecretKind::LoginSession,
        SecretKind::Link,
        SecretKind::LoginRequest,
        SecretKind::PasswordReset,
    ];

    const fn prefix(self) -> &'static str {
        match self {
            SecretKind::Key => "tsk_",
            SecretKind::RefreshToken => "tsr_",
            SecretKind::Code => "tsc_",
            SecretKind::LoginSession => "tss_",
            SecretKind::Link => "tsl_",
            SecretKind::LoginRequest => "tsq_",
            SecretKind::PasswordReset => "tsp_",
        }
    }

    /// The prefix of a generated secret that stands in `text`, or seems to.
    pub fn found_in(text: &str) -> Option<&'static str> {
        Self::ALL.into_iter().map(SecretKind::prefix).find(|one| text.contains(one))
    }
}

/// A secret in clear text. It cannot be printed by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a given secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Makes a new [`SecretKind::Key`].
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate(random: &dyn Random) -> Result<Self, RandomError> {
        Self::generate_kind(SecretKind::Key, random)
    }

    /// Makes a new one: its prefix, 256 random bits, checksum.
    ///
    /// # Errors
    /// The random source failed.
    pub fn generate_kind(kind: SecretKind, random: &dyn Random) -> Result<Self, RandomError> {
        let mut bytes = [0; 32];
        random.fill(&mut bytes)?;
        let body = base62(&bytes, BODY_LENGTH);
        let checksum = checksum(&body);
        Ok(Self(format!("{}{body}{checksum}", kind.prefix())))
    }

    /// Whether this has the form of a generated secret but its checksum is wrong: it was mistyped or cut off.
    pub fn is_mistyped(&self) -> bool {
        self.0.starts_with(SecretKind::Key.prefix()) && !self.is_well_formed(SecretKind::Key)
    }

    /// Whether this has the form of a generated secret of that kind, checksum included. It says nothing of whether there is
    /// such a secret, and spares a look-up where there cannot be.
    pub fn is_well_formed(&self, kind: SecretKind) -> bool {
        let Some(rest) = self.0.strip_prefix(kind.prefix()) else { return false };
        if !rest.is_ascii() || rest.len() != BODY_LENGTH + CHECKSUM_LENGTH {
            return false;
        }
        let (body, given) = rest.split_at(BODY_LENGTH);
        checksum(body) == given
    }

    /// The clear text, for the one place that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash(sha256(self.0.as_bytes()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// SHA-256 of a secret. A slow hash would buy nothing against 256 random bits (RFC 6749 §10.10) and cost every request.
#[derive(Clone, Copy)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    /// Whether `secret` is the one kept, in time that does not depend on where they differ.
    pub fn matches(&self, secret: &Secret) -> bool {
        self.equals(&secret.hash())
    }

    /// Whether two hashes are the same, in constant time.
    pub fn equals(&self, other: &SecretHash) -> bool {
        memcmp::eq(&self.0, &other.0)
    }

    /// Wraps a hash that was made elsewhere: of a short code, one with a key.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Lower-case hexadecimal: the form of the database and of `secret_sha256`.
    pub fn to_hex(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Reads 64 hexadecimal digits.
    pub fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = [0; 32];
        for (position, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// In constant time as well.
impl PartialEq for SecretHash {
    fn eq(&self, other: &Self) -> bool {
        self.equals(other)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::from_hex(&text).ok_or_else(|| serde::de::Error::custom("a SHA-256 hash is 64 hexadecimal digits"))
    }
}

fn checksum(body: &str) -> String {
    let digest = sha256(body.as_bytes());
    base62(digest.first_chunk::<4>().unwrap_or(&[0; 4]), CHECKSUM_LENGTH)
}

/// The big-endian number in `bytes`, in base 62, padded with zeros to `length` digits.
fn base62(bytes: &[u8], length: usize) -> String {
    let mut digits = vec![0u8; length];
    for &byte in bytes {
        let mut carry = u32::from(byte);
        for digit in digits.iter_mut().rev() {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 62) as u8;
            carry /= 62;
        }
    }
    digits.iter().map(|&digit| char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0'))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::random::SystemRandom;

    #[test]
    fn generated_secrets_have_prefix_length_and_checksum() {
        let secret = Secret::generate(&SystemRandom).expect("random source");
        assert_eq!(secret.reveal().len(), 4 + 43 + 6);
        assert!(!secret.is_mistyped());
        let mut mistyped = secret.reveal().to_owned();
        let last = if mistyped.pop() == Some('a') { 'b' } else { 'a' };
        mistyped.push(last);
        assert!(Secret::new(mistyped).is_mistyped());
        assert!(!Secret::new("a secret from somewhere else").is_mistyped());
    }

    #[test]
    fn a_secret_of_one_kind_is_none_of_another() {
        let token = Secret::generate_kind(SecretKind::RefreshToken, &SystemRandom).expect("random source");
        assert!(token.reveal().starts_with("tsr_") && token.is_well_formed(SecretKind::RefreshToken));
        assert!(!token.is_well_formed(SecretKind::Key));
        for text in ["", "tsr_", "tsr_é", "tsr_0000000000000000000000000000000000000000000000000"] {
            assert!(!Secret::new(text).is_well_formed(SecretKind::RefreshToken), "{text}");
        }
    }

    #[test]
    fn a_hash_survives_hexadecimal_and_matches_only_its_secret() {
        let hash = Secret::new("open sesame").hash();
        let read = SecretHash::from_hex(&hash.to_hex()).expect("64 digits");
        assert!(read.matches(&Secret::new("open sesame")));
        assert!(!read.matches(&Secret::new("open sesamE")));
        assert!(SecretHash::from_hex("zz").is_none());
    }

    #[test]
    fn a_secret_does_not_print_itself() {
        assert!(!format!("{:?}", Secret::new("open sesame")).contains("sesame"));
    }
}
