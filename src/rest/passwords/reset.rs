//! Resets: a token for whoever knows the present password, and a new password for whoever has a token. Other ways to a token are those
//! of codes and links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, Operation},
        sessions::SIGN_IN_EVENTS,
    },
    CHANGES, Named,
};
use crate::{
    domain::login::AuthMethod,
    operations::backend::{
        call::{Access, Call, application_of},
        error::{ApiCode, ApiError},
        passwords::{self, Login, ResetOrder},
    },
};

/// A reset token for whoever knows the present password.
pub(super) struct WithPassword;

/// A user, and what is said to be the present password.
#[derive(Deserialize, JsonSchema)]
pub(super) struct PresentPassword {
    /// The client of the application.
    #[schemars(length(min = 1, max = 255))]
    client_id: String,
    /// The present password. It may be temporary or expired.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    #[serde(flatten)]
    user: Named,
    /// The token of another authentication before this one, where the application wants two.
    #[schemars(length(min = 1, max = 255))]
    prev_reset_token: Option<String>,
}

/// A reset token.
#[derive(Serialize, JsonSchema)]
pub(super) struct ResetAnswer {
    /// The reset token.
    result: String,
    /// Whether a second authentication is needed: send the token as `prev_reset_token` with it.
    mfa_required: bool,
}

impl Operation for WithPassword {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset/password/validate";
    const ID: &'static str = "validatePasswordForReset";
    const SUMMARY: &'static str = "Gives a reset token to whoever knows the present password";
    const ACCESS: Access = Access::Public;
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::InvalidCredentials,
        ApiCode::PreferencesMissing,
        ApiCode::Locked,
        ApiCode::ResetTokenInvalid,
        ApiCode::AppNotFound,
        ApiCode::Forbidden,
    ];
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = PresentPassword;
    type Answer = ResetAnswer;

    async fn run(call: &mut Call, body: PresentPassword) -> Result<ResetAnswer, ApiError> {
        let client = call.context.client(&call.environment, &body.client_id).await?;
        let client = client.filter(|client| client.enabled).ok_or(ApiCode::AppNotFound)?;
        call.record.client_id = Some(client.id.clone());
        let application = application_of(&call.environment, &client).ok_or(ApiCode::AppNotFound)?.clone();
        let named = body.user.first();
        let (kind, identifier) = named
            .ok_or_else(|| ApiError::new(ApiCode::InvalidInput, "give one of email, phone_number and username"))?;
        let guesser = passwords::count_in_public(call).await?;
        let login = Login { kind, identifier, password: body.password };
        let checked = passwords::check(call, &application, guesser, login).await?;
        let (user_id, previous) = (&checked.person.user.id, body.prev_reset_token.as_deref());
        let previous = passwords::previous_token(call, &application, user_id, previous).await?;
        let order = ResetOrder::by_password(&application, user_id, checked.kept.generation).after(previous);
        let token = passwords::reset_token(call, &application, order).await?;
        call.record.detail = Some(AuthMethod::Password.amr().to_owned());
        Ok(ResetAnswer { result: token.secret.reveal().to_owned(), mfa_required: token.needs_second_factor })
    }
}

/// Sets a new password.
pub(super) struct Redeem;

/// A reset token, and a new password.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Redemption {
    /// The reset token.
    #[schemars(length(min = 1, max = 255))]
    reset_token: String,
    /// The new password.
    #[schemars(length(min = 1, max = 1024))]
    new_password: String,
    /// Where the page goes then: it comes back as `url`, as it was sent. Nothing is added to it, and nobody is signed in.
    #[schemars(length(min = 1, max = 2048), extend("format" = "uri"))]
    redirect_uri: Option<String>,
    /// Not used: a reset issues no token.
    #[schemars(length(min = 1, max = 255))]
    #[serde(rename = "resource")]
    _resource: Option<String>,
    /// Whether the token must be one of two factors, although the application is content with one.
    #[serde(default)]
    require_mfa: bool,
}

/// That the password was changed.
#[derive(Serialize, JsonSchema)]
pub(super) struct Redeemed {
    /// What was done.
    message: &'static str,
    /// The `redirect_uri` of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    /// The user's e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

impl Operation for Redeem {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/reset";
    const ID: &'static str = "resetPassword";
    const SUMMARY: &'static str = "Sets a new password, once, for whoever has a reset token; ends the user's sessions";
    const ACCESS: Access = Access::Public;
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::PasswordWeak,
        ApiCode::PasswordBreached,
        ApiCode::PasswordRecentlyUsed,
        ApiCode::PasswordPolicyDisabled,
        ApiCode::ResetTokenInvalid,
        ApiCode::SecondFactorNeeded,
        ApiCode::Forbidden,
        ApiCode::UserNotActive,
        ApiCode::AppNotFound,
    ];
    const SHAPE: ErrorShape = ErrorShape::Number;
    const EVENTS: Option<Events> = CHANGES;

    type Body = Redemption;
    type Answer = Redeemed;

    async fn run(call: &mut Call, body: Redemption) -> Result<Redeemed, ApiError> {
        let done = passwords::redeem(call, &body.reset_token, &body.new_password, body.require_mfa).await?;
        Ok(Redeemed { message: "Password changed successfully", url: body.redirect_uri, email: done.email })
    }
}
