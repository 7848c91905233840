//! Why an exchange is allowed or refused, without issuing or recording anything.

mod answer;
mod ask;
pub mod plain;

pub use self::{
    answer::{Answer, Failed, RuleAnswer},
    ask::{Given, Question, ask},
};
use crate::{
    domain::{
        client::Client,
        exchange::{self, Check, ExchangeRequest, Explanation, Policy, Presented, Refused},
    },
    oauth::{error::Problem, grant_type::GrantType},
};

/// What the rules say, once the client itself is found fit to ask.
pub fn explain<'a>(
    client: &'a Client,
    subject: Presented<'a>,
    actor: Option<Presented<'a>>,
    request: ExchangeRequest<'a>,
    policy: &'a Policy<'a>,
) -> Explanation<'a> {
    match check_client(client, request.grant_type) {
        Ok(()) => exchange::explain(client, subject, actor, request, policy),
        Err(refused) => exchange::refused_by_all(&refused, &client.id, policy.rules),
    }
}

/// What the endpoint asks of a client before it looks at any token.
fn check_client(client: &Client, grant_type: GrantType) -> Result<(), Refused> {
    if !client.enabled {
        let reason = "the client is disabled";
        return Err(Refused::new(Problem::ClientAuthenticationFailed, Check::Standing, reason));
    }
    if !client.grants.contains(&grant_type) {
        let reason = format!("{} is not a grant of the client", grant_type.as_str());
        return Err(Refused::new(Problem::GrantNotAllowed, Check::Grant, reason));
    }
    Ok(())
}

/// The spelling of the exchange that the client may use; RFC 8693 where it may use both, or none.
pub fn grant_type_of(client: &Client) -> GrantType {
    let only_old = client.grants.contains(&GrantType::Delegation) && !client.grants.contains(&GrantType::TokenExchange);
    if only_old { GrantType::Delegation } else { GrantType::TokenExchange }
}
