//! What is known of a thing that somebody changes, for the audit record: the members that differ, before and after.
//!
//! Nothing in here holds a secret. Of a secret it is only said that there is one, and that it is another one than before. Hashes are
//! not shown either: one of a secret that people made could be tried out at leisure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    domain::{application::Application, connection::IdentityConnection, secret::SecretHash, user::Profile},
    store::{
        applications::StoredApplication, clients::StoredClient, identity_connections::StoredConnection,
        signing_keys::StoredKey,
    },
};

/// The members of a thing.
pub type Members = Map<String, Value>;

/// The longest member that a record keeps, as JSON, in bytes.
const MAX_MEMBER: usize = 2048;
/// The most that a record keeps of one side, as JSON, in bytes: records are read in pages, and anybody with the permission to change
/// things could fill the disk.
const MAX_SIDE: usize = 16_384;

/// What a record has in the place of something personal.
const PERSONAL: &str = "…";

/// All that is known of a thing at some time.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    shown: Members,
    /// What is known of people: only that it changed is recorded.
    personal: Members,
    secrets: BTreeMap<&'static str, SecretHash>,
}

/// What a change changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Differences {
    /// The members that differ, as they were; `None` where there was nothing.
    pub before: Option<Value>,
    /// The members that differ, as they are.
    pub after: Option<Value>,
}

/// A thing of which the facts are known.
pub trait Known {
    /// They.
    fn facts(&self) -> Facts;
}

/// What came of a change, and what it changed.
#[derive(Debug)]
pub struct Changed<T> {
    /// What the caller gets.
    pub value: T,
    /// What the record says.
    pub differences: Differences,
}

impl Facts {
    /// Facts without a secret among them.
    pub fn new(shown: Members) -> Self {
        Self { shown, ..Self::default() }
    }

    /// Adds members of which the record says that they changed, and not from what to what: it is kept for longer than what people
    /// say of themselves, and read by more.
    #[must_use]
    pub fn with_personal(mut self, personal: Members) -> Self {
        self.personal = personal;
        self
    }

    fn with_secret(mut self, name: &'static str, hash: Option<SecretHash>) -> Self {
        self.secrets.extend(hash.map(|hash| (name, hash)));
        self
    }
}

impl Differences {
    /// Between a thing as it was, if it was there, and as it is, if it still is.
    pub fn between(before: Option<&Facts>, after: Option<&Facts>) -> Self {
        let nothing = Facts::default();
        let (old, new) = (before.unwrap_or(&nothing), after.unwrap_or(&nothing));
        let names: BTreeSet<&String> = old.shown.keys().chain(new.shown.keys()).collect();
        let names: Vec<_> = names.into_iter().filter(|name| old.shown.get(*name) != new.shown.get(*name)).collect();
        let mut sides = [old, new].map(|facts| {
            let shown = |name: &&String| Some((name.to_string(), facts.shown.get(*name).map(|v| in_record(name, v))?));
            names.iter().filter_map(shown).collect::<Members>()
        });
        let personal: BTreeSet<&String> = old.personal.keys().chain(new.personal.keys()).collect();
        for name in personal.into_iter().filter(|name| old.personal.get(*name) != new.personal.get(*name)) {
            for (side, facts) in sides.iter_mut().zip([old, new]) {
                if facts.personal.contains_key(name) {
                    side.insert(name.clone(), PERSONAL.into());
                }
            }
        }
        let secrets: BTreeSet<&'static str> = old.secrets.keys().chain(new.secrets.keys()).copied().collect();
        for name in secrets {
            let [had, has] = [old, new].map(|facts| facts.secrets.get(name));
            if had.zip(has).is_some_and(|(had, has)| had.equals(has)) {
                continue;
            }
            for (side, secret, word) in
                [(0, had, "a secret"), (1, has, if had.is_some() { "another secret" } else { "a secret" })]
            {
                if let (Some(side), Some(_)) = (sides.get_mut(side), secret) {
                    side.insert(name.to_owned(), word.into());
                }
            }
        }
        let [before, after] = sides.map(|side| (!side.is_empty()).then(|| Value::Object(bounded(side))));
        Self { before, after }
    }
}

