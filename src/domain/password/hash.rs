//! How passwords are kept: argon2id (RFC 9106), with the parameters beside each hash.

use argon2::{
    ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version,
    password_hash::{Output, PasswordHash as Phc, Salt, SaltString},
};
use openssl::memcmp;

use super::Password;

/// The length of a salt, in bytes (RFC 9106 §3.1).
pub const SALT_LENGTH: usize = 16;
/// The length of a hash, in bytes.
pub const HASH_LENGTH: usize = 32;

/// What one hash costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HashParameters {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes. They are worked on one after the other: the server has other requests for its cores.
    pub lanes: u32,
}

impl HashParameters {
    fn params(self) -> Result<Params, PasswordHashError> {
        Params::new(self.memory_kib, self.iterations, self.lanes, Some(HASH_LENGTH)).map_err(failed)
    }
}

/// A hash cannot be made or read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a password hash: {0}")]
pub struct PasswordHashError(String);

/// The memory that hashing works in. Kept by each thread that hashes: getting 19 MiB from the system and giving it back would cost
/// a tenth of the time of a hash.
#[derive(Default)]
pub struct Scratch(Vec<Block>);

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Scratch(…)")
    }
}

impl Scratch {
    fn of(&mut self, parameters: &Params) -> &mut [Block] {
        let wanted = parameters.block_count();
        if self.0.len() < wanted {
            self.0.resize(wanted, Block::default());
        }
        &mut self.0
    }
}

/// What is kept of a password: a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Reads what was kept. Whether it is well-formed shows when it is used.
    pub fn from_stored(phc: String) -> Self {
        Self(phc)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Hashes a password. Takes tens of milliseconds: never on a thread that answers requests.
    ///
    /// # Errors
    /// The parameters are out of bounds.
    pub fn make(
        password: &Password,
        salt: &[u8; SALT_LENGTH],
        parameters: HashParameters,
        scratch: &mut Scratch,
    ) -> Result<Self, PasswordHashError> {
        let parameters = parameters.params()?;
        let hash = digest(password, salt, &parameters, scratch)?;
        Self::written(salt, &hash, parameters)
    }

    /// What nobody's password has: random bytes in the place of a hash. Comparing with it takes as long as with any other.
    ///
    /// # Errors
    /// The parameters are out of bounds.
    pub fn of_nobody(
        salt: &[u8; SALT_LENGTH],
        bytes: &[u8; HASH_LENGTH],
        parameters: HashParameters,
    ) -> Result<Self, PasswordHashError> {
        let parameters = parameters.params()?;
        Self::written(salt, bytes, parameters)
    }

    fn written(
        salt: &[u8; SALT_LENGTH],
        hash: &[u8; HASH_LENGTH],
        parameters: Params,
    ) -> Result<Self, PasswordHashError> {
        let salt = SaltString::encode_b64(salt).map_err(failed)?;
        let phc = Phc {
            algorithm: ARGON2ID_IDENT,
            version: Some(Version::V0x13.into()),
            params: parameters.try_into().map_err(failed)?,
            salt: Some(salt.as_salt()),
            hash: Some(Output::new(hash).map_err(failed)?),
        };
        Ok(Self(phc.to_string()))
    }

    /// Whether this is the hash of `password`, with the parameters that it was made with; in time that does not depend on where the
    /// two differ. As slow as [`make`](Self::make).
    ///
    /// # Errors
    /// What was kept is no such hash.
    pub fn matches(&self, password: &Password, scratch: &mut Scratch) -> Result<bool, PasswordHashError> {
        let phc = Phc::new(&self.0).map_err(failed)?;
        let is_ours = phc.algorithm == ARGON2ID_IDENT && phc.version == Some(Version::V0x13.into());
        let (Some(salt), Some(kept), true) = (phc.salt, phc.hash, is_ours) else {
            return Err(PasswordHashError("it is not an argon2id hash".to_owned()));
        };
        let mut bytes = [0; Salt::MAX_LENGTH];
        let salt = salt.decode_b64(&mut bytes).map_err(failed)?;
        let hash = digest(password, salt, &Params::try_from(&phc).map_err(failed)?, scratch)?;
        Ok(kept.len() == hash.len() && memcmp::eq(kept.as_bytes(), &hash))
    }

    /// Whether it was made with other parameters than these.
    pub fn is_outdated(&self, parameters: HashParameters) -> bool {
        let made = Phc::new(&self.0).ok().and_then(|phc| Params::try_from(&phc).ok());
        made.is_none_or(|made| {
            let HashParameters { memory_kib, iterations, lanes } = parameters;
            (made.m_cost(), made.t_cost(), made.p_cost()) != (memory_kib, iterations, lanes)
        })
    }
}

fn digest(
    password: &Password,
    salt: &[u8],
    parameters: &Params,
    scratch: &mut Scratch,
) -> Result<[u8; HASH_LENGTH], PasswordHashError> {
    let mut hash = [0; HASH_LENGTH];
    let blocks = scratch.of(parameters);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters.clone());
    argon2.hash_password_into_with_memory(password.text().as_bytes(), salt, &mut hash, blocks).map_err(failed)?;
    Ok(hash)
}

fn failed(error: impl std::fmt::Display) -> PasswordHashError {
    PasswordHashError(error.to_string())
}
