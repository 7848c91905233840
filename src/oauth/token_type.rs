//! Token type identifiers (RFC 8693 §3).

/// The token types that can be asked for or presented here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An OAuth 2.0 access token *issued by this server*.
    AccessToken,
    /// A JWT; here one of this issuer's own.
    Jwt,
}

impl TokenType {
    /// Every type this server serves.
    pub const ALL: [TokenType; 2] = [TokenType::AccessToken, TokenType::Jwt];

    /// The identifier on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenType::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            TokenType::Jwt => "urn:ietf:params:oauth:token-type:jwt",
        }
    }

    /// The type that an identifier names, if this server serves it. Exact and case-sensitive.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == value)
    }
}
