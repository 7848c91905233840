//! What `users` has of a user besides what tokens are made of: read only where somebody asks for it, as it may be long.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::users,
};
use crate::domain::user_details::UserDetails;

/// What is kept of a user besides `domain::user::User`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredDetails {
    /// What a profile page shows.
    pub details: UserDetails,
    /// The last sign-in behind an application's backend, in seconds since 1970.
    pub last_sign_in_at: Option<i64>,
    /// When the user was enabled or disabled last, in seconds since 1970.
    pub status_changed_at: Option<i64>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct DetailsRow {
    id: String,
    details: String,
    last_sign_in_at: Option<i64>,
    status_changed_at: Option<i64>,
}

impl DetailsRow {
    fn into_value(self) -> Result<(String, StoredDetails), StoreError> {
        let details = Row { table: "users", key: &self.id }.json("details", &self.details)?;
        let (last_sign_in_at, status_changed_at) = (self.last_sign_in_at, self.status_changed_at);
        Ok((self.id, StoredDetails { details, last_sign_in_at, status_changed_at }))
    }
}

/// Those of users of an environment, by their ids.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_users(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_ids: &[String],
) -> Result<BTreeMap<String, StoredDetails>, StoreError> {
    let those = users::table.filter(users::id.eq_any(user_ids).and(users::environment_id.eq(environment_id)));
    let rows: Vec<DetailsRow> = each!(conn, c => those.select(DetailsRow::as_select()).load(c))?;
    rows.into_iter().map(DetailsRow::into_value).collect()
}

/// That of one user; empty when there is no such user in the environment.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, user_id: &str) -> Result<StoredDetails, StoreError> {
    Ok(of_users(conn, environment_id, &[user_id.to_owned()])?.remove(user_id).unwrap_or_default())
}

/// Writes the details and the time of the last change of the status.
///
/// # Errors
/// The database failed.
pub fn update(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    stored: &StoredDetails,
) -> Result<(), StoreError> {
    let one = users::table.find(user_id).filter(users::environment_id.eq(environment_id));
    let changes = (users::details.eq(to_json(&stored.details)?), users::status_changed_at.eq(stored.status_changed_at));
    each!(conn, c => diesel::update(one).set(changes).execute(c))?;
    Ok(())
}

/// Notes that a user was enabled or disabled.
///
/// # Errors
/// The database failed.
pub fn note_status(conn: &mut Conn<'_>, environment_id: &str, user_id: &str, now: i64) -> Result<(), StoreError> {
    let one = users::table.find(user_id).filter(users::environment_id.eq(environment_id));
    each!(conn, c => diesel::update(one).set(users::status_changed_at.eq(now)).execute(c))?;
    Ok(())
}
