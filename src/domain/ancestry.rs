//! What the ancestors of a token were, beyond their names in `anc`: so that revoking a client, a subject or a signing key
//! reaches what came of its tokens, without a row per token.

use serde::{Deserialize, Serialize};

use super::subject::SubjectToken;

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
    }

    /// Whether there is nothing to say: the token has no ancestors.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The claim of a token that is issued to `client_id` and signed by the key `kid`.
    #[must_use]
    pub fn without_own(&self, client_id: &str, kid: &str) -> Self {
        let others = |names: &[String], own: &str| names.iter().filter(|name| *name != own).cloned().collect();
        Self { iat: self.iat, client_ids: others(&self.client_ids, client_id), kids: others(&self.kids, kid) }
    }
}

fn merge<'a>(into: &mut Vec<String>, names: impl Iterator<Item = &'a String>) {
    for name in names {
        if !into.contains(name) {
            into.push(name.clone());
        }
    }
}
