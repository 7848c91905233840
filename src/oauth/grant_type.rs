//! `grant_type` values of the token endpoint.

use serde::{Deserialize, Serialize};

/// The grants this server knows. Which of them an environment offers is the list in `grants::GRANTS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantType {
    /// RFC 6749 §4.4.
    ClientCredentials,
    /// RFC 6749 §4.1, with PKCE (RFC 7636).
    AuthorizationCode,
    /// RFC 8693.
    TokenExchange,
    /// RFC 6749 §6.
    RefreshToken,
    /// The extension grant of the IdentityServer family: `grant_type=delegation&token=…`.
    Delegation,
}

impl GrantType {
    /// Every grant, in the order of the metadata document.
    pub const ALL: [GrantType; 5] = [
        GrantType::ClientCredentials,
        GrantType::AuthorizationCode,
        GrantType::TokenExchange,
        GrantType::RefreshToken,
        GrantType::Delegation,
    ];

    /// The value of the `grant_type` parameter.
    pub const fn as_str(self) -> &'static str {
        match self {
            GrantType::ClientCredentials => "client_credentials",
            GrantType::AuthorizationCode => "authorization_code",
            GrantType::TokenExchange => "urn:ietf:params:oauth:grant-type:token-exchange",
            GrantType::RefreshToken => "refresh_token",
            GrantType::Delegation => "delegation",
        }
    }

    /// The grant that a `grant_type` parameter names, if this server knows it. Exact and case-sensitive.
    pub fn from_parameter(value: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.as_str() == value)
    }
}
