//! What a user can be authenticated by, in one list, and the locks on it.

use serde_json::{Map, Value, json};

use super::{
    call::Call,
    error::{ApiCode, ApiError},
    lockout::{self, Attempts, Authenticator, UnlockKind},
    person::Person,
    who::{Found, find_user},
};
use crate::{
    domain::login::{IdentifierKind, KnownIdentifier},
    store::{Conn, StoreError, attempts, totp, totp::StoredTotp, users},
};

/// One of them.
#[derive(Debug)]
pub struct Listed {
    /// What names it where it is unlocked. Where a user has one of a kind at most, the kind and the user's id.
    pub id: String,
    /// What it is.
    pub kind: Authenticator,
    /// For people.
    pub name: Option<String>,
    /// Whether it is locked now.
    pub is_locked: bool,
    /// Seconds since 1970.
    pub registered_at: i64,
    /// Seconds since 1970. Of all of the user's authenticators of the kind together, as the locks are.
    pub last_succeeded_at: Option<i64>,
    /// The same.
    pub last_failed_at: Option<i64>,
    /// The application that it was used for last.
    pub last_application_id: Option<String>,
    /// What is to be said of its kind.
    pub extra: Map<String, Value>,
}

/// The id of a user of the calling client's application, for operations of administrators: also of one who is disabled.
///
/// # Errors
/// [`ApiCode::UserNotFound`], [`ApiCode::AppNotFound`], or the database failed.
pub async fn managed_user(call: &mut Call, user_id: &str) -> Result<String, ApiError> {
    match find_user(call, IdentifierKind::UserId, user_id).await? {
        Found::User(person) => Ok(person.user.id),
        Found::Disabled(id) => Ok(id),
        Found::Nobody => Err(ApiCode::UserNotFound.into()),
    }
}

/// What a user can be authenticated by at the calling client's application.
///
/// # Errors
/// [`ApiCode::UserNotFound`], or the database failed.
pub async fn list(call: &mut Call, user_id: &str) -> Result<(String, Vec<Listed>), ApiError> {
    let user_id = managed_user(call, user_id).await?;
    let (environment_id, application_id) = (call.environment_id().to_owned(), call.application()?.id.clone());
    let (id, now) = (user_id.clone(), call.now());
    let work = move |conn: &mut Conn<'_>| all(conn, &environment_id, &application_id, &id, now);
    let found = call.context.catalog.look_up(move |store| store.snapshot(work)).await?;
    Ok((user_id, found))
}

fn all(
    conn: &mut Conn<'_>,
    environment_id: &str,
    application_id: &str,
    user_id: &str,
    now: i64,
) -> Result<Vec<Listed>, StoreError> {
    let Some(user) = users::find(conn, environment_id, user_id)? else { return Ok(Vec::new()) };
    let person = Person::of(conn, environment_id, user)?;
    let attempts = attempts::of_user(conn, user_id)?;
    let seen =
        |kind| attempts.iter().find(|(of, _)| *of == kind).map(|(_, attempts)| attempts.clone()).unwrap_or_default();
    let mut found: Vec<Listed> = totp::of_user(conn, environment_id, user_id, Some(application_id))?
        .into_iter()
        .map(|one| of_totp(one, &person, application_id, &seen(Authenticator::Totp), now))
        .collect();
    let addresses =
        [(Authenticator::EmailOtp, IdentifierKind::Email), (Authenticator::SmsOtp, IdentifierKind::PhoneNumber)];
    for (kind, of) in addresses {
        // An address that was never shown to be the user's is where the first code goes, so it counts as well.
        if let Some(address) = person.primary(of, application_id) {
            found.push(of_address(kind, address, &person, &seen(kind), now));
        }
    }
    Ok(found)
}

