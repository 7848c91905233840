//! Refreshing an access token (RFC 6749 §6): what the session gives today.

use super::{Grant, GrantRequest, PresentedSession, PresentedTokens, exchange};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{IDENTITY_SCOPE_CLAIM, identity_scope},
        client::Client,
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
        scope::Scope,
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
        let targets = super::requested_targets(request.params, request.environment)?;
        let requested = super::requested_scope(request.params)?;
        let (about_user, requested) = about_user(session, requested);
        let mut scope =
            oxide::refresh::refresh(request.client, request.secret, session, requested.as_ref(), request.now)?;
        if requested.is_some_and(|requested| requested.is_empty()) {
            // The machine takes a request for nothing as one for all.
            scope = Scope::empty();
        }
        let mut order = order(request.client, request.environment, presented, (&targets, &scope), request.now)?;
        // It stays there even when nothing is left of it: to the UserInfo endpoint a token without it is one of a backend's sign-in,
        // which is told more.
        if let Some(claim) = order.claims.get_mut(IDENTITY_SCOPE_CLAIM) {
            *claim = about_user.to_string().into();
        }
        Ok(order)
    }
}

/// Divides the scopes that are asked for: those about the user, within what the session was given, and those of a resource server, where
/// `None` means all. The answer named both kinds, so a refresh may (RFC 6749 §6).
fn about_user(session: &Session, requested: Option<Scope>) -> (Scope, Option<Scope>) {
    let given = identity_scope(&session.grant.claims);
    match requested {
        None => (given, None),
        Some(requested) => (requested.intersection(&given), Some(requested.difference(&given))),
    }
}

/// The access token that the session gives at `now` (seconds since 1970), for these targets and with this scope.
///
/// # Errors
/// More is asked for than was granted, or what was granted then would not be granted now.
pub fn order(
    client: &Client,
    environment: &EnvironmentSnapshot,
    presented: PresentedSession<'_>,
    (targets, scope): (&[String], &Scope),
    now: i64,
) -> Result<TokenOrder, OAuthError> {
    let session = presented.session;
    check_voucher(client, environment, session)?;
    let policy = exchange::policy(environment, now);
    let renewed = renew(client, session, presented.standing, targets, scope, &policy);
    let renewed = renewed.map_err(exchange::refusal)?;
    let grant = session.grant.clone();
    Ok(TokenOrder {
        scope: renewed.scope,
        widened: renewed.widened,
        form: renewed.form,
        act: grant.act,
        may_act: grant.may_act,
        anc: grant.anc,
        anc_facts: grant.anc_facts,
        claims: grant.claims,
        rule: renewed.rule,
        ..TokenOrder::new(grant.subject, grant.subject_type, renewed.audience, now, renewed.expires_at)
    })
}

/// Whoever vouched for the subject must still be one who may.
fn check_voucher(client: &Client, environment: &EnvironmentSnapshot, session: &Session) -> Result<(), OAuthError> {
    let refused = |reason: &str| Err(OAuthError::new(Problem::RefreshTokenRefused, reason));
    let name = match &session.grant.basis {
        GrantBasis::SignIn(connection) => connection,
        GrantBasis::Exchange(basis) if basis.origin == ISSUER_SELF => return Ok(()),
        GrantBasis::Exchange(basis) => &basis.origin,
        GrantBasis::Login(basis) => {
            let application = environment.applications.get(&basis.application_id).filter(|one| one.enabled);
            let is_still_its = |name: &String| client.sign_in.application.as_ref() == Some(name);
            if application.is_some_and(|application| is_still_its(&application.name)) {
                return Ok(());
            }
            return refused("the client is not the backend of that application any more");
        }
    };
    let Some(connection) = environment.identity_connection(name).filter(|one| one.enabled) else {
        return refused("the identity connection that vouched for the subject is gone or disabled");
    };
    let by_client = connection.provider == IdentityProvider::Delegated;
    if by_client && !permission::has(&client.permissions, USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN) {
        return refused("the client may not say any more who a user is");
    }
    Ok(())
}
