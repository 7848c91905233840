//! That an explanation says what is decided, that a rule which only observes decides nothing, and that a condition only narrows.

use proptest::prelude::*;
use tessera::{
    domain::{
        condition::{Condition, Facts},
        exchange::{
            Check, ExchangeRequest, Explanation, Granted, Observed, Policy, Presented, Refused, Standing, Verdict,
            Would, explain, observe,
        },
        rule::{Enforcement, ISSUER_SELF},
    },
    oauth::grant_type::GrantType,
};

use super::exchange::{Case, ISSUER, NOW, case, likely_case};

fn with<T>(
    case: &Case,
    look: impl FnOnce(Presented<'_>, Option<Presented<'_>>, ExchangeRequest<'_>, &Policy<'_>) -> T,
) -> T {
    let policy = Policy {
        issuer: ISSUER,
        rules: &case.rules,
        resource_servers: &case.resource_servers,
        lifetime: case.lifetime,
        now: NOW,
    };
    let presented = |token, standing| Presented { token, origin: ISSUER_SELF, standing };
    let actor = case.actor.as_ref().map(|token| presented(token, Standing::Good));
    let request = ExchangeRequest {
        targets: &case.targets,
        scope: case.scope.as_ref(),
        requested_token_type: None,
        grant_type: GrantType::TokenExchange,
    };
    look(presented(&case.subject, case.subject_standing), actor, request, &policy)
}

/// The decision, and the rules in their order with what each says.
fn explained(case: &Case) -> (Result<Granted, Refused>, Vec<(String, Verdict)>) {
    with(case, |subject, actor, request, policy| {
        let Explanation { decision, rules } = explain(&case.client, subject, actor, request, policy);
        (decision, rules.into_iter().map(|verdict| (verdict.rule.name.clone(), verdict.verdict)).collect())
    })
}

