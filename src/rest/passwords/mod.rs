//! Passwords.

mod authenticate;
mod reset;
mod set;
mod validate;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::endpoint::{Endpoint, Events};
use crate::{
    audit::Event,
    domain::login::IdentifierKind,
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        passwords::kind_of,
        person::Person,
        who::{Found, find_user},
    },
};

pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<authenticate::Authenticate>(),
    Endpoint::of::<set::Register>(),
    Endpoint::of::<validate::Validate>(),
    Endpoint::of::<reset::WithPassword>(),
    Endpoint::of::<reset::Redeem>(),
    Endpoint::of::<set::OfMe>(),
    Endpoint::of::<set::First>(),
    Endpoint::of::<set::Another>(),
];

/// What is recorded of changes.
const CHANGES: Option<Events> = Some(Events { done: Event::CredentialChanged, refused: Event::CredentialRefused });

/// What is wrong with a new password.
pub(super) const OBJECTIONS: &[ApiCode] =
    &[ApiCode::PasswordWeak, ApiCode::PasswordBreached, ApiCode::PasswordPolicyDisabled, ApiCode::AppNotFound];

/// What members are that nobody sent.
pub(super) fn enabled() -> bool {
    true
}

/// By what a user is named.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum UsernameType {
    /// The name that the application knows the user by. An address or a number in its place is taken for what it is.
    #[default]
    Username,
    /// An e-mail address.
    Email,
    /// A telephone number (E.164).
    PhoneNumber,
    /// The id that this server gave.
    UserId,
}

impl From<UsernameType> for IdentifierKind {
    fn from(one: UsernameType) -> Self {
        match one {
            UsernameType::Username => IdentifierKind::Username,
            UsernameType::Email => IdentifierKind::Email,
            UsernameType::PhoneNumber => IdentifierKind::PhoneNumber,
            UsernameType::UserId => IdentifierKind::UserId,
        }
    }
}

/// A user, named by one of three.
#[derive(Debug, Default, Deserialize, JsonSchema)]
struct Named {
    /// The user's e-mail address.
    #[schemars(length(min = 1, max = 255))]
    email: Option<String>,
    /// The user's telephone number (E.164).
    #[schemars(length(min = 1, max = 255))]
    phone_number: Option<String>,
    /// The name that the application knows the user by, or an address or a number.
    #[schemars(length(min = 1, max = 255))]
    username: Option<String>,
}

impl Named {
    /// The first that is given.
    fn first(self) -> Option<(IdentifierKind, String)> {
        let Self { email, phone_number, username } = self;
        let email = email.map(|text| (IdentifierKind::Email, text));
        let phone = phone_number.map(|text| (IdentifierKind::PhoneNumber, text));
        email.or(phone).or_else(|| username.map(|text| (kind_of(IdentifierKind::Username, &text), text)))
    }
}

/// A user of the calling application, by id.
async fn user_by_id(call: &mut Call, user_id: &str) -> Result<Person, ApiError> {
    find_user(call, IdentifierKind::UserId, user_id).await.and_then(Found::required)
}

/// That something was done.
#[derive(Debug, Serialize, JsonSchema)]
struct Done {
    result: Message,
}

/// Something for people.
#[derive(Debug, Serialize, JsonSchema)]
struct Message {
    /// What was done.
    message: &'static str,
}

impl Done {
    const fn new(message: &'static str) -> Self {
        Self { result: Message { message } }
    }
}
