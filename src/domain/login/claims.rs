//! Which claims a backend asks for (OpenID Connect Core §5.5, the parameter `claims`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The claims about users and their sign-ins that can be asked for (contract §4.1), beside those that every ID token has. Groups,
/// roles and organizations are not kept here, so there are no claims about them.
pub const NAMES: &[&str] = &[
    "address",
    "address_type",
    "app_name",
    "birthday",
    "city",
    "country",
    "created_at",
    "custom_app_data",
    "custom_data",
    "email",
    "email_verified",
    "external_account_id",
    "external_user_id",
    "fname",
    "language",
    "last_auth",
    "lname",
    "mname",
    "new_user",
    "phone_number",
    "phone_number_verified",
    "picture",
    "secondary_emails",
    "secondary_phone_numbers",
    "street_address",
    "username",
    "webauthn",
    "webauthn_username",
];

/// The claims that a sign-in asks for. Those that are unknown, or not known of the user, are left out of the tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClaimsRequest {
    /// Of the ID token, by name.
    #[schemars(extend("maxProperties" = 64))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, Option<ClaimWish>>,
    /// Of the access token, by name.
    #[schemars(extend("maxProperties" = 64))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub access_token: BTreeMap<String, Option<ClaimWish>>,
}

/// What is wanted of a claim.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClaimWish {
    /// Of `custom_data` and `custom_app_data`: these members alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub fields: Option<Vec<String>>,
}
