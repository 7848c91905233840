//! `user_identities`: under which names others know a user.

use diesel::prelude::*;

use super::{Conn, StoreError, connection::each, schema::user_identities};
use crate::domain::user::Identity;

/// Gives a user another name. At most one user has it, whoever else is doing the same at this moment.
///
/// # Errors
/// The name is taken ([`StoreError::Conflict`]), there is no such user, or the database failed.
pub fn insert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    identity: &Identity,
    user_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    use user_identities as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::connection.eq(&identity.connection),
        t::subject_id.eq(&identity.subject_id),
        t::user_id.eq(user_id),
        t::created_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The names of a user, by connection.
///
/// # Errors
/// The database failed.
pub fn of_user(conn: &mut Conn<'_>, environment_id: &str, user_id: &str) -> Result<Vec<Identity>, StoreError> {
    use user_identities as t;
    let own = t::table
        .filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)))
        .order((t::connection, t::subject_id))
        .select((t::connection, t::subject_id));
    let rows: Vec<(String, String)> = each!(conn, c => own.load(c))?;
    Ok(rows.into_iter().map(|(connection, subject_id)| Identity { connection, subject_id }).collect())
}

/// The names of several users, by connection, each with the id of the user.
///
/// # Errors
/// The database failed.
pub fn of_users(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_ids: &[String],
) -> Result<Vec<(String, Identity)>, StoreError> {
    use user_identities as t;
    let own = t::table
        .filter(t::user_id.eq_any(user_ids).and(t::environment_id.eq(environment_id)))
        .order((t::connection, t::subject_id))
        .select((t::user_id, t::connection, t::subject_id));
    let rows: Vec<(String, String, String)> = each!(conn, c => own.load(c))?;
    let named = |(user_id, connection, subject_id)| (user_id, Identity { connection, subject_id });
    Ok(rows.into_iter().map(named).collect())
}
