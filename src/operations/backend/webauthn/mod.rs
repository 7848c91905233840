//! Passkeys: ceremonies that browsers begin and backends finish, and the passkeys that users have.
//!
//! A browser begins, without a token; nothing is done but to keep a row for a while. The backend finishes with what the browser gave
//! it: [`register()`] makes a passkey, [`authenticate()`] signs in by one. The row is used up by the first answer, whatever becomes of
//! it. What an answer must be is in [`webauthn`](crate::webauthn).

mod authenticate;
mod begin;
mod passkeys;
mod register;

use std::{sync::Arc, time::Duration};

use ::base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose::URL_SAFE_NO_PAD},
};
use uuid::Uuid;

pub use self::{
    authenticate::authenticate,
    begin::{
        AuthenticationBegun, AuthenticationStart, RegistrationBegun, RegistrationStart, Who, begin_authentication,
        begin_registration,
    },
    passkeys::{Owner, find, list, remove, rename},
    register::{NewPasskey, Registered, register},
};
use super::{
    call::Call,
    error::{ApiCode, ApiError},
};
use crate::{
    domain::{
        application::Application,
        login::{
            lockout::{LockoutRule, Tier},
            preferences::{AttestationType, PasskeyPreferences},
        },
    },
    webauthn::{AttestationPolicy, Conveyance, Refusal, RelyingParty},
};

/// How long a ceremony waits where nobody says, in seconds (contract section 7).
pub const DEFAULT_TIMEOUT: i64 = 300;

/// An application, as far as passkeys are concerned.
struct Setup {
    application_id: String,
    preferences: PasskeyPreferences,
    party: RelyingParty,
    policy: AttestationPolicy,
}

impl Setup {
    /// Of an application whose preferences allow passkeys.
    fn of(call: &Call, application: &Application, timeout: i64) -> Result<Self, ApiError> {
        let missing = || ApiError::from(ApiCode::PreferencesMissing);
        let preferences = application.login.webauthn_api.clone().ok_or_else(missing)?;
        let timeout = Duration::from_secs(timeout.unsigned_abs());
        let party = RelyingParty::new(&application.name, &preferences.rp_id, &preferences.origins(), timeout);
        let party = party.map_err(|error| missing().with_detail(error.to_string()))?;
        let models = |list: &[String]| list.iter().filter_map(|text| Uuid::parse_str(text).ok()).collect();
        let policy = AttestationPolicy {
            conveyance: match preferences.attestation_type {
                AttestationType::None => Conveyance::None,
                AttestationType::Indirect => Conveyance::Indirect,
                AttestationType::Direct => Conveyance::Direct,
            },
            enforced: preferences.enforce_attestation,
            synchronised: preferences.allow_synced_passkeys,
            allowed: models(&preferences.aaguid_allow_list),
            blocked: models(&preferences.aaguid_block_list),
            anchors: call.context.attestation_anchors.as_ref().map(Arc::clone),
        };
        Ok(Self { application_id: application.id.clone(), preferences, party, policy })
    }

    /// When failures lock a user out; `None`: never.
    fn lockout(&self) -> Option<LockoutRule> {
        let tiers = &self.preferences.lockout_tiers;
        let tier = |tier: &crate::domain::login::preferences::LockoutTier| Tier {
            attempts: tier.attempts,
            lock_seconds: tier.duration.saturating_mul(60),
        };
        (!tiers.is_empty()).then(|| LockoutRule {
            max_failures: u32::MAX,
            lock_seconds: 0,
            failures_expire_seconds: Some(self.preferences.failures_expire_in.saturating_mul(60)),
            tiers: tiers.iter().map(tier).collect(),
        })
    }
}

/// The backend learns that its user's answer was wrong, and the record why.
fn refused(refusal: Refusal) -> ApiError {
    ApiError::from(ApiCode::WebauthnResult).with_detail(refusal.to_string())
}

/// The ceremony is none, is over, was used up, or is another application's: all alike.
fn no_ceremony() -> ApiError {
    ApiError::from(ApiCode::WebauthnResult).with_detail("there is no such ceremony")
}

/// As bytes that name something are kept.
fn text_of(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bytes_of(text: &str) -> Result<Vec<u8>, ApiError> {
    let corrupt = |_| ApiError::from(ApiCode::ServerError).with_detail("a stored text is not base64url");
    URL_SAFE_NO_PAD.decode(text).map_err(corrupt)
}

/// A credential id as it is kept, out of either alphabet: browsers give it as base64url, the vendor's SDK as base64.
fn credential_id(text: &str) -> Option<String> {
    const LENIENT: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
    let text: String = text
        .chars()
        .map(|c| {
            if c == '+' {
                '-'
            } else if c == '/' {
                '_'
            } else {
                c
            }
        })
        .collect();
    URL_SAFE.decode(text).ok().map(|bytes| text_of(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_as_browsers_give_them() {
        assert_eq!(bytes_of(&text_of(&[0xfb, 0xff])).expect("readable"), [0xfb, 0xff]);
        for text in ["-_8", "+/8=", "+/8", "-_8="] {
            assert_eq!(credential_id(text).as_deref(), Some("-_8"), "{text}");
        }
        assert_eq!(credential_id("é"), None);
    }
}
