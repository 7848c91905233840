//! What a token is that a client shows to ask about it or to revoke it: of which kind, and whether it is one at all.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    context::{Context, database_failed},
    refresh::{find_expired, find_shown},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::EMBEDDED_TOKEN_CLAIM,
        connection::{IdentityConnection, IdentityProvider},
        pasted::pasted_token,
        session::{RefreshToken, Session},
    },
    jose::{access_token::VerifiedToken, error::TokenError, unverified::UnverifiedToken},
    oauth::{
        error::{OAuthError, Problem},
        params::Params,
    },
};

/// A token of this environment that has not expired. It may be revoked.
pub enum ShownToken {
    /// An access token of either profile, long-lived or not, or one that a third party's JWT carries.
    Access(Arc<VerifiedToken>),
    /// A refresh token, with the session that it hangs on. It may have been used before; [`find_again`] finds those of sessions that
    /// are over by time, too.
    Refresh(Box<(RefreshToken, Session)>),
}

/// The kinds of tokens that there are. Each is looked for in turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenKind {
    Access,
    Refresh,
}

impl TokenKind {
    const ALL: [TokenKind; 2] = [TokenKind::Access, TokenKind::Refresh];

    /// Its name in `token_type_hint` (RFC 7009 §4.1.2).
    const fn hint(self) -> &'static str {
        match self {
            TokenKind::Access => "access_token",
            TokenKind::Refresh => "refresh_token",
        }
    }
}

/// The token of the parameter `token`; `None` if it is none of ours, has expired, or is not valid yet.
///
/// `token_type_hint` only says which kind is looked for first: a wrong one costs time, and an unknown one nothing (TE-109).
///
/// # Errors
/// There is no `token`, or the database failed.
pub async fn find(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    params: &Params,
) -> Result<Option<ShownToken>, OAuthError> {
    let token = pasted_token(params.require("token")?);
    let hint = params.get("token_type_hint");
    let mut kinds = TokenKind::ALL;
    kinds.sort_by_key(|kind| hint != Some(kind.hint()));
    for kind in kinds {
        let found = match kind {
            TokenKind::Access => environment.verify(token, context.clock.now()).ok().map(ShownToken::Access),
            TokenKind::Refresh => {
                find_shown(context, environment, token).await?.map(|found| ShownToken::Refresh(Box::new(found)))
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Looks once more for a token that [`find`] did not find, for whoever must not be told that there is nothing to revoke while
/// there is: the node may not know its key yet, or the token has expired and what was derived from it has not.
///
/// # Errors
/// * [`Problem::TokenOfAnotherIssuer`]: it says that it is of an issuer for which there is an identity connection, and would go
///   on to be taken;
/// * [`Problem::TemporarilyUnavailable`]: the database failed, or the token is not valid yet.
pub async fn find_again(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    params: &Params,
) -> Result<Option<ShownToken>, OAuthError> {
    let token = pasted_token(params.require("token")?);
    if let Some(found) = find_expired(context, environment, token).await? {
        return Ok(Some(ShownToken::Refresh(Box::new(found))));
    }
    if is_foreign(environment, token) {
        return Err(OAuthError::new(Problem::TokenOfAnotherIssuer, "its iss is that of an identity connection"));
    }
    let mut outcome = environment.verify(token, context.clock.now());
    let mut current = None;
    if outcome == Err(TokenError::UnknownKey) {
        // Where a key was revoked, another node signs with a new one at once.
        context.catalog.catch_up().await.map_err(|error| database_failed("the signing keys", &error))?;
        current = context.catalog.environment_by_id(&environment.environment.id);
    }
    let environment = current.as_ref().unwrap_or(environment);
    if outcome == Err(TokenError::UnknownKey) {
        outcome = environment.verify(token, context.clock.now());
    }
    match outcome {
        Ok(verified) => Ok(Some(ShownToken::Access(verified))),
        Err(error @ TokenError::NotYetValid) => {
            // The clock of the node that made it is ahead. Nothing was revoked, and that must not be taken for done.
            Err(OAuthError::new(Problem::TemporarilyUnavailable, error.to_string()))
        }
        Err(TokenError::Expired) => Ok(expired(environment, token).map(ShownToken::Access)),
        Err(_) => Ok(None),
    }
}

/// A token of ours that has expired, as it was in its last second: signature, issuer and all the rest are good. A session that was derived
/// from it may go on for weeks, so revoking it must reach that.
fn expired(environment: &EnvironmentSnapshot, token: &str) -> Option<Arc<VerifiedToken>> {
    let claims = UnverifiedToken::parse(token).ok()?.claims()?;
    if let Some(inner) = claims.get(EMBEDDED_TOKEN_CLAIM) {
        let claims = UnverifiedToken::parse(inner.as_str()?).ok()?.claims()?;
        return in_last_second(environment, token, &claims);
    }
    in_last_second(environment, token, &claims)
}

fn in_last_second(
    environment: &EnvironmentSnapshot,
    token: &str,
    claims: &Map<String, Value>,
) -> Option<Arc<VerifiedToken>> {
    let last = claims.get("exp")?.as_i64()?.checked_sub(1)?;
    environment.verify(token, last).ok()
}

/// Whether a token says that it is of an issuer that vouches for others here.
fn is_foreign(environment: &EnvironmentSnapshot, token: &str) -> bool {
    let claims = UnverifiedToken::parse(token).ok().and_then(|token| token.claims()).unwrap_or_default();
    let Some(issuer) = claims.get("iss").and_then(|iss| iss.as_str()) else { return false };
    // An envelope around a token of ours is not taken for what it says of itself.
    let is_ours = issuer == environment.issuer || claims.contains_key(EMBEDDED_TOKEN_CLAIM);
    let vouches = |connection: &IdentityConnection| match &connection.provider {
        IdentityProvider::Delegated => false,
        IdentityProvider::Oidc(known) | IdentityProvider::Jwt(known) => known.issuer == issuer,
    };
    !is_ours && environment.identity_connections.iter().any(vouches)
}
