//! Why an exchange is decided as it is, rule by rule; and what rules that only observe would have done.
//!
//! Every answer comes from the functions that decide ([`Case`]); there is no second reading of the laws here.

use serde::Serialize;

use super::{Case, Check, ExchangeRequest, Granted, Policy, Presented, Refused, targets};
use crate::{
    domain::{
        client::Client,
        rule::{ExchangeRule, ISSUER_SELF},
    },
    oauth::{error::Problem, scope::Scope},
};

/// A decision and what each rule says to it.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// What the token endpoint would answer.
    pub decision: Result<Granted, Refused>,
    /// Every rule, those that name the client first, otherwise in their order.
    pub rules: Vec<RuleVerdict<'a>>,
}

/// What one rule says.
#[derive(Debug)]
pub struct RuleVerdict<'a> {
    /// The rule.
    pub rule: &'a ExchangeRule,
    /// What it says.
    pub verdict: Verdict,
}

/// What a rule says to an exchange.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It allows it. The first that does decides.
    Allows,
    /// It would, if it did not only observe.
    WouldAllow,
    /// The first condition that fails.
    Fails(Refused),
}

/// What [`decide`](super::decide) says, and why.
pub fn explain<'a>(
    client: &'a Client,
    subject: Presented<'a>,
    actor: Option<Presented<'a>>,
    request: ExchangeRequest<'a>,
    policy: &'a Policy<'a>,
) -> Explanation<'a> {
    let case = Case { client, subject, actor, request, policy };
    let rules = in_reading_order(policy.rules, client).map(|rule| RuleVerdict { rule, verdict: case.verdict(rule) });
    Explanation { rules: rules.collect(), decision: case.decide(|rule| rule.mode_of_enforcement.is_enforced()) }
}

/// The explanation where a token or the client is refused before any rule is asked: the rules that name the client fail at it.
pub fn refused_by_all<'a>(refused: &Refused, client_id: &str, rules: &'a [ExchangeRule]) -> Explanation<'a> {
    let (own, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.client == client_id);
    let own = own.into_iter().map(|rule| RuleVerdict { rule, verdict: Verdict::Fails(refused.clone().by(rule)) });
    let others = others.into_iter().map(|rule| RuleVerdict { rule, verdict: not_for(rule, Check::Client) });
    Explanation { rules: own.chain(others).collect(), decision: Err(refused.clone()) }
}

fn in_reading_order<'a>(rules: &'a [ExchangeRule], client: &Client) -> impl Iterator<Item = &'a ExchangeRule> {
    let (own, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.client == client.id);
    own.into_iter().chain(others)
}

fn not_for(rule: &ExchangeRule, check: Check) -> Verdict {
    let issuer = &rule.subject.issuer;
    let reason = match check {
        Check::Client => format!("the rule is for the client {:?}", rule.client),
        _ if issuer == ISSUER_SELF => "the rule is for tokens of this environment".to_owned(),
        _ => format!("the rule is for subjects of the identity connection {issuer:?}"),
    };
    Verdict::Fails(Refused::new(Problem::NoRule, check, reason).by(rule))
}

impl<'a> Case<'a> {
    fn verdict(&self, rule: &'a ExchangeRule) -> Verdict {
        if let Err(check) = self.is_for(rule) {
            return not_for(rule, check);
        }
        match self.first_failure(rule) {
            Err(refused) => Verdict::Fails(refused.by(rule)),
            Ok(_) if rule.mode_of_enforcement.is_enforced() => Verdict::Allows,
            Ok(_) => Verdict::WouldAllow,
        }
    }

    /// The questions of [`Case::decide`], in its order, put to one rule. The targets are those that all usable rules open
    /// together: which one an unnamed target is depends on them all.
    fn first_failure(&self, rule: &'a ExchangeRule) -> Result<Granted, Refused> {
        let lineage = self.check_tokens()?;
        self.check_rule(rule)?;
        let rules = self.usable_rules(in_force_with(rule))?;
        let by_another = |refused: &Refused| refused.rule.as_ref().is_some_and(|name| *name != rule.name);
        // The condition of another rule may be what kept a target from following; this rule fails at having none.
        let of_this = |refused| if by_another(&refused) { targets::ambiguous() } else { refused };
        let targets = self.targets(&rules).map_err(of_this)?;
        let scope = self.allowed_scope(rule, &targets)?;
        self.grant(rule, scope, &targets, lineage)
    }
}

/// The rules that decide, and this one whether it does or not.
fn in_force_with(rule: &ExchangeRule) -> impl Fn(&ExchangeRule) -> bool {
    move |other| other.mode_of_enforcement.is_enforced() || std::ptr::eq(other, rule)
}

/// The difference that a rule which only observes would have made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The rule.
    pub rule: String,
    /// What it would have done.
    #[serde(flatten)]
    pub would: Would,
}

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "would", rename_all = "snake_case")]
pub enum Would {
    /// Allowed what was refused, or given another token than was given.
    Allow {
        /// The targets.
        audience: Vec<String>,
        /// The scope.
        scope: Scope,
    },
    /// Refused what was allowed: with it, the request would have been ambiguous.
    Refuse {
        /// Which condition would have failed.
        check: Check,
    },
}

/// What the rules for this client and subject that only observe would have made of an exchange that was decided so. Each is
/// looked at by itself, as if it alone were enforced besides.
pub fn observe(
    client: &Client,
    subject: Presented<'_>,
    actor: Option<Presented<'_>>,
    request: ExchangeRequest<'_>,
    policy: &Policy<'_>,
    decision: &Result<Granted, Refused>,
) -> Vec<Observed> {
    let case = Case { client, subject, actor, request, policy };
    let observing = policy.rules.iter().filter(|rule| !rule.mode_of_enforcement.is_enforced());
    observing
        .filter(|rule| case.is_for(rule).is_ok())
        .filter_map(|rule| {
            let would = difference(decision, case.decide(in_force_with(rule)))?;
            Some(Observed { rule: rule.name.clone(), would })
        })
        .collect()
}

fn difference(decision: &Result<Granted, Refused>, other: Result<Granted, Refused>) -> Option<Would> {
    match (decision, other) {
        (Ok(granted), Ok(other)) => {
            // The same token by another rule is no difference.
            let same = Granted { rule: granted.rule.clone(), ..other.clone() } == *granted;
            (!same).then_some(Would::Allow { audience: other.audience, scope: other.scope })
        }
        (Err(_), Ok(other)) => Some(Would::Allow { audience: other.audience, scope: other.scope }),
        (Ok(_), Err(refused)) => Some(Would::Refuse { check: refused.check }),
        (Err(_), Err(_)) => None,
    }
}
