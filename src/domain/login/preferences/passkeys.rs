//! Passkeys.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Mistake,
    lockout::{LockoutTier, tier_mistakes},
    mistake,
};
use crate::domain::web_url::is_origin;

/// What the platforms put before the name of an app in the origin of its passkeys.
const APP_ORIGINS: [&str; 2] = ["ios:bundle-id:", "android:apk-key-hash:"];

/// Passkeys (WebAuthn).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(transform = with_older_names)]
pub struct PasskeyPreferences {
    /// The domain that passkeys are bound to, such as `app.example`. Those of another one can never be used here.
    #[schemars(length(min = 1, max = 253))]
    pub rp_id: String,
    /// The origins of pages that may use them, such as `https://app.example`. `https://` and the `rpId` if there are none at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub rp_web_origins: Vec<String>,
    /// Apps that may use them: `ios:bundle-id:<id>` or `android:apk-key-hash:<hash>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub rp_mobile_origins: Vec<String>,
    /// Whether a new passkey takes the place of those that the user has.
    #[serde(default)]
    pub replace_existing_passkey: bool,
    /// After how many minutes without another one failures are forgotten.
    #[serde(default = "default_minutes")]
    #[schemars(range(min = 1, max = 525_600))]
    pub failures_expire_in: i64,
    /// Longer and longer lock-outs. Without any, nobody is locked out: a passkey cannot be guessed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10))]
    pub lockout_tiers: Vec<LockoutTier>,
    /// Whether passkeys that are copied to other devices are taken.
    #[serde(default = "default_true")]
    pub allow_synced_passkeys: bool,
    /// Whether an authenticator must show what it is. Needs an `attestationType` other than `none`.
    #[serde(default)]
    pub enforce_attestation: bool,
    /// What authenticators are asked to show of themselves.
    #[serde(default)]
    pub attestation_type: AttestationType,
    /// The only models of authenticators that are taken, by AAGUID. Not together with `aaguidBlockList`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub aaguid_allow_list: Vec<String>,
    /// The models of authenticators that are not taken, by AAGUID.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100))]
    pub aaguid_block_list: Vec<String>,
}

/// What authenticators are asked to show of themselves (WebAuthn §5.4.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttestationType {
    /// Nothing.
    #[default]
    None,
    /// Something that the browser may make anonymous.
    Indirect,
    /// What the authenticator says itself.
    Direct,
}

impl PasskeyPreferences {
    /// Every origin whose ceremonies are accepted.
    pub fn origins(&self) -> Vec<String> {
        let mut origins: Vec<String> = self.rp_web_origins.iter().chain(&self.rp_mobile_origins).cloned().collect();
        if origins.is_empty() {
            origins.push(format!("https://{}", self.rp_id));
        }
        origins
    }

    pub(super) fn mistakes(&self) -> Vec<Mistake> {
        let mut found = tier_mistakes(&self.lockout_tiers);
        if !is_domain(&self.rp_id) {
            found.push(mistake(
                "rpId",
                "must be a domain such as \"app.example\", in lower case, without scheme and port",
            ));
        }
        let is_secure = |origin: &str| is_origin(origin) && (origin.starts_with("https://") || is_localhost(origin));
        let what = "must be an origin such as \"https://app.example\" (http:// for localhost only), without a path";
        each(&mut found, "rpWebOrigins", &self.rp_web_origins, is_secure, what);
        let is_app = |origin: &str| {
            let name = APP_ORIGINS.iter().find_map(|prefix| origin.strip_prefix(prefix));
            name.is_some_and(|name| (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()))
        };
        let what = "must be \"ios:bundle-id:<id>\" or \"android:apk-key-hash:<hash>\"";
        each(&mut found, "rpMobileOrigins", &self.rp_mobile_origins, is_app, what);
        let is_aaguid = |text: &str| uuid::Uuid::parse_str(text).is_ok_and(|id| id.to_string() == text.to_lowercase());
        let what = "must be an AAGUID such as \"ee882879-721c-4913-9775-3dfcce97072a\"";
        each(&mut found, "aaguidAllowList", &self.aaguid_allow_list, is_aaguid, what);
        each(&mut found, "aaguidBlockList", &self.aaguid_block_list, is_aaguid, what);
        if !self.aaguid_allow_list.is_empty() && !self.aaguid_block_list.is_empty() {
            found.push(mistake("aaguidBlockList", "cannot stand together with aaguidAllowList; remove one"));
        }
        if self.enforce_attestation && self.attestation_type == AttestationType::None {
            let problem = "needs an attestationType of \"indirect\" or \"direct\": otherwise nobody could register";
            found.push(mistake("enforceAttestation", problem));
        }
        found
    }
}

fn each(found: &mut Vec<Mistake>, list: &str, texts: &[String], is_right: impl Fn(&str) -> bool, what: &str) {
    let wrong = texts.iter().enumerate().filter(|(_, text)| !is_right(text));
    found.extend(wrong.map(|(position, _)| mistake(format!("{list}[{position}]"), what)));
}

/// A domain as browsers compare it. An address is none: there are no passkeys for one.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').all(is_label) && !text.rsplit('.').next().is_some_and(is_number)
}

/// Browsers count it as secure.
fn is_localhost(origin: &str) -> bool {
    let host = origin.strip_prefix("http://").map(|rest| rest.split(':').next().unwrap_or_default());
    host.is_some_and(|host| host == "localhost" || host.ends_with(".localhost"))
}

/// Puts what older clients of the API call `rpOrigins` (a list) and `rpOrigin` (one) under the name of today. Where several of the
/// names are there, they stay, and are refused as unknown: nobody can tell which is meant.
pub(super) fn take_older_names(passkeys: &mut Value) {
    let Some(members) = passkeys.as_object_mut() else { return };
    if members.contains_key("rpWebOrigins") || (members.contains_key("rpOrigins") && members.contains_key("rpOrigin")) {
        return;
    }
    if let Some(origins) = members.remove("rpOrigins") {
        members.insert("rpWebOrigins".to_owned(), origins);
    } else if let Some(origin) = members.remove("rpOrigin") {
        members.insert("rpWebOrigins".to_owned(), json!([origin]));
    }
}

/// Shows the older names to whoever reads the description of the API.
fn with_older_names(schema: &mut Schema) {
    let older = [
        ("rpOrigins", json!({ "type": "array", "items": { "type": "string" } })),
        ("rpOrigin", json!({ "type": "string" })),
    ];
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, mut shape) in older {
        if let Some(members) = shape.as_object_mut() {
            members.insert("deprecated".to_owned(), Value::Bool(true));
            members.insert("description".to_owned(), "An older name of `rpWebOrigins`; not together with it.".into());
        }
        properties.insert(name.to_owned(), shape);
    }
}

fn default_minutes() -> i64 {
    15
}

fn default_true() -> bool {
    true
}
