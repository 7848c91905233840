//! Token introspection (RFC 7662, RFC 9701): whether a token is in force, and what it says, for those whom that concerns.
//!
//! An answer gives nobody anything, so it leaves no audit record; a flood of questions must not drown the decisions. Refused
//! callers are in the log.

mod answer;

use std::sync::Arc;

use serde_json::Value;

use super::{
    authenticate::{authenticate_at, required_credentials},
    context::{Context, database_failed},
    refresh,
    shown_token::{self, ShownToken},
    standing::gather_standing,
    token::{TokenRequest, say},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        environment::{ResourceServer, addressees},
        exchange::Standing,
        permission::{self, ID_SERVICE, TOKENS_INTROSPECT},
        readable::{readable, readable_id},
        session::{RefreshToken, Session},
        subject::SubjectToken,
    },
    jose::access_token::VerifiedToken,
    oauth::error::OAuthError,
};

/// The answer to a question, in the form that was asked for.
pub enum Introspection {
    /// RFC 7662 §2.2.
    Plain(Value),
    /// A JWT (RFC 9701 §5).
    Signed(String),
}

/// Says of the token in the form whether it is in force, and what it says.
///
/// # Errors
/// The caller does not prove who it is, there is no `token`, or it cannot be said now: a token is never called dead because
/// the database is away.
pub async fn introspect(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    signed: bool,
) -> Result<Introspection, OAuthError> {
    answer(context, environment, request, signed).await.map_err(|mut refusal| {
        refusal.detail = readable(&refusal.detail);
        let claimed = request.params.get("client_id").map(readable_id);
        say(&refusal, claimed.as_deref(), request);
        refusal
    })
}

async fn answer(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    request: &TokenRequest<'_>,
    signed: bool,
) -> Result<Introspection, OAuthError> {
    let credentials = required_credentials(request.authorization, request.params)?;
    let client = authenticate_at(context, environment, request.client_address, &credentials).await?.client;
    // Who has not heard of revocations for too long may not have heard of new keys either.
    context.catalog.check_fresh().map_err(|error| database_failed("what is revoked", &error))?;
    let body = match shown_token::find(context, environment, request.params).await? {
        Some(ShownToken::Access(token)) if is_active(context, environment, &client, &token).await? => {
            answer::active(&token)
        }
        Some(ShownToken::Refresh(found)) if is_usable(context, environment, &client, &found).await? => {
            answer::active_refresh_token(&environment.issuer, &found.0, &found.1)
        }
        // Why not is nobody's business: all of these are alike (TE-110).
        _ => answer::inactive(),
    };
    if signed {
        answer::sign(context, environment, &client.id, &body).map(Introspection::Signed)
    } else {
        Ok(Introspection::Plain(body))
    }
}

/// Whether the caller may know of the token, and the token is good (TE-111).
async fn is_active(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    token: &VerifiedToken,
) -> Result<bool, OAuthError> {
    if !may_see(environment, client, token) || is_for_disabled_servers(environment, token) {
        return Ok(false);
    }
    Ok(gather_standing(context, environment, Some(token)).await? == Standing::Good)
}

/// The same for a refresh token. Resource servers have no business with one, and one that was used is over.
async fn is_usable(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    (token, session): &(RefreshToken, Session),
) -> Result<bool, OAuthError> {
    let may_see = session.client_id == client.id || permission::has(&client.permissions, ID_SERVICE, TOKENS_INTROSPECT);
    let is_newest = token.generation == session.generation;
    Ok(may_see && is_newest && refresh::standing(context, environment, session).await? == Standing::Good)
}

/// The resource server that it is addressed to, the client that it was issued to, and whoever may ask about all.
fn may_see(environment: &EnvironmentSnapshot, client: &Client, token: &SubjectToken) -> bool {
    let is_server = |server: &ResourceServer| server.enabled && server.clients.contains(&client.id);
    addressees(&environment.resource_servers, &token.aud).any(is_server)
        || token.is_issued_to(&client.id)
        || permission::has(&client.permissions, ID_SERVICE, TOKENS_INTROSPECT)
}

/// Whether every resource server that it is for was taken out of force.
fn is_for_disabled_servers(environment: &EnvironmentSnapshot, token: &SubjectToken) -> bool {
    let mut servers = addressees(&environment.resource_servers, &token.aud).peekable();
    servers.peek().is_some() && servers.all(|server| !server.enabled)
}
