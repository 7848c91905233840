//! Service accounts on day one, without a user interface: create, reset the secret, list.

use super::{
    facts::{Differences, Known as _},
    lookup::EnvironmentLookup,
    operator::{Done, Operator},
};
use crate::{
    domain::{
        client::{Client, ClientSecret},
        environment::Environment,
        random::{Random, RandomError, random_id},
        secret::Secret,
    },
    store::{
        Conn, Origin, Store, StoreError,
        client_secrets::{self, SecretOrigin},
        clients::{self, StoredClient},
        environments, resource_servers,
    },
};

/// Why a service account cannot be changed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ServiceAccountError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No secret can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// It makes no sense; the text says what would.
    #[error("{0}")]
    Refused(String),
}

/// Makes a service account with a new secret, and shows the secret for the only time.
///
/// An account that an environment file made without a secret is not made again: it gets the secret.
///
/// # Errors
/// The database fails, the account is there and has a secret, or it is given access that does not exist.
pub fn create(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    client: &Client,
) -> Result<Secret, ServiceAccountError> {
    let (random, now) = (operator.random, operator.now());
    let operation = ("service-account create", client.id.as_str());
    change(store, operator, operation, lookup, |conn, environment| {
        match clients::find(conn, &environment.id, &client.id)? {
            None => {
                check_access(conn, environment, client)?;
                clients::upsert(conn, &environment.id, client, Origin::Command, now)?;
            }
            Some(known) if known.secrets.is_empty() => {
                let asks_for_more = !client.access.is_empty() || !client.permissions.is_empty();
                if asks_for_more {
                    return Err(ServiceAccountError::Refused(format!(
                        "service account {:?} comes from an environment file: change its access and permissions there",
                        client.id
                    )));
                }
            }
            Some(_) => {
                return Err(ServiceAccountError::Refused(format!(
                    "service account {0:?} is there already; `tessera service-account reset-secret {0}` gives it a new \
                     secret",
                    client.id
                )));
            }
        }
        new_secret(conn, random, environment, &client.id, now, now)
    })
}

/// Gives a service account a new secret, shown for the only time. The one it has is good for `keep_old` seconds more.
///
/// # Errors
/// The database fails, or there is no such account.
pub fn reset_secret(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    client_id: &str,
    keep_old: i64,
) -> Result<Secret, ServiceAccountError> {
    let (random, now) = (operator.random, operator.now());
    let operation = ("service-account reset-secret", client_id);
    change(store, operator, operation, lookup, |conn, environment| {
        if clients::find(conn, &environment.id, client_id)?.is_none() {
            return Err(ServiceAccountError::Refused(format!(
                "there is no service account {client_id:?}: see `tessera service-account list`"
            )));
        }
        new_secret(conn, random, environment, client_id, now, now.saturating_add(keep_old))
    })
}

/// All service accounts of an environment, by id.
///
/// # Errors
/// The database fails, or there is no such environment.
pub fn list(store: &Store, lookup: &EnvironmentLookup) -> Result<Vec<StoredClient>, ServiceAccountError> {
    store.snapshot(|conn| {
        let environment = find(conn, lookup)?;
        Ok(clients::list(conn, &environment.id)?)
    })
}

fn change<T>(
    store: &Store,
    operator: &Operator<'_>,
    (operation, client_id): (&'static str, &str),
    lookup: &EnvironmentLookup,
    work: impl FnOnce(&mut Conn<'_>, &Environment) -> Result<T, ServiceAccountError>,
) -> Result<T, ServiceAccountError> {
    operator.change(store, operation, |conn| {
        let environment = find(conn, lookup)?;
        // First, so that two changes at once wait for each other, and so that every node hears of it.
        environments::touch(conn, &environment.id, operator.now())?;
        let before = stored(conn, &environment, client_id)?.map(|client| client.facts());
        let value = work(conn, &environment)?;
        let after = stored(conn, &environment, client_id)?.map(|client| client.facts());
        let differences = Differences::between(before.as_ref(), after.as_ref());
        Ok((value, vec![Done::to(&environment.id, client_id, differences)]))
    })
}

fn stored(
    conn: &mut Conn<'_>,
    environment: &Environment,
    client_id: &str,
) -> Result<Option<StoredClient>, ServiceAccountError> {
    let all = clients::list(conn, &environment.id)?;
    Ok(all.into_iter().find(|stored| stored.client.id == client_id))
}

fn find(conn: &mut Conn<'_>, lookup: &EnvironmentLookup) -> Result<Environment, ServiceAccountError> {
    lookup.find(conn)?.ok_or_else(|| ServiceAccountError::Refused(lookup.not_found()))
}

fn new_secret(
    conn: &mut Conn<'_>,
    random: &dyn Random,
    environment: &Environment,
    client_id: &str,
    now: i64,
    previous_until: i64,
) -> Result<Secret, ServiceAccountError> {
    let secret = Secret::generate(random)?;
    let kept = ClientSecret { id: random_id(random)?, hash: secret.hash(), expires_at: None };
    let origin = SecretOrigin::Generated;
    client_secrets::replace(conn, &environment.id, client_id, &kept, origin, now, previous_until)?;
    Ok(secret)
}

/// Access to what does not exist would be refused at the first request, far from whoever mistyped it.
fn check_access(conn: &mut Conn<'_>, environment: &Environment, client: &Client) -> Result<(), ServiceAccountError> {
    let servers = resource_servers::list(conn, &environment.id)?;
    for access in &client.access {
        let Some(server) = servers.iter().find(|server| server.audience == access.audience) else {
            return Err(ServiceAccountError::Refused(format!("there is no resource server {:?}", access.audience)));
        };
        let unknown = access.scopes.difference(&server.scopes);
        if !unknown.is_empty() {
            let audience = &access.audience;
            return Err(ServiceAccountError::Refused(format!("resource server {audience:?} has no scope {unknown}")));
        }
    }
    Ok(())
}
