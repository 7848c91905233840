//! The secrets of a service account: a second one, when each was used, an end for the first.

use std::sync::Arc;

use super::{
    authority::Authority,
    change,
    checks::invalid,
    look_up,
    recorded::Subject,
    service_accounts::{MAX_KEEP, WithSecret, find, find_managed},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::{Client, ClientSecret},
        random::random_id,
        secret::Secret,
    },
    operations::{
        context::Context,
        facts::{Changed, Differences, Known as _},
        mosaic_error::{MosaicCode, MosaicError},
    },
    store::{
        client_secrets::{self, StoredSecret},
        clients,
    },
};

/// A secret that was given an end.
#[derive(Debug)]
pub struct ExpiringSecret {
    /// Whose it is.
    pub client_id: String,
    /// What is known of it.
    pub stored: StoredSecret,
}

impl Subject for ExpiringSecret {
    fn subject(&self) -> &str {
        &self.client_id
    }
}

/// The secrets of a service account, newest first, expired ones included.
///
/// # Errors
/// There is no such account, or the database fails.
pub async fn list(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client_id: String,
) -> Result<Vec<StoredSecret>, MosaicError> {
    if !Client::is_id(&client_id) {
        return Err(MosaicCode::ServiceAccountDoesNotExist.into());
    }
    let found = look_up(context, environment, move |conn, environment_id| {
        let client = clients::find(conn, environment_id, &client_id)?;
        client.map(|_| client_secrets::list(conn, environment_id, &client_id)).transpose()
    });
    found.await?.ok_or_else(|| MosaicCode::ServiceAccountDoesNotExist.into())
}

/// Gives a service account a second secret; the one it has stays good.
///
/// # Errors
/// There is no such account, it is beyond the caller, it has two secrets that are good, or the database fails.
pub async fn add(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Authority,
    client_id: String,
) -> Result<Changed<WithSecret>, MosaicError> {
    let random = Arc::clone(&context.random);
    change(context, environment, move |conn, place| {
        let before = find_managed(conn, place, Some(&authority), &client_id)?.facts();
        let secret = Secret::generate(&*random)?;
        let kept = ClientSecret::new(random_id(&*random)?, secret.hash(), None);
        if client_secrets::add(conn, &place.environment_id, &client_id, &kept, place.now)? {
            let differences = Differences::between(Some(&before), Some(&find(conn, place, &client_id)?.facts()));
            return Ok(Changed { value: WithSecret { client_id, secret }, differences });
        }
        Err(invalid("clientId", "has two secrets that are good, and can have no third: let one of them expire"))
    })
    .await
}

/// Lets a secret expire `keep` seconds from now, unless it does earlier.
///
/// # Errors
/// There is no such account or secret, the account is beyond the caller, the time is out of bounds, or the database fails.
pub async fn expire(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Authority,
    client_id: String,
    secret_id: String,
    keep: i64,
) -> Result<Changed<ExpiringSecret>, MosaicError> {
    if !(0..=MAX_KEEP).contains(&keep) {
        return Err(invalid("keepForSeconds", &format!("must be 0 to {MAX_KEEP}")));
    }
    change(context, environment, move |conn, place| {
        let none = || invalid("secretId", "is not the id of a secret of the service account");
        let id = &place.environment_id;
        let before = find_managed(conn, place, Some(&authority), &client_id)?.facts();
        let secrets = client_secrets::list(conn, id, &client_id)?;
        let known = secrets.into_iter().find(|stored| stored.secret.id == secret_id).ok_or_else(none)?;
        // Long ago, so that it is dead on nodes whose clocks are behind this one's too.
        let at = if keep == 0 { 0 } else { place.now.saturating_add(keep) };
        client_secrets::expire(conn, &known.secret, at)?;
        let secrets = client_secrets::list(conn, id, &client_id)?;
        let stored = secrets.into_iter().find(|stored| stored.secret.id == secret_id).ok_or_else(none)?;
        let differences = Differences::between(Some(&before), Some(&find(conn, place, &client_id)?.facts()));
        Ok(Changed { value: ExpiringSecret { client_id, stored }, differences })
    })
    .await
}
