//! Service accounts: create, rename, give permissions, reset the secret, delete, list.

use std::sync::Arc;

use serde_json::json;

use super::{
    Place,
    authority::Authority,
    change,
    checks::{self, Page, invalid},
    look_up,
    recorded::{Permission, Subject},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::{Client, ClientKind, ClientSecret, ClientSignIn, ExchangeError, PLAIN_GRANTS, Permissions},
        permission::{ID_SERVICE, is_own_permission, is_permission_name},
        random::{Random, random_id, random_uuid},
        secret::Secret,
        user::MAX_TEXT,
    },
    operations::{
        context::Context,
        facts::{Changed, Differences, Facts, Known as _},
        mosaic_error::{MosaicCode, MosaicError},
    },
    store::{
        Conn, Origin, applications,
        client_secrets::{self, SecretOrigin},
        clients::{self, StoredClient},
    },
};

/// What it takes to see service accounts.
pub const VIEW_SERVICE_ACCOUNTS: Permission = (ID_SERVICE, "SERVICE_ACCOUNTS_VIEW");
/// What it takes to change them.
pub const EDIT_SERVICE_ACCOUNTS: Permission = (ID_SERVICE, "SERVICE_ACCOUNTS_EDIT");
/// The most permissions of one service account: its tokens carry all of them.
const MAX_PERMISSIONS: usize = 500;
/// The longest that a replaced secret may stay good, in seconds: a year.
pub(super) const MAX_KEEP: i64 = 31_536_000;

impl Subject for StoredClient {
    fn subject(&self) -> &str {
        &self.client.id
    }
}

/// A service account and the secret that was made for it, shown for the only time.
#[derive(Debug)]
pub struct WithSecret {
    /// Its id.
    pub client_id: String,
    /// The secret.
    pub secret: Secret,
}

impl Subject for WithSecret {
    fn subject(&self) -> &str {
        &self.client_id
    }
}

/// What a service account is to be.
#[derive(Debug, Clone)]
pub struct NewServiceAccount {
    /// For people.
    pub name: String,
    /// What it may do.
    pub permissions: Permissions,
}

/// Some service accounts, and how many there are in all.
#[derive(Debug)]
pub struct ServiceAccounts {
    /// Those of the page.
    pub nodes: Vec<StoredClient>,
    /// How many there are.
    pub total: usize,
}

/// The service accounts of the environment, by id.
///
/// # Errors
/// The database fails.
pub async fn list(
    context: &Context,
    environment: &EnvironmentSnapshot,
    page: Page,
) -> Result<ServiceAccounts, MosaicError> {
    let Page { first, offset } = page;
    let part = move |conn: &mut Conn<'_>, id: &str| clients::page(conn, id, offset, first);
    let (nodes, total) = look_up(context, environment, part).await?;
    Ok(ServiceAccounts { nodes, total: usize::try_from(total).unwrap_or_default() })
}

/// The service account with this id, if the environment has one.
///
/// # Errors
/// The database fails.
pub async fn look_up_one(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client_id: String,
) -> Result<Option<StoredClient>, MosaicError> {
    look_up(context, environment, move |conn, id| clients::find_stored(conn, id, &client_id)).await
}

/// Whether the names can be permissions, there are not too many, and, if `enforce`, services define all of them.
///
/// # Errors
/// [`MosaicCode::ArgumentInvalid`]; `details` names those that nobody defines.
pub fn check_permissions(
    environment: &EnvironmentSnapshot,
    permissions: &Permissions,
    enforce: bool,
) -> Result<(), MosaicError> {
    let argument = "permissionStructure";
    let pairs = || permissions.iter().flat_map(|(service, keys)| keys.iter().map(move |key| (service, key)));
    if pairs().count() > MAX_PERMISSIONS {
        return Err(invalid(argument, &format!("may have at most {MAX_PERMISSIONS} permissions")));
    }
    if !permissions.keys().chain(permissions.values().flatten()).all(|name| is_permission_name(name)) {
        return Err(invalid(argument, "has a name that is not 1 to 127 visible ASCII characters without \" \\ and :"));
    }
    let is_known = |service: &str, key: &str| {
        let defined = environment.permissions.iter().any(|one| one.service_id == service && one.key == key);
        defined || is_own_permission(service, key)
    };
    let unknown: Vec<String> = pairs()
        .filter(|(service, key)| enforce && !is_known(service, key))
        .map(|(service, key)| format!("{service}:{key}"))
        .collect();
    if unknown.is_empty() {
        return Ok(());
    }
    Err(invalid(argument, "has permissions that no service defines").with_details(json!({ "unknown": unknown })))
}

