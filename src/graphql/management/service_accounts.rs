//! Service accounts: list, create, change, new secret, delete.

use async_graphql::{Context, InputObject, Object, SimpleObject};

use super::shapes::payloads;
use crate::{
    graphql::{
        permission_structure::{PermissionStructure, PermissionStructureInput, from_input, shown},
        request,
        token::secret_payloads,
    },
    operations::{
        facts::Changed,
        management::{
            authority::Authority,
            checks::Page,
            recorded::{Manager, Operation, Subject},
            service_accounts::{self, EDIT_SERVICE_ACCOUNTS, NewServiceAccount, Patch, VIEW_SERVICE_ACCOUNTS},
        },
        mosaic_error::MosaicError,
    },
    store::{Origin, clients::StoredClient},
};

/// What can be asked about service accounts.
#[derive(Default)]
pub(in crate::graphql) struct ServiceAccountQuery;

/// What can be done with service accounts.
#[derive(Default)]
pub(in crate::graphql) struct ServiceAccountMutation;

/// A client of the token endpoint.
#[derive(SimpleObject)]
struct ServiceAccount {
    /// Its id.
    client_id: String,
    /// For people.
    name: String,
    /// A disabled one gets nothing, and its tokens are refused.
    enabled: bool,
    /// What it may do.
    permission_structure: Vec<PermissionStructure>,
    /// How many of its secrets are good.
    active_secrets: usize,
    /// Whether an environment file looks after it: the next apply restores what the file says.
    managed_by_file: bool,
}

impl ServiceAccount {
    fn of(stored: StoredClient, now: i64) -> Self {
        let StoredClient { client, origin } = stored;
        Self {
            active_secrets: client.secrets.iter().filter(|secret| secret.is_active(now)).count(),
            client_id: client.id,
            name: client.name,
            enabled: client.enabled,
            permission_structure: shown(client.permissions),
            managed_by_file: origin == Origin::File,
        }
    }
}

/// Some service accounts.
#[derive(SimpleObject)]
struct ServiceAccountsConnection {
    /// Those of the page, by id.
    nodes: Vec<ServiceAccount>,
    /// How many there are.
    total_count: usize,
}

/// A service account and what it may do.
#[derive(InputObject)]
struct CreateServiceAccountInput {
    /// For people.
    name: String,
    /// What it may do: nothing that the caller may not.
    permission_structure: Option<Vec<PermissionStructureInput>>,
}

secret_payloads! {
    /// Id and secret, shown for the only time.
    CreateServiceAccountPayload;
    /// Id and new secret, shown for the only time.
    ResetServiceAccountSecretPayload;
}

/// Which service account.
#[derive(InputObject)]
struct ResetServiceAccountSecretInput {
    /// Its id.
    client_id: String,
    /// How many seconds the present secret stays good beside the new one; none when absent.
    keep_old_secret_for_seconds: Option<i32>,
}

/// Which service account, and what it may do from now on.
#[derive(InputObject)]
struct SetServiceAccountPermissionsInput {
    /// Its id.
    client_id: String,
    /// What it may do, in place of all it could: nothing that the caller may not.
    permission_structure: Vec<PermissionStructureInput>,
}

/// Which service account, and whether it is in force.
#[derive(InputObject)]
struct SetServiceAccountEnabledInput {
    /// Its id.
    client_id: String,
    /// A disabled one gets nothing, and its tokens are refused.
    enabled: bool,
}

/// Which service account.
#[derive(InputObject)]
struct DeleteServiceAccountInput {
    /// Its id.
    client_id: String,
}

payloads! {
    service_account: ServiceAccount, from ServiceAccount;
    /// The service account, as it is now.
    SetServiceAccountPermissionsPayload;
    /// The service account, as it is now.
    SetServiceAccountEnabledPayload;
    /// The service account, as it was.
    DeleteServiceAccountPayload;
}

fn operation<'a>(name: &'static str, subject: &'a str) -> Operation<'a> {
    Operation { name, permission: EDIT_SERVICE_ACCOUNTS, subject: Some(subject) }
}

fn shown_in(ctx: &Context<'_>, stored: StoredClient) -> Result<ServiceAccount, MosaicError> {
    Ok(ServiceAccount::of(stored, request::of(ctx)?.context.clock.now()))
}

