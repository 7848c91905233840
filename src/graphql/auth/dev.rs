//! The `dev…` operations of `/graphql`, on servers for development.

use async_graphql::{Context, InputObject, Object};

use crate::{
    domain::permission::ID_SERVICE,
    graphql::{
        permission_structure::{PermissionStructureInput, from_input},
        request,
        token::{secret_payloads, success_payloads, token_payloads},
    },
    operations::{
        management::{
            recorded::{Operation, Permission},
            service_accounts::{self, NewServiceAccount},
        },
        mosaic_error::MosaicError,
        mosaic_tokens::management_user::{DevManager, dev_generate_user_access_token},
    },
};

/// What all of them take: with it a developer makes accounts and tokens with any permission.
const SET_UP: Permission = (ID_SERVICE, "DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS");

#[derive(Default)]
pub(super) struct DevMutation;

/// A service account and what it may do.
#[derive(InputObject)]
struct DevSetupServiceAccountWithPermissionsInput {
    /// One of the same name that was made so is replaced.
    service_account_name: String,
    /// What it may do.
    permission_structure: Option<Vec<PermissionStructureInput>>,
    /// Whether permissions that no service defines are refused.
    enforce_valid_permission_structure: Option<bool>,
}

secret_payloads! {
    /// Id and secret, shown for the only time.
    DevSetupServiceAccountWithPermissionsPayload;
}

success_payloads! {
    /// Whether it is deleted.
    DevDeleteServiceAccountPayload;
    /// Whether it has the permissions now.
    DevUpdateServiceAccountPermissionStructurePayload;
}

token_payloads! {
    /// A token of somebody who manages.
    DevGenerateUserAccessTokenWithPermissionsPayload;
}

/// Which service account.
#[derive(InputObject)]
struct DevDeleteServiceAccountInput {
    /// Its id.
    client_id: String,
}

/// A service account and what it is to be able to do.
#[derive(InputObject)]
struct DevUpdateServiceAccountPermissionStructureInput {
    /// Its id.
    client_id: String,
    /// What it may do, in place of all it could.
    permission_structure: Option<Vec<PermissionStructureInput>>,
    /// Whether permissions that no service defines are refused.
    enforce_valid_permission_structure: Option<bool>,
}

/// Somebody who manages, as far as the token says.
#[derive(InputObject)]
struct DevGenerateUserAccessTokenWithPermissionsInput {
    /// Who.
    email: Option<String>,
    /// What the token allows.
    permission_structure: Option<Vec<PermissionStructureInput>>,
    /// Whether permissions that no service defines are refused.
    enforce_valid_permission_structure: Option<bool>,
    /// Seconds; the environment's lifetime of tokens when absent.
    token_expiration_in_seconds: Option<i32>,
}

#[Object]
impl DevMutation {
    /// Makes a service account with these permissions. Needs
    /// `ax-id-service: DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS`, as all of these operations do.
    async fn dev_setup_service_account_with_permissions(
        &self,
        ctx: &Context<'_>,
        input: DevSetupServiceAccountWithPermissionsInput,
    ) -> Result<Option<DevSetupServiceAccountWithPermissionsPayload>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        let name = input.service_account_name;
        let operation = Operation {
            name: "devSetupServiceAccountWithPermissions",
            permission: SET_UP,
            subject: Some(&name.clone()),
        };
        let permissions = from_input(input.permission_structure);
        let enforce = input.enforce_valid_permission_structure.unwrap_or(false);
        let work = async {
            service_accounts::check_permissions(manager.environment, &permissions, enforce)?;
            let account = NewServiceAccount { name, permissions };
            service_accounts::set_up(manager.context, manager.environment, account).await
        };
        Ok(Some(manager.change(operation, work).await?.into()))
    }

    /// Deletes a service account that no environment file looks after.
    async fn dev_delete_service_account(
        &self,
        ctx: &Context<'_>,
        input: DevDeleteServiceAccountInput,
    ) -> Result<Option<DevDeleteServiceAccountPayload>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        let id = input.client_id;
        let operation = Operation { name: "devDeleteServiceAccount", permission: SET_UP, subject: Some(&id.clone()) };
        manager.change(operation, service_accounts::delete(manager.context, manager.environment, None, id)).await?;
        Ok(Some(DevDeleteServiceAccountPayload::done()))
    }

    /// Gives a service account other permissions.
    async fn dev_update_service_account_permission_structure(
        &self,
        ctx: &Context<'_>,
        input: DevUpdateServiceAccountPermissionStructureInput,
    ) -> Result<Option<DevUpdateServiceAccountPermissionStructurePayload>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        let id = input.client_id;
        let operation = Operation {
            name: "devUpdateServiceAccountPermissionStructure",
            permission: SET_UP,
            subject: Some(&id.clone()),
        };
        let permissions = from_input(input.permission_structure);
        let enforce = input.enforce_valid_permission_structure.unwrap_or(false);
        let work = async {
            service_accounts::check_permissions(manager.environment, &permissions, enforce)?;
            let patch = service_accounts::Patch { permissions: Some(permissions), ..Default::default() };
            service_accounts::update(manager.context, manager.environment, None, id, patch).await
        };
        manager.change(operation, work).await?;
        Ok(Some(DevUpdateServiceAccountPermissionStructurePayload::done()))
    }

    /// A token of somebody who manages the environment, with these permissions.
    async fn dev_generate_user_access_token_with_permissions(
        &self,
        ctx: &Context<'_>,
        input: DevGenerateUserAccessTokenWithPermissionsInput,
    ) -> Result<Option<DevGenerateUserAccessTokenWithPermissionsPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let manager = DevManager {
            email: input.email,
            permissions: from_input(input.permission_structure),
            enforce: input.enforce_valid_permission_structure.unwrap_or(false),
            lifetime: input.token_expiration_in_seconds.map(i64::from),
        };
        let caller = request.caller().await;
        let operation = request.operation("devGenerateUserAccessTokenWithPermissions");
        let (context, environment) = (&request.context, &request.environment);
        let token = dev_generate_user_access_token(context, environment, caller, manager, &operation).await?;
        Ok(Some(token.into()))
    }
}
