//! A token that says who a user is and allows nothing: what `generateDelegatedAccessToken` is in OAuth terms.
//!
//! The permission that opens that operation opens this too, without a rule. With a target or a scope a rule decides.

use super::GrantRequest;
use crate::{
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        exchange::{Presented, Standing},
        order::TokenOrder,
        permission::{self, GENERATE_DELEGATED_ACCESS_TOKEN, USER_SERVICE},
        rule::ISSUER_SELF,
    },
    oauth::token_type::TokenType,
};

/// Whether the request wants no more than that, for a user for whom somebody else vouches, and may have it.
pub(super) fn is_all_that_is_wanted(request: &GrantRequest<'_>, subject: Presented<'_>, targets: &[String]) -> bool {
    let asks_for_nothing = targets.is_empty() && request.params.get("scope").is_none() && request.actor.is_none();
    let is_bound = subject.token.cnf.is_some() || subject.token.act.is_some() || subject.token.may_act.is_some();
    subject.origin != ISSUER_SELF
        && asks_for_nothing
        // Rules know what to do with these; here they would be lost.
        && !is_bound
        && subject.standing == Standing::Good
        && permission::has(&request.client.permissions, USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN)
}

/// The token, addressed to this server: the client may exchange it for others by rule.
pub(super) fn order(request: &GrantRequest<'_>, subject: Presented<'_>, issued: TokenType) -> TokenOrder {
    let token = subject.token;
    let lifetime = request.environment.environment.access_token_lifetime;
    let expires_at = request.now.saturating_add(lifetime).min(token.exp);
    let audience = vec![request.environment.issuer.clone()];
    let subject_type = token.subject_type.unwrap_or(SubjectType::EndUserAccount);
    TokenOrder {
        anc_facts: AncestorFacts::of(token),
        anc: (!token.jti.is_empty()).then(|| token.jti.clone()).into_iter().collect(),
        issued_token_type: Some(issued),
        rule: Some(permission::as_rule(USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN)),
        ..TokenOrder::new(&token.sub, subject_type, audience, request.now, expires_at)
    }
}
