//! `authenticateServiceAccount` and its managed variants.

use async_graphql::{Context, InputObject, Object};

use crate::{
    graphql::{
        request,
        token::{success_payloads, token_payloads},
    },
    oauth::credentials::ClientCredentials,
    operations::{
        management::{
            recorded::Operation,
            service_accounts::{EDIT_SERVICE_ACCOUNTS, Patch, update},
        },
        mosaic_error::MosaicError,
        mosaic_tokens::{
            managed::{Target, authenticate_managed_service_account, authenticate_managed_service_account_for},
            service_account::authenticate_service_account,
        },
    },
};

#[derive(Default)]
pub(super) struct ServiceAccountMutation;

token_payloads! {
    /// A token of the service account.
    AuthenticateServiceAccountPayload;
    /// A token of the managed service account.
    AuthenticateManagedServiceAccountPayload;
    /// A token of the managed service account.
    AuthenticateManagedServiceAccountWithEnvironmentScopePayload;
}

success_payloads! {
    /// Whether it is renamed.
    UpdateServiceAccountPayload;
}

/// Id and secret of a service account.
#[derive(InputObject)]
struct AuthenticateServiceAccountInput {
    /// Its id.
    client_id: String,
    /// Its secret.
    client_secret: String,
}

/// A service account and its new name.
#[derive(InputObject)]
struct UpdateServiceAccountInput {
    /// Its id.
    client_id: String,
    /// What changes.
    patch: ServiceAccountPatch,
}

/// What is changed of a service account.
#[derive(InputObject)]
struct ServiceAccountPatch {
    /// A new name for people.
    name: Option<String>,
}

/// Id and secret of a managed service account, and the environment that the token is for.
#[derive(InputObject)]
struct AuthenticateManagedServiceAccountInput {
    /// Its id.
    client_id: String,
    /// Its secret.
    client_secret: String,
    /// UUID of the tenant; with `targetEnvironmentId`, or not at all for a token of its own environment.
    target_tenant_id: Option<String>,
    /// UUID of the environment.
    target_environment_id: Option<String>,
}

/// Id and secret of a managed service account, and a token of the environment that the new one is for.
#[derive(InputObject)]
struct AuthenticateManagedServiceAccountWithEnvironmentScopeInput {
    /// Its id.
    client_id: String,
    /// Its secret.
    client_secret: String,
    /// A good management token of the environment.
    #[graphql(name = "managementJWT")]
    management_jwt: String,
}

#[Object]
impl ServiceAccountMutation {
    /// A token with the permissions of the service account.
    async fn authenticate_service_account(
        &self,
        ctx: &Context<'_>,
        input: AuthenticateServiceAccountInput,
    ) -> Result<Option<AuthenticateServiceAccountPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let credentials = ClientCredentials::from_arguments(input.client_id, input.client_secret);
        let operation = request.operation("authenticateServiceAccount");
        let token =
            authenticate_service_account(&request.context, &request.environment, &credentials, &operation).await?;
        Ok(Some(token.into()))
    }

    /// Renames a service account. Needs `ax-id-service: SERVICE_ACCOUNTS_EDIT`.
    async fn update_service_account(
        &self,
        ctx: &Context<'_>,
        input: UpdateServiceAccountInput,
    ) -> Result<Option<UpdateServiceAccountPayload>, MosaicError> {
        let manager = request::of(ctx)?.manager().await;
        let id = input.client_id;
        let operation =
            Operation { name: "updateServiceAccount", permission: EDIT_SERVICE_ACCOUNTS, subject: Some(&id.clone()) };
        let patch = Patch { name: input.patch.name, ..Patch::default() };
        // Without the bounds of other changes, as in the platform's own services: a name gives no rights.
        let work = update(manager.context, manager.environment, None, id, patch);
        manager.change(operation, work).await?;
        Ok(Some(UpdateServiceAccountPayload::done()))
    }

    /// A token of a managed service account for an environment that lets it in.
    async fn authenticate_managed_service_account(
        &self,
        ctx: &Context<'_>,
        input: AuthenticateManagedServiceAccountInput,
    ) -> Result<Option<AuthenticateManagedServiceAccountPayload>, MosaicError> {
        let request = request::of(ctx)?;
        let credentials = ClientCredentials::from_arguments(input.client_id, input.client_secret);
        let target = Target { tenant_id: input.target_tenant_id, environment_id: input.target_environment_id };
        let operation = request.operation("authenticateManagedServiceAccount");
        let (context, environment) = (&request.context, &request.environment);
        let token =
            authenticate_managed_service_account(context, environment, &credentials, &target, &operation).await?;
        Ok(Some(token.into()))
    }

    /// A token of a managed service account for the environment of a management token, which it does not outlive.
    async fn authenticate_managed_service_account_with_environment_scope(
        &self,
        ctx: &Context<'_>,
        input: AuthenticateManagedServiceAccountWithEnvironmentScopeInput,
    ) -> Result<Option<AuthenticateManagedServiceAccountWithEnvironmentScopePayload>, MosaicError> {
        let request = request::of(ctx)?;
        let credentials = ClientCredentials::from_arguments(input.client_id, input.client_secret);
        let operation = request.operation("authenticateManagedServiceAccountWithEnvironmentScope");
        let (context, environment) = (&request.context, &request.environment);
        let jwt = &input.management_jwt;
        let token =
            authenticate_managed_service_account_for(context, environment, &credentials, jwt, &operation).await?;
        Ok(Some(token.into()))
    }
}
