//! A client on its own account (RFC 6749 §4.4): never a refresh token (TE-039).

use super::{
    Grant, GrantRequest, PresentedTokens,
    permissions::{self, Asked},
    targets::{self, shorten, take_form},
};
use crate::{
    domain::{
        claims::SubjectType,
        client::Client,
        environment::{ResourceServer, TokenForm, TokenProfile},
        order::TokenOrder,
        permission::as_scope,
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        scope::Scope,
    },
    oxide,
};

/// `grant_type=client_credentials`.
pub(super) struct ClientCredentialsGrant;

impl Grant for ClientCredentialsGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::ClientCredentials
    }

    fn presented<'p>(&self, _params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError> {
        Ok(PresentedTokens::default())
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        let requested = super::requested_scope(request.params)?;
        let targets = super::requested_targets(request.params, request.environment)?;
        let issuer = &request.environment.issuer;
        let order = match permissions::asked(request.client, issuer, &targets, requested.as_ref())? {
            Some(asked) => for_services(request, asked)?,
            None => for_resource_servers(request, &targets, requested.as_ref())?,
        };
        Ok(as_guards_read_it(order, request.client))
    }
}

/// A token for resource servers that the client has access to; one for the client itself where it has access to none.
fn for_resource_servers(
    request: &GrantRequest<'_>,
    targets: &[String],
    requested: Option<&Scope>,
) -> Result<TokenOrder, OAuthError> {
    let access = targets::allowed(request.client, request.environment, targets, requested)?;
    let mut order = own_account(request);
    if access.is_empty() {
        return match requested {
            // Permissions need no scope; the token is then for this server's own API (TE-084: never without aud).
            None => Ok(order),
            Some(_) => Err(OAuthError::new(Problem::ScopeNotAllowed, "the client has no access entry at all")),
        };
    }
    order.audience = access.iter().map(|(_, server)| server.audience.clone()).collect();
    order.scope = targets::negotiated_scope(&access, requested, |access| {
        oxide::client_credentials::client_credentials(request.client, access, request.secret, requested, request.now)
    })?;
    let servers: Vec<&ResourceServer> = access.iter().map(|(_, server)| *server).collect();
    take_form(&mut order, servers.iter().map(|server| server.form()))?;
    if requested.is_some() || !targets.is_empty() {
        // Least privilege: who names what is wanted gets that, and no permissions besides.
        order.permissions = None;
    }
    shorten(&mut order, &servers);
    Ok(order)
}

/// A token by which the client uses its permissions, or some of them, at services. A service that is a resource server of
/// the environment gets tokens as that one does, or none while it is disabled.
fn for_services(request: &GrantRequest<'_>, asked: Asked) -> Result<TokenOrder, OAuthError> {
    let known = |service: &String| request.environment.resource_server(service);
    let servers: Vec<&ResourceServer> = asked.audience.iter().filter_map(known).collect();
    if let Some(server) = servers.iter().find(|server| !server.enabled) {
        return Err(OAuthError::new(Problem::TargetNotAllowed, format!("{:?} is disabled", server.audience)));
    }
    let form = |service: &String| known(service).map(ResourceServer::form).unwrap_or_default();
    let forms: Vec<TokenForm> = asked.audience.iter().map(form).collect();
    let mut order = TokenOrder {
        audience: asked.audience,
        scope: as_scope(&asked.permissions),
        permissions: Some(asked.permissions),
        ..own_account(request)
    };
    take_form(&mut order, forms.into_iter())?;
    shorten(&mut order, &servers);
    Ok(order)
}

/// Guards of Mosaic services read the name and the permissions: a service account without any has an empty list of them.
fn as_guards_read_it(mut order: TokenOrder, client: &Client) -> TokenOrder {
    if order.form.profile == TokenProfile::Mosaic {
        order.claims.insert("name".to_owned(), client.name.as_str().into());
        order.permissions.get_or_insert_default();
    }
    order
}

/// A token for the client itself, addressed to this server.
fn own_account(request: &GrantRequest<'_>) -> TokenOrder {
    let client = request.client;
    let environment = request.environment;
    let expires_at = request.now.saturating_add(environment.environment.access_token_lifetime);
    let audience = vec![environment.issuer.clone()];
    TokenOrder {
        permissions: (!client.permissions.is_empty()).then(|| client.permissions.clone()),
        ..TokenOrder::new(&client.id, SubjectType::ServiceAccount, audience, request.now, expires_at)
    }
}
