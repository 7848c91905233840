//! What the ancestors of a token were, beyond their names in `anc`: so that revoking a client, a subject or a signing key
//! reaches what came of its tokens, without a row per token.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::subject::{SESSION_NAMES, SubjectToken};

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
        // The sessions of other issuers are others' sessions.
        let own: Vec<String> = match parent.kid {
            Some(_) => parent.sessions().filter(|id| id.len() <= MAX_SESSION_ID).map(str::to_owned).collect(),
            None => Vec::new(),
        };
        merge(&mut self.sids, theirs.sids.iter().chain(&own));
    }

    /// Whether there is nothing to say: the token has no ancestors.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The claim of a token that is issued to `client_id`, signed by the key `kid`, and has these further claims.
    #[must_use]
    pub fn without_own(&self, client_id: &str, kid: &str, claims: &Map<String, Value>) -> Self {
        let others = |names: &[String], own: &str| names.iter().filter(|name| *name != own).cloned().collect();
        let is_own = |id: &String| SESSION_NAMES.iter().any(|name| claims.get(*name).is_some_and(|own| own == id));
        Self {
            iat: self.iat,
            client_ids: others(&self.client_ids, client_id),
            kids: others(&self.kids, kid),
            sids: self.sids.iter().filter(|id| !is_own(id)).cloned().collect(),
        }
    }
}

fn merge<'a>(into: &mut Vec<String>, names: impl Iterator<Item = &'a String>) {
    for name in names {
        if !into.contains(name) {
            into.push(name.clone());
        }
    }
}