fn observed(case: &Case) -> Vec<Observed> {
    with(case, |subject, actor, request, policy| observe(&case.client, subject, actor, request, policy, &case.decide()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn an_explanation_says_what_is_decided(case in prop_oneof![case(), likely_case()]) {
        let (decision, rules) = explained(&case);
        prop_assert_eq!(&decision, &case.decide());
        prop_assert_eq!(rules.len(), case.rules.len());
        let first = rules.iter().find(|(_, verdict)| *verdict == Verdict::Allows).map(|(name, _)| name);
        match &decision {
            Ok(granted) => prop_assert_eq!(first, Some(&granted.rule)),
            // The rule that was chosen can still fail at these; others are not asked then.
            Err(refused) if matches!(refused.check, Check::Act | Check::Lifetime) => {}
            Err(_) => prop_assert_eq!(first, None),
        }
        if let Err(refused @ Refused { rule: Some(rule), .. }) = &decision {
            let verdict = rules.iter().find(|(name, _)| name == rule).map(|(_, verdict)| verdict);
            prop_assert_eq!(verdict, Some(&Verdict::Fails(refused.clone())));
        }
        for (name, verdict) in &rules {
            if let Verdict::Fails(refused) = verdict {
                prop_assert_eq!(refused.rule.as_ref(), Some(name));
                prop_assert!(!refused.reason.is_empty());
            }
        }
    }

    #[test]
    fn a_rule_that_only_observes_decides_nothing(case in likely_case(), position in 0usize..4) {
        let mut watched = case.clone();
        watched.rules[position].mode_of_enforcement = Enforcement::Observe;
        let mut without = case.clone();
        without.rules.remove(position);
        prop_assert_eq!(watched.decide(), without.decide());
        // What it would have done is what happens where it is enforced.
        let (enforced, now) = (case.decide(), watched.decide());
        let observed = observed(&watched);
        match (&now, &enforced) {
            (Err(_), Err(_)) => prop_assert!(observed.is_empty()),
            (Err(_), Ok(granted)) => {
                let would = Would::Allow { audience: granted.audience.clone(), scope: granted.scope.clone() };
                prop_assert_eq!(observed, vec![Observed { rule: watched.rules[position].name.clone(), would }]);
            }
            (Ok(_), Err(refused)) => prop_assert_eq!(&observed[0].would, &Would::Refuse { check: refused.check }),
            (Ok(now), Ok(enforced)) => {
                let same = Granted { rule: now.rule.clone(), ..enforced.clone() } == *now;
                prop_assert_eq!(observed.is_empty(), same);
            }
        }
    }

    #[test]
    fn a_condition_only_narrows(case in likely_case(), position in 0usize..4, holds in any::<bool>(), late in any::<bool>()) {
        let mut narrowed = case.clone();
        narrowed.rules[position].when = Some(Condition::new(match (holds, late) {
            (true, false) => "subject.sub != ''",
            (false, false) => "subject.nobody == 1",
            // These are asked only once targets and scope are known.
            (true, true) => "size(request.audience) > 0 && size(request.scope) >= 0",
            (false, true) => "size(request.audience) == 0 || size(request.scope) < 0",
        }));
        let mut without = case.clone();
        without.rules.remove(position);
        match narrowed.decide() {
            Ok(granted) => prop_assert_eq!(Ok(granted), if holds { case.decide() } else { without.decide() }),
            Err(_) if holds => prop_assert!(case.decide().is_err()),
            Err(_) => prop_assert!(without.decide().is_err()),
        }
    }
}

/// Conditions that rules on targets and scopes may have.
fn conditions() -> impl Strategy<Value = Vec<Option<&'static str>>> {
    let texts = [
        "request.audience == ['api-a']",
        "!('api-a' in request.audience)",
        "request.audience.all(a, a != 'api-b')",
        "size(request.audience) == 1",
        "'read' in request.scope",
        "!('write' in request.scope)",
        "request.scope == []",
        "'api-c' in request.audience && subject.sub == 'user-1'",
    ];
    prop::collection::vec(prop::option::weighted(0.7, prop::sample::select(texts.to_vec())), 4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    // Leaving `audience` or `scope` out must not walk around a condition on them.
    #[test]
    fn a_condition_holds_of_what_is_given_and_not_of_what_was_asked_for(case in likely_case(), texts in conditions()) {
        let mut case = case;
        for (rule, text) in case.rules.iter_mut().zip(&texts) {
            rule.when = text.map(Condition::new);
        }
        let decision = case.decide();
        let (explained, rules) = explained(&case);
        prop_assert_eq!(&explained, &decision);
        if let Err(refused @ Refused { rule: Some(rule), .. }) = &decision {
            let verdict = rules.iter().find(|(name, _)| name == rule).map(|(_, verdict)| verdict);
            prop_assert_eq!(verdict, Some(&Verdict::Fails(refused.clone())));
        }
        let Ok(granted) = decision else { return Ok(()) };
        let rule = case.rules.iter().find(|rule| rule.name == granted.rule).expect("the rule that allowed it");
        if let Some(condition) = &rule.when {
            let targets: Vec<&str> = granted.audience.iter().map(String::as_str).collect();
            let facts = Facts {
                subject: &case.subject,
                actor: case.actor.as_ref(),
                client: &case.client,
                targets: &targets,
                scope: &granted.scope,
                requested_token_type: None,
                grant_type: GrantType::TokenExchange.as_str(),
                now: NOW,
            };
            prop_assert_eq!(condition.check(&facts), Ok(()));
        }
        let mut named = case.clone();
        named.targets = granted.audience.clone();
        prop_assert_eq!(named.decide(), Ok(granted), "naming the target that follows changes nothing");
    }
}

#[test]
fn each_verdict_is_met_often_enough_to_test_it() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut checks, mut observations) = (std::collections::BTreeSet::new(), 0);
    for number in 0..3000 {
        let tree = if number % 2 == 0 { case().boxed() } else { likely_case().boxed() }.new_tree(&mut runner);
        let mut case = tree.expect("a case").current();
        for (_, verdict) in explained(&case).1 {
            if let Verdict::Fails(refused) = verdict {
                checks.insert(refused.check.as_str());
            }
        }
        case.rules[number % 4].mode_of_enforcement = Enforcement::Observe;
        observations += observed(&case).len();
    }
    let expected = ["act", "addressee", "audience", "client", "cnf", "lineage", "may_act", "scope", "standing"];
    assert_eq!(checks.into_iter().collect::<Vec<_>>(), expected);
    assert!(observations > 20, "only {observations}");
}
