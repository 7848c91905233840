//! The environment file: what `tessera apply` makes the database match.
//!
//! It is read in two steps. [`blocks`] turns each block into a value of the domain and remembers where in the file every
//! part of it stands; [`checks`] then looks at what the blocks say of each other. Both gather mistakes instead of
//! stopping at the first, and each mistake names file, line and column.

mod blocks;
mod checks;
mod clients;
mod findings;
mod rules;
mod table;
#[cfg(test)]
mod tests;

use std::path::Path;

use self::findings::Findings;
pub use self::findings::{EnvironmentFileErrors, Finding};
use crate::domain::{
    client::Client, connection::IdentityConnection, environment::ResourceServer, rule::ExchangeRule, secret::SecretHash,
};

/// An environment file that is right in itself. Blocks keep their order.
#[derive(Debug, Clone)]
pub struct EnvironmentFile {
    /// `[environment]`.
    pub environment: EnvironmentBlock,
    /// `[[resource_server]]`.
    pub resource_servers: Vec<ResourceServer>,
    /// `[[client]]`.
    pub clients: Vec<ClientBlock>,
    /// `[[application]]`.
    pub applications: Vec<ApplicationBlock>,
    /// `[[identity_connection]]`.
    pub identity_connections: Vec<IdentityConnection>,
    /// `[[exchange_rule]]`.
    pub exchange_rules: Vec<RuleBlock>,
    /// What can hardly be meant, but does no harm.
    pub warnings: Vec<Finding>,
}

/// `[environment]`.
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

/// `[[application]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplicationBlock {
    /// UUID; made at the first apply when absent.
    pub id: Option<String>,
    /// Unique in its environment.
    pub name: String,
    /// A label for people, such as `WEB`.
    pub platform: String,
    /// Tokens of a disabled application's users are refused.
    pub enabled: bool,
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
        let (document, mistakes) = toml::de::DeTable::parse_recoverable(text);
        for mistake in &mistakes {
            // Only the message: the usual form quotes the line, which may hold a secret.
            findings.error_at(mistake.span().map_or(0, |span| span.start), mistake.message().to_owned());
        }
        if !mistakes.is_empty() {
            return Err(findings.into_errors());
        }
        let sources = Sources { directory: path.parent().unwrap_or(Path::new("")), variable };
        let mut file = blocks::read(document.get_ref(), &sources, &mut findings);
        checks::check(&file, &mut findings);
        if findings.has_errors() {
            return Err(findings.into_errors());
        }
        file.warnings = findings.into_warnings();
        Ok(file)
    }
}
