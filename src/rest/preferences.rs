//! Login preferences (contract §5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    answer::ErrorShape,
    endpoint::{Endpoint, Events, Method, NoBody, Operation},
};
use crate::{
    audit::Event,
    domain::login::preferences::LoginPreferences,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        preferences,
    },
};

pub const OPERATIONS: &[Endpoint] = &[Endpoint::of::<Read>(), Endpoint::of::<Replace>()];

/// Reads them.
struct Read;

/// Replaces them.
struct Replace;

/// The methods, as they are to be. Read as it comes, so that all mistakes are told at once and older names are known.
#[derive(Deserialize, JsonSchema)]
#[serde(transparent)]
struct AuthMethods(#[schemars(with = "LoginPreferences")] Value);

/// The login preferences of an application.
#[derive(Serialize, JsonSchema)]
struct LoginPreferencesAnswer {
    /// They.
    result: LoginPreferencesResult,
}

/// What is configured for an application.
#[derive(Serialize, JsonSchema)]
struct LoginPreferencesResult {
    /// The methods that are allowed, with all their settings.
    auth_methods: LoginPreferences,
}

impl From<LoginPreferences> for LoginPreferencesAnswer {
    fn from(auth_methods: LoginPreferences) -> Self {
        Self { result: LoginPreferencesResult { auth_methods } }
    }
}

impl Operation for Read {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/loginPreferences/{app_id}";
    const ID: &'static str = "getLoginPreferences";
    const SUMMARY: &'static str =
        "Shows with which methods the users of an application may sign in, and the limits of each";
    const ACCESS: Access = Access::Client(&["AUTHENTICATION_METHODS_READ"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound];
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = None;

    type Body = NoBody;
    type Answer = LoginPreferencesAnswer;

    async fn run(call: &mut Call, _: NoBody) -> Result<LoginPreferencesAnswer, ApiError> {
        Ok(preferences::read(call).await?.into())
    }
}

impl Operation for Replace {
    const METHOD: Method = Method::Put;
    const PATH: &'static str = "/loginPreferences/{app_id}/authMethods";
    const ID: &'static str = "replaceAuthMethods";
    const SUMMARY: &'static str = "Replaces the methods with which the users of an application may sign in: what is left out is no longer allowed";
    const ACCESS: Access = Access::Client(&["AUTHENTICATION_METHODS_EDIT"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound];
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(Events { done: Event::ManagementChanged, refused: Event::ManagementRefused });

    type Body = AuthMethods;
    type Answer = LoginPreferencesAnswer;

    async fn run(call: &mut Call, body: AuthMethods) -> Result<LoginPreferencesAnswer, ApiError> {
        Ok(preferences::replace(call, body.0).await?.into())
    }
}
