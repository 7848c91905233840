//! What users are made of, and what is changed of them.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use super::{super::passwords::enabled, wire::UserStatus};
use crate::{
    domain::user_details::{Address, PersonName},
    operations::backend::{passwords::NewPassword, users::AccountChange},
};

/// What a user is made of. Nothing else is taken: whether an address is verified is not for whoever makes a user to say.
#[derive(Deserialize, JsonSchema)]
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
    /// A password, for a user who is not there yet. One who is there keeps the own.
    credentials: Option<Credentials>,
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

impl CreateUser {
    /// The password that is to be judged, and all else.
    pub(super) fn split(mut self) -> (Option<NewPassword>, AccountChange) {
        let password = self.credentials.take().map(|credentials| NewPassword {
            text: credentials.password,
            temporary: credentials.force_replace,
            enforced: true,
        });
        (password, self.into())
    }
}

/// A password for a new user.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The password.
    #[schemars(length(min = 1, max = 1024))]
    password: String,
    /// Whether the user must choose another one at the first sign-in.
    #[serde(default = "enabled")]
    force_replace: bool,
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
