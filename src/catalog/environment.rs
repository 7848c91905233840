//! One environment as the hit path sees it: all of it in memory, never changed in place.

use std::{collections::HashMap, sync::Arc, time::Duration};

use openssl::sha::sha256;
use quick_cache::sync::Cache;

use super::{
    CatalogLimits,
    counts::CatalogCounts,
    revocations::Revocations,
    users::{UserMemory, Users},
};
use crate::{
    domain::{
        application::{Application, OnFailure},
        claims::SubjectType,
        client::Client,
        connection::{IdentityConnection, IdentityProvider},
        environment::{Environment, ResourceServer, resource_server},
        permission::{ManagedService, PermissionDefinition},
        rule::ExchangeRule,
        secret::Secret,
    },
    jose::{
        access_token::{VerifiedToken, embedded_token, verify_access_token},
        error::TokenError,
        foreign_keys::ForeignKeys,
        keyring::Keyring,
    },
    oauth::resource::registered,
};

/// An environment at one version. A change in the database makes a new snapshot without any clients, so that nothing that
/// was true of one before the change outlives it. Verified tokens are handed on: what is kept of them is only that a key of
/// ours signed them, and whether that key still counts is asked each time.
pub struct EnvironmentSnapshot {
    /// The environment itself.
    pub environment: Environment,
    /// Its issuer identifier.
    pub issuer: String,
    /// The version it was loaded at.
    pub version: i64,
    /// Its signing keys.
    pub keyring: Keyring,
    /// Its resource servers, enabled or not.
    pub resource_servers: Vec<ResourceServer>,
    /// Its enabled exchange rules, in order.
    pub rules: Vec<ExchangeRule>,
    /// Its applications by id.
    pub applications: HashMap<String, Application>,
    /// The enrichment webhooks by application, their secrets opened.
    pub webhooks: HashMap<String, Arc<OpenedWebhook>>,
    /// Its identity connections, enabled or not, in their order.
    pub identity_connections: Vec<IdentityConnection>,
    /// The permissions that services define.
    pub permissions: Vec<PermissionDefinition>,
    /// The services of other environments that are let in.
    pub managed_services: Vec<ManagedService>,
    /// What is revoked in it.
    pub revocations: Arc<Revocations>,
    inline_keys: HashMap<String, Arc<ForeignKeys>>,
    users: UserMemory,
    clients: Cache<String, Arc<Client>>,
    /// Ids that no client has, with the time (milliseconds since 1970) until which that is believed.
    unknown_clients: Cache<String, i64>,
    unknown_client_ttl: Duration,
    verified_tokens: Arc<Cache<[u8; 32], Arc<VerifiedToken>>>,
    counts: Arc<CatalogCounts>,
}

/// What an environment is made of, as it comes from the database.
pub(super) struct EnvironmentParts {
    pub environment: Environment,
    pub issuer: String,
    pub version: i64,
    pub keyring: Keyring,
    pub resource_servers: Vec<ResourceServer>,
    pub rules: Vec<ExchangeRule>,
    pub applications: Vec<Application>,
    pub webhooks: HashMap<String, Arc<OpenedWebhook>>,
    pub identity_connections: Vec<IdentityConnection>,
    pub permissions: Vec<PermissionDefinition>,
    pub managed_services: Vec<ManagedService>,
    pub users_version: i64,
    pub counts: Arc<CatalogCounts>,
}

/// An enrichment webhook, ready to be called.
#[derive(Debug)]
pub struct OpenedWebhook {
    /// Where.
    pub url: String,
    /// What requests are signed with; `None` if it cannot be opened, so that no request can be made.
    pub secret: Option<Secret>,
    /// What becomes of the token when the call fails.
    pub on_failure: OnFailure,
}

/// What the memory knows of a client id.
pub enum KnownClient {
    /// There is such a client.
    Yes(Arc<Client>),
    /// There was none a moment ago.
    No,
    /// Ask the database.
    Unasked,
}

