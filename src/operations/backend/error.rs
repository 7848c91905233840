//! Refusals of the backend authentication API: its codes, what the caller is told, and what the log is told.

use serde_json::{Map, Value};

use crate::{
    domain::{random::RandomError, readable::readable},
    oauth::error::{OAuthError, Problem},
    operations::mosaic_error::{MosaicCode, MosaicError},
    store::StoreError,
};

macro_rules! codes {
    ($( $(#[$doc:meta])* $name:ident = $symbol:literal, $status:literal, $text:literal; )+) => {
        /// Why a call is refused. Some symbols stand under several statuses: the contract wants it so.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ApiCode {
            $( $(#[$doc])* $name, )+
        }

        impl ApiCode {
            /// The symbol in the answer.
            pub const fn symbol(self) -> &'static str {
                match self { $( ApiCode::$name => $symbol, )+ }
            }

            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $( ApiCode::$name => $status, )+ }
            }

            /// What the caller is told where the operation has nothing better to say.
            pub const fn message(self) -> &'static str {
                match self { $( ApiCode::$name => $text, )+ }
            }
        }
    };
}

codes! {
    /// The body, the query or the path is not as documented; or a value cannot be kept.
    InvalidInput = "system_invalid_input", 400, "The request is invalid";
    /// The session is unknown, over, of another environment or of another user: all alike on purpose.
    SessionNotFound = "session_not_found", 400, "Session not found";
    /// The refresh token is unknown, used, over, another client's, or gives nothing any more: all alike on purpose.
    RefreshTokenInvalid = "invalid_refresh_token", 400, "The refresh token is invalid or expired";
    /// The client may not ask for tokens for that resource.
    ResourceNotAllowed = "invalid_resource", 400, "The resource is not configured for this application";
    /// The user is unknown, or the secret, code or signature is wrong: all alike on purpose.
    InvalidCredentials = "auth_invalid_credentials", 400, "Invalid credentials";
    /// The link leads nowhere that the client has said its users come back to.
    RedirectUriNotAllowed = "invalid_redirect_uri", 400,
        "redirect_uri is not one of the allowed redirect URIs configured for this app";
    /// The link is unknown, used, expired, or not for whoever presents it: all alike on purpose.
    LinkInvalid = "invalid_magic_link_code", 400, "Invalid magic link code";
    /// Whoever the link was sent to is gone. The contract has it under this status.
    LinkUserNotFound = "user_not_found", 400, "User not found";
    /// The code that could be meant has expired.
    PasscodeExpired = "auth_otp_passcode_expired", 400, "The passcode has expired";
    /// The settings name nothing that could send the message.
    ProviderMissing = "external_provider_configuration_error", 400, "No provider for such messages is configured";
    /// The password is too weak for the application.
    PasswordWeak = "auth_password_weak", 400, "The password is too weak";
    /// The password stands in a list of leaked ones.
    PasswordBreached = "auth_password_breached", 400, "The password stands in a list of leaked passwords";
    /// The user had the password before.
    PasswordRecentlyUsed = "auth_password_recently_used", 400, "The password was used before";
    /// The application has no passwords.
    PasswordPolicyDisabled = "auth_password_policy_disabled", 400, "The application has no password policy";
    /// The user has no password that could be changed.
    PasswordNotActive = "auth_not_active", 400, "The user has no password";
    /// There is no new password in the request.
    PasswordIncomplete = "auth_password_incomplete_credentials", 400, "The request has no password";
    /// What a browser or its authenticator answered is refused, or belongs to no ceremony that waits for it.
    WebauthnResult = "webauthn_encoded_result", 400, "Invalid webauthn encoded result";
    /// No access token, or one that cannot be used.
    Unauthorized = "unauthorized", 401, "A valid access token is required";
    /// Nobody has a passkey under that name, or who is named has none: both alike on purpose.
    NoCredentials = "no_credentials_registered", 401, "No credentials are registered for this user";
    /// The access token lacks the permission, is addressed to others, or is not of the kind that is needed.
    Forbidden = "forbidden", 403, "The access token does not allow this operation";
    /// The user is disabled.
    UserNotActive = "user_not_active", 403, "User is not active";
    /// The password is right and too old: it is good for choosing another one.
    PasswordExpired = "password_expired", 403, "The password has expired; set another one with the reset token";
    /// The password is right and was not chosen by the user: it is good for choosing another one.
    TemporaryPassword = "temporary_password", 403, "The password is temporary; set another one with the reset token";
    /// The reset token is unknown, used up, over, or not for this: all alike on purpose.
    ResetTokenInvalid = "invalid_reset_token", 403, "The reset token is invalid or expired";
    /// The reset token is good for nothing but a second authentication.
    SecondFactorNeeded = "mfa_required", 403, "A second authentication is required: send the token as prev_reset_token";
    /// The application's login preferences do not have the method.
    PreferencesMissing = "auth_login_preferences_missing", 403,
        "The authentication method is not configured for this application";
    /// Too many wrong secrets, codes or signatures.
    Locked = "auth_locked", 403, "Locked after too many failed attempts";
    /// The code of a password reset is wrong, or there is none.
    ResetCodeInvalid = "invalid_otp", 403, "Invalid passcode";
    /// The code of a password reset has expired.
    ResetCodeExpired = "expired_otp", 403, "Passcode expired";
    /// Nobody has shown yet that the address is the user's.
    EmailNotVerified = "email_not_verified", 403, "The user's e-mail address is not verified";
    /// Nobody has shown yet that the number is the user's.
    PhoneNotVerified = "phone_number_not_verified", 403, "The user's phone number is not verified";
    /// The client has no application, or that is disabled or gone.
    AppNotFound = "app_not_found", 404, "App not found";
    /// There is no such client, or no application behind it.
    ClientNotFound = "client_not_found", 404, "Client not found";
    /// The user has no such passkey in the application, or it was removed.
    PasskeyNotFound = "webauthn_credential_not_found", 404, "Credential not found";
    /// There is no such user here.
    UserNotFound = "user_not_found", 404, "User not found";
    /// The user has no address that a mail could go to.
    UserEmailMissing = "user_email_address_missing", 404, "The user has no e-mail address";
    /// The user has no number that a text message could go to.
    UserPhoneMissing = "user_phone_number_missing", 404, "The user has no telephone number";
    /// The user has no such address or number.
    IdentifierNotFound = "identifier_not_found", 404, "The user has no such identifier";
    /// The user has no such authenticator.
    AuthenticatorNotFound = "authenticator_not_found", 404, "Authenticator not found";
    /// Somebody has the address, the number or the name; or the user is in the application already.
    IdentifierTaken = "identifier_is_taken", 409, "The identifier is taken";
    /// The user has a password, or it was changed at the same moment.
    PasswordConfigured = "auth_password_already_configured", 409, "The user has a password already";
    /// The user has as many authenticator apps as the application allows.
    TotpExists = "auth_totp_already_registered", 409, "The user has an authenticator app already";
    /// Somebody else has passkeys under that name in the application.
    WebauthnUsernameTaken = "username_already_registered", 409, "The username is registered by another user";
    /// The user has as many passkeys as one can have.
    TooManyPasskeys = "webauthn_credential_limit", 409, "The user has too many credentials; remove one first";
    /// The body did not arrive in time.
    BodyTooSlow = "body_too_slow", 408, "The body did not arrive in time";
    /// The body is larger than this server reads.
    BodyTooLarge = "body_too_large", 413, "The body is too large";
    /// The body has another type than the operation reads.
    UnsupportedMediaType = "unsupported_media_type", 415, "Send the body as application/json";
    /// Too much of this was asked for.
    TooManyRequests = "too_many_requests", 429, "Too many requests; try again later";
    /// A bug or a misconfiguration. The caller learns nothing more.
    ServerError = "server_error", 500, "Internal error";
    /// The server cannot answer now; the same request may succeed later.
    Unavailable = "temporarily_unavailable", 503, "The server cannot answer right now; try again";
}

