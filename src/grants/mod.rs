//! One file per grant. [`GRANTS`] is the list that the token endpoint serves and the metadata names.

pub mod authorization_code;
mod client_credentials;
mod delegation;
mod exchange;
pub mod identity;
pub mod login;
mod permissions;
pub mod refresh_token;
mod targets;
mod token_exchange;

use std::cell::Cell;

pub use self::{
    exchange::{order, policy},
    token_exchange::issued_token_type,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::AuthorizationCode,
        client::{Client, ClientSecret},
        exchange::{Observed, Presented, Standing},
        order::TokenOrder,
        session::Session,
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        resource::parse_resource,
        scope::Scope,
        token_type::TokenType,
    },
};

/// Every grant this server offers.
pub static GRANTS: [&dyn Grant; 5] = [
    &client_credentials::ClientCredentialsGrant,
    &authorization_code::AuthorizationCodeGrant,
    &token_exchange::TokenExchangeGrant,
    &refresh_token::RefreshTokenGrant,
    &delegation::DelegationGrant,
];

/// The grant of that type.
pub fn find(grant_type: GrantType) -> Option<&'static dyn Grant> {
    GRANTS.into_iter().find(|grant| grant.grant_type() == grant_type)
}

/// A way to get a token: reads its parameters and decides. Does no I/O and issues nothing.
pub trait Grant: Send + Sync {
    /// The `grant_type` it answers to.
    fn grant_type(&self) -> GrantType;

    /// The tokens in the request. They are verified, and the standing of those behind them is gathered, before
    /// [`evaluate`](Self::evaluate) is called.
    ///
    /// # Errors
    /// The parameters that carry them are missing or contradict each other.
    fn presented<'p>(&self, params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError>;

    /// Decides what to issue, from what is in memory.
    ///
    /// # Errors
    /// The refusal, with the reason for the log.
    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError>;
}

/// The tokens that a request presents, as they stand there.
#[derive(Clone, Copy, Default)]
pub struct PresentedTokens<'p> {
    /// Whom the new token is for.
    pub subject: Option<PresentedSubject<'p>>,
    /// Who will act.
    pub actor: Option<&'p str>,
    /// A refresh token; its session is looked up.
    pub refresh: Option<&'p str>,
    /// A code. It is used up before anything is decided.
    pub code: Option<&'p str>,
}

/// A subject as it stands in the request.
#[derive(Clone, Copy)]
pub struct PresentedSubject<'p> {
    /// The token, or the name of a user.
    pub text: &'p str,
    /// Which of them it is said to be.
    pub kind: TokenType,
}

/// Everything that a decision may look at.
pub struct GrantRequest<'a> {
    /// The form.
    pub params: &'a Params,
    /// The secret that the client authenticated with.
    pub secret: &'a ClientSecret,
    /// The client, authenticated and allowed to use this grant.
    pub client: &'a Client,
    /// The environment it belongs to.
    pub environment: &'a EnvironmentSnapshot,
    /// The subject token, verified.
    pub subject: Option<Presented<'a>>,
    /// The actor token, verified.
    pub actor: Option<Presented<'a>>,
    /// Where the grant leaves what rules that only observe would have done.
    pub observed: &'a Cell<Vec<Observed>>,
    /// The session of the refresh token.
    pub session: Option<PresentedSession<'a>>,
    /// What the code stands for, as it was kept; presented for the first time.
    pub code: Option<&'a AuthorizationCode>,
    /// Seconds since 1970.
    pub now: i64,
}

/// The session of a refresh token that the client presents and that can be used.
#[derive(Clone, Copy)]
pub struct PresentedSession<'a> {
    /// Itself.
    pub session: &'a Session,
    /// Whether everybody behind it may still be served.
    pub standing: Standing,
}

/// `audience` and `resource` together, audiences first (RFC 8693 §2.1, RFC 8707 §2), as `environment` has them registered.
///
/// # Errors
/// A `resource` is no absolute URI, or has a fragment.
pub fn requested_targets(params: &Params, environment: &EnvironmentSnapshot) -> Result<Vec<String>, OAuthError> {
    let mut targets: Vec<String> = params.all("audience").map(|name| environment.registered_target(name)).collect();
    for resource in params.all("resource") {
        targets.push(environment.registered_target(parse_resource(resource)?));
    }
    Ok(targets)
}

/// `scope`, if present (RFC 6749 §3.3).
///
/// # Errors
/// It has a character that the grammar does not allow.
pub fn requested_scope(params: &Params) -> Result<Option<Scope>, OAuthError> {
    let scope = params.get("scope").map(Scope::parse).transpose();
    let scope = scope.map_err(|error| OAuthError::new(Problem::MalformedScope, error.to_string()))?;
    // A value of nothing but spaces names no scope; it counts as absent, like an empty one.
    Ok(scope.filter(|scope| !scope.is_empty()))
}
