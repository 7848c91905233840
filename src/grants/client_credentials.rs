//! A client on its own account (RFC 6749 §4.4): never a refresh token (TE-039).

use super::{
    Grant, GrantRequest, PresentedTokens,
    permissions::{self, Asked},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::SubjectType,
        client::{Access, Client},
        environment::{ResourceServer, ScopeClaim, SigningAlg, TokenProfile},
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
        let targets = super::requested_targets(request.params)?;
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
    let access = allowed_access(request.client, request.environment, targets, requested)?;
    let mut order = own_account(request);
    if access.is_empty() {
        return match requested {
            // Permissions need no scope; the token is then for this server's own API (TE-084: never without aud).
            None => Ok(order),
            Some(_) => Err(OAuthError::new(Problem::ScopeNotAllowed, "the client has no access entry at all")),
        };
    }
    order.audience = access.iter().map(|(_, server)| server.audience.clone()).collect();
    order.scope = negotiated_scope(request, &access, requested)?;
    let servers: Vec<&ResourceServer> = access.iter().map(|(_, server)| *server).collect();
    take_form(&mut order, servers.iter().map(|server| form(server)))?;
    if requested.is_some() || !targets.is_empty() {
        // Least privilege: who names what is wanted gets that, and no permissions besides.
        order.permissions = None;
    }
    shorten(&mut order, &servers);
    Ok(order)
}

/// A target that the client may ask for, and what it may have there.
type Target<'a> = (&'a Access, &'a ResourceServer);

/// The entries of the client's `access` that the request is about: all the named targets, or the one that its scopes
/// single out, or the only one.
fn allowed_access<'a>(
    client: &'a Client,
    environment: &'a EnvironmentSnapshot,
    targets: &[String],
    requested: Option<&Scope>,
) -> Result<Vec<Target<'a>>, OAuthError> {
    let allowed: Vec<Target<'a>> = client
        .access
        .iter()
        .filter_map(|access| Some((access, environment.resource_server(&access.audience)?)))
        .filter(|(_, server)| server.enabled)
        .collect();
    if allowed.is_empty() && !client.access.is_empty() {
        // Not a client without any target: a token for something else than it ever gets would be no help.
        return Err(OAuthError::new(Problem::TargetNotAllowed, "every target of the client is disabled"));
    }
    if targets.is_empty() {
        return infer(allowed, requested);
    }
    let mut chosen: Vec<Target<'a>> = Vec::new();
    for name in targets {
        let target = allowed.iter().find(|(access, _)| access.audience == *name).ok_or_else(|| {
            OAuthError::new(Problem::TargetNotAllowed, format!("the client has no access to {name:?}"))
        })?;
        if !chosen.iter().any(|(access, _)| access.audience == *name) {
            chosen.push(*target);
        }
    }
    Ok(chosen)
}

fn infer<'a>(allowed: Vec<Target<'a>>, requested: Option<&Scope>) -> Result<Vec<Target<'a>>, OAuthError> {
    if allowed.len() <= 1 {
        return Ok(allowed);
    }
    let Some(requested) = requested else {
        return Err(OAuthError::new(Problem::TargetAmbiguous, "neither target nor scope was requested"));
    };
    let mut fitting = allowed.into_iter().filter(|(access, _)| requested.is_within(&access.scopes));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(vec![only]),
        (Some(_), Some(_)) => {
            Err(OAuthError::new(Problem::TargetAmbiguous, "no target was requested, and several have the scopes"))
        }
        // RFC 9068 §3: `invalid_scope` where the scopes belong to different resources.
        (None, _) => {
            Err(OAuthError::new(Problem::ScopeNotAllowed, "no single target of the client has all of the scopes")
                .about("scope"))
        }
    }
}

/// The scope that every target allows and knows (RFC 9068 §3).
fn negotiated_scope(
    request: &GrantRequest<'_>,
    access: &[Target<'_>],
    requested: Option<&Scope>,
) -> Result<Scope, OAuthError> {
    let mut granted: Option<Scope> = None;
    for (access, server) in access {
        if let Some(unknown) = requested.map(|scope| scope.difference(&server.scopes)).filter(|s| !s.is_empty()) {
            let detail = format!("{} does not know {unknown}", server.audience);
            return Err(OAuthError::new(Problem::ScopeUnknownAtTarget, detail));
        }
        let here = oxide::client_credentials::client_credentials(
            request.client,
            access,
            request.secret,
            requested,
            request.now,
        )?;
        let here = here.intersection(&server.scopes);
        let before = granted.unwrap_or_else(|| here.clone());
        let both = before.intersection(&here);
        if both.is_empty() && !(before.is_empty() && here.is_empty()) {
            return Err(OAuthError::new(
                Problem::NoDefaultScope,
                "the default scopes of the targets have none in common",
            )
            .about("scope"));
        }
        granted = Some(both);
    }
    Ok(granted.unwrap_or_default())
}

/// How a resource server wants its tokens.
type Form = (ScopeClaim, TokenProfile, Option<SigningAlg>);

fn form(server: &ResourceServer) -> Form {
    (server.scope_claim, server.token_profile, server.signing_alg)
}

/// One token has one form (see `TargetsDiffer` in `docs/errors.md`).
fn take_form(order: &mut TokenOrder, mut forms: impl Iterator<Item = Form>) -> Result<(), OAuthError> {
    let first = forms.next().unwrap_or_default();
    if !forms.all(|form| form == first) {
        let detail = "the targets differ in scope_claim, token_profile or signing_alg";
        return Err(OAuthError::new(Problem::TargetsDiffer, detail));
    }
    (order.scope_claim, order.profile, order.signing_alg) = first;
    Ok(())
}

/// No token outlives the bound of one of its targets.
fn shorten(order: &mut TokenOrder, servers: &[&ResourceServer]) {
    let lifetimes = servers.iter().filter_map(|server| server.max_lifetime);
    order.expires_at = lifetimes.map(|lifetime| order.issued_at + lifetime).fold(order.expires_at, i64::min);
}

/// A token by which the client uses its permissions, or some of them, at services. A service that is a resource server of
/// the environment gets tokens as that one does, or none while it is disabled.
fn for_services(request: &GrantRequest<'_>, asked: Asked) -> Result<TokenOrder, OAuthError> {
    let known = |service: &String| request.environment.resource_server(service);
    let servers: Vec<&ResourceServer> = asked.audience.iter().filter_map(known).collect();
    if let Some(server) = servers.iter().find(|server| !server.enabled) {
        return Err(OAuthError::new(Problem::TargetNotAllowed, format!("{:?} is disabled", server.audience)));
    }
    let forms: Vec<Form> = asked.audience.iter().map(|service| known(service).map(form).unwrap_or_default()).collect();
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
    if order.profile == TokenProfile::Mosaic {
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