impl<T> Changed<T> {
    /// Something new.
    pub fn made(value: T) -> Self
    where
        T: Known,
    {
        Self { differences: Differences::between(None, Some(&value.facts())), value }
    }

    /// Something that is no more.
    pub fn removed(value: T) -> Self
    where
        T: Known,
    {
        Self { differences: Differences::between(Some(&value.facts()), None), value }
    }

    /// Something that was there and still is.
    pub fn edited(before: &Facts, value: T) -> Self
    where
        T: Known,
    {
        Self { differences: Differences::between(Some(before), Some(&value.facts())), value }
    }

    /// The same change with something else for the caller.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Changed<U> {
        Changed { value: make(self.value), differences: self.differences }
    }
}

/// A member as it stands in a record. The path of a webhook is often what keeps strangers from calling it: of its URL the record has
/// who is called.
fn in_record(name: &str, value: &Value) -> Value {
    match value.as_str() {
        Some(url) if name == "webhook.url" => {
            let origin = url::Url::parse(url).map(|url| url.origin().ascii_serialization());
            format!("{}/…", origin.unwrap_or_default()).into()
        }
        _ => value.clone(),
    }
}

fn bounded(side: Members) -> Members {
    let mut left = MAX_SIDE;
    let kept = side.into_iter().map(|(name, value)| {
        let size = value.to_string().len();
        if size > MAX_MEMBER || size > left {
            return (name, format!("… ({size} bytes)").into());
        }
        left -= size;
        (name, value)
    });
    kept.collect()
}

/// The fields of a value.
pub fn members_of(value: &impl Serialize) -> Members {
    match serde_json::to_value(value) {
        Ok(Value::Object(members)) => members,
        _ => Members::new(),
    }
}

/// What is shown of an application: all but the key and the hash of its webhook's secret.
pub fn members_of_application(application: &Application) -> Members {
    let mut members = without_hash(members_of(application), "webhook");
    // Each preference beside the others, so that a change shows what it changed and not whole methods.
    if let Some(Value::Object(methods)) = members.remove("login") {
        for (method, preferences) in methods {
            let Value::Object(fields) = preferences else { continue };
            members.insert(format!("login.{method}"), "allowed".into());
            members.extend(fields.into_iter().map(|(field, value)| (format!("login.{method}.{field}"), value)));
        }
    }
    members
}

/// The same for an identity connection and its client secret.
pub fn members_of_connection(connection: &IdentityConnection) -> Members {
    without_hash(members_of(connection), "sign_in")
}

/// Puts the fields of `member` beside the others, but for the hash of its secret.
fn without_hash(mut members: Members, member: &str) -> Members {
    if let Some(Value::Object(fields)) = members.remove(member) {
        let shown = fields.into_iter().filter(|(field, _)| field != "secret_sha256");
        members.extend(shown.map(|(field, value)| (format!("{member}.{field}"), value)));
    }
    members
}

impl Known for StoredApplication {
    fn facts(&self) -> Facts {
        let application = &self.application;
        let webhook = application.webhook.as_ref();
        let facts = Facts::new(members_of_application(application)).with_secret("key", application.key);
        facts.with_secret("webhook.secret", webhook.map(|webhook| webhook.secret_sha256))
    }
}

impl Known for StoredClient {
    fn facts(&self) -> Facts {
        let mut members = members_of(&self.client);
        let secrets = &self.client.secrets;
        let secrets = secrets.iter().map(|secret| json!({ "id": secret.id, "expires_at": secret.expires_at }));
        members.insert("secrets".to_owned(), secrets.collect());
        Facts::new(members)
    }
}

impl Known for StoredConnection {
    fn facts(&self) -> Facts {
        let sign_in = self.connection.sign_in.as_ref();
        let facts = Facts::new(members_of_connection(&self.connection));
        facts.with_secret("sign_in.secret", sign_in.map(|client| client.secret_sha256))
    }
}

