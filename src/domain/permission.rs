//! Permissions: what services let others do. In OAuth terms each is the scope `serviceId:KEY` of the resource server
//! `serviceId`.

use serde::Serialize;

use super::client::Permissions;
use crate::oauth::scope::Scope;

/// The service that makes service accounts and their tokens: this server, under the name that Mosaic's clients know.
pub const ID_SERVICE: &str = "ax-id-service";
/// The service that keeps users and applications: this server too.
pub const USER_SERVICE: &str = "ax-user-service";
/// The service that signs users in behind applications' backends, and keeps them: this server once more.
pub const BACKEND_SERVICE: &str = "userid-api";

/// The permissions of this server itself; they need no definition.
pub const OWN_PERMISSIONS: [(&str, &[&str]); 3] = [
    (
        ID_SERVICE,
        &[
            "ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN",
            "DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS",
            "EXCHANGES_EXPLAIN",
            "PERMISSIONS_SYNCHRONIZE",
            "SERVICE_ACCOUNTS_VIEW",
            "SERVICE_ACCOUNTS_EDIT",
            TOKENS_INTROSPECT,
            TOKENS_REVOKE,
        ],
    ),
    (
        USER_SERVICE,
        &[
            "APPLICATIONS_VIEW",
            "APPLICATIONS_EDIT",
            "DEV_END_USER_ACCESS_TOKENS_GENERATE",
            "GENERATE_DELEGATED_ACCESS_TOKEN",
            "IDENTITY_CONNECTIONS_VIEW",
            "IDENTITY_CONNECTIONS_EDIT",
            "USERS_VIEW",
            "USERS_EDIT",
        ],
    ),
    (
        BACKEND_SERVICE,
        &[
            "AUTH_EXECUTE",
            "AUTHENTICATION_METHODS_EDIT",
            "AUTHENTICATION_METHODS_READ",
            "AUTHENTICATORS_DELETE",
            "AUTHENTICATORS_EDIT",
            "AUTHENTICATORS_READ",
            "SESSIONS_DELETE",
            "SESSIONS_READ",
            "USERS_CREATE",
            "USERS_DELETE",
            "USERS_EDIT",
            "USERS_READ",
        ],
    ),
];

/// Lets a client ask about every token of its environment.
pub const TOKENS_INTROSPECT: &str = "TOKENS_INTROSPECT";
/// Lets its holder revoke every token of its environment.
pub const TOKENS_REVOKE: &str = "TOKENS_REVOKE";
/// Lets its holder say who a user is.
pub const GENERATE_DELEGATED_ACCESS_TOKEN: &str = "GENERATE_DELEGATED_ACCESS_TOKEN";

/// How the audit record names a permission that stood in for an exchange rule.
pub fn as_rule(service_id: &str, key: &str) -> String {
    format!("permission {service_id}:{key}")
}

/// A permission that a service defines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PermissionDefinition {
    /// The service.
    pub service_id: String,
    /// Its name; unique in the service.
    pub key: String,
    /// For people.
    pub title: String,
    /// The operations of the service that it opens; kept and shown, not used here.
    pub gql_operations: Vec<String>,
}

/// A service of some environment that may get tokens of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ManagedService {
    /// What its permissions and people call it; unique in the environment.
    pub service_id: String,
    /// For people.
    pub name: String,
    /// UUID of the environment that its service account is at home in.
    pub home_environment_id: String,
    /// The service account there.
    pub client_id: String,
    /// What its tokens for this environment may do here.
    pub permissions: Permissions,
    /// A disabled one gets no tokens of this environment.
    pub enabled: bool,
}

impl ManagedService {
    /// Whether it lets the client `client_id` of the environment `home_environment_id` in.
    pub fn lets_in(&self, client_id: &str, home_environment_id: &str) -> bool {
        self.enabled && self.client_id == client_id && self.home_environment_id == home_environment_id
    }
}

/// What `services` let that client do, all of them together; `None` if they do not let it in.
pub fn let_in(services: &[ManagedService], client_id: &str, home_environment_id: &str) -> Option<Permissions> {
    let mut all: Option<Permissions> = None;
    for service in services.iter().filter(|service| service.lets_in(client_id, home_environment_id)) {
        let all = all.get_or_insert_default();
        for (service, keys) in &service.permissions {
            let known = all.entry(service.clone()).or_default();
            let new: Vec<String> = keys.iter().filter(|key| !known.contains(key)).cloned().collect();
            known.extend(new);
        }
    }
    all
}

/// Whether `text` can name a service or a permission: visible ASCII without `"`, `\` and `:`, so that `serviceId:KEY` is
/// a scope (RFC 6749 §3.3) that can be taken apart again.
pub fn is_permission_name(text: &str) -> bool {
    (1..=127).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b':'))
}

/// Whether this server itself has that permission.
pub fn is_own_permission(service_id: &str, key: &str) -> bool {
    OWN_PERMISSIONS.iter().any(|(service, keys)| *service == service_id && keys.contains(&key))
}

/// The permissions as scopes, in order.
pub fn as_scope(permissions: &Permissions) -> Scope {
    let tokens = permissions.iter().flat_map(|(service, keys)| keys.iter().map(move |key| format!("{service}:{key}")));
    // Names that cannot be scopes are kept from being written; a row that was changed by hand gives no scope.
    Scope::from_tokens(tokens.filter(|token| Scope::from_tokens([token]).is_ok())).unwrap_or_default()
}

/// Those of `held` that `scope` names as `serviceId:KEY`, and the rest of the scope.
pub fn named_in(scope: &Scope, held: &Permissions) -> (Permissions, Scope) {
    let all = as_scope(held);
    let named = scope.intersection(&all);
    let mut permissions = Permissions::new();
    for token in named.iter() {
        if let Some((service, key)) = token.split_once(':') {
            permissions.entry(service.to_owned()).or_default().push(key.to_owned());
        }
    }
    (permissions, scope.difference(&all))
}

/// Whether `permissions` has that one.
pub fn has(permissions: &Permissions, service_id: &str, key: &str) -> bool {
    permissions.get(service_id).is_some_and(|keys| keys.iter().any(|held| held == key))
}
