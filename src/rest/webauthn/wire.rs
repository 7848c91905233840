//! What is asked for, and how passkeys look on the wire.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::sign_in::Common;
use crate::{
    domain::{
        login::IdentifierKind,
        passkey::{Device, Passkey},
        passkey_names::{browser_of, os_of, provider_of},
        timestamp::iso_8601_seconds,
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        webauthn::{AuthenticationStart, Registered, RegistrationStart, Who},
    },
};

/// The most members of what a user approves (contract section 7).
const MAX_APPROVED: usize = 10;
/// The longest name or value in it, in bytes. The contract names none.
const MAX_APPROVED_TEXT: usize = 256;

/// A passkey is wanted.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RegisterStartBody {
    /// A client of the application.
    #[schemars(length(min = 1, max = 255))]
    client_id: String,
    /// The name under which the user has passkeys in the application; one user's.
    #[schemars(length(min = 1, max = 64))]
    username: String,
    /// How the authenticator shows the user; the user name if absent.
    #[schemars(length(min = 1, max = 64))]
    display_name: Option<String>,
    /// How long the user may take, in seconds; 300 if absent.
    #[schemars(range(min = 30, max = 600))]
    timeout: Option<i64>,
    /// Whether an authenticator that has a passkey under that name is to refuse.
    #[serde(default)]
    limit_single_credential_to_device: bool,
}

/// A login is wanted.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AuthenticateStartBody {
    /// A client of the application.
    #[schemars(length(min = 1, max = 255))]
    client_id: String,
    /// The name under which the user has passkeys. Without it, and without `identifier`, the authenticator says who it is.
    #[schemars(length(min = 1, max = 64))]
    username: Option<String>,
    /// By what else the user is found. Not together with `username`.
    #[schemars(length(min = 1, max = 255))]
    identifier: Option<String>,
    /// What `identifier` is: one of `email`, `phone_number`, `username`, `user_id` and `external_user_id`.
    #[schemars(length(min = 1, max = 64))]
    identifier_type: Option<String>,
    /// What the user approves: at most 10 texts of letters, digits, spaces and `-`, `_`, `.`, `:`, by such names. The challenge is
    /// the SHA-256 of `rawChallenge`, which holds it, so the signature is over this very data.
    #[schemars(extend("maxProperties" = MAX_APPROVED))]
    approval_data: Option<BTreeMap<String, String>>,
    /// How long the user may take, in seconds; 300 if absent.
    #[schemars(range(min = 30, max = 600))]
    timeout: Option<i64>,
}

/// A passkey that a browser has made.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RegisterBody {
    /// Base64 of JSON: `webauthnSessionId`, `publicKeyCredential`, `userAgent`.
    #[schemars(length(min = 1, max = 49152))]
    pub webauthn_encoded_result: String,
}

/// A passkey that a browser has made, of a user of the application's own system.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RegisterExternalBody {
    /// Base64 of JSON: `webauthnSessionId`, `publicKeyCredential`, `userAgent`.
    #[schemars(length(min = 1, max = 49152))]
    pub webauthn_encoded_result: String,
    /// What the application's own system calls the user. Who is unknown is made.
    #[schemars(length(min = 1, max = 255))]
    pub external_user_id: String,
    /// The address of a user who is made; of one who is there it changes nothing.
    #[schemars(length(min = 1, max = 254))]
    pub user_email: Option<String>,
}

/// A login that a browser has finished.
#[derive(Deserialize, JsonSchema)]
pub(super) struct AuthenticateBody {
    /// Base64 of JSON: `webauthnSessionId`, `publicKeyCredential`, `userAgent`.
    #[schemars(length(min = 1, max = 49152))]
    pub webauthn_encoded_result: String,
    #[serde(flatten)]
    pub common: Common,
}

/// Another name of a passkey.
#[derive(Deserialize, JsonSchema)]
pub(super) struct RenameBody {
    /// For people.
    #[schemars(length(min = 1, max = 64))]
    pub display_name: String,
}

impl From<RegisterStartBody> for RegistrationStart {
    fn from(body: RegisterStartBody) -> Self {
        Self {
            client_id: body.client_id,
            username: body.username,
            display_name: body.display_name,
            timeout: body.timeout,
            limit_single_credential_to_device: body.limit_single_credential_to_device,
        }
    }
}

