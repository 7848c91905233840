//! What an application wants to know of the authenticators that it lets in.

use std::{collections::HashSet, sync::Arc};

use serde::Deserialize;
use uuid::Uuid;
use webauthn_rs_core::{
    internals::AuthenticatorData,
    proto::{AttestationCaList, AttestationConveyancePreference, Credential, ParsedAttestationData, Registration},
};

use super::refusal::Refusal;

/// What the browser is asked for (Level 2 §5.4.7).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Conveyance {
    /// Nothing.
    #[default]
    None,
    /// A statement, which the browser may make anonymous.
    Indirect,
    /// The authenticator's own statement.
    Direct,
}

impl Conveyance {
    /// As options name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Indirect => "indirect",
            Self::Direct => "direct",
        }
    }

    pub(super) fn preference(self) -> AttestationConveyancePreference {
        match self {
            Self::None => AttestationConveyancePreference::None,
            Self::Indirect => AttestationConveyancePreference::Indirect,
            Self::Direct => AttestationConveyancePreference::Direct,
        }
    }
}

/// Which new credentials an application takes.
#[derive(Debug, Clone)]
pub struct AttestationPolicy {
    /// What the browser is asked for.
    pub conveyance: Conveyance,
    /// Whether there must be a statement of a maker that is one of [`Self::anchors`].
    pub enforced: bool,
    /// Whether passkeys that can be copied to other devices are taken.
    pub synchronised: bool,
    /// The only models taken, by their AAGUID; any when empty.
    pub allowed: Vec<Uuid>,
    /// Models that are refused.
    pub blocked: Vec<Uuid>,
    /// Whose statements are believed.
    pub anchors: Option<Arc<TrustAnchors>>,
}

/// The makers' certificates, to which a statement must lead.
///
/// No two certificates of one list have the same subject: OpenSSL looks for an issuer by its name and takes any that bears it, so that
/// of two makers of one name, or of the old and the new root of one maker, it would believe one, whichever it meets first.
#[derive(Debug, Clone)]
pub struct TrustAnchors(Vec<AttestationCaList>);

/// A list of certificates cannot be used; the text says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the certificates of attestation authorities cannot be used: {0}")]
pub struct TrustAnchorsError(String);

impl TrustAnchors {
    /// Reads certificates in PEM, one behind the other.
    ///
    /// # Errors
    /// There is none, or one cannot be read.
    pub fn from_pem(text: &str) -> Result<Self, TrustAnchorsError> {
        const END: &str = "-----END CERTIFICATE-----";
        let mut lists: Vec<AttestationCaList> = Vec::new();
        for one in text.split_inclusive(END).filter(|one| one.ends_with(END)) {
            let one =
                AttestationCaList::try_from(one.as_bytes()).map_err(|error| TrustAnchorsError(error.to_string()))?;
            match lists.iter_mut().find(|list| !share_a_subject(list, &one)) {
                Some(list) => list.union(&one),
                None => lists.push(one),
            }
        }
        if lists.is_empty() { Err(TrustAnchorsError("there is none".to_owned())) } else { Ok(Self(lists)) }
    }
}

fn share_a_subject(some: &AttestationCaList, others: &AttestationCaList) -> bool {
    let subjects = |list: &AttestationCaList| -> HashSet<Vec<u8>> {
        // A name that cannot be written is like none; such a certificate vouches for nobody anyway.
        list.cas().values().filter_map(|authority| authority.ca().subject_name().to_der().ok()).collect()
    };
    !subjects(some).is_disjoint(&subjects(others))
}

impl AttestationPolicy {
    /// Lets the verifier look at an answer: with each list of anchors until one of them is believed, where a statement must be there;
    /// otherwise without any.
    pub(super) fn verify<T, E>(&self, look: impl Fn(Option<&AttestationCaList>) -> Result<T, E>) -> Result<T, E> {
        let lists = self.anchors.as_ref().filter(|_| self.enforced).map_or(&[][..], |anchors| &anchors.0);
        let Some((last, before)) = lists.split_last() else { return look(None) };
        before.iter().find_map(|list| look(Some(list)).ok()).map_or_else(|| look(Some(last)), Ok)
    }

    /// Checks a credential that the verifier has accepted.
    pub(super) fn check(&self, credential: &Credential, aaguid: Uuid) -> Result<(), Refusal> {
        // A statement by the credential's own key says nothing of who made the authenticator.
        let stated = match credential.attestation.data {
            ParsedAttestationData::Basic(_) | ParsedAttestationData::AttCa(_) | ParsedAttestationData::AnonCa(_) => {
                true
            }
            ParsedAttestationData::Self_
            | ParsedAttestationData::ECDAA
            | ParsedAttestationData::None
            | ParsedAttestationData::Uncertain => false,
        };
        // Without anchors anybody's word would do, and that is what enforcing it is to keep out.
        if self.enforced && (!stated || self.anchors.is_none()) {
            return Err(Refusal::NoAttestation);
        }
        if !self.synchronised && credential.backup_eligible {
            return Err(Refusal::Synchronised);
        }
        if self.blocked.contains(&aaguid) || !(self.allowed.is_empty() || self.allowed.contains(&aaguid)) {
            return Err(Refusal::Model);
        }
        Ok(())
    }
}

/// The members that [`webauthn_rs_core`] reads, in the same way: with another reader a crafted object could show one
/// authenticator to the verifier and another one here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Object<'a> {
    #[serde(rename = "fmt")]
    _format: &'a str,
    #[serde(rename = "attStmt")]
    _statement: serde_cbor_2::Value,
    auth_data: &'a [u8],
}

/// The model of the authenticator, out of an attestation object that the verifier has accepted.
pub(super) fn aaguid(object: &[u8], credential: &Credential) -> Result<Uuid, Refusal> {
    let object: Object<'_> = serde_cbor_2::from_slice(object).map_err(|_| Refusal::Malformed)?;
    let data = AuthenticatorData::<Registration>::try_from(object.auth_data).map_err(|_| Refusal::Malformed)?;
    let attested = data.acd.filter(|attested| attested.credential_id == credential.cred_id);
    Ok(Uuid::from_bytes(attested.ok_or(Refusal::Malformed)?.aaguid))
}
