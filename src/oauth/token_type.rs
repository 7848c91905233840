//! Token type identifiers (RFC 8693 §3).

/// The token types that can be asked for or presented here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenType {
    /// An OAuth 2.0 access token *issued by this server*.
    AccessToken,
    /// A JWT: one of this issuer's own, or that of a foreign issuer whom an identity connection names.
    Jwt,
    /// An ID token of a foreign issuer whom an identity connection names.
    IdToken,
    /// No token at all but the name of a user, from a client that may say who a user is. Our own identifier.
    SubjectId,
}

impl TokenType {
    /// Every type this server serves.
    pub const ALL: [TokenType; 4] = [TokenType::AccessToken, TokenType::Jwt, TokenType::IdToken, TokenType::SubjectId];

    /// The identifier on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            TokenType::AccessToken => "urn:ietf:params:oauth:token-type:access_token",
            TokenType::Jwt => "urn:ietf:params:oauth:token-type:jwt",
            TokenType::IdToken => "urn:ietf:params:oauth:token-type:id_token",
            TokenType::SubjectId => "urn:tessera:params:oauth:token-type:subject-id",
        }
    }

    /// Whether tokens of this type are issued here, and stand for actors.
    pub const fn is_issued_here(self) -> bool {
        matches!(self, TokenType::AccessToken | TokenType::Jwt)
    }

    /// The type that an identifier names, if this server serves it. Exact and case-sensitive.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == value)
    }
}