impl AuthenticateStartBody {
    pub(super) fn into_start(self) -> Result<AuthenticationStart, ApiError> {
        let invalid = |why: &str| Err(ApiError::new(ApiCode::InvalidInput, why));
        let who = match (self.username, self.identifier, self.identifier_type) {
            (username, None, None) => username.map(Who::Username),
            (None, Some(identifier), Some(kind)) => match serde_json::from_value::<IdentifierKind>(kind.into()) {
                Ok(kind) => Some(Who::Identifier(kind, identifier)),
                Err(_) => return invalid("identifier_type is none that this server knows"),
            },
            (Some(_), ..) => return invalid("username and identifier exclude each other"),
            _ => return invalid("identifier and identifier_type need each other"),
        };
        let approval_data = self.approval_data.unwrap_or_default();
        if approval_data.len() > MAX_APPROVED
            || approval_data.iter().flat_map(|(name, text)| [name, text]).any(|text| is_odd(text))
        {
            return invalid("approval_data: at most 10 texts of letters, digits, spaces and - _ . :");
        }
        let approval_data = (!approval_data.is_empty())
            .then(|| approval_data.into_iter().map(|(name, text)| (name, Value::from(text))).collect());
        Ok(AuthenticationStart { client_id: self.client_id, who, approval_data, timeout: self.timeout })
    }
}

fn is_odd(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.: ".contains(&byte);
    text.len() > MAX_APPROVED_TEXT || !text.bytes().all(fits)
}

/// A passkey was made.
#[derive(Serialize, JsonSchema)]
pub(super) struct RegisteredPasskey {
    webauthn_session_id: String,
    /// UUID of the user.
    user_id: String,
    webauthn_username: String,
    /// In base64url, as the browser gives it.
    credential_id: String,
    /// `platform` or `cross-platform`.
    authenticator_attachment: &'static str,
    /// The model of the authenticator.
    aaguid: String,
    /// As it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    external_user_id: Option<String>,
    /// Whether the user was made for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    is_user_created: Option<bool>,
}

impl RegisteredPasskey {
    pub(super) fn of(made: Registered, external_user_id: Option<String>) -> Self {
        Self {
            webauthn_session_id: made.session_id,
            user_id: made.passkey.user_id,
            webauthn_username: made.passkey.username,
            credential_id: made.passkey.id,
            authenticator_attachment: if made.is_platform { "platform" } else { "cross-platform" },
            aaguid: made.passkey.aaguid,
            is_user_created: external_user_id.is_some().then_some(made.is_user_created),
            external_user_id,
        }
    }
}

/// A passkey of a user.
#[derive(Serialize, JsonSchema)]
pub(super) struct ApiPasskey {
    /// In base64url.
    id: String,
    /// The name under which the user has it.
    username: String,
    /// For people.
    display_name: String,
    /// `active`, or `removed`: then it is good for nothing.
    status: &'static str,
    /// The application where it is good.
    app_id: String,
    tenant_id: String,
    #[schemars(extend("format" = "date-time"))]
    first_seen: String,
    #[schemars(extend("format" = "date-time"))]
    last_seen: String,
    /// The browsers that it was used with, the latest first.
    devices: Vec<ApiDevice>,
    aaguid_info: AaguidInfo,
}

/// A browser that a passkey was used with.
#[derive(Serialize, JsonSchema)]
struct ApiDevice {
    #[serde(skip_serializing_if = "Option::is_none")]
    os_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    browser: Option<&'static str>,
    user_agent: String,
    #[schemars(extend("format" = "date-time"))]
    first_seen: String,
    #[schemars(extend("format" = "date-time"))]
    last_seen: String,
}

/// The model of an authenticator.
#[derive(Serialize, JsonSchema)]
struct AaguidInfo {
    aaguid: String,
    /// Where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey_provider_name: Option<&'static str>,
}

impl ApiPasskey {
    pub(super) fn of(call: &Call, passkey: Passkey) -> Self {
        Self {
            id: passkey.id,
            username: passkey.username,
            display_name: passkey.display_name,
            status: if passkey.removed_at.is_some() { "removed" } else { "active" },
            app_id: passkey.application_id,
            tenant_id: call.environment.environment.tenant_id.clone(),
            first_seen: iso_8601_seconds(passkey.created_at),
            last_seen: iso_8601_seconds(passkey.last_seen_at),
            devices: passkey.devices.into_iter().map(ApiDevice::of).collect(),
            aaguid_info: AaguidInfo { passkey_provider_name: provider_of(&passkey.aaguid), aaguid: passkey.aaguid },
        }
    }
}

impl ApiDevice {
    fn of(device: Device) -> Self {
        Self {
            os_type: os_of(&device.user_agent),
            browser: browser_of(&device.user_agent),
            first_seen: iso_8601_seconds(device.first_seen),
            last_seen: iso_8601_seconds(device.last_seen),
            user_agent: device.user_agent,
        }
    }
}
