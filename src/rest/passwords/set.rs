//! Setting passwords.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::endpoint::{Events, Method, Operation},
    CHANGES, Done, OBJECTIONS, enabled, user_by_id,
};
use crate::{
    domain::login::IdentifierKind,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        passwords::{self, Expected, NewPassword, kind_of},
        who::{Found, find_user},
    },
};

const EDIT: Access = Access::Client(&["USERS_EDIT"]);

/// A user's first password.
#[derive(Deserialize, JsonSchema)]
pub(super) struct FirstPassword {
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    /// Whether the user must choose another one at the first sign-in.
    #[serde(default = "enabled")]
    force_replace: bool,
    /// The name that the application knows the user by from now on. Without it the user signs in with an address, a number or the
    /// name before.
    #[schemars(length(min = 1, max = 64))]
    username: Option<String>,
    /// Whether the application's rules for passwords count.
    #[serde(default = "enabled")]
    enforce_complexity: bool,
}

/// Gives a user a password who has none.
pub(super) struct First;

impl Operation for First {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/{user_id}/password";
    const ID: &'static str = "createPasswordAuthenticator";
    const SUMMARY: &'static str = "Gives a user a password who has none";
    const ACCESS: Access = EDIT;
    const SUCCESS: u16 = 201;
    const ERRORS: &'static [ApiCode] =
        &[ApiCode::UserNotFound, ApiCode::UserNotActive, ApiCode::PasswordConfigured, ApiCode::IdentifierTaken];
    const SHARED_ERRORS: &'static [ApiCode] = OBJECTIONS;
    const EVENTS: Option<Events> = CHANGES;

    type Body = FirstPassword;
    type Answer = Done;

    async fn run(call: &mut Call, body: FirstPassword) -> Result<Done, ApiError> {
        let id = user_id(call)?;
        let person = user_by_id(call, &id).await?;
        let new = NewPassword { text: body.password, temporary: body.force_replace, enforced: body.enforce_complexity };
        passwords::set(call, &person, Expected::First, &new, body.username).await?;
        Ok(Done::new("Password registered"))
    }
}

/// A user's next password.
#[derive(Deserialize, JsonSchema)]
pub(super) struct NextPassword {
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: Option<String>,
    /// Whether the user must choose another one at the next sign-in.
    #[serde(default = "enabled")]
    force_replace: bool,
}

/// Replaces a user's password.
pub(super) struct Another;

impl Operation for Another {
    const METHOD: Method = Method::Put;
    const PATH: &'static str = "/v1/users/{user_id}/password";
    const ID: &'static str = "updatePasswordAuthenticator";
    const SUMMARY: &'static str = "Replaces a user's password, and ends the user's sessions";
    const ACCESS: Access = EDIT;
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::UserNotFound,
        ApiCode::UserNotActive,
        ApiCode::PasswordRecentlyUsed,
        ApiCode::PasswordNotActive,
        ApiCode::PasswordIncomplete,
        ApiCode::PasswordConfigured,
    ];
    const SHARED_ERRORS: &'static [ApiCode] = OBJECTIONS;
    const EVENTS: Option<Events> = CHANGES;

    type Body = NextPassword;
    type Answer = Done;

    async fn run(call: &mut Call, body: NextPassword) -> Result<Done, ApiError> {
        let id = user_id(call)?;
        let text = body.password.ok_or(ApiCode::PasswordIncomplete)?;
        let person = user_by_id(call, &id).await?;
        let new = NewPassword { text, temporary: body.force_replace, enforced: true };
        passwords::set(call, &person, Expected::Another, &new, None).await?;
        Ok(Done::new("Password updated"))
    }
}

/// The first password of the user who calls.
#[derive(Deserialize, JsonSchema)]
pub(super) struct OwnPassword {
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    /// The name that the application knows the user by from now on.
    #[schemars(length(min = 1, max = 64))]
    username: Option<String>,
}

/// Gives the user who calls a password.
pub(super) struct OfMe;

impl Operation for OfMe {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/me/password-credentials";
    const ID: &'static str = "registerPasswordCredentials";
    const SUMMARY: &'static str =
        "Gives the user who calls a password. One who has a password changes it by a reset, which asks for the old one";
    const ACCESS: Access = Access::User;
    const ERRORS: &'static [ApiCode] =
        &[ApiCode::UserNotFound, ApiCode::UserNotActive, ApiCode::PasswordConfigured, ApiCode::IdentifierTaken];
    const SHARED_ERRORS: &'static [ApiCode] = OBJECTIONS;
    const EVENTS: Option<Events> = CHANGES;

    type Body = OwnPassword;
    type Answer = Done;

    async fn run(call: &mut Call, body: OwnPassword) -> Result<Done, ApiError> {
        let id = call.user_token()?.sub.clone();
        let person = user_by_id(call, &id).await?;
        let new = NewPassword { text: body.password, temporary: false, enforced: true };
        passwords::set(call, &person, Expected::First, &new, body.username).await?;
        Ok(Done::new("Password registered"))
    }
}

/// A temporary password for a user.
#[derive(Deserialize, JsonSchema)]
pub(super) struct TemporaryPassword {
    /// The name that the application knows the user by, or an address or a number.
    #[schemars(length(min = 1, max = 255))]
    username: String,
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
}

/// That a password was registered.
#[derive(Serialize, JsonSchema)]
pub(super) struct Registered {
    /// What was done.
    message: &'static str,
}

/// Gives a user a temporary password who has none.
pub(super) struct Register;

impl Operation for Register {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/password/register";
    const ID: &'static str = "registerPassword";
    const SUMMARY: &'static str = "Gives a user a temporary password who has none";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::UserNotActive, ApiCode::PasswordConfigured];
    const SHARED_ERRORS: &'static [ApiCode] = OBJECTIONS;
    const EVENTS: Option<Events> = CHANGES;

    type Body = TemporaryPassword;
    type Answer = Registered;

    async fn run(call: &mut Call, body: TemporaryPassword) -> Result<Registered, ApiError> {
        let kind = kind_of(IdentifierKind::Username, &body.username);
        let person = find_user(call, kind, &body.username).await.and_then(Found::required)?;
        let new = NewPassword { text: body.password, temporary: true, enforced: true };
        passwords::set(call, &person, Expected::First, &new, None).await?;
        Ok(Registered { message: "Password registered" })
    }
}

/// The user that a path names, noted in the record whatever comes of it.
fn user_id(call: &mut Call) -> Result<String, ApiError> {
    let id = call.path("user_id")?.to_owned();
    call.record.subject = Some(id.clone());
    Ok(id)
}
