//! Randomness as an argument, so that a test can repeat a run.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Where unguessable bytes come from.
pub trait Random: Send + Sync + std::fmt::Debug {
    /// Fills `bytes` with cryptographically secure random data.
    ///
    /// # Errors
    /// The random source failed; nothing may be issued then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The random source failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the random source failed: {0}")]
pub struct RandomError(pub String);

/// OpenSSL's generator, seeded by the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, reason = "the one place that draws from OpenSSL's generator")]
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        openssl::rand::rand_bytes(bytes).map_err(|error| RandomError(error.to_string()))
    }
}

/// A `jti` or request id: 128 random bits, so that none is ever guessed or met twice (TE-089), as base64url.
///
/// # Errors
/// The random source failed.
pub fn random_id(random: &dyn Random) -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// A random (version 4) UUID in its usual text form: the shape of tenant, environment and application ids.
///
/// # Errors
/// The random source failed.
pub fn random_uuid(random: &dyn Random) -> Result<String, RandomError> {
    let mut bytes = [0; 16];
    random.fill(&mut bytes)?;
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string())
}
