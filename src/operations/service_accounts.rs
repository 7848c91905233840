//! Service accounts without a user interface: create, list, and their secrets.

use std::io;

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
        client_secrets::{self, SecretOrigin, StoredSecret},
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
    /// Nobody could have read the secret: it was not made.
    #[error("the secret cannot be printed, and was not made: {0}")]
    Unshown(io::Error),
    /// It makes no sense; the text says what would.
    #[error("{0}")]
    Refused(String),
}

/// Shows a new secret to the one who asked for it. It is called before the secret is kept: one that nobody has read would lock the
/// service out, and the one before it is gone.
pub type Show<'a> = &'a dyn Fn(&Secret) -> io::Result<()>;

/// Makes a service account with a new secret, and shows the secret for the only time. A secret that cannot be shown is not made.
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
    show: Show<'_>,
) -> Result<(), ServiceAccountError> {
    let (random, now) = (operator.random, operator.now());
    let operation = ("service-account create", client.id.as_str());
    change_and_show(store, operator, operation, lookup, show, |conn, environment| {
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
    show: Show<'_>,
) -> Result<(), ServiceAccountError> {
    let (random, now) = (operator.random, operator.now());
    let operation = ("service-account reset-secret", client_id);
    change_and_show(store, operator, operation, lookup, show, |conn, environment| {
        check_exists(conn, environment, client_id)?;
        new_secret(conn, random, environment, client_id, now, now.saturating_add(keep_old))
    })
}

/// Gives a service account a second secret, shown for the only time. The one it has stays good: [`expire_secret`] ends it when
/// nobody uses it any more.
///
/// # Errors
/// The database fails, there is no such account, or it has two secrets that are good.
pub fn add_secret(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    client_id: &str,
    expires_at: Option<i64>,
    show: Show<'_>,
) -> Result<(), ServiceAccountError> {
    let (random, now) = (operator.random, operator.now());
    let operation = ("service-account add-secret", client_id);
    change_and_show(store, operator, operation, lookup, show, |conn, environment| {
        check_exists(conn, environment, client_id)?;
        let secret = Secret::generate(random)?;
        let kept = ClientSecret::new(random_id(random)?, secret.hash(), expires_at);
        if client_secrets::add(conn, &environment.id, client_id, &kept, now)? {
            return Ok(secret);
        }
        Err(ServiceAccountError::Refused(format!(
            "service account {client_id:?} has two secrets that are good, and can have no third: see `tessera \
             service-account secrets {client_id}`, and expire one with `tessera service-account expire-secret`"
        )))
    })
}

/// Lets a secret of a service account expire at `at` (seconds since 1970), unless it does earlier. Gives what there is of it now.
///
/// # Errors
/// The database fails, or there is no such account or secret.
pub fn expire_secret(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    client_id: &str,
    secret_id: &str,
    at: i64,
) -> Result<Vec<StoredSecret>, ServiceAccountError> {
    let operation = ("service-account expire-secret", client_id);
    change(store, operator, operation, lookup, |conn, environment| {
        let secrets = client_secrets::list(conn, &environment.id, client_id)?;
        let Some(stored) = secrets.iter().find(|stored| stored.secret.id == secret_id) else {
            return Err(ServiceAccountError::Refused(format!(
                "service account {client_id:?} has no secret {secret_id:?}: see `tessera service-account secrets`"
            )));
        };
        client_secrets::expire(conn, &stored.secret, at)?;
        Ok(client_secrets::list(conn, &environment.id, client_id)?)
    })
}

/// The secrets of a service account, newest first; what they are is kept nowhere.
///
/// # Errors
/// The database fails, or there is no such environment or account.
pub fn secrets(
    store: &Store,
    lookup: &EnvironmentLookup,
    client_id: &str,
) -> Result<Vec<StoredSecret>, ServiceAccountError> {
    store.snapshot(|conn| {
        let environment = find(conn, lookup)?;
        check_exists(conn, &environment, client_id)?;
        Ok(client_secrets::list(conn, &environment.id, client_id)?)
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
    operator.change(store, operation, |conn| recorded(conn, operator, client_id, lookup, work))
}

/// The same for a new secret.
fn change_and_show(
    store: &Store,
    operator: &Operator<'_>,
    (operation, client_id): (&'static str, &str),
    lookup: &EnvironmentLookup,
    show: Show<'_>,
    work: impl FnOnce(&mut Conn<'_>, &Environment) -> Result<Secret, ServiceAccountError>,
) -> Result<(), ServiceAccountError> {
    let work = |conn: &mut Conn<'_>| recorded(conn, operator, client_id, lookup, work);
    let show = |secret: &Secret| show(secret).map_err(ServiceAccountError::Unshown);
    operator.change_and_show(store, operation, work, show).map(drop)
}

/// Does the work, and says what it has changed.
fn recorded<T>(
    conn: &mut Conn<'_>,
    operator: &Operator<'_>,
    client_id: &str,
    lookup: &EnvironmentLookup,
    work: impl FnOnce(&mut Conn<'_>, &Environment) -> Result<T, ServiceAccountError>,
) -> Result<(T, Vec<Done>), ServiceAccountError> {
    let environment = find(conn, lookup)?;
    // First, so that two changes at once wait for each other, and so that every node hears of it.
    environments::touch(conn, &environment.id, operator.now())?;
    let stored = |conn: &mut Conn<'_>| clients::find_stored(conn, &environment.id, client_id);
    let before = stored(conn)?.map(|client| client.facts());
    let value = work(conn, &environment)?;
    let after = stored(conn)?.map(|client| client.facts());
    let differences = Differences::between(before.as_ref(), after.as_ref());
    Ok((value, vec![Done::to(&environment.id, client_id, differences)]))
}

fn find(conn: &mut Conn<'_>, lookup: &EnvironmentLookup) -> Result<Environment, ServiceAccountError> {
    lookup.find(conn)?.ok_or_else(|| ServiceAccountError::Refused(lookup.not_found()))
}

fn check_exists(conn: &mut Conn<'_>, environment: &Environment, client_id: &str) -> Result<(), ServiceAccountError> {
    match clients::find(conn, &environment.id, client_id)? {
        Some(_) => Ok(()),
        None => Err(ServiceAccountError::Refused(format!(
            "there is no service account {client_id:?}: see `tessera service-account list`"
        ))),
    }
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
    let kept = ClientSecret::new(random_id(random)?, secret.hash(), None);
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
