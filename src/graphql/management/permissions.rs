//! The permissions that services define.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::{
    list::{StringFilter, page_cost},
    manager,
};
use crate::{
    domain::permission::PermissionDefinition,
    operations::{
        management::{
            checks::Page,
            permissions,
            recorded::{Operation, SYNCHRONIZE_PERMISSIONS},
        },
        mosaic_error::MosaicError,
    },
    store::{Origin, permissions::StoredPermission},
};

/// A permission that a service defines.
#[derive(SimpleObject)]
pub(super) struct Permission {
    /// The service.
    service_id: String,
    /// Its name; unique in the service.
    key: String,
    /// For people.
    title: String,
    /// The operations of the service that it opens.
    gql_operations: Vec<String>,
    /// Whether an environment file looks after it: the next time the file is applied, it says again what is in there.
    managed_by_file: bool,
}

impl From<StoredPermission> for Permission {
    fn from(stored: StoredPermission) -> Self {
        let StoredPermission { definition, origin } = stored;
        Self {
            service_id: definition.service_id,
            key: definition.key,
            title: definition.title,
            gql_operations: definition.gql_operations,
            managed_by_file: origin == Origin::File,
        }
    }
}

/// Some permissions.
#[derive(SimpleObject)]
pub(super) struct PermissionsConnection {
    /// Those of the page, by service and key.
    nodes: Vec<Permission>,
    /// How many the filter lets through.
    total_count: usize,
}

/// Which permissions are listed.
#[derive(InputObject)]
pub(super) struct PermissionFilter {
    /// Those of this service.
    service_id: Option<StringFilter>,
}

/// What can be asked about permissions.
#[derive(Default)]
pub(super) struct PermissionQuery;

#[Object]
impl PermissionQuery {
    /// The permissions that services define, by service and key; at most 100 at once. Needs
    /// `ax-id-service: PERMISSIONS_SYNCHRONIZE`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn permissions(
        &self,
        ctx: &Context<'_>,
        filter: Option<PermissionFilter>,
        first: Option<i32>,
        offset: Option<i32>,
    ) -> Result<Option<PermissionsConnection>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(SYNCHRONIZE_PERMISSIONS)?;
        let service_id = StringFilter::equal(filter.and_then(|filter| filter.service_id));
        let page = Page::new(first, offset)?;
        let found = permissions::list(manager.context, manager.environment, service_id, page).await?;
        let nodes = found.nodes.into_iter().map(Into::into).collect();
        Ok(Some(PermissionsConnection { nodes, total_count: found.total }))
    }
}

/// A permission of a service.
#[derive(InputObject)]
pub(super) struct PermissionInput {
    /// Its name; unique in the service.
    key: String,
    /// For people.
    title: String,
    /// The operations of the service that it opens.
    gql_operations: Option<Vec<String>>,
}

/// Input of `synchronizePermissions`.
#[derive(InputObject)]
pub(super) struct SynchronizePermissionsInput {
    /// The service.
    service_id: String,
    /// All its permissions.
    permissions: Vec<PermissionInput>,
}

/// What `synchronizePermissions` changed.
#[derive(SimpleObject)]
pub(super) struct SynchronizePermissionsPayload {
    /// The keys that were not there.
    added: Vec<String>,
    /// The keys that are gone, with their assignments.
    removed: Vec<String>,
}

/// Input of `purgePermissions`.
#[derive(InputObject)]
pub(super) struct PurgePermissionsInput {
    /// The service.
    service_id: String,
}

/// What `purgePermissions` removed.
#[derive(SimpleObject)]
pub(super) struct PurgePermissionsPayload {
    /// How many permissions there were.
    purged: u64,
}

/// What can be done with permissions.
#[derive(Default)]
pub(super) struct PermissionMutation;

fn edit<'a>(name: &'static str, service_id: &'a str) -> Operation<'a> {
    Operation { name, permission: SYNCHRONIZE_PERMISSIONS, subject: Some(service_id) }
}

#[Object]
impl PermissionMutation {
    /// Makes these the permissions of a service. Keys that are not among them are removed, from everybody who has them. Needs
    /// `ax-id-service: PERMISSIONS_SYNCHRONIZE`.
    async fn synchronize_permissions(
        &self,
        ctx: &Context<'_>,
        input: SynchronizePermissionsInput,
    ) -> Result<Option<SynchronizePermissionsPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let service_id = input.service_id.clone();
        let definitions = input.permissions.into_iter().map(|permission| PermissionDefinition {
            service_id: service_id.clone(),
            key: permission.key,
            title: permission.title,
            gql_operations: permission.gql_operations.unwrap_or_default(),
        });
        let definitions = definitions.collect();
        let work = permissions::synchronize(manager.context, manager.environment, service_id, definitions);
        let done = manager.change(edit("synchronizePermissions", &input.service_id), work).await?;
        Ok(Some(SynchronizePermissionsPayload { added: done.keys.added, removed: done.keys.removed }))
    }

    /// Removes all permissions of a service, from everybody who has them. Needs
    /// `ax-id-service: PERMISSIONS_SYNCHRONIZE`.
    async fn purge_permissions(
        &self,
        ctx: &Context<'_>,
        input: PurgePermissionsInput,
    ) -> Result<Option<PurgePermissionsPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = permissions::purge(manager.context, manager.environment, input.service_id.clone());
        let done = manager.change(edit("purgePermissions", &input.service_id), work).await?;
        Ok(Some(PurgePermissionsPayload { purged: done.purged }))
    }
}
