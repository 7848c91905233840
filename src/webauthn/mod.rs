//! WebAuthn (W3C Web Authentication Level 2 and 3): the ceremonies of a relying party, over values of our own.
//!
//! The only place that names `webauthn_rs_core`. That is the core of the webauthn-rs project, which says of
//! itself that its callers must uphold what the specification leaves open. What that is, and where it is upheld, stands in
//! [ADR 47](../../docs/adr/0047-webauthn.md); in short:
//!
//! * a ceremony's state never leaves the server, is bound to its application and is used up by the first answer (`store::webauthn`);
//! * the challenge comes from [`Random`](crate::domain::random::Random), never from the browser;
//! * an assertion is verified against the credential as it is stored *now*, with the counter of the database, not as it was when the
//!   ceremony began;
//! * a credential's user handle must be the one it was made for.
//!
//! Nothing here does I/O.

mod attestation;
mod authentication;
mod base64;
mod client_data;
mod encoded;
mod refusal;
mod registration;
mod relying_party;

pub use attestation::{AttestationPolicy, Conveyance, TrustAnchors, TrustAnchorsError};
pub use authentication::{Approval, AuthenticationCeremony, AuthenticationOffer, SignedIn};
pub use encoded::{Assertion, EncodedResult, MAX_ENCODED_RESULT, NewKey};
pub use refusal::Refusal;
pub use registration::{BeginError, KeyOffer, NewCredential, Registered, Registrant, RegistrationCeremony};
pub use relying_party::{RelyingParty, RelyingPartyError};

/// A credential as the verifier keeps it: key, flags and attestation, as JSON of a form that only this part knows.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Credential(webauthn_rs_core::proto::Credential);

impl Credential {
    /// The id that the authenticator gave it.
    pub fn id(&self) -> &[u8] {
        self.0.cred_id.as_slice()
    }

    /// Whether PIN or biometrics will be demanded where it is used: they were asked for when it was made.
    fn demands_verification(&self) -> bool {
        self.0.user_verified
    }

    /// How browsers can reach its authenticator, as far as that was attested: a hint for them.
    pub fn transports(&self) -> Vec<&'static str> {
        self.0.transports.iter().flatten().filter_map(|transport| known_transport(transport.as_ref())).collect()
    }
}

fn known_transport(name: &str) -> Option<&'static str> {
    ["usb", "nfc", "ble", "internal", "hybrid"].into_iter().find(|known| *known == name)
}
