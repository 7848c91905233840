//! A user's token for trying things out: what a sign-in elsewhere would have given the front end.

use serde_json::{Map, Value, json};

use super::issue::TokenIssuer;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, order::TokenOrder},
    oauth::error::{OAuthError, Problem},
};

/// The only environment that gives such tokens.
pub const DEMO_ENVIRONMENT: &str = "demo";
/// The API that the token is for: the backend of the demo's user interface.
const AUDIENCE: &str = "bff-api";
/// The user, always the same one.
const USER: &str = "4f9d3c1e-8a57-4d0b-9a57-0d3c5d6f1b2a";

/// A token as the demo's user interface would hold it after its user signed in at `now` (seconds since 1970).
///
/// # Errors
/// The environment is another one, or lacks what the demo needs.
pub fn demo_token(issuer: &TokenIssuer<'_>, environment: &EnvironmentSnapshot, now: i64) -> Result<String, OAuthError> {
    let refused = |detail: &str| OAuthError::new(Problem::TargetNotAllowed, detail);
    if environment.environment.name != DEMO_ENVIRONMENT {
        return Err(refused("demo tokens are for the environment \"demo\" only: apply config/demo.toml"));
    }
    let server = environment.resource_server(AUDIENCE).ok_or_else(|| refused("the environment has no bff-api"))?;
    let application = environment.applications.values().find(|application| application.enabled);
    let application = application.ok_or_else(|| refused("the environment has no enabled application"))?;
    let expires_at = now + environment.environment.access_token_lifetime;
    let order = TokenOrder {
        scope: server.scopes.clone(),
        profile: server.token_profile,
        signing_alg: server.signing_alg,
        claims: claims(&application.id),
        ..TokenOrder::new(USER, SubjectType::EndUserAccount, vec![server.audience.clone()], now, expires_at)
    };
    // The token was issued to the application that the user signed in to.
    Ok(issuer.issue(environment, &application.id, &order)?.token)
}

fn claims(application_id: &str) -> Map<String, Value> {
    Map::from_iter([
        ("applicationId".to_owned(), json!(application_id)),
        ("userId".to_owned(), json!(USER)),
        ("user-id".to_owned(), json!("1815")),
        ("user-fullname".to_owned(), json!("Ada Lovelace")),
    ])
}
