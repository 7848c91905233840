//! Law 7: whom the subject token is addressed to.

use super::Presented;
use crate::domain::{
    client::Client,
    environment::{ResourceServer, addressees},
    rule::{ExchangeRule, ISSUER_SELF},
};
use crate::oauth::resource::is_same_target;

/// Whether the token is for the caller. Otherwise any service that was ever shown a token could trade it in (confused deputy).
pub(super) fn is_addressed_to(
    client: &Client,
    presented: Presented<'_>,
    rule: &ExchangeRule,
    resource_servers: &[ResourceServer],
) -> bool {
    let subject = presented.token;
    if subject.is_issued_to(&client.id) {
        return true;
    }
    if presented.origin != ISSUER_SELF {
        // The identity connection has made sure that it is addressed to us; its names mean nothing among our own.
        return rule.subject.audience.as_ref().is_none_or(|audience| subject.aud.contains(audience));
    }
    // A resource server that was taken out of force takes the tokens for it along.
    match &rule.subject.audience {
        Some(audience) => {
            let disabled = resource_servers.iter().any(|server| server.audience == *audience && !server.enabled);
            subject.aud.iter().any(|name| is_same_target(name, audience)) && !disabled
        }
        None => addressees(resource_servers, &subject.aud)
            .any(|server| server.enabled && server.clients.contains(&client.id)),
    }
}
