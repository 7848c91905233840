//! Token revocation (RFC 7009): a client takes a token out of force that was issued to it, with all that came of it.

use std::sync::Arc;

use super::{
    authenticate::{authenticate_at, required_credentials},
    context::{Context, database_failed},
    refresh,
    revoke::revoke,
    shown_token::{self, ShownToken},
    token::{TokenRequest, say},
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        readable::{readable, readable_id},
        revocation::RevocationKind,
        session::Session,
    },
    jose::access_token::VerifiedToken,
    oauth::error::{OAuthError, Problem},
};

/// What became of a request.
enum Done {
    /// There is no such token, or no more: nothing to do (RFC 7009 §2.2), and nothing to record.
    Nothing,
    /// The token is revoked, now or before.
    Revoked,
}

/// Revokes the token in the form, and records it. When it returns, this node refuses the token and all that came of it; the
/// others do within a second.
///
/// # Errors
/// The refusal; nothing is revoked. Or it is, and cannot be recorded: then the client is told to ask again, which is recorded.
pub async fn revoke_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
) -> Result<(), OAuthError> {
    let now = context.clock.now_millis();
    let mut record = AuditRecord::new(Event::TokenRevoked, Outcome::Success, request.request_id, now);
    record.environment_id = Some(environment.environment.id.clone());
    record.client_address = request.client_address.map(|address| address.to_string());
    // As claimed; a refusal may come before anything of it is checked.
    record.client_id = request.params.get("client_id").map(readable_id);
    let mut decision = decide(context, environment, request, &mut record).await;
    match &mut decision {
        Ok(Done::Nothing) => return Ok(()),
        Ok(Done::Revoked) => {}
        Err(refusal) => {
            refusal.detail = readable(&refusal.detail);
            record.event = Event::RevocationRefused;
            record.outcome = if refusal.problem.status() < 500 { Outcome::Refused } else { Outcome::Failed };
            record.reason = Some(refusal.problem.slug());
            record.detail = Some(refusal.detail.clone());
            say(refusal, record.client_id.as_deref(), request);
        }
    }
    context.audit.commit(record).await.map_err(|error| {
        log::error!(request_id = request.request_id; "not answered: {error}");
        OAuthError::new(Problem::TemporarilyUnavailable, error.to_string())
    })?;
    decision.map(drop)
}

async fn decide(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    record: &mut AuditRecord,
) -> Result<Done, OAuthError> {
    let credentials = required_credentials(request.authorization, request.params)?;
    record.client_id = Some(readable_id(&credentials.id));
    let client = authenticate_at(context, environment, request.client_address, &credentials).await?.client;
    record.authenticated_as(client.id.clone());
    let found = match shown_token::find(context, environment, request.params).await? {
        Some(found) => Some(found),
        None => shown_token::find_again(context, environment, request.params).await?,
    };
    match found {
        None => Ok(Done::Nothing),
        Some(ShownToken::Access(token)) => access_token(context, environment, &client, &token, record).await,
        Some(ShownToken::Refresh(found)) => refresh_token(context, environment, &client, &found.1, record).await,
    }
}

async fn access_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    token: &VerifiedToken,
    record: &mut AuditRecord,
) -> Result<Done, OAuthError> {
    record.jti = Some(token.jti.clone());
    record.subject = Some(token.sub.clone());
    record.act = token.act.as_ref().and_then(|act| serde_json::to_value(act).ok());
    record.audience.clone_from(&token.aud);
    record.parents.clone_from(&token.anc);
    let is_own = token.is_issued_to(&client.id);
    match environment.revocations.revoked_by(token, &environment.issuer) {
        // Said again, so that whoever did not get the first answer gets one. It costs no write.
        Some(_) if is_own => record.detail = Some("it was revoked already".to_owned()),
        // Dead as it is, it is like a token that nobody knows.
        Some(_) => return Ok(Done::Nothing),
        None if is_own => {
            let (kind, jti) = (RevocationKind::Token, token.jti.clone());
            // What was derived from an expired token lives as long as any token may.
            let expires_at = (!token.is_expired(context.clock.now())).then_some(token.exp);
            let done = revoke(context, environment, kind, jti, expires_at).await;
            done.map_err(|error| database_failed("what is revoked", &error))?;
        }
        None => {
            // Whoever is merely shown a token must not take it from its owner (TE-114).
            return Err(OAuthError::new(
                Problem::TokenOfAnotherClient,
                format!("it was issued to {:?}", token.client_id),
            ));
        }
    }
    Ok(Done::Revoked)
}

/// A refresh token takes its session along, and so the access tokens of the same grant and what came of them (TE-116). A used
/// one is as good for that: its owner may not have heard of the newest.
async fn refresh_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    session: &Session,
    record: &mut AuditRecord,
) -> Result<Done, OAuthError> {
    refresh::describe(record, session);
    if session.client_id != client.id {
        return Err(OAuthError::new(
            Problem::TokenOfAnotherClient,
            format!("it was issued to {:?}", session.client_id),
        ));
    }
    let done = revoke(context, environment, RevocationKind::Session, session.id.clone(), None).await;
    done.map_err(|error| database_failed("the session", &error))?;
    Ok(Done::Revoked)
}
