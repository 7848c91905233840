//! Signing in with a password.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::{
        endpoint::{Events, Method, Operation},
        sessions::SIGN_IN_EVENTS,
        sign_in::{Common, TokenResponse},
    },
    UsernameType,
};
use crate::operations::backend::{
    call::{Access, Call},
    error::{ApiCode, ApiError},
    passwords::{self, Login},
};

/// Tokens for whoever knows the password.
pub(super) struct Authenticate;

/// A user, and what is said to be the password.
#[derive(Deserialize, JsonSchema)]
pub(super) struct PasswordAuthentication {
    /// The user's name in the application; or what `username_type` says.
    #[schemars(length(min = 1, max = 255))]
    username: String,
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    /// What `username` is.
    #[serde(default)]
    username_type: UsernameType,
    #[serde(flatten)]
    common: Common,
}

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/authenticate";
    const ID: &'static str = "authenticatePassword";
    const SUMMARY: &'static str =
        "Signs a user in with a password. The answer does not say whether there is such a user";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::InvalidCredentials,
        ApiCode::PreferencesMissing,
        ApiCode::Locked,
        ApiCode::PasswordExpired,
        ApiCode::TemporaryPassword,
        ApiCode::ResetTokenInvalid,
    ];
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = PasswordAuthentication;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let login = Login { kind: body.username_type.into(), identifier: body.username, password: body.password };
        Ok(passwords::authenticate(call, body.common.into(), login).await?.into())
    }
}
