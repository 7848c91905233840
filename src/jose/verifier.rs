//! Checking signatures.

use std::fmt;

use josekit::jws::JwsVerifier;

use super::{
    error::{JoseError, TokenError},
    private_key::PrivateKey,
    unverified::UnverifiedToken,
};
use crate::domain::environment::SigningAlg;

/// A key ready to check signatures. Made once per key, like [`Signer`](super::signer::Signer).
pub struct Verifier {
    alg: SigningAlg,
    verifier: Box<dyn JwsVerifier>,
}

impl Verifier {
    /// Prepares the public half of a key.
    ///
    /// # Errors
    /// josekit cannot use the key.
    pub fn new(key: &PrivateKey) -> Result<Self, JoseError> {
        Ok(Self { alg: key.alg(), verifier: key.jws_verifier()? })
    }

    /// Checks the signature and hands out the payload, which then was written by the owner of the key.
    ///
    /// The key alone decides the algorithm: a sender who could choose it would pick `none`, or HMAC with our public
    /// key as the secret (RFC 8725 §2.1).
    ///
    /// # Errors
    /// Another algorithm, a bad signature, or parts that are not canonical base64url.
    pub fn verify(&self, token: &UnverifiedToken<'_>) -> Result<Vec<u8>, TokenError> {
        if token.alg() != self.alg.as_str() {
            return Err(TokenError::WrongAlgorithm);
        }
        let signature = token.signature()?;
        self.verifier.verify(token.signed().as_bytes(), &signature).map_err(|_| TokenError::BadSignature)?;
        token.payload()
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").field("alg", &self.alg).finish_non_exhaustive()
    }
}
