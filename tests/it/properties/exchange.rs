//! The eight laws of the exchange (`domain::exchange`), on random subjects, rules, requests and chains of exchanges.
//!
//! The oracle below restates each law from the design, not from the code under test.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::subsequence};
use serde_json::{Map, Value, json};
use tessera::{
    domain::{
        ancestry::AncestorFacts,
        claims::{MAX_ANCESTORS, SubjectType},
        client::{Access, Client, ClientKind, ClientSignIn, ExchangeError},
        environment::{ResourceServer, ScopeClaim, TokenProfile, TokenTyp},
        exchange::{ExchangeRequest, Granted, Policy, Presented, Refused, Standing, decide},
        party::{Actor, MayAct},
        rule::{ClaimRules, Enforcement, ExchangeMode, ExchangeRule, ISSUER_SELF, SubjectMatch},
        subject::SubjectToken,
    },
    oauth::{grant_type::GrantType, scope::Scope},
};

pub(super) const ISSUER: &str = "https://issuer.example";
pub(super) const NOW: i64 = 1_800_000_000;
const SCOPES: [&str; 4] = ["read", "write", "admin", "audit"];
const AUDIENCES: [&str; 3] = ["api-a", "api-b", "api-c"];
const CLIENTS: [&str; 3] = ["bff", "worker", "reports"];

/// One whole case.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) client: Client,
    pub(super) subject: SubjectToken,
    pub(super) subject_standing: Standing,
    pub(super) actor: Option<SubjectToken>,
    pub(super) targets: Vec<String>,
    pub(super) scope: Option<Scope>,
    pub(super) rules: Vec<ExchangeRule>,
    pub(super) resource_servers: Vec<ResourceServer>,
    pub(super) lifetime: i64,
}

impl Case {
    pub(super) fn decide(&self) -> Result<Granted, Refused> {
        self.decide_for(&self.client, &self.subject)
    }

    fn decide_for(&self, client: &Client, subject: &SubjectToken) -> Result<Granted, Refused> {
        let policy = Policy {
            issuer: ISSUER,
            rules: &self.rules,
            resource_servers: &self.resource_servers,
            lifetime: self.lifetime,
            now: NOW,
        };
        let presented = |token, standing| Presented { token, origin: ISSUER_SELF, standing };
        decide(
            client,
            presented(subject, self.subject_standing),
            self.actor.as_ref().map(|token| presented(token, Standing::Good)),
            ExchangeRequest {
                targets: &self.targets,
                scope: self.scope.as_ref(),
                requested_token_type: None,
                grant_type: GrantType::TokenExchange,
            },
            &policy,
        )
    }

    fn rule(&self, granted: &Granted) -> &ExchangeRule {
        self.rules.iter().find(|rule| rule.name == granted.rule).expect("the rule that was named")
    }

    fn server(&self, audience: &str) -> &ResourceServer {
        self.resource_servers.iter().find(|server| server.audience == audience).expect("a known target")
    }
}

pub(super) fn scope() -> impl Strategy<Value = Scope> {
    subsequence(SCOPES.to_vec(), 0..=SCOPES.len()).prop_map(|tokens| Scope::from_tokens(tokens).expect("scope"))
}

pub(super) fn audiences(least: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(AUDIENCES.to_vec(), least..=AUDIENCES.len())
        .prop_map(|names| names.into_iter().map(str::to_owned).collect())
}

fn client_id() -> impl Strategy<Value = String> {
    prop::sample::select(CLIENTS.to_vec()).prop_map(str::to_owned)
}

fn lifetime() -> impl Strategy<Value = Option<i64>> {
    option::of(1i64..2000)
}

fn client() -> impl Strategy<Value = Client> {
    let access = vec((prop::sample::select(AUDIENCES.to_vec()), scope()), 0..4);
    (client_id(), access).prop_map(|(id, access)| Client {
        name: id.clone(),
        id,
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: vec![GrantType::TokenExchange],
        access: access
            .into_iter()
            .map(|(audience, scopes)| Access { audience: audience.to_owned(), scopes, default_scopes: None })
            .collect(),
        permissions: BTreeMap::new(),
        exchange_error: ExchangeError::InvalidRequest,
        sign_in: ClientSignIn::default(),
        secrets: Vec::new(),
    })
}

fn act(depth: usize) -> Option<Actor> {
    (0..depth).fold(None, |chain, level| {
        Some(Actor::new(ISSUER, format!("actor-{level}")).over(chain).expect("a short chain"))
    })
}

