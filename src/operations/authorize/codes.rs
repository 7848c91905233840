//! Codes at the token endpoint: used up by their first presentation, and what that opens.

use std::sync::Arc;

use serde_json::Map;

use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{AuthorizationCode, CODE_LIFETIME, ID_TOKEN_LIFETIME, IDENTITY_SCOPE_CLAIM, OPENID},
        order::{IdTokenOrder, TokenOrder},
        revocation::RevocationKind,
        secret::{Secret, SecretKind},
        trace::Trace,
        user::Identity,
    },
    oauth::error::{OAuthError, Problem},
    operations::{
        context::{Context, database_failed},
        delegate::{DelegateError, Vouched, delegated_user},
        revoke::revoke_in,
    },
    store::authorization_codes,
};

/// What a code stands for, presented by the client `client_id`. From now on it is used, whatever comes of it: so a verifier
/// cannot be tried out. One that was used before takes back what it gave (RFC 6749 §4.1.2, RFC 9700 §4.5): either presentation
/// may have been a thief's.
///
/// # Errors
/// There is no such code, or it was used before; or the database fails.
pub async fn take_code(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client_id: &str,
    presented: &str,
    request: &AuditRecord,
) -> Result<AuthorizationCode, OAuthError> {
    let presented = Secret::new(presented);
    if !presented.is_well_formed(SecretKind::Code) {
        return Err(refused("it is no code of ours: mistyped, cut off or made up"));
    }
    let (id, hash, now) = (environment.environment.id.clone(), presented.hash(), context.clock.now());
    let taken = context.catalog.work(move |store| {
        store.transact(|conn| {
            let taken = authorization_codes::take(conn, &id, &hash, now)?;
            if let Some(AuthorizationCode { used_at: Some(_), session_id: Some(session_id), .. }) = &taken {
                revoke_in(conn, &id, RevocationKind::Session, session_id, None, now)?;
            }
            Ok::<_, crate::store::StoreError>(taken)
        })
    });
    let taken = taken.await.map_err(|error| database_failed("the code", &error))?;
    let code = taken.ok_or_else(|| refused("there is no such code"))?;
    if code.used_at.is_some() {
        record_replay(context, client_id, &code, request).await?;
        return Err(refused("the code was used before"));
    }
    Ok(code)
}

/// A record of its own, beside that of the refused request: this one is about the user.
async fn record_replay(
    context: &Context,
    client_id: &str,
    code: &AuthorizationCode,
    request: &AuditRecord,
) -> Result<(), OAuthError> {
    let asked = &code.granted.request;
    let revoked = code
        .session_id
        .as_ref()
        .map_or_else(|| "nothing had come of it".to_owned(), |session_id| format!("session {session_id} is revoked"));
    let record = AuditRecord {
        trace_id: request.trace_id.clone(),
        environment_id: request.environment_id.clone(),
        client_address: request.client_address.clone(),
        client_id: Some(client_id.to_owned()),
        subject: Some(code.user_id.clone()),
        application_id: Some(asked.application_id.clone()),
        reason: Some(Problem::CodeRefused.slug()),
        detail: Some(format!("a code of client {} came twice; {revoked}", asked.client_id)),
        ..AuditRecord::new(
            Event::AuthorizationReplayed,
            Outcome::Refused,
            request.request_id.clone(),
            context.clock.now_millis(),
        )
    };
    log::warn!(request_id = request.request_id.as_str(); "client {client_id}: a code came twice; {revoked}");
    // What is revoked counts on this node at once; the others hear of it.
    let seen = context.catalog.change(|_| Ok::<_, crate::store::StoreError>(())).await;
    seen.map_err(|error| database_failed("what is revoked", &error))?;
    let unavailable =
        |error: crate::audit::AuditUnavailable| OAuthError::new(Problem::TemporarilyUnavailable, error.to_string());
    context.audit.commit(record).await.map_err(unavailable)
}

/// Puts the user who signed in into `order`, with a session that the code is to answer for. The application's webhook is
/// asked.
///
/// # Errors
/// The user, the application or the connection is disabled by now, or the user's tokens were revoked since; the code was
/// presented again meanwhile; the webhook or the database fails.
pub async fn speak_of_user(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    code: &AuthorizationCode,
    order: &mut TokenOrder,
    (request_id, trace): (&str, Option<Trace>),
) -> Result<(), OAuthError> {
    let granted = &code.granted;
    let connection = &granted.request.connection;
    if !environment.identity_connection(connection).is_some_and(|connection| connection.enabled) {
        return Err(refused("the identity connection is disabled"));
    }
    let vouched = Vouched {
        identity: Identity { connection: connection.clone(), subject_id: granted.subject_id.clone() },
        application_id: granted.request.application_id.clone(),
        unique_profile_identifier: None,
        email: None,
        name: None,
    };
    let user =
        delegated_user(context, environment, &vouched, request_id, trace).await.map_err(|error| match error {
            DelegateError::UserDisabled | DelegateError::ApplicationNotActive => refused(&error.to_string()),
            other => other.into(),
        })?;
    if user.user_id != code.user_id {
        return Err(refused("the user who signed in is gone"));
    }
    if environment.revocations.has_subject(&user.user_id, code.expires_at.saturating_sub(CODE_LIFETIME)) {
        return Err(refused(RevocationKind::Subject.reason()));
    }
    let session_id = user.claims.get("sessionId").and_then(|id| id.as_str()).unwrap_or_default().to_owned();
    let (id, hash) = (environment.environment.id.clone(), code.hash);
    let opened = context
        .catalog
        .work(move |store| store.transact(|conn| authorization_codes::opened(conn, &id, &hash, &session_id)));
    if !opened.await.map_err(|error| database_failed("the code", &error))? {
        return Err(refused("the code came again while it was redeemed"));
    }
    order.speaks_of(user.user_id, user.claims);
    order.claims.insert("auth_time".to_owned(), granted.auth_time.into());
    let (scope, _) = granted.request.scopes();
    // Of a token for this server it says too that nothing was asked for: the UserInfo endpoint would take one without it for that
    // of a sign-in behind a backend, which is told everything.
    if scope.contains(OPENID) || order.audience.contains(&environment.issuer) {
        order.claims.insert(IDENTITY_SCOPE_CLAIM.to_owned(), scope.to_string().into());
    }
    order.id_token = Some(IdTokenOrder {
        scope,
        nonce: granted.request.nonce.clone(),
        auth_time: granted.auth_time,
        lifetime: ID_TOKEN_LIFETIME,
        claims: Map::new(),
    });
    Ok(())
}

fn refused(detail: &str) -> OAuthError {
    OAuthError::new(Problem::CodeRefused, detail)
}
