//! Users who sign in behind the backend of an application: with what, and what that says of them.

pub mod preferences;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `amr` of a sign-in with two different factors (RFC 8176 §2).
pub const MFA: &str = "mfa";

/// How a user proved who they are. Kept and shown by its word in `amr` (RFC 8176, and the contract §4.1 where that has none).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AuthMethod {
    /// A password.
    #[serde(rename = "pwd")]
    Password,
    /// The link in a mail.
    #[serde(rename = "eml")]
    EmailLink,
    /// The code in a mail.
    #[serde(rename = "eotp")]
    EmailOtp,
    /// The code in a text message.
    #[serde(rename = "sms")]
    SmsOtp,
    /// A code that the application's backend brought to the user itself.
    #[serde(rename = "otp")]
    DirectOtp,
    /// The code of an authenticator app.
    #[serde(rename = "totp")]
    Totp,
    /// A passkey.
    #[serde(rename = "webauthn")]
    WebAuthn,
}

/// What a method shows that somebody has or knows. Two methods that show the same do not make two factors: whoever reads somebody's
/// mail gets the links and the codes in it alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factor {
    /// What only the user knows.
    Knowledge,
    /// The user's mailbox.
    Email,
    /// The user's telephone.
    Phone,
    /// The user's authenticator app.
    AuthenticatorApp,
    /// A device with the user's passkey.
    Passkey,
}

impl AuthMethod {
    /// Every method.
    pub const ALL: [Self; 7] =
        [Self::Password, Self::EmailLink, Self::EmailOtp, Self::SmsOtp, Self::DirectOtp, Self::Totp, Self::WebAuthn];

    /// Its word in `amr`.
    pub fn amr(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::EmailLink => "eml",
            Self::EmailOtp => "eotp",
            Self::SmsOtp => "sms",
            Self::DirectOtp => "otp",
            Self::Totp => "totp",
            Self::WebAuthn => "webauthn",
        }
    }

    /// What it shows. `None` for a code that went through the hands of the application: nobody here knows whether the user got it by
    /// mail, by telephone or on the page where it was then typed.
    pub fn factor(self) -> Option<Factor> {
        match self {
            Self::Password => Some(Factor::Knowledge),
            Self::EmailLink | Self::EmailOtp => Some(Factor::Email),
            Self::SmsOtp => Some(Factor::Phone),
            Self::DirectOtp => None,
            Self::Totp => Some(Factor::AuthenticatorApp),
            Self::WebAuthn => Some(Factor::Passkey),
        }
    }
}

/// `amr` of a session in which these methods succeeded: each once, in their order, and [`MFA`] at the end where two of them show
/// different factors.
pub fn amr_of(methods: &[AuthMethod]) -> Vec<&'static str> {
    let mut words: Vec<&'static str> = Vec::new();
    for method in methods {
        if !words.contains(&method.amr()) {
            words.push(method.amr());
        }
    }
    let mut factors = methods.iter().filter_map(|method| method.factor());
    let first = factors.next();
    if factors.any(|factor| Some(factor) != first) {
        words.push(MFA);
    }
    words
}

/// What a caller names a user by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentifierKind {
    /// An e-mail address.
    Email,
    /// A telephone number (E.164).
    PhoneNumber,
    /// A name that is unique in the application.
    Username,
    /// The id that this server gave: `sub` of the user's tokens.
    UserId,
}

impl IdentifierKind {
    /// Its word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::PhoneNumber => "phone_number",
            Self::Username => "username",
            Self::UserId => "user_id",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_and_identifiers_are_kept_by_the_words_that_are_sent() {
        for method in AuthMethod::ALL {
            assert_eq!(serde_json::to_value(method).expect("JSON"), method.amr());
        }
        for kind in
            [IdentifierKind::Email, IdentifierKind::PhoneNumber, IdentifierKind::Username, IdentifierKind::UserId]
        {
            assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.as_str());
        }
    }

    #[test]
    fn each_method_is_named_once_in_its_order() {
        use AuthMethod::{Password, WebAuthn};
        assert_eq!(amr_of(&[]), Vec::<&str>::new());
        assert_eq!(amr_of(&[Password, Password]), ["pwd"]);
        assert_eq!(amr_of(&[WebAuthn]), ["webauthn"]);
        assert_eq!(amr_of(&[WebAuthn, Password, WebAuthn]), ["webauthn", "pwd", "mfa"]);
    }

    #[test]
    fn two_methods_are_two_factors_only_if_they_show_different_things() {
        for one in AuthMethod::ALL {
            for other in AuthMethod::ALL {
                let both_mails = [one, other].iter().all(|m| [AuthMethod::EmailLink, AuthMethod::EmailOtp].contains(m));
                let has_direct = [one, other].contains(&AuthMethod::DirectOtp);
                let is_mfa = one != other && !both_mails && !has_direct;
                assert_eq!(amr_of(&[one, other]).contains(&MFA), is_mfa, "{one:?} and {other:?}");
            }
        }
        let through_the_middle = [AuthMethod::Password, AuthMethod::DirectOtp, AuthMethod::SmsOtp];
        assert_eq!(amr_of(&through_the_middle), ["pwd", "otp", "sms", "mfa"]);
    }
}
