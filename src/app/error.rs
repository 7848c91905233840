//! Why the server cannot start.

use std::{io, net::SocketAddr};

use crate::{
    audit::AuditError,
    catalog::LoadError,
    operations::{backend::passwords::PasswordsError, keys::KeyError},
    outbound::OutboundError,
    store::StoreError,
    webauthn::TrustAnchorsError,
};

/// Why the server cannot start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The schema is older than this version of the server.
    #[error("the database lacks migrations ({0}): run `tessera migrate`, or set database.migrate = true")]
    PendingMigrations(String),
    /// The schema is newer than this version of the server.
    #[error(
        "the database belongs to a newer version of tessera: {version} does not know its migrations ({0}); use the version that made \
         them, or a newer one",
        version = env!("CARGO_PKG_VERSION")
    )]
    NewerSchema(String),
    /// The master key cannot be read or made.
    #[error("keys.master_key_file {file}: {cause}")]
    MasterKey {
        /// The file.
        file: String,
        /// Why.
        cause: String,
    },
    /// The environments cannot be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Signing keys cannot be made.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// Passwords cannot be hashed.
    #[error(transparent)]
    Passwords(PasswordsError),
    /// The audit log cannot start.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The address cannot be listened on.
    #[error("{setting} {address}: {cause}; is another server running there?")]
    Listen {
        /// The setting that says where.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        cause: io::Error,
    },
    /// The certificate cannot be used.
    #[error("{0}")]
    Tls(io::Error),
    /// Requests to others cannot be made.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The schema of an operation is none: a mistake of this version.
    #[error("the schema of an operation is wrong: {0}")]
    Schema(String),
    /// The makers of authenticators cannot be told apart.
    #[error("webauthn.attestation_roots_file: {0}")]
    Attestation(TrustAnchorsError),
    /// Mails cannot be sent.
    #[error("[email]: {0}")]
    Mail(String),
    /// The gateway for text messages cannot be called.
    #[error("sms.url: {0}")]
    Sms(OutboundError),
    /// A thread cannot be started.
    #[error("the server cannot start: {0}")]
    Serve(#[from] io::Error),
}
