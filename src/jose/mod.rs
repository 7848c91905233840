//! Signing keys and tokens: the only place that names josekit and OpenSSL's keys.
//!
//! The way of a key: [`private_key`] makes it, [`master_key`] seals it for the database, [`keyring`] holds all keys of
//! an environment, each parsed once. The way of a token in: [`unverified`] splits it, [`verifier`] checks the signature
//! with a key of ours, [`access_token`] reads and checks the claims. The way out is [`signer`].
//! Tokens of others: [`foreign_keys`] are their issuer's, [`foreign`] checks them.

pub mod access_token;
#[cfg(test)]
mod attacks;
mod claims;
mod ed25519;
pub mod error;
pub mod foreign;
pub mod foreign_keys;
pub mod keyring;
pub mod mac;
pub mod master_key;
pub mod private_key;
pub mod signer;
mod strict_json;
pub mod thumbprint;
pub mod unverified;
pub mod verifier;
