//! `pending_joins`: users whom an application's backend has named, and who have not proved to it yet who they are. They are not
//! among the application's users: `user_applications` has those.

use diesel::prelude::*;

use super::{Conn, StoreError, connection::each, schema::pending_joins};

/// Notes that a user may join an application by proving who it is; `false` when that is noted already.
///
/// # Errors
/// There is no such user or application ([`StoreError::Conflict`]), or the database failed.
pub fn add(conn: &mut Conn<'_>, user_id: &str, application_id: &str, now: i64) -> Result<bool, StoreError> {
    use pending_joins as t;
    let row = (t::user_id.eq(user_id), t::application_id.eq(application_id), t::created_at.eq(now));
    let insert = diesel::insert_into(t::table).values(row).on_conflict_do_nothing();
    Ok(each!(conn, c => insert.execute(c))? == 1)
}

/// Whether a user may join an application by proving who it is.
///
/// # Errors
/// The database failed.
pub fn has(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<bool, StoreError> {
    use pending_joins as t;
    let one = t::table.find((user_id, application_id)).select(t::created_at);
    let found: Option<i64> = each!(conn, c => one.first(c).optional())?;
    Ok(found.is_some())
}

/// Forgets it: the user has joined. `false` when there was nothing to forget.
///
/// # Errors
/// The database failed.
pub fn remove(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<bool, StoreError> {
    let one = pending_joins::table.find((user_id, application_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
