//! The token endpoint without HTTP: gather → authenticate → select grant → evaluate → issue → record.

use std::{net::IpAddr, sync::Arc};

use super::{
    authenticate::{Authenticated, authenticate_at},
    context::Context,
    standing::gather_standing,
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::{Client, ExchangeError},
        exchange::Presented,
        order::TokenOrder,
        rule::ISSUER_SELF,
    },
    grants::{self, Grant, GrantRequest},
    jose::access_token::VerifiedToken,
    oauth::{
        credentials::ClientCredentials,
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        response::TokenResponse,
    },
};

/// A token request as it came in.
pub struct TokenRequest<'a> {
    /// Names it in the log, in the audit record and in the answer.
    pub request_id: &'a str,
    /// The client's address.
    pub client_address: Option<IpAddr>,
    /// The values of all `Authorization` headers.
    pub authorization: &'a [&'a [u8]],
    /// The form.
    pub params: &'a Params,
}

/// Answers one token request and records the decision, whichever it is.
///
/// # Errors
/// The refusal. When the decision cannot be recorded there is no token either: an answer without a record would be an
/// act that nobody can account for.
pub async fn token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
) -> Result<TokenResponse, OAuthError> {
    let now = context.clock.now_millis();
    let mut record = AuditRecord::new(Event::TokenIssued, Outcome::Success, request.request_id, now);
    record.environment_id = Some(environment.environment.id.clone());
    record.client_address = request.client_address.map(|address| address.to_string());
    record.grant = request.params.get("grant_type").and_then(GrantType::from_parameter).map(GrantType::as_str);
    // As claimed; a refusal may come before anything of it is checked.
    record.client_id = request.params.get("client_id").map(sanitize);
    record.scope_requested = request.params.get("scope").map(sanitize).unwrap_or_default();
    record.audience = request.params.all("audience").chain(request.params.all("resource")).map(sanitize).collect();

    let decision = decide(context, environment, request, &mut record).await;
    if let Err(refusal) = &decision {
        record_refusal(&mut record, refusal);
        log::info!(request_id = request.request_id; "refused: {refusal}");
    }
    context.audit.commit(record).await.map_err(|error| {
        OAuthError::new(Problem::TemporarilyUnavailable, format!("the decision cannot be recorded: {error}"))
    })?;
    decision
}

async fn decide(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    record: &mut AuditRecord,
) -> Result<TokenResponse, OAuthError> {
    let credentials = ClientCredentials::from_request(request.authorization, request.params)?;
    let credentials = credentials
        .ok_or_else(|| OAuthError::new(Problem::ClientAuthenticationFailed, "the request has no client credentials"))?;
    record.client_id = Some(sanitize(&credentials.id));
    let authenticated = authenticate_at(context, environment, request.client_address, &credentials).await?;
    let client = &authenticated.client;
    let grant = select_grant(request.params, client)?;
    let decision = evaluate(context, environment, request, &authenticated, grant, record).await;
    let order = decision.map_err(|error| as_the_client_expects(error, client))?;
    let issued = context.token_issuer().issue(environment, &client.id, &order)?;
    let response = TokenResponse::bearer(issued.token, order.issued_token_type, issued.expires_in, &order.scope);
    record_issue(record, order, issued.jti);
    Ok(response)
}

fn record_issue(record: &mut AuditRecord, order: TokenOrder, jti: String) {
    record.subject = Some(order.subject);
    record.act = order.act.and_then(|act| serde_json::to_value(act).ok());
    record.audience = order.audience;
    record.scope_granted = order.scope.to_string();
    record.scope_widened = order.widened.to_string();
    record.rule = order.rule;
    record.parents = order.anc;
    record.jti = Some(jti);
}

fn record_refusal(record: &mut AuditRecord, refusal: &OAuthError) {
    record.event = Event::TokenRefused;
    record.outcome = if refusal.problem.status() < 500 { Outcome::Refused } else { Outcome::Failed };
    record.reason = Some(refusal.problem.slug());
    record.rule.clone_from(&refusal.rule);
    record.detail = Some(refusal.detail.clone());
}

/// TE-008.
fn select_grant(params: &Params, client: &Client) -> Result<&'static dyn Grant, OAuthError> {
    let grant_type = params.require("grant_type")?;
    let grant_type = GrantType::from_parameter(grant_type)
        .ok_or_else(|| OAuthError::new(Problem::UnsupportedGrantType, format!("grant_type is {grant_type:?}")))?;
    if !client.grants.contains(&grant_type) {
        return Err(OAuthError::new(
            Problem::GrantNotAllowed,
            format!("{} is not a grant of the client", grant_type.as_str()),
        ));
    }
    grants::find(grant_type).ok_or_else(|| OAuthError::new(Problem::UnsupportedGrantType, "not in the list of grants"))
}

/// Verifies the tokens that the grant wants, gathers the standing of those behind them, and lets the grant decide.
async fn evaluate(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    authenticated: &Authenticated,
    grant: &dyn Grant,
    record: &mut AuditRecord,
) -> Result<TokenOrder, OAuthError> {
    let now = context.clock.now();
    let presented = grant.presented(request.params)?;
    let subject = verify(environment, presented.subject, Problem::SubjectTokenRefused, now)?;
    if let Some(subject) = &subject {
        record.subject = Some(subject.sub.clone());
        record.parents = vec![subject.jti.clone()];
    }
    let actor = verify(environment, presented.actor, Problem::ActorTokenRefused, now)?;
    let (subject, actor) = (subject.as_ref().map(|token| &***token), actor.as_ref().map(|token| &***token));
    let subject_standing = gather_standing(context, environment, subject).await?;
    let actor_standing = gather_standing(context, environment, actor).await?;
    grant.evaluate(&GrantRequest {
        params: request.params,
        secret: &authenticated.secret,
        client: &authenticated.client,
        environment,
        subject: subject.map(|token| Presented { token, origin: ISSUER_SELF, standing: subject_standing }),
        actor: actor.map(|token| Presented { token, origin: ISSUER_SELF, standing: actor_standing }),
        now,
    })
}

fn verify(
    environment: &EnvironmentSnapshot,
    token: Option<&str>,
    problem: Problem,
    now: i64,
) -> Result<Option<Arc<VerifiedToken>>, OAuthError> {
    let verified = token.map(|token| environment.verify(token, now)).transpose();
    verified.map_err(|error| OAuthError::new(problem, error.to_string()))
}

/// Refused tokens are `invalid_request` (RFC 8693 §2.2.2), or `invalid_grant` for clients that were built so.
fn as_the_client_expects(mut error: OAuthError, client: &Client) -> OAuthError {
    error.as_invalid_grant = client.exchange_error == ExchangeError::InvalidGrant;
    error
}

/// A text of the request, fit for a record: bounded, and without anything that could forge a second line.
fn sanitize(text: &str) -> String {
    text.chars().take(1000).map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).collect()
}
