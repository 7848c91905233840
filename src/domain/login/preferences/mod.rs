//! Login preferences of an application: which methods its users sign in with, and the limits of each (contract §5).
//!
//! A method that is not there is not allowed. Preferences are replaced whole, method by method and all of them together: nothing that
//! somebody left out of a new version lives on from an old one.

mod lockout;
mod mails;
mod passkeys;
mod passwords;
mod schema;
#[cfg(test)]
mod tests;
mod totp;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

pub use self::{
    lockout::{LockoutTier, MAX_TIERS},
    mails::{EmailOtpPreferences, EmailPreferences, MessagePreferences, SmsPreferences},
    passkeys::{AttestationType, PasskeyPreferences},
    passwords::PasswordPreferences,
    totp::{TotpAlgorithm, TotpPreferences},
};

/// The methods that users of an application may sign in with. `Default` allows none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LoginPreferences {
    /// Magic links by e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailPreferences>,
    /// One-time codes by e-mail, and those that the application brings to the user itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_otp: Option<EmailOtpPreferences>,
    /// One-time codes by text message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sms: Option<SmsPreferences>,
    /// Passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<PasswordPreferences>,
    /// Authenticator apps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totp: Option<TotpPreferences>,
    /// Passkeys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webauthn_api: Option<PasskeyPreferences>,
}

/// The methods by their names on the wire.
const METHODS: [&str; 6] = ["email", "email_otp", "sms", "password", "totp", "webauthn_api"];

/// One mistake in login preferences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where it is, such as `password.passwordMinLength`; empty for the whole.
    pub path: String,
    /// What is wrong there, such as `must be a whole number from 5 to 14`.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return f.write_str(&self.problem);
        }
        write!(f, "{} {}", self.path, self.problem)
    }
}

impl LoginPreferences {
    /// Reads preferences that somebody wrote.
    ///
    /// # Errors
    /// All mistakes; never none.
    pub fn read(value: Value) -> Result<Self, Vec<Mistake>> {
        let Value::Object(mut methods) = value else { return Err(vec![mistake("", "must be an object")]) };
        let mut found = Vec::new();
        let preferences = Self {
            email: method(&mut methods, "email", EmailPreferences::mistakes, &mut found),
            email_otp: method(&mut methods, "email_otp", EmailOtpPreferences::mistakes, &mut found),
            sms: method(&mut methods, "sms", |_: &SmsPreferences| Vec::new(), &mut found),
            password: method(&mut methods, "password", PasswordPreferences::mistakes, &mut found),
            totp: method(&mut methods, "totp", TotpPreferences::mistakes, &mut found),
            webauthn_api: passkeys(&mut methods, &mut found),
        };
        for name in methods.keys() {
            let methods = METHODS.map(|method| format!("\"{method}\"")).join(", ");
            found.push(mistake(name, format_args!("is not a method of this server; there are {methods}")));
        }
        if found.is_empty() { Ok(preferences) } else { Err(found) }
    }
}

/// Takes one method out of `methods`; absent and `null` are the same.
fn method<T: JsonSchema + DeserializeOwned>(
    methods: &mut Map<String, Value>,
    name: &str,
    look: impl Fn(&T) -> Vec<Mistake>,
    found: &mut Vec<Mistake>,
) -> Option<T> {
    let value = methods.remove(name).filter(|value| !value.is_null())?;
    let mut mistakes = schema::check::<T>(&value);
    let mut read = None;
    if mistakes.is_empty() {
        // The schema is made of the same type, so that it lets nothing through that the type refuses; if it ever did, this says so.
        match serde_json::from_value::<T>(value) {
            // What no schema says: forms of texts, and what values say of each other.
            Ok(value) => {
                mistakes = look(&value);
                read = Some(value);
            }
            Err(error) => mistakes.push(mistake("", error)),
        }
    }
    let place = |inner: Mistake| {
        let path = if inner.path.is_empty() { name.to_owned() } else { format!("{name}.{}", inner.path) };
        Mistake { path, problem: inner.problem }
    };
    found.extend(mistakes.into_iter().map(place));
    read
}

fn passkeys(methods: &mut Map<String, Value>, found: &mut Vec<Mistake>) -> Option<PasskeyPreferences> {
    if let Some(passkeys) = methods.get_mut("webauthn_api") {
        passkeys::take_older_names(passkeys);
    }
    method(methods, "webauthn_api", PasskeyPreferences::mistakes, found)
}

/// A mistake at a path within a method.
fn mistake(path: impl Into<String>, problem: impl fmt::Display) -> Mistake {
    Mistake { path: path.into(), problem: problem.to_string() }
}
