//! What all operations have in common that sign a user in.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    domain::login::claims::ClaimsRequest,
    operations::backend::sign_in::{CommonRequest, TokenAnswer},
};

/// What every sign-in may say besides.
#[derive(Deserialize, JsonSchema)]
pub struct Common {
    /// The resource server that the access token is for: one of the client's `access`. Without it the token is for this server
    /// alone (`userid-api`).
    #[schemars(length(min = 1, max = 255))]
    pub resource: Option<String>,
    /// The claims that the tokens shall have.
    #[serde(default)]
    pub claims: Option<ClaimsRequest>,
    /// The session that the authentication is added to. Without it a new one begins.
    #[schemars(length(min = 1, max = 255))]
    pub session_id: Option<String>,
}

impl From<Common> for CommonRequest {
    fn from(common: Common) -> Self {
        Self { resource: common.resource, claims: common.claims.unwrap_or_default(), session_id: common.session_id }
    }
}

/// The tokens of a sign-in.
#[derive(Serialize, JsonSchema)]
pub struct TokenResponse {
    /// A JWT.
    access_token: String,
    /// A JWT.
    id_token: String,
    /// Opaque. A new one comes with each use.
    refresh_token: String,
    /// `Bearer`.
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    expires_in: i64,
    /// What names the session in later calls. For the backend alone: never in a browser.
    session_id: String,
}

impl From<TokenAnswer> for TokenResponse {
    fn from(answer: TokenAnswer) -> Self {
        Self {
            access_token: answer.access_token,
            id_token: answer.id_token,
            refresh_token: answer.refresh_token.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: answer.expires_in,
            session_id: answer.session_id.reveal().to_owned(),
        }
    }
}