impl ApiCode {
    /// What any operation may answer, whatever it does.
    pub const OF_ALL: &'static [ApiCode] = &[
        ApiCode::InvalidInput,
        ApiCode::BodyTooSlow,
        ApiCode::BodyTooLarge,
        ApiCode::UnsupportedMediaType,
        ApiCode::TooManyRequests,
        ApiCode::ServerError,
        ApiCode::Unavailable,
    ];
    /// What any operation that needs an access token may answer besides.
    pub const OF_CALLERS: &'static [ApiCode] = &[ApiCode::Unauthorized, ApiCode::Forbidden];
    /// What any operation may answer that signs a user in.
    pub const OF_SIGN_IN: &'static [ApiCode] = &[
        ApiCode::SessionNotFound,
        ApiCode::ResourceNotAllowed,
        ApiCode::UserNotActive,
        ApiCode::AppNotFound,
        ApiCode::UserNotFound,
    ];
}

/// A refusal: what the caller is told, and a detail for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {}", code.symbol(), detail.as_deref().unwrap_or("-"))]
pub struct ApiError {
    /// Which refusal it is.
    pub code: ApiCode,
    /// What the caller is told: one sentence, or one for each mistake of the request.
    pub messages: Vec<String>,
    /// Why, for the log. Never sent, and never holds a secret or a token.
    pub detail: Option<String>,
    /// When to try again, in seconds, where that is known.
    pub retry_after: Option<i64>,
    /// Further members of the answer. Boxed: hardly any refusal has them.
    pub members: Option<Box<Map<String, Value>>>,
}

