//! The exchange rule engine: may this client turn this token into that one?
//!
//! [`decide`] is a pure function and denies by default. The laws it keeps, for every input:
//!
//! 1. The expiry is no later than that of the rule, the resource servers, the subject token and the actor token. ([`renew`] is
//!    the one exception, where the rule names it: there the session's end stands for those of the tokens.)
//! 2. The scope is within subject ∩ client ∩ rule ∩ resource server, except what the rule lists under `grant_scopes`; and
//!    that is never more than the client may have, where the subject is the client itself.
//! 3. The audience comes from the rule's targets only: all requested targets, or none.
//! 4. `act` is never dropped; a subject token that has `act` is never exchanged by impersonation.
//! 5. `may_act`, where present, matches the party that acts on every member it has.
//! 6. `cnf` is never silently lost.
//! 7. The subject token is addressed to the caller.
//! 8. Nothing comes of a token that is revoked, expired, not yet valid, or whose client, application or user is disabled.

mod addressee;
mod parties;
mod renewal;
mod scopes;
mod standing;
mod targets;

use serde_json::{Map, Value};

pub use self::{
    renewal::{Renewed, renew},
    standing::Standing,
};
use super::{
    ancestry::AncestorFacts,
    claims::{RESERVED_CLAIMS, SubjectType},
    client::Client,
    environment::{ResourceServer, ScopeClaim, SigningAlg, TokenProfile},
    order::RefreshTerms,
    party::{Actor, MayAct},
    rule::{ExchangeMode, ExchangeRule},
    subject::SubjectToken,
};
use crate::oauth::{error::Problem, scope::Scope};

/// A token laid before [`decide`], its signature already checked.
#[derive(Debug, Clone, Copy)]
pub struct Presented<'a> {
    /// What it says.
    pub token: &'a SubjectToken,
    /// Who vouches for it: [`super::rule::ISSUER_SELF`], or the name of an identity connection.
    pub origin: &'a str,
    /// Whether those behind it are still in good standing.
    pub standing: Standing,
}

/// What the client asks for.
#[derive(Debug, Clone, Copy)]
pub struct ExchangeRequest<'a> {
    /// The values of `audience` and `resource` together, in the order of the request.
    pub targets: &'a [String],
    /// `scope`; `None` when absent.
    pub scope: Option<&'a Scope>,
}

/// What the environment allows.
#[derive(Debug, Clone, Copy)]
pub struct Policy<'a> {
    /// The environment's issuer.
    pub issuer: &'a str,
    /// The enabled rules, in the order of the environment file: the first that allows an exchange decides.
    pub rules: &'a [ExchangeRule],
    /// The resource servers, enabled or not.
    pub resource_servers: &'a [ResourceServer],
    /// The environment's `access_token_lifetime`, in seconds.
    pub lifetime: i64,
    /// Seconds since 1970.
    pub now: i64,
}

/// The exchange is allowed; this is all of the new token that the rules decide.
#[derive(Debug, Clone, PartialEq)]
pub struct Granted {
    /// The rule that allowed it.
    pub rule: String,
    /// The targets.
    pub audience: Vec<String>,
    /// The scope.
    pub scope: Scope,
    /// The part of the scope that the subject token or the client did not have: given by the rule's `grant_scopes`.
    pub widened: Scope,
    /// Who acts.
    pub act: Option<Actor>,
    /// Carried on unchanged: without it, the new token could be used by more parties than the old one.
    pub may_act: Option<MayAct>,
    /// The ancestors, root first.
    pub anc: Vec<String>,
    /// What those were.
    pub anc_facts: AncestorFacts,
    /// What the subject is.
    pub subject_type: SubjectType,
    /// The claims that follow the user, those that the rule passes and those that it sets.
    pub claims: Map<String, Value>,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// How the targets want `scope`.
    pub scope_claim: ScopeClaim,
    /// Which names and header the targets want.
    pub profile: TokenProfile,
    /// What the targets want their tokens signed with; `None` for the server's default.
    pub signing_alg: Option<SigningAlg>,
    /// Set where the rule gives a refresh token.
    pub refresh: Option<RefreshTerms>,
}

/// The exchange is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the caller is told.
    pub problem: Problem,
    /// The rule that came closest, where one was looked at.
    pub rule: Option<String>,
    /// Which condition failed, for the log and the audit record.
    pub reason: String,
}

