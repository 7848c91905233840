//! Signing users in through their applications' backends: by what they are found, and by what they are authenticated.

pub mod claims;
pub mod identifier;
pub mod lockout;
pub mod one_time_code;
pub mod preferences;
pub mod reset;
pub mod session;

use serde::{Deserialize, Serialize};

/// By what a user was authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// A password.
    Password,
    /// A link in a mail.
    EmailLink,
    /// A code in a mail.
    EmailOtp,
    /// A code in a text message.
    SmsOtp,
    /// A code that the application brought to the user by itself.
    DirectOtp,
    /// A code of an authenticator app.
    Totp,
    /// A passkey.
    #[serde(rename = "webauthn")]
    WebAuthn,
}

/// What a user shows by a method: two methods of the same factor are no more than one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Factor {
    /// That the user knows something.
    Knowledge,
    /// That the user reads a mailbox.
    Email,
    /// That the user has a telephone.
    Phone,
    /// That the user has an authenticator app.
    AuthenticatorApp,
    /// That the user has a passkey.
    Passkey,
}

impl AuthMethod {
    /// Its value in `amr` (RFC 8176, where that has one).
    pub const fn amr(self) -> &'static str {
        match self {
            AuthMethod::Password => "pwd",
            AuthMethod::EmailLink => "eml",
            AuthMethod::EmailOtp => "eotp",
            AuthMethod::SmsOtp => "sms",
            AuthMethod::DirectOtp => "otp",
            AuthMethod::Totp => "totp",
            AuthMethod::WebAuthn => "webauthn",
        }
    }

    /// The factor; `None` where only the application knows which way the code went: that never makes a second one.
    pub const fn factor(self) -> Option<Factor> {
        match self {
            AuthMethod::Password => Some(Factor::Knowledge),
            AuthMethod::EmailLink | AuthMethod::EmailOtp => Some(Factor::Email),
            AuthMethod::SmsOtp => Some(Factor::Phone),
            AuthMethod::DirectOtp => None,
            AuthMethod::Totp => Some(Factor::AuthenticatorApp),
            AuthMethod::WebAuthn => Some(Factor::Passkey),
        }
    }
}

/// `mfa` of `amr` (RFC 8176 §2).
pub const MFA: &str = "mfa";

/// `amr` of a user who was authenticated by these methods, with [`MFA`] where two of them are different factors.
pub fn amr_of(methods: &[AuthMethod]) -> Vec<&'static str> {
    let mut factors = methods.iter().filter_map(|method| method.factor());
    let first = factors.next();
    let is_mfa = first.is_some_and(|first| factors.any(|other| other != first));
    methods.iter().map(|method| method.amr()).chain(is_mfa.then_some(MFA)).collect()
}

/// By what a user is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// An e-mail address.
    Email,
    /// A telephone number (E.164).
    PhoneNumber,
    /// A name that one application knows the user by.
    Username,
    /// The user's own id, which no row of identifiers holds.
    UserId,
    /// What the application's own system calls the user.
    ExternalUserId,
}

impl IdentifierKind {
    /// Its name, on the wire and as it is kept.
    pub const fn as_str(self) -> &'static str {
        match self {
            IdentifierKind::Email => "email",
            IdentifierKind::PhoneNumber => "phone_number",
            IdentifierKind::Username => "username",
            IdentifierKind::UserId => "user_id",
            IdentifierKind::ExternalUserId => "external_user_id",
        }
    }
}

/// By what a user is found, as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// The application whose name it is; empty where it is everybody's.
    pub application_id: String,
    /// In the form in which two that mean the same are equal.
    pub value: String,
    /// As it was given.
    pub shown: String,
    /// Whether it is the first of its kind: the one that is used where none is named.
    pub is_primary: bool,
    /// When the user was shown to have it; seconds since 1970.
    pub verified_at: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_factors_are_mfa_and_the_same_one_twice_is_not() {
        use AuthMethod::{DirectOtp, EmailLink, EmailOtp, Password, SmsOtp, Totp, WebAuthn};
        assert_eq!(amr_of(&[Password]), ["pwd"]);
        assert_eq!(amr_of(&[Password, Totp]), ["pwd", "totp", "mfa"]);
        assert_eq!(amr_of(&[EmailLink, EmailOtp]), ["eml", "eotp"]);
        assert_eq!(amr_of(&[EmailLink, SmsOtp]), ["eml", "sms", "mfa"]);
        assert_eq!(amr_of(&[WebAuthn, EmailOtp, Password]), ["webauthn", "eotp", "pwd", "mfa"]);
        // The code may have gone to the same mailbox.
        assert_eq!(amr_of(&[EmailOtp, DirectOtp]), ["eotp", "otp"]);
        assert_eq!(amr_of(&[DirectOtp, Password]), ["otp", "pwd"]);
    }
}
