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
    let found = context.client(environment, &credentials.id).await?;
    let secret = Secret::new(credentials.reveal_secret());
    let used = check(found.as_deref(), &secret, context.clock.now());
    let refuse = |detail: &str| OAuthError::new(Problem::ClientAuthenticationFailed, detail);
    match (found, used) {
        (_, Err(detail)) => Err(refuse(detail)),
        (Some(client), Ok(secret)) if client.enabled && environment.environment.enabled => {
            Ok(Authenticated { client, secret })
        }
        _ => Err(refuse("the client or its environment is disabled")),
    }
}

/// The secret of the client that was used; or why there is none, for the log (TE-030).
///
/// The secret given is hashed once, whatever comes of it (TE-019). It may be long, and then a second hash is seen from
/// outside.
fn check(found: Option<&Client>, secret: &Secret, now: i64) -> Result<ClientSecret, &'static str> {
    let given = secret.hash();
    let used = match found {
        Some(client) => client.secret_of_hash(&given, now).cloned(),
        None => {
            // Only the time that the comparison takes is wanted.
            let _ = NOBODYS_HASH.equals(&given);
            None
        }
    };
    used.ok_or_else(|| {
        let is_mistyped = secret.is_mistyped();
        match found {
            None => "there is no such client",
            Some(client) if client.secrets.iter().any(|kept| kept.hash.equals(&given)) => "the secret has expired",
            Some(_) if is_mistyped => "the secret is mistyped or cut off (its checksum is wrong)",
            Some(_) => "no secret of the client matches",
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        client::{ClientKind, ExchangeError, Permissions},
        secret::tests::HASHES,
    };

    fn client(secrets: &[(&str, Option<i64>)]) -> Client {
        let secrets = secrets.iter().map(|&(text, expires_at)| ClientSecret {
            id: text.to_owned(),
            hash: Secret::new(text).hash(),
            expires_at,
        });
        Client {
            id: "bff".to_owned(),
            name: "Backend".to_owned(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: Vec::new(),
            access: Vec::new(),
            permissions: Permissions::new(),
            exchange_error: ExchangeError::default(),
            secrets: secrets.collect(),
        }
    }

    fn outcome(found: Option<&Client>, secret: &str) -> (Result<String, &'static str>, usize) {
        let before = HASHES.get();
        let outcome = check(found, &Secret::new(secret), 100).map(|used| used.id);
        (outcome, HASHES.get() - before)
    }

    /// TE-019.
    #[test]
    fn every_outcome_costs_one_hash_of_the_secret() {
        LazyLock::force(&NOBODYS_HASH);
        let client = client(&[("old", Some(100)), ("new", None)]);
        assert_eq!(outcome(None, "new"), (Err("there is no such client"), 1));
        assert_eq!(outcome(Some(&client), "new"), (Ok("new".to_owned()), 1));
        assert_eq!(outcome(Some(&client), "old"), (Err("the secret has expired"), 1));
        assert_eq!(outcome(Some(&client), "other"), (Err("no secret of the client matches"), 1));
        let mistyped = "the secret is mistyped or cut off (its checksum is wrong)";
        assert_eq!(outcome(Some(&client), "tsk_other"), (Err(mistyped), 1));
        assert_eq!(outcome(None, "tsk_other"), (Err("there is no such client"), 1));
    }
}
