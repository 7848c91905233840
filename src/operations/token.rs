//! The token endpoint without HTTP: gather → authenticate → select grant → evaluate → issue → record.

use std::{cell::Cell, net::IpAddr, sync::Arc};

use super::{
    authenticate::{Authenticated, authenticate_at, required_credentials},
    authorize::codes::{speak_of_user, take_code},
    context::Context,
    delegate::delegated_user,
    effect::Effect,
    readable::readable,
    refresh::{FoundRefresh, gather_refresh},
    refused_tokens, sessions,
    standing::{gather_standing, revoked_by},
    subject::{Subject, gather_subject},
};
use crate::{
    audit::{AuditRecord, Event, Outcome, RecordedRequest, RecordedToken},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::OPENID,
        client::{Client, ExchangeError},
        exchange::{Presented, Standing},
        order::TokenOrder,
        revocation::RevocationKind,
        rule::ISSUER_SELF,
        session::GrantBasis,
        subject::SubjectToken,
        trace::Trace,
    },
    grants::{self, Grant, GrantRequest, PresentedSession, PresentedTokens},
    jose::access_token::VerifiedToken,
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
    record.client_id = request.params.get("client_id").map(readable);
    record.scope_requested = request.params.get("scope").map(readable).unwrap_or_default();
    let targets = ["audience", "resource"].into_iter().flat_map(|name| request.params.all(name));
    record.audience = targets.map(readable).collect();

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
    record.client_id = Some(readable(&credentials.id));
    let authenticated = authenticate_at(context, environment, request.client_address, &credentials).await?;
    let client = &authenticated.client;
    record.client_id = Some(client.id.clone());
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
    let Some(wanted) = &order.id_token else { return Ok((None, order.scope.clone())) };
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

/// As [`evaluate`], for tokens that may be looked at.
async fn judge(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    authenticated: &Authenticated,
    grant: &dyn Grant,
    presented: PresentedTokens<'_>,
    record: &mut AuditRecord,
) -> Result<(TokenOrder, Effect), OAuthError> {
    let subject = match presented.subject {
        Some(one) => {
            Some(gather_subject(context, environment, &authenticated.client, one, request.params, request.trace).await?)
        }
        None => None,
    };
    if let Some(subject) = &subject {
        record_subject(record, subject.presented(Standing::Good).token);
    }
    let code = match presented.code {
        Some(code) => Some(take_code(context, environment, &authenticated.client.id, code, record).await?),
        None => None,
    };
    if let Some(code) = &code {
        record.subject = Some(code.user_id.clone());
    }
    let actor = verify_actor(context, environment, presented.actor)?;
    let subject_standing = standing_of(context, environment, subject.as_ref()).await?;
    let actor = actor.as_ref().map(|token| &***token);
    let actor_standing = gather_standing(context, environment, actor).await?;
    if let Some(subject) = &subject
        && [subject_standing, actor_standing] == [Standing::Good; 2]
    {
        record.request = recorded(subject, actor, request.params, &record.audience).map(Box::new);
    }
    let refresh = match presented.refresh {
        Some(text) => Some(gather_refresh(context, environment, &authenticated.client, text, record).await?),
        None => None,
    };
    let observed = Cell::default();
    let decision = grant.evaluate(&GrantRequest {
        params: request.params,
        secret: &authenticated.secret,
        client: &authenticated.client,
        environment,
        subject: subject.as_ref().map(|subject| subject.presented(subject_standing)),
        actor: actor.map(|token| Presented { token, origin: ISSUER_SELF, standing: actor_standing }),
        observed: &observed,
        code: code.as_ref(),
        session: refresh.as_ref().map(|found| PresentedSession { session: &found.session, standing: found.standing }),
        // Gathering may have taken a while; a token that expired meanwhile is refused.
        now: context.clock.now(),
    });
    record.observed = observed.into_inner();
    let mut order = decision?;
    // As the rule decided it, before what is known of the user is added.
    let mut began = order.refresh.and(subject.as_ref()).map(|subject| {
        let request = (grant.grant_type(), request.params.get("requested_token_type"));
        GrantBasis::exchange(&order, subject.presented(subject_standing), actor, request)
    });
    if let Some(code) = &code {
        speak_of_user(context, environment, code, &mut order, (request.request_id, request.trace)).await?;
        began = Some(GrantBasis::SignIn(code.granted.request.connection.clone()));
    }
    if let Some(Subject::Vouched(vouched)) = &subject
        && let Some(user) = &vouched.user
    {
        // Only now that nothing speaks against it: a refusal leaves no user behind.
        let user = delegated_user(context, environment, user, request.request_id, request.trace).await?;
        // The proof of the user may be older than the moment from which such proofs do not count any more.
        if environment.revocations.has_subject(&user.user_id, vouched.token.iat) {
            let reason = RevocationKind::Subject.reason();
            return Err(OAuthError::new(Problem::SubjectTokenRefused, reason));
        }
        order.speaks_of(user.user_id, user.claims);
    }
    let effect = effect(context, environment, &authenticated.client, &mut order, (refresh, began))?;
    Ok((order, effect))
}

