//! What one rule says of an exchange: whether it is for it (laws 4, 5 and 7), whether it allows it, and its condition.

use super::{Case, Check, Refused, addressee, parties, scopes};
use crate::{
    domain::{
        condition::{Condition, Facts},
        environment::ResourceServer,
        rule::{ExchangeMode, ExchangeRule},
    },
    oauth::{error::Problem, scope::Scope},
};

impl<'a> Case<'a> {
    /// Whether the rule names this client and the issuer of such subject tokens; or which of them it does not.
    pub(super) fn is_for(&self, rule: &ExchangeRule) -> Result<(), Check> {
        if rule.client != self.client.id {
            return Err(Check::Client);
        }
        if rule.subject.issuer == self.subject.origin { Ok(()) } else { Err(Check::SubjectIssuer) }
    }

    /// The rules for this client and subject token that nothing but targets and scopes can still rule out.
    pub(super) fn usable_rules(
        &self,
        in_force: impl Fn(&ExchangeRule) -> bool,
    ) -> Result<Vec<&'a ExchangeRule>, Refused> {
        let mut closest = None;
        let mut usable = Vec::new();
        let candidates = self.policy.rules.iter().filter(|rule| self.is_for(rule).is_ok() && in_force(rule));
        for rule in candidates {
            match self.check_rule(rule) {
                Ok(()) => usable.push(rule),
                Err(refused) => closest = Some(refused.by(rule)),
            }
        }
        if usable.is_empty() { Err(closest.unwrap_or_else(|| self.no_rule())) } else { Ok(usable) }
    }

    fn no_rule(&self) -> Refused {
        let is_known = self.policy.rules.iter().any(|rule| rule.client == self.client.id);
        let check = if is_known { Check::SubjectIssuer } else { Check::Client };
        Refused::new(Problem::NoRule, check, "no rule names this client and an issuer of such subject tokens")
    }

    /// Laws 4, 5 and 7 for one rule, and its condition where that can be asked already.
    pub(super) fn check_rule(&self, rule: &ExchangeRule) -> Result<(), Refused> {
        let subject = self.subject.token;
        let of_subject = |check, reason| Err(Refused::new(Problem::SubjectTokenRefused, check, reason));
        if !addressee::is_addressed_to(self.client, self.subject, rule, self.policy.resource_servers) {
            return of_subject(Check::Addressee, "the subject token is not addressed to the caller");
        }
        if rule.mode == ExchangeMode::Impersonation {
            if subject.act.is_some() {
                return of_subject(Check::Act, "the rule impersonates, which would drop the subject token's act");
            }
            if self.actor.is_some() {
                let reason = "the rule impersonates; there is no place for an actor";
                return Err(Refused::new(Problem::ActorTokenRefused, Check::Act, reason));
            }
        }
        let party = parties::acting_party(self.client, self.actor, self.policy.issuer);
        if subject.may_act.as_ref().is_some_and(|may_act| !may_act.names(&party)) {
            return of_subject(Check::MayAct, "may_act of the subject token does not name this actor");
        }
        match &rule.when {
            Some(condition) if !condition.looks_at_given() => self.check_condition(condition, &[], &Scope::empty()),
            _ => Ok(()),
        }
    }

    /// The condition of the rule, where it looks at what would be given: the new token for `targets`. It is asked of the targets
    /// and the scope that the token would have, and not of those that the request names: otherwise leaving out what the
    /// condition looks at would walk around it.
    pub(super) fn check_given(&self, rule: &ExchangeRule, targets: &[&ResourceServer]) -> Result<(), Refused> {
        let Some(condition) = rule.when.as_ref().filter(|condition| condition.looks_at_given()) else { return Ok(()) };
        let names: Vec<&str> = targets.iter().map(|target| target.audience.as_str()).collect();
        let scope = scopes::given(rule, self.client, self.subject.token, self.request.scope, targets);
        self.check_condition(condition, &names, &scope)
    }

    /// When nothing else speaks against the rule: a condition can only narrow.
    fn check_condition(&self, condition: &Condition, targets: &[&str], scope: &Scope) -> Result<(), Refused> {
        let facts = Facts {
            subject: self.subject.token,
            actor: self.actor.map(|actor| actor.token),
            client: self.client,
            targets,
            scope,
            requested_token_type: self.request.requested_token_type,
            grant_type: self.request.grant_type.as_str(),
            now: self.policy.now,
        };
        condition.check(&facts).map_err(|reason| Refused::new(Problem::ConditionNotMet, Check::When, reason))
    }

    /// The first rule, in the order of the file, that opens all targets and allows the scopes, and whose condition holds.
    pub(super) fn choose_rule(
        &self,
        rules: &[&'a ExchangeRule],
        targets: &[&ResourceServer],
    ) -> Result<(&'a ExchangeRule, scopes::GrantedScope), Refused> {
        let mut closest = none_opens_all();
        for rule in rules.iter().filter(|rule| opens_all(rule, targets)) {
            match self.allowed_scope(rule, targets) {
                Ok(scope) => return Ok((rule, scope)),
                Err(refused) => closest = refused.by(rule),
            }
        }
        Err(closest)
    }

    /// Laws 2 and 3 for one rule, and then its condition.
    pub(super) fn allowed_scope(
        &self,
        rule: &ExchangeRule,
        targets: &[&ResourceServer],
    ) -> Result<scopes::GrantedScope, Refused> {
        if !opens_all(rule, targets) {
            return Err(none_opens_all());
        }
        let scope = scopes::allow(rule, self.client, self.subject.token, self.request.scope, targets)?;
        self.check_given(rule, targets)?;
        Ok(scope)
    }
}

fn opens_all(rule: &ExchangeRule, targets: &[&ResourceServer]) -> bool {
    targets.iter().all(|target| rule.opens(target))
}

fn none_opens_all() -> Refused {
    Refused::new(Problem::TargetNotAllowed, Check::Audience, "no rule opens all of the requested targets together")
}
