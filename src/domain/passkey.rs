//! Passkeys: credentials of WebAuthn as the database keeps them, and the ceremonies that wait for an authenticator.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::secret::SecretHash;

/// The most passkeys of a user in an application. Whoever has that many removes one first.
pub const MAX_PASSKEYS: usize = 20;
/// The most browsers remembered of a passkey; the one seen longest ago is forgotten.
pub const MAX_DEVICES: usize = 10;
/// The longest name of a user at an authenticator, and of a passkey, in characters (contract section 7).
pub const MAX_NAME: usize = 64;

/// A credential of a user at an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// As the authenticator named it, in base64url; unique in the environment.
    pub id: String,
    /// Whose it is.
    pub user_id: String,
    /// Where it is good.
    pub application_id: String,
    /// Under which name the user has it there.
    pub username: String,
    /// What the authenticator keeps with the key, in base64url.
    pub user_handle: String,
    /// For people.
    pub display_name: String,
    /// Key, flags and attestation, as JSON of the verifier.
    pub credential: String,
    /// The signature counter after its last use; zero where the authenticator has none.
    pub counter: u32,
    /// The model of the authenticator, as a UUID.
    pub aaguid: String,
    /// The browsers it was used with, the latest first.
    pub devices: Vec<Device>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub last_seen_at: i64,
    /// When it was removed, in seconds since 1970. It is listed ever after, and good for nothing.
    pub removed_at: Option<i64>,
}

/// A browser that a passkey was used with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Device {
    /// As the browser calls itself.
    pub user_agent: String,
    /// Seconds since 1970.
    pub first_seen: i64,
    /// Seconds since 1970.
    pub last_seen: i64,
}

impl Passkey {
    /// Notes a use.
    pub fn seen(&mut self, user_agent: Option<&str>, now: i64) {
        self.last_seen_at = now;
        let Some(user_agent) = user_agent else { return };
        let known = self.devices.iter().position(|device| device.user_agent == user_agent);
        let first_seen = known.map_or(now, |place| self.devices.remove(place).first_seen);
        self.devices.insert(0, Device { user_agent: user_agent.to_owned(), first_seen, last_seen: now });
        self.devices.truncate(MAX_DEVICES);
    }
}

/// A ceremony that waits for its answer.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingCeremony {
    /// Of the id that the browser was given.
    pub id: SecretHash,
    /// Whose clients may finish it.
    pub application_id: String,
    /// What it is.
    pub ceremony: Ceremony,
    /// From where it was begun.
    pub network: String,
    /// Seconds since 1970; from then on it is none.
    pub expires_at: i64,
}

/// What a ceremony is for, and the verifier's state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ceremony {
    /// A passkey is made.
    Registration {
        /// Under which name.
        username: String,
        /// How the authenticator shows it.
        display_name: String,
        /// What it keeps, in base64url.
        user_handle: String,
        /// The verifier's.
        state: Value,
    },
    /// A passkey is used.
    Authentication {
        /// Who was named; `None` where the authenticator is to say who it is.
        user_id: Option<String>,
        /// What the user approves by signing.
        approval_data: Option<Value>,
        /// The verifier's.
        state: Value,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_of_a_use_comes_first_and_the_oldest_is_forgotten() {
        let mut passkey = Passkey {
            id: "id".to_owned(),
            user_id: "user".to_owned(),
            application_id: "app".to_owned(),
            username: "ada".to_owned(),
            user_handle: "handle".to_owned(),
            display_name: "Ada".to_owned(),
            credential: "{}".to_owned(),
            counter: 0,
            aaguid: "0".to_owned(),
            devices: Vec::new(),
            created_at: 1,
            last_seen_at: 1,
            removed_at: None,
        };
        for now in 2..=12 {
            passkey.seen(Some(&format!("browser {now}")), now);
        }
        passkey.seen(Some("browser 5"), 20);
        passkey.seen(None, 21);
        assert_eq!((passkey.devices.len(), passkey.last_seen_at), (MAX_DEVICES, 21));
        let first = Device { user_agent: "browser 5".to_owned(), first_seen: 5, last_seen: 20 };
        assert_eq!(passkey.devices.first(), Some(&first));
        assert!(!passkey.devices.iter().any(|device| device.user_agent == "browser 2"));
    }
}
