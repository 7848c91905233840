//! Authenticator apps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Mistake,
    lockout::{LockoutTier, tier_mistakes},
    mistake,
};

/// Authenticator apps (RFC 6238). What the codes are like is settled when an app is registered; a change is for those that follow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct TotpPreferences {
    /// The hash function. Many apps know `sha1` only.
    pub algorithm: TotpAlgorithm,
    /// How many digits a code has.
    #[schemars(extend("enum" = [6, 8]))]
    pub digits: u32,
    /// How long a code lasts, in seconds.
    #[schemars(range(min = 10, max = 300))]
    pub period: i64,
    /// How many codes before the current one are accepted as well.
    #[schemars(range(min = 0, max = 5))]
    pub window: u32,
    /// What the app shows as the issuer; the name of the application if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub issuer: Option<String>,
    /// After how many wrong codes the user is locked out. Has no effect where there are `lockoutTiers`.
    #[schemars(range(min = 1, max = 20))]
    pub max_failures: u32,
    /// For how long, in minutes.
    #[schemars(range(min = 1, max = 525_600))]
    pub lockout_duration: i64,
    /// After how many minutes without another one wrong codes are forgotten.
    #[schemars(range(min = 1, max = 525_600))]
    pub failures_expire_in: i64,
    /// Longer and longer lock-outs, in place of the simple one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub lockout_tiers: Vec<LockoutTier>,
    /// How many apps a user may have.
    #[schemars(range(min = 1, max = 50))]
    pub max_totp_per_user: u32,
}

/// A hash function of authenticator apps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TotpAlgorithm {
    /// What every app knows.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Default for TotpPreferences {
    fn default() -> Self {
        Self {
            algorithm: TotpAlgorithm::Sha1,
            digits: 6,
            period: 30,
            window: 1,
            issuer: None,
            max_failures: 5,
            lockout_duration: 15,
            failures_expire_in: 15,
            lockout_tiers: Vec::new(),
            max_totp_per_user: 1,
        }
    }
}

impl TotpPreferences {
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = tier_mistakes(&self.lockout_tiers);
        let is_issuer = |text: &str| !text.trim().is_empty() && !text.chars().any(|c| c.is_control() || c == ':');
        if self.issuer.as_deref().is_some_and(|issuer| !is_issuer(issuer)) {
            // Apps take the label apart at the first colon.
            found.push(mistake("issuer", "must be one line, without colons and control characters"));
        }
        found
    }
}
