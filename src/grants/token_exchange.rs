//! Token exchange (RFC 8693).

use super::{Grant, GrantRequest, PresentedSubject, PresentedTokens, exchange, identity};
use crate::{
    domain::{exchange::ExchangeRequest, order::TokenOrder},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        token_type::TokenType,
    },
};

/// `grant_type=urn:ietf:params:oauth:grant-type:token-exchange`.
pub(super) struct TokenExchangeGrant;

impl Grant for TokenExchangeGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::TokenExchange
    }

    fn presented<'p>(&self, params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError> {
        let text = params.require("subject_token")?;
        let kind = token_type(params.require("subject_token_type")?, "subject_token_type")?;
        let actor = params.get("actor_token");
        match (actor, params.get("actor_token_type")) {
            (Some(_), Some(actor_type)) => issued_here(actor_type, "actor_token_type").map(|_| ())?,
            (Some(_), None) => return Err(OAuthError::missing("actor_token_type")),
            // RFC 8693 §2.1: it "MUST NOT be included" then; a client that sends it believes it has an actor.
            (None, Some(_)) => {
                return Err(OAuthError::new(Problem::UnexpectedParameter, "actor_token_type without actor_token"));
            }
            (None, None) => {}
        }
        Ok(PresentedTokens { subject: Some(PresentedSubject { text, kind }), actor, ..PresentedTokens::default() })
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        let issued = issued_token_type(request.params)?;
        let targets = super::requested_targets(request.params, request.environment)?;
        let scope = super::requested_scope(request.params)?;
        let asked = ExchangeRequest {
            targets: &targets,
            scope: scope.as_ref(),
            requested_token_type: request.params.get("requested_token_type"),
            grant_type: self.grant_type(),
        };
        match request.subject {
            Some(subject)
                if identity::is_all_that_is_wanted(request.client, subject, &asked, request.actor.is_some()) =>
            {
                Ok(identity::order(request.environment, request.now, subject, issued))
            }
            _ => exchange::evaluate(request, asked, issued),
        }
    }
}

/// What the new token is to be called: the tokens issued here are JWTs, either name fits them, and the answer repeats the one that
/// was asked for.
///
/// # Errors
/// `requested_token_type` is of another kind.
pub fn issued_token_type(params: &Params) -> Result<TokenType, OAuthError> {
    let requested = params.get("requested_token_type");
    requested.map_or(Ok(TokenType::AccessToken), |requested| issued_here(requested, "requested_token_type"))
}

fn token_type(value: &str, parameter: &'static str) -> Result<TokenType, OAuthError> {
    TokenType::from_parameter(value).ok_or_else(|| unsupported(value, parameter))
}

/// Actors are clients of ours, and what comes out is a token of ours.
fn issued_here(value: &str, parameter: &'static str) -> Result<TokenType, OAuthError> {
    let kind = token_type(value, parameter)?;
    if kind.is_issued_here() { Ok(kind) } else { Err(unsupported(value, parameter)) }
}

fn unsupported(value: &str, parameter: &'static str) -> OAuthError {
    OAuthError::new(Problem::UnsupportedTokenType, format!("{parameter} is {value:?}")).about(parameter)
}
