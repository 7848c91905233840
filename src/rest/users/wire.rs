//! How users look on the wire.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier},
        timestamp::iso_8601_seconds,
        user_details::{Address, PersonName},
    },
    operations::backend::{
        call::Call,
        users::{Account, AccountChange},
    },
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
    /// The last sign-in behind an application's backend.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_auth: Option<String>,
    /// Milliseconds since 1970.
    created_at: i64,
    /// Milliseconds since 1970.
    updated_at: i64,
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
            last_auth: account.stored.last_sign_in_at.map(iso_8601_seconds),
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

/// What a user is made of. Nothing else is taken: whether an address is verified is not for whoever makes a user to say.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CreateUser {
    /// The primary e-mail address. One of this and the next three must be there.
    #[schemars(length(min = 1, max = 254))]
    email: Option<String>,
    /// The primary telephone number, in E.164 format.
    #[schemars(length(min = 1, max = 16))]
    phone_number: Option<String>,
    /// By which name the application knows the user.
    #[schemars(length(min = 1, max = 64))]
    username: Option<String>,
    /// What the applications' own system calls the user.
    #[schemars(length(min = 1, max = 255))]
    external_user_id: Option<String>,
    /// Addresses to have besides.
    #[serde(default)]
    #[schemars(length(max = 10), inner(length(min = 1, max = 254)))]
    secondary_emails: Vec<String>,
    /// Telephone numbers to have besides, in E.164 format.
    #[serde(default)]
    #[schemars(length(max = 10), inner(length(min = 1, max = 16)))]
    secondary_phone_numbers: Vec<String>,
    name: Option<PersonName>,
    /// A day such as `1815-12-10`, or a moment of it.
    #[schemars(length(min = 1, max = 40))]
    birthday: Option<String>,
    /// The URL of a picture.
    #[schemars(length(min = 1, max = 2048))]
    picture: Option<String>,
    /// A language tag, or an `Accept-Language` header.
    #[schemars(length(min = 1, max = 100))]
    language: Option<String>,
    address: Option<Address>,
    /// What the application calls the user's account.
    #[schemars(length(min = 1, max = 255))]
    external_account_id: Option<String>,
    /// What all applications of the environment keep of the user. At most 100 KB of JSON with the next one, 10 levels deep.
    custom_data: Option<Map<String, Value>>,
    /// What the application keeps of the user.
    custom_app_data: Option<Map<String, Value>>,
}

impl From<CreateUser> for AccountChange {
    fn from(body: CreateUser) -> Self {
        Self {
            email: body.email.map(Some),
            phone_number: body.phone_number.map(Some),
            username: body.username.map(Some),
            external_user_id: body.external_user_id.map(Some),
            secondary_emails: body.secondary_emails,
            secondary_phone_numbers: body.secondary_phone_numbers,
            name: body.name.map(Some),
            birthday: body.birthday.map(Some),
            picture: body.picture.map(Some),
            language: body.language.map(Some),
            address: body.address.map(Some),
            external_account_id: body.external_account_id.map(Some),
            custom_data: body.custom_data,
            custom_app_data: body.custom_app_data,
            enabled: None,
        }
    }
}

/// What is changed of a user. What is left out stays as it is, and null takes it away.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct UpdateUser {
    /// The primary e-mail address. One that the user has already becomes the primary one; another takes its place, unverified.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 254))]
    email: Option<Option<String>>,
    /// The primary telephone number, as the address.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 16))]
    phone_number: Option<Option<String>>,
    /// By which name the application knows the user.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 64))]
    username: Option<Option<String>>,
    /// What the applications' own system calls the user.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 255))]
    external_user_id: Option<Option<String>>,
    /// Addresses to have besides those that are there.
    #[serde(default)]
    #[schemars(length(max = 10), inner(length(min = 1, max = 254)))]
    secondary_emails: Vec<String>,
    /// Telephone numbers to have besides those that are there.
    #[serde(default)]
    #[schemars(length(max = 10), inner(length(min = 1, max = 16)))]
    secondary_phone_numbers: Vec<String>,
    /// The name, whole.
    #[serde(default, deserialize_with = "given")]
    name: Option<Option<PersonName>>,
    /// A day such as `1815-12-10`, or a moment of it.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 40))]
    birthday: Option<Option<String>>,
    /// The URL of a picture.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 2048))]
    picture: Option<Option<String>>,
    /// A language tag, or an `Accept-Language` header.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 100))]
    language: Option<Option<String>>,
    /// The address, whole.
    #[serde(default, deserialize_with = "given")]
    address: Option<Option<Address>>,
    /// What the application calls the user's account.
    #[serde(default, deserialize_with = "given")]
    #[schemars(length(min = 1, max = 255))]
    external_account_id: Option<Option<String>>,
    /// Put over what is there, member by member; a member that is null is taken away.
    custom_data: Option<Map<String, Value>>,
    /// The same for what the application keeps alone.
    custom_app_data: Option<Map<String, Value>>,
    /// Whether the user may sign in. One who is disabled is signed out everywhere.
    status: Option<UserStatus>,
}

/// `null` is something else than nothing.
fn given<'de, T: Deserialize<'de>, D: Deserializer<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(value).map(Some)
}

impl From<UpdateUser> for AccountChange {
    fn from(body: UpdateUser) -> Self {
        Self {
            email: body.email,
            phone_number: body.phone_number,
            username: body.username,
            external_user_id: body.external_user_id,
            secondary_emails: body.secondary_emails,
            secondary_phone_numbers: body.secondary_phone_numbers,
            name: body.name,
            birthday: body.birthday,
            picture: body.picture,
            language: body.language,
            address: body.address,
            external_account_id: body.external_account_id,
            custom_data: body.custom_data,
            custom_app_data: body.custom_app_data,
            enabled: body.status.map(|status| status == UserStatus::Active),
        }
    }
}
