//! `authenticateServiceAccount`: client id and secret for a token with the client's permissions.

use std::sync::Arc;

use super::{EVERY_SERVICE, MosaicToken, OperationRequest, Ordered, issue};
use crate::{
    audit::AuditRecord,
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::SubjectType,
        client::{Client, Permissions},
        order::TokenOrder,
        readable::readable_id,
    },
    oauth::{credentials::ClientCredentials, grant_type::GrantType},
    operations::{
        authenticate::authenticate_at,
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// A token of the service account.
///
/// # Errors
/// The credentials are wrong, the account may not have tokens of its own, or tenant or environment are disabled.
pub async fn authenticate_service_account(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let client = authenticated(context, environment, credentials, request, record).await?;
        record.authenticated_as(client.id.clone());
        let order = order(&client, SubjectType::ServiceAccount, &client.permissions, environment, context.clock.now());
        let environment = Arc::clone(environment);
        Ok(Ordered { client_id: client.id.clone(), home_environment_id: None, environment, order })
    })
    .await
}

/// The client that the credentials prove, if it may have tokens on its own account.
pub(super) async fn authenticated(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
    request: &OperationRequest<'_>,
    record: &mut AuditRecord,
) -> Result<Arc<Client>, MosaicError> {
    record.client_id = Some(readable_id(&credentials.id));
    let authenticated = authenticate_at(context, environment, request.client_address, credentials).await?;
    let client = authenticated.client;
    if !client.grants.contains(&GrantType::ClientCredentials) {
        let refusal = MosaicError::from(MosaicCode::Unauthorized);
        return Err(refusal.with_detail("client_credentials is not a grant of the client"));
    }
    Ok(client)
}

/// The token of a service account with these permissions in `environment`.
pub(super) fn order(
    client: &Client,
    subject_type: SubjectType,
    permissions: &Permissions,
    environment: &EnvironmentSnapshot,
    now: i64,
) -> TokenOrder {
    let expires_at = now.saturating_add(environment.environment.access_token_lifetime);
    let mut order = TokenOrder::new(&client.id, subject_type, vec![EVERY_SERVICE.to_owned()], now, expires_at);
    // Guards read it: without any permission it is empty, not absent.
    order.permissions = Some(permissions.clone());
    order.claims.insert("name".to_owned(), client.name.as_str().into());
    order
}
