//! The claims of a logout token (OpenID Connect Back-Channel Logout 1.0 §2.4): what a client is told of a session that has ended.

use serde::Serialize;
use serde_json::{Value, json};

/// How long one is good for, in seconds (§2.4 wants two minutes at most). Each attempt has a token of its own.
pub const LIFETIME: i64 = 120;

/// The claims, in the form in which they are signed. There is no `nonce`: that keeps one from being taken for an ID token.
#[derive(Debug, Clone, Serialize)]
pub struct LogoutTokenClaims<'a> {
    /// The environment's issuer.
    pub iss: &'a str,
    /// The user.
    pub sub: &'a str,
    /// The client.
    pub aud: &'a str,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub exp: i64,
    /// Told from any other.
    pub jti: &'a str,
    /// The session.
    pub sid: &'a str,
    /// Says that it is a logout token.
    pub events: Value,
}

/// `events` of every logout token.
pub fn events() -> Value {
    json!({ "http://schemas.openid.net/event/backchannel-logout": {} })
}
