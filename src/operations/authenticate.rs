//! Client authentication (RFC 6749 §2.3).

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::{Client, ClientSecret},
        secret::{Secret, SecretHash},
    },
    oauth::{
        credentials::ClientCredentials,
        error::{OAuthError, Problem},
    },
};

/// What an unknown client's secret is compared with, so that it costs what a wrong secret of a known one costs (TE-019).
static NOBODYS_HASH: LazyLock<SecretHash> = LazyLock::new(|| Secret::new("nobody").hash());

/// A client that proved who it is.
pub struct Authenticated {
    /// Itself.
    pub client: Arc<Client>,
    /// The secret that it used.
    pub secret: ClientSecret,
}

/// The client that the credentials prove, unless too many attempts from `address` failed of late.
///
/// # Errors
/// Those of [`authenticate`], and [`Problem::TooManyFailures`].
pub async fn authenticate_at(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    address: Option<IpAddr>,
    credentials: &ClientCredentials,
) -> Result<Authenticated, OAuthError> {
    // Behind a socket without an address there is nobody to slow down.
    let Some(address) = address else { return authenticate(context, environment, credentials).await };
    let now = context.clock.now_millis();
    // What cannot be an id counts for its address alone: it may be long, and is not worth remembering.
    let client_id = if Client::is_id(&credentials.id) { &credentials.id } else { "" };
    context.throttle.check(address, client_id, now).map_err(|throttled| OAuthError {
        retry_after: Some(throttled.retry_after),
        ..OAuthError::new(Problem::TooManyFailures, "too many failures from this address")
    })?;
    let outcome = authenticate(context, environment, credentials).await;
    if outcome.as_ref().is_err_and(|error| error.problem == Problem::ClientAuthenticationFailed) {
        context.throttle.count_failure(address, client_id, now);
    }
    outcome
}

/// The client that the credentials prove.
///
/// # Errors
/// One and the same refusal for an unknown client, a wrong or expired secret and a disabled client; the detail tells them
/// apart in the log. The database out of reach is said so, never taken for an unknown client.
async fn authenticate(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
) -> Result<Authenticated, OAuthError> {
    // What cannot be an id is nobody's: it is neither looked up nor remembered, however long it is.
    let found = if Client::is_id(&credentials.id) {
        context.catalog.client(environment, &credentials.id).await.map_err(|error| {
            OAuthError::new(Problem::TemporarilyUnavailable, format!("the client cannot be looked up: {error}"))
        })?
    } else {
        None
    };
    let secret = Secret::new(credentials.reveal_secret());
    let refuse = |detail: &str| Err(OAuthError::new(Problem::ClientAuthenticationFailed, detail));
    let Some(client) = found else {
        // The answer is the same either way; only the time that the comparison takes is wanted.
        let _ = NOBODYS_HASH.matches(&secret);
        return refuse("there is no such client");
    };
    let Some(used) = client.secret_matches(&secret, context.clock.now()).cloned() else {
        return refuse(why_no_match(&client, &secret));
    };
    if !client.enabled || !environment.environment.enabled {
        return refuse("the client or its environment is disabled");
    }
    Ok(Authenticated { client, secret: used })
}

/// For the log only (TE-030); the caller learns nothing of it.
fn why_no_match(client: &Client, secret: &Secret) -> &'static str {
    if client.secrets.iter().any(|known| known.hash.matches(secret)) {
        "the secret has expired"
    } else if secret.is_mistyped() {
        "the secret is mistyped or cut off (its checksum is wrong)"
    } else {
        "no secret of the client matches"
    }
}
