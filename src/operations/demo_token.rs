//! A user's token for trying things out: what a sign-in elsewhere would have given the front end.

use serde_json::{Map, Value, json};

use super::{issue::TokenIssuer, operator::Operator};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, order::TokenOrder},
    oauth::error::OAuthError,
    store::{Store, StoreError},
};

/// The only environment that gives such tokens.
pub const DEMO_ENVIRONMENT: &str = "demo";
/// The API that the token is for: the backend of the demo's user interface.
const AUDIENCE: &str = "bff-api";
/// The user, always the same one.
const USER: &str = "4f9d3c1e-8a57-4d0b-9a57-0d3c5d6f1b2a";

/// Why there is no such token.
#[derive(Debug, thiserror::Error)]
pub enum DemoTokenError {
    /// There is nothing to make it from.
    #[error("{0}")]
    Refused(&'static str),
    /// It cannot be signed.
    #[error("{}", .0.detail)]
    Unsigned(OAuthError),
    /// It cannot be recorded.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A token as the demo's user interface would hold it after its user signed in just now. It is on record when it is given.
///
/// # Errors
/// The environment is another one or lacks what the demo needs, or the database fails.
pub fn demo_token(
    store: &Store,
    operator: &Operator<'_>,
    issuer: &TokenIssuer<'_>,
    environment: Option<&EnvironmentSnapshot>,
) -> Result<String, DemoTokenError> {
    let refused = DemoTokenError::Refused;
    let environment = environment.ok_or(refused("there is no environment yet: run tessera quickstart"))?;
    if environment.environment.name != DEMO_ENVIRONMENT {
        return Err(refused("demo tokens are for the environment \"demo\" only: apply config/demo.toml"));
    }
    let server = environment.resource_server(AUDIENCE).ok_or(refused("the environment has no bff-api"))?;
    let application = environment.applications.values().find(|application| application.enabled);
    let application = application.ok_or(refused("the environment has no enabled application"))?;
    let now = operator.now();
    let expires_at = now + environment.environment.access_token_lifetime;
    let order = TokenOrder {
        scope: server.scopes.clone(),
        form: server.form(),
        claims: claims(&application.id),
        ..TokenOrder::new(USER, SubjectType::EndUserAccount, vec![server.audience.clone()], now, expires_at)
    };
    // The token was issued to the application that the user signed in to.
    let issued = issuer.issue(environment, &application.id, &order).map_err(DemoTokenError::Unsigned)?;
    operator.tell_of_token(store, "demo-token", |record| {
        record.environment_id = Some(environment.environment.id.clone());
        record.application_id = Some(application.id.clone());
        record.subject = Some(order.subject);
        record.audience = order.audience;
        record.scope_granted = order.scope.to_string();
        record.jti = Some(issued.jti);
    })?;
    Ok(issued.token)
}

fn claims(application_id: &str) -> Map<String, Value> {
    Map::from_iter([
        ("applicationId".to_owned(), json!(application_id)),
        ("userId".to_owned(), json!(USER)),
        ("user-id".to_owned(), json!("1815")),
        ("user-fullname".to_owned(), json!("Ada Lovelace")),
    ])
}
