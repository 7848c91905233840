//! Identity connections: who vouches for users that sign in elsewhere.

use serde::{Deserialize, Serialize};

/// Who vouches for users that sign in elsewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
}

/// How an identity connection vouches for users.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "provider", deny_unknown_fields)]
pub enum IdentityProvider {
    /// A trusted service account says who the user is.
    #[serde(rename = "DELEGATED")]
    Delegated,
    /// A foreign issuer's JWT proves who the user is.
    #[serde(rename = "OIDC")]
    Oidc {
        /// `iss` of its tokens.
        issuer: String,
        /// Where its keys are; or `jwks`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks_uri: Option<String>,
        /// Its keys, inline (a JSON document); or `jwks_uri`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jwks: Option<String>,
        /// The `aud` values that are accepted.
        #[serde(default)]
        audiences: Vec<String>,
        /// The signature algorithms that are accepted.
        #[serde(default)]
        algorithms: Vec<String>,
        /// Claims that must have exactly these values.
        #[serde(default)]
        claims: std::collections::BTreeMap<String, String>,
    },
}