/// What a grant that gives refresh tokens, or was given one, leaves behind.
fn effect(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client: &Client,
    order: &mut TokenOrder,
    (refresh, began): (Option<FoundRefresh>, Option<GrantBasis>),
) -> Result<Effect, OAuthError> {
    match (refresh, order.refresh, began) {
        (Some(found), ..) => Ok(Effect::Rotate(Box::new(found))),
        // A refresh token that the client may not use would only lie around.
        (None, Some(terms), Some(basis)) if client.grants.contains(&GrantType::RefreshToken) => {
            let new = sessions::prepare(context, environment, &client.id, order, basis, terms.lifetime)?;
            Ok(Effect::Open(Box::new(new)))
        }
        (None, ..) => Ok(Effect::Nothing),
    }
}

async fn standing_of(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    subject: Option<&Subject>,
) -> Result<Standing, OAuthError> {
    match subject {
        Some(Subject::Own(token)) => gather_standing(context, environment, Some(token)).await,
        // Whoever vouches was asked just now; but the token that says so may have been revoked here.
        Some(Subject::Vouched(vouched)) => {
            Ok(revoked_by(context, environment, &vouched.token)?.map_or(Standing::Good, Standing::Revoked))
        }
        None => Ok(Standing::Good),
    }
}

fn record_subject(record: &mut AuditRecord, subject: &SubjectToken) {
    record.subject = Some(readable(&subject.sub));
    record.act = subject.act.as_ref().and_then(|act| serde_json::to_value(act).ok());
    let own = Some(&subject.jti).filter(|jti| !jti.is_empty());
    record.parents = subject.anc.iter().chain(own).cloned().collect();
}

/// What other rules could be tried on.
fn recorded(
    subject: &Subject,
    actor: Option<&SubjectToken>,
    params: &Params,
    audience: &[String],
) -> Option<RecordedRequest> {
    let subject = subject.presented(Standing::Good);
    let recorded = RecordedRequest {
        subject_issuer: subject.origin.to_owned(),
        subject: RecordedToken::of(subject.token),
        actor: actor.map(RecordedToken::of),
        audience: audience.to_vec(),
        requested_token_type: params.get("requested_token_type").map(readable),
    };
    recorded.bounded()
}

fn verify_actor(
    context: &Context,
    environment: &EnvironmentSnapshot,
    token: Option<&str>,
) -> Result<Option<Arc<VerifiedToken>>, OAuthError> {
    let verified = token.map(|token| environment.verify(token, context.clock.now())).transpose();
    verified.map_err(|error| OAuthError::new(Problem::ActorTokenRefused, error.to_string()))
}

/// Refused tokens are `invalid_request` (RFC 8693 §2.2.2), or `invalid_grant` for clients that were built so.
fn as_the_client_expects(mut error: OAuthError, client: &Client) -> OAuthError {
    error.as_invalid_grant = client.exchange_error == ExchangeError::InvalidGrant;
    error
}
