//! Authenticator apps.

use super::{
    approval::ApprovalData,
    endpoint::{Endpoint, Events, Method, NoBody, NoContent, Operation},
    identifier::Identifier,
    sessions::SIGN_IN_EVENTS,
    sign_in::{Common, TokenResponse},
};
use crate::{
    audit::Event,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        totp::{self, Whom},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<Register>(),
    Endpoint::of::<RegisterAsUser>(),
    Endpoint::of::<Authenticate>(),
    Endpoint::of::<StartTransaction>(),
    Endpoint::of::<AuthenticateTransaction>(),
    Endpoint::of::<RevokeOwn>(),
    Endpoint::of::<Revoke>(),
    Endpoint::of::<Unlock>(),
];

/// What is recorded where somebody changes by what a user is authenticated.
pub const CREDENTIAL_EVENTS: Events = Events { done: Event::CredentialChanged, refused: Event::CredentialRefused };

const SIGN_IN_ERRORS: &[ApiCode] = &[ApiCode::InvalidCredentials, ApiCode::PreferencesMissing, ApiCode::Locked];

/// An authenticator app for the user who calls.
struct Register;

/// The same where the platform had it before.
struct RegisterAsUser;

impl From<Identifier> for Whom {
    fn from(one: Identifier) -> Self {
        Self { kind: one.identifier_type.into(), identifier: one.identifier }
    }
}

/// What the app is to show.
#[derive(Deserialize, JsonSchema)]
struct Registration {
    /// What the app shows beside the code; the user's e-mail address, username or phone number if it is absent. No colon: apps take
    /// the label apart there.
    #[schemars(length(min = 1, max = 254), regex(pattern = r"^[^:\x00-\x1f\x7f-\x9f]+$"))]
    label: Option<String>,
    /// Whether the app that the user has already is replaced. Has no effect where the application allows several.
    #[serde(default)]
    allow_override: bool,
    /// The device that the app is on. Taken and not kept.
    #[schemars(length(max = 80))]
    #[expect(dead_code, reason = "part of the contract")]
    device_id: Option<String>,
}

/// A registered app. The secret is shown this once.
#[derive(Serialize, JsonSchema)]
struct Registered {
    /// The secret in base 32, to be typed into the app.
    secret: String,
    /// An `otpauth` URI with the secret in it, to be shown as a QR code.
    uri: String,
    /// What names the authenticator when it is revoked.
    authenticator_id: String,
}

async fn register(call: &mut Call, body: Registration) -> Result<Registered, ApiError> {
    let Registration { label, allow_override, .. } = body;
    if label.as_deref().is_some_and(|label| !crate::domain::totp::is_label(label)) {
        return Err(ApiError::new(
            ApiCode::InvalidInput,
            "label: must be one line of at most 254 bytes, without a colon",
        ));
    }
    let totp::Registered { id, secret, uri } =
        totp::register(call, totp::Registration { label, allow_override }).await?;
    Ok(Registered { secret, uri, authenticator_id: id })
}

const REGISTER_ERRORS: &[ApiCode] = &[
    ApiCode::PreferencesMissing,
    ApiCode::AppNotFound,
    ApiCode::UserNotFound,
    ApiCode::UserNotActive,
    ApiCode::TotpExists,
];

impl Operation for Register {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/totp/register";
    const ID: &'static str = "registerTOTPAuth";
    const SUMMARY: &'static str = "Registers an authenticator app for the user who calls";
    const ACCESS: Access = Access::User;
    const SUCCESS: u16 = 201;
    const ERRORS: &'static [ApiCode] = REGISTER_ERRORS;
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = Registration;
    type Answer = Registered;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        register(call, body).await
    }
}

impl Operation for RegisterAsUser {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/me/totp";
    const ID: &'static str = "registerTOTP";
    const SUMMARY: &'static str = "The same as registerTOTPAuth";
    const ACCESS: Access = Access::User;
    const SUCCESS: u16 = 201;
    const ERRORS: &'static [ApiCode] = REGISTER_ERRORS;
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = Registration;
    type Answer = Registered;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        register(call, body).await
    }
}

/// A sign-in with a code.
struct Authenticate;

