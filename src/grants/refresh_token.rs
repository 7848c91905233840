//! Refreshing an access token (RFC 6749 §6): what the session gives today.

use super::{Grant, GrantRequest, PresentedTokens, exchange};
use crate::{
    domain::{
        connection::IdentityProvider,
        exchange::renew,
        order::TokenOrder,
        permission::{self, GENERATE_DELEGATED_ACCESS_TOKEN, USER_SERVICE},
        rule::ISSUER_SELF,
        session::{GrantBasis, Session},
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
    },
    oxide,
};

/// `grant_type=refresh_token`.
pub(super) struct RefreshTokenGrant;

impl Grant for RefreshTokenGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::RefreshToken
    }

    fn presented<'p>(&self, params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError> {
        Ok(PresentedTokens { refresh: Some(params.require("refresh_token")?), ..PresentedTokens::default() })
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        let presented = request.session.ok_or_else(|| {
            OAuthError::new(Problem::ServerError, "a refresh token was evaluated without its session")
        })?;
        let session = presented.session;
        let targets = super::requested_targets(request.params)?;
        let requested = super::requested_scope(request.params)?;
        let scope = oxide::refresh::refresh(request.client, request.secret, session, requested.as_ref(), request.now)?;
        check_voucher(request, session)?;
        let policy = exchange::policy(request.environment, request.now);
        let renewed = renew(request.client, session, presented.standing, &targets, &scope, &policy);
        let renewed = renewed.map_err(exchange::refusal)?;
        let grant = session.grant.clone();
        Ok(TokenOrder {
            scope: renewed.scope,
            widened: renewed.widened,
            scope_claim: renewed.scope_claim,
            profile: renewed.profile,
            signing_alg: renewed.signing_alg,
            act: grant.act,
            may_act: grant.may_act,
            anc: grant.anc,
            anc_facts: grant.anc_facts,
            claims: grant.claims,
            rule: renewed.rule,
            ..TokenOrder::new(grant.subject, grant.subject_type, renewed.audience, request.now, renewed.expires_at)
        })
    }
}

/// Whoever vouched for the subject must still be one who may.
fn check_voucher(request: &GrantRequest<'_>, session: &Session) -> Result<(), OAuthError> {
    let refused = |reason: &str| Err(OAuthError::new(Problem::RefreshTokenRefused, reason));
    let name = match &session.grant.basis {
        GrantBasis::SignIn(connection) => connection,
        GrantBasis::Exchange(basis) if basis.origin == ISSUER_SELF => return Ok(()),
        GrantBasis::Exchange(basis) => &basis.origin,
    };
    let Some(connection) = request.environment.identity_connection(name).filter(|one| one.enabled) else {
        return refused("the identity connection that vouched for the subject is gone or disabled");
    };
    let by_client = connection.provider == IdentityProvider::Delegated;
    if by_client && !permission::has(&request.client.permissions, USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN) {
        return refused("the client may not say any more who a user is");
    }
    Ok(())
}
