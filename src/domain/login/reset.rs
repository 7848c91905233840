//! That somebody may set a new password of a user.

use super::AuthMethod;

/// What is kept of a reset token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReset {
    /// SHA-256 of the token, in hexadecimal.
    pub token_hash: String,
    /// Whose password it is about.
    pub user_id: String,
    /// The application that it was given out for: its rules count.
    pub application_id: String,
    /// By what the user was authenticated.
    pub methods: Vec<AuthMethod>,
    /// Whether it is good for nothing but a second authentication, by another factor.
    pub needs_second_factor: bool,
    /// The number of the password that it replaces; `None`: there is none. When the user has another one by now, the token is worth
    /// nothing.
    pub generation: Option<i64>,
    /// From this second on it is worth nothing; seconds since 1970.
    pub expires_at: i64,
}
