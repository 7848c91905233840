//! What a session gives, after anything may have changed: never more than was granted, never more than would be granted now.

use proptest::{option, prelude::*};
use serde_json::Map;
use tessera::{
    domain::{
        exchange::{Granted, Policy, Refused, Renewed, Standing, renew},
        rule::ISSUER_SELF,
        session::{ExchangeBasis, GrantBasis, Session, SessionGrant},
    },
    oauth::{error::Problem, grant_type::GrantType, scope::Scope},
};

use super::exchange::{Case, ISSUER, NOW, audiences, case, likely_case, scope};

/// How long the sessions of these tests live, in seconds: longer than any subject token.
const LIFETIME: i64 = 100_000;

fn session(case: &Case, granted: &Granted) -> Session {
    let basis = ExchangeBasis {
        rule: granted.rule.clone(),
        origin: ISSUER_SELF.to_owned(),
        subject: case.subject.clone(),
        actor: case.actor.clone(),
        grant_type: GrantType::TokenExchange,
        requested_token_type: None,
        claims: granted.claims.clone(),
    };
    let grant = SessionGrant {
        subject: case.subject.sub.clone(),
        subject_type: granted.subject_type,
        audience: granted.audience.clone(),
        scope: granted.scope.clone(),
        widened: granted.widened.clone(),
        act: granted.act.clone(),
        may_act: granted.may_act.clone(),
        anc: granted.anc.clone(),
        anc_facts: granted.anc_facts.clone(),
        claims: Map::new(),
        parents: Vec::new(),
        basis: GrantBasis::Exchange(Box::new(basis)),
    };
    Session {
        id: "session".to_owned(),
        environment_id: "environment".to_owned(),
        client_id: case.client.id.clone(),
        grant,
        generation: 1,
        rotation: None,
        created_at: NOW,
        last_used_at: NOW,
        idle_expires_at: NOW + LIFETIME,
        expires_at: NOW + LIFETIME,
        end: None,
    }
}

fn renewed(case: &Case, session: &Session, now: i64, targets: &[String], scope: &Scope) -> Result<Renewed, Refused> {
    let policy = Policy {
        issuer: ISSUER,
        rules: &case.rules,
        resource_servers: &case.resource_servers,
        lifetime: case.lifetime,
        now,
    };
    renew(&case.client, session, Standing::Good, targets, scope, &policy)
}

/// Parts of `case` are those of `other`: the same names mean something else now.
fn changed(case: &Case, other: &Case, which: &[bool; 4]) -> Case {
    let mut now = case.clone();
    if which[0] {
        for (rule, another) in now.rules.iter_mut().zip(&other.rules) {
            rule.audience.clone_from(&another.audience);
            rule.pass_scopes = another.pass_scopes.clone();
            rule.grant_scopes = another.grant_scopes.clone();
            rule.max_lifetime = another.max_lifetime;
        }
    }
    if which[1] {
        now.rules.iter_mut().zip(&other.rules).for_each(|(rule, another)| rule.mode = another.mode);
    }
    if which[2] {
        now.resource_servers.clone_from(&other.resource_servers);
    }
    if which[3] {
        now.client.access.clone_from(&other.client.access);
    }
    now
}

fn check(now: &Case, session: &Session, at: i64, renewed: &Renewed) -> Result<(), TestCaseError> {
    let grant = &session.grant;
    let GrantBasis::Exchange(basis) = &grant.basis else { unreachable!("all of these came of an exchange") };
    let rule = now.rules.iter().find(|rule| rule.name == basis.rule).expect("the rule");
    prop_assert!(renewed.audience.iter().all(|target| grant.audience.contains(target)));
    prop_assert!(renewed.scope.is_within(&grant.scope), "{} of {}", renewed.scope, grant.scope);
    prop_assert!(renewed.expires_at > at && renewed.expires_at <= session.expires_at);
    prop_assert!(renewed.expires_at <= at + now.lifetime);
    prop_assert!(rule.max_lifetime.is_none_or(|most| renewed.expires_at <= at + most));
    prop_assert_eq!(renewed.rule.as_ref(), Some(&rule.name));
    for target in &renewed.audience {
        let server = now.resource_servers.iter().find(|server| server.audience == *target).expect("a target");
        prop_assert!(server.enabled && rule.audience.contains(target));
        prop_assert!(renewed.scope.is_within(&server.scopes));
        prop_assert!(server.max_lifetime.is_none_or(|most| renewed.expires_at <= at + most));
        for token in renewed.scope.iter().filter(|token| !rule.grant_scopes.contains(token)) {
            prop_assert!(rule.pass_scopes.contains(token) && basis.subject.scope.contains(token));
            prop_assert!(now.client.ceiling(target).contains(token));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_refreshed_token_is_never_wider_than_the_original(
        case in likely_case(),
        other in case(),
        which in any::<[bool; 4]>(),
        later in 0i64..2 * LIFETIME,
        targets in option::of(audiences(0)),
        wanted in option::of(scope()),
    ) {
        let Ok(granted) = case.decide() else { return Ok(()) };
        let session = session(&case, &granted);
        let now = changed(&case, &other, &which);
        let (targets, scope) = (targets.unwrap_or_default(), wanted.unwrap_or_else(|| granted.scope.clone()));
        match renewed(&now, &session, NOW + later, &targets, &scope) {
            Ok(renewed) => {
                check(&now, &session, NOW + later, &renewed)?;
                prop_assert_eq!(&renewed.scope, &scope);
                let mut expected = if targets.is_empty() { granted.audience } else { targets };
                expected.sort();
                let mut given = renewed.audience;
                given.sort();
                prop_assert_eq!(given, expected, "all targets or none");
                prop_assert!(later < LIFETIME);
            }
            Err(refused) => {
                let own_fault = matches!(refused.problem, Problem::TargetNotAllowed | Problem::ScopeNotAllowed);
                prop_assert!(own_fault || refused.problem == Problem::RefreshTokenRefused, "{refused:?}");
            }
        }
    }

    #[test]
    fn as_long_as_nothing_changes_all_that_was_granted_is_given_again(case in likely_case(), later in 0i64..LIFETIME) {
        let Ok(granted) = case.decide() else { return Ok(()) };
        let session = session(&case, &granted);
        let renewed = renewed(&case, &session, NOW + later, &[], &granted.scope).expect("the same again");
        check(&case, &session, NOW + later, &renewed)?;
        prop_assert_eq!((renewed.audience, renewed.scope), (granted.audience, granted.scope));
        prop_assert_eq!(renewed.widened, granted.widened);
        prop_assert!(!session.is_over(NOW + later));
    }
}
