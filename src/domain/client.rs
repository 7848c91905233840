//! Clients: the service accounts that call the token endpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::secret::SecretHash;
use crate::oauth::{grant_type::GrantType, scope::Scope};

/// Permissions by service: `{"<serviceId>": ["KEY", …]}`, as they stand in the token.
pub type Permissions = BTreeMap<String, Vec<String>>;

/// A confidential client of one environment.
#[derive(Debug, Clone)]
pub struct Client {
    /// `client_id`; unique in its environment.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is.
    pub kind: ClientKind,
    /// A disabled client gets nothing, and its tokens are no longer accepted as subject or actor.
    pub enabled: bool,
    /// The grants it may use.
    pub grants: Vec<GrantType>,
    /// The targets it may ask for, with the most it may get at each. The order is that of the environment file.
    pub access: Vec<Access>,
    /// The permissions that its own tokens carry.
    pub permissions: Permissions,
    /// Which `error` it is sent when a subject or actor token is refused.
    pub exchange_error: ExchangeError,
    /// Its secrets; at most two are in use at once, so that one can be replaced without an outage.
    pub secrets: Vec<ClientSecret>,
}

impl Client {
    /// What the client may get at `audience`.
    pub fn access_to(&self, audience: &str) -> Option<&Access> {
        self.access.iter().find(|access| access.audience == audience)
    }

    /// The scopes it may have at `audience`; none where it has no access.
    pub fn ceiling(&self, audience: &str) -> Scope {
        self.access_to(audience).map(|access| access.scopes.clone()).unwrap_or_default()
    }
}

/// What a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// A backend service with a secret of its own.
    ServiceAccount,
}

/// The most a client may get at one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The resource server's `audience`.
    pub audience: String,
    /// The scopes the client may have there.
    #[serde(default)]
    pub scopes: Scope,
    /// The scopes it gets there when it names none; all of `scopes` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_scopes: Option<Scope>,
}

impl Access {
    /// The scopes for a request that names none (RFC 6749 §3.3, "pre-defined default").
    pub fn default_scope(&self) -> &Scope {
        self.default_scopes.as_ref().unwrap_or(&self.scopes)
    }
}

/// The `error` for refused subject and actor tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeError {
    /// As RFC 8693 §2.2.2 says.
    #[default]
    InvalidRequest,
    /// As several other servers answer; for clients that were built against them.
    InvalidGrant,
}

/// One secret of a client, as it is kept.
#[derive(Debug, Clone)]
pub struct ClientSecret {
    /// Names it in the database and in logs; random, says nothing of the secret.
    pub id: String,
    /// SHA-256 of the secret.
    pub hash: SecretHash,
    /// Seconds since 1970; `None` for a secret that stays until it is replaced.
    pub expires_at: Option<i64>,
}

impl ClientSecret {
    /// Whether it can still be used at `now` (seconds since 1970).
    pub fn is_active(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}