impl EnvironmentSnapshot {
    pub(super) fn new(parts: EnvironmentParts, limits: &CatalogLimits, previous: Option<&Self>) -> Self {
        let no_tokens = || Arc::new(Cache::new(limits.verified_tokens));
        Self {
            environment: parts.environment,
            issuer: parts.issuer,
            version: parts.version,
            keyring: parts.keyring,
            resource_servers: parts.resource_servers,
            rules: parts.rules,
            applications: parts.applications.into_iter().map(|app| (app.id.clone(), app)).collect(),
            webhooks: parts.webhooks,
            revocations: previous.map(|previous| Arc::clone(&previous.revocations)).unwrap_or_default(),
            inline_keys: inline_keys(&parts.identity_connections),
            identity_connections: parts.identity_connections,
            permissions: parts.permissions,
            managed_services: parts.managed_services,
            users: UserMemory::new(limits.users, parts.users_version, Arc::clone(&parts.counts)),
            clients: Cache::new(limits.clients),
            unknown_clients: Cache::new(limits.unknown_clients),
            unknown_client_ttl: limits.unknown_client_ttl,
            verified_tokens: previous.map_or_else(no_tokens, |previous| Arc::clone(&previous.verified_tokens)),
            counts: parts.counts,
        }
    }

    /// The resource server that `name` means, enabled or not.
    pub fn resource_server(&self, name: &str) -> Option<&ResourceServer> {
        resource_server(&self.resource_servers, name)
    }

    /// The target that a request means by `name`, as it is registered, or `name` itself where it means none: a resource server, or this
    /// environment. What is registered goes into tokens, and everything after this compares byte by byte.
    pub fn registered_target(&self, name: &str) -> String {
        let servers = self.resource_servers.iter().map(|server| server.audience.as_str());
        registered(servers.chain([self.issuer.as_str()]), name).unwrap_or(name).to_owned()
    }

    /// The identity connection of that name, enabled or not.
    pub fn identity_connection(&self, name: &str) -> Option<&IdentityConnection> {
        self.identity_connections.iter().find(|connection| connection.name == name)
    }

    /// The keys that stand in the identity connection itself, if they can be used.
    pub fn inline_keys(&self, connection: &str) -> Option<Arc<ForeignKeys>> {
        self.inline_keys.get(connection).cloned()
    }

    /// What is remembered of users.
    pub fn users(&self) -> Arc<Users> {
        self.users.current()
    }

    /// Forgets what is remembered of users, unless it is of `version` already.
    pub(super) fn forget_users_before(&self, version: i64) {
        self.users.forget_before(version);
    }

    /// Forgets what is remembered of users, after a change that was made here.
    pub fn forget_users(&self) {
        self.users.forget();
    }

    /// What is known of a client without asking the database. `now_millis` is in milliseconds since 1970.
    pub fn known_client(&self, client_id: &str, now_millis: i64) -> KnownClient {
        if let Some(client) = self.clients.get(client_id) {
            return KnownClient::Yes(client);
        }
        match self.unknown_clients.get(client_id) {
            Some(believed_until) if now_millis < believed_until => KnownClient::No,
            _ => KnownClient::Unasked,
        }
    }

    /// Keeps what the database said of a client id. The unknown have a cache of their own, so that a flood of made-up
    /// ids cannot push out the clients that exist.
    pub(super) fn remember_client(&self, client_id: &str, found: Option<&Arc<Client>>, now_millis: i64) {
        match found {
            Some(client) => self.clients.insert(client_id.to_owned(), Arc::clone(client)),
            None => {
                let ttl = i64::try_from(self.unknown_client_ttl.as_millis()).unwrap_or(i64::MAX);
                self.unknown_clients.insert(client_id.to_owned(), now_millis.saturating_add(ttl));
            }
        }
    }

    /// Verifies an access token of this environment, or the end user's token that a third party's JWT carries.
    ///
    /// # Errors
    /// What is wrong with the token.
    pub fn verify(&self, token: &str, now: i64) -> Result<Arc<VerifiedToken>, TokenError> {
        self.verify_own(token, now).or_else(|error| {
            // A third party's token around one of ours is nothing by itself: what is inside decides, and is remembered by its
            // own hash. Anybody can make envelopes without end around one good token, and fill the memory with them.
            let inner = embedded_token(token).ok_or(error)?;
            let verified = self.verify_own(&inner, now)?;
            // A service has no business lending its own token to a third party.
            let is_end_user = verified.subject_type == Some(SubjectType::EndUserAccount);
            if is_end_user { Ok(verified) } else { Err(TokenError::NotAnEndUser) }
        })
    }

    /// Whether the signature of this token was good before, so that verifying it again costs a hash. It need not be good now.
    pub fn remembers(&self, token: &str) -> bool {
        self.verified_tokens.peek(&sha256(token.as_bytes())).is_some()
    }

