//! What a client is told of its user at the UserInfo endpoint (OpenID Connect Core §5.3).

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    backend::{
        claims::{Known, user_info},
        person::Portrait,
    },
    caller::{Caller, DELEGATED, FOR_OTHERS, NOT_OF_AN_END_USER},
    context::Context,
    mosaic_error::{MosaicCode, MosaicError},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{EMAIL, IDENTITY_SCOPE_CLAIM, OPENID, PROFILE},
        claims::SubjectType,
        login::claims::ClaimsRequest,
        permission::BACKEND_SERVICE,
        readable::readable,
        subject::SubjectToken,
    },
    oauth::scope::Scope,
    store::{StoreError, users},
};

/// Why nothing is told, in the words of RFC 6750 §3.1. The texts are for the log, where nothing else is said.
#[derive(Debug, thiserror::Error)]
pub enum UserInfoError {
    /// There is no access token.
    #[error("no access token")]
    NoToken,
    /// The access token cannot be used, or those behind it may not be served any more.
    #[error("{0}")]
    InvalidToken(String),
    /// The access token does not allow it. Its bearer is told why.
    #[error("{0}")]
    InsufficientScope(&'static str),
    /// The server cannot answer now.
    #[error("{0}")]
    Unavailable(String),
}

impl From<MosaicError> for UserInfoError {
    fn from(error: MosaicError) -> Self {
        let text = readable(error.detail.as_deref().unwrap_or(&error.message));
        match error.code {
            MosaicCode::AccessTokenRequired => UserInfoError::NoToken,
            MosaicCode::ServiceUnavailable | MosaicCode::InternalError => UserInfoError::Unavailable(text),
            _ => UserInfoError::InvalidToken(text),
        }
    }
}

impl From<StoreError> for UserInfoError {
    fn from(error: StoreError) -> Self {
        UserInfoError::Unavailable(format!("the database: {error}"))
    }
}

/// The claims about the user of the access token that the `Authorization` headers (all of them) show, as of now.
///
/// # Errors
/// See [`UserInfoError`].
pub async fn userinfo(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    authorization: &[Vec<u8>],
) -> Result<Map<String, Value>, UserInfoError> {
    let caller = Caller::authenticate(context, environment, authorization).await?;
    let token = caller.token();
    let refused = UserInfoError::InsufficientScope;
    if token.act.is_some() {
        // A client reads `sub` as whom it talks to: here that would be somebody who acts for the user.
        return Err(refused(DELEGATED));
    }
    if token.subject_type != Some(SubjectType::EndUserAccount) {
        return Err(refused(NOT_OF_AN_END_USER));
    }
    let scope = token.other.get(IDENTITY_SCOPE_CLAIM).and_then(Value::as_str).and_then(|text| Scope::parse(text).ok());
    let mut claims = match scope {
        Some(scope) if scope.contains(OPENID) => of_scope(context, environment, token, &scope).await?,
        Some(_) => return Err(refused("The client did not ask for the scope openid")),
        // Resource servers are shown tokens too, and are to learn no more of the user than those say.
        None if is_for_us(token, &environment.issuer) => of_sign_in(context, environment, token).await?,
        None => return Err(refused(FOR_OTHERS)),
    };
    // Last: `sub` is always that of the token (§5.3.2).
    claims.insert("sub".to_owned(), token.sub.as_str().into());
    Ok(claims)
}

fn is_for_us(token: &SubjectToken, issuer: &str) -> bool {
    token.aud.iter().any(|audience| audience == issuer || audience == BACKEND_SERVICE)
}

/// Of a user who signed in at a connection: what the client asked for (§5.4).
async fn of_scope(
    context: &Context,
    environment: &EnvironmentSnapshot,
    token: &SubjectToken,
    scope: &Scope,
) -> Result<Map<String, Value>, UserInfoError> {
    let (environment_id, user_id) = (environment.environment.id.clone(), token.sub.clone());
    let found = context.catalog.look_up(move |store| store.read(|conn| users::find(conn, &environment_id, &user_id)));
    let user = found.await?.ok_or_else(|| UserInfoError::InvalidToken("the user is gone".to_owned()))?;
    let asked = [("name", user.name, PROFILE), ("email", user.email, EMAIL)];
    let told = asked.into_iter().filter(|(_, _, needed)| scope.contains(needed));
    Ok(told.filter_map(|(name, value, _)| Some((name.to_owned(), Value::String(value?)))).collect())
}

/// Of a user who was signed in behind a backend.
async fn of_sign_in(
    context: &Context,
    environment: &EnvironmentSnapshot,
    token: &SubjectToken,
) -> Result<Map<String, Value>, UserInfoError> {
    let invalid = |why: &str| UserInfoError::InvalidToken(why.to_owned());
    let id = token.application_id.clone().ok_or_else(|| invalid("the token names no application"))?;
    let application = environment.applications.get(&id).ok_or_else(|| invalid("the application is gone"))?;
    let (environment_id, user_id) = (environment.environment.id.clone(), token.sub.clone());
    let found = context.catalog.look_up(move |store| {
        store.read(|conn| Portrait::of(conn, &environment_id, (&user_id, &id), &ClaimsRequest::default()))
    });
    let portrait = found.await?.ok_or_else(|| invalid("the user is gone, or may not sign in to the application"))?;
    Ok(user_info(&Known { portrait: &portrait, application, last_sign_in_at: None }))
}
