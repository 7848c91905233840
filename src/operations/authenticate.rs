//! Client authentication (RFC 6749 §2.3).

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use super::{
    context::Context,
    throttle::{Attempt, Who},
};
use crate::{
    catalog::environment::{EnvironmentSnapshot, KnownClient},
    domain::{
        client::{Client, ClientSecret},
        secret::{Secret, SecretHash},
    },
    oauth::{
        credentials::ClientCredentials,
        error::{OAuthError, Problem},
        params::Params,
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

/// The credentials of a request that must have some.
///
/// # Errors
/// Those of [`ClientCredentials::from_request`], and that there are none.
pub fn required_credentials(authorization: &[&[u8]], params: &Params) -> Result<ClientCredentials, OAuthError> {
    ClientCredentials::from_request(authorization, params)?
        .ok_or_else(|| OAuthError::new(Problem::ClientAuthenticationFailed, "the request has no client credentials"))
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
    let now = context.clock.now_millis();
    let who = Who { environment_id: &environment.environment.id, client_id: &credentials.id, address };
    let attempt = context.throttle.secret(who, now)?;
    let is_asked = matches!(environment.known_client(&credentials.id, now), KnownClient::Unasked);
    let lookup = attempt.as_ref().filter(|_| is_asked).map(Attempt::before_lookup).transpose()?;
    let outcome = authenticate(context, environment, credentials).await;
    drop(lookup);
    if let Some(attempt) = attempt
        && outcome.as_ref().is_err_and(|error| error.problem == Problem::ClientAuthenticationFailed)
    {
        attempt.failed(now)?;
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
    let found = context.client(environment, &credentials.id).await?;
    let secret = Secret::new(credentials.reveal_secret());
    let now = context.clock.now();
    let used = check(found.as_deref(), &secret.hash(), now);
    let refuse = |detail: &str| OAuthError::new(Problem::ClientAuthenticationFailed, detail);
    match (found, used) {
        (_, Err(miss)) => Err(refuse(miss.detail(secret.is_mistyped()))),
        (Some(client), Ok(secret)) if client.enabled && environment.environment.is_active() => {
            secret.used.note(now);
            Ok(Authenticated { client, secret })
        }
        _ => Err(refuse("the client or its environment is disabled")),
    }
}

/// Why a secret was not accepted, for the log (TE-030); the caller learns nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Miss {
    NoClient,
    Expired,
    NoMatch,
}

impl Miss {
    fn detail(self, is_mistyped: bool) -> &'static str {
        match self {
            Miss::NoClient => "there is no such client",
            Miss::Expired => "the secret has expired",
            Miss::NoMatch if is_mistyped => "the secret is mistyped or cut off (its checksum is wrong)",
            Miss::NoMatch => "no secret of the client matches",
        }
    }
}

/// The secret of the client that was used.
///
/// Gets the hash and not the secret: hashing one again for some outcomes would be seen from outside, because a secret
/// can be made long (TE-019).
fn check(found: Option<&Client>, given: &SecretHash, now: i64) -> Result<ClientSecret, Miss> {
    let Some(client) = found else {
        // Only the time that the comparison takes is wanted.
        let _ = NOBODYS_HASH.equals(given);
        return Err(Miss::NoClient);
    };
    let is_kept = || client.secrets.iter().any(|kept| kept.hash.equals(given));
    let used = client.secret_of_hash(given, now).cloned();
    used.ok_or_else(|| if is_kept() { Miss::Expired } else { Miss::NoMatch })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{ClientKind, ClientSignIn, ExchangeError, Permissions};

    fn client(secrets: &[(&str, Option<i64>)]) -> Client {
        let secret = |text: &str, expires_at| ClientSecret::new(text.to_owned(), Secret::new(text).hash(), expires_at);
        let secrets = secrets.iter().map(|&(text, expires_at)| secret(text, expires_at));
        Client {
            id: "bff".to_owned(),
            name: "Backend".to_owned(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: Vec::new(),
            access: Vec::new(),
            permissions: Permissions::new(),
            exchange_error: ExchangeError::default(),
            sign_in: ClientSignIn::default(),
            secrets: secrets.collect(),
        }
    }

    #[test]
    fn the_operator_learns_what_the_caller_does_not() {
        let client = client(&[("old", Some(100)), ("new", None)]);
        let outcome = |found, secret| check(found, &Secret::new(secret).hash(), 100).map(|used| used.id);
        assert_eq!(outcome(Some(&client), "new"), Ok("new".to_owned()));
        assert_eq!(outcome(Some(&client), "old"), Err(Miss::Expired));
        assert_eq!(outcome(Some(&client), "other"), Err(Miss::NoMatch));
        assert_eq!(outcome(None, "new"), Err(Miss::NoClient));
        assert_eq!(outcome(None, "nobody"), Err(Miss::NoClient), "nobody's secret is nobody's");
    }
}
