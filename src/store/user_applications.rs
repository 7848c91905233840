//! `user_applications`: the applications that users may sign in to.

use diesel::prelude::*;

use super::{Conn, StoreError, connection::each, schema::user_applications};

/// Lets a user sign in to an application; `false` when the user may already.
///
/// # Errors
/// There is no such user or application ([`StoreError::Conflict`]), or the database failed.
pub fn add(conn: &mut Conn<'_>, user_id: &str, application_id: &str, now: i64) -> Result<bool, StoreError> {
    use user_applications as t;
    let row =
        (t::user_id.eq(user_id), t::application_id.eq(application_id), t::custom_data.eq("{}"), t::created_at.eq(now));
    let insert = diesel::insert_into(t::table).values(row).on_conflict_do_nothing();
    Ok(each!(conn, c => insert.execute(c))? == 1)
}

/// Whether a user may sign in to an application.
///
/// # Errors
/// The database failed.
pub fn has(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<bool, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id)).select(t::created_at);
    let found: Option<i64> = each!(conn, c => one.first(c).optional())?;
    Ok(found.is_some())
}

/// What the application keeps of a user, as JSON; `None` when the user may not sign in to it.
///
/// # Errors
/// The database failed.
pub fn custom_data(conn: &mut Conn<'_>, user_id: &str, application_id: &str) -> Result<Option<String>, StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id)).select(t::custom_data);
    Ok(each!(conn, c => one.first(c).optional())?)
}

/// Notes a sign-in.
///
/// # Errors
/// The database failed.
pub fn signed_in(conn: &mut Conn<'_>, user_id: &str, application_id: &str, now: i64) -> Result<(), StoreError> {
    use user_applications as t;
    let one = t::table.find((user_id, application_id));
    each!(conn, c => diesel::update(one).set(t::last_sign_in_at.eq(now)).execute(c))?;
    Ok(())
}
