//! The environment file: what `tessera apply` makes the database match.
//!
//! It is read in two steps. [`blocks`] turns each block into a value of the domain and remembers where in the file every
//! part of it stands; [`checks`] then looks at what the blocks say of each other. Both gather mistakes instead of
//! stopping at the first, and each mistake names file, line and column.

mod applications;
mod blocks;
mod cases;
mod checks;
mod clients;
mod conditions;
mod connections;
mod findings;
mod json;
mod permissions;
mod rules;
mod secrets;
mod sign_in;
mod table;
#[cfg(test)]
mod tests;
mod trial;
mod urls;

use std::path::Path;

use self::findings::Findings;
pub use self::{
    cases::{Expected, TestBlock},
    findings::{EnvironmentFileErrors, Finding},
};
use crate::{
    domain::{
        application::{OnFailure, UsersJoin},
        client::{Client, Permissions},
        connection::{IdentityConnection, ResponseMode, TokenEndpointAuth},
        environment::ResourceServer,
        login::preferences::LoginPreferences,
        permission::PermissionDefinition,
        rule::ExchangeRule,
        secret::{Secret, SecretHash},
    },
    oauth::scope::Scope,
};

/// An environment file that is right in itself. Blocks keep their order.
#[derive(Debug, Clone)]
pub struct EnvironmentFile {
    /// `[environment]` and `[tenant]`.
    pub environment: EnvironmentBlock,
    /// `[[permission]]`.
    pub permissions: Vec<PermissionDefinition>,
    /// `[[resource_server]]`.
    pub resource_servers: Vec<ResourceServer>,
    /// `[[client]]`.
    pub clients: Vec<ClientBlock>,
    /// `[[managed_service]]`.
    pub managed_services: Vec<ManagedServiceBlock>,
    /// `[[application]]`.
    pub applications: Vec<ApplicationBlock>,
    /// `[[identity_connection]]`.
    pub identity_connections: Vec<ConnectionBlock>,
    /// `[[exchange_rule]]`.
    pub exchange_rules: Vec<RuleBlock>,
    /// `[[test]]`; each ended as it must.
    pub tests: Vec<TestBlock>,
    /// What can hardly be meant, but does no harm.
    pub warnings: Vec<Finding>,
}

impl EnvironmentFile {
    /// How many things it lists.
    pub fn blocks(&self) -> usize {
        [
            self.permissions.len(),
            self.resource_servers.len(),
            self.clients.len(),
            self.managed_services.len(),
            self.applications.len(),
            self.identity_connections.len(),
            self.exchange_rules.len(),
        ]
        .iter()
        .sum()
    }
}

/// `[environment]` and `[tenant]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentBlock {
    /// UUID; made at the first apply when absent.
    pub id: Option<String>,
    /// For people; finds the environment again when there is no `id`.
    pub name: String,
    /// The name of its tenant; one is made for it when absent.
    pub tenant: Option<String>,
    /// UUID of its tenant.
    pub tenant_id: Option<String>,
    /// Whether the tenant is in force; `None` leaves it as it is.
    pub tenant_enabled: Option<bool>,
    /// A disabled environment issues nothing.
    pub enabled: bool,
    /// The longest life of an access token, in seconds.
    pub access_token_lifetime: i64,
}

/// `[[client]]`.
#[derive(Debug, Clone)]
pub struct ClientBlock {
    /// The client; its `secrets` are empty.
    pub client: Client,
    /// The hash of the secret that the file gives, wherever it came from; `None` leaves the client's secrets alone.
    pub secret: Option<SecretHash>,
    /// The line of the block.
    pub line: usize,
}

/// `[[managed_service]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedServiceBlock {
    /// Unique in its environment.
    pub service_id: String,
    /// For people.
    pub name: String,
    /// The service account, in the environment that it is at home in.
    pub client_id: String,
    /// UUID of that environment; this one when absent.
    pub home_environment_id: Option<String>,
    /// What its tokens may do here.
    pub permissions: Permissions,
    /// A disabled one gets no tokens of this environment.
    pub enabled: bool,
}

/// `[[application]]`.
#[derive(Debug, Clone)]
pub struct ApplicationBlock {
    /// UUID; made at the first apply when absent.
    pub id: Option<String>,
    /// Unique in its environment.
    pub name: String,
    /// A label for people, such as `WEB`.
    pub platform: String,
    /// Tokens of a disabled application's users are refused.
    pub enabled: bool,
    /// The origins of its pages.
    pub allowed_origins: Vec<String>,
    /// The URLs of its proxies.
    pub allowed_proxy_urls: Vec<String>,
    /// The hash of the key that the file gives; `None` leaves the application's key alone.
    pub key: Option<SecretHash>,
    /// Who is asked for the `extensions` of its users' tokens.
    pub webhook: Option<WebhookBlock>,
    /// What its users may sign in with; `None` leaves the application's preferences alone.
    pub login: Option<LoginPreferences>,
    /// When a user of another application belongs to it whom its backend names.
    pub users_join: UsersJoin,
}

