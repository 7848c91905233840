//! What can go wrong with keys, and why a token is refused.

use crate::domain::{party::ChainError, random::RandomError};

/// A key cannot be made, opened or used. Never holds key material.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoseError {
    /// The master key is not 32 bytes in base64.
    #[error("the master key must be exactly 32 bytes in base64")]
    MasterKey,
    /// Sealed data has another layout than ours, was changed, belongs to another place, or is under another master key.
    #[error("sealed data cannot be opened: wrong master key, or it was changed or moved")]
    Unseal,
    /// A private or public key cannot be used; the text says why.
    #[error("unusable key: {0}")]
    Key(String),
    /// What is stored under a key id is another key; somebody changed the row.
    #[error("the key stored as {kid} is not the key of that id")]
    KeyMismatch {
        /// The id it is stored under.
        kid: String,
    },
    /// The cryptographic library failed.
    #[error("the cryptographic library failed: {0}")]
    Crypto(String),
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<openssl::error::ErrorStack> for JoseError {
    fn from(error: openssl::error::ErrorStack) -> Self {
        Self::Crypto(error.to_string())
    }
}

/// Why a document is no usable set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Not JSON, or a member name twice.
    #[error("the key set is not a JSON object with unique member names")]
    Json,
    /// No list of keys (RFC 7517 §5).
    #[error("the key set has no list named keys")]
    NoKeys,
    /// More keys than any honest issuer has.
    #[error("the key set has more than 64 keys")]
    TooManyKeys,
}

/// Why a token is refused: one variant per cause, for the log. Never holds the token or a part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Beyond [`MAX_TOKEN_LENGTH`](super::unverified::MAX_TOKEN_LENGTH).
    #[error("the token is longer than allowed")]
    TooLong,
    /// Not a compact JWS (RFC 7515 §7.1).
    #[error("the token does not have three parts")]
    NotCompact,
    /// A part is not canonical base64url without padding.
    #[error("the {0} of the token is not base64url")]
    Encoding(&'static str),
    /// A part is not a JSON object, or has a member name twice.
    #[error("the {0} of the token is not a JSON object with unique member names")]
    Json(&'static str),
    /// A header parameter is absent.
    #[error("the header has no {0}")]
    MissingHeader(&'static str),
    /// A header parameter is not a string.
    #[error("{0} in the header is not a string")]
    HeaderType(&'static str),
    /// The header demands an extension (`crit`, `b64`), and this server has none.
    #[error("the header demands an extension: {0}")]
    Extension(&'static str),
    /// The header's `kid` is longer than any of ours.
    #[error("kid is longer than allowed")]
    KidTooLong,
    /// `typ` is not that of an access token (RFC 9068 §4).
    #[error("typ is not at+jwt")]
    WrongType,
    /// The key is not, not any more, or never was one of ours.
    #[error("no key of this environment has that kid")]
    UnknownKey,
    /// `alg` is not the algorithm of the key.
    #[error("alg is not the algorithm of the key")]
    WrongAlgorithm,
    /// The signature is not by the key.
    #[error("the signature is not valid")]
    BadSignature,
    /// A claim is absent.
    #[error("the claim {0} is missing")]
    MissingClaim(&'static str),
    /// A claim has the wrong type, is empty or out of range.
    #[error("the claim {0} has the wrong type, is empty or out of range")]
    ClaimType(&'static str),
    /// A token inside a third party's is not that of an end user.
    #[error("only tokens of end users may stand inside another token")]
    NotAnEndUser,
    /// It is but the envelope of another token.
    #[error("the token is the envelope of another one")]
    Envelope,
    /// `iss` is another issuer.
    #[error("iss is another issuer")]
    WrongIssuer,
    /// A foreign token is of another kind than the caller says, or of one that vouches for nobody.
    #[error("it is not a token of that kind")]
    ForeignType,
    /// No usable key of the foreign issuer fits.
    #[error("no key of the issuer has that kid")]
    UnknownForeignKey,
    /// Several keys of the foreign issuer fit, because the token names none or they share an id.
    #[error("more than one key of the issuer fits: the token must name one")]
    AmbiguousKey,
    /// The claim that identifies the user of a foreign issuer is absent or cannot be used.
    #[error("the claim that holds the subject is missing, not a text, empty, too long or has control characters")]
    MappedSubject,
    /// A foreign token is meant for somebody else.
    #[error("aud has none of the accepted audiences")]
    WrongAudience,
    /// A foreign token does not say what the identity connection demands.
    #[error("a condition on the claims is not met")]
    ConditionNotMet,
    /// `scope` breaks the grammar of RFC 6749 §3.3.
    #[error("the claim scope breaks the grammar")]
    MalformedScope,
    /// `act` or `may_act` cannot be used.
    #[error("the claim {claim} cannot be used: {cause}")]
    Chain {
        /// `act` or `may_act`.
        claim: &'static str,
        /// Why.
        cause: ChainError,
    },
    /// A foreign token names one of our own parties in `act` or `may_act`.
    #[error("act or may_act is in the name of this issuer, for which nobody else speaks")]
    OurName,
    /// More ancestors than [`MAX_ANCESTORS`](crate::domain::claims::MAX_ANCESTORS).
    #[error("the token has more ancestors than allowed")]
    TooManyAncestors,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    NotYetValid,
}
