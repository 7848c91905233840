//! What is sent: magic links and one-time codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Mistake, mistake};

/// Magic links by e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailPreferences {
    /// How long a link can be used, in minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub expires_in: i64,
    /// The most links that a user is sent per minute.
    #[schemars(range(min = 1, max = 60))]
    pub links_per_user: u32,
    /// How the mails look.
    pub message: MessagePreferences,
}

/// One-time codes by e-mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EmailOtpPreferences {
    /// How long a code can be used, in minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub expires_in: i64,
    /// How long the user is locked out after `maxFailures` wrong codes, in minutes.
    #[serde(default = "default_lockout")]
    #[schemars(range(min = 1, max = 525_600))]
    pub lockout_duration: i64,
    /// After how many wrong codes a code is no longer good.
    #[schemars(range(min = 1, max = 20))]
    pub max_failures: u32,
    /// How many digits a code has.
    #[serde(default = "default_code_length")]
    #[schemars(range(min = 4, max = 8))]
    pub code_length: u32,
    /// Whether a code that one client had sent may be used by another client of the application.
    #[serde(default)]
    pub cross_clients_allowed: bool,
    /// How the mails look.
    pub message: MessagePreferences,
}

/// One-time codes by text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SmsPreferences {
    /// How long a code can be used, in minutes.
    #[schemars(range(min = 1, max = 1440))]
    pub expires_in: i64,
    /// How long the user is locked out after `maxFailures` wrong codes, in minutes.
    #[serde(default = "default_lockout")]
    #[schemars(range(min = 1, max = 525_600))]
    pub lockout_duration: i64,
    /// After how many wrong codes a code is no longer good.
    #[schemars(range(min = 1, max = 20))]
    pub max_failures: u32,
    /// How many digits a code has.
    #[serde(default = "default_code_length")]
    #[schemars(range(min = 4, max = 8))]
    pub code_length: u32,
    /// Whether a code that one client had sent may be used by another client of the application.
    #[serde(default)]
    pub cross_clients_allowed: bool,
}

/// How the mails of a method look where a request does not say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MessagePreferences {
    /// The colour of buttons and lines, such as `#1a73e8`.
    #[schemars(regex(pattern = "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$"))]
    pub primary_color: String,
    /// The name of the sender; that of the application if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 100))]
    pub from: Option<String>,
    /// The subject of the mails; one that fits the method if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 200))]
    pub subject: Option<String>,
}

impl EmailPreferences {
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        self.message.mistakes()
    }
}

impl EmailOtpPreferences {
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        self.message.mistakes()
    }
}

impl MessagePreferences {
    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = Vec::new();
        let digits = self.primary_color.strip_prefix('#').unwrap_or_default();
        if ![3, 6].contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            // It is written into the style of a page.
            found.push(mistake("message.primaryColor", "must be a colour such as \"#1a73e8\""));
        }
        for (field, text) in [("from", &self.from), ("subject", &self.subject)] {
            // A line break would end the header, and what follows would be headers of somebody else's choosing.
            if text.as_ref().is_some_and(|text| text.trim().is_empty() || text.chars().any(char::is_control)) {
                found.push(mistake(format!("message.{field}"), "must be one line, without control characters"));
            }
        }
        found
    }
}

fn default_lockout() -> i64 {
    15
}

fn default_code_length() -> u32 {
    6
}
