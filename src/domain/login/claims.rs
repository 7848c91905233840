//! Which claims a backend asks for (OpenID Connect Core §5.5, the parameter `claims`).

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The claims that a sign-in asks for. Those that are unknown, or not known of the user, are left out of the tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct ClaimsRequest {
    /// Of the ID token, by name.
    #[schemars(length(max = 64))]
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub id_token: BTreeMap<String, Option<ClaimWish>>,
    /// Of the access token, by name.
    #[schemars(length(max = 64))]
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
