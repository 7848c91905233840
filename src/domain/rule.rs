//! Exchange rules: who may turn which token into which (design: deny by default).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{condition::Condition, environment::ResourceServer};
use crate::oauth::scope::Scope;

/// One named permission to exchange.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeRule {
    /// Unique in its environment; the log and the audit record name it.
    pub name: String,
    /// The client that it is for.
    pub client: String,
    /// Which subject tokens it is for.
    #[serde(default)]
    pub subject: SubjectMatch,
    /// The targets it opens.
    pub audience: Vec<String>,
    /// Whether the caller shows in the new token.
    #[serde(default)]
    pub mode: ExchangeMode,
    /// Scopes that are kept where the subject token has them.
    #[serde(default)]
    pub pass_scopes: Scope,
    /// Scopes that are given though the subject token lacks them: named, audited widening.
    #[serde(default)]
    pub grant_scopes: Scope,
    /// Claims of the new token.
    #[serde(default)]
    pub claims: ClaimRules,
    /// The longest life of the new token, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_lifetime: Option<i64>,
    /// Whether a refresh token goes with the new token: the client can go on when the subject token has expired.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refresh: bool,
    /// The longest life of the session that the refresh token hangs on, in seconds; that of the settings when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_lifetime: Option<i64>,
    /// What must hold besides; see [`Condition`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
    /// Whether it decides, or only shows what it would do.
    #[serde(default, skip_serializing_if = "Enforcement::is_enforced")]
    pub mode_of_enforcement: Enforcement,
}

impl ExchangeRule {
    /// Whether `server` is among its targets.
    pub fn opens(&self, server: &ResourceServer) -> bool {
        self.audience.contains(&server.audience)
    }
}

/// Whether a rule decides.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Enforcement {
    /// It allows what it allows.
    #[default]
    Enforce,
    /// It allows nothing. The audit record says where it would have made a difference.
    Observe,
}

impl Enforcement {
    /// Whether it is [`Enforce`](Self::Enforce).
    pub fn is_enforced(&self) -> bool {
        *self == Self::Enforce
    }
}

/// Which subject tokens a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectMatch {
    /// [`ISSUER_SELF`], or the name of an identity connection.
    #[serde(default = "issuer_self")]
    pub issuer: String,
    /// What the subject token's `aud` must contain. When absent: a resource server whose `clients` name the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
}

/// `subject.issuer` for tokens that this environment issued.
pub const ISSUER_SELF: &str = "self";

fn issuer_self() -> String {
    ISSUER_SELF.to_owned()
}

impl Default for SubjectMatch {
    fn default() -> Self {
        Self { issuer: issuer_self(), audience: None }
    }
}

/// Whether the caller shows in the new token (RFC 8693 §1.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeMode {
    /// `act` names the caller, or the party of the actor token.
    #[default]
    Delegation,
    /// The new token looks as if the subject had asked itself. Never possible for a subject token that has `act`.
    Impersonation,
}

/// Claims that a rule puts into the new token.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimRules {
    /// Copied from the subject token where it has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pass: Vec<String>,
    /// Set to these values; they win over passed ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Value>,
}
