//! Whom a backend means.

use super::{
    call::Call,
    error::{ApiCode, ApiError},
    person::Person,
};
use crate::{
    domain::{
        login::{IdentifierKind, KnownIdentifier, identifier::normalized},
        user::is_text,
    },
    store::{Conn, Store, StoreError, pending_joins, user_applications, user_identifiers, users},
};

/// The longest identifier that is looked up, in bytes.
const MAX_IDENTIFIER: usize = 255;

/// A user who was looked for in order to be signed in.
#[derive(Debug, Clone)]
pub enum Found {
    /// A user who may sign in to the application.
    User(Box<Person>),
    /// A user who is disabled, by id.
    Disabled(String),
    /// A user whom the application's backend has named, and who has yet to prove to it who it is. To everything but that proof this
    /// is nobody.
    Joining(Box<Person>),
    /// Nobody, or nobody who may sign in to this application: an application learns nothing of others' users.
    Nobody,
}

impl Found {
    /// The user, for operations whose answer may say why there is none.
    ///
    /// # Errors
    /// [`ApiCode::UserNotFound`] or [`ApiCode::UserNotActive`].
    pub fn required(self) -> Result<Person, ApiError> {
        match self {
            Found::User(person) => Ok(*person),
            Found::Disabled(_) => Err(ApiCode::UserNotActive.into()),
            Found::Joining(_) | Found::Nobody => Err(ApiCode::UserNotFound.into()),
        }
    }

    /// The same with users who are joining, for operations by which they prove who they are; `is_proof`: whether this is one.
    #[must_use]
    pub fn or_joining(self, is_proof: bool) -> Self {
        match self {
            Found::Joining(person) if is_proof => Found::User(person),
            other => other,
        }
    }

    /// The user, for operations whose answer must not say whether there is one.
    pub fn person(self) -> Option<Person> {
        match self {
            Found::User(person) => Some(*person),
            Found::Disabled(_) | Found::Joining(_) | Found::Nobody => None,
        }
    }
}

/// Looks a user up for the calling client's application, and notes in the record whom the call is about.
///
/// # Errors
/// The client has no application, or the database failed.
pub async fn find_user(call: &mut Call, kind: IdentifierKind, identifier: &str) -> Result<Found, ApiError> {
    let application_id = call.application()?.id.clone();
    call.record.application_id = Some(application_id.clone());
    // What cannot be anybody's is not looked up: Postgres calls a NUL an error.
    let Some(value) = normalized(kind, identifier).filter(|value| is_text(value, MAX_IDENTIFIER)) else {
        return Ok(Found::Nobody);
    };
    let environment_id = call.environment_id().to_owned();
    let work = move |store: &Store| store.read(|conn| find_in(conn, &environment_id, &application_id, kind, &value));
    let found = call.context.catalog.look_up(work).await?;
    match &found {
        Found::User(person) | Found::Joining(person) => call.record.subject = Some(person.user.id.clone()),
        Found::Disabled(id) => call.record.subject = Some(id.clone()),
        Found::Nobody => {}
    }
    Ok(found)
}

/// The same in a running transaction, by a normalised value.
///
/// # Errors
/// The database failed.
pub fn find_in(
    conn: &mut Conn<'_>,
    environment_id: &str,
    application_id: &str,
    kind: IdentifierKind,
    value: &str,
) -> Result<Found, StoreError> {
    let id = match kind {
        IdentifierKind::UserId => Some(value.to_owned()),
        IdentifierKind::Username => user_identifiers::owner(conn, environment_id, kind, application_id, value)?,
        _ => user_identifiers::owner(conn, environment_id, kind, "", value)?,
    };
    let Some(id) = id else { return Ok(Found::Nobody) };
    let Some(user) = users::find(conn, environment_id, &id)? else { return Ok(Found::Nobody) };
    // In this order: whoever joins in between is seen in the second.
    let is_joining = pending_joins::has(conn, &id, application_id)?;
    let is_here = user_applications::has(conn, &id, application_id)?;
    if !is_here && !is_joining {
        return Ok(Found::Nobody);
    }
    let person = Person::of(conn, environment_id, user)?;
    // Anybody can add somebody else's address to an account as a secondary one. Until it is verified it leads nobody there: its
    // owner would sign in to that account, and verify the address for it.
    let is_own = |one: &KnownIdentifier| one.is_primary || one.verified_at.is_some();
    let leads = match kind {
        IdentifierKind::Email | IdentifierKind::PhoneNumber => person.identifier(kind, value).is_some_and(is_own),
        _ => true,
    };
    Ok(match (leads, person.user.enabled) {
        (false, _) => Found::Nobody,
        (true, true) if !is_here => Found::Joining(Box::new(person)),
        (true, true) => Found::User(Box::new(person)),
        (true, false) if is_here => Found::Disabled(id),
        (true, false) => Found::Nobody,
    })
}
