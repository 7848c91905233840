//! Checking signatures.

use std::fmt;

use josekit::{
    jwk::Jwk,
    jws::{ES256, ES384, ES512, EdDSA, JwsVerifier, PS256, PS384, PS512, RS256, RS384, RS512},
};

use super::{
    error::{JoseError, TokenError},
    private_key::PrivateKey,
    unverified::UnverifiedToken,
};
use crate::domain::verifying_alg::VerifyingAlg;

/// A key ready to check signatures. Made once per key, like [`Signer`](super::signer::Signer).
pub struct Verifier {
    alg: VerifyingAlg,
    verifier: Box<dyn JwsVerifier>,
}

impl Verifier {
    /// Prepares the public half of a key.
    ///
    /// # Errors
    /// josekit cannot use the key.
    pub fn new(key: &PrivateKey) -> Result<Self, JoseError> {
        Self::of_public_jwk(key.alg().into(), key.public_jwk())
    }

    /// Prepares a public key, a JWK as JSON, for one algorithm.
    ///
    /// # Errors
    /// josekit cannot use the key, or not for that algorithm.
    pub(super) fn of_public_jwk(alg: VerifyingAlg, public_jwk: &str) -> Result<Self, JoseError> {
        let unusable = |error: josekit::JoseError| JoseError::Key(error.to_string());
        let jwk = Jwk::from_bytes(public_jwk.as_bytes()).map_err(unusable)?;
        let verifier: Result<Box<dyn JwsVerifier>, _> = match alg {
            VerifyingAlg::RS256 => RS256.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::RS384 => RS384.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::RS512 => RS512.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::PS256 => PS256.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::PS384 => PS384.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::PS512 => PS512.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::ES256 => ES256.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::ES384 => ES384.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::ES512 => ES512.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
            VerifyingAlg::EdDSA => EdDSA.verifier_from_jwk(&jwk).map(|verifier| Box::new(verifier) as _),
        };
        Ok(Self { alg, verifier: verifier.map_err(unusable)? })
    }

    /// The only algorithm it checks.
    pub(super) const fn alg(&self) -> VerifyingAlg {
        self.alg
    }

    /// Checks the signature and hands out the payload, which then was written by the owner of the key.
    ///
    /// The key alone decides the algorithm: a sender who could choose it would pick `none`, or HMAC with our public
    /// key as the secret (RFC 8725 §2.1).
    ///
    /// # Errors
    /// Another algorithm, a bad signature, or parts that are not canonical base64url.
    pub fn verify(&self, token: &UnverifiedToken<'_>) -> Result<Vec<u8>, TokenError> {
        if VerifyingAlg::from_name(token.alg()) != Some(self.alg) {
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
