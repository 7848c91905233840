//! Clients: the service accounts that call the token endpoint.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    secret::{Secret, SecretHash},
    secret_use::SecretUse,
};
use crate::oauth::{grant_type::GrantType, resource::is_same_target, scope::Scope};

/// Permissions by service: `{"<serviceId>": ["KEY", …]}`, as they stand in the token.
pub type Permissions = BTreeMap<String, Vec<String>>;

/// The grants of a service account that the management API makes.
pub const PLAIN_GRANTS: [GrantType; 2] = [GrantType::ClientCredentials, GrantType::TokenExchange];

/// A confidential client of one environment.
#[derive(Debug, Clone, Serialize)]
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
    /// How users sign in to it, for the grant `authorization_code`.
    #[serde(flatten)]
    pub sign_in: ClientSignIn,
    /// Its secrets; at most two are in use at once, so that one can be replaced without an outage.
    #[serde(skip)]
    pub secrets: Vec<ClientSecret>,
}

impl Client {
    /// Whether `text` can be a client id: 1 to 255 visible ASCII characters (RFC 6749 Appendix A.1, less the space).
    pub fn is_id(text: &str) -> bool {
        (1..=255).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
    }

    /// Whether the client is what the management API makes for a caller that is confined to `application`: a service account with
    /// permissions, and nothing else that could give it rights.
    pub fn is_plain(&self, application: Option<&str>) -> bool {
        // Each field by its name: a new one does not compile until somebody has decided whether it gives rights.
        let Self {
            id: _,
            name: _,
            kind: ClientKind::ServiceAccount,
            enabled: _,
            grants,
            access,
            permissions: _,
            exchange_error: _,
            sign_in,
            secrets: _,
        } = self;
        let made_here = ClientSignIn { application: application.map(str::to_owned), ..ClientSignIn::default() };
        grants.iter().all(|grant| PLAIN_GRANTS.contains(grant)) && access.is_empty() && *sign_in == made_here
    }

    /// What the client may get at `audience`.
    pub fn access_to(&self, audience: &str) -> Option<&Access> {
        self.access.iter().find(|access| is_same_target(&access.audience, audience))
    }

    /// The scopes it may have at `audience`; none where it has no access.
    pub fn ceiling(&self, audience: &str) -> Scope {
        self.access_to(audience).map(|access| access.scopes.clone()).unwrap_or_default()
    }

    /// The secret of this client that `secret` is, if it can still be used at `now` (seconds since 1970).
    ///
    /// Each secret kept is compared, whether or not one has matched: the time taken says nothing of which.
    pub fn secret_matches(&self, secret: &Secret, now: i64) -> Option<&ClientSecret> {
        self.secret_of_hash(&secret.hash(), now)
    }

    /// The same for a secret that is hashed already.
    pub fn secret_of_hash(&self, given: &SecretHash, now: i64) -> Option<&ClientSecret> {
        self.secrets.iter().fold(None, |found, kept| {
            let matches = kept.hash.equals(given) & kept.is_active(now);
            if matches { Some(kept) } else { found }
        })
    }
}

/// How users sign in to a client (RFC 6749 §4.1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClientSignIn {
    /// Where users may be sent back to with a code. Compared byte by byte.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    /// The application that they sign in to, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// The claims that ID tokens of sign-ins behind its backend have without being asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub default_claims: Vec<String>,
    /// Where it is told that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.2).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backchannel_logout_uri: Option<String>,
    /// Whether it must be told which session. It always is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub backchannel_logout_session_required: bool,
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
    /// When this node saw it used.
    pub used: SecretUse,
}

impl ClientSecret {
    /// A secret of which no use is known.
    pub fn new(id: String, hash: SecretHash, expires_at: Option<i64>) -> Self {
        Self { id, hash, expires_at, used: SecretUse::default() }
    }

    /// Whether it can still be used at `now` (seconds since 1970).
    pub fn is_active(&self, now: i64) -> bool {
        self.expires_at.is_none_or(|expires_at| now < expires_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(secrets: &[(&str, Option<i64>)]) -> Client {
        let secret =
            |text: &str, expires_at| ClientSecret::new(format!("id of {text}"), Secret::new(text).hash(), expires_at);
        let secrets = secrets.iter().map(|&(text, expires_at)| secret(text, expires_at));
        Client {
            id: "bff".into(),
            name: "Backend".into(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: vec![],
            access: vec![],
            permissions: Permissions::new(),
            exchange_error: ExchangeError::default(),
            sign_in: ClientSignIn::default(),
            secrets: secrets.collect(),
        }
    }

    fn matched(client: &Client, secret: &str, now: i64) -> Option<String> {
        client.secret_matches(&Secret::new(secret), now).map(|kept| kept.id.clone())
    }

    #[test]
    fn either_of_two_secrets_matches_and_says_which() {
        let client = client(&[("old", Some(100)), ("new", None)]);
        assert_eq!(matched(&client, "old", 99).as_deref(), Some("id of old"));
        assert_eq!(matched(&client, "new", 99).as_deref(), Some("id of new"));
        assert_eq!(matched(&client, "other", 99), None);
        assert_eq!(matched(&client, "", 99), None);
    }

    #[test]
    fn a_secret_stops_matching_at_the_second_it_expires() {
        let client = client(&[("old", Some(100)), ("new", None)]);
        assert_eq!(matched(&client, "old", 100), None);
        assert_eq!(matched(&client, "new", 100).as_deref(), Some("id of new"));
    }

    #[test]
    fn a_client_without_secrets_matches_nothing() {
        assert_eq!(matched(&client(&[]), "", 0), None);
    }
}
