//! Why an answer of an authenticator is refused.

use webauthn_rs_core::error::WebauthnError;

/// Why an answer is refused, for the audit record. The caller learns only that it was. Never holds what was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not the encoded result of a browser, or larger than any.
    #[error("the encoded result cannot be read")]
    Unreadable,
    /// What the browser or the authenticator says breaks the specification.
    #[error("the authenticator's answer breaks the specification")]
    Malformed,
    /// It is the answer to another ceremony.
    #[error("the challenge is another one")]
    Challenge,
    /// It was given to a page that is none of the application's: phishing, or a setting that is missing.
    #[error("the origin is none of the application's")]
    Origin,
    /// A frame of another site asked for it.
    #[error("a frame of another origin asked for it")]
    CrossOrigin,
    /// It was made for another relying party.
    #[error("the relying party is another one")]
    RelyingParty,
    /// A registration where a login is expected, or the other way round.
    #[error("it is the answer to another kind of ceremony")]
    Kind,
    /// Nobody touched the authenticator.
    #[error("the user was not present")]
    NotPresent,
    /// PIN or biometrics are missing, though they are demanded now or were used when the credential was made.
    #[error("the user was not verified")]
    NotVerified,
    /// It is not signed by the credential's key.
    #[error("the signature is not valid")]
    Signature,
    /// The credential is not one that may be used here.
    #[error("the credential is not one of the ceremony's")]
    Credential,
    /// The authenticator says that the credential belongs to another user.
    #[error("the user handle is another one")]
    UserHandle,
    /// The signature counter is not above the stored one: there are two of that authenticator (Level 2 §6.1.1).
    #[error("the signature counter did not rise: the authenticator may be cloned")]
    Cloned,
    /// A credential that was bound to one device says that it can be copied now, or the other way round.
    #[error("the credential changed whether it can be synchronised")]
    BackupChanged,
    /// It can be copied to other devices, and the application allows none of those.
    #[error("synchronised passkeys are not allowed")]
    Synchronised,
    /// The attestation statement is wrong, of an unknown format or of nobody who is trusted.
    #[error("the attestation cannot be verified")]
    Attestation,
    /// The application demands an attestation, and there is none.
    #[error("there is no attestation")]
    NoAttestation,
    /// The model of the authenticator is not on the application's list, or on its list of refused ones.
    #[error("the model of the authenticator is not allowed")]
    Model,
    /// The key is of an algorithm that was not offered.
    #[error("the algorithm was not offered")]
    Algorithm,
}

impl From<WebauthnError> for Refusal {
    fn from(error: WebauthnError) -> Self {
        use WebauthnError as E;
        match error {
            E::InvalidClientDataType => Self::Kind,
            E::MismatchedChallenge => Self::Challenge,
            E::InvalidRPOrigin => Self::Origin,
            E::CredentialCrossOrigin => Self::CrossOrigin,
            E::InvalidRPIDHash => Self::RelyingParty,
            E::UserNotPresent => Self::NotPresent,
            E::UserNotVerified => Self::NotVerified,
            E::AuthenticationFailure => Self::Signature,
            E::CredentialNotFound => Self::Credential,
            E::CredentialPossibleCompromise => Self::Cloned,
            E::CredentialBackupEligibilityInconsistent => Self::BackupChanged,
            E::CredentialMayNotBeHardwareBound => Self::Synchronised,
            E::CredentialAlteredAlgFromRequest => Self::Algorithm,
            E::AttestationNotSupported
            | E::AttestationStatementSigInvalid
            | E::AttestationNotVerifiable
            | E::AttestationTrustFailure
            | E::AttestationChainNotTrusted(_)
            | E::AttestationCertificateAAGUIDMismatch
            | E::AttestationCredentialSubjectKeyMismatch
            | E::AttestationStatementSigMissing
            | E::AttestationStatementAlgMismatch
            | E::AttestationCertificateTrustStoreEmpty
            | E::AttestationCertificateRequirementsNotMet
            | E::AttestationCertificateNonceMismatch => Self::Attestation,
            _ => Self::Malformed,
        }
    }
}
