//! By what users are found when they sign in behind an application's backend, and to which applications: what an operator may say of
//! any user, those too for whom a connection vouches.

use super::{
    Place, change_users,
    checks::not_found,
    user_parts::{UserDetails, details},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::login::IdentifierKind,
    operations::{
        backend::users::{Account, Scope, UserError, add_identifier, join, leave, remove_identifier},
        context::Context,
        facts::{Changed, Facts},
        mosaic_error::MosaicError,
    },
    store::Conn,
};

/// By what a user is to be found.
#[derive(Debug, Clone)]
pub struct NewIdentifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// It.
    pub text: String,
    /// The application that knows the user by it; of user names alone.
    pub application_id: Option<String>,
}

/// What is done.
#[derive(Debug, Clone)]
pub enum SignInChange {
    /// One more identifier; and whether whoever asks has verified it.
    Add(NewIdentifier, bool),
    /// One less.
    Remove(NewIdentifier),
    /// The user may sign in to this application.
    Join(String),
    /// The user may not any more.
    Leave(String),
}

/// Changes by what a user is found, or where the user may sign in.
///
/// # Errors
/// There is no such user, identifier or application, somebody else has the identifier, it is none, or the database fails.
pub async fn change_sign_in(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
    change: SignInChange,
) -> Result<Changed<UserDetails>, MosaicError> {
    let application = match &change {
        SignInChange::Add(new, _) | SignInChange::Remove(new) => new.application_id.as_ref(),
        SignInChange::Join(application) | SignInChange::Leave(application) => Some(application),
    };
    if application.is_some_and(|id| !environment.applications.contains_key(id)) {
        // That of another environment is none here.
        return Err(not_found());
    }
    change_users(context, environment, move |conn, place| {
        let Changed { value, differences } = apply(conn, place, &user_id, change)?;
        Ok(Changed { value: details(conn, &place.environment_id, value.user)?, differences })
    })
    .await
}

fn apply(
    conn: &mut Conn<'_>,
    place: &Place,
    user_id: &str,
    change: SignInChange,
) -> Result<Changed<Account>, UserError> {
    let of = |application_id| Scope { environment_id: place.environment_id.clone(), application_id, now: place.now };
    let changed: (Facts, Account) = match change {
        SignInChange::Add(NewIdentifier { kind, text, application_id }, verified) => {
            add_identifier(conn, &of(application_id), user_id, (kind, &text), verified)?
        }
        SignInChange::Remove(NewIdentifier { kind, text, application_id }) => {
            remove_identifier(conn, &of(application_id), user_id, (kind, &text), false)?
        }
        SignInChange::Join(application) => join(conn, &of(None), user_id, &application)?,
        SignInChange::Leave(application) => return leave(conn, &of(Some(application)), user_id),
    };
    Ok(changed.into())
}
