//! Sessions: the grant that refresh tokens hang on.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    ancestry::AncestorFacts,
    claims::SubjectType,
    exchange::Presented,
    login::claims::ClaimsRequest,
    order::TokenOrder,
    party::{Actor, MayAct},
    revocation::RevocationKind,
    subject::{SESSION_NAMES, SubjectToken},
};
use crate::oauth::{grant_type::GrantType, scope::Scope};

/// A session of one client on behalf of one subject. Access tokens name it by their `sid`.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// UUID.
    pub id: String,
    /// UUID of the environment.
    pub environment_id: String,
    /// The client that its refresh tokens are bound to.
    pub client_id: String,
    /// The most that an access token of it may say.
    pub grant: SessionGrant,
    /// Which of its refresh tokens are good: those of this generation. Each use counts it up.
    pub generation: i64,
    /// The use that counted it up last; `None` before the first.
    pub rotation: Option<Rotation>,
    /// Seconds since 1970.
    pub created_at: i64,
    /// Seconds since 1970.
    pub last_used_at: i64,
    /// Seconds since 1970: over by then, unless it is used before. Never later than `expires_at`.
    pub idle_expires_at: i64,
    /// Seconds since 1970: over by then, whatever happens.
    pub expires_at: i64,
    /// Set when it was ended before its time.
    pub end: Option<SessionEnd>,
}

/// The use of a refresh token that made the session's present generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    /// SHA-256 of the token, in hexadecimal.
    pub by: String,
    /// Seconds since 1970.
    pub at: i64,
}

/// That and why a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionEnd {
    /// Seconds since 1970.
    pub at: i64,
    /// Why.
    pub reason: EndReason,
}

/// Why a session was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndReason {
    /// A refresh token was used that had been used before: somebody else has a copy.
    Replayed,
    /// It was revoked, or something that it came of.
    Revoked,
}

impl EndReason {
    /// Its name, as it is kept and recorded.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndReason::Replayed => "replayed",
            EndReason::Revoked => "revoked",
        }
    }
}

/// What was granted: the most that an access token of the session may say. Never changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionGrant {
    /// `sub`.
    pub subject: String,
    /// `subjectType`.
    pub subject_type: SubjectType,
    /// The targets.
    pub audience: Vec<String>,
    /// The scope.
    pub scope: Scope,
    /// The part of it that a rule added.
    pub widened: Scope,
    /// `act`: in every access token, or in none.
    pub act: Option<Actor>,
    /// `may_act`, likewise.
    pub may_act: Option<MayAct>,
    /// `anc`, likewise: whatever is revoked among these takes the session along, however long ago it expired.
    pub anc: Vec<String>,
    /// What those were.
    pub anc_facts: AncestorFacts,
    /// Further claims, `sid` among them.
    pub claims: Map<String, Value>,
    /// Sessions that it came of, which end it when they are revoked.
    pub parents: Vec<String>,
    /// By what it was granted: asked again at each use.
    pub basis: GrantBasis,
}

/// By what a session was granted. It must still hold when a refresh token is used.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantBasis {
    /// The user signed in to the client at the identity connection of that name: it may have what its `access` names.
    SignIn(String),
    /// An exchange rule.
    Exchange(Box<ExchangeBasis>),
    /// The user was signed in behind the backend of the client's application: it may have what its `access` names.
    Login(Box<LoginBasis>),
}

/// What the tokens of a sign-in behind a backend say of it. The same at each refresh, as it was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoginBasis {
    /// The id of the login session.
    pub login_session: String,
    /// UUID of the application.
    pub application_id: String,
    /// When the user was authenticated last, in seconds since 1970.
    pub auth_time: i64,
    /// `amr`.
    pub amr: Vec<String>,
    /// The claims that were asked for.
    pub claims: ClaimsRequest,
    /// The user's last sign-in before that one, in seconds since 1970; `None` for the very first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sign_in_at: Option<i64>,
    /// What the user approved by that authentication.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_data: Option<Map<String, Value>>,
}

impl GrantBasis {
    /// The claim that names a session of this basis in its own tokens. In those of a sign-in `sid` is the login session, which
    /// the tokens of all clients of it have in common.
    pub const fn own_claim(&self) -> &'static str {
        match self {
            GrantBasis::Login(_) => "sessionId",
            GrantBasis::SignIn(_) | GrantBasis::Exchange(_) => "sid",
        }
    }
}

/// The exchange that a session began with, so that it can be decided again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExchangeBasis {
    /// The rule that allowed it. No other stands in for it.
    pub rule: String,
    /// Who vouched for the subject token: [`super::rule::ISSUER_SELF`], or the name of an identity connection.
    pub origin: String,
    /// What the subject token said: the rule's conditions are about all of it.
    pub subject: SubjectToken,
    /// What the actor token said.
    pub actor: Option<SubjectToken>,
    /// The grant that the exchange came by: a rule's condition may be about it.
    pub grant_type: GrantType,
    /// The `requested_token_type` of the exchange, likewise.
    pub requested_token_type: Option<String>,
    /// The claims that the rule gave, before what is known of the user was added.
    pub claims: Map<String, Value>,
}

impl GrantBasis {
    /// The exchange that `order` is the outcome of: of `subject` and `actor`, by a request of this grant that wanted a token of
    /// this type.
    pub fn exchange(
        order: &TokenOrder,
        subject: Presented<'_>,
        actor: Option<&SubjectToken>,
        (grant_type, requested_token_type): (GrantType, Option<&str>),
    ) -> Self {
        GrantBasis::Exchange(Box::new(ExchangeBasis {
            rule: order.rule.clone().unwrap_or_default(),
            origin: subject.origin.to_owned(),
            subject: subject.token.clone(),
            actor: actor.cloned(),
            grant_type,
            requested_token_type: requested_token_type.map(str::to_owned),
            claims: order.claims.clone(),
        }))
    }
}

