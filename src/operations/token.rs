//! The token endpoint without HTTP: gather → authenticate → select grant → evaluate → issue → record.

mod judge;

use std::{net::IpAddr, sync::Arc};

use self::judge::judge;
use super::{
    authenticate::{Authenticated, authenticate_at, required_credentials},
    context::Context,
    effect::Effect,
    refused_tokens,
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{OPENID, identity_scope},
        client::{Client, ExchangeError},
        order::TokenOrder,
        readable::{readable, readable_id, readable_ids},
        trace::Trace,
    },
    grants::{self, Grant},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        response::TokenResponse,
        scope::Scope,
    },
};

/// A request of a client as it came in: for a token, or about one.
pub struct TokenRequest<'a> {
    /// Names it in the log, in the audit record and in the answer.
    pub request_id: &'a str,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
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
    record.trace_id = request.trace.map(|trace| trace.to_string());
    record.environment_id = Some(environment.environment.id.clone());
    record.client_address = request.client_address.map(|address| address.to_string());
    let grant = request.params.get("grant_type").and_then(GrantType::from_parameter);
    record.grant = grant.map(GrantType::as_str);
    // As claimed; a refusal may come before anything of it is checked.
    record.client_id = request.params.get("client_id").map(readable_id);
    record.scope_requested = request.params.get("scope").map(readable).unwrap_or_default();
    let targets = ["audience", "resource"].into_iter().flat_map(|name| request.params.all(name));
    record.audience = readable_ids(targets);

    let mut decision = decide(context, environment, request, &mut record).await;
    if let Err(refusal) = &mut decision {
        refusal.detail = readable(&refusal.detail);
        record_refusal(&mut record, refusal);
        say(refusal, record.client_id.as_deref(), request);
    }
    let committed = context.audit.commit(record).await.map_err(|error| {
        log::error!(request_id = request.request_id, trace_id = request.trace; "not answered: {error}");
        OAuthError::new(Problem::TemporarilyUnavailable, error.to_string())
    });
    let answer = committed.and(decision);
    context.counts.token_request(grant, answer.as_ref().err());
    answer
}

async fn decide(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    record: &mut AuditRecord,
) -> Result<TokenResponse, OAuthError> {
    let credentials = required_credentials(request.authorization, request.params)?;
    record.client_id = Some(readable_id(&credentials.id));
    let authenticated = authenticate_at(context, environment, request.client_address, &credentials).await?;
    let client = &authenticated.client;
    record.authenticated_as(client.id.clone());
    let grant = select_grant(request.params, client)?;
    let decision = evaluate(context, environment, request, &authenticated, grant, record).await;
    let (order, effect) = decision.map_err(|error| as_the_client_expects(error, client))?;
    let issued = context.token_issuer().issue(environment, &client.id, &order)?;
    let (id_token, scope) = beside(context, environment, &client.id, &order, &issued.token)?;
    // Last, so that nothing is used up by a request that gets nothing.
    let refresh_token = effect.carry_out(context, environment, record).await;
    let refresh_token = refresh_token.map_err(|error| match (error.problem, &order.id_token) {
        // Of a code: there is no subject token that the client could mend.
        (Problem::SubjectTokenRefused, Some(_)) => OAuthError::new(Problem::CodeRefused, error.detail),
        _ => as_the_client_expects(error, client),
    })?;
    let response = TokenResponse::bearer(issued.token, order.issued_token_type, issued.expires_in, &scope)
        .with_id_token(id_token)
        .with_refresh_token(refresh_token.map(|token| token.reveal().to_owned()));
    record_issue(record, order, issued.jti);
    Ok(response)
}

/// The ID token beside an access token, if one is wanted, and the scope of the answer.
fn beside(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client_id: &str,
    order: &TokenOrder,
    access_token: &str,
) -> Result<(Option<String>, Scope), OAuthError> {
    let Some(wanted) = &order.id_token else {
        return Ok((None, identity_scope(&order.claims).union(&order.scope)));
    };
    let issue = || context.token_issuer().issue_id_token(environment, client_id, (order, wanted), access_token);
    let id_token = wanted.scope.contains(OPENID).then(issue).transpose()?;
    Ok((id_token, wanted.scope.union(&order.scope)))
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
    if record.event != Event::RefreshTokenReplayed {
        record.event = Event::TokenRefused;
    }
    record.outcome = if refusal.problem.status() < 500 { Outcome::Refused } else { Outcome::Failed };
    record.reason = Some(refusal.problem.slug());
    record.rule.clone_from(&refusal.rule);
    record.detail = Some(refusal.detail.clone());
}

/// The line under which the operator finds the reason. Failures of the server are told from refusals.
pub(super) fn say(refusal: &OAuthError, client: Option<&str>, request: &TokenRequest<'_>) {
    let level = if refusal.problem.status() < 500 { log::Level::Info } else { log::Level::Error };
    let client = client.unwrap_or("-");
    log::log!(level, request_id = request.request_id, trace_id = request.trace; "client {client}: {refusal}");
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
) -> Result<(TokenOrder, Effect), OAuthError> {
    let presented = grant.presented(request.params)?;
    let attempt =
        refused_tokens::check(context, environment, request.client_address, &authenticated.client, &presented)?;
    let decided = judge(context, environment, request, authenticated, grant, presented, record).await;
    refused_tokens::count(context, attempt, &decided)?;
    decided
}

/// Refused tokens are `invalid_request` (RFC 8693 §2.2.2), or `invalid_grant` for clients that were built so.
fn as_the_client_expects(mut error: OAuthError, client: &Client) -> OAuthError {
    error.as_invalid_grant = client.exchange_error == ExchangeError::InvalidGrant;
    error
}
