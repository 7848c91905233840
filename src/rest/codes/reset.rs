//! Password resets through a mailbox or a telephone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, Operation},
    },
    SEND_EVENTS,
};
use crate::{
    audit::Event,
    domain::{
        login::{IdentifierKind, one_time_code::CodeChannel},
        message::EmailContent,
        secret::Secret,
    },
    operations::backend::{
        call::{Access, Call},
        codes::reset::{ResetLinkRequest, ResetStart, mail_link, make_link, redeem_reset_code, send_reset_code},
        error::{ApiCode, ApiError},
        passwords::ResetToken,
    },
};

const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
const VALIDATE_EVENTS: Events = Events { done: Event::CredentialChanged, refused: Event::CredentialRefused };
const SEND_ERRORS: &[ApiCode] = &[
    ApiCode::ProviderMissing,
    ApiCode::PreferencesMissing,
    ApiCode::ResetTokenInvalid,
    ApiCode::UserNotActive,
    ApiCode::AppNotFound,
    ApiCode::UserNotFound,
];
const VALIDATE_ERRORS: &[ApiCode] = &[
    ApiCode::ResetCodeInvalid,
    ApiCode::ResetCodeExpired,
    ApiCode::Locked,
    ApiCode::PreferencesMissing,
    ApiCode::ResetTokenInvalid,
    ApiCode::UserNotActive,
    ApiCode::AppNotFound,
    ApiCode::UserNotFound,
];

/// What every call that starts a reset may say besides.
#[derive(Deserialize, JsonSchema)]
struct Start {
    /// The reset token of a first factor, where the application wants two.
    #[schemars(length(min = 1, max = 255))]
    prev_reset_token: Option<String>,
    /// One factor is enough this time, although the application wants two.
    #[serde(default)]
    ignore_mfa: bool,
}

impl From<Start> for ResetStart {
    fn from(start: Start) -> Self {
        Self { previous: start.prev_reset_token, ignore_mfa: start.ignore_mfa }
    }
}

/// Whom a link is for, and where it leads.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ResetLinkBody {
    /// The user's address. This or `username`.
    #[schemars(length(min = 1, max = 254))]
    email: Option<String>,
    /// The name that the application knows the user by. This or `email`.
    #[schemars(length(min = 1, max = 64))]
    username: Option<String>,
    /// Where the link leads, with the reset token as the parameter `code`: one of the client's `redirect_uris`, to the byte.
    #[schemars(length(min = 1, max = 2048))]
    redirect_uri: String,
    /// A mail of the backend's own.
    email_content: Option<EmailContent>,
    #[serde(flatten)]
    start: Start,
}

impl TryFrom<ResetLinkBody> for ResetLinkRequest {
    type Error = ApiError;

    fn try_from(body: ResetLinkBody) -> Result<Self, ApiError> {
        let (kind, identifier) = match (body.email, body.username) {
            (Some(email), None) => (IdentifierKind::Email, email),
            (None, Some(username)) => (IdentifierKind::Username, username),
            _ => return Err(ApiError::new(ApiCode::InvalidInput, "the body: needs either email or username")),
        };
        let ResetLinkBody { redirect_uri, email_content, start, .. } = body;
        Ok(Self { kind, identifier, redirect_uri, email_content, start: start.into() })
    }
}

/// That something was sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct Sent {
    /// For people.
    message: &'static str,
}

/// Mails a link.
pub(super) struct MailLink;

impl Operation for MailLink {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/email/link";
    const ID: &'static str = "sendPasswordResetLink";
    const SUMMARY: &'static str = "Mails a link to set a new password with";
    const ACCESS: Access = ACCESS;
    const ERRORS: &'static [ApiCode] =
        &[ApiCode::RedirectUriNotAllowed, ApiCode::EmailNotVerified, ApiCode::UserEmailMissing];
    const SHARED_ERRORS: &'static [ApiCode] = SEND_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = ResetLinkBody;
    type Answer = Sent;

    async fn run(call: &mut Call, body: ResetLinkBody) -> Result<Sent, ApiError> {
        mail_link(call, body.try_into()?).await?;
        Ok(Sent { message: "Reset password email sent" })
    }
}

/// A link to set a new password with.
#[derive(Serialize, JsonSchema)]
pub(super) struct ResetLink {
    /// For the user alone: whoever has it sets the user's password.
    reset_link: String,
}

/// Gives a link.
pub(super) struct MakeLink;

impl Operation for MakeLink {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/link";
    const ID: &'static str = "createPasswordResetLink";
    const SUMMARY: &'static str =
        "Makes a link to set a new password with, which the backend brings to the user itself";
    const ACCESS: Access = ACCESS;
    const ERRORS: &'static [ApiCode] = &[ApiCode::RedirectUriNotAllowed];
    const SHARED_ERRORS: &'static [ApiCode] = SEND_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = ResetLinkBody;
    type Answer = ResetLink;

