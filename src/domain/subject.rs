//! What a verified subject or actor token says.

use serde_json::{Map, Value};

use super::{
    claims::SubjectType,
    party::{Actor, MayAct},
};
use crate::oauth::scope::Scope;

/// How far an issuer's clock may run ahead of ours, in seconds. For `nbf` and `iat` only: an expired token is expired.
pub const CLOCK_LEEWAY: i64 = 10;

/// The claims of a token that was presented as subject or actor, after its signature, issuer and form were checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectToken {
    /// Who issued it.
    pub iss: String,
    /// Whom it stands for.
    pub sub: String,
    /// Whom it is addressed to; never empty.
    pub aud: Vec<String>,
    /// The client it was issued to.
    pub client_id: String,
    /// Its id.
    pub jti: String,
    /// Seconds since 1970.
    pub exp: i64,
    /// Seconds since 1970.
    pub iat: i64,
    /// Seconds since 1970.
    pub nbf: Option<i64>,
    /// What it allows.
    pub scope: Scope,
    /// Who acts for the subject.
    pub act: Option<Actor>,
    /// The only party that may act for the subject.
    pub may_act: Option<MayAct>,
    /// The `jti`s of the tokens it came from, root first.
    pub anc: Vec<String>,
    /// The key it is bound to (RFC 7800).
    pub cnf: Option<Value>,
    /// What the subject is.
    pub subject_type: Option<SubjectType>,
    /// The application that the user signed in to.
    pub application_id: Option<String>,
    /// Every other claim, and the end-user claims above once more, so that they can be copied.
    pub other: Map<String, Value>,
}

impl SubjectToken {
    /// Whether the token has expired at `now` (seconds since 1970).
    pub fn is_expired(&self, now: i64) -> bool {
        self.exp <= now
    }

    /// Whether the token is not to be used yet at `now` (seconds since 1970).
    pub fn is_early(&self, now: i64) -> bool {
        let latest = now.saturating_add(CLOCK_LEEWAY);
        self.iat > latest || self.nbf.is_some_and(|nbf| nbf > latest)
    }
}
