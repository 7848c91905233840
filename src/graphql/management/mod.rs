//! `/graphql-management`: what an environment consists of.

mod application_changes;
mod applications;
mod connection_changes;
mod connections;
mod explain;
mod health;
mod list;
mod permissions;
mod platform;
mod profiles;
mod revocations;
mod service_account_secrets;
mod service_accounts;
mod sessions;
mod shapes;
mod tokens;
mod user_changes;
mod user_sign_in;
mod users;

use async_graphql::{Context, MergedObject, Object};

use super::{request, server::ServerQuery};
use crate::{
    domain::claims::SubjectType,
    operations::{caller::Caller, management::recorded::Manager, mosaic_error::MosaicError},
};
use tokens::{DevEndUserTokenMutation, EndUserTokenMutation};

/// What can be asked at `/graphql-management`.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub(super) struct ManagementQuery(
    ServerQuery,
    CallerQuery,
    applications::ApplicationQuery,
    connections::IdentityConnectionQuery,
    users::UserQuery,
    permissions::PermissionQuery,
    service_accounts::ServiceAccountQuery,
    service_account_secrets::ServiceAccountSecretQuery,
    sessions::UserSessionQuery,
    explain::ExchangeQuery,
);

/// What can be done on all servers. No schema shows it under its name; two types of one name, one inside the other, cannot
/// be in a schema. Every field may come to nothing by itself: another one beside it may show a secret that is never shown
/// again.
#[derive(MergedObject, Default)]
pub(super) struct EverywhereMutation(
    EndUserTokenMutation,
    application_changes::ApplicationMutation,
    connection_changes::IdentityConnectionMutation,
    user_changes::UserMutation,
    user_sign_in::UserSignInMutation,
    profiles::ProfileMutation,
    permissions::PermissionMutation,
    service_accounts::ServiceAccountMutation,
    service_account_secrets::ServiceAccountSecretMutation,
    sessions::UserSessionMutation,
    revocations::RevocationMutation,
);

/// What can be done at `/graphql-management`.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(super) struct ManagementMutation(EverywhereMutation);

/// The same on servers for development.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(super) struct DevManagementMutation(EverywhereMutation, DevEndUserTokenMutation);

impl ManagementQuery {
    pub fn new(dev_operations: bool) -> Self {
        Self(
            ServerQuery { dev_operations },
            CallerQuery,
            applications::ApplicationQuery,
            connections::IdentityConnectionQuery,
            users::UserQuery,
            permissions::PermissionQuery,
            service_accounts::ServiceAccountQuery,
            service_account_secrets::ServiceAccountSecretQuery,
            sessions::UserSessionQuery,
            explain::ExchangeQuery,
        )
    }
}

/// Who manages, in the request that a resolver works for.
async fn manager<'c>(ctx: &Context<'c>) -> Result<Manager<'c>, MosaicError> {
    Ok(request::of(ctx)?.manager().await)
}

/// For those who hold a token and wonder what it is good for here.
pub(super) struct CallerQuery;

#[Object]
impl CallerQuery {
    /// Whom the access token of the request speaks of, and what it allows here.
    async fn current_caller<'c>(&self, ctx: &Context<'c>) -> Result<Option<CurrentCaller<'c>>, MosaicError> {
        Ok(Some(CurrentCaller(request::of(ctx)?.caller().await?)))
    }
}

pub(super) struct CurrentCaller<'c>(&'c Caller);

/// The holder of an access token.
#[Object]
impl CurrentCaller<'_> {
    /// The subject of the token (`sub`).
    async fn subject(&self) -> &str {
        &self.0.token().sub
    }

    /// What the subject is (`subjectType`).
    async fn subject_type(&self) -> Option<&'static str> {
        self.0.token().subject_type.map(SubjectType::as_str)
    }

    /// The client that the token was issued to (`client_id`).
    async fn client_id(&self) -> &str {
        &self.0.token().client_id
    }

    /// Whether the operations that need this permission are open to the caller: the token has it and is addressed to this
    /// server, and the service account still has it.
    async fn has_permission(&self, service_id: String, key: String) -> bool {
        self.0.require(&service_id, &key).is_ok()
    }
}
