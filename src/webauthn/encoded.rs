//! `webauthn_encoded_result`: what the browser gives the application's page, and that its backend (contract section 7).

use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use super::{base64::decode, refusal::Refusal};

/// The longest `webauthn_encoded_result`, in characters. The largest part is an attestation with its certificates.
pub const MAX_ENCODED_RESULT: usize = 48 * 1024;
/// The longest credential id, in bytes (CTAP 2 §6.1: 1023).
pub(super) const MAX_CREDENTIAL_ID: usize = 1023;
const MAX_CLIENT_DATA: usize = 8 * 1024;
const MAX_ATTESTATION: usize = 24 * 1024;
const MAX_AUTHENTICATOR_DATA: usize = 4 * 1024;
/// RSA of 8192 bits.
const MAX_SIGNATURE: usize = 1024;
/// The longest user handle there is (Level 2 §5.4.3).
const MAX_USER_HANDLE: usize = 64;
const MAX_USER_AGENT: usize = 512;

/// The outermost layer, read before it is known which ceremony it answers.
#[derive(Debug)]
pub struct EncodedResult {
    /// Which ceremony it answers, as the caller says: `webauthn_session_id` of the start.
    pub session_id: String,
    /// The browser, as it calls itself; cut to a bounded length, without control characters.
    pub user_agent: Option<String>,
    credential: serde_json::Value,
}

/// The answer to a registration: a new key.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) attestation: Vec<u8>,
    pub(super) transports: Vec<String>,
    pub(super) attachment: Option<Attachment>,
}

/// The answer to an authentication: a signature.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub(super) id: Vec<u8>,
    pub(super) client_data: Vec<u8>,
    pub(super) authenticator_data: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

impl Assertion {
    /// Which credential is said to be used.
    pub fn credential_id(&self) -> &[u8] {
        &self.id
    }
}

/// Whether the authenticator is a part of the device (Level 2 §5.4.5). The browser's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Attachment {
    Platform,
    CrossPlatform,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer {
    webauthn_session_id: String,
    public_key_credential: serde_json::Value,
    #[serde(default, deserialize_with = "if_known")]
    user_agent: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credential<R> {
    id: String,
    raw_id: String,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default, deserialize_with = "if_known")]
    authenticator_attachment: Option<Attachment>,
    response: R,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AttestationResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    attestation_object: String,
    #[serde(default, deserialize_with = "if_known")]
    transports: Option<Vec<serde_json::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AssertionResponse {
    #[serde(rename = "clientDataJSON")]
    client_data: String,
    authenticator_data: String,
    signature: String,
    #[serde(default)]
    user_handle: Option<String>,
}

impl EncodedResult {
    /// Reads base64 of JSON.
    ///
    /// # Errors
    /// It is neither, or too long.
    pub fn read(text: &str) -> Result<Self, Refusal> {
        if text.len() > MAX_ENCODED_RESULT {
            return Err(Refusal::Unreadable);
        }
        let json = decode(text, MAX_ENCODED_RESULT).ok_or(Refusal::Unreadable)?;
        let outer: Outer = serde_json::from_slice(&json).map_err(|_| Refusal::Unreadable)?;
        let user_agent = outer.user_agent.map(|text| presentable(&text)).filter(|text| !text.is_empty());
        Ok(Self { session_id: outer.webauthn_session_id, user_agent, credential: outer.public_key_credential })
    }

    /// The answer to a registration.
    ///
    /// # Errors
    /// It is none, or a part is too long.
    pub fn new_key(&self) -> Result<NewKey, Refusal> {
        let (id, credential): (_, Credential<AttestationResponse>) = self.credential()?;
        let response = credential.response;
        Ok(NewKey {
            id,
            client_data: bytes(&response.client_data, MAX_CLIENT_DATA)?,
            attestation: bytes(&response.attestation_object, MAX_ATTESTATION)?,
            transports: response
                .transports
                .iter()
                .flatten()
                .filter_map(|one| one.as_str().map(str::to_owned))
                .collect(),
            attachment: credential.authenticator_attachment,
        })
    }

    /// The answer to an authentication.
    ///
    /// # Errors
    /// It is none, or a part is too long.
    pub fn assertion(&self) -> Result<Assertion, Refusal> {
        let (id, credential): (_, Credential<AssertionResponse>) = self.credential()?;
        let response = credential.response;
        // The vendor's SDK makes an empty text of an absent handle.
        let user_handle = response.user_handle.filter(|handle| !handle.is_empty());
        Ok(Assertion {
            id,
            client_data: bytes(&response.client_data, MAX_CLIENT_DATA)?,
            authenticator_data: bytes(&response.authenticator_data, MAX_AUTHENTICATOR_DATA)?,
            signature: bytes(&response.signature, MAX_SIGNATURE)?,
            user_handle: user_handle.map(|handle| bytes(&handle, MAX_USER_HANDLE)).transpose()?,
        })
    }

    fn credential<R: DeserializeOwned>(&self) -> Result<(Vec<u8>, Credential<R>), Refusal> {
        let credential = Credential::<R>::deserialize(&self.credential).map_err(|_| Refusal::Unreadable)?;
        let id = bytes(&credential.raw_id, MAX_CREDENTIAL_ID)?;
        // Both name the credential: an answer in which they differ was put together by hand.
        let is_one =
            credential.kind == "public-key" && !id.is_empty() && bytes(&credential.id, MAX_CREDENTIAL_ID)? == id;
        if is_one { Ok((id, credential)) } else { Err(Refusal::Unreadable) }
    }
}

/// A hint of the browser; `None` where it is null, or a word of tomorrow. Browsers are told to leave out what they do not know
/// (Level 2 §2.1.1), and a passkey is not lost for a hint that nothing depends on.
fn if_known<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(serde_json::from_value(serde_json::Value::deserialize(deserializer)?).ok())
}

fn bytes(text: &str, most: usize) -> Result<Vec<u8>, Refusal> {
    decode(text, most).ok_or(Refusal::Unreadable)
}

/// What can be kept and shown of a text that anybody may have written.
fn presentable(text: &str) -> String {
    let mut kept = String::new();
    for c in text.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > MAX_USER_AGENT {
            break;
        }
        kept.push(c);
    }
    kept.trim().to_owned()
}
