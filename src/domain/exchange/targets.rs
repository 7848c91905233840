//! Law 3: the targets of the new token.

use super::{Check, ExchangeRequest, Policy, Refused};
use crate::{
    domain::{environment::ResourceServer, rule::ExchangeRule, subject::SubjectToken},
    oauth::{error::Problem, scope::Scope},
};

/// The targets that the request names, or the one that follows from its scopes. Never empty.
pub(super) fn resolve<'a>(
    rules: &[&ExchangeRule],
    subject: &SubjectToken,
    request: ExchangeRequest<'_>,
    policy: &Policy<'a>,
) -> Result<Vec<&'a ResourceServer>, Refused> {
    let is_open = |audience: &str| rules.iter().any(|rule| rule.audience.iter().any(|open| open == audience));
    let open: Vec<&ResourceServer> =
        policy.resource_servers.iter().filter(|server| server.enabled && is_open(&server.audience)).collect();
    if request.targets.is_empty() {
        return infer(&open, rules, subject, request.scope).map(|target| vec![target]);
    }
    let mut targets: Vec<&ResourceServer> = Vec::new();
    for name in request.targets {
        let Some(target) = open.iter().find(|server| server.audience == *name) else {
            // The name is the caller's input: it stays out of the answer, and is quoted with escapes in the log.
            return Err(Refused::new(
                Problem::TargetNotAllowed,
                Check::Audience,
                format!("{name:?} is not an open, enabled target"),
            ));
        };
        if !targets.iter().any(|known| known.audience == target.audience) {
            targets.push(target);
        }
    }
    check_same_form(&targets)?;
    Ok(targets)
}

/// The one open target that has all the scopes: those of the request, or else those that could be passed.
fn infer<'a>(
    open: &[&'a ResourceServer],
    rules: &[&ExchangeRule],
    subject: &SubjectToken,
    requested: Option<&Scope>,
) -> Result<&'a ResourceServer, Refused> {
    let passed = || {
        let pass = rules.iter().fold(Scope::empty(), |all, rule| all.union(&rule.pass_scopes));
        pass.intersection(&subject.scope)
    };
    let scopes = requested.cloned().unwrap_or_else(passed);
    let mut fitting = open.iter().filter(|server| scopes.is_within(&server.scopes));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only),
        _ => Err(Refused::new(
            Problem::TargetAmbiguous,
            Check::Audience,
            "no target was requested, and the scopes fit none or several of the open ones",
        )),
    }
}

/// One token has one form; a target that cannot read it would take a valid token for a bad one.
pub(super) fn check_same_form(targets: &[&ResourceServer]) -> Result<(), Refused> {
    let form = |target: &ResourceServer| (target.scope_claim, target.token_profile, target.signing_alg);
    let mut forms = targets.iter().map(|target| form(target));
    let first = forms.next();
    if forms.all(|other| Some(other) == first) {
        Ok(())
    } else {
        Err(Refused::new(
            Problem::TargetsDiffer,
            Check::Audience,
            "the targets differ in scope_claim, token_profile or signing_alg",
        ))
    }
}
