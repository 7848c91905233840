//! Law 8: who stands behind a token.

use crate::domain::revocation::RevocationKind;

/// Whether the client, the application and the user behind a token may still be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing against them.
    Good,
    /// The token is revoked, by itself or with something that it came of.
    Revoked(RevocationKind),
    /// The client it was issued to, or the service account it stands for, is disabled or gone.
    ClientDisabled,
    /// The application that the user signed in to is disabled or gone.
    ApplicationDisabled,
    /// The user is disabled or gone.
    UserDisabled,
    /// The managed service that the token was issued to is no longer let in.
    ManagedServiceDisabled,
}

impl Standing {
    /// What is against them; `None` when nothing is.
    pub const fn reason(self) -> Option<&'static str> {
        match self {
            Standing::Good => None,
            Standing::Revoked(kind) => Some(kind.reason()),
            Standing::ClientDisabled => Some("the client behind the token is disabled or gone"),
            Standing::ApplicationDisabled => Some("the application behind the token is disabled or gone"),
            Standing::UserDisabled => Some("the user behind the token is disabled or gone"),
            Standing::ManagedServiceDisabled => Some("the managed service behind the token is disabled or gone"),
        }
    }
}