    /// A token that was seen before costs a hash instead of a signature; its time and its key are checked again all the same.
    fn verify_own(&self, token: &str, now: i64) -> Result<Arc<VerifiedToken>, TokenError> {
        let hash = sha256(token.as_bytes());
        if let Some(verified) = self.counts.verified_tokens.saw(self.verified_tokens.get(&hash)) {
            verified.check_time(now)?;
            self.keyring.verifier(verified.kid(), now).ok_or(TokenError::UnknownKey)?;
            return Ok(verified);
        }
        let verified = Arc::new(verify_access_token(&self.keyring, &self.issuer, token, now)?);
        self.verified_tokens.insert(hash, Arc::clone(&verified));
        Ok(verified)
    }
}

/// Parsed once. A key set that cannot be read makes its connection useless, and nothing else of the environment.
fn inline_keys(connections: &[IdentityConnection]) -> HashMap<String, Arc<ForeignKeys>> {
    let mut parsed = HashMap::new();
    for connection in connections {
        let (IdentityProvider::Oidc(issuer) | IdentityProvider::Jwt(issuer)) = &connection.provider else { continue };
        let Some(jwks) = &issuer.jwks else { continue };
        match ForeignKeys::parse(jwks.as_bytes()) {
            Ok(keys) => drop(parsed.insert(connection.name.clone(), Arc::new(keys))),
            Err(error) => log::error!("identity connection {:?}: its jwks cannot be used: {error}", connection.name),
        }
    }
    parsed
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::{
        domain::{
            claims::EMBEDDED_TOKEN_CLAIM,
            environment::{SigningAlg, TokenTyp},
            signing_key::KeySchedule,
        },
        jose::{keyring::KeyEntry, private_key::PrivateKey},
    };

    const ISSUER: &str = "https://id.example";
    const NOW: i64 = 1_800_000_000;

    fn snapshot() -> EnvironmentSnapshot {
        let key = PrivateKey::generate(SigningAlg::ES256).expect("a key");
        let entry = KeyEntry {
            kid: key.kid().to_owned(),
            alg: key.alg(),
            schedule: KeySchedule {
                created_at: 0,
                activates_at: 0,
                retires_at: None,
                removes_at: None,
                tokens_until: 0,
            },
            private_key_der: key.to_pkcs8_der().expect("encodes"),
            public_jwk: key.public_jwk().to_owned(),
        };
        let parts = EnvironmentParts {
            environment: Environment {
                id: "e".into(),
                tenant_id: "t".into(),
                name: "e".into(),
                is_default: true,
                enabled: true,
                tenant_enabled: true,
                access_token_lifetime: 3600,
            },
            issuer: ISSUER.into(),
            version: 1,
            keyring: Keyring::new(&[entry], None).expect("a keyring"),
            resource_servers: vec![],
            rules: vec![],
            applications: vec![],
            webhooks: HashMap::new(),
            identity_connections: vec![],
            permissions: vec![],
            managed_services: vec![],
            users_version: 1,
            counts: Arc::default(),
        };
        let unknown_client_ttl = Duration::from_secs(1);
        let limits =
            CatalogLimits { clients: 10, unknown_clients: 10, unknown_client_ttl, verified_tokens: 100, users: 10 };
        EnvironmentSnapshot::new(parts, &limits, None)
    }

    #[test]
    fn envelopes_around_one_token_take_the_memory_of_one() {
        let environment = snapshot();
        let claims = json!({
            "iss": ISSUER, "sub": "u", "aud": "api", "client_id": "c", "jti": "j", "iat": NOW, "exp": NOW + 60,
            "subjectType": "EndUserAccount",
        });
        let signer = environment.keyring.signer(SigningAlg::ES256, NOW).expect("a signer");
        let token = signer.sign_access_token(TokenTyp::AccessToken, claims.to_string().as_bytes()).expect("a token");
        for number in 0..20 {
            let outer = json!({ EMBEDDED_TOKEN_CLAIM: token, "number": number }).to_string();
            let outer = format!("{}.{}.AA", URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#), URL_SAFE_NO_PAD.encode(outer));
            assert_eq!(environment.verify(&outer, NOW).map(|token| token.jti.clone()), Ok("j".to_owned()));
            assert_eq!(environment.verify(&outer, NOW + 60).map(drop), Err(TokenError::Expired));
        }
        assert_eq!(environment.verified_tokens.len(), 1);
    }
}
