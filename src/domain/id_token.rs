//! The claims of an ID token (OpenID Connect Core §2): what a client is told of the user who signed in to it.

use serde::Serialize;
use serde_json::{Map, Value};

/// The claims, in the form in which they are signed.
#[derive(Debug, Clone, Serialize)]
pub struct IdTokenClaims<'a> {
    /// The environment's issuer, whatever the profile of the access token beside it.
    pub iss: &'a str,
    /// The user; the same as in the access token.
    pub sub: &'a str,
    /// The client that the user signed in to.
    pub aud: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// When the user signed in, in seconds since 1970.
    pub auth_time: i64,
    /// As the client sent it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nonce: Option<&'a str>,
    /// The session, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<&'a str>,
    /// Ties it to the access token beside it (§3.1.3.6).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// With the scope `profile`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    /// With the scope `email`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// Further claims; none of those above is among them.
    #[serde(flatten)]
    pub further: &'a Map<String, Value>,
}
