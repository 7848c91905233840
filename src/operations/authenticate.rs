//! Client authentication (RFC 6749 §2.3).

use std::sync::{Arc, LazyLock};

use super::context::Context;
use crate::{
    audit::record::AuditRecord,
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        secret::{Secret, SecretHash},
    },
    oauth::{
        credentials::ClientCredentials,
        error::{OAuthError, Problem},
    },
};

/// What an unknown client's secret is compared with, so that it costs what a wrong secret of a known one costs (TE-019).
static NOBODYS_HASH: LazyLock<SecretHash> = LazyLock::new(|| Secret::new("nobody").hash());

/// The client that the credentials prove.
///
/// # Errors
/// One and the same refusal for an unknown client, a wrong or expired secret and a disabled client; the detail tells them
/// apart in the log. The database out of reach is said so, never taken for an unknown client.
pub async fn authenticate(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
    record: &mut AuditRecord,
) -> Result<Arc<Client>, OAuthError> {
    record.client_id = Some(credentials.id.clone());
    let found = context.catalog.client(environment, &credentials.id).await.map_err(|error| {
        OAuthError::new(Problem::TemporarilyUnavailable, format!("the client cannot be looked up: {error}"))
    })?;
    let secret = Secret::new(credentials.reveal_secret());
    let refuse = |detail: &str| Err(OAuthError::new(Problem::ClientAuthenticationFailed, detail));
    let Some(client) = found else {
        // The answer is the same either way; only the time that the comparison takes is wanted.
        let _ = NOBODYS_HASH.matches(&secret);
        return refuse("there is no such client");
    };
    let now = context.clock.now();
    if client.secret_matches(&secret, now).is_none() {
        return refuse(if secret.is_mistyped() { "the secret is mistyped (checksum)" } else { "no active secret matches" });
    }
    if !client.enabled || !environment.environment.enabled {
        return refuse("the client or its environment is disabled");
    }
    Ok(client)
}
