//! How backends say whom they mean.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::domain::login::IdentifierKind;

/// By what a user is named.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierType {
    /// An e-mail address.
    #[default]
    Email,
    /// A phone number.
    PhoneNumber,
    /// The id that this server gave.
    UserId,
    /// The name that the application knows the user by.
    Username,
}

impl From<IdentifierType> for IdentifierKind {
    fn from(one: IdentifierType) -> Self {
        match one {
            IdentifierType::Email => IdentifierKind::Email,
            IdentifierType::PhoneNumber => IdentifierKind::PhoneNumber,
            IdentifierType::UserId => IdentifierKind::UserId,
            IdentifierType::Username => IdentifierKind::Username,
        }
    }
}

/// A user, as the backend names one.
#[derive(Debug, Deserialize, JsonSchema)]
pub struct Identifier {
    /// By what the user is named.
    #[serde(default)]
    pub identifier_type: IdentifierType,
    /// The address, number, id or name.
    #[schemars(length(min = 1, max = 255))]
    pub identifier: String,
}