impl Refused {
    fn new(problem: Problem, reason: impl Into<String>) -> Self {
        Self { problem, rule: None, reason: reason.into() }
    }

    fn by(mut self, rule: &ExchangeRule) -> Self {
        self.rule = Some(rule.name.clone());
        self
    }
}

/// Claims that belong to the user's session and follow it through every exchange (TE-086: copied, never refreshed).
const SESSION_CLAIMS: [&str; 9] =
    ["applicationId", "userId", "profileId", "sessionId", "extensions", "sid", "auth_time", "acr", "amr"];

/// Decides one exchange.
///
/// # Errors
/// The first condition that fails, of the rule that came closest.
pub fn decide(
    client: &Client,
    subject: Presented<'_>,
    actor: Option<Presented<'_>>,
    request: ExchangeRequest<'_>,
    policy: &Policy<'_>,
) -> Result<Granted, Refused> {
    check_token(subject, policy.now).map_err(|reason| Refused::new(Problem::SubjectTokenRefused, reason))?;
    if let Some(actor) = actor {
        check_token(actor, policy.now)
            .and_then(|()| check_actor(client, actor.token))
            .map_err(|reason| Refused::new(Problem::ActorTokenRefused, reason))?;
    }
    let lineage = parties::lineage(subject.token, actor.map(|actor| actor.token))
        .ok_or_else(|| Refused::new(Problem::SubjectTokenRefused, "the token has the most ancestors it may have"))?;

    let rules = usable_rules(client, subject, actor, policy)?;
    let targets = targets::resolve(&rules, subject.token, request, policy)?;
    let (rule, scope) = choose_rule(&rules, client, subject.token, request, &targets)?;
    let act = match rule.mode {
        ExchangeMode::Impersonation => None,
        ExchangeMode::Delegation => {
            Some(parties::chain(client, subject.token, actor, policy.issuer).map_err(|r| r.by(rule))?)
        }
    };
    let profile = targets.first().map(|target| target.token_profile).unwrap_or_default();
    Ok(Granted {
        rule: rule.name.clone(),
        audience: targets.iter().map(|target| target.audience.clone()).collect(),
        scope: scope.granted,
        widened: scope.widened,
        act,
        may_act: subject.token.may_act.clone(),
        anc: lineage,
        anc_facts: parties::facts(subject.token, actor.map(|actor| actor.token)),
        subject_type: subject.token.subject_type.unwrap_or(SubjectType::EndUserAccount),
        claims: claims(rule, subject.token, profile),
        expires_at: expiry(rule, &targets, subject.token, actor, policy),
        scope_claim: targets.first().map(|target| target.scope_claim).unwrap_or_default(),
        profile,
        signing_alg: targets.first().and_then(|target| target.signing_alg),
        refresh: rule.refresh.then_some(RefreshTerms { lifetime: rule.refresh_lifetime }),
    })
}

/// Laws 6 and 8: what must hold of a token whatever the rules say.
fn check_token(presented: Presented<'_>, now: i64) -> Result<(), &'static str> {
    let token = presented.token;
    if let Some(reason) = presented.standing.reason() {
        return Err(reason);
    }
    if token.is_expired(now) {
        return Err("the token has expired");
    }
    if token.is_early(now) {
        return Err("the token is not valid yet");
    }
    if token.cnf.is_some() {
        // Exchanging it would turn a token that is useless to a thief into one that is not.
        return Err("the token is bound to a key (cnf) that the caller has not proved");
    }
    Ok(())
}

/// An actor token must be the caller's own (TE-066): with somebody else's, a client could act in another one's name.
fn check_actor(client: &Client, actor: &SubjectToken) -> Result<(), &'static str> {
    if !actor.is_issued_to(&client.id) {
        return Err("the actor token was not issued to the calling client");
    }
    if actor.act.is_some() {
        // `act` of the new token continues the subject's chain; the actor's own chain would be lost.
        return Err("the actor token is itself a delegated one (it has act)");
    }
    Ok(())
}

