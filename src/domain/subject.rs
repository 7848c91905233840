//! What a verified access token says of its subject: the input of an exchange.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    ancestry::AncestorFacts,
    claims::{HOME_ENVIRONMENT_CLAIM, SubjectType},
    party::{Actor, MayAct},
};
use crate::oauth::scope::Scope;

/// How far ahead the clock of the node that issued a token may be, in seconds; for `nbf` and `iat`. A token is never
/// used beyond its `exp`.
pub const CLOCK_LEEWAY: i64 = 10;

/// The claims of an access token, read and typed (RFC 9068 §2.2, RFC 8693 §4).
///
/// This is plain data and proves nothing by itself; the proof that signature, issuer and times were checked is the type
/// that hands it out (`jose::access_token::VerifiedToken`).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubjectToken {
    /// Who issued it.
    pub iss: String,
    /// Whom it speaks of.
    pub sub: String,
    /// Whom it is addressed to; never empty.
    pub aud: Vec<String>,
    /// The client it was issued to.
    pub client_id: String,
    /// Its id, the name under which it can be revoked.
    pub jti: String,
    /// Seconds since 1970; at this second it is already over. A fraction is rounded down.
    pub exp: i64,
    /// Seconds since 1970. A fraction is rounded up.
    pub iat: i64,
    /// Seconds since 1970; not usable before. A fraction is rounded up.
    pub nbf: Option<i64>,
    /// What it allows; empty when it names no scope.
    pub scope: Scope,
    /// Who acts, outermost first.
    pub act: Option<Actor>,
    /// The only party that may act for the subject.
    pub may_act: Option<MayAct>,
    /// The `jti`s of the tokens it came from, root first.
    pub anc: Vec<String>,
    /// What those were.
    pub anc_facts: AncestorFacts,
    /// The key of ours that signed it; `None` for what another party vouches for.
    pub kid: Option<String>,
    /// The key it is bound to (RFC 7800 §3.1), a JSON object.
    pub cnf: Option<Value>,
    /// What the subject is.
    pub subject_type: Option<SubjectType>,
    /// The application that an end user signed in to.
    pub application_id: Option<String>,
    /// The user's profile; only tokens of users that are kept here have one.
    pub profile_id: Option<String>,
    /// Every claim that has no field above, and `subjectType`, `applicationId` and `profileId` besides, so that they can be
    /// copied.
    pub other: Map<String, Value>,
}

/// The claims that name the session of a token: ours, and that of Mosaic.
pub const SESSION_NAMES: [&str; 2] = ["sid", "sessionId"];

impl SubjectToken {
    /// The ids of the sessions that the token names as its own.
    pub fn sessions(&self) -> impl Iterator<Item = &str> {
        SESSION_NAMES.into_iter().filter_map(|name| self.other.get(name)?.as_str())
    }

    /// UUID of the environment that the client it was issued to is at home in, where that is not the token's own.
    pub fn home_environment_id(&self) -> Option<&str> {
        // Whatever stands there instead of a text is no environment, and surely not the token's own.
        self.other.get(HOME_ENVIRONMENT_CLAIM).map(|claim| claim.as_str().unwrap_or_default())
    }

    /// Whether it was issued to the client `client_id` of the token's own environment. A managed service account may have
    /// the same id at its home, and is somebody else.
    pub fn is_issued_to(&self, client_id: &str) -> bool {
        self.client_id == client_id && self.home_environment_id().is_none()
    }

    /// Whether the token has expired at `now` (seconds since 1970).
    pub fn is_expired(&self, now: i64) -> bool {
        now >= self.exp
    }

    /// Whether the token is not to be used yet at `now` (seconds since 1970).
    pub fn is_early(&self, now: i64) -> bool {
        let latest = now.saturating_add(CLOCK_LEEWAY);
        self.iat > latest || self.nbf.is_some_and(|nbf| nbf > latest)
    }
}
