//! Law 3: the targets of the new token.

use super::{Case, Check, Refused};
use crate::{
    domain::{
        environment::{ResourceServer, TokenForm, resource_server},
        rule::ExchangeRule,
    },
    oauth::{error::Problem, scope::Scope},
};

impl<'a> Case<'a> {
    /// The targets that the request names, or the one that follows from its scopes. Never empty.
    pub(super) fn targets(&self, rules: &[&'a ExchangeRule]) -> Result<Vec<&'a ResourceServer>, Refused> {
        let servers = self.policy.resource_servers.iter();
        let open: Vec<&ResourceServer> =
            servers.filter(|server| server.enabled && rules.iter().any(|rule| rule.opens(server))).collect();
        if self.request.targets.is_empty() {
            return self.infer(&open, rules).map(|target| vec![target]);
        }
        let mut targets: Vec<&ResourceServer> = Vec::new();
        for name in self.request.targets {
            let named = resource_server(self.policy.resource_servers, name);
            let Some(target) = named.filter(|named| open.iter().any(|server| server.audience == named.audience)) else {
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
        common_form(&targets)?;
        Ok(targets)
    }

    /// The one open target that has all the scopes: those of the request, or else those that could be passed. A rule counts for
    /// a target as it would if the target had been named: where its condition does not hold, as if it were not there.
    fn infer(&self, open: &[&'a ResourceServer], rules: &[&'a ExchangeRule]) -> Result<&'a ResourceServer, Refused> {
        let mut fitting = Vec::new();
        let mut closest = None;
        for target in open {
            let mut usable = Vec::new();
            for rule in rules {
                match self.check_given(rule, &[target]) {
                    Ok(()) => usable.push(*rule),
                    Err(refused) if rule.opens(target) => closest = Some(refused.by(rule)),
                    Err(_) => {}
                }
            }
            let is_open = usable.iter().any(|rule| rule.opens(target));
            if is_open && self.wanted_scope(&usable).is_within(&target.scopes) {
                fitting.push(*target);
            }
        }
        match fitting.as_slice() {
            [only] => Ok(only),
            [] => Err(closest.unwrap_or_else(ambiguous)),
            _ => Err(ambiguous()),
        }
    }

    fn wanted_scope(&self, rules: &[&ExchangeRule]) -> Scope {
        let passed = || {
            let pass = rules.iter().fold(Scope::empty(), |all, rule| all.union(&rule.pass_scopes));
            pass.intersection(&self.subject.token.scope)
        };
        self.request.scope.cloned().unwrap_or_else(passed)
    }
}

/// No target was named, and none follows.
pub(super) fn ambiguous() -> Refused {
    Refused::new(
        Problem::TargetAmbiguous,
        Check::Audience,
        "no target was requested, and the scopes fit none or several of the open ones",
    )
}

/// The form that all of them want.
pub(super) fn common_form(targets: &[&ResourceServer]) -> Result<TokenForm, Refused> {
    let form = TokenForm::of_all(targets.iter().map(|target| target.form()));
    form.ok_or_else(|| Refused::new(Problem::TargetsDiffer, Check::Audience, TokenForm::DIFFER))
}
