//! Slows down clients that present tokens which are refused: to check a signature is what costs most in a refusal, and who tries
//! out tokens that were found or made up is not to try many.

use std::net::IpAddr;

use super::{
    context::Context,
    throttle::{Attempt, Who},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::client::Client,
    grants::PresentedTokens,
    oauth::{
        error::{OAuthError, Problem},
        token_type::TokenType,
    },
};

/// Whether what `client` presents may be checked; `None` where there is nothing that could count.
///
/// # Errors
/// [`Problem::TooManyRefusedTokens`].
pub(super) fn check<'a>(
    context: &'a Context,
    environment: &'a EnvironmentSnapshot,
    address: Option<IpAddr>,
    client: &'a Client,
    presented: &PresentedTokens<'_>,
) -> Result<Option<Attempt<'a>>, OAuthError> {
    // The name of a user has no signature.
    let subject = presented.subject.filter(|subject| subject.kind != TokenType::SubjectId);
    let tokens = [subject.map(|subject| subject.text), presented.actor];
    if tokens.iter().all(Option::is_none) {
        return Ok(None);
    }
    let who = Who { environment_id: &environment.environment.id, client_id: &client.id, address };
    let are_known = || tokens.iter().flatten().all(|token| environment.remembers(token));
    Ok(context.throttle.tokens(who, context.clock.now_millis(), are_known)?)
}

/// Counts it if a token was refused.
///
/// # Errors
/// [`Problem::TooManyRefusedTokens`]: it was, and was checked only because this client had not failed before.
pub(super) fn count<T>(
    context: &Context,
    attempt: Option<Attempt<'_>>,
    decided: &Result<T, OAuthError>,
) -> Result<(), OAuthError> {
    let refused =
        |error: &OAuthError| matches!(error.problem, Problem::SubjectTokenRefused | Problem::ActorTokenRefused);
    match attempt {
        Some(attempt) if decided.as_ref().is_err_and(refused) => Ok(attempt.failed(context.clock.now_millis())?),
        _ => Ok(()),
    }
}
