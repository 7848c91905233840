//! Refresh tokens of sign-ins.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::endpoint::{Events, Method, Operation};
use crate::{
    audit::Event,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        refresh::{Refreshed, refresh},
    },
};

/// New tokens for a refresh token. The session is not extended by that.
pub(super) struct Refresh;

/// A refresh token.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RefreshRequest {
    /// The newest one of a sign-in.
    #[schemars(length(min = 1, max = 255))]
    refresh_token: String,
}

/// The tokens that come of a refresh token.
#[derive(Serialize, JsonSchema)]
pub(super) struct RefreshedTokens {
    /// A JWT.
    access_token: String,
    /// A JWT. It says of the sign-in what the first one said, and of the user what is true now.
    id_token: String,
    /// Opaque. The one that was used is good no longer.
    refresh_token: String,
    /// `Bearer`.
    #[schemars(extend("const" = "Bearer"))]
    token_type: &'static str,
    /// How long the access token lives, in seconds.
    expires_in: i64,
}

impl From<Refreshed> for RefreshedTokens {
    fn from(answer: Refreshed) -> Self {
        Self {
            access_token: answer.access_token,
            id_token: answer.id_token,
            refresh_token: answer.refresh_token.reveal().to_owned(),
            token_type: "Bearer",
            expires_in: answer.expires_in,
        }
    }
}

impl Operation for Refresh {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/token/refresh";
    const ID: &'static str = "refreshToken";
    const SUMMARY: &'static str = "Gets new tokens for a refresh token of a sign-in, which is used up by that";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::RefreshTokenInvalid];
    const EVENTS: Option<Events> = Some(Events { done: Event::TokenRefreshed, refused: Event::TokenRefused });

    type Body = RefreshRequest;
    type Answer = RefreshedTokens;

    async fn run(call: &mut Call, body: RefreshRequest) -> Result<RefreshedTokens, ApiError> {
        Ok(refresh(call, &body.refresh_token).await?.into())
    }
}