impl Known for Profile {
    fn facts(&self) -> Facts {
        Facts::new(Members::from_iter([
            ("user_id".to_owned(), json!(self.user_id)),
            ("unique_identifier".to_owned(), json!(self.unique_identifier)),
            ("display_name".to_owned(), json!(self.display_name)),
            ("picture_url".to_owned(), json!(self.picture_url)),
        ]))
    }
}

/// Of signing keys, each by its id: what they are for and when their states change.
impl Known for [StoredKey] {
    fn facts(&self) -> Facts {
        let members = |key: &StoredKey| {
            let schedule = &key.schedule;
            json!({
                "alg": key.alg.as_str(),
                "activates_at": schedule.activates_at,
                "retires_at": schedule.retires_at,
                "removes_at": schedule.removes_at,
            })
        };
        Facts::new(self.iter().map(|key| (key.kid.clone(), members(key))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::secret::Secret;

    fn facts(members: Value) -> Facts {
        Facts::new(members_of(&members))
    }

    #[test]
    fn only_what_differs_is_kept() {
        let (old, new) = (facts(json!({ "a": 1, "b": [2], "c": null })), facts(json!({ "a": 1, "b": [3], "d": "x" })));
        let differences = Differences::between(Some(&old), Some(&new));
        assert_eq!(differences.before, Some(json!({ "b": [2], "c": null })));
        assert_eq!(differences.after, Some(json!({ "b": [3], "d": "x" })));
        assert_eq!(Differences::between(Some(&old), Some(&old)), Differences::default());
        assert_eq!(Differences::between(None, Some(&new)).after, Some(json!({ "a": 1, "b": [3], "d": "x" })));
        assert_eq!(Differences::between(Some(&new), None).after, None);
    }

    #[test]
    fn a_changed_secret_shows_as_a_change_and_neither_it_nor_its_hash() {
        let with =
            |secret: Option<&str>| Facts::default().with_secret("key", secret.map(|text| Secret::new(text).hash()));
        let between = |old, new| {
            let differences = Differences::between(Some(&with(old)), Some(&with(new)));
            json!([differences.before, differences.after])
        };
        assert_eq!(between(None, Some("a")), json!([null, { "key": "a secret" }]));
        assert_eq!(between(Some("a"), Some("b")), json!([{ "key": "a secret" }, { "key": "another secret" }]));
        assert_eq!(between(Some("a"), None), json!([{ "key": "a secret" }, null]));
        assert_eq!(between(Some("a"), Some("a")), json!([null, null]));
    }

    #[test]
    fn of_what_is_personal_only_that_it_changed_is_kept() {
        let with = |members: Value| Facts::default().with_personal(members_of(&members));
        let (old, new) = (with(json!({ "a": 1, "b": 2, "c": 3 })), with(json!({ "a": 1, "b": 4, "d": 5 })));
        let differences = Differences::between(Some(&old), Some(&new));
        assert_eq!(differences.before, Some(json!({ "b": "…", "c": "…" })));
        assert_eq!(differences.after, Some(json!({ "b": "…", "d": "…" })));
    }

    #[test]
    fn what_is_long_is_left_out_and_the_path_of_a_webhook_too() {
        let long = "x".repeat(MAX_MEMBER);
        let url = "https://hooks.example:8443/T000/secret?key=secret";
        let shown = Differences::between(None, Some(&facts(json!({ "webhook.url": url }))));
        assert_eq!(shown.after, Some(json!({ "webhook.url": "https://hooks.example:8443/…" })));
        let mut members = members_of(&json!({ "long": long }));
        members.extend((0..10).map(|number| (format!("m{number}"), "y".repeat(MAX_MEMBER - 2).into())));
        let after = Differences::between(None, Some(&Facts::new(members))).after.expect("members");
        assert_eq!(after["long"], "… (2050 bytes)");
        assert_eq!((&after["m7"], &after["m8"]), (&Value::from("y".repeat(MAX_MEMBER - 2)), &json!("… (2048 bytes)")));
        assert!(after.to_string().len() < MAX_SIDE + 1000);
    }
}
