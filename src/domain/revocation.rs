//! What can be revoked, and whom that concerns.

use serde::{Deserialize, Serialize};

/// What a revocation names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationKind {
    /// One token, by its `jti`, and every token that came of it.
    Token,
    /// A session, by its id: every token of it.
    Session,
    /// A subject, by its `sub`: every token that came of one issued until then.
    Subject,
    /// A client, by its id: every token that was issued to it until then, and every one that came of such a token.
    Client,
    /// A signing key, by its `kid`: every token that came of one that it signed. The key itself is removed besides.
    Key,
}

impl RevocationKind {
    /// Every kind.
    pub const ALL: [RevocationKind; 5] = [
        RevocationKind::Token,
        RevocationKind::Session,
        RevocationKind::Subject,
        RevocationKind::Client,
        RevocationKind::Key,
    ];

    /// Its name, as it is kept and recorded.
    pub const fn as_str(self) -> &'static str {
        match self {
            RevocationKind::Token => "token",
            RevocationKind::Session => "session",
            RevocationKind::Subject => "subject",
            RevocationKind::Client => "client",
            RevocationKind::Key => "key",
        }
    }

    /// Reads a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Why a token that it concerns is refused.
    pub const fn reason(self) -> &'static str {
        match self {
            RevocationKind::Token => "the token, or one that it came of, is revoked",
            RevocationKind::Session => "the session of the token is revoked",
            RevocationKind::Subject => "the tokens of its subject, or of one that acts, are revoked",
            RevocationKind::Client => "the tokens of a client that it went through are revoked",
            RevocationKind::Key => "a key that signed a token that it came of is revoked",
        }
    }
}

/// Something that is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Revocation {
    /// What it names.
    pub kind: RevocationKind,
    /// The name.
    pub value: String,
    /// Seconds since 1970. For subjects and clients: tokens that come of one issued in this second or earlier are dead.
    pub revoked_at: i64,
    /// Seconds since 1970: no token that it concerns lives so long, and then it is forgotten.
    pub expires_at: i64,
}
