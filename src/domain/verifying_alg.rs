//! The signature algorithms that are understood in tokens of others.

use serde::{Deserialize, Serialize};

use super::environment::SigningAlg;

/// Signature algorithms that can be checked (RFC 7518 §3.1, RFC 8037, RFC 9864). All of ours, and more: others sign as
/// they please.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VerifyingAlg {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    RS512,
    /// RSASSA-PSS with SHA-256.
    PS256,
    /// RSASSA-PSS with SHA-384.
    PS384,
    /// RSASSA-PSS with SHA-512.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519, under either of its names.
    #[serde(alias = "Ed25519")]
    EdDSA,
}

impl VerifyingAlg {
    /// Every algorithm.
    pub const ALL: [VerifyingAlg; 10] = [
        VerifyingAlg::RS256,
        VerifyingAlg::RS384,
        VerifyingAlg::RS512,
        VerifyingAlg::PS256,
        VerifyingAlg::PS384,
        VerifyingAlg::PS512,
        VerifyingAlg::ES256,
        VerifyingAlg::ES384,
        VerifyingAlg::ES512,
        VerifyingAlg::EdDSA,
    ];

    /// The `alg` value.
    pub const fn as_str(self) -> &'static str {
        match self {
            VerifyingAlg::RS256 => "RS256",
            VerifyingAlg::RS384 => "RS384",
            VerifyingAlg::RS512 => "RS512",
            VerifyingAlg::PS256 => "PS256",
            VerifyingAlg::PS384 => "PS384",
            VerifyingAlg::PS512 => "PS512",
            VerifyingAlg::ES256 => "ES256",
            VerifyingAlg::ES384 => "ES384",
            VerifyingAlg::ES512 => "ES512",
            VerifyingAlg::EdDSA => "EdDSA",
        }
    }

    /// Reads an `alg` value. `Ed25519` is the newer name of what `EdDSA` means with such a key (RFC 9864 §2.2).
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "Ed25519" { "EdDSA" } else { name };
        Self::ALL.into_iter().find(|alg| alg.as_str() == name)
    }
}

impl From<SigningAlg> for VerifyingAlg {
    fn from(alg: SigningAlg) -> Self {
        match alg {
            SigningAlg::RS256 => VerifyingAlg::RS256,
            SigningAlg::ES256 => VerifyingAlg::ES256,
            SigningAlg::PS256 => VerifyingAlg::PS256,
            SigningAlg::EdDSA => VerifyingAlg::EdDSA,
        }
    }
}