impl ApiError {
    /// A refusal with sentences for the caller.
    pub fn with_messages(code: ApiCode, messages: Vec<String>) -> Self {
        Self { code, messages, detail: None, retry_after: None, members: None }
    }

    /// A refusal with a sentence for the caller.
    pub fn new(code: ApiCode, message: impl Into<String>) -> Self {
        Self::with_messages(code, vec![message.into()])
    }

    /// Adds the reason that the log and the record get. It may quote the request: what could forge a line, and words as long as
    /// tokens, are not kept (TE-138).
    #[must_use]
    pub fn with_detail(mut self, detail: impl AsRef<str>) -> Self {
        self.detail = Some(readable(detail.as_ref()));
        self
    }

    /// Adds when to try again, in seconds.
    #[must_use]
    pub fn after(mut self, seconds: i64) -> Self {
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// Adds members to the answer.
    #[must_use]
    pub fn with_members(mut self, members: Map<String, Value>) -> Self {
        self.members = Some(Box::new(members));
        self
    }
}

impl From<ApiCode> for ApiError {
    fn from(code: ApiCode) -> Self {
        Self::new(code, code.message())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let lasts = matches!(error, StoreError::Corrupt { .. });
        let code = if lasts { ApiCode::ServerError } else { ApiCode::Unavailable };
        Self::from(code).with_detail(format!("the database: {error}"))
    }
}

impl From<RandomError> for ApiError {
    fn from(error: RandomError) -> Self {
        Self::from(ApiCode::ServerError).with_detail(error.to_string())
    }
}

impl From<OAuthError> for ApiError {
    fn from(error: OAuthError) -> Self {
        let code = match (error.problem, error.problem.status()) {
            (Problem::TargetNotAllowed | Problem::ScopeNotAllowed, _) => ApiCode::ResourceNotAllowed,
            (Problem::SubjectTokenRefused, _) => ApiCode::SessionNotFound,
            (Problem::RefreshTokenRefused, _) => ApiCode::RefreshTokenInvalid,
            (_, 429) => ApiCode::TooManyRequests,
            (_, 503) => ApiCode::Unavailable,
            (_, 400..500) => ApiCode::InvalidInput,
            _ => ApiCode::ServerError,
        };
        let retry_after = error.retry_after;
        Self { retry_after, ..Self::from(code).with_detail(error.detail) }
    }
}

impl From<MosaicError> for ApiError {
    fn from(error: MosaicError) -> Self {
        let code = match (error.code, error.code.status()) {
            (MosaicCode::UserNotAuthorized | MosaicCode::Unauthorized, _) => ApiCode::Forbidden,
            (MosaicCode::ServiceUnavailable, _) => ApiCode::Unavailable,
            (MosaicCode::EnvironmentNotActive | MosaicCode::TenantNotActive, _) => ApiCode::Forbidden,
            (MosaicCode::TooManyRequests, _) => ApiCode::TooManyRequests,
            // Of those behind the token of the call, which is of no use then (RFC 6750 §3.1).
            (MosaicCode::UserDisabled | MosaicCode::ApplicationNotActive, _) | (_, 401) => ApiCode::Unauthorized,
            _ => ApiCode::ServerError,
        };
        let detail = error.detail.as_deref().unwrap_or(&error.message);
        let refusal = match error.code {
            // What its own token does not allow, the bearer is told.
            MosaicCode::UserNotAuthorized => Self::new(code, &error.message),
            _ => Self::from(code),
        };
        Self { retry_after: error.retry_after, ..refusal.with_detail(detail) }
    }
}
