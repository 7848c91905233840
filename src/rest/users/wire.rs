//! How users are shown. What they are made of is in [`bodies`](super::bodies).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier},
        timestamp::iso_8601_seconds,
        user_details::{Address, PersonName},
    },
    operations::backend::{call::Call, passwords::ends_at, users::Account},
    store::passwords::StoredPassword,
};

/// A user.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ApiUser {
    /// UUID: `sub` of the user's tokens.
    user_id: String,
    status: UserStatus,
    /// When the user was enabled or disabled last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    status_changed_at: Option<String>,
    /// The primary address.
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<ApiEmail>,
    secondary_emails: Vec<ApiEmail>,
    /// The primary telephone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    phone_number: Option<ApiPhoneNumber>,
    secondary_phone_numbers: Vec<ApiPhoneNumber>,
    /// By which name the application that asks knows the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// What the applications' own system calls the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_user_id: Option<String>,
    /// What the application that asks calls the user's account.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<PersonName>,
    /// `YYYY-MM-DD`.
    #[serde(skip_serializing_if = "Option::is_none")]
    birthday: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<ApiAddress>,
    /// The URL of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
    /// A language tag, or an `Accept-Language` header.
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<String>,
    /// What all applications of the environment keep of the user.
    custom_data: Map<String, Value>,
    /// What the application that asks keeps of the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_app_data: Option<Map<String, Value>>,
    /// The application that asks.
    #[serde(skip_serializing_if = "Option::is_none")]
    app_name: Option<String>,
    /// Of the user's password, where the application that asks has passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    password_information: Option<PasswordInformation>,
    /// The last sign-in behind an application's backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_auth: Option<String>,
    /// `true` when the user has yet to prove to the application who it is (`users_join`): until then nothing else is shown, and the
    /// application's other calls do not find the user. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    join_pending: Option<bool>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
}

/// What is known of a password.
#[derive(Debug, Serialize, JsonSchema)]
struct PasswordInformation {
    /// Whether it is too old to sign in with.
    expired: bool,
    /// Whether the user did not choose it, and must choose another one.
    temporary: bool,
    /// When it was set. Milliseconds since 1970.
    updated_at: i64,
    /// When it is too old; not there if it never is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    expires_in: Option<String>,
}

impl PasswordInformation {
    /// Of the user's password, by the rules of the application of `call`.
    fn of(call: &Call, password: &StoredPassword) -> Option<Self> {
        let preferences = call.application().ok()?.login.password.as_ref()?;
        let end = ends_at(password, preferences);
        Some(Self {
            expired: end.is_some_and(|end| end <= call.now()),
            temporary: password.temporary,
            updated_at: password.changed_at.saturating_mul(1000),
            expires_in: end.map(iso_8601_seconds),
        })
    }
}

/// Whether a user may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum UserStatus {
    /// The user may.
    Active,
    /// The user may not; nor are tokens good that the user has.
    Disabled,
}

/// An e-mail address of a user.
#[derive(Debug, Serialize, JsonSchema)]
struct ApiEmail {
    /// The address.
    value: String,
    /// Whether the user was shown to read it.
    email_verified: bool,
    /// When that was last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    verified_at: Option<String>,
}

/// A telephone number of a user.
#[derive(Debug, Serialize, JsonSchema)]
struct ApiPhoneNumber {
    /// The number, in E.164 format.
    value: String,
    /// Whether the user was shown to have it.
    phone_number_verified: bool,
    /// When that was last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    verified_at: Option<String>,
}

/// A postal address, and when it was written.
#[derive(Debug, Serialize, JsonSchema)]
struct ApiAddress {
    #[serde(flatten)]
    address: Address,
    /// Milliseconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<i64>,
}

/// An answer about one user.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UserAnswer {
    result: ApiUser,
}

impl From<&KnownIdentifier> for ApiEmail {
    fn from(known: &KnownIdentifier) -> Self {
        let verified_at = known.verified_at.map(iso_8601_seconds);
        Self { value: known.shown.clone(), email_verified: verified_at.is_some(), verified_at }
    }
}

impl From<&KnownIdentifier> for ApiPhoneNumber {
    fn from(known: &KnownIdentifier) -> Self {
        let verified_at = known.verified_at.map(iso_8601_seconds);
        Self { value: known.shown.clone(), phone_number_verified: verified_at.is_some(), verified_at }
    }
}

impl ApiUser {
    /// A user as the application of `call` sees one.
    pub(super) fn of(call: &Call, account: Account) -> Self {
        let application = call.application().ok();
        let own = application.and_then(|application| account.membership(&application.id)).cloned();
        let username = application.and_then(|application| account.username(&application.id));
        let shown = |known: &KnownIdentifier| known.shown.clone();
        let details = &account.stored.details;
        let address = details.address.clone();
        Self {
            status: if account.user.enabled { UserStatus::Active } else { UserStatus::Disabled },
            status_changed_at: account.stored.status_changed_at.map(iso_8601_seconds),
            email: account.primary(IdentifierKind::Email).map(Into::into),
            secondary_emails: account.secondary(IdentifierKind::Email).map(Into::into).collect(),
            phone_number: account.primary(IdentifierKind::PhoneNumber).map(Into::into),
            secondary_phone_numbers: account.secondary(IdentifierKind::PhoneNumber).map(Into::into).collect(),
            username: username.map(shown),
            external_user_id: account.primary(IdentifierKind::ExternalUserId).map(shown),
            external_account_id: own.as_ref().and_then(|own| own.external_account_id.clone()),
            name: details.name.clone(),
            birthday: details.birthday.clone(),
            address: address.map(|address| ApiAddress { address, updated_at: details.address_updated_at }),
            picture: details.picture.clone(),
            language: details.language.clone(),
            custom_data: details.custom_data.clone(),
            custom_app_data: own.map(|own| own.custom_data),
            app_name: application.map(|application| application.name.clone()),
            password_information: account
                .password
                .as_ref()
                .and_then(|password| PasswordInformation::of(call, password)),
            last_auth: account.stored.last_sign_in_at.map(iso_8601_seconds),
            join_pending: account.is_joining.then_some(true),
            created_at: account.user.created_at.saturating_mul(1000),
            updated_at: account.user.updated_at.saturating_mul(1000),
            user_id: account.user.id,
        }
    }
}

impl UserAnswer {
    /// The same, as an answer.
    pub(super) fn of(call: &Call, account: Account) -> Self {
        Self { result: ApiUser::of(call, account) }
    }
}