/// Makes a service account with an id of its own.
///
/// # Errors
/// An argument is invalid, the account is to have more than its maker, or the database fails.
pub async fn create(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Authority,
    account: NewServiceAccount,
) -> Result<Changed<WithSecret>, MosaicError> {
    checks::text("name", &account.name, MAX_TEXT)?;
    let random = Arc::clone(&context.random);
    change(context, environment, move |conn, place| {
        let application = authority.confinement_of_new(conn, place, &account.permissions)?;
        make(conn, place, &*random, account, application, None)
    })
    .await
}

/// The same, in place of the accounts of that name that were made so before.
///
/// # Errors
/// An argument is invalid, an environment file has an account of that name, or the database fails.
pub async fn set_up(
    context: &Context,
    environment: &EnvironmentSnapshot,
    account: NewServiceAccount,
) -> Result<Changed<WithSecret>, MosaicError> {
    checks::text("serviceAccountName", &account.name, MAX_TEXT)?;
    let random = Arc::clone(&context.random);
    change(context, environment, move |conn, place| {
        let mut replaced = None;
        for id in clients::ids_of_name(conn, &place.environment_id, &account.name)? {
            let known = find(conn, place, &id)?;
            if known.origin == Origin::File {
                return Err(MosaicError::from(MosaicCode::UniqueConstraintError));
            }
            clients::delete(conn, &place.environment_id, &id)?;
            replaced = Some(known.facts());
        }
        make(conn, place, &*random, account, None, replaced)
    })
    .await
}

fn make(
    conn: &mut Conn<'_>,
    place: &Place,
    random: &dyn Random,
    account: NewServiceAccount,
    application: Option<String>,
    replaced: Option<Facts>,
) -> Result<Changed<WithSecret>, MosaicError> {
    let client = Client {
        id: random_uuid(random)?,
        name: account.name,
        kind: ClientKind::ServiceAccount,
        enabled: true,
        grants: PLAIN_GRANTS.to_vec(),
        access: Vec::new(),
        permissions: account.permissions,
        exchange_error: ExchangeError::default(),
        sign_in: ClientSignIn { application, ..ClientSignIn::default() },
        secrets: Vec::new(),
    };
    if applications::find(conn, &place.environment_id, &client.id)?.is_some() {
        return Err(MosaicError::from(MosaicCode::UniqueConstraintError));
    }
    clients::upsert(conn, &place.environment_id, &client, Origin::Command, place.now)?;
    new_secret(conn, place, random, client.id, place.now, replaced)
}

fn new_secret(
    conn: &mut Conn<'_>,
    place: &Place,
    random: &dyn Random,
    client_id: String,
    previous_until: i64,
    before: Option<Facts>,
) -> Result<Changed<WithSecret>, MosaicError> {
    let secret = Secret::generate(random)?;
    let kept = ClientSecret::new(random_id(random)?, secret.hash(), None);
    let origin = SecretOrigin::Generated;
    client_secrets::replace(conn, &place.environment_id, &client_id, &kept, origin, place.now, previous_until)?;
    let after = find(conn, place, &client_id)?.facts();
    let differences = Differences::between(before.as_ref(), Some(&after));
    Ok(Changed { value: WithSecret { client_id, secret }, differences })
}

