//! The life of a signing key. Its state follows from the clock alone, so that all nodes change over in the same second.

use super::subject::CLOCK_LEEWAY;

/// *published → active → retired → removed.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// In the JWKS, so that consumers have it before the first token under it; does not sign yet.
    Published,
    /// Signs. The newest active key of an algorithm is the one in use.
    Active,
    /// In the JWKS until the last token under it has expired; signs nothing.
    Retired,
    /// Gone from the JWKS; tokens under it are refused.
    Removed,
}

impl KeyState {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyState::Published => "published",
            KeyState::Active => "active",
            KeyState::Retired => "retired",
            KeyState::Removed => "removed",
        }
    }
}

/// When a key changes state; all in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    /// When it was made and published.
    pub created_at: i64,
    /// When it starts to sign.
    pub activates_at: i64,
    /// When it stops to sign; `None` while no successor is planned.
    pub retires_at: Option<i64>,
    /// When it leaves the JWKS: after the last token under it has expired.
    pub removes_at: Option<i64>,
    /// When the last of the tokens under it expires that live longer than the environment's tokens do now; 0 for none.
    pub tokens_until: i64,
}

impl KeySchedule {
    /// The schedule of a key that stops to sign at `retires_at` (seconds since 1970): it stays known for as long as the
    /// last token under it may live, `lifetime` seconds, plus what clocks may differ.
    #[must_use]
    pub fn retiring_at(self, retires_at: i64, lifetime: i64) -> Self {
        let last_expiry = retires_at.saturating_add(lifetime).max(self.tokens_until);
        let removes_at = last_expiry.saturating_add(CLOCK_LEEWAY);
        Self { retires_at: Some(retires_at), removes_at: Some(removes_at), ..self }
    }

    /// The schedule of a key under which a token was made that expires at `expiry` (seconds since 1970): the key stays
    /// known at least that long.
    #[must_use]
    pub fn with_token_until(self, expiry: i64) -> Self {
        let removes_at = self.removes_at.map(|removes_at| removes_at.max(expiry.saturating_add(CLOCK_LEEWAY)));
        Self { tokens_until: self.tokens_until.max(expiry), removes_at, ..self }
    }

    /// The state at `now`.
    pub fn state(&self, now: i64) -> KeyState {
        let reached = |moment: Option<i64>| moment.is_some_and(|moment| now >= moment);
        if reached(self.removes_at) {
            KeyState::Removed
        } else if reached(self.retires_at) {
            KeyState::Retired
        } else if now >= self.activates_at {
            KeyState::Active
        } else {
            KeyState::Published
        }
    }
}
