//! What both spellings of the exchange share: from a verified request to the rule engine and back.

use super::GrantRequest;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        exchange::{ExchangeRequest, Granted, Policy, Refused, decide, observe},
        order::TokenOrder,
        subject::SubjectToken,
    },
    oauth::{
        error::{OAuthError, Problem},
        token_type::TokenType,
    },
};

/// Lays the request before [`decide`].
pub(super) fn evaluate(
    request: &GrantRequest<'_>,
    asked: ExchangeRequest<'_>,
    issued: TokenType,
) -> Result<TokenOrder, OAuthError> {
    let subject = request
        .subject
        .ok_or_else(|| OAuthError::new(Problem::ServerError, "an exchange was evaluated without its subject token"))?;
    let policy = policy(request.environment, request.now);
    let decision = decide(request.client, subject, request.actor, asked, &policy);
    request.observed.set(observe(request.client, subject, request.actor, asked, &policy, &decision));
    let granted = decision.map_err(refusal)?;
    Ok(order(subject.token, granted, request.now, issued))
}

/// What the environment allows at `now` (seconds since 1970).
pub fn policy(environment: &EnvironmentSnapshot, now: i64) -> Policy<'_> {
    Policy {
        issuer: &environment.issuer,
        rules: &environment.rules,
        resource_servers: &environment.resource_servers,
        lifetime: environment.environment.access_token_lifetime,
        now,
    }
}

/// The token that is to be issued in exchange for `subject`.
pub fn order(subject: &SubjectToken, granted: Granted, now: i64, issued: TokenType) -> TokenOrder {
    TokenOrder {
        subject: subject.sub.clone(),
        subject_type: granted.subject_type,
        audience: granted.audience,
        scope: granted.scope,
        widened: granted.widened,
        form: granted.form,
        act: granted.act,
        may_act: granted.may_act,
        anc: granted.anc,
        anc_facts: granted.anc_facts,
        permissions: None,
        claims: granted.claims,
        issued_at: now,
        expires_at: granted.expires_at,
        issued_token_type: Some(issued),
        rule: Some(granted.rule),
        id_token: None,
        refresh: granted.refresh,
    }
}

/// What the rule engine refuses, for the caller and the log.
pub(super) fn refusal(refused: Refused) -> OAuthError {
    let mut error = OAuthError::new(refused.problem, refused.reason);
    error.rule = refused.rule;
    error
}
