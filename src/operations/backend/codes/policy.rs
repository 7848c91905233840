//! What the login preferences of an application say of codes and links.

use crate::{
    domain::{
        application::Application,
        login::{
            lockout::LockoutRule,
            one_time_code::{CodeChannel, CodePurpose},
            preferences::LoginPreferences,
        },
    },
    operations::{
        backend::error::{ApiCode, ApiError},
        delivery::content::Branding,
    },
};

/// How many seconds a minute has.
pub(super) const MINUTE: i64 = 60;
/// Of links, whose random part nobody guesses.
const NO_FAILURES: u32 = 1;
/// What the codes of a password reset have where the application has no preferences for codes of their channel.
const RESET_FAILURES: u32 = 3;
const RESET_LOCKOUT: i64 = 15;

/// How codes of a channel are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CodePolicy {
    /// How many digits a code has.
    pub length: u32,
    /// How long a code is good, in minutes.
    pub minutes: i64,
    /// Whether other clients of the application may redeem it.
    pub any_client: bool,
    /// How many wrong codes lock, and for how long.
    pub lockout: LockoutRule,
}

/// The policy for codes to sign in with.
///
/// # Errors
/// [`ApiCode::PreferencesMissing`].
pub(super) fn sign_in(preferences: &LoginPreferences, channel: CodeChannel) -> Result<CodePolicy, ApiError> {
    let of_link = || {
        let email = preferences.email.as_ref()?;
        Some(policy(0, email.expires_in, false, simple(NO_FAILURES, 0)))
    };
    let of_email = || {
        let email = preferences.email_otp.as_ref()?;
        let lockout = simple(email.max_failures, email.lockout_duration);
        Some(policy(email.code_length, email.expires_in, email.cross_clients_allowed, lockout))
    };
    let of_sms = || {
        let sms = preferences.sms.as_ref()?;
        let lockout = simple(sms.max_failures, sms.lockout_duration);
        Some(policy(sms.code_length, sms.expires_in, sms.cross_clients_allowed, lockout))
    };
    let found = match channel {
        CodeChannel::Link => of_link(),
        CodeChannel::Email => of_email(),
        CodeChannel::Sms => of_sms(),
        // It has no preferences of its own in the contract: it is as the codes that this server would send.
        CodeChannel::Direct => of_email().or_else(of_sms),
    };
    found.ok_or_else(|| ApiCode::PreferencesMissing.into())
}

/// The policy for codes and links to set a new password with.
///
/// # Errors
/// [`ApiCode::PreferencesMissing`].
pub(super) fn reset(preferences: &LoginPreferences, channel: CodeChannel) -> Result<CodePolicy, ApiError> {
    let password = preferences.password.as_ref().ok_or(ApiCode::PreferencesMissing)?;
    let lockout = match sign_in(preferences, channel) {
        Ok(policy) if channel != CodeChannel::Link => policy.lockout,
        _ => simple(RESET_FAILURES, RESET_LOCKOUT),
    };
    Ok(policy(password.code_length, password.reset_validity_minutes, false, lockout))
}

/// The policy for a purpose.
///
/// # Errors
/// [`ApiCode::PreferencesMissing`].
pub(super) fn of(
    preferences: &LoginPreferences,
    purpose: CodePurpose,
    channel: CodeChannel,
) -> Result<CodePolicy, ApiError> {
    match purpose {
        CodePurpose::SignIn => sign_in(preferences, channel),
        CodePurpose::PasswordReset => reset(preferences, channel),
    }
}

fn policy(length: u32, minutes: i64, any_client: bool, lockout: LockoutRule) -> CodePolicy {
    CodePolicy { length, minutes, any_client, lockout }
}

/// The lockout of codes has no tiers (contract §5). Wrong ones that are further apart than a lock would last do not count together.
fn simple(max_failures: u32, minutes: i64) -> LockoutRule {
    let lock_seconds = minutes.saturating_mul(MINUTE);
    LockoutRule { max_failures, lock_seconds, failures_expire_seconds: Some(lock_seconds), tiers: Vec::new() }
}

/// How the application's own mails for a purpose look.
pub(super) fn branding(application: &Application, purpose: CodePurpose, channel: CodeChannel) -> Branding<'_> {
    let LoginPreferences { email, email_otp, password, .. } = &application.login;
    let message = match (purpose, channel) {
        (CodePurpose::PasswordReset, _) => password.as_ref().map(|password| &password.message),
        (CodePurpose::SignIn, CodeChannel::Link) => email.as_ref().map(|email| &email.message),
        (CodePurpose::SignIn, _) => email_otp.as_ref().map(|otp| &otp.message),
    };
    Branding {
        application: &application.name,
        primary_color: message.map(|message| message.primary_color.as_str()),
        sender_name: message.and_then(|message| message.from.as_deref()),
        subject: message.and_then(|message| message.subject.as_deref()),
    }
}
