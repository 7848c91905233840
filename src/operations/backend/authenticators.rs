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
    domain::{
        application::Application,
        login::{IdentifierKind, KnownIdentifier},
        passkey::Passkey,
        timestamp::iso_8601_seconds,
        user::User,
    },
    store::{
        Conn, StoreError, attempts, passwords, passwords::StoredPassword, totp, totp::StoredTotp, users,
        webauthn_credentials,
    },
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
        Found::Joining(_) | Found::Nobody => Err(ApiCode::UserNotFound.into()),
    }
}

/// What a user can be authenticated by at the calling client's application.
///
/// # Errors
/// [`ApiCode::UserNotFound`], or the database failed.
pub async fn list(call: &mut Call, user_id: &str) -> Result<(String, Vec<Listed>), ApiError> {
    let user_id = managed_user(call, user_id).await?;
    let (environment_id, application) = (call.environment_id().to_owned(), call.application()?.clone());
    let (id, now) = (user_id.clone(), call.now());
    let work = move |conn: &mut Conn<'_>| match users::find(conn, &environment_id, &id)? {
        Some(user) => Inventory::read(conn, &environment_id, user, &application, now)?.all(conn, &environment_id),
        // Deleted a moment ago.
        None => Ok(Vec::new()),
    };
    let found = call.context.catalog.look_up(move |store| store.snapshot(work)).await?;
    Ok((user_id, found))
}

/// What all of a user's authenticators have in common.
struct Inventory<'a> {
    person: Person,
    application: &'a Application,
    attempts: Vec<(Authenticator, Attempts)>,
    now: i64,
}

impl<'a> Inventory<'a> {
    fn read(
        conn: &mut Conn<'_>,
        environment_id: &str,
        user: User,
        application: &'a Application,
        now: i64,
    ) -> Result<Self, StoreError> {
        let attempts = attempts::of_user(conn, &user.id)?;
        Ok(Self { person: Person::of(conn, environment_id, user)?, application, attempts, now })
    }

    fn all(&self, conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<Listed>, StoreError> {
        let user_id = &self.person.user.id;
        let password = passwords::find(conn, user_id)?;
        let apps = totp::of_user(conn, environment_id, user_id, Some(&self.application.id))?;
        let mut passkeys = webauthn_credentials::of_user(conn, environment_id, user_id)?;
        passkeys.retain(|passkey| passkey.application_id == self.application.id && passkey.removed_at.is_none());
        let addresses =
            [(Authenticator::EmailOtp, IdentifierKind::Email), (Authenticator::SmsOtp, IdentifierKind::PhoneNumber)];
        // An address that was not shown to be the user's yet is where the first code goes, so it counts as well.
        let addresses = addresses.into_iter().filter_map(|(kind, of)| {
            self.person.primary(of, &self.application.id).map(|address| self.of_address(kind, address))
        });
        let mut found: Vec<Listed> = password.map(|password| self.of_password(&password)).into_iter().collect();
        found.extend(apps.into_iter().map(|app| self.of_app(app)));
        found.extend(passkeys.into_iter().map(|passkey| self.of_passkey(passkey)));
        found.extend(addresses);
        Ok(found)
    }

    fn of_password(&self, password: &StoredPassword) -> Listed {
        let mut extra = self.names();
        extra.insert("temporary".to_owned(), password.temporary.into());
        extra.insert("updated_at".to_owned(), iso_8601_seconds(password.changed_at).into());
        let id = only_one(Authenticator::Password, &self.person.user.id);
        self.listed(id, Authenticator::Password, password.changed_at, extra)
    }

    fn of_app(&self, app: StoredTotp) -> Listed {
        let StoredTotp { id, label, issuer, parameters, created_at, last_used_at, .. } = app;
        let mut extra = self.names();
        extra.insert("digits".to_owned(), parameters.digits.into());
        extra.insert("period".to_owned(), parameters.period.into());
        extra.insert("algorithm".to_owned(), json!(parameters.algorithm));
        extra.insert("issuer".to_owned(), issuer.into());
        let listed = self.listed(id, Authenticator::Totp, created_at, extra);
        Listed { name: Some(label), last_succeeded_at: last_used_at, ..listed }
    }

    fn of_passkey(&self, passkey: Passkey) -> Listed {
        let mut extra = Map::new();
        if let Some(preferences) = &self.application.login.webauthn_api {
            extra.insert("rpId".to_owned(), preferences.rp_id.as_str().into());
        }
        extra.insert("identifier".to_owned(), passkey.username.into());
        extra.insert("aaguid_info".to_owned(), json!({ "aaguid": passkey.aaguid }));
        let listed = self.listed(passkey.id, Authenticator::WebAuthn, passkey.created_at, extra);
        Listed { name: Some(passkey.display_name), ..listed }
    }

    fn of_address(&self, kind: Authenticator, address: &KnownIdentifier) -> Listed {
        let mut extra = Map::new();
        extra.insert(address.kind.as_str().to_owned(), address.shown.as_str().into());
        extra.insert("verified".to_owned(), address.verified_at.is_some().into());
        if let Some(at) = address.verified_at {
            extra.insert("verified_at".to_owned(), iso_8601_seconds(at).into());
        }
        let user = &self.person.user;
        self.listed(only_one(kind, &user.id), kind, user.created_at, extra)
    }

    /// By what the user is found.
    fn names(&self) -> Map<String, Value> {
        let kinds = [IdentifierKind::Email, IdentifierKind::PhoneNumber, IdentifierKind::Username];
        let known = kinds.into_iter().filter_map(|kind| self.person.primary(kind, &self.application.id));
        known.map(|one| (one.kind.as_str().to_owned(), one.shown.as_str().into())).collect()
    }

    fn listed(&self, id: String, kind: Authenticator, registered_at: i64, extra: Map<String, Value>) -> Listed {
        let seen = self.attempts.iter().find(|(of, _)| *of == kind).map(|(_, attempts)| attempts.clone());
        let seen = seen.unwrap_or_default();
        Listed {
            id,
            kind,
            name: None,
            is_locked: seen.lock_at(self.now).is_some(),
            registered_at,
            last_succeeded_at: seen.last_succeeded_at,
            last_failed_at: seen.last_failed_at,
            last_application_id: seen.last_application_id,
            extra,
        }
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
