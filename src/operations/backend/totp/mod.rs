//! Authenticator apps: registered by users, revoked, and signed in with.

mod check;
mod manage;
mod transaction;

pub use self::{
    check::authenticate,
    manage::{Registered, Registration, register, revoke, revoke_own, unlock},
    transaction::{approve, start},
};

use super::{
    call::Call,
    error::{ApiCode, ApiError},
    lockout::{LockoutRule, Tier},
};
use crate::domain::{
    application::Application,
    login::preferences::{self, TotpPreferences},
    totp::{TotpAlgorithm, TotpParameters, as_label},
};

/// Whom a call is about, as the backend calls the user.
#[derive(Debug)]
pub struct Whom {
    /// What kind of name it is.
    pub kind: crate::domain::login::IdentifierKind,
    /// The name.
    pub identifier: String,
}

/// What the application's preferences say of authenticator apps.
struct TotpRules {
    parameters: TotpParameters,
    issuer: String,
    window: u8,
    most: usize,
    lockout: LockoutRule,
}

/// # Errors
/// [`ApiCode::AppNotFound`], or [`ApiCode::PreferencesMissing`]: the application's users have no authenticator apps.
fn rules(call: &Call) -> Result<TotpRules, ApiError> {
    let application = call.application()?;
    let preferences = application.login.totp.as_ref().ok_or(ApiCode::PreferencesMissing)?;
    Ok(TotpRules::of(application, preferences))
}

impl TotpRules {
    fn of(application: &Application, preferences: &TotpPreferences) -> Self {
        let algorithm = match preferences.algorithm {
            preferences::TotpAlgorithm::Sha1 => TotpAlgorithm::Sha1,
            preferences::TotpAlgorithm::Sha256 => TotpAlgorithm::Sha256,
            preferences::TotpAlgorithm::Sha512 => TotpAlgorithm::Sha512,
        };
        let tiers = preferences.lockout_tiers.iter();
        let tiers = tiers.map(|tier| Tier { attempts: tier.attempts, lock_seconds: tier.duration.saturating_mul(60) });
        Self {
            // The preferences were held against their bounds when they were written.
            parameters: TotpParameters {
                algorithm,
                digits: if preferences.digits == 8 { 8 } else { 6 },
                period: u32::try_from(preferences.period).unwrap_or(30),
            },
            issuer: as_label(preferences.issuer.as_deref().unwrap_or(&application.name)),
            window: u8::try_from(preferences.window).unwrap_or_default(),
            most: usize::try_from(preferences.max_totp_per_user).unwrap_or(1),
            lockout: LockoutRule {
                max_failures: preferences.max_failures,
                lock_seconds: preferences.lockout_duration.saturating_mul(60),
                failures_expire_seconds: Some(preferences.failures_expire_in.saturating_mul(60)),
                tiers: tiers.collect(),
            },
        }
    }
}
