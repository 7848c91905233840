//! Refreshing the tokens of a sign-in: by the backend authentication API, and by the token endpoint.

use std::sync::Arc;

use super::{
    call::Call,
    claims::{self, Known},
    error::{ApiCode, ApiError},
    person::Portrait,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        order::TokenOrder,
        pasted::pasted,
        secret::Secret,
        session::{GrantBasis, Session},
    },
    grants::{PresentedSession, refresh_token},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
    },
    operations::{
        context::{Context, database_failed},
        refresh::{gather_refresh, rotate},
    },
};

/// What the backend gets.
#[derive(Debug)]
pub struct Refreshed {
    /// The access token.
    pub access_token: String,
    /// The ID token.
    pub id_token: String,
    /// The refresh token that takes the place of the one that was used.
    pub refresh_token: Secret,
    /// How long the access token lives, in seconds.
    pub expires_in: i64,
}

/// Uses a refresh token of a sign-in of the calling client.
///
/// # Errors
/// [`ApiCode::RefreshTokenInvalid`], whatever is wrong with it; or the database failed, and then it is not used.
pub async fn refresh(call: &mut Call, text: &str) -> Result<Refreshed, ApiError> {
    let client = Arc::clone(call.client()?);
    call.record.grant = Some(GrantType::RefreshToken.as_str());
    let (context, environment) = (call.context.clone(), Arc::clone(&call.environment));
    let found = gather_refresh(&context, &environment, &client, pasted(text), &mut call.record).await?;
    let session = &found.session;
    let GrantBasis::Login(basis) = &session.grant.basis else {
        // Those of other grants are refreshed where they were given: conditions of their requests are about that.
        let detail = "it is not of a sign-in behind a backend: use the token endpoint";
        return Err(ApiError::from(ApiCode::RefreshTokenInvalid).with_detail(detail));
    };
    call.record.application_id = Some(basis.application_id.clone());
    let presented = PresentedSession { session, standing: found.standing };
    let scope = session.grant.scope.clone();
    let order = refresh_token::order(&client, &environment, presented, (&[], &scope), call.now());
    let mut order = order.map_err(given_no_more)?;
    speak_again(&context, &environment, session, &mut order).await?;
    let issuer = context.token_issuer();
    let issued = issuer.issue(&environment, &client.id, &order)?;
    let wanted = order.id_token.as_ref().ok_or(ApiCode::ServerError)?;
    let id_token = issuer.issue_id_token(&environment, &client.id, (&order, wanted), &issued.token)?;
    // Last, so that nothing is used up by a request that gets nothing.
    let refresh_token = rotate(&context, &environment, found, &mut call.record).await?;
    call.record.audience = order.audience;
    call.record.scope_granted = order.scope.to_string();
    call.record.jti = Some(issued.jti);
    Ok(Refreshed { access_token: issued.token, id_token, refresh_token, expires_in: issued.expires_in })
}

/// What the client asked for here is what it was granted, so a refusal says that it would not be granted now.
fn given_no_more(error: OAuthError) -> ApiError {
    let problem = match error.problem {
        Problem::TargetNotAllowed | Problem::ScopeNotAllowed => Problem::RefreshTokenRefused,
        other => other,
    };
    OAuthError { problem, ..error }.into()
}

/// Adds to `order`, which is made of a refresh token of `session`, the ID token of a sign-in behind a backend (OpenID Connect
/// Core §12.2): it says of the sign-in what was true then, and of the user what is true now. Does nothing where the session is
/// of another kind.
///
/// # Errors
/// The user is gone, disabled, or may not sign in to the application any more ([`Problem::RefreshTokenRefused`]); or the
/// database failed.
pub async fn speak_again(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    session: &Session,
    order: &mut TokenOrder,
) -> Result<(), OAuthError> {
    let GrantBasis::Login(basis) = &session.grant.basis else { return Ok(()) };
    let refused = |why: &str| OAuthError::new(Problem::RefreshTokenRefused, why);
    let application = environment.applications.get(&basis.application_id).filter(|one| one.enabled);
    let application = application.ok_or_else(|| refused("the application is gone or disabled"))?;
    let environment_id = environment.environment.id.clone();
    let (user_id, application_id) = (session.grant.subject.clone(), basis.application_id.clone());
    let wanted = basis.claims.clone();
    let read = context.catalog.look_up(move |store| {
        store.read(|conn| Portrait::of(conn, &environment_id, (&user_id, &application_id), &wanted))
    });
    let found = read.await.map_err(|error| database_failed("the user", &error))?;
    let portrait = found.ok_or_else(|| refused("the user is gone, or may not sign in to the application any more"))?;
    if !portrait.person.user.enabled {
        return Err(refused("the user is disabled"));
    }
    let known = Known { portrait: &portrait, application, last_sign_in_at: basis.last_sign_in_at };
    order.id_token = Some(claims::id_token(environment, &known, basis));
    Ok(())
}
