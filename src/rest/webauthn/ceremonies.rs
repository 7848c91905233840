//! The two halves of a registration and of a login.

use super::{
    super::{
        endpoint::{Events, Method, Operation},
        sessions::SIGN_IN_EVENTS,
        sign_in::TokenResponse,
    },
    EVENTS,
    options::{AuthenticationOptions, RegistrationOptions},
    wire::{
        AuthenticateBody, AuthenticateStartBody, RegisterBody, RegisterExternalBody, RegisterStartBody,
        RegisteredPasskey,
    },
};
use crate::operations::backend::{
    call::{Access, Call},
    error::{ApiCode, ApiError},
    webauthn::{self, NewPasskey},
};

const EXECUTE: Access = Access::Client(&["AUTH_EXECUTE"]);

/// A browser begins to make a passkey.
pub(super) struct RegisterStart;

impl Operation for RegisterStart {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/webauthn/register/start";
    const ID: &'static str = "startWebauthnRegistration";
    const SUMMARY: &'static str = "Begins to make a passkey: for browsers, without a token";
    const ACCESS: Access = Access::Public;
    const ERRORS: &'static [ApiCode] = &[ApiCode::ClientNotFound, ApiCode::PreferencesMissing, ApiCode::Forbidden];
    // Anybody may begin, as often as the table allows: only what comes of it is recorded.
    const EVENTS: Option<Events> = None;

    type Body = RegisterStartBody;
    type Answer = RegistrationOptions;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        Ok(webauthn::begin_registration(call, body.into()).await?.into())
    }
}

/// A browser begins to use a passkey.
pub(super) struct AuthenticateStart;

impl Operation for AuthenticateStart {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/webauthn/authenticate/start";
    const ID: &'static str = "startWebauthnAuthentication";
    const SUMMARY: &'static str = "Begins a login by a passkey: for browsers, without a token";
    const ACCESS: Access = Access::Public;
    const ERRORS: &'static [ApiCode] =
        &[ApiCode::ClientNotFound, ApiCode::NoCredentials, ApiCode::PreferencesMissing, ApiCode::Forbidden];
    const EVENTS: Option<Events> = None;

    type Body = AuthenticateStartBody;
    type Answer = AuthenticationOptions;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        Ok(webauthn::begin_authentication(call, body.into_start()?).await?.into())
    }
}

/// A user who is signed in gets a passkey.
pub(super) struct Register;

impl Operation for Register {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/webauthn/register";
    const ID: &'static str = "registerWebauthn";
    const SUMMARY: &'static str = "Makes a passkey of the user who calls";
    const ACCESS: Access = Access::User;
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::WebauthnResult,
        ApiCode::WebauthnUsernameTaken,
        ApiCode::TooManyPasskeys,
        ApiCode::PreferencesMissing,
        ApiCode::UserNotFound,
        ApiCode::AppNotFound,
    ];
    const EVENTS: Option<Events> = EVENTS;

    type Body = RegisterBody;
    type Answer = RegisteredPasskey;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let whose = NewPasskey::Of(call.user_token()?.sub.clone());
        let made = webauthn::register(call, &body.webauthn_encoded_result, whose).await?;
        Ok(RegisteredPasskey::of(made, None))
    }
}

/// A user whom the application has authenticated by itself gets a passkey.
pub(super) struct RegisterExternal;

impl Operation for RegisterExternal {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/webauthn/external/register";
    const ID: &'static str = "registerWebauthnExternal";
    const SUMMARY: &'static str =
        "Makes a passkey of a user whom the application itself has authenticated, and the user if there is none";
    const ACCESS: Access = EXECUTE;
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::WebauthnResult,
        ApiCode::WebauthnUsernameTaken,
        ApiCode::TooManyPasskeys,
        ApiCode::IdentifierTaken,
        ApiCode::PreferencesMissing,
        ApiCode::UserNotActive,
        ApiCode::UserNotFound,
        ApiCode::AppNotFound,
    ];
    const EVENTS: Option<Events> = EVENTS;

    type Body = RegisterExternalBody;
    type Answer = RegisteredPasskey;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let external_user_id = body.external_user_id;
        let may_create = call.may("USERS_CREATE");
        let whose =
            NewPasskey::OfExternal { external_user_id: external_user_id.clone(), email: body.user_email, may_create };
        let made = webauthn::register(call, &body.webauthn_encoded_result, whose).await?;
        Ok(RegisteredPasskey::of(made, Some(external_user_id)))
    }
}

/// A user signs in by a passkey.
pub(super) struct Authenticate;

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/webauthn/authenticate";
    const ID: &'static str = "authenticateWebauthn";
    const SUMMARY: &'static str = "Signs in by a passkey";
    const ACCESS: Access = EXECUTE;
    const ERRORS: &'static [ApiCode] = &[ApiCode::WebauthnResult, ApiCode::PreferencesMissing, ApiCode::Locked];
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);
    // The vendor's sample for React Native sends one.
    const READS_FORMS: bool = true;

    type Body = AuthenticateBody;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let AuthenticateBody { webauthn_encoded_result, common } = body;
        Ok(webauthn::authenticate(call, &webauthn_encoded_result, common.into()).await?.into())
    }
}
