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
mod check;
mod explain;
mod granting;
mod parties;
mod renewal;
mod rules;
mod scopes;
mod standing;
mod targets;

use serde_json::{Map, Value};

pub use self::{
    check::Check,
    explain::{Explanation, Observed, RuleVerdict, Verdict, Would, explain, observe, refused_by_all},
    renewal::{Renewed, renew},
    standing::Standing,
};
use super::{
    ancestry::AncestorFacts,
    claims::SubjectType,
    client::Client,
    environment::{ResourceServer, TokenForm},
    order::RefreshTerms,
    party::{Actor, MayAct},
    rule::ExchangeRule,
    subject::SubjectToken,
};
use crate::oauth::{error::Problem, grant_type::GrantType, scope::Scope};

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
    /// `requested_token_type`; `None` when absent.
    pub requested_token_type: Option<&'a str>,
    /// The grant that it came by.
    pub grant_type: GrantType,
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
    /// How the targets want their tokens.
    pub form: TokenForm,
    /// Set where the rule gives a refresh token.
    pub refresh: Option<RefreshTerms>,
}

/// The exchange is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the caller is told.
    pub problem: Problem,
    /// Which condition failed.
    pub check: Check,
    /// The rule that came closest, where one was looked at.
    pub rule: Option<String>,
    /// How it failed, for the log and the audit record.
    pub reason: String,
}

impl Refused {
    /// A refusal that is no single rule's.
    pub fn new(problem: Problem, check: Check, reason: impl Into<String>) -> Self {
        Self { problem, check, rule: None, reason: reason.into() }
    }

    fn by(mut self, rule: &ExchangeRule) -> Self {
        self.rule = Some(rule.name.clone());
        self
    }
}

/// One exchange that is laid before the rules.
#[derive(Clone, Copy)]
struct Case<'a> {
    client: &'a Client,
    subject: Presented<'a>,
    actor: Option<Presented<'a>>,
    request: ExchangeRequest<'a>,
    policy: &'a Policy<'a>,
}

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
    Case { client, subject, actor, request, policy }.decide(|rule| rule.mode_of_enforcement.is_enforced())
}

impl<'a> Case<'a> {
    /// Decides by the rules that are `in_force`. [`explain`](mod@explain) asks the same questions, one rule at a time.
    fn decide(self, in_force: impl Fn(&ExchangeRule) -> bool) -> Result<Granted, Refused> {
        let lineage = self.check_tokens()?;
        let rules = self.usable_rules(in_force)?;
        let targets = self.targets(&rules)?;
        let (rule, scope) = self.choose_rule(&rules, &targets)?;
        self.grant(rule, scope, &targets, lineage)
    }

    /// What must hold whatever the rules say. The ancestors of the new token, root first.
    fn check_tokens(&self) -> Result<Vec<String>, Refused> {
        let (subject, actor) = (self.subject, self.actor);
        check_token(subject, self.policy.now).map_err(refuses(Problem::SubjectTokenRefused))?;
        if let Some(actor) = actor {
            check_token(actor, self.policy.now)
                .and_then(|()| check_actor(self.client, actor.token))
                .map_err(refuses(Problem::ActorTokenRefused))?;
        }
        parties::lineage(subject.token, actor.map(|actor| actor.token)).ok_or_else(|| {
            let reason = "the token has the most ancestors it may have";
            Refused::new(Problem::SubjectTokenRefused, Check::Lineage, reason)
        })
    }
}

fn refuses(problem: Problem) -> impl Fn((Check, &'static str)) -> Refused {
    move |(check, reason)| Refused::new(problem, check, reason)
}

/// Laws 6 and 8: what must hold of a token whatever the rules say.
fn check_token(presented: Presented<'_>, now: i64) -> Result<(), (Check, &'static str)> {
    check_standing(presented, now).map_err(|reason| (Check::Standing, reason))?;
    if presented.token.cnf.is_some() {
        // Exchanging it would turn a token that is useless to a thief into one that is not.
        return Err((Check::Binding, "the token is bound to a key (cnf) that the caller has not proved"));
    }
    Ok(())
}

/// Law 8.
fn check_standing(presented: Presented<'_>, now: i64) -> Result<(), &'static str> {
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
    Ok(())
}

/// An actor token must be the caller's own (TE-066): with somebody else's, a client could act in another one's name.
fn check_actor(client: &Client, actor: &SubjectToken) -> Result<(), (Check, &'static str)> {
    if !actor.is_issued_to(&client.id) {
        return Err((Check::Act, "the actor token was not issued to the calling client"));
    }
    if actor.act.is_some() {
        // `act` of the new token continues the subject's chain; the actor's own chain would be lost.
        return Err((Check::Act, "the actor token is itself a delegated one (it has act)"));
    }
    Ok(())
}
