//! A token that says who a user is and allows nothing: what `generateDelegatedAccessToken` is in OAuth terms.
//!
//! The permission that opens that operation opens this too, without a rule. With a target or a scope a rule decides.

use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        claims::SubjectType,
        client::Client,
        exchange::{ExchangeRequest, Presented, Standing},
        order::TokenOrder,
        permission::{self, GENERATE_DELEGATED_ACCESS_TOKEN, USER_SERVICE},
        rule::ISSUER_SELF,
    },
    oauth::token_type::TokenType,
};

/// Whether the request wants no more than that, for a user for whom somebody else vouches, and may have it.
pub fn is_all_that_is_wanted(
    client: &Client,
    subject: Presented<'_>,
    request: &ExchangeRequest<'_>,
    has_actor: bool,
) -> bool {
    let asks_for_nothing = request.targets.is_empty() && request.scope.is_none() && !has_actor;
    let is_bound = subject.token.cnf.is_some() || subject.token.act.is_some() || subject.token.may_act.is_some();
    subject.origin != ISSUER_SELF
        && asks_for_nothing
        // Rules know what to do with these; here they would be lost.
        && !is_bound
        && subject.standing == Standing::Good
        && permission::has(&client.permissions, USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN)
}

/// The token, addressed to this server: the client may exchange it for others by rule.
pub fn order(environment: &EnvironmentSnapshot, now: i64, subject: Presented<'_>, issued: TokenType) -> TokenOrder {
    let token = subject.token;
    let expires_at = now.saturating_add(environment.environment.access_token_lifetime).min(token.exp);
    let audience = vec![environment.issuer.clone()];
    let subject_type = token.subject_type.unwrap_or(SubjectType::EndUserAccount);
    TokenOrder {
        anc_facts: AncestorFacts::of(token),
        anc: (!token.jti.is_empty()).then(|| token.jti.clone()).into_iter().collect(),
        issued_token_type: Some(issued),
        rule: Some(permission::as_rule(USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN)),
        ..TokenOrder::new(&token.sub, subject_type, audience, now, expires_at)
    }
}
