//! Whether an application takes a new password.

use super::policy;
use crate::{
    domain::{
        login::preferences::PasswordPreferences,
        password::{Password, PasswordHash, Weakness},
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        person::Person,
    },
    store::passwords::{self, StoredPassword},
};

/// Why a password is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Objection {
    /// It is too weak, and what is to be done about it.
    Weak(Weakness, String),
    /// It stands in a list of leaked passwords.
    Breached,
    /// The user had it before.
    RecentlyUsed,
}

impl Objection {
    /// Its name in the answer to somebody who only asks.
    pub const fn code(&self) -> &'static str {
        match self {
            Objection::Weak(weakness, _) => weakness.code(),
            Objection::Breached => "password_breached",
            Objection::RecentlyUsed => "password_recently_used",
        }
    }

    /// What is to be done, for people.
    pub fn message(&self) -> String {
        match self {
            Objection::Weak(_, message) => message.clone(),
            Objection::Breached => "The password stands in a list of leaked passwords: use another one".to_owned(),
            Objection::RecentlyUsed => "The password was used before: use another one".to_owned(),
        }
    }

    const fn refusal(&self) -> ApiCode {
        match self {
            Objection::Weak(..) => ApiCode::PasswordWeak,
            Objection::Breached => ApiCode::PasswordBreached,
            Objection::RecentlyUsed => ApiCode::PasswordRecentlyUsed,
        }
    }
}

/// The refusal of a password with these objections; the first one gives the code.
pub(super) fn refused(objections: &[Objection]) -> Result<(), ApiError> {
    let Some(first) = objections.first() else { return Ok(()) };
    let code = first.refusal();
    let of_same = objections.iter().filter(|one| one.refusal() == code).map(Objection::message).collect();
    let names: Vec<&str> = objections.iter().map(Objection::code).collect();
    Err(ApiError::with_messages(code, of_same).with_detail(names.join(", ")))
}

/// Reads a password as it was sent. The text of a refusal does not repeat it.
///
/// # Errors
/// [`ApiCode::InvalidInput`]: it cannot be one.
pub fn read(text: &str) -> Result<Password, ApiError> {
    Password::parse(text).map_err(|error| ApiError::new(ApiCode::InvalidInput, error.to_string()))
}

/// What a new password is judged by.
#[derive(Debug, Clone, Default)]
pub struct Background {
    /// What the user is known by.
    pub identifiers: Vec<String>,
    /// The present password.
    pub present: Option<StoredPassword>,
    /// Those before it, the latest first.
    pub earlier: Vec<PasswordHash>,
}

impl Background {
    /// Of somebody who has no password yet.
    pub fn of_newcomer(identifiers: Vec<String>) -> Self {
        Self { identifiers, ..Self::default() }
    }

    /// Of a user.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of_user(call: &Call, person: &Person) -> Result<Self, ApiError> {
        let id = person.user.id.clone();
        let read = call.context.catalog.look_up(move |store| {
            store.snapshot(|conn| {
                Ok((passwords::find(conn, &id)?, passwords::history(conn, &id, passwords::MAX_REMEMBERED)?))
            })
        });
        let (present, earlier) = read.await?;
        let identifiers = person.identifiers.iter().map(|one| one.value.clone());
        let names = [&person.user.name, &person.user.email].into_iter().flatten().cloned();
        Ok(Self { identifiers: identifiers.chain(names).collect(), present, earlier })
    }
}

/// Everything that an application has against a new password. Asks a list of leaked ones, and compares with earlier ones, only if it
/// is good enough otherwise: each of these costs others something.
///
/// # Errors
/// Too many passwords wait, or a hash cannot be read.
pub async fn objections(
    call: &Call,
    preferences: &PasswordPreferences,
    password: &Password,
    background: &Background,
) -> Result<Vec<Objection>, ApiError> {
    let mut objections = flaws(call, preferences, password, background).await?;
    if objections.is_empty() && was_used(call, preferences, password, background).await? {
        objections.push(Objection::RecentlyUsed);
    }
    Ok(objections)
}

/// What an application has against a new password whoever's it is to be.
///
/// # Errors
/// Too many passwords wait.
pub async fn flaws(
    call: &Call,
    preferences: &PasswordPreferences,
    password: &Password,
    background: &Background,
) -> Result<Vec<Objection>, ApiError> {
    let (passwords, rules) = (&call.context.passwords, policy::strength(preferences));
    let found = passwords.weaknesses(password, rules, background.identifiers.clone()).await?;
    if !found.is_empty() {
        return Ok(found.into_iter().map(|one| Objection::Weak(one, one.message(&rules))).collect());
    }
    let is_leaked = preferences.check_hibp && passwords.is_leaked(password, &call.request_id).await;
    Ok(if is_leaked { vec![Objection::Breached] } else { Vec::new() })
}

/// Whether it is one of those that the user has had of late, the present one among them.
///
/// One after the other, each waiting for its turn: of others who sign in none waits for twenty hashes.
///
/// # Errors
/// Too many passwords wait, or a hash cannot be read.
pub async fn was_used(
    call: &Call,
    preferences: &PasswordPreferences,
    password: &Password,
    background: &Background,
) -> Result<bool, ApiError> {
    let most = usize::try_from(preferences.block_previous_passwords).unwrap_or(usize::MAX);
    let present = background.present.iter().map(|present| &present.hash);
    for hash in present.chain(&background.earlier).take(most) {
        if call.context.passwords.verify(password, Some(hash)).await? {
            return Ok(true);
        }
    }
    Ok(false)
}