fn may_act() -> impl Strategy<Value = Option<MayAct>> {
    let claim = prop_oneof![
        client_id().prop_map(|id| json!({ "sub": id })),
        client_id().prop_map(|id| json!({ "iss": ISSUER, "sub": id, "client_id": id })),
        client_id().prop_map(|id| json!({ "sub": id, "email": "a@example.com" })),
        Just(json!({ "iss": "https://elsewhere.example", "sub": "bff" })),
    ];
    option::weighted(0.2, claim.prop_map(|claim| MayAct::from_claim(&claim).expect("an identity")))
}

fn token() -> impl Strategy<Value = SubjectToken> {
    let whom = (client_id(), audiences(1), scope());
    let when = (-30i64..4000, option::weighted(0.2, -30i64..60));
    let chain = (prop_oneof![4 => 0usize..2, 1 => 2usize..=10], may_act(), 0usize..=MAX_ANCESTORS);
    // Now and then a client's token on its own account.
    let own = prop::bool::weighted(0.2);
    (whom, when, chain, prop::bool::weighted(0.05), own).prop_map(|(whom, when, chain, bound, own)| {
        let (client_id, aud, scope) = whom;
        let (expires_in, starts_in) = when;
        let (depth, may_act, ancestors) = chain;
        let mut other = Map::new();
        other.insert("department".to_owned(), json!("R&D"));
        other.insert("sessionId".to_owned(), json!("s-1"));
        SubjectToken {
            iss: ISSUER.to_owned(),
            sub: if own { client_id.clone() } else { "user-1".to_owned() },
            aud,
            client_id,
            jti: "subject-jti".to_owned(),
            exp: NOW + expires_in,
            iat: NOW - 60,
            nbf: starts_in.map(|seconds| NOW + seconds),
            scope,
            act: act(depth),
            may_act,
            anc: (0..ancestors).map(|number| format!("ancestor-{number}")).collect(),
            anc_facts: AncestorFacts::default(),
            kid: Some("key".to_owned()),
            cnf: bound.then(|| json!({ "jkt": "thumbprint" })),
            subject_type: Some(SubjectType::EndUserAccount),
            profile_id: None,
            application_id: None,
            other,
        }
    })
}

fn rule(position: usize) -> impl Strategy<Value = ExchangeRule> {
    let subject = option::of(prop::sample::select(AUDIENCES.to_vec()));
    let mode = prop_oneof![2 => Just(ExchangeMode::Delegation), 1 => Just(ExchangeMode::Impersonation)];
    (client_id(), subject, audiences(1), mode, scope(), scope(), lifetime()).prop_map(
        move |(client, audience, targets, mode, pass_scopes, grant_scopes, max_lifetime)| ExchangeRule {
            name: format!("rule {position}"),
            client,
            subject: SubjectMatch { issuer: ISSUER_SELF.to_owned(), audience: audience.map(str::to_owned) },
            audience: targets,
            mode,
            pass_scopes,
            grant_scopes,
            claims: ClaimRules {
                pass: vec!["department".to_owned()],
                set: BTreeMap::from([("via".to_owned(), json!(position))]),
            },
            max_lifetime,
            when: None,
            mode_of_enforcement: Enforcement::Enforce,
            refresh: true,
            refresh_lifetime: None,
        },
    )
}

fn resource_server(audience: &'static str) -> impl Strategy<Value = ResourceServer> {
    let clients = subsequence(CLIENTS.to_vec(), 0..=2);
    (scope(), clients, lifetime(), prop::bool::weighted(0.9)).prop_map(
        move |(scopes, clients, max_lifetime, enabled)| ResourceServer {
            audience: audience.to_owned(),
            scopes,
            scope_claim: ScopeClaim::String,
            max_lifetime,
            clients: clients.into_iter().map(str::to_owned).collect(),
            token_profile: TokenProfile::Rfc9068,
            signing_alg: None,
            token_typ: TokenTyp::AccessToken,
            enabled,
        },
    )
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    let rules = [rule(0), rule(1), rule(2), rule(3)];
    let servers = [resource_server(AUDIENCES[0]), resource_server(AUDIENCES[1]), resource_server(AUDIENCES[2])];
    let standing = prop_oneof![9 => Just(Standing::Good), 1 => Just(Standing::ClientDisabled)];
    let request = (audiences(0), option::of(scope()));
    (client(), token(), standing, option::weighted(0.3, token()), request, rules, servers, 30i64..4000).prop_map(
        |(client, subject, subject_standing, actor, (targets, scope), rules, servers, lifetime)| Case {
            client,
            subject,
            subject_standing,
            actor,
            targets,
            scope,
            rules: rules.to_vec(),
            resource_servers: servers.to_vec(),
            lifetime,
        },
    )
}

