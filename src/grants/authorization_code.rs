//! A user who signed in to the client (RFC 6749 §4.1, RFC 7636, OpenID Connect Core §3.1).

use super::{
    Grant, GrantRequest, PresentedTokens,
    targets::{self, Target, shorten, take_form},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::AuthorizationRequest,
        claims::SubjectType,
        client::{Access, Client},
        environment::ResourceServer,
        order::{RefreshTerms, TokenOrder},
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        scope::Scope,
    },
    oxide::authorization_code::{Redemption, authorize, redeem},
};

/// `grant_type=authorization_code`.
pub(super) struct AuthorizationCodeGrant;

impl Grant for AuthorizationCodeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::AuthorizationCode
    }

    fn presented<'p>(&self, params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError> {
        // All of them, before the code is used up for nothing.
        let code = params.require("code")?;
        redemption(params)?;
        Ok(PresentedTokens { code: Some(code), ..PresentedTokens::default() })
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        let code = request
            .code
            .ok_or_else(|| OAuthError::new(Problem::ServerError, "a code was evaluated without what it stands for"))?;
        redeem(request.client, request.secret, code, redemption(request.params)?, request.now)?;
        let asked = &code.granted.request;
        let mut order = order(request.client, request.environment, asked, request.now)?;
        order.subject.clone_from(&code.user_id);
        narrow(&mut order, request)?;
        if request.client.grants.contains(&GrantType::RefreshToken) {
            order.refresh = Some(RefreshTerms { lifetime: None });
        }
        Ok(order)
    }
}

fn redemption(params: &Params) -> Result<Redemption<'_>, OAuthError> {
    Ok(Redemption { redirect_uri: params.require("redirect_uri")?, verifier: params.require("code_verifier")? })
}

/// Targets of the token request: some of those that were asked for at the authorization endpoint (RFC 8707 §2.2).
fn narrow(order: &mut TokenOrder, request: &GrantRequest<'_>) -> Result<(), OAuthError> {
    let wanted = super::requested_targets(request.params, request.environment)?;
    if let Some(other) = wanted.iter().find(|target| !order.audience.contains(target)) {
        let detail = format!("{other:?} was not asked for at the authorization endpoint");
        return Err(OAuthError::new(Problem::TargetNotAllowed, detail));
    }
    if !wanted.is_empty() {
        order.audience.retain(|granted| wanted.contains(granted));
    }
    Ok(())
}

/// The token that `client` gets for what it asked for, with nobody in it yet: within its access, as the resource servers
/// want their tokens. Asked at the authorization endpoint, so that no user signs in for nothing, and again for the code.
///
/// # Errors
/// A scope, a target or the challenge is refused.
pub fn order(
    client: &Client,
    environment: &EnvironmentSnapshot,
    asked: &AuthorizationRequest,
    now: i64,
) -> Result<TokenOrder, OAuthError> {
    let (_, requested) = asked.scopes();
    let access = access(client, environment, asked, requested.as_ref())?;
    let expires_at = now.saturating_add(environment.environment.access_token_lifetime);
    let itself = vec![environment.issuer.clone()];
    let mut order = TokenOrder::new("", SubjectType::EndUserAccount, itself, now, expires_at);
    let scopes = requested.as_ref().filter(|scope| !scope.is_empty());
    if access.is_empty() || requested.as_ref().is_some_and(Scope::is_empty) {
        // Who asks for `openid` alone wants to know who the user is, and no more.
        let nothing = Access { audience: String::new(), scopes: Scope::empty(), default_scopes: None };
        authorize(client, &nothing, asked, scopes, now)?;
    } else {
        let here = |access: &Access| authorize(client, access, asked, scopes, now);
        order.scope = targets::negotiated_scope(&access, scopes, here)?;
    }
    if !access.is_empty() {
        order.audience = access.iter().map(|(_, server)| server.audience.clone()).collect();
        let servers: Vec<&ResourceServer> = access.iter().map(|(_, server)| *server).collect();
        take_form(&mut order, servers.iter().map(|server| server.form()))?;
        shorten(&mut order, &servers);
    }
    Ok(order)
}

/// The targets: those that were named, or the client's own; none for a token that is about the user alone, and is for this
/// server.
fn access<'a>(
    client: &'a Client,
    environment: &'a EnvironmentSnapshot,
    asked: &AuthorizationRequest,
    requested: Option<&Scope>,
) -> Result<Vec<Target<'a>>, OAuthError> {
    if asked.resources.is_empty() && requested.is_some_and(Scope::is_empty) {
        return Ok(Vec::new());
    }
    targets::allowed(client, environment, &asked.resources, requested)
}
