//! What operations answer that give a token, or nothing but that they were done.

use std::fmt;

use async_graphql::SimpleObject;

use crate::operations::mosaic_tokens::MosaicToken;

/// A token.
#[derive(SimpleObject)]
pub(super) struct AccessTokenPayload {
    /// It.
    access_token: String,
    /// How long it lives.
    expires_in_seconds: i64,
    /// How it is sent: `Bearer`.
    token_type: &'static str,
}

impl From<MosaicToken> for AccessTokenPayload {
    fn from(token: MosaicToken) -> Self {
        Self { access_token: token.access_token, expires_in_seconds: token.expires_in_seconds, token_type: TOKEN_TYPE }
    }
}

impl fmt::Debug for AccessTokenPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessTokenPayload")
            .field("expires_in_seconds", &self.expires_in_seconds)
            .finish_non_exhaustive()
    }
}

/// How all tokens are sent (RFC 6750).
pub(super) const TOKEN_TYPE: &str = "Bearer";

/// Whether it was done.
#[derive(SimpleObject)]
pub(super) struct SuccessPayload {
    /// Always true: a refusal is an error.
    is_success: bool,
}

impl SuccessPayload {
    /// It was done.
    pub const fn done() -> Self {
        Self { is_success: true }
    }
}
