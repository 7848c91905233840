//! Users who go: out of an application, or for good.

use super::{Account, Scope, UserError, account::assemble, load};
use crate::{
    operations::{
        backend::session::{end_all_in, end_in},
        facts::{Changed, Known as _},
    },
    store::{Conn, environments, login_sessions, user_applications, user_identifiers, users},
};

/// Takes a user out of the application of `scope`, with what it keeps of the user and the name by which it knows the user. Sessions
/// that the application takes part in end: it must not go on with the tokens that it has.
///
/// # Errors
/// There is no such user in the application, none asks, or the database failed.
pub fn leave(conn: &mut Conn<'_>, scope: &Scope, user_id: &str) -> Result<Changed<Account>, UserError> {
    environments::touch_users(conn, &scope.environment_id)?;
    let account = load(conn, scope, user_id)?;
    let Some(application) = &scope.application_id else {
        return Err(UserError::invalid("say which application"));
    };
    let before = account.facts();
    user_applications::remove(conn, user_id, application)?;
    for one in account.identifiers.iter().filter(|one| one.application_id == *application) {
        user_identifiers::remove(conn, &scope.environment_id, user_id, one)?;
    }
    for session in login_sessions::joined_by(conn, &scope.environment_id, user_id, application)? {
        end_in(conn, &scope.environment_id, &session, scope.now)?;
    }
    let left = assemble(conn, &scope.environment_id, account.user)?;
    Ok(Changed::edited(&before, left))
}

/// Deletes a user with all that belongs to one. The user's tokens are refused from now on.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn delete(conn: &mut Conn<'_>, scope: &Scope, user_id: &str) -> Result<Changed<Account>, UserError> {
    environments::touch_users(conn, &scope.environment_id)?;
    let account = load(conn, scope, user_id)?;
    end_all_in(conn, &scope.environment_id, user_id, scope.now)?;
    users::delete(conn, &scope.environment_id, user_id)?;
    Ok(Changed::removed(account))
}