fn of_totp(one: StoredTotp, person: &Person, application_id: &str, seen: &Attempts, now: i64) -> Listed {
    let StoredTotp { id, label, issuer, parameters, created_at, last_used_at, .. } = one;
    let mut extra = Map::new();
    extra.insert("digits".to_owned(), parameters.digits.into());
    extra.insert("period".to_owned(), parameters.period.into());
    extra.insert("algorithm".to_owned(), json!(parameters.algorithm));
    extra.insert("issuer".to_owned(), issuer.into());
    for kind in [IdentifierKind::Email, IdentifierKind::PhoneNumber, IdentifierKind::Username] {
        if let Some(known) = person.primary(kind, application_id) {
            extra.insert(kind.as_str().to_owned(), known.shown.as_str().into());
        }
    }
    let listed = Listed { name: Some(label), ..listed(id, Authenticator::Totp, created_at, seen, now) };
    Listed { last_succeeded_at: last_used_at, extra, ..listed }
}

fn of_address(kind: Authenticator, address: &KnownIdentifier, person: &Person, seen: &Attempts, now: i64) -> Listed {
    let mut extra = Map::new();
    extra.insert(address.kind.as_str().to_owned(), address.shown.as_str().into());
    extra.insert("verified".to_owned(), address.verified_at.is_some().into());
    if let Some(at) = address.verified_at {
        extra.insert("verified_at".to_owned(), crate::domain::timestamp::iso_8601_seconds(at).into());
    }
    let id = only_one(kind, &person.user.id);
    Listed { extra, ..listed(id, kind, person.user.created_at, seen, now) }
}

fn listed(id: String, kind: Authenticator, registered_at: i64, seen: &Attempts, now: i64) -> Listed {
    Listed {
        id,
        kind,
        name: None,
        is_locked: seen.lock_at(now).is_some(),
        registered_at,
        last_succeeded_at: seen.last_succeeded_at,
        last_failed_at: seen.last_failed_at,
        last_application_id: seen.last_application_id.clone(),
        extra: Map::new(),
    }
}

/// The id of an authenticator of which a user has one at most.
fn only_one(kind: Authenticator, user_id: &str) -> String {
    format!("{}:{user_id}", kind.as_str())
}

/// Unlocks the kind that the authenticator with this id is of: a user's authenticators of a kind are locked together.
///
/// # Errors
/// [`ApiCode::UserNotFound`], [`ApiCode::AuthenticatorNotFound`], or the database failed.
pub async fn unlock(call: &mut Call, user_id: &str, authenticator_id: &str) -> Result<(), ApiError> {
    let (user_id, found) = list(call, user_id).await?;
    let kind = found.into_iter().find(|one| one.id == authenticator_id).map(|one| one.kind);
    // Locks outlive what they are on: guesses are counted also of users who have no authenticator of the kind.
    let of_none = || Authenticator::ALL.into_iter().find(|kind| only_one(*kind, &user_id) == authenticator_id);
    let kind = kind.or_else(of_none).ok_or(ApiCode::AuthenticatorNotFound)?;
    unlock_kind(call, user_id, kind, UnlockKind::Any).await
}

/// Unlocks the authenticators of a kind, if the lock is of that kind.
///
/// # Errors
/// [`ApiCode::UserNotFound`], or the database failed.
pub async fn unlock_type(
    call: &mut Call,
    user_id: &str,
    authenticator: Authenticator,
    kind: UnlockKind,
) -> Result<(), ApiError> {
    let user_id = managed_user(call, user_id).await?;
    unlock_kind(call, user_id, authenticator, kind).await
}

async fn unlock_kind(
    call: &mut Call,
    user_id: String,
    authenticator: Authenticator,
    kind: UnlockKind,
) -> Result<(), ApiError> {
    let now = call.now();
    let work = call
        .context
        .catalog
        .work(move |store| store.transact(|conn| lockout::unlock(conn, &user_id, authenticator, kind, now)));
    let was_locked = work.await?;
    let became = if was_locked { "unlocked" } else { "was not locked" };
    call.record.detail = Some(format!("{} {became}", authenticator.as_str()));
    Ok(())
}
