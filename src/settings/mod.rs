//! The settings of the server: built-in defaults < the file of `--config` < variables `TESSERA__SECTION__KEY`.
//!
//! One file per section. Each reads its settings, checks them and reports every mistake; all mistakes of all sections
//! come back together. `config/default.toml` is the list of all settings, `docs/configuration.md` shows it as a table.

mod audit;
mod catalog;
mod compat;
mod database;
#[cfg(test)]
mod documentation;
mod email;
mod error;
mod graphql;
mod keys;
mod layers;
mod limits;
mod log;
mod outbound;
mod passwords;
mod reader;
mod revocation;
mod server;
mod sessions;
mod sms;
mod tokens;
mod webauthn;

use std::path::Path;

pub use self::{
    audit::{Audit, AuditCommit},
    catalog::Catalog,
    compat::Compat,
    database::Database,
    email::{Email, EmailSecurity, EmailSignIn, EmailTokens},
    error::{SettingError, SettingsErrors},
    graphql::Graphql,
    keys::{Keys, MasterKeySource},
    limits::Limits,
    log::{Log, LogFormat},
    outbound::Outbound,
    passwords::Passwords,
    revocation::Revocation,
    server::{BehindProxy, Server, Tls},
    sessions::Sessions,
    sms::Sms,
    tokens::Tokens,
    webauthn::Webauthn,
};
use self::{layers::Layers, reader::Reader};

/// All settings, checked.
pub struct Settings {
    /// Where and how to listen.
    pub server: Server,
    /// Where the data is.
    pub database: Database,
    /// How private keys are protected and public ones published.
    pub keys: Keys,
    /// How tokens are signed.
    pub tokens: Tokens,
    /// How issued tokens are recorded.
    pub audit: Audit,
    /// The bounds of what is kept in memory.
    pub catalog: Catalog,
    /// What a node does that does not hear of revocations.
    pub revocation: Revocation,
    /// How long refresh tokens are good for.
    pub sessions: Sessions,
    /// How much may fail.
    pub limits: Limits,
    /// What requests to others may reach.
    pub outbound: Outbound,
    /// How passwords of users are hashed.
    pub passwords: Passwords,
    /// How mails are sent; `None`: not at all.
    pub email: Option<Email>,
    /// How text messages are sent; `None`: not at all.
    pub sms: Option<Sms>,
    /// Passkeys.
    pub webauthn: Webauthn,
    /// The Mosaic operations.
    pub graphql: Graphql,
    /// What is served besides for those who come from elsewhere.
    pub compat: Compat,
    /// What is logged and how.
    pub log: Log,
    effective: String,
}

impl Settings {
    /// Reads and checks all settings. `environment` holds the environment variables (`std::env::vars()`); those that do
    /// not begin with `TESSERA__` are ignored, except `RUST_LOG`. Files that settings name are read too.
    ///
    /// # Errors
    /// All mistakes at once, each with the setting, the layer it comes from and what to do.
    pub fn load(
        config_file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsErrors> {
        let mut errors = Vec::new();
        let layers = Layers::read(config_file, environment, &mut errors);
        let mut reader = Reader::new(layers, errors);
        let server = Server::read(&mut reader);
        let database = Database::read(&mut reader);
        let keys = Keys::read(&mut reader, &database);
        let tokens = Tokens::read(&mut reader);
        let audit = Audit::read(&mut reader);
        let catalog = Catalog::read(&mut reader);
        let revocation = Revocation::read(&mut reader);
        let sessions = Sessions::read(&mut reader);
        let limits = Limits::read(&mut reader);
        let outbound = Outbound::read(&mut reader);
        let passwords = Passwords::read(&mut reader);
        let email = Email::read(&mut reader, outbound.plain_http_to_loopback);
        let sms = Sms::read(&mut reader, outbound.plain_http_to_loopback);
        let webauthn = Webauthn::read(&mut reader);
        let graphql = Graphql::read(&mut reader);
        let compat = Compat::read(&mut reader);
        let log = Log::read(&mut reader);
        if !reader.errors.is_empty() {
            return Err(SettingsErrors(reader.errors));
        }
        let effective = reader.shown();
        Ok(Self {
            server,
            database,
            keys,
            tokens,
            audit,
            catalog,
            revocation,
            sessions,
            limits,
            outbound,
            passwords,
            email,
            sms,
            webauthn,
            graphql,
            compat,
            log,
            effective,
        })
    }

    /// The values in effect as TOML, for people: secrets show as `"(set)"`, and the password in a URL as `***`.
    pub fn effective(&self) -> &str {
        &self.effective
    }
}

#[cfg(test)]
mod tests;
