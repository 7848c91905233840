//! Runs the `[[test]]` blocks of a file against its own rules. No database, no tokens.

use serde_json::{Map, Value};

use super::{
    EnvironmentFile,
    cases::{Expected, TestBlock},
    findings::{Findings, hint},
};
use crate::{
    domain::{
        client::Client,
        exchange::{ExchangeRequest, Granted, Policy, Presented, Refused, Standing},
        rule::{ExchangeRule, ISSUER_SELF},
        subject::SubjectToken,
    },
    grants,
    oauth::{scope::Scope, token_type::TokenType},
    operations::{
        explain::{explain, grant_type_of, plain, plain::Setting},
        issue::{Place, preview},
    },
};

/// The issuer of the environment in tests: the real one is not known before the file is applied.
const ISSUER: &str = ISSUER_SELF;

/// Adds a mistake for each test that ends otherwise than it must.
pub(super) fn run(file: &EnvironmentFile, findings: &mut Findings<'_>) {
    let rules: Vec<ExchangeRule> =
        file.exchange_rules.iter().filter(|block| block.enabled).map(|block| block.rule.clone()).collect();
    for (position, test) in file.tests.iter().enumerate() {
        let path = format!("test[{position}]");
        if let Err(reason) = run_one(file, &rules, test) {
            findings.error(&path, format_args!("{:?} fails: {reason}", test.name));
        }
    }
}

fn run_one(file: &EnvironmentFile, rules: &[ExchangeRule], test: &TestBlock) -> Result<(), String> {
    let Some(client) = file.clients.iter().map(|block| &block.client).find(|client| client.id == test.client) else {
        let hint = hint(&test.client, file.clients.iter().map(|block| block.client.id.as_str()));
        return Err(format!("there is no client {:?}{hint}", test.client));
    };
    let (Expected::Allow { rule, .. } | Expected::Refuse { rule, .. }) = &test.expected;
    if let Some(rule) = rule
        && !rules.iter().any(|known| known.name == *rule)
    {
        let hint = hint(rule, rules.iter().map(|rule| rule.name.as_str()));
        return Err(format!("there is no enabled rule {rule:?}{hint}"));
    }
    let setting = Setting { issuer: ISSUER, client_id: &client.id, now: test.time };
    let subject = subject_of(file, test, setting)?;
    let actor = test.actor.as_ref().map(|claims| plain::actor(claims, setting)).transpose();
    let actor = actor.map_err(|error| format!("the actor token: {error}"))?;
    let policy = Policy {
        issuer: ISSUER,
        rules,
        resource_servers: &file.resource_servers,
        lifetime: file.environment.access_token_lifetime,
        now: test.time,
    };
    // A test is about the rules. Whoever takes a client out of force in a hurry must not be held up by the tests of what it may.
    let client = Client { enabled: true, ..client.clone() };
    let decision = decide(&client, test, &subject, actor.as_ref(), &policy);
    compare(file, &client, test, &subject, decision)
}

/// Whoever vouches, in force or not, as above.
fn subject_of(file: &EnvironmentFile, test: &TestBlock, setting: Setting<'_>) -> Result<SubjectToken, String> {
    let failed = |error: String| format!("the subject token: {error}");
    if test.subject_issuer == ISSUER_SELF {
        return plain::own_subject(&test.subject, setting).map_err(failed);
    }
    let connections = || file.identity_connections.iter().map(|block| &block.connection);
    let connection = connections().find(|connection| connection.name == test.subject_issuer);
    let connection = connection.ok_or_else(|| {
        let names = connections().map(|connection| connection.name.as_str());
        let hint = hint(&test.subject_issuer, names);
        format!("subject_issuer is \"self\" or an identity connection; there is no {:?}{hint}", test.subject_issuer)
    })?;
    plain::vouched_subject(&test.subject, setting, connection).map_err(failed)
}

fn decide(
    client: &Client,
    test: &TestBlock,
    subject: &SubjectToken,
    actor: Option<&SubjectToken>,
    policy: &Policy<'_>,
) -> Result<Granted, Refused> {
    let request = ExchangeRequest {
        targets: &test.audience,
        scope: (!test.scope.is_empty()).then_some(&test.scope),
        requested_token_type: None,
        grant_type: grant_type_of(client),
    };
    let standing = Standing::Good;
    let presented = Presented { token: subject, origin: &test.subject_issuer, standing };
    let actor = actor.map(|token| Presented { token, origin: ISSUER_SELF, standing });
    explain(client, presented, actor, request, policy).decision
}

fn compare(
    file: &EnvironmentFile,
    client: &Client,
    test: &TestBlock,
    subject: &SubjectToken,
    decision: Result<Granted, Refused>,
) -> Result<(), String> {
    match (&test.expected, decision) {
        (Expected::Allow { .. }, Err(refused)) => Err(format!("it must be allowed, and is {}", words(&refused))),
        (Expected::Refuse { .. }, Ok(granted)) => {
            Err(format!("it must be refused, and is allowed by the rule {:?}", granted.rule))
        }
        (Expected::Refuse { rule, condition, problem }, Err(refused)) => {
            let matches = rule.as_ref().is_none_or(|rule| refused.rule.as_ref() == Some(rule))
                && condition.is_none_or(|condition| refused.check == condition)
                && problem.is_none_or(|problem| refused.problem == problem);
            if matches { Ok(()) } else { Err(format!("it is refused otherwise than it must be: {}", words(&refused))) }
        }
        (Expected::Allow { rule, audience, scope, claims }, Ok(granted)) => {
            differs("rule", rule.as_ref(), &granted.rule)?;
            differs("audience", audience.as_ref(), &granted.audience)?;
            if let Some(scope) = scope.as_ref().filter(|scope| !same_scopes(scope, &granted.scope)) {
                return Err(format!("scope must be \"{scope}\", and is \"{}\"", granted.scope));
            }
            let order = grants::order(subject, granted, test.time, TokenType::AccessToken);
            let id = |id: &Option<String>| id.clone().unwrap_or_default();
            let (tenant_id, environment_id) = (id(&file.environment.tenant_id), id(&file.environment.id));
            let place = Place { issuer: ISSUER, tenant_id: &tenant_id, environment_id: &environment_id };
            compare_claims(claims, &preview(place, &client.id, &order))
        }
    }
}

fn same_scopes(one: &Scope, other: &Scope) -> bool {
    one.is_within(other) && other.is_within(one)
}

fn differs<T: PartialEq + std::fmt::Debug>(what: &str, expected: Option<&T>, given: &T) -> Result<(), String> {
    match expected.filter(|expected| *expected != given) {
        Some(expected) => Err(format!("{what} must be {expected:?}, and is {given:?}")),
        None => Ok(()),
    }
}

fn compare_claims(expected: &Map<String, Value>, given: &Map<String, Value>) -> Result<(), String> {
    for (name, value) in expected {
        match given.get(name) {
            Some(claim) if claim == value => {}
            Some(claim) => return Err(format!("the claim {name:?} must be {value}, and is {claim}")),
            None => return Err(format!("the claim {name:?} must be {value}, and is not there")),
        }
    }
    Ok(())
}

fn words(refused: &Refused) -> String {
    let rule = refused.rule.as_ref().map(|rule| format!(", rule {rule:?}")).unwrap_or_default();
    format!("refused: {} (condition {}{rule}): {}", refused.problem.slug(), refused.check.as_str(), refused.reason)
}
