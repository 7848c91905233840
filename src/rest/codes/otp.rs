//! One-time codes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        approval::ApprovalData,
        endpoint::{Events, Method, Operation},
        identifier::Identifier,
        sessions::SIGN_IN_EVENTS,
        sign_in::{Common, TokenResponse},
    },
    SEND_EVENTS,
};
use crate::{
    domain::{
        login::one_time_code::CodeChannel,
        message::{CustomSms, EmailContent},
        secret::Secret,
    },
    operations::backend::{
        call::{Access, Call},
        codes::otp::{OtpPresented, OtpRequest, authenticate_otp, send_otp},
        error::{ApiCode, ApiError},
    },
};

/// Sends a code.
pub(super) struct Send;

/// How a code goes to the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum OtpChannel {
    /// By text message.
    Sms,
    /// By e-mail.
    Email,
    /// The answer has it, and the backend brings it to the user itself.
    Direct,
}

/// Whom a code is for.
#[derive(Deserialize, JsonSchema)]
pub(super) struct OtpSending {
    /// How the code goes to the user.
    channel: OtpChannel,
    #[serde(flatten)]
    user: Identifier,
    /// A mail of the backend's own, with `channel` `email`.
    email_content: Option<EmailContent>,
    /// A text message of the backend's own, with `channel` `sms`.
    custom_sms_input: Option<CustomSms>,
    /// What the user approves of; it becomes the claim `approval_data` of the ID token.
    approval_data: Option<ApprovalData>,
    /// Where a mail goes this time, in place of the user's address. It is not verified by that.
    #[schemars(length(min = 1, max = 255))]
    custom_email: Option<String>,
    /// Where a text message goes this time, in place of the user's number. It is not verified by that.
    #[schemars(length(min = 1, max = 255))]
    custom_phone_number: Option<String>,
    /// How long the code is good, in minutes, in place of what the login preferences say.
    #[schemars(range(min = 1, max = 1440))]
    expires_in: Option<i64>,
    /// Whether whoever redeems the code must send a `request_id` too, which the answer has.
    #[serde(default)]
    generate_request_id: bool,
}

/// That a code was sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct OtpSent {
    /// For people.
    message: &'static str,
    /// As it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    approval_data: Option<ApprovalData>,
    /// The code, with `channel` `direct` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// What must come back with the code, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Operation for Send {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/otp/send";
    const ID: &'static str = "sendOTP";
    const SUMMARY: &'static str = "Sends a one-time code to sign in with";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::ProviderMissing,
        ApiCode::PreferencesMissing,
        ApiCode::UserNotActive,
        ApiCode::Locked,
        ApiCode::AppNotFound,
        ApiCode::UserNotFound,
        ApiCode::UserEmailMissing,
        ApiCode::UserPhoneMissing,
    ];
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = OtpSending;
    type Answer = OtpSent;

    async fn run(call: &mut Call, body: OtpSending) -> Result<OtpSent, ApiError> {
        let channel = match body.channel {
            OtpChannel::Sms => CodeChannel::Sms,
            OtpChannel::Email => CodeChannel::Email,
            OtpChannel::Direct => CodeChannel::Direct,
        };
        let request = OtpRequest {
            channel,
            kind: body.user.identifier_type.into(),
            identifier: body.user.identifier,
            email_content: body.email_content,
            custom_sms: body.custom_sms_input,
            approval_data: body.approval_data.clone().map(|data| data.0),
            custom_email: body.custom_email,
            custom_phone_number: body.custom_phone_number,
            minutes: body.expires_in,
            with_request_id: body.generate_request_id,
        };
        let sent = send_otp(call, request).await?;
        Ok(OtpSent {
            message: "OTP sent",
            approval_data: body.approval_data,
            code: sent.code.map(|code| code.reveal().to_owned()),
            request_id: sent.request_id.map(|id| id.reveal().to_owned()),
        })
    }
}

/// Signs in with a code.
pub(super) struct Authenticate;

/// A code that a user typed in.
#[derive(Deserialize, JsonSchema)]
pub(super) struct OtpAuthentication {
    #[serde(flatten)]
    common: Common,
    /// As when the code was sent.
    #[serde(flatten)]
    user: Identifier,
    /// The code.
    #[schemars(length(min = 1, max = 64))]
    passcode: String,
    /// The request id, if one was asked for.
    #[schemars(length(min = 1, max = 255))]
    request_id: Option<String>,
}

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/otp/authenticate";
    const ID: &'static str = "authenticateOTP";
    const SUMMARY: &'static str = "Signs a user in with a one-time code";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] =
        &[ApiCode::InvalidCredentials, ApiCode::PasscodeExpired, ApiCode::PreferencesMissing, ApiCode::Locked];
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = OtpAuthentication;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: OtpAuthentication) -> Result<TokenResponse, ApiError> {
        let presented = OtpPresented {
            kind: body.user.identifier_type.into(),
            identifier: body.user.identifier,
            passcode: Secret::new(body.passcode),
            request_id: body.request_id,
        };
        Ok(authenticate_otp(call, body.common.into(), presented).await?.into())
    }
}
