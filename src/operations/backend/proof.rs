//! What an authentication has shown of a user.

use serde_json::{Map, Value};

use crate::domain::login::{AuthMethod, IdentifierKind};

/// That a user was authenticated.
#[derive(Debug, Clone)]
pub struct Proof {
    /// The user.
    pub user_id: String,
    /// By what; `None` for a session that is shown, which authenticates nobody anew.
    pub method: Option<AuthMethod>,
    /// The address, in normal form, that the user was thereby shown to have.
    pub verifies: Option<(IdentifierKind, String)>,
    /// What the user approved.
    pub approval_data: Option<Map<String, Value>>,
    /// Of a password: which of the user's it was.
    pub password_generation: Option<i64>,
}

impl Proof {
    /// Of a user, by a method or, with `None`, by a session.
    pub fn of(user_id: String, method: Option<AuthMethod>) -> Self {
        Self { user_id, method, verifies: None, approval_data: None, password_generation: None }
    }

    /// Whether it lets a user join an application whose backend has named the user (ADR 61). A session that is shown does not, and a
    /// code does not that the backend got itself: neither is an act of the user towards this application.
    pub(super) fn lets_join(&self) -> bool {
        match self.method {
            Some(AuthMethod::Password | AuthMethod::WebAuthn) => true,
            Some(AuthMethod::EmailOtp | AuthMethod::SmsOtp | AuthMethod::EmailLink) => self.verifies.is_some(),
            _ => false,
        }
    }
}
