//! The backend authentication API and the user API: operations over JSON, as a table. Routing and the OpenAPI document both come from
//! it, so neither can say what the other does not. The only place that names `schemars`, beside wire types that are kept as they
//! come (src/domain), and `jsonschema`.
//!
//! One file per area holds its wire types and the operations over them; what they do is in `operations::backend`.

mod answer;
mod approval;
mod authenticators;
mod body;
mod codes;
mod endpoint;
mod engine;
mod identifier;
mod openapi;
mod passwords;
mod preferences;
mod sessions;
mod sign_in;
#[cfg(test)]
mod snapshots;
mod totp;
mod users;
mod webauthn;

use self::endpoint::Endpoint;
pub use self::{
    answer::RestAnswer,
    body::ContentType,
    endpoint::Method,
    engine::{Engine, RestRequest},
    openapi::{OPENAPI_PATH, document},
};
use crate::operations::backend::call::Access;

/// Every operation, by area.
const AREAS: &[(&str, &[Endpoint])] = &[
    ("authenticators", authenticators::OPERATIONS),
    ("codes", codes::OPERATIONS),
    ("login preferences", preferences::OPERATIONS),
    ("passwords", passwords::OPERATIONS),
    ("sessions", sessions::OPERATIONS),
    ("totp", totp::OPERATIONS),
    ("users", users::OPERATIONS),
    ("webauthn", webauthn::OPERATIONS),
];

/// Every operation.
fn endpoints() -> impl Iterator<Item = (&'static str, &'static Endpoint)> {
    AREAS.iter().flat_map(|(area, endpoints)| endpoints.iter().map(|endpoint| (*area, endpoint)))
}

/// Whether browsers call an operation at a path: pages of other origins may then read its answers.
pub fn is_for_browsers(pattern: &str) -> bool {
    endpoints().any(|(_, endpoint)| endpoint.path == pattern && endpoint.access == Access::Public)
}

/// The paths below the issuer, each with its methods.
pub fn paths() -> Vec<(&'static str, Vec<Method>)> {
    let mut paths: Vec<(&'static str, Vec<Method>)> = Vec::new();
    for (_, endpoint) in endpoints() {
        match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, methods)) => methods.push(endpoint.method),
            None => paths.push((endpoint.path, vec![endpoint.method])),
        }
    }
    paths
}
