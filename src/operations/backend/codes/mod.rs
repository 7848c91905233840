//! Codes and links for one use: made, kept as hashes, and redeemed once.
//!
//! What is typed in can be guessed, so each look at a guess is paid for in the database before the comparison
//! ([`one_time_codes::claim`]). What is clicked cannot, and is found by its hash.

mod keep;
pub mod link;
pub mod otp;
mod policy;
mod redeem;
pub mod reset;

pub use keep::{Kept, SendPolicy};
pub use redeem::{Guess, LinkPresented, Presented, find_link_in, guess_in};

use openssl::sha::Sha256;

use crate::{
    domain::{
        login::one_time_code::{CodeAddress, CodeBinding, CodeChannel, CodeDetails, OneTimeCode, draw_code},
        random::{Random, RandomError, random_uuid},
        secret::{Secret, SecretKind},
    },
    jose::{error::JoseError, master_key::MasterKey},
    store::{
        Conn, StoreError, one_time_codes,
        sendings::{self, SendLimit},
    },
};

/// A code or link that is wanted.
#[derive(Debug, Clone)]
pub struct NewCode {
    /// Whom it is for, and who may redeem it.
    pub binding: CodeBinding,
    /// Whether other clients of the application may redeem it too.
    pub any_client: bool,
    /// How the user was named: [`named_as`].
    pub named_as: String,
    /// Where it goes; `None` if the client gets it.
    pub address: Option<CodeAddress>,
    /// Whether whoever redeems it must know a request id besides.
    pub with_request_id: bool,
    /// How many digits a code has. A link has none of this.
    pub length: u32,
    /// How many guesses are looked at.
    pub max_failures: u32,
    /// How long it is good, in seconds.
    pub lifetime: i64,
    /// What else is kept with it.
    pub details: CodeDetails,
}

/// A code or link, as it is kept and in clear text.
#[derive(Debug)]
pub struct MadeCode {
    /// What is kept.
    pub kept: OneTimeCode,
    /// The code, or what the link carries.
    pub secret: Secret,
    /// The request id, if there is to be one.
    pub request_id: Option<Secret>,
}

/// A code cannot be made or compared.
#[derive(Debug, thiserror::Error)]
pub enum CodeError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] JoseError),
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// Wrong codes have locked the user out.
    #[error("the user is locked out")]
    Locked,
    /// An address or a user has had as many messages as a limit allows. Nothing was counted.
    #[error("too many messages: the limit {kind} lets the next one through in {retry_after} s")]
    TooMany {
        /// The limit.
        kind: &'static str,
        /// In how many seconds there is room again, 1 at least.
        retry_after: i64,
    },
}

/// How a user was named, as it is kept with a code: it must be redeemed under the same name. A hash, because it is compared only.
pub fn named_as(identifier_type: &str, identifier: &str) -> String {
    let mut hash = Sha256::new();
    for part in [identifier_type, identifier] {
        hash.update(&(part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    hash.finish().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What `limit` counts an address under. A hash: the counts outlive the user who had the address.
pub fn address_holder(address: &str) -> String {
    Secret::new(address).hash().to_hex()
}

/// Makes a code or link. Nothing is kept yet.
///
/// # Errors
/// The random source or the cryptographic library failed.
pub fn make(random: &dyn Random, master_key: &MasterKey, new: NewCode, now: i64) -> Result<MadeCode, CodeError> {
    let id = random_uuid(random)?;
    let (secret, hash) = if new.binding.channel == CodeChannel::Link {
        let secret = Secret::generate_kind(SecretKind::Link, random)?;
        let hash = secret.hash();
        (secret, hash)
    } else {
        let secret = Secret::new(draw_code(random, new.length)?);
        let hash = master_key.code_mac(&id, &new.binding.user_id, &secret)?;
        (secret, hash)
    };
    let request_id =
        new.with_request_id.then(|| Secret::generate_kind(SecretKind::LoginRequest, random)).transpose()?;
    let kept = OneTimeCode {
        id,
        binding: new.binding,
        any_client: new.any_client,
        named_as: new.named_as,
        address: new.address,
        request_hash: request_id.as_ref().map(|id| id.hash().to_hex()),
        secret_hash: hash.to_hex(),
        tries_left: new.max_failures,
        details: new.details,
        created_at: now,
        expires_at: now.saturating_add(new.lifetime),
    };
    Ok(MadeCode { kept, secret, request_id })
}

/// Keeps one that is about to be sent, in the place of the one before it, if all limits have room for it. In a transaction, which
/// an error must roll back: what is not sent is not counted. Limits must be in one order, the same for all.
///
/// # Errors
/// A limit is used up ([`CodeError::TooMany`]), or the database failed.
pub fn keep_in(
    conn: &mut Conn<'_>,
    environment_id: &str,
    kept: &OneTimeCode,
    limits: &[SendLimit],
) -> Result<(), CodeError> {
    count_in(conn, environment_id, limits, kept.created_at)?;
    Ok(one_time_codes::replace(conn, environment_id, kept)?)
}

/// Counts a message, in a transaction, which an error must roll back. Limits must be in one order, the same for all.
///
/// # Errors
/// A limit is used up ([`CodeError::TooMany`]), or the database failed.
pub fn count_in(conn: &mut Conn<'_>, environment_id: &str, limits: &[SendLimit], now: i64) -> Result<(), CodeError> {
    for limit in limits {
        if let Some(until) = sendings::count(conn, environment_id, limit, now)? {
            return Err(CodeError::TooMany { kind: limit.kind, retry_after: until.saturating_sub(now).max(1) });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
