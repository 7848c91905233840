//! What the ancestors of a token were, beyond their names in `anc`: so that revoking a client, a subject or a signing key
//! reaches what came of its tokens, without a row per token, and so does disabling those behind them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    claims::SubjectType,
    subject::{SESSION_NAMES, SubjectToken},
};

/// The longest id of a session that is carried on, in bytes. Ours are UUIDs; what is longer is no session that could be revoked here.
const MAX_SESSION_ID: usize = 128;

/// The claim `anc_of`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AncestorFacts {
    /// When the oldest of them was issued: seconds since 1970. A token that was made a moment ago of one that is revoked by
    /// its age (by subject or client) is as old as that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iat: Option<i64>,
    /// The clients that they were issued to; the token's own is left out of the claim.
    #[serde(default, rename = "client_id", skip_serializing_if = "Vec::is_empty")]
    pub client_ids: Vec<String>,
    /// The keys that signed them; the token's own is left out of the claim.
    #[serde(default, rename = "kid", skip_serializing_if = "Vec::is_empty")]
    pub kids: Vec<String>,
    /// The sessions that they were of, however far back: a token may begin a session of its own, and then names that one only. The
    /// token's own sessions are left out of the claim.
    #[serde(default, rename = "sid", skip_serializing_if = "Vec::is_empty")]
    pub sids: Vec<String>,
    /// The users kept here of whom they spoke: of an actor token, where the user acts. The token's own `sub` is left out of the claim.
    #[serde(default, rename = "user", skip_serializing_if = "Vec::is_empty")]
    pub user_ids: Vec<String>,
    /// All others of whom they spoke; not every one of them is in `act`. The token's own `sub` is left out of the claim.
    #[serde(default, rename = "sub", skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// The applications that those users signed in to; the token's own is left out of the claim.
    #[serde(default, rename = "application", skip_serializing_if = "Vec::is_empty")]
    pub application_ids: Vec<String>,
}

impl AncestorFacts {
    /// What is to be said in a token that comes of `parent`.
    pub fn of(parent: &SubjectToken) -> Self {
        let mut facts = Self::default();
        facts.add(parent);
        facts
    }

    /// Adds a further parent.
    pub fn add(&mut self, parent: &SubjectToken) {
        if parent.jti.is_empty() {
            // No token at all: a client vouches for a user by name.
            return;
        }
        let theirs = &parent.anc_facts;
        self.iat = [self.iat, theirs.iat, Some(parent.iat)].into_iter().flatten().min();
        // A managed service has a name of another environment: here it may be somebody else's.
        let is_ours = !parent.client_id.is_empty() && parent.home_environment_id().is_none();
        let client_id = is_ours.then_some(&parent.client_id);
        merge(&mut self.client_ids, theirs.client_ids.iter().chain(client_id));
        merge(&mut self.kids, theirs.kids.iter().chain(&parent.kid));
        merge(&mut self.sids, &theirs.sids);
        merge(&mut self.user_ids, &theirs.user_ids);
        merge(&mut self.subjects, &theirs.subjects);
        merge(&mut self.application_ids, &theirs.application_ids);
        if parent.kid.is_some() {
            self.add_own(parent);
        }
    }

    /// Adds those behind a token of ours. The sessions and names of other issuers are others' sessions and names.
    fn add_own(&mut self, parent: &SubjectToken) {
        let sessions: Vec<String> =
            parent.sessions().filter(|id| id.len() <= MAX_SESSION_ID).map(str::to_owned).collect();
        merge(&mut self.sids, &sessions);
        merge(&mut self.application_ids, &parent.application_id);
        let is_managed = parent.subject_type == Some(SubjectType::ManagedServiceAccount);
        if is_managed || parent.home_environment_id().is_some() {
            // Here that name may be somebody else's.
            return;
        }
        // Only tokens of users that are kept here have a profile.
        let subjects = if parent.profile_id.is_some() { &mut self.user_ids } else { &mut self.subjects };
        merge(subjects, [&parent.sub]);
    }

    /// The users kept here and all others of whom the ancestors spoke.
    pub fn all_subjects(&self) -> impl Iterator<Item = &String> {
        self.user_ids.iter().chain(&self.subjects)
    }

    /// Whether there is nothing to say: the token has no ancestors.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The claim of a token for `subject` that is issued to `client_id`, signed by the key `kid`, and has these further claims.
    #[must_use]
    pub fn without_own(&self, subject: &str, client_id: &str, kid: &str, claims: &Map<String, Value>) -> Self {
        let others = |names: &[String], own: &str| names.iter().filter(|name| *name != own).cloned().collect();
        let said = |name: &str| claims.get(name).and_then(Value::as_str);
        let is_own = |id: &String| SESSION_NAMES.iter().any(|name| said(name) == Some(id));
        // Without a profile the token does not say of itself that its subject is a user kept here.
        let own_user = if said("profileId").is_some() { subject } else { "" };
        Self {
            iat: self.iat,
            client_ids: others(&self.client_ids, client_id),
            kids: others(&self.kids, kid),
            sids: self.sids.iter().filter(|id| !is_own(id)).cloned().collect(),
            user_ids: others(&self.user_ids, own_user),
            subjects: others(&self.subjects, subject),
            application_ids: others(&self.application_ids, said("applicationId").unwrap_or_default()),
        }
    }
}

fn merge<'a>(into: &mut Vec<String>, names: impl IntoIterator<Item = &'a String>) {
    for name in names {
        if !into.contains(name) {
            into.push(name.clone());
        }
    }
}
