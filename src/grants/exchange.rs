//! What both spellings of the exchange share: from a verified request to the rule engine and back.

use super::GrantRequest;
use crate::{
    domain::{
        exchange::{ExchangeRequest, Policy, Refused, decide},
        order::TokenOrder,
    },
    oauth::{
        error::{OAuthError, Problem},
        token_type::TokenType,
    },
};

/// Lays the request before [`decide`].
pub(super) fn evaluate(
    request: &GrantRequest<'_>,
    targets: &[String],
    issued: TokenType,
) -> Result<TokenOrder, OAuthError> {
    let subject = request
        .subject
        .ok_or_else(|| OAuthError::new(Problem::ServerError, "an exchange was evaluated without its subject token"))?;
    let scope = super::requested_scope(request.params)?;
    let policy = policy(request);
    let asked = ExchangeRequest { targets, scope: scope.as_ref() };
    let granted = decide(request.client, subject, request.actor, asked, &policy).map_err(refusal)?;
    Ok(TokenOrder {
        subject: subject.token.sub.clone(),
        subject_type: granted.subject_type,
        audience: granted.audience,
        scope: granted.scope,
        widened: granted.widened,
        scope_claim: granted.scope_claim,
        profile: granted.profile,
        signing_alg: granted.signing_alg,
        act: granted.act,
        may_act: granted.may_act,
        anc: granted.anc,
        anc_facts: granted.anc_facts,
        permissions: None,
        claims: granted.claims,
        issued_at: request.now,
        expires_at: granted.expires_at,
        issued_token_type: Some(issued),
        rule: Some(granted.rule),
        id_token: None,
        refresh: granted.refresh,
    })
}

/// What the environment allows.
pub(super) fn policy<'a>(request: &GrantRequest<'a>) -> Policy<'a> {
    let environment = request.environment;
    Policy {
        issuer: &environment.issuer,
        rules: &environment.rules,
        resource_servers: &environment.resource_servers,
        lifetime: environment.environment.access_token_lifetime,
        now: request.now,
    }
}

/// What the rule engine refuses, for the caller and the log.
pub(super) fn refusal(refused: Refused) -> OAuthError {
    let mut error = OAuthError::new(refused.problem, refused.reason);
    error.rule = refused.rule;
    error
}
