//! Registering and revoking authenticator apps, and unlocking users who guessed too often.

use super::{TotpRules, rules};
use crate::{
    domain::{
        login::IdentifierKind,
        random::random_uuid,
        totp::{TotpSecret, as_label},
        user::is_text,
    },
    jose::master_key::totp_secret_aad,
    operations::{
        backend::{
            authenticators::managed_user,
            call::Call,
            error::{ApiCode, ApiError},
            lockout::{self, Authenticator, Holder, UnlockKind},
            person::Person,
            who::find_user,
        },
        keys::{KeyError, sealing_key},
    },
    store::{Conn, StoreError, attempts, environments, totp, totp::StoredTotp},
};

/// The longest id of an authenticator, in bytes.
const MAX_AUTHENTICATOR_ID: usize = 255;

/// What a user asks for.
#[derive(Debug, Default)]
pub struct Registration {
    /// What the app shows; by default the user's address or name.
    pub label: Option<String>,
    /// Whether the one that the user has is replaced.
    pub allow_override: bool,
}

/// A new authenticator. Its secret is shown this once.
#[derive(Debug)]
pub struct Registered {
    /// UUID.
    pub id: String,
    /// In base 32.
    pub secret: String,
    /// For a picture that the app reads.
    pub uri: String,
}

/// Registers an authenticator app for the user who calls. It counts from now on, whether or not the user ever adds it to an app.
///
/// # Errors
/// [`ApiCode::TotpExists`]: the user has as many as the application allows; [`ApiCode::PreferencesMissing`]; or the database, the
/// random source or the master key fails.
pub async fn register(call: &mut Call, wanted: Registration) -> Result<Registered, ApiError> {
    let TotpRules { parameters, issuer, most, .. } = rules(call)?;
    let user_id = call.user_token()?.sub.clone();
    let person = find_user(call, IdentifierKind::UserId, &user_id).await?.required()?;
    let application_id = call.application()?.id.clone();
    let label = wanted.label.unwrap_or_else(|| default_label(&person, &application_id));
    let random = call.context.random.clone();
    let secret = TotpSecret::generate(parameters.algorithm, &*random)?;
    let id = random_uuid(&*random)?;
    let registered = Registered {
        id: id.clone(),
        secret: parameters.secret_in_base32(&secret),
        uri: parameters.uri(&secret, &issuer, &label),
    };
    let (environment_id, master_key) = (call.environment_id().to_owned(), call.context.master_key.clone());
    let mut new = StoredTotp {
        id,
        user_id,
        application_id,
        label,
        issuer,
        parameters,
        sealed: Vec::new(),
        created_at: call.now(),
        last_used_at: None,
    };
    let work = call.context.catalog.work(move |store| {
        store.transact(|conn| {
            // A master key is not replaced meanwhile: what is sealed under the old one would be left behind.
            environments::hold_revocations(conn, &environment_id)?;
            if !make_room(conn, &environment_id, &new, most, wanted.allow_override)? {
                return Ok(false);
            }
            let aad = totp_secret_aad(&environment_id, &new.user_id, &new.id);
            new.sealed =
                sealing_key(conn, &master_key)?.seal(&*random, secret.bytes(), &aad).map_err(KeyError::from)?;
            totp::insert(conn, &environment_id, &new)?;
            Ok::<_, KeyError>(true)
        })
    });
    let failed = |error: KeyError| match error {
        KeyError::Store(error) => ApiError::from(error),
        other => ApiError::from(ApiCode::ServerError).with_detail(other.to_string()),
    };
    if work.await.map_err(failed)? { Ok(registered) } else { Err(ApiCode::TotpExists.into()) }
}

/// Whether the user may have one more. Registrations of a user wait for each other here, so that none counts the same ones.
fn make_room(
    conn: &mut Conn<'_>,
    environment_id: &str,
    new: &StoredTotp,
    most: usize,
    allow_override: bool,
) -> Result<bool, StoreError> {
    attempts::hold(conn, &Holder::from(&new.user_id), Authenticator::Totp)?;
    let application_id = Some(new.application_id.as_str());
    let there = totp::of_user(conn, environment_id, &new.user_id, application_id)?.len();
    // Of several nobody could say which one is replaced: those are revoked by their ids.
    if there > 0 && most == 1 && allow_override {
        totp::delete(conn, environment_id, &new.user_id, application_id, None)?;
        return Ok(true);
    }
    Ok(there < most)
}

fn default_label(person: &Person, application_id: &str) -> String {
    let kinds = [IdentifierKind::Email, IdentifierKind::Username, IdentifierKind::PhoneNumber];
    let first = kinds.into_iter().find_map(|kind| person.primary(kind, application_id));
    as_label(first.map_or(person.user.id.as_str(), |one| one.shown.as_str()))
}

/// Revokes the authenticator apps that the user who calls has for the application. That there are none is no mistake.
///
/// # Errors
/// The application is gone, or the database failed.
pub async fn revoke_own(call: &mut Call) -> Result<(), ApiError> {
    let user_id = call.user_token()?.sub.clone();
    delete(call, user_id, None).await.map(drop)
}

/// Revokes those of another user, or the one with this id.
///
/// # Errors
/// [`ApiCode::UserNotFound`]; [`ApiCode::AuthenticatorNotFound`]: there is none with this id; or the database failed.
pub async fn revoke(call: &mut Call, user_id: &str, authenticator_id: Option<String>) -> Result<(), ApiError> {
    let user_id = managed_user(call, user_id).await?;
    let is_named = authenticator_id.is_some();
    if authenticator_id.as_deref().is_some_and(|id| !is_text(id, MAX_AUTHENTICATOR_ID)) {
        return Err(ApiCode::AuthenticatorNotFound.into());
    }
    let deleted = delete(call, user_id, authenticator_id).await?;
    if is_named && deleted == 0 { Err(ApiCode::AuthenticatorNotFound.into()) } else { Ok(()) }
}

async fn delete(call: &mut Call, user_id: String, id: Option<String>) -> Result<usize, ApiError> {
    let application_id = call.application()?.id.clone();
    call.record.application_id = Some(application_id.clone());
    let environment_id = call.environment_id().to_owned();
    let work = call.context.catalog.work(move |store| {
        store.transact(|conn| totp::delete(conn, &environment_id, &user_id, Some(&application_id), id.as_deref()))
    });
    let deleted = work.await?;
    call.record.detail = Some(format!("{deleted} authenticator apps revoked"));
    Ok(deleted)
}

/// Forgets that a user's codes were wrong, with the lock that came of it.
///
/// # Errors
/// [`ApiCode::UserNotFound`], or the database failed.
pub async fn unlock(call: &mut Call, user_id: &str) -> Result<(), ApiError> {
    let (user_id, now) = (managed_user(call, user_id).await?, call.now());
    let work = call.context.catalog.work(move |store| {
        store.transact(|conn| lockout::unlock(conn, &user_id, Authenticator::Totp, UnlockKind::Any, now))
    });
    let was_locked = work.await?;
    call.record.detail = Some(if was_locked { "totp unlocked" } else { "totp was not locked" }.to_owned());
    Ok(())
}
