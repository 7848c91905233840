//! Using a credential (Level 2 §7.2).

use openssl::sha::sha256;
use serde::{Deserialize, Serialize};
use webauthn_rs_core::proto::{
    AuthenticationState, AuthenticatorAssertionResponseRaw, PublicKeyCredential, UserVerificationPolicy,
};

use super::{
    Credential, client_data,
    encoded::Assertion,
    refusal::Refusal,
    registration::BeginError,
    relying_party::{RelyingParty, challenge, with_challenge},
};
use crate::domain::random::Random;

/// What the browser is told.
#[derive(Debug, Clone)]
pub struct AuthenticationOffer {
    /// To be signed.
    pub challenge: Vec<u8>,
    /// What the challenge is the SHA-256 of, where the user approves something.
    pub raw_challenge: Option<Vec<u8>>,
    /// The relying party's domain.
    pub rp_id: String,
    /// In milliseconds.
    pub timeout: u64,
    /// Whether PIN or biometrics are demanded, and not only wished for.
    pub verification_required: bool,
}

/// The state of an authentication. It stays on the server, and is good for one answer. It holds no credentials: what counts is how
/// they are stored when the answer comes.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthenticationCeremony(AuthenticationState);

/// What a user approves by signing: JSON, of whatever kind.
pub type Approval = serde_json::Value;

/// A credential that was used.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The signature counter from now on; zero where the authenticator has none.
    pub counter: u32,
    /// The credential from now on.
    pub credential: Credential,
    /// Whether PIN or biometrics were asked for.
    pub user_verified: bool,
}

impl RelyingParty {
    /// Begins one. `named` are the credentials of somebody who was named: where the authenticator alone says who it is, the user
    /// must be verified, or whoever finds a security key is whoever owned it. Of somebody all of whose credentials demand it,
    /// verification is asked for too: with a mere wish a browser may skip it, and its answer would be refused. Of several kinds of
    /// credentials only a wish can be told, or those that cannot verify would be of no use.
    ///
    /// With an approval the challenge is the SHA-256 of a text of random bits and the approval, so that the signature is over what
    /// was approved and nothing else.
    ///
    /// # Errors
    /// The random source failed.
    pub fn begin_authentication(
        &self,
        random: &dyn Random,
        named: Option<&[Credential]>,
        approval: Option<&Approval>,
    ) -> Result<(AuthenticationOffer, AuthenticationCeremony), BeginError> {
        let all_demand = |named: &[Credential]| !named.is_empty() && named.iter().all(Credential::demands_verification);
        let policy = if named.is_some() { UserVerificationPolicy::Preferred } else { UserVerificationPolicy::Required };
        let wanted = self.core.new_challenge_authenticate_builder(Vec::new(), Some(policy)).map_err(Refusal::from)?;
        let (_, state) = self.core.generate_challenge_authenticate(wanted).map_err(Refusal::from)?;
        let nonce = challenge(random)?;
        let raw_challenge = approval.map(|approval| raw_challenge(&nonce, approval));
        let challenge = raw_challenge.as_ref().map_or(nonce, |raw| sha256(raw));
        let ceremony = AuthenticationCeremony(with_challenge(&state, &challenge)?);
        let offer = AuthenticationOffer {
            challenge: challenge.to_vec(),
            raw_challenge,
            rp_id: self.id.clone(),
            timeout: self.timeout_ms(),
            verification_required: named.is_none_or(all_demand),
        };
        Ok((offer, ceremony))
    }

    /// Checks the answer against the credential as it is stored now, `counter` and all. `handle` is the user handle that it was made
    /// for; with `is_known` false the authenticator must have said it, else it may. With `may_synchronise` a credential that was bound
    /// to its device may have become one that is copied to others, as password managers make them when they are given the feature.
    ///
    /// The caller has used the ceremony up before, and keeps counter and credential only if the stored counter is still the one
    /// given here: two answers with the same counter at the same time are two authenticators.
    ///
    /// # Errors
    /// The answer is refused.
    pub fn finish_authentication(
        &self,
        ceremony: &AuthenticationCeremony,
        assertion: Assertion,
        (credential, counter): (&Credential, u32),
        (handle, is_known): (&[u8], bool),
        may_synchronise: bool,
    ) -> Result<SignedIn, Refusal> {
        client_data::check(&assertion.client_data, &self.origins)?;
        match &assertion.user_handle {
            Some(said) if said == handle => {}
            None if is_known => {}
            _ => return Err(Refusal::UserHandle),
        }
        let mut credential = credential.clone();
        credential.0.counter = counter;
        // The verifier has a switch for it, but still refuses a credential that has been copied already. Its signature is over the
        // flag, and is verified below; nothing is kept otherwise.
        credential.0.backup_eligible |= may_synchronise && is_backup_eligible(&assertion.authenticator_data);
        let mut state = ceremony.0.clone();
        state.set_allowed_credentials(vec![credential.0.clone()]);
        let answer = PublicKeyCredential {
            id: String::new(),
            raw_id: assertion.id.into(),
            response: AuthenticatorAssertionResponseRaw {
                authenticator_data: assertion.authenticator_data.into(),
                client_data_json: assertion.client_data.into(),
                signature: assertion.signature.into(),
                user_handle: assertion.user_handle.map(Into::into),
            },
            // No extension was asked for; `appid` would let another relying party's hash count.
            extensions: Default::default(),
            type_: "public-key".to_owned(),
        };
        let result = self.core.authenticate_credential(&answer, &state)?;
        credential.0.counter = result.counter();
        credential.0.backup_state = result.backup_state();
        Ok(SignedIn { counter: result.counter(), credential, user_verified: result.user_verified() })
    }
}

/// The flag of authenticator data that says that the credential may be copied to other devices (Level 3 §6.1, bit 3).
fn is_backup_eligible(authenticator_data: &[u8]) -> bool {
    const FLAGS: usize = 32;
    const BACKUP_ELIGIBLE: u8 = 0x08;
    authenticator_data.get(FLAGS).is_some_and(|flags| flags & BACKUP_ELIGIBLE != 0)
}

/// What is signed where the user approves something: the nonce, and the approval, as JSON with members in this order.
fn raw_challenge(nonce: &[u8], approval: &Approval) -> Vec<u8> {
    let nonce = ::base64::Engine::encode(&::base64::engine::general_purpose::URL_SAFE_NO_PAD, nonce);
    serde_json::json!({ "approval_data": approval, "nonce": nonce }).to_string().into_bytes()
}