/// Random cases are mostly refused; this one is bent so that most are granted, and the laws have something to hold on to.
pub(super) fn likely_case() -> impl Strategy<Value = Case> {
    case().prop_map(|mut case| {
        case.subject.exp = NOW + 1 + (case.subject.exp - NOW).abs();
        case.subject.nbf = None;
        case.subject.cnf = None;
        case.subject_standing = Standing::Good;
        if case.subject.sub == case.subject.client_id {
            case.subject.sub = case.client.id.clone();
        }
        case.subject.client_id = case.client.id.clone();
        case.subject.anc.truncate(3);
        for rule in &mut case.rules {
            rule.client = case.client.id.clone();
        }
        if let Some(actor) = &mut case.actor {
            let bound = &case.subject;
            *actor =
                SubjectToken { jti: "actor-jti".to_owned(), sub: case.client.id.clone(), act: None, ..bound.clone() };
        }
        if case.scope.as_ref().is_some_and(|scope| !scope.is_within(&case.subject.scope)) {
            case.scope = None;
        }
        case
    })
}

/// Laws 1 to 8 on a grant.
fn check_laws(case: &Case, client: &Client, subject: &SubjectToken, granted: &Granted) -> Result<(), TestCaseError> {
    let rule = case.rule(granted);
    let servers: Vec<&ResourceServer> = granted.audience.iter().map(|audience| case.server(audience)).collect();

    // 1: expiry.
    prop_assert!(granted.expires_at > NOW);
    prop_assert!(granted.expires_at <= subject.exp);
    prop_assert!(granted.expires_at <= NOW + case.lifetime);
    let bounds = servers.iter().filter_map(|server| server.max_lifetime).chain(rule.max_lifetime);
    prop_assert!(bounds.into_iter().all(|most| granted.expires_at <= NOW + most));
    prop_assert!(case.actor.as_ref().is_none_or(|actor| granted.expires_at <= actor.exp));

    // 2: scope.
    for token in granted.scope.iter() {
        let everywhere = servers.iter().all(|server| server.scopes.contains(token));
        prop_assert!(everywhere, "{token} must mean something at every target");
        let passed = subject.scope.contains(token)
            && rule.pass_scopes.contains(token)
            && servers.iter().all(|server| client.ceiling(&server.audience).contains(token));
        prop_assert!(passed || rule.grant_scopes.contains(token), "{token} came from nowhere");
        let within_access = servers.iter().all(|server| client.ceiling(&server.audience).contains(token));
        prop_assert!(within_access || subject.sub != client.id, "a client widened its own token by {token}");
        prop_assert_eq!(granted.widened.contains(token), !passed, "widening is what was not passed");
    }
    if let Some(requested) = &case.scope {
        prop_assert_eq!(&granted.scope, requested, "a named scope is given whole or not at all");
    }

    // 3: audience.
    prop_assert!(!granted.audience.is_empty());
    prop_assert!(granted.audience.iter().all(|audience| rule.audience.contains(audience)));
    prop_assert!(servers.iter().all(|server| server.enabled));
    prop_assert!(case.targets.is_empty() || case.targets == granted.audience);

    // 4: act.
    match rule.mode {
        ExchangeMode::Impersonation => prop_assert!(subject.act.is_none() && granted.act.is_none()),
        ExchangeMode::Delegation => {
            let act = granted.act.as_ref().expect("delegation names the actor");
            let party = case.actor.as_ref().map_or(client.id.as_str(), |actor| actor.sub.as_str());
            prop_assert_eq!(act.sub.as_str(), party);
            prop_assert_eq!(act.act.as_deref(), subject.act.as_ref(), "the chain is the subject's, whole");
        }
    }

    // 5: may_act, which is also carried on.
    if let Some(may_act) = &subject.may_act {
        let claim = serde_json::to_value(may_act).expect("JSON");
        let (sub, id) = match &case.actor {
            Some(actor) => (actor.sub.as_str(), actor.client_id.as_str()),
            None => (client.id.as_str(), client.id.as_str()),
        };
        let party = json!({ "iss": ISSUER, "sub": sub, "client_id": id });
        let members = claim.as_object().expect("an object");
        prop_assert!(members.iter().all(|(name, value)| party.get(name) == Some(value)));
    }
    prop_assert_eq!(&granted.may_act, &subject.may_act);

    // 6: cnf.
    prop_assert!(subject.cnf.is_none());

    // 7: addressed to the caller.
    let addressed = match &rule.subject.audience {
        Some(audience) => subject.aud.contains(audience),
        None => subject.aud.iter().any(|audience| case.server(audience).clients.contains(&client.id)),
    };
    prop_assert!(addressed || subject.client_id == client.id);
    prop_assert_eq!(&rule.client, &client.id);

    // 8: good standing, and the lineage by which a revocation reaches the new token.
    prop_assert_eq!(case.subject_standing, Standing::Good);
    prop_assert!(subject.nbf.is_none_or(|nbf| nbf <= NOW + 10));
    prop_assert!(granted.anc.starts_with(&subject.anc));
    prop_assert!(granted.anc.contains(&subject.jti));
    prop_assert!(case.actor.as_ref().is_none_or(|actor| granted.anc.contains(&actor.jti)));
    prop_assert!(granted.anc.len() <= MAX_ANCESTORS);

    // Claims come from the subject or the rule.
    for (name, value) in &granted.claims {
        let set = rule.claims.set.get(name);
        prop_assert!(set == Some(value) || subject.other.get(name) == Some(value));
    }
    Ok(())
}

