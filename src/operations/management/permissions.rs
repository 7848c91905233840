//! The permissions that services define: list, synchronise, purge.

use std::collections::BTreeSet;

use serde_json::json;

use super::{change, checks, look_up, recorded::Subject};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        permission::{OWN_PERMISSIONS, PermissionDefinition, is_permission_name},
        user::MAX_TEXT,
    },
    operations::{
        context::Context,
        facts::{Changed, Differences, Facts},
        mosaic_error::{MosaicCode, MosaicError},
        permissions::{self as assigned, Synchronized},
    },
    store::{
        Conn, StoreError,
        permissions::{self, StoredPermission},
    },
};

/// The most permissions of a service.
pub const MAX_PERMISSIONS: usize = 1000;
/// The most operations that a permission opens.
const MAX_OPERATIONS: usize = 1000;
/// The most permissions of all services of an environment: all of them are in the memory of every node.
const MAX_IN_ENVIRONMENT: usize = 10_000;

/// Some permissions, and how many there are in all.
#[derive(Debug)]
pub struct Permissions {
    /// Those of the page.
    pub nodes: Vec<StoredPermission>,
    /// How many the filter lets through.
    pub total: usize,
}

/// What came of a synchronisation.
#[derive(Debug)]
pub struct ServiceSynchronized {
    /// The service.
    pub service_id: String,
    /// What changed.
    pub keys: Synchronized,
}

/// What came of a purge.
#[derive(Debug)]
pub struct ServicePurged {
    /// The service.
    pub service_id: String,
    /// How many permissions it had.
    pub purged: u64,
}

impl Subject for ServiceSynchronized {
    fn subject(&self) -> &str {
        &self.service_id
    }
}

impl Subject for ServicePurged {
    fn subject(&self) -> &str {
        &self.service_id
    }
}

/// The permissions that services of the environment define, by service and key; only those of one service if one is named.
///
/// # Errors
/// The database fails.
pub async fn list(
    context: &Context,
    environment: &EnvironmentSnapshot,
    service_id: Option<String>,
    page: checks::Page,
) -> Result<Permissions, MosaicError> {
    let mut all = look_up(context, environment, permissions::list).await?;
    all.retain(|stored| service_id.as_ref().is_none_or(|service_id| stored.definition.service_id == *service_id));
    Ok(Permissions { total: all.len(), nodes: page.of(all) })
}

/// Makes `definitions` the permissions of a service. Those that are not among them are removed, from everybody who has them.
///
/// # Errors
/// [`MosaicCode::PermissionSyncError`]: a name that cannot be one, a key listed twice, too many, or one of the services whose
/// permissions are built in; or the database fails.
pub async fn synchronize(
    context: &Context,
    environment: &EnvironmentSnapshot,
    service_id: String,
    definitions: Vec<PermissionDefinition>,
) -> Result<Changed<ServiceSynchronized>, MosaicError> {
    check_service(&service_id)?;
    check_definitions(&definitions)?;
    change(context, environment, move |conn, place| {
        let id = &place.environment_id;
        let all = permissions::list(conn, id)?;
        let others = all.iter().filter(|one| one.definition.service_id != service_id).count();
        if others + definitions.len() > MAX_IN_ENVIRONMENT {
            return Err(refused(format!("An environment has at most {MAX_IN_ENVIRONMENT} permissions")));
        }
        let keys = assigned::synchronize(conn, id, &service_id, &definitions, place.now)?;
        let differences = since(conn, &service_id, id, &all)?;
        Ok(Changed { value: ServiceSynchronized { service_id, keys }, differences })
    })
    .await
}

/// Removes all permissions of a service, from everybody who has them.
///
/// # Errors
/// [`MosaicCode::PermissionSyncError`]: the service cannot be one, or is one whose permissions are built in; or the database
/// fails.
pub async fn purge(
    context: &Context,
    environment: &EnvironmentSnapshot,
    service_id: String,
) -> Result<Changed<ServicePurged>, MosaicError> {
    check_service(&service_id)?;
    change(context, environment, move |conn, place| {
        let id = &place.environment_id;
        let all = permissions::list(conn, id)?;
        let purged = assigned::purge(conn, id, &service_id, place.now)?;
        let differences = since(conn, &service_id, id, &all)?;
        Ok(Changed { value: ServicePurged { service_id, purged }, differences })
    })
    .await
}

/// What differs of a service's permissions since they were these.
fn since(
    conn: &mut Conn<'_>,
    service_id: &str,
    environment_id: &str,
    before: &[StoredPermission],
) -> Result<Differences, StoreError> {
    let facts = |all: &[StoredPermission]| {
        let own = all.iter().map(|one| &one.definition).filter(|definition| definition.service_id == service_id);
        let shown = |one: &PermissionDefinition| json!({ "title": one.title, "operations": one.gql_operations });
        Facts::new(own.map(|one| (one.key.clone(), shown(one))).collect())
    };
    let after = permissions::list(conn, environment_id)?;
    Ok(Differences::between(Some(&facts(before)), Some(&facts(&after))))
}

fn refused(message: String) -> MosaicError {
    MosaicError::new(MosaicCode::PermissionSyncError, message)
}

fn check_service(service_id: &str) -> Result<(), MosaicError> {
    if !is_permission_name(service_id) {
        return Err(refused("The service id is empty, too long, or has characters that it cannot have".to_owned()));
    }
    if OWN_PERMISSIONS.iter().any(|(own, _)| *own == service_id) {
        // Else whoever may synchronise could take the permissions of this server away from everybody.
        return Err(refused(format!("The permissions of {service_id} are built in")));
    }
    Ok(())
}

fn check_definitions(definitions: &[PermissionDefinition]) -> Result<(), MosaicError> {
    if definitions.len() > MAX_PERMISSIONS {
        return Err(refused(format!("A service has at most {MAX_PERMISSIONS} permissions")));
    }
    let mut keys = BTreeSet::new();
    for (place, definition) in definitions.iter().enumerate() {
        // By their place: what is no name may be anything, and anything must not be repeated.
        if !is_permission_name(&definition.key) {
            let why = "is empty, too long, or has characters that it cannot have";
            return Err(refused(format!("The key of permission {} {why}", place + 1)));
        }
        let key = &definition.key;
        if !keys.insert(key) {
            return Err(refused(format!("There are two permissions {key}")));
        }
        let is_kept = checks::text("title", &definition.title, MAX_TEXT).is_ok()
            && definition.gql_operations.len() <= MAX_OPERATIONS
            && definition.gql_operations.iter().all(|name| checks::text("gqlOperations", name, MAX_TEXT).is_ok());
        if !is_kept {
            return Err(refused(format!("The title or the operations of permission {key} cannot be kept")));
        }
    }
    Ok(())
}