/// Changes an account that is there, within the bounds of the caller.
pub(super) async fn change_one<T: Subject>(
    ctx: &Context<'_>,
    name: &'static str,
    id: &str,
    work: impl AsyncFnOnce(&Manager<'_>, Authority) -> Result<Changed<T>, MosaicError>,
) -> Result<T, MosaicError> {
    let request = request::of(ctx)?;
    let manager = request.manager().await;
    let checked = async {
        let authority = Authority::of(request.caller().await?);
        work(&manager, authority).await
    };
    manager.change(operation(name, id), checked).await
}

#[Object]
impl ServiceAccountQuery {
    /// The service accounts of the environment, by id; at most 100 at once. Needs `ax-id-service: SERVICE_ACCOUNTS_VIEW`.
    #[graphql(complexity = "super::list::page_cost(first, child_complexity)")]
    async fn service_accounts(
        &self,
        ctx: &Context<'_>,
        first: Option<i32>,
        offset: Option<i32>,
    ) -> Result<Option<ServiceAccountsConnection>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        manager.check(VIEW_SERVICE_ACCOUNTS)?;
        let page = Page::new(first, offset)?;
        let found = service_accounts::list(manager.context, manager.environment, page).await?;
        let now = manager.context.clock.now();
        let nodes = found.nodes.into_iter().map(|stored| ServiceAccount::of(stored, now)).collect();
        Ok(Some(ServiceAccountsConnection { nodes, total_count: found.total }))
    }

    /// The service account with this id, if the environment has one. Needs `ax-id-service: SERVICE_ACCOUNTS_VIEW`.
    async fn service_account(
        &self,
        ctx: &Context<'_>,
        client_id: String,
    ) -> Result<Option<ServiceAccount>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        manager.check(VIEW_SERVICE_ACCOUNTS)?;
        let found = service_accounts::look_up_one(manager.context, manager.environment, client_id).await?;
        let now = manager.context.clock.now();
        Ok(found.map(|stored| ServiceAccount::of(stored, now)))
    }
}

#[Object]
impl ServiceAccountMutation {
    /// Makes a service account and its secret. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`, and every permission that it
    /// gives.
    async fn create_service_account(
        &self,
        ctx: &Context<'_>,
        input: CreateServiceAccountInput,
    ) -> Result<Option<CreateServiceAccountPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let manager = request.manager().await;
        let name = input.name;
        let permissions = from_input(input.permission_structure);
        let operation = operation("createServiceAccount", &name);
        let work = async {
            service_accounts::check_permissions(manager.environment, &permissions, true)?;
            let authority = Authority::of(request.caller().await?);
            let account = NewServiceAccount { name: name.clone(), permissions };
            service_accounts::create(manager.context, manager.environment, authority, account).await
        };
        Ok(Some(manager.change(operation, work).await?.into()))
    }

    /// Gives a service account a new secret. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`, and every permission that it
    /// has; one with scopes or exchange rules of its own gets one by command, or for itself.
    async fn reset_service_account_secret(
        &self,
        ctx: &Context<'_>,
        input: ResetServiceAccountSecretInput,
    ) -> Result<Option<ResetServiceAccountSecretPayload>, MosaicError> {
        let (id, keep) = (input.client_id, input.keep_old_secret_for_seconds.map_or(0, i64::from));
        let made = change_one(ctx, "resetServiceAccountSecret", &id, async |manager, authority| {
            service_accounts::reset_secret(manager.context, manager.environment, authority, id.clone(), keep).await
        });
        Ok(Some(made.await?.into()))
    }

    /// Gives a service account other permissions. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`, and every permission that
    /// it gives.
    async fn set_service_account_permissions(
        &self,
        ctx: &Context<'_>,
        input: SetServiceAccountPermissionsInput,
    ) -> Result<Option<SetServiceAccountPermissionsPayload>, MosaicError> {
        let id = input.client_id;
        let permissions = from_input(Some(input.permission_structure));
        let changed = change_one(ctx, "setServiceAccountPermissions", &id, async |manager, authority| {
            service_accounts::check_permissions(manager.environment, &permissions, true)?;
            let patch = Patch { permissions: Some(permissions), ..Patch::default() };
            service_accounts::update(manager.context, manager.environment, Some(authority), id.clone(), patch).await
        });
        Ok(Some(shown_in(ctx, changed.await?)?.into()))
    }

    /// Takes a service account out of force, or puts it back. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`.
    async fn set_service_account_enabled(
        &self,
        ctx: &Context<'_>,
        input: SetServiceAccountEnabledInput,
    ) -> Result<Option<SetServiceAccountEnabledPayload>, MosaicError> {
        let id = input.client_id;
        let changed = change_one(ctx, "setServiceAccountEnabled", &id, async |manager, authority| {
            let patch = Patch { enabled: Some(input.enabled), ..Patch::default() };
            service_accounts::update(manager.context, manager.environment, Some(authority), id.clone(), patch).await
        });
        Ok(Some(shown_in(ctx, changed.await?)?.into()))
    }

    /// Deletes a service account that no environment file looks after. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`.
    async fn delete_service_account(
        &self,
        ctx: &Context<'_>,
        input: DeleteServiceAccountInput,
    ) -> Result<Option<DeleteServiceAccountPayload>, MosaicError> {
        let id = input.client_id;
        let changed = change_one(ctx, "deleteServiceAccount", &id, async |manager, authority| {
            service_accounts::delete(manager.context, manager.environment, Some(authority), id.clone()).await
        });
        Ok(Some(shown_in(ctx, changed.await?)?.into()))
    }
}
