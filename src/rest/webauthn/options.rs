//! What browsers are told. Bytes are in standard base64: pages of the vendor's SDK read them by `atob`.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use schemars::JsonSchema;
use serde::Serialize;

use crate::operations::backend::webauthn::{AuthenticationBegun, RegistrationBegun};

/// A registration has begun.
#[derive(Serialize, JsonSchema)]
pub(super) struct RegistrationOptions {
    /// Names it in the browser's answer.
    webauthn_session_id: String,
    credential_creation_options: CreationOptions,
}

/// For `navigator.credentials.create()`; bytes are in standard base64.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CreationOptions {
    challenge: String,
    rp: ApiRelyingParty,
    user: ApiUserEntity,
    pub_key_cred_params: Vec<ApiAlgorithm>,
    /// In milliseconds.
    timeout: u64,
    attestation: &'static str,
    authenticator_selection: ApiSelection,
    /// Credentials whose authenticators are to refuse.
    exclude_credentials: Vec<ApiDescriptor>,
    extensions: BTreeMap<&'static str, bool>,
}

#[derive(Serialize, JsonSchema)]
struct ApiRelyingParty {
    id: String,
    name: String,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ApiUserEntity {
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, JsonSchema)]
struct ApiAlgorithm {
    /// Of COSE.
    alg: i64,
    r#type: &'static str,
}

/// What the authenticator is to be like. A page may change it: the verifier does not rely on it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ApiSelection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// A credential.
#[derive(Serialize, JsonSchema)]
struct ApiDescriptor {
    r#type: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transports: Vec<&'static str>,
}

impl ApiDescriptor {
    fn of(id: &[u8], transports: Vec<&'static str>) -> Self {
        Self { r#type: "public-key", id: STANDARD.encode(id), transports }
    }
}

impl From<RegistrationBegun> for RegistrationOptions {
    fn from(begun: RegistrationBegun) -> Self {
        let algorithm = |alg: &i64| ApiAlgorithm { alg: *alg, r#type: "public-key" };
        Self {
            webauthn_session_id: begun.session_id,
            credential_creation_options: CreationOptions {
                challenge: STANDARD.encode(&begun.offer.challenge),
                rp: ApiRelyingParty { id: begun.offer.rp_id, name: begun.offer.rp_name },
                user: ApiUserEntity {
                    id: STANDARD.encode(&begun.user_handle),
                    name: begun.username,
                    display_name: begun.display_name,
                },
                pub_key_cred_params: begun.offer.algorithms.iter().map(algorithm).collect(),
                timeout: begun.offer.timeout,
                attestation: begun.offer.attestation,
                authenticator_selection: ApiSelection {
                    resident_key: "preferred",
                    require_resident_key: false,
                    user_verification: "preferred",
                },
                exclude_credentials: begun.excluded.iter().map(|id| ApiDescriptor::of(id, Vec::new())).collect(),
                extensions: BTreeMap::from([("credProps", true)]),
            },
        }
    }
}

/// A login has begun.
#[derive(Serialize, JsonSchema)]
pub(super) struct AuthenticationOptions {
    /// Names it in the browser's answer.
    webauthn_session_id: String,
    credential_request_options: RequestOptions,
}

/// For `navigator.credentials.get()`; bytes are in standard base64.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct RequestOptions {
    challenge: String,
    /// What `challenge` is the SHA-256 of, where the user approves something: JSON with `approval_data` and `nonce`.
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_challenge: Option<String>,
    rp_id: String,
    /// Empty: the authenticator says whose passkey it has.
    allow_credentials: Vec<ApiDescriptor>,
    /// In milliseconds.
    timeout: u64,
    attestation: &'static str,
    user_verification: &'static str,
}

impl From<AuthenticationBegun> for AuthenticationOptions {
    fn from(begun: AuthenticationBegun) -> Self {
        let allowed = begun.allowed.into_iter();
        Self {
            webauthn_session_id: begun.session_id,
            credential_request_options: RequestOptions {
                challenge: STANDARD.encode(&begun.offer.challenge),
                raw_challenge: begun.offer.raw_challenge.map(|raw| STANDARD.encode(raw)),
                rp_id: begun.offer.rp_id,
                allow_credentials: allowed.map(|(id, transports)| ApiDescriptor::of(&id, transports)).collect(),
                timeout: begun.offer.timeout,
                attestation: "none",
                user_verification: if begun.offer.verification_required { "required" } else { "preferred" },
            },
        }
    }
}