    async fn run(call: &mut Call, body: ResetLinkBody) -> Result<ResetLink, ApiError> {
        Ok(ResetLink { reset_link: make_link(call, body.try_into()?).await? })
    }
}

/// Whom a code is mailed to.
#[derive(Deserialize, JsonSchema)]
pub(super) struct MailCodeBody {
    /// The user's address.
    #[schemars(length(min = 1, max = 254))]
    email: String,
    /// A mail of the backend's own.
    email_content: Option<EmailContent>,
    #[serde(flatten)]
    start: Start,
}

/// Mails a code.
pub(super) struct MailCode;

impl Operation for MailCode {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/email/otp";
    const ID: &'static str = "sendPasswordResetEmailOtp";
    const SUMMARY: &'static str = "Mails a code to set a new password with";
    const ACCESS: Access = ACCESS;
    const ERRORS: &'static [ApiCode] = &[ApiCode::EmailNotVerified, ApiCode::Locked];
    const SHARED_ERRORS: &'static [ApiCode] = SEND_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = MailCodeBody;
    type Answer = Sent;

    async fn run(call: &mut Call, body: MailCodeBody) -> Result<Sent, ApiError> {
        let content = body.email_content.as_ref();
        send_reset_code(call, CodeChannel::Email, &body.email, content, body.start.into()).await?;
        Ok(Sent { message: "Email Sent" })
    }
}

/// Whom a code is texted to.
#[derive(Deserialize, JsonSchema)]
pub(super) struct TextCodeBody {
    /// The user's number, in E.164 format.
    #[schemars(length(min = 1, max = 16))]
    phone_number: String,
    #[serde(flatten)]
    start: Start,
}

/// Texts a code.
pub(super) struct TextCode;

impl Operation for TextCode {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/sms/otp";
    const ID: &'static str = "sendPasswordResetSmsOtp";
    const SUMMARY: &'static str = "Sends a text message with a code to set a new password with";
    const ACCESS: Access = ACCESS;
    const ERRORS: &'static [ApiCode] = &[ApiCode::PhoneNotVerified, ApiCode::Locked];
    const SHARED_ERRORS: &'static [ApiCode] = SEND_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = TextCodeBody;
    type Answer = Sent;

    async fn run(call: &mut Call, body: TextCodeBody) -> Result<Sent, ApiError> {
        send_reset_code(call, CodeChannel::Sms, &body.phone_number, None, body.start.into()).await?;
        Ok(Sent { message: "SMS Sent" })
    }
}

/// What a right code gives.
#[derive(Serialize, JsonSchema)]
pub(super) struct Validated {
    /// The reset token.
    result: String,
    /// Whether the token is good for nothing but a second factor, which is started with it as `prev_reset_token`.
    mfa_required: bool,
}

impl From<ResetToken> for Validated {
    fn from(token: ResetToken) -> Self {
        Self { result: token.secret.reveal().to_owned(), mfa_required: token.needs_second_factor }
    }
}

/// A code from a mail.
#[derive(Deserialize, JsonSchema)]
pub(super) struct MailedCode {
    /// The user's address.
    #[schemars(length(min = 1, max = 254))]
    email: String,
    /// The code.
    #[schemars(length(min = 1, max = 64))]
    passcode: String,
}

/// Redeems a code from a mail.
pub(super) struct ValidateMail;

impl Operation for ValidateMail {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/email/otp/validate";
    const ID: &'static str = "validatePasswordResetEmailOtp";
    const SUMMARY: &'static str = "Gives a reset token for a code from a mail";
    const ACCESS: Access = ACCESS;
    const SHARED_ERRORS: &'static [ApiCode] = VALIDATE_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(VALIDATE_EVENTS);

    type Body = MailedCode;
    type Answer = Validated;

    async fn run(call: &mut Call, body: MailedCode) -> Result<Validated, ApiError> {
        let passcode = Secret::new(body.passcode);
        Ok(redeem_reset_code(call, CodeChannel::Email, body.email, passcode).await?.into())
    }
}

/// A code from a text message.
#[derive(Deserialize, JsonSchema)]
pub(super) struct TextedCode {
    /// The user's number, in E.164 format.
    #[schemars(length(min = 1, max = 16))]
    phone_number: String,
    /// The code.
    #[schemars(length(min = 1, max = 64))]
    passcode: String,
}

/// Redeems a code from a text message.
pub(super) struct ValidateText;

impl Operation for ValidateText {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/sms/otp/validate";
    const ID: &'static str = "validatePasswordResetSmsOtp";
    const SUMMARY: &'static str = "Gives a reset token for a code from a text message";
    const ACCESS: Access = ACCESS;
    const SHARED_ERRORS: &'static [ApiCode] = VALIDATE_ERRORS;
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(VALIDATE_EVENTS);

    type Body = TextedCode;
    type Answer = Validated;

    async fn run(call: &mut Call, body: TextedCode) -> Result<Validated, ApiError> {
        let passcode = Secret::new(body.passcode);
        Ok(redeem_reset_code(call, CodeChannel::Sms, body.phone_number, passcode).await?.into())
    }
}
