//! Passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Mistake,
    lockout::{LockoutTier, tier_mistakes},
    mails::MessagePreferences,
};

/// Passwords: what they must be, how long they last, and what stops guessing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PasswordPreferences {
    /// The fewest characters.
    #[schemars(range(min = 5, max = 14))]
    pub password_min_length: u32,
    /// How hard a password must be to guess, from 1 (no matter) to 5.
    #[schemars(range(min = 1, max = 5))]
    pub password_complexity: u32,
    /// How many of the user's former passwords cannot be used again.
    #[schemars(range(min = 0, max = 20))]
    pub block_previous_passwords: u32,
    /// Whether passwords that are known from breaches are refused.
    #[serde(default)]
    pub check_hibp: bool,
    /// Whether words of a dictionary are refused.
    #[serde(default)]
    pub check_dictionary: bool,
    /// How long a password lasts, in days.
    #[schemars(range(min = 1, max = 1096))]
    pub password_expires_in: i64,
    /// Whether passwords last for ever, whatever `passwordExpiresIn` says.
    #[serde(default)]
    pub ignore_expiration: bool,
    /// After how many wrong passwords the user is locked out. Has no effect where there are `lockoutTiers`.
    #[serde(default = "default_failures")]
    #[schemars(range(min = 1, max = 20))]
    pub max_password_failures: u32,
    /// For how long, in minutes.
    #[serde(default = "default_minutes")]
    #[schemars(range(min = 1, max = 525_600))]
    pub password_suspension_duration: i64,
    /// After how many minutes without another one wrong passwords are forgotten.
    #[serde(default = "default_minutes")]
    #[schemars(range(min = 1, max = 525_600))]
    pub failures_expire_in: i64,
    /// How long a temporary password can be used, in hours.
    #[serde(default = "default_temporary_hours")]
    #[schemars(range(min = 1, max = 8760))]
    pub temp_password_validity_hours: i64,
    /// How long a reset can be finished that was begun, in minutes.
    #[schemars(range(min = 5, max = 60))]
    pub reset_validity_minutes: i64,
    /// How many digits the one-time code of a reset has.
    #[serde(default = "default_code_length")]
    #[schemars(range(min = 4, max = 8))]
    pub code_length: u32,
    /// Whether a reset needs two factors.
    #[serde(default, rename = "requireMFA")]
    pub require_mfa: bool,
    /// Whether users are told by mail that their password was changed.
    #[serde(default)]
    pub notify_on_password_update: bool,
    /// How the mails look.
    pub message: MessagePreferences,
    /// Longer and longer lock-outs, in place of the simple one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub lockout_tiers: Vec<LockoutTier>,
}

impl PasswordPreferences {
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = self.message.mistakes();
        found.extend(tier_mistakes(&self.lockout_tiers));
        found
    }
}

fn default_failures() -> u32 {
    5
}

fn default_minutes() -> i64 {
    15
}

fn default_temporary_hours() -> i64 {
    24
}

fn default_code_length() -> u32 {
    6
}
