//! The way back from the identity provider.

use std::sync::Arc;

use super::{Call, Failure, Refused, Return, conclude, cookie_name, record, request::scope_of};
use crate::{
    audit::{AuditRecord, Event},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{AuthorizationCode, AuthorizationRequest, CODE_LIFETIME, CodeGrant, PendingSignIn},
        secret::{Secret, SecretKind},
        user::{Identity, MAX_TEXT, is_text},
    },
    oauth::error::{OAuthError, Problem},
    operations::{
        context::{Context, database_failed},
        delegate::{DelegateError, Vouched, signed_in_user},
        sign_in::{Attempt, SignIn},
    },
    store::{authorization_codes, authorization_requests},
};

/// What becomes of a browser that came back, and the cookie that has done its work.
pub struct CameBack {
    /// Where the browser goes: to the client, with a code or without.
    pub outcome: Result<String, Refused>,
    /// The name of the cookie; `None` when there was none.
    pub spent_cookie: Option<String>,
}

/// Signs in the user who came back, and sends them to the client with a code. `cookie` gives the value of a cookie of the
/// browser.
pub async fn come_back(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
    cookie: &dyn Fn(&str) -> Option<String>,
) -> CameBack {
    let mut record = record(context, environment, Event::AuthorizationGranted, call);
    // Nothing of a provider's answer is what a client asked.
    (record.client_id, record.scope_requested, record.audience) = (None, String::new(), Vec::new());
    let (spent_cookie, outcome) = match attempt(environment, call, cookie) {
        Err(error) => (None, Err(Failure::from(error))),
        Ok((name, attempt)) => (Some(name), finish(context, environment, call, &attempt, &mut record).await),
    };
    CameBack { outcome: conclude(context, environment, record, outcome).await, spent_cookie }
}

/// The attempt, and the name of the cookie that proves that it was begun here.
///
/// Without that anybody could send people to finish what they began themselves: victims would be signed in as the attacker,
/// and leave there what is their own (login CSRF, RFC 9700 §4.7). Nothing is asked of the database before.
fn attempt(
    environment: &EnvironmentSnapshot,
    call: &Call<'_>,
    cookie: &dyn Fn(&str) -> Option<String>,
) -> Result<(String, Attempt), OAuthError> {
    let state = call.params.get("state").ok_or_else(|| not_begun("state is missing"))?;
    let name = cookie_name(environment, &Secret::new(state).hash());
    let browser = cookie(&name).ok_or_else(|| not_begun("the browser has no cookie for this state"))?;
    Ok((name, Attempt::resumed(state, browser)))
}

async fn finish(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
    attempt: &Attempt,
    record: &mut AuditRecord,
) -> Result<String, Failure> {
    let pending = take(context, environment, attempt).await?;
    let request = pending.request;
    record.client_id = Some(request.client_id.clone());
    record.application_id = Some(request.application_id.clone());
    record.scope_requested = scope_of(&request);
    record.audience.clone_from(&request.resources);
    let back = Return { redirect_uri: request.redirect_uri.clone(), state: request.state.clone() };
    match sign_in(context, environment, call, attempt, request, record).await {
        Ok(code) => Ok(back.with(environment, &[("code", code.reveal())])),
        Err(error) => Err(Failure { error, back: Some(back) }),
    }
}

/// What the attempt is for. It is gone afterwards: a second answer to it finds nothing.
async fn take(
    context: &Context,
    environment: &EnvironmentSnapshot,
    attempt: &Attempt,
) -> Result<PendingSignIn, OAuthError> {
    let (id, state, browser) = (environment.environment.id.clone(), attempt.state_hash(), attempt.browser_hash());
    let taken = context
        .catalog
        .work(move |store| store.transact(|conn| authorization_requests::take(conn, &id, &state, &browser)))
        .await;
    let taken = taken.map_err(|error| database_failed("who is signing in", &error))?;
    let pending = taken.ok_or_else(|| not_begun("the state is not known, or used, or another browser's"))?;
    if context.clock.now() >= pending.expires_at {
        return Err(not_begun("signing in took too long"));
    }
    Ok(pending)
}

/// The code for the user whom the provider vouches for.
async fn sign_in(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
    attempt: &Attempt,
    request: AuthorizationRequest,
    record: &mut AuditRecord,
) -> Result<Secret, OAuthError> {
    let way = SignIn::choose(environment, Some(&request.connection))?;
    let signed_in = way.finish(context, environment, attempt, call, request.max_age).await?;
    let vouched = Vouched {
        identity: Identity { connection: request.connection.clone(), subject_id: signed_in.subject_id.clone() },
        application_id: request.application_id.clone(),
        unique_profile_identifier: None,
        // What cannot be kept is no reason to turn its bearer away.
        email: signed_in.email.filter(|email| is_text(email, MAX_TEXT)),
        name: signed_in.name.filter(|name| is_text(name, MAX_TEXT)),
    };
    let user = signed_in_user(context, environment, &vouched).await.map_err(not_signed_in)?;
    record.subject = Some(user.user.id.clone());
    let granted = CodeGrant { request, subject_id: signed_in.subject_id, auth_time: signed_in.auth_time };
    new_code(context, environment, user.user.id.clone(), granted).await
}

async fn new_code(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
    granted: CodeGrant,
) -> Result<Secret, OAuthError> {
    let secret = Secret::generate_kind(SecretKind::Code, &*context.random)
        .map_err(|error| OAuthError::new(Problem::ServerError, error.to_string()))?;
    let now = context.clock.now();
    let expires_at = now.saturating_add(CODE_LIFETIME);
    let code = AuthorizationCode { hash: secret.hash(), user_id, granted, expires_at, used_at: None, session_id: None };
    let id = environment.environment.id.clone();
    let kept =
        context.catalog.work(move |store| store.transact(|conn| authorization_codes::insert(conn, &id, &code, now)));
    kept.await.map_err(|error| database_failed("the code", &error))?;
    Ok(secret)
}

fn not_signed_in(error: DelegateError) -> OAuthError {
    match error {
        DelegateError::UserDisabled | DelegateError::Argument(_) => {
            OAuthError::new(Problem::SignInRefused, error.to_string())
        }
        other => other.into(),
    }
}

fn not_begun(detail: &str) -> OAuthError {
    OAuthError::new(Problem::SignInNotBegun, detail)
}
