//! `profiles` of users.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    schema::{profiles, users},
};
use crate::domain::user::Profile;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = profiles)]
struct ProfileRow {
    id: String,
    user_id: String,
    unique_identifier: Option<String>,
    display_name: Option<String>,
    picture_url: Option<String>,
    created_at: i64,
}

impl From<ProfileRow> for Profile {
    fn from(row: ProfileRow) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            unique_identifier: row.unique_identifier,
            display_name: row.display_name,
            picture_url: row.picture_url,
            created_at: row.created_at,
        }
    }
}

impl From<&Profile> for ProfileRow {
    fn from(profile: &Profile) -> Self {
        Self {
            id: profile.id.clone(),
            user_id: profile.user_id.clone(),
            unique_identifier: profile.unique_identifier.clone(),
            display_name: profile.display_name.clone(),
            picture_url: profile.picture_url.clone(),
            created_at: profile.created_at,
        }
    }
}

/// Those of a user, oldest first. That the user is one of the environment is the caller's to make sure of.
///
/// # Errors
/// The database failed.
pub fn of_user(conn: &mut Conn<'_>, user_id: &str) -> Result<Vec<Profile>, StoreError> {
    let own = profiles::table.filter(profiles::user_id.eq(user_id)).order((profiles::created_at, profiles::id));
    let rows: Vec<ProfileRow> = each!(conn, c => own.select(ProfileRow::as_select()).load(c))?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The one of a user that callers know by this name.
///
/// # Errors
/// The database failed.
pub fn named(conn: &mut Conn<'_>, user_id: &str, unique_identifier: &str) -> Result<Option<Profile>, StoreError> {
    let one =
        profiles::table.filter(profiles::user_id.eq(user_id).and(profiles::unique_identifier.eq(unique_identifier)));
    let row: Option<ProfileRow> = each!(conn, c => one.select(ProfileRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// The one with this id.
///
/// # Errors
/// The database failed.
pub fn find(conn: &mut Conn<'_>, id: &str) -> Result<Option<Profile>, StoreError> {
    let one = profiles::table.find(id);
    let row: Option<ProfileRow> = each!(conn, c => one.select(ProfileRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// The one with this id, if its user is one of the environment.
///
/// # Errors
/// The database failed.
pub fn in_environment(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<Profile>, StoreError> {
    let one = profiles::table.find(id).inner_join(users::table).filter(users::environment_id.eq(environment_id));
    let row: Option<ProfileRow> = each!(conn, c => one.select(ProfileRow::as_select()).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// Those of several users, oldest first.
///
/// # Errors
/// The database failed.
pub fn of_users(conn: &mut Conn<'_>, user_ids: &[String]) -> Result<Vec<Profile>, StoreError> {
    let own = profiles::table.filter(profiles::user_id.eq_any(user_ids)).order((profiles::created_at, profiles::id));
    let rows: Vec<ProfileRow> = each!(conn, c => own.select(ProfileRow::as_select()).load(c))?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Adds one.
///
/// # Errors
/// The user has one of that unique identifier ([`StoreError::Conflict`]), there is no such user, or the database failed.
pub fn insert(conn: &mut Conn<'_>, profile: &Profile) -> Result<(), StoreError> {
    let row = ProfileRow::from(profile);
    each!(conn, c => diesel::insert_into(profiles::table).values(&row).execute(c))?;
    Ok(())
}

/// Writes everything of one but whose it is; `false` when there is none with its id.
///
/// # Errors
/// The user has another one of that unique identifier ([`StoreError::Conflict`]), or the database failed.
pub fn update(conn: &mut Conn<'_>, profile: &Profile) -> Result<bool, StoreError> {
    let changes = (
        profiles::unique_identifier.eq(&profile.unique_identifier),
        profiles::display_name.eq(&profile.display_name),
        profiles::picture_url.eq(&profile.picture_url),
    );
    let one = profiles::table.find(&profile.id);
    Ok(each!(conn, c => diesel::update(one).set(changes).execute(c))? == 1)
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, id: &str) -> Result<bool, StoreError> {
    Ok(each!(conn, c => diesel::delete(profiles::table.find(id)).execute(c))? == 1)
}
