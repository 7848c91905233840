//! The new token that a rule allows, as far as rules decide it.

use serde_json::{Map, Value};

use super::{Case, Check, Granted, Policy, Presented, Refused, parties, scopes, targets::common_form};
use crate::{
    domain::{
        claims::{RESERVED_CLAIMS, SubjectType, USER_CLAIMS},
        environment::{ResourceServer, TokenProfile},
        order::RefreshTerms,
        rule::{ExchangeMode, ExchangeRule},
        subject::SubjectToken,
    },
    oauth::error::Problem,
};

impl Case<'_> {
    /// Laws 1 and 4 for the rule that was chosen.
    pub(super) fn grant(
        &self,
        rule: &ExchangeRule,
        scope: scopes::GrantedScope,
        targets: &[&ResourceServer],
        lineage: Vec<String>,
    ) -> Result<Granted, Refused> {
        let subject = self.subject.token;
        let act = match rule.mode {
            ExchangeMode::Impersonation => None,
            ExchangeMode::Delegation => {
                Some(parties::chain(self.client, subject, self.actor, self.policy.issuer).map_err(|r| r.by(rule))?)
            }
        };
        let expires_at = expiry(rule, targets, subject, self.actor, self.policy);
        if expires_at <= self.policy.now {
            // A file cannot say so; a row that was changed by hand can.
            let reason = "the rule or a target leaves the new token no life";
            return Err(Refused::new(Problem::NoRule, Check::Lifetime, reason).by(rule));
        }
        let form = common_form(targets)?;
        Ok(Granted {
            rule: rule.name.clone(),
            audience: targets.iter().map(|target| target.audience.clone()).collect(),
            scope: scope.granted,
            widened: scope.widened,
            act,
            may_act: subject.may_act.clone(),
            anc: lineage,
            anc_facts: parties::facts(subject, self.actor.map(|actor| actor.token)),
            subject_type: subject.subject_type.unwrap_or(SubjectType::EndUserAccount),
            claims: claims(rule, subject, form.profile),
            expires_at,
            form,
            refresh: rule.refresh.then_some(RefreshTerms { lifetime: rule.refresh_lifetime }),
        })
    }
}

/// Claims that the server copies, then those that the rule passes, then those that it sets.
fn claims(rule: &ExchangeRule, subject: &SubjectToken, profile: TokenProfile) -> Map<String, Value> {
    let mut claims = Map::new();
    // Files that pass reserved claims are refused; a row that was changed by hand must not smuggle one in either.
    let by_rule = rule.claims.pass.iter().map(String::as_str).filter(|name| !RESERVED_CLAIMS.contains(name));
    // The guards of Mosaic services expect them.
    let by_profile: &[&str] = if profile == TokenProfile::Mosaic { &["name", "email"] } else { &[] };
    let passed = USER_CLAIMS.into_iter().chain(by_profile.iter().copied()).chain(by_rule);
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