/// `webhook` of an application.
#[derive(Debug, Clone)]
pub struct WebhookBlock {
    /// Where it is called.
    pub url: String,
    /// What becomes of the token when the call fails.
    pub on_failure: OnFailure,
    /// What requests are signed with.
    pub secret: Secret,
}

/// `[[identity_connection]]`.
#[derive(Debug, Clone)]
pub struct ConnectionBlock {
    /// The connection, without `sign_in`.
    pub connection: IdentityConnection,
    /// How users are sent there to sign in.
    pub sign_in: Option<SignInBlock>,
}

/// `sign_in` of an identity connection.
#[derive(Debug, Clone)]
pub struct SignInBlock {
    /// What this server is called there.
    pub client_id: String,
    /// Where browsers are sent to; `None`: where the provider's metadata say.
    pub authorization_endpoint: Option<String>,
    /// Where codes are redeemed; likewise.
    pub token_endpoint: Option<String>,
    /// What is asked for there.
    pub scopes: Scope,
    /// How this server proves there who it is.
    pub token_endpoint_auth_method: TokenEndpointAuth,
    /// How the provider sends its answers.
    pub response_mode: ResponseMode,
    /// Whether the provider names itself in its answers.
    pub iss_required: bool,
    /// The secret that this server has there; empty without one.
    pub secret: Secret,
}

/// `[[exchange_rule]]`.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleBlock {
    /// The rule.
    pub rule: ExchangeRule,
    /// A disabled rule allows nothing.
    pub enabled: bool,
}

/// What secrets are looked up with.
struct Sources<'a> {
    /// The directory that `secret_file` is relative to.
    directory: &'a Path,
    /// Looks up an environment variable.
    variable: &'a dyn Fn(&str) -> Option<String>,
}

/// Sections that nearly every settings file has, and no environment file.
const SETTINGS: [&str; 4] = ["server", "database", "keys", "log"];

impl EnvironmentFile {
    /// Reads and checks the file at `path`. `variable` looks up an environment variable, for `secret_env`.
    ///
    /// # Errors
    /// The file cannot be read, or all mistakes in it.
    pub fn load(path: &Path, variable: &dyn Fn(&str) -> Option<String>) -> Result<Self, EnvironmentFileErrors> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path, variable),
            Err(error) => {
                let mut findings = Findings::new("", path);
                findings.error_at(0, format!("the file cannot be read: {error}"));
                Err(findings.into_errors())
            }
        }
    }

    /// Checks the `text` of the file at `path`, which messages name and `secret_file` is relative to.
    ///
    /// # Errors
    /// All mistakes, in the order of their lines.
    pub fn parse(
        text: &str,
        path: &Path,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, EnvironmentFileErrors> {
        let mut findings = Findings::new(text, path);
        if text.trim_start().starts_with('{') {
            findings
                .error_at(0, "the file is JSON; an environment file is TOML and begins with [environment]".to_owned());
            return Err(findings.into_errors());
        }
        let (document, mistakes) = toml::de::DeTable::parse_recoverable(text);
        for mistake in &mistakes {
            // Only the message: the usual form quotes the line, which may hold a secret.
            findings.error_at(mistake.span().map_or(0, |span| span.start), mistake.message().to_owned());
        }
        if !mistakes.is_empty() {
            return Err(findings.into_errors());
        }
        let has = |name: &str| document.get_ref().contains_key(name);
        if !has("environment") && SETTINGS.into_iter().any(has) {
            let message =
                "this is a settings file: give it with --config; an environment file begins with [environment]";
            findings.error_at(0, message.to_owned());
            return Err(findings.into_errors());
        }
        let sources = Sources { directory: path.parent().unwrap_or(Path::new("")), variable };
        let mut file = blocks::read(document.get_ref(), &sources, &mut findings);
        checks::check(&file, &mut findings);
        if !findings.has_errors() {
            // Of a file that says what it means: a test that fails for a misspelt name would only be noise beside that.
            trial::run(&file, &mut findings);
        }
        if findings.has_errors() {
            return Err(findings.into_errors());
        }
        file.warnings = findings.into_warnings();
        Ok(file)
    }
}
