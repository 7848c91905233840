//! Making a credential (Level 2 §7.1).

use serde::{Deserialize, Serialize};
use uuid::Uuid;
use webauthn_rs_core::proto::{
    AuthenticatorAttestationResponseRaw, RegisterPublicKeyCredential, RegistrationState, RequestRegistrationExtensions,
    UserVerificationPolicy,
};

use super::{
    Credential,
    attestation::{AttestationPolicy, aaguid},
    client_data,
    encoded::{Attachment, NewKey},
    refusal::Refusal,
    relying_party::{RelyingParty, challenge, with_challenge},
};
use crate::domain::random::{Random, RandomError};

/// Who wants a credential.
#[derive(Debug, Clone)]
pub struct Registrant<'a> {
    /// What the authenticator keeps with the key and gives back (Level 2 §5.4.3): 1 to 64 bytes that say nothing of the user.
    pub handle: &'a [u8],
    /// What the authenticator shows. Not empty.
    pub username: &'a str,
    /// What the authenticator shows. Not empty.
    pub display_name: &'a str,
    /// Credentials that are there already: an authenticator that holds one refuses.
    pub excluded: &'a [Vec<u8>],
}

/// What the browser is told.
#[derive(Debug, Clone)]
pub struct KeyOffer {
    /// To be signed.
    pub challenge: Vec<u8>,
    /// The relying party's domain.
    pub rp_id: String,
    /// The relying party's name.
    pub rp_name: String,
    /// COSE's numbers of the algorithms taken, the best first.
    pub algorithms: Vec<i64>,
    /// In milliseconds.
    pub timeout: u64,
    /// What is asked about the authenticator.
    pub attestation: &'static str,
}

/// The state of a registration. It stays on the server, and is good for one answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RegistrationCeremony(RegistrationState);

/// Why a ceremony cannot begin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BeginError {
    /// The random source failed.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// The verifier takes no such ceremony.
    #[error("the ceremony cannot begin: {0}")]
    Refused(#[from] Refusal),
}

/// A begun registration.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// For the browser.
    pub offer: KeyOffer,
    /// For the database.
    pub ceremony: RegistrationCeremony,
}

/// A credential that was made.
#[derive(Debug, Clone)]
pub struct Registered {
    /// To be kept.
    pub credential: Credential,
    /// The model of the authenticator; nil when it does not say.
    pub aaguid: Uuid,
    /// Whether the browser says that it is a part of the device.
    pub is_platform: bool,
    /// The signature counter, from which on it must rise.
    pub counter: u32,
}

impl RelyingParty {
    /// Begins one.
    ///
    /// User verification is `preferred`: a security key without a PIN is a factor too. The verifier keeps whether the user was
    /// verified, and demands it ever after of a credential that was made so.
    ///
    /// # Errors
    /// The random source failed, or a name is empty.
    pub fn begin_registration(
        &self,
        random: &dyn Random,
        who: &Registrant<'_>,
        policy: &AttestationPolicy,
    ) -> Result<NewCredential, BeginError> {
        let wanted = self.core.new_challenge_register_builder(who.handle, who.username, who.display_name);
        let wanted = wanted
            .map_err(Refusal::from)?
            .attestation(policy.conveyance.preference())
            .user_verification_policy(UserVerificationPolicy::Preferred)
            .reject_synchronised_authenticators(!policy.synchronised)
            .extensions(Some(RequestRegistrationExtensions { cred_props: Some(true), ..Default::default() }))
            .exclude_credentials(Some(who.excluded.iter().map(|id| id.clone().into()).collect()));
        let (asked, state) = self.core.generate_challenge_register(wanted).map_err(Refusal::from)?;
        let challenge = challenge(random)?;
        let state = with_challenge(&state, &challenge)?;
        let offer = KeyOffer {
            challenge: challenge.to_vec(),
            rp_id: self.id.clone(),
            rp_name: self.name.clone(),
            algorithms: asked.public_key.pub_key_cred_params.iter().map(|one| one.alg).collect(),
            timeout: self.timeout_ms(),
            attestation: policy.conveyance.as_str(),
        };
        Ok(NewCredential { offer, ceremony: RegistrationCeremony(state) })
    }

    /// Checks the answer. The caller has used the ceremony up before, and keeps the credential under a key that is unique.
    ///
    /// # Errors
    /// The answer is refused.
    pub fn finish_registration(
        &self,
        ceremony: &RegistrationCeremony,
        key: NewKey,
        policy: &AttestationPolicy,
    ) -> Result<Registered, Refusal> {
        client_data::check(&key.client_data, &self.origins)?;
        let answer = RegisterPublicKeyCredential {
            id: String::new(),
            raw_id: key.id.clone().into(),
            response: AuthenticatorAttestationResponseRaw {
                attestation_object: key.attestation.clone().into(),
                client_data_json: key.client_data.into(),
                transports: Some(key.transports.iter().filter_map(|name| name.parse().ok()).take(8).collect()),
            },
            type_: "public-key".to_owned(),
            extensions: Default::default(),
        };
        let credential = policy.verify(|anchors| self.core.register_credential(&answer, &ceremony.0, anchors))?;
        // The verifier takes the id from what is attested, and never looks at what the browser calls it.
        if credential.cred_id.as_slice() != key.id {
            return Err(Refusal::Malformed);
        }
        let aaguid = aaguid(&key.attestation, &credential)?;
        policy.check(&credential, aaguid)?;
        let counter = credential.counter;
        let is_platform = key.attachment == Some(Attachment::Platform);
        Ok(Registered { credential: Credential(credential), aaguid, is_platform, counter })
    }

    pub(super) fn timeout_ms(&self) -> u64 {
        u64::try_from(self.timeout.as_millis()).unwrap_or(u64::MAX)
    }
}
