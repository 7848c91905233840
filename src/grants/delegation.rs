//! The extension grant of the IdentityServer family: `grant_type=delegation&token=…&scope=…`. An older spelling of the
//! token exchange: same rules, same laws, same audit.

use super::{Grant, GrantRequest, PresentedSubject, PresentedTokens, exchange};
use crate::{
    domain::{exchange::ExchangeRequest, order::TokenOrder},
    oauth::{error::OAuthError, grant_type::GrantType, params::Params, token_type::TokenType},
};

/// `grant_type=delegation`.
pub(super) struct DelegationGrant;

impl Grant for DelegationGrant {
    fn grant_type(&self) -> GrantType {
        GrantType::Delegation
    }

    fn presented<'p>(&self, params: &'p Params) -> Result<PresentedTokens<'p>, OAuthError> {
        let subject = PresentedSubject { text: params.require("token")?, kind: TokenType::AccessToken };
        Ok(PresentedTokens { subject: Some(subject), ..PresentedTokens::default() })
    }

    fn evaluate(&self, request: &GrantRequest<'_>) -> Result<TokenOrder, OAuthError> {
        let targets = super::requested_targets(request.params, request.environment)?;
        let scope = super::requested_scope(request.params)?;
        let asked = ExchangeRequest {
            targets: &targets,
            scope: scope.as_ref(),
            requested_token_type: None,
            grant_type: self.grant_type(),
        };
        exchange::evaluate(request, asked, TokenType::AccessToken)
    }
}