/// A code, and whose it is.
#[derive(Deserialize, JsonSchema)]
struct Code {
    /// The code that the app shows. For a transaction: its challenge, and right behind it the code.
    #[schemars(length(min = 1, max = 64))]
    token: String,
    #[serde(flatten)]
    whom: Identifier,
    #[serde(flatten)]
    common: Common,
}

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/totp/authenticate";
    const ID: &'static str = "authenticateTOTP";
    const SUMMARY: &'static str = "Signs a user in with a code of an authenticator app";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = SIGN_IN_ERRORS;
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = Code;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let Code { token, whom, common } = body;
        Ok(totp::authenticate(call, common.into(), &whom.into(), token).await?.into())
    }
}

/// A transaction that waits for the user.
struct StartTransaction;

/// What the user is asked to approve.
#[derive(Deserialize, JsonSchema)]
struct Transaction {
    /// What is to be approved. It comes back in the ID token as `approval_data`.
    approval_data: ApprovalData,
    #[serde(flatten)]
    whom: Identifier,
    #[serde(flatten)]
    common: Common,
}

/// A transaction that waits for the user.
#[derive(Serialize, JsonSchema)]
struct Started {
    /// What is to be approved.
    approval_data: ApprovalData,
    /// Six digits, to be shown beside it: the user sends them and, right behind them, the code of the app.
    challenge: String,
}

impl Operation for StartTransaction {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/totp/transaction/start";
    const ID: &'static str = "startTOTPTransaction";
    const SUMMARY: &'static str = "Begins a transaction that a user approves with a code of an authenticator app";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::PreferencesMissing];
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(Events { done: Event::CodeSent, refused: Event::CodeRefused });

    type Body = Transaction;
    type Answer = Started;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let Transaction { approval_data, whom, common } = body;
        let challenge = totp::start(call, common.into(), &whom.into(), &approval_data.0).await?;
        Ok(Started { approval_data, challenge })
    }
}

/// A sign-in that approves a transaction.
struct AuthenticateTransaction;

impl Operation for AuthenticateTransaction {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/totp/transaction/authenticate";
    const ID: &'static str = "authenticateTOTPTransaction";
    const SUMMARY: &'static str = "Signs a user in who approves a transaction";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = SIGN_IN_ERRORS;
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = Code;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let Code { token, whom, common } = body;
        Ok(totp::approve(call, common.into(), &whom.into(), token).await?.into())
    }
}

/// Revokes the apps of the user who calls.
struct RevokeOwn;

impl Operation for RevokeOwn {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/me/totp/revoke";
    const ID: &'static str = "revokeTOTP";
    const SUMMARY: &'static str = "Revokes the authenticator apps that the user who calls has for the application";
    const ACCESS: Access = Access::User;
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound];
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: Self::Body) -> Result<Self::Answer, ApiError> {
        totp::revoke_own(call).await?;
        Ok(NoContent {})
    }
}

/// Revokes those of any user.
struct Revoke;

/// Which of them.
#[derive(Deserialize, JsonSchema)]
struct Revoked {
    /// The one that is revoked; all that the user has for the application if it is absent.
    #[schemars(length(min = 1, max = 64))]
    authenticator_id: Option<String>,
}

impl Operation for Revoke {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/{user_id}/totp/revoke";
    const ID: &'static str = "revokeTOTPManagement";
    const SUMMARY: &'static str = "Revokes authenticator apps of a user";
    const ACCESS: Access = Access::Client(&["AUTHENTICATORS_DELETE"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound, ApiCode::UserNotFound, ApiCode::AuthenticatorNotFound];
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = Revoked;
    type Answer = NoContent;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        totp::revoke(call, &user_id, body.authenticator_id).await?;
        Ok(NoContent {})
    }
}

/// Unlocks a user.
struct Unlock;

impl Operation for Unlock {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/{user_id}/totp/unlock";
    const ID: &'static str = "unlockTOTP";
    const SUMMARY: &'static str = "Forgets the wrong codes of a user, and the lock that came of them";
    const ACCESS: Access = Access::Client(&["AUTHENTICATORS_DELETE", "AUTHENTICATORS_EDIT"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound, ApiCode::UserNotFound];
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: Self::Body) -> Result<Self::Answer, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        totp::unlock(call, &user_id).await?;
        Ok(NoContent {})
    }
}