/// Gives a service account a new secret; the one it has stays good for `keep_old` seconds.
///
/// # Errors
/// There is no such account, it is beyond the caller, the time is out of bounds, or the database fails.
pub async fn reset_secret(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Authority,
    client_id: String,
    keep_old: i64,
) -> Result<Changed<WithSecret>, MosaicError> {
    if !(0..=MAX_KEEP).contains(&keep_old) {
        return Err(invalid("keepOldSecretForSeconds", &format!("must be 0 to {MAX_KEEP}")));
    }
    let random = Arc::clone(&context.random);
    change(context, environment, move |conn, place| {
        let before = find_managed(conn, place, Some(&authority), &client_id)?.facts();
        new_secret(conn, place, &*random, client_id, place.now.saturating_add(keep_old), Some(before))
    })
    .await
}

/// What is changed of a service account; `None` stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Patch {
    /// A new name.
    pub name: Option<String>,
    /// New permissions, in place of all there are.
    pub permissions: Option<Permissions>,
    /// A disabled one gets nothing, and its tokens are refused.
    pub enabled: Option<bool>,
}

/// Changes a service account, within the bounds of the caller where it has some. One of an environment file stays the file's: the next
/// apply restores what it says.
///
/// # Errors
/// There is no such account, it or a new permission is beyond the caller, an argument is invalid, or the database fails.
pub async fn update(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Option<Authority>,
    client_id: String,
    patch: Patch,
) -> Result<Changed<StoredClient>, MosaicError> {
    checks::optional_text("name", patch.name.as_deref(), MAX_TEXT)?;
    change(context, environment, move |conn, place| {
        let mut stored = find_managed(conn, place, authority.as_ref(), &client_id)?;
        if let Some((authority, permissions)) = authority.as_ref().zip(patch.permissions.as_ref()) {
            authority.check_gives(conn, place, permissions)?;
        }
        let before = stored.facts();
        let client = &mut stored.client;
        client.name = patch.name.unwrap_or_else(|| client.name.clone());
        client.permissions = patch.permissions.unwrap_or_else(|| client.permissions.clone());
        client.enabled = patch.enabled.unwrap_or(client.enabled);
        clients::upsert(conn, &place.environment_id, client, stored.origin, place.now)?;
        Ok(Changed::edited(&before, stored))
    })
    .await
}

/// Deletes a service account. One of an environment file would come back with the next apply, without its secret's history.
///
/// # Errors
/// There is no such account, it is beyond the caller, an environment file looks after it, or the database fails.
pub async fn delete(
    context: &Context,
    environment: &EnvironmentSnapshot,
    authority: Option<Authority>,
    client_id: String,
) -> Result<Changed<StoredClient>, MosaicError> {
    change(context, environment, move |conn, place| {
        let stored = find_managed(conn, place, authority.as_ref(), &client_id)?;
        if stored.origin == Origin::File {
            let message = "an environment file looks after this service account: remove it there";
            return Err(MosaicError::new(MosaicCode::Unauthorized, message));
        }
        clients::delete(conn, &place.environment_id, &client_id)?;
        Ok(Changed::removed(stored))
    })
    .await
}

pub(super) fn find(conn: &mut Conn<'_>, place: &Place, client_id: &str) -> Result<StoredClient, MosaicError> {
    let found = clients::find_stored(conn, &place.environment_id, client_id)?;
    found.ok_or_else(|| MosaicCode::ServiceAccountDoesNotExist.into())
}

/// The same, if it is within the bounds of the caller.
pub(super) fn find_managed(
    conn: &mut Conn<'_>,
    place: &Place,
    authority: Option<&Authority>,
    client_id: &str,
) -> Result<StoredClient, MosaicError> {
    let stored = find(conn, place, client_id)?;
    if let Some(authority) = authority {
        authority.check_manages(conn, place, &stored)?;
    }
    Ok(stored)
}
