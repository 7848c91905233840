//! The token that a client gets for a user whom its own backend signed in. No grant: the backend authentication API asks.

use super::targets::{self, shorten, take_form};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, client::Client, order::TokenOrder, permission::BACKEND_SERVICE},
    oauth::error::OAuthError,
};

/// A token for `resource`, one of the targets of the client's `access`, with its default scopes there; without a resource for
/// this server alone, with no scope. There is nobody in it yet.
///
/// # Errors
/// The client has no access to the resource.
pub fn order(
    client: &Client,
    environment: &EnvironmentSnapshot,
    resource: Option<&str>,
    now: i64,
) -> Result<TokenOrder, OAuthError> {
    let expires_at = now.saturating_add(environment.environment.access_token_lifetime);
    let itself = vec![BACKEND_SERVICE.to_owned()];
    let mut order = TokenOrder::new("", SubjectType::EndUserAccount, itself, now, expires_at);
    let Some(resource) = resource.filter(|resource| *resource != BACKEND_SERVICE) else { return Ok(order) };
    let access = targets::allowed(client, environment, &[environment.registered_target(resource)], None)?;
    order.scope = targets::negotiated_scope(&access, None, |access| Ok(access.default_scope().clone()))?;
    order.audience = access.iter().map(|(_, server)| server.audience.clone()).collect();
    let servers: Vec<_> = access.iter().map(|(_, server)| *server).collect();
    take_form(&mut order, servers.iter().map(|server| server.form()))?;
    shorten(&mut order, &servers);
    Ok(order)
}
