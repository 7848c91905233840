//! `users`.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    schema::{user_identities, users},
};
use crate::domain::user::{Identity, User};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(super) struct UserRow {
    id: String,
    email: Option<String>,
    name: Option<String>,
    enabled: bool,
    active_profile_id: String,
    created_at: i64,
    updated_at: i64,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        Self {
            id: row.id,
            email: row.email,
            name: row.name,
            enabled: row.enabled,
            active_profile_id: row.active_profile_id,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Which users are listed.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Those with this e-mail address.
    pub email: Option<String>,
    /// The one whom this connection knows …
    pub connection: Option<String>,
    /// … under this name.
    pub subject_id: Option<String>,
}

/// The one with this id in this environment.
///
/// # Errors
/// The database failed.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<User>, StoreError> {
    // The id comes from the wire, and Postgres calls a NUL an error.
    if id.contains('\0') {
        return Ok(None);
    }
    let one = users::table.find(id).filter(users::environment_id.eq(environment_id));
    let row: Option<UserRow> = each!(conn, c => one.select(UserRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// The one that is known under this name.
///
/// # Errors
/// The database failed.
pub fn known_as(conn: &mut Conn<'_>, environment_id: &str, identity: &Identity) -> Result<Option<User>, StoreError> {
    use user_identities as i;
    let one = i::table.find((environment_id, &identity.connection, &identity.subject_id)).inner_join(users::table);
    let row: Option<UserRow> = each!(conn, c => one.select(UserRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// Those of an environment, oldest first: `limit` of them, after the first `offset`.
///
/// # Errors
/// The database failed.
pub fn list(
    conn: &mut Conn<'_>,
    environment_id: &str,
    filter: &UserFilter,
    limit: i64,
    offset: i64,
) -> Result<Vec<User>, StoreError> {
    let rows: Vec<UserRow> = each!(conn, c => {
        let mut wanted = users::table.filter(users::environment_id.eq(environment_id)).into_boxed();
        if let Some(email) = &filter.email {
            wanted = wanted.filter(users::email.eq(email));
        }
        if filter.connection.is_some() || filter.subject_id.is_some() {
            use user_identities as i;
            let mut known = i::table.filter(i::environment_id.eq(environment_id)).select(i::user_id).into_boxed();
            if let Some(connection) = &filter.connection {
                known = known.filter(i::connection.eq(connection));
            }
            if let Some(subject_id) = &filter.subject_id {
                known = known.filter(i::subject_id.eq(subject_id));
            }
            wanted = wanted.filter(users::id.eq_any(known));
        }
        let page = wanted.order((users::created_at, users::id)).limit(limit).offset(offset);
        page.select(UserRow::as_select()).load(c)
    })?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Adds one.
///
/// # Errors
/// Its id is taken ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, user: &User) -> Result<(), StoreError> {
    let row = (
        users::id.eq(&user.id),
        users::environment_id.eq(environment_id),
        users::email.eq(&user.email),
        users::name.eq(&user.name),
        users::enabled.eq(user.enabled),
        users::active_profile_id.eq(&user.active_profile_id),
        users::created_at.eq(user.created_at),
        users::updated_at.eq(user.updated_at),
    );
    each!(conn, c => diesel::insert_into(users::table).values(row).execute(c))?;
    Ok(())
}

/// Writes e-mail, name, enabled and the active profile; `false` when there is none with its id in this environment.
/// `environments::touch_users` is the caller's.
///
/// # Errors
/// The database failed.
pub fn update(conn: &mut Conn<'_>, environment_id: &str, user: &User) -> Result<bool, StoreError> {
    let changes = (
        users::email.eq(&user.email),
        users::name.eq(&user.name),
        users::enabled.eq(user.enabled),
        users::active_profile_id.eq(&user.active_profile_id),
        users::updated_at.eq(user.updated_at),
    );
    let one = users::table.find(&user.id).filter(users::environment_id.eq(environment_id));
    Ok(each!(conn, c => diesel::update(one).set(changes).execute(c))? == 1)
}

/// Notes a sign-in. No change that anybody remembers users by.
///
/// # Errors
/// The database failed.
pub fn signed_in(conn: &mut Conn<'_>, id: &str, now: i64) -> Result<(), StoreError> {
    let one = users::table.find(id);
    each!(conn, c => diesel::update(one).set(users::last_sign_in_at.eq(now)).execute(c))?;
    Ok(())
}

/// Deletes one with profiles and identities; `false` when there is none in this environment.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<bool, StoreError> {
    let one = users::table.find(id).filter(users::environment_id.eq(environment_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
