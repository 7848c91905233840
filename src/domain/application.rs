//! Applications: what end users sign in to.

use serde::{Deserialize, Serialize};

use super::{login::preferences::LoginPreferences, secret::SecretHash};

/// An application that end users sign in to.
#[derive(Debug, Clone, Serialize)]
pub struct Application {
    /// UUID.
    pub id: String,
    /// Unique in its environment.
    pub name: String,
    /// `WEB`, `IOS`, …: a label for people.
    pub platform: String,
    /// Tokens of a disabled application's users are refused.
    pub enabled: bool,
    /// The origins of its pages: browsers may let those read what they ask for here (`operations::origins`).
    pub allowed_origins: Vec<String>,
    /// The URLs of its proxies; kept and shown, not used here.
    pub allowed_proxy_urls: Vec<String>,
    /// What is kept of its key; `None` until one is made.
    #[serde(skip)]
    pub key: Option<SecretHash>,
    /// Who is asked for the `extensions` of its users' tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<Webhook>,
    /// What its users may sign in with behind its backend.
    pub login: LoginPreferences,
    /// When a user of another application belongs to it whom its backend names.
    pub users_join: UsersJoin,
}

/// When a user who is there already belongs to an application whose backend names the user (`POST /v1/users`, ADR 61).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UsersJoin {
    /// From the moment on at which the user proves to the application's backend who it is: by a code or a link in a mailbox or on a
    /// telephone of the user's, by the password, or by a passkey. Until then the backend sees and changes nothing of the user. Otherwise
    /// whoever has a backend and knows an address could set the password of the account behind it.
    #[default]
    ByProof,
    /// At once, as the contract has it: for backends that trust each other like one.
    AtOnce,
}

/// The access-token enrichment webhook of an application.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// Where it is called.
    pub url: String,
    /// What becomes of the token when the call fails.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Tells whether the secret was changed, without holding it.
    pub secret_sha256: SecretHash,
    /// Whether an environment file looks after it, or a command does.
    pub managed_by_file: bool,
    /// The secret that requests are signed with, sealed under the master key.
    #[serde(skip)]
    pub sealed_secret: Vec<u8>,
}

/// What becomes of a token when its enrichment webhook fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// There is none: a service that decides by `extensions` must not see a token that lacks them.
    #[default]
    Refuse,
    /// It is issued without `extensions`.
    IssueWithoutExtensions,
}
