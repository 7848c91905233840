//! Identity connections: who vouches for users that sign in elsewhere.

use serde::{Deserialize, Serialize};

use super::{foreign::ForeignIssuer, secret::SecretHash};
use crate::oauth::scope::Scope;

/// What the names of connections begin with that are none: who vouches for the users of development. One that is called so
/// would vouch for the same users.
pub const RESERVED_PREFIX: &str = "dev:";

/// Who vouches for users that sign in elsewhere.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct IdentityConnection {
    /// Unique in its environment; exchange rules name it as `subject.issuer`.
    pub name: String,
    /// For people who choose how to sign in.
    pub title: String,
    /// Its place among the others; equal ones are ordered by name.
    pub sort_order: i64,
    /// How users are vouched for.
    pub provider: IdentityProvider,
    /// A disabled connection vouches for nobody.
    pub enabled: bool,
    /// How users are sent there to sign in; `None` where they bring their tokens by themselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInClient>,
}

/// How this server is a client of the provider behind an identity connection (OpenID Connect Core §3.1).
///
/// Only an environment file sets it: whoever could change the token endpoint from outside would be sent the secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInClient {
    /// What this server is called there.
    pub client_id: String,
    /// Where browsers are sent to; `None`: where the provider's metadata say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization_endpoint: Option<String>,
    /// Where codes are redeemed, by this server itself; likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_endpoint: Option<String>,
    /// What is asked for there; `openid` always is.
    pub scopes: Scope,
    /// How this server proves there who it is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub token_endpoint_auth_method: TokenEndpointAuth,
    /// How the provider sends its answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub response_mode: ResponseMode,
    /// Whether the provider names itself in its answers (RFC 9207). One that does not say who it is is then refused.
    #[serde(default)]
    pub iss_required: bool,
    /// Tells whether the secret was changed, without holding it.
    pub secret_sha256: SecretHash,
    /// The secret that this server has there, sealed under the master key. Without one: the empty text.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
}

/// How this server proves to a provider who it is, by the names of RFC 7591 §2.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenEndpointAuth {
    /// By the secret in `Authorization`, which every provider has to take (RFC 6749 §2.3.1).
    #[default]
    ClientSecretBasic,
    /// By the secret in the form.
    ClientSecretPost,
    /// Not at all: it is a public client there. PKCE ties the code to it, as it does with the others.
    None,
}

impl TokenEndpointAuth {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];
}

/// How a provider sends its answer to an authorization request (OAuth 2.0 Multiple Response Type Encoding Practices §2.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseMode {
    /// In the URL.
    #[default]
    Query,
    /// In a form that a page of the provider posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

impl ResponseMode {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Query, Self::FormPost];
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// How an identity connection vouches for users.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "provider")]
pub enum IdentityProvider {
    /// A trusted service account says who the user is.
    #[serde(rename = "DELEGATED")]
    Delegated,
    /// An ID token of a foreign issuer proves who the user is (OpenID Connect Core §2).
    #[serde(rename = "OIDC")]
    Oidc(ForeignIssuer),
    /// Any other JWT of a foreign issuer proves who the user is, such as that of a workload.
    #[serde(rename = "JWT")]
    Jwt(ForeignIssuer),
}

impl IdentityProvider {
    /// The foreign issuer whose tokens are the proof, where they are.
    pub fn foreign_issuer(&self) -> Option<&ForeignIssuer> {
        match self {
            IdentityProvider::Delegated => None,
            IdentityProvider::Oidc(issuer) | IdentityProvider::Jwt(issuer) => Some(issuer),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_of_an_earlier_version_is_read() {
        let row = json!({
            "provider": "OIDC", "issuer": "https://p.example", "jwks_uri": "https://p.example/jwks",
            "audiences": [], "algorithms": ["ES256"], "claims": { "hd": "p.example" },
        });
        let provider: IdentityProvider = serde_json::from_value(row).expect("an OIDC connection");
        let issuer = provider.foreign_issuer().expect("a foreign issuer");
        assert_eq!((issuer.issuer.as_str(), issuer.map.subject.as_str()), ("https://p.example", "sub"));
        assert_eq!(issuer.claims["hd"], "p.example");
        assert!(issuer.check().is_err(), "without an audience it vouches for nobody");
        assert_eq!(serde_json::from_value(json!({ "provider": "DELEGATED" })).ok(), Some(IdentityProvider::Delegated));
    }

    #[test]
    fn a_foreign_issuer_comes_back_as_it_was_written_and_with_nothing_unknown() {
        let issuer = json!({ "issuer": "https://p.example", "jwks": "{}", "audiences": ["us"] });
        let issuer: ForeignIssuer = serde_json::from_value(issuer).expect("an issuer");
        for provider in [IdentityProvider::Oidc(issuer.clone()), IdentityProvider::Jwt(issuer)] {
            let mut written = serde_json::to_value(&provider).expect("JSON");
            assert_eq!(serde_json::from_value::<IdentityProvider>(written.clone()).ok(), Some(provider));
            written["colour"] = json!("red");
            assert!(serde_json::from_value::<IdentityProvider>(written.clone()).is_err(), "{written}");
        }
    }
}