/// The rules for this client and subject token that nothing but targets and scopes can still rule out.
fn usable_rules<'a>(
    client: &Client,
    subject: Presented<'_>,
    actor: Option<Presented<'_>>,
    policy: &Policy<'a>,
) -> Result<Vec<&'a ExchangeRule>, Refused> {
    let mut closest = Refused::new(Problem::NoRule, "no rule names this client and an issuer of such subject tokens");
    let mut usable = Vec::new();
    let candidates =
        policy.rules.iter().filter(|rule| rule.client == client.id && rule.subject.issuer == subject.origin);
    for rule in candidates {
        match check_rule(rule, client, subject, actor, policy) {
            Ok(()) => usable.push(rule),
            Err(refused) => closest = refused.by(rule),
        }
    }
    if usable.is_empty() { Err(closest) } else { Ok(usable) }
}

/// Laws 4, 5 and 7 for one rule.
fn check_rule(
    rule: &ExchangeRule,
    client: &Client,
    presented: Presented<'_>,
    actor: Option<Presented<'_>>,
    policy: &Policy<'_>,
) -> Result<(), Refused> {
    let subject = presented.token;
    if !addressee::is_addressed_to(client, presented, rule, policy.resource_servers) {
        return Err(Refused::new(Problem::SubjectTokenRefused, "the subject token is not addressed to the caller"));
    }
    if rule.mode == ExchangeMode::Impersonation {
        if subject.act.is_some() {
            return Err(Refused::new(
                Problem::SubjectTokenRefused,
                "the rule impersonates, which would drop the subject token's act",
            ));
        }
        if actor.is_some() {
            return Err(Refused::new(
                Problem::ActorTokenRefused,
                "the rule impersonates; there is no place for an actor",
            ));
        }
    }
    let party = parties::acting_party(client, actor, policy.issuer);
    if subject.may_act.as_ref().is_some_and(|may_act| !may_act.names(&party)) {
        return Err(Refused::new(
            Problem::SubjectTokenRefused,
            "may_act of the subject token does not name this actor",
        ));
    }
    Ok(())
}

/// The first rule, in the order of the file, that opens all targets and allows the scopes.
fn choose_rule<'a>(
    rules: &[&'a ExchangeRule],
    client: &Client,
    subject: &SubjectToken,
    request: ExchangeRequest<'_>,
    targets: &[&ResourceServer],
) -> Result<(&'a ExchangeRule, scopes::GrantedScope), Refused> {
    let mut closest = Refused::new(Problem::TargetNotAllowed, "no rule opens all of the requested targets together");
    for rule in rules.iter().filter(|rule| targets.iter().all(|target| rule.audience.contains(&target.audience))) {
        match scopes::allow(rule, client, subject, request.scope, targets) {
            Ok(scope) => return Ok((rule, scope)),
            Err(refused) => closest = refused.by(rule),
        }
    }
    Err(closest)
}

/// Claims that the server copies, then those that the rule passes, then those that it sets.
fn claims(rule: &ExchangeRule, subject: &SubjectToken, profile: TokenProfile) -> Map<String, Value> {
    let mut claims = Map::new();
    // Files that pass reserved claims are refused; a row that was changed by hand must not smuggle one in either.
    let by_rule = rule.claims.pass.iter().map(String::as_str).filter(|name| !RESERVED_CLAIMS.contains(name));
    // The guards of Mosaic services expect them.
    let by_profile: &[&str] = if profile == TokenProfile::Mosaic { &["name", "email"] } else { &[] };
    let passed = SESSION_CLAIMS.into_iter().chain(by_profile.iter().copied()).chain(by_rule);
    for name in passed {
        if let Some(value) = subject.other.get(name) {
            claims.insert(name.to_owned(), value.clone());
        }
    }
    for (name, value) in rule.claims.set.iter().filter(|(name, _)| !RESERVED_CLAIMS.contains(&name.as_str())) {
        claims.insert(name.clone(), value.clone());
    }
    claims
}

/// Law 1.
fn expiry(
    rule: &ExchangeRule,
    targets: &[&ResourceServer],
    subject: &SubjectToken,
    actor: Option<Presented<'_>>,
    policy: &Policy<'_>,
) -> i64 {
    let lifetime = targets
        .iter()
        .filter_map(|target| target.max_lifetime)
        .chain(rule.max_lifetime)
        .fold(policy.lifetime, i64::min);
    let expiry = policy.now.saturating_add(lifetime).min(subject.exp);
    actor.map_or(expiry, |actor| expiry.min(actor.token.exp))
}
