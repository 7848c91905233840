//! Token exchange (RFC 8693).

use super::{Grant, GrantRequest, PresentedTokens, exchange};
use crate::{
    domain::order::TokenOrder,
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
        let subject = params.require("subject_token")?;
        let subject_type = params.require("subject_token_type")?;
        check_token_type(subject_type, "subject_token_type")?;
        let actor = params.get("actor_token");
        match (actor, params.get("actor_token_type")) {
            (Some(_), Some(actor_type)) => check_token_type(actor_type, "actor_token_type").map(|_| ())?,
            (Some(_), None) => return Err(OAuthError::missing("actor_token_type")),
            // RFC 8693 §2.1: it "MUST NOT be included" then; a client that sends it believes it has an actor.
            (None, Some(_)) => {
                return Err(OAuthError::new(Problem::UnexpectedParameter, "actor_token_type without actor_token"));
            }
            (None, None) => {}
        }
        Ok(PresentedTokens { subject: Some(subject), actor })
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        // The tokens issued here are JWTs: either name fits them, and the answer repeats the one that was asked for.
        let issued = match request.params.get("requested_token_type") {
            Some(requested) => check_token_type(requested, "requested_token_type")?,
            None => TokenType::AccessToken,
        };
        let targets = super::requested_targets(request.params)?;
        exchange::evaluate(request, &targets, issued)
    }
}

fn check_token_type(value: &str, parameter: &'static str) -> Result<TokenType, OAuthError> {
    TokenType::from_parameter(value).ok_or_else(|| {
        OAuthError::new(Problem::UnsupportedTokenType, format!("{parameter} is {value:?}")).about(parameter)
    })
}
