//! Law 2: the scope of the new token under one rule.

use super::{Check, Refused};
use crate::{
    domain::{client::Client, environment::ResourceServer, rule::ExchangeRule, subject::SubjectToken},
    oauth::{error::Problem, scope::Scope},
};

/// What a rule gives.
pub(super) struct GrantedScope {
    /// The new token's scope.
    pub granted: Scope,
    /// The part of it that `grant_scopes` added.
    pub widened: Scope,
}

/// The scope that `rule` gives at `targets`.
pub(super) fn allow(
    rule: &ExchangeRule,
    client: &Client,
    subject: &SubjectToken,
    requested: Option<&Scope>,
    targets: &[&ResourceServer],
) -> Result<GrantedScope, Refused> {
    let passed = passable(rule, client, subject, targets);
    let Some(requested) = requested else {
        return default_scope(rule, passed);
    };
    if let Some(target) = targets.iter().find(|target| !requested.is_within(&target.scopes)) {
        return Err(Refused::new(
            Problem::ScopeUnknownAtTarget,
            Check::Scope,
            format!("{} does not know {}", target.audience, requested.difference(&target.scopes)),
        ));
    }
    let widened = requested.difference(&passed);
    let refused = widened.difference(&grantable(rule, client, subject, targets));
    if !refused.is_empty() {
        return Err(Refused::new(
            Problem::ScopeNotAllowed,
            Check::Scope,
            format!("{refused}: not passed from subject and client, and not given by the rule's grant_scopes"),
        ));
    }
    Ok(GrantedScope { granted: requested.clone(), widened })
}

/// The scope that a token by `rule` has at `targets`, if the rule gives one at all: that of the request, or what is passed.
pub(super) fn given(
    rule: &ExchangeRule,
    client: &Client,
    subject: &SubjectToken,
    requested: Option<&Scope>,
    targets: &[&ResourceServer],
) -> Scope {
    requested.cloned().unwrap_or_else(|| passable(rule, client, subject, targets))
}

/// subject ∩ client ∩ rule ∩ every resource server.
fn passable(rule: &ExchangeRule, client: &Client, subject: &SubjectToken, targets: &[&ResourceServer]) -> Scope {
    targets.iter().fold(rule.pass_scopes.intersection(&subject.scope), |scope, target| {
        scope.intersection(&client.ceiling(&target.audience)).intersection(&target.scopes)
    })
}

/// What the rule adds. It is meant for those whom the client serves: with a token of its *own*, a client would use it to
/// get what its own `access` denies it.
fn grantable(rule: &ExchangeRule, client: &Client, subject: &SubjectToken, targets: &[&ResourceServer]) -> Scope {
    if subject.sub != client.id {
        return rule.grant_scopes.clone();
    }
    targets
        .iter()
        .fold(rule.grant_scopes.clone(), |scope, target| scope.intersection(&client.ceiling(&target.audience)))
}

/// Without `scope`, what can be passed is kept and nothing is added. A rule that speaks of no scopes at all gives a
/// token without any: it says who somebody is, not what they may do.
fn default_scope(rule: &ExchangeRule, passed: Scope) -> Result<GrantedScope, Refused> {
    let rule_has_scopes = !rule.pass_scopes.is_empty() || !rule.grant_scopes.is_empty();
    if passed.is_empty() && rule_has_scopes {
        return Err(Refused::new(
            Problem::NoDefaultScope,
            Check::Scope,
            "no scope was requested, and the subject token has none that the rule passes",
        ));
    }
    Ok(GrantedScope { granted: passed, widened: Scope::empty() })
}
