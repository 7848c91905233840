//! `/graphql`: authentication and tokens.

mod dev;
mod managed_services;
mod service_accounts;
mod tokens;

use async_graphql::MergedObject;

use super::server::ServerQuery;
use dev::DevMutation;
use managed_services::ManagedServiceQuery;
use service_accounts::ServiceAccountMutation;
use tokens::TokenMutation;

/// What can be asked at `/graphql`.
#[derive(MergedObject)]
#[graphql(name = "Query")]
pub(super) struct AuthQuery(ServerQuery, ManagedServiceQuery);

impl AuthQuery {
    pub fn new(dev_operations: bool) -> Self {
        Self(ServerQuery { dev_operations }, ManagedServiceQuery)
    }
}

/// What can be done on all servers. No schema shows it under its name; two types of one name, one inside the other, cannot
/// be in a schema.
#[derive(MergedObject, Default)]
pub(super) struct EverywhereMutation(ServiceAccountMutation, TokenMutation);

/// What can be done at `/graphql`.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(super) struct AuthMutation(EverywhereMutation);

/// The same on servers for development.
#[derive(MergedObject, Default)]
#[graphql(name = "Mutation")]
pub(super) struct DevAuthMutation(EverywhereMutation, DevMutation);
