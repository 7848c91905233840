//! What the login preferences of an application say of passwords.

use crate::{
    domain::{
        application::Application,
        login::{
            lockout::{LockoutRule, Tier},
            preferences::PasswordPreferences,
        },
        password::StrengthRules,
    },
    operations::backend::error::{ApiCode, ApiError},
    store::passwords::StoredPassword,
};

const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What an application wants of passwords.
///
/// # Errors
/// [`ApiCode::PreferencesMissing`]: it has none.
pub fn preferences(application: &Application) -> Result<&PasswordPreferences, ApiError> {
    application.login.password.as_ref().ok_or_else(|| ApiCode::PreferencesMissing.into())
}

/// What passwords must be.
pub(super) fn strength(preferences: &PasswordPreferences) -> StrengthRules {
    StrengthRules {
        min_length: usize::try_from(preferences.password_min_length).unwrap_or(usize::MAX),
        level: u8::try_from(preferences.password_complexity).unwrap_or(u8::MAX),
        dictionary: preferences.check_dictionary,
    }
}

/// How many wrong passwords lock.
pub(super) fn lockout(preferences: &PasswordPreferences) -> LockoutRule {
    let tiers = preferences.lockout_tiers.iter();
    LockoutRule {
        max_failures: preferences.max_password_failures,
        lock_seconds: preferences.password_suspension_duration.saturating_mul(MINUTE),
        failures_expire_seconds: Some(preferences.failures_expire_in.saturating_mul(MINUTE)),
        tiers: tiers
            .map(|tier| Tier { attempts: tier.attempts, lock_seconds: tier.duration.saturating_mul(MINUTE) })
            .collect(),
    }
}

/// Until when a reset token is good that is made at `now`.
pub(super) fn reset_until(preferences: &PasswordPreferences, now: i64) -> i64 {
    now.saturating_add(preferences.reset_validity_minutes.saturating_mul(MINUTE))
}

/// What a password is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Signing in.
    Good,
    /// Choosing another one: it is too old.
    Expired,
    /// Choosing another one: the user did not choose it.
    Temporary,
    /// Nothing: it was temporary, and its time is over.
    Over,
}

impl Standing {
    /// Of a password, at `now`.
    pub fn of(password: &StoredPassword, preferences: &PasswordPreferences, now: i64) -> Self {
        let is_over = ends_at(password, preferences).is_some_and(|end| now >= end);
        match (password.temporary, is_over) {
            (true, true) => Standing::Over,
            (true, false) => Standing::Temporary,
            (false, true) => Standing::Expired,
            (false, false) => Standing::Good,
        }
    }
}

/// The second from which on a password is too old; `None`: it never is.
pub fn ends_at(password: &StoredPassword, preferences: &PasswordPreferences) -> Option<i64> {
    let lifetime = if password.temporary {
        preferences.temp_password_validity_hours.saturating_mul(HOUR)
    } else if preferences.ignore_expiration {
        return None;
    } else {
        preferences.password_expires_in.saturating_mul(DAY)
    };
    Some(password.changed_at.saturating_add(lifetime))
}