/// The token that would be issued, as the subject of a next exchange.
fn issued(granted: &Granted, client: &Client, subject: &SubjectToken, number: usize) -> SubjectToken {
    SubjectToken {
        aud: granted.audience.clone(),
        client_id: client.id.clone(),
        jti: format!("issued-{number}"),
        exp: granted.expires_at,
        iat: NOW,
        nbf: None,
        scope: granted.scope.clone(),
        act: granted.act.clone(),
        may_act: granted.may_act.clone(),
        anc: granted.anc.clone(),
        anc_facts: granted.anc_facts.clone(),
        other: granted.claims.clone(),
        ..subject.clone()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn every_grant_keeps_all_eight_laws(case in prop_oneof![case(), likely_case()]) {
        if let Ok(granted) = case.decide() {
            check_laws(&case, &case.client, &case.subject, &granted)?;
        }
    }

    #[test]
    fn a_chain_of_exchanges_never_grows_beyond_its_root(case in likely_case(), hops in vec(client(), 1..=12)) {
        let mut subject = case.subject.clone();
        for (number, client) in hops.iter().enumerate() {
            let Ok(granted) = case.decide_for(client, &subject) else { continue };
            check_laws(&case, client, &subject, &granted)?;
            let next = issued(&granted, client, &subject, number);
            prop_assert!(next.exp <= subject.exp, "no exchange lengthens a life");
            let depth = |act: &Option<Actor>| act.as_ref().map_or(0, Actor::depth);
            prop_assert!(depth(&next.act) >= depth(&subject.act), "no exchange forgets an actor");
            prop_assert!(next.anc.len() > subject.anc.len(), "every exchange leaves its mark in the lineage");
            subject = next;
        }
        let widening: Scope = case.rules.iter().fold(Scope::empty(), |all, rule| all.union(&rule.grant_scopes));
        prop_assert!(subject.scope.is_within(&case.subject.scope.union(&widening)));
        prop_assert!(subject.anc.len() <= MAX_ANCESTORS);
    }

    #[test]
    fn without_rules_nothing_is_granted(case in likely_case()) {
        let case = Case { rules: Vec::new(), ..case };
        prop_assert!(case.decide().is_err());
    }

    #[test]
    fn a_token_that_is_dead_bound_or_early_is_never_exchanged(case in likely_case(), fault in 0..4) {
        let mut case = case;
        match fault {
            0 => case.subject.exp = NOW,
            1 => case.subject.nbf = Some(NOW + 11),
            2 => case.subject.cnf = Some(Value::Null),
            _ => case.subject_standing = Standing::ApplicationDisabled,
        }
        prop_assert!(case.decide().is_err());
    }
}

/// The properties above would hold of an engine that refuses everything; this shows that ours does not.
#[test]
fn likely_cases_are_granted_often_enough_to_test_the_laws() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let granted =
        (0..1000).filter(|_| likely_case().new_tree(&mut runner).expect("a case").current().decide().is_ok()).count();
    assert!(granted > 100, "only {granted} of 1000 were granted");
}