/// Something that a session came of, by its kind and name.
pub type SessionOrigin = (RevocationKind, String);

impl SessionGrant {
    /// What a token made by `order` says, and every later one of its session.
    pub fn of(order: &TokenOrder, basis: GrantBasis) -> Self {
        let parents = SESSION_NAMES.into_iter().filter_map(|name| order.claims.get(name)?.as_str());
        Self {
            subject: order.subject.clone(),
            subject_type: order.subject_type,
            audience: order.audience.clone(),
            scope: order.scope.clone(),
            widened: order.widened.clone(),
            act: order.act.clone(),
            may_act: order.may_act.clone(),
            anc: order.anc.clone(),
            anc_facts: order.anc_facts.clone(),
            claims: order.claims.clone(),
            parents: parents.map(str::to_owned).collect(),
            basis,
        }
    }
}

impl Session {
    /// The session as a token of it would look: for asking whether it is revoked and whether those behind it may still be
    /// served. `issuer` is the environment's.
    pub fn as_token(&self, issuer: &str) -> SubjectToken {
        let grant = &self.grant;
        let text = |name: &str| grant.claims.get(name).and_then(Value::as_str).map(str::to_owned);
        SubjectToken {
            iss: issuer.to_owned(),
            sub: grant.subject.clone(),
            aud: grant.audience.clone(),
            client_id: self.client_id.clone(),
            jti: String::new(),
            exp: self.expires_at,
            iat: self.created_at,
            nbf: None,
            scope: grant.scope.clone(),
            act: grant.act.clone(),
            may_act: grant.may_act.clone(),
            anc: grant.anc.clone(),
            anc_facts: grant.anc_facts.clone(),
            kid: None,
            cnf: None,
            subject_type: Some(grant.subject_type),
            application_id: text("applicationId"),
            profile_id: text("profileId"),
            other: grant.claims.clone(),
        }
    }

    /// Everything whose revocation ends it: the same that a revocation reaches a token by, and its parents. `issuer` is the
    /// environment's.
    pub fn origins(&self, issuer: &str) -> Vec<SessionOrigin> {
        let grant = &self.grant;
        let actors = grant.act.iter().flat_map(|actor| actor.ours(issuer));
        let mut origins: Vec<SessionOrigin> = Vec::new();
        let mut add = |kind, value: &String| {
            let origin = (kind, value.clone());
            // Postgres keeps no NUL, which a foreign issuer may have put into a name: nothing of such a name can be revoked.
            if !value.contains('\0') && !origins.contains(&origin) {
                origins.push(origin);
            }
        };
        // All sessions passed through, and not the last one only: the rows of those between may be swept by the time of a revocation.
        std::iter::once(&self.id)
            .chain(&grant.parents)
            .chain(&grant.anc_facts.sids)
            .for_each(|id| add(RevocationKind::Session, id));
        std::iter::once(&grant.subject)
            .chain(actors.map(|actor| &actor.sub))
            .chain(grant.anc_facts.all_subjects())
            .for_each(|subject| add(RevocationKind::Subject, subject));
        std::iter::once(&self.client_id)
            .chain(&grant.anc_facts.client_ids)
            .for_each(|client| add(RevocationKind::Client, client));
        grant.anc.iter().for_each(|jti| add(RevocationKind::Token, jti));
        grant.anc_facts.kids.iter().for_each(|kid| add(RevocationKind::Key, kid));
        origins
    }

    /// When the oldest of what it came of was issued, in seconds since 1970.
    pub fn since(&self) -> i64 {
        self.grant.anc_facts.iat.map_or(self.created_at, |iat| iat.min(self.created_at))
    }

    /// Whether it is over at `now` (seconds since 1970), by its own end or by time.
    pub fn is_over(&self, now: i64) -> bool {
        self.end.is_some() || now >= self.idle_expires_at || now >= self.expires_at
    }
}

/// A refresh token as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefreshToken {
    /// SHA-256 of it, in hexadecimal.
    pub hash: String,
    /// Its session.
    pub session_id: String,
    /// Good while its session is in this generation.
    pub generation: i64,
    /// Seconds since 1970.
    pub created_at: i64,
}

/// What a refresh token is, at the moment in which it is presented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefreshUse {
    /// The first use of the newest generation.
    First,
    /// The token that made the newest generation, once more, within the grace: its answer may have been lost, or sent twice.
    Repeated,
    /// A token that should be nowhere any more: used before, or overtaken by another answer to the same token.
    Replayed,
    /// The session is over.
    Over,
}

/// Tells what the use of `token` at `now` (seconds since 1970) is; `grace` is in seconds.
///
/// A repetition is put up with only as long as nothing that came of the first use was used itself. So of two who hold the
/// same token only one can go on: the first who uses what they got makes the other's a replay.
pub fn refresh_use(session: &Session, token: &RefreshToken, grace: i64, now: i64) -> RefreshUse {
    if session.is_over(now) {
        return RefreshUse::Over;
    }
    if token.generation == session.generation {
        return RefreshUse::First;
    }
    let is_last = |rotation: &Rotation| rotation.by == token.hash && now.saturating_sub(rotation.at) < grace;
    if session.rotation.as_ref().is_some_and(is_last) { RefreshUse::Repeated } else { RefreshUse::Replayed }
}
