//! `grant_type=urn:ietf:params:oauth:grant-type:token-exchange` (RFC 8693).

mod actor;
mod audit;
mod chain;
mod compat;
mod conditions;
mod delegated;
mod embedded;
mod environments;
mod foreign;
mod foreign_as_they_are;
mod forged;
mod laws;
mod refused_tokens;
mod request;
mod secrecy;
mod spellings;
mod standing;
mod subject_ids;
mod targets;
mod token_typ;

use serde_json::Value;

use crate::support::{
    ACCESS_TOKEN, BFF, CALENDAR, TestServer,
    forge::{Forge, claims, with},
};

/// The application of the demo.
pub const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
/// The type of tokens as JWTs.
pub const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
/// Why a token is refused whose key is unknown here, or removed.
pub const UNKNOWN_KEY: &str = "no key of this environment has that kid";
/// The rule of the demo's `bff`.
pub const BFF_RULE: &str = "bff edits calendars for its users";

/// The claims of a user's token for the demo's `bff-api`.
pub fn demo_claims(server: &TestServer) -> Value {
    let session = serde_json::json!({ "applicationId": WEB, "userId": "user-1", "user-fullname": "Ada Lovelace" });
    with(&claims(server, "bff-api", WEB, "calendar.read profile"), &session)
}

/// A user's token for the demo's `bff-api`.
pub fn demo_token(server: &TestServer) -> String {
    Forge::of(server).token(&demo_claims(server))
}

/// The demo's `bff` on its own account.
pub fn bff_token(server: &TestServer) -> String {
    server.token(BFF, &[("grant_type", "client_credentials")]).access_token()
}

/// The demo's `calendar-service` on its own account.
pub fn calendar_token(server: &TestServer) -> String {
    server.token(CALENDAR, &[("grant_type", "client_credentials")]).access_token()
}

/// The parameters of an actor token.
pub fn actor(token: &str) -> [(&'static str, &str); 2] {
    [("actor_token", token), ("actor_token_type", ACCESS_TOKEN)]
}
