//! `webauthn_credentials`: the passkeys of users, and the names that they have them under.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::{webauthn_credentials, webauthn_usernames},
};
use crate::domain::passkey::Passkey;

#[derive(Queryable, Selectable)]
#[diesel(table_name = webauthn_credentials)]
struct PasskeyRow {
    id: String,
    user_id: String,
    application_id: String,
    username: String,
    user_handle: String,
    display_name: String,
    credential: String,
    counter: i64,
    aaguid: String,
    devices: String,
    created_at: i64,
    last_seen_at: i64,
    removed_at: Option<i64>,
}

impl PasskeyRow {
    fn into_value(self) -> Result<Passkey, StoreError> {
        let row = Row { table: "webauthn_credentials", key: &self.id };
        Ok(Passkey {
            devices: row.json("devices", &self.devices)?,
            counter: u32::try_from(self.counter).map_err(|_| row.corrupt("counter is out of range"))?,
            id: self.id,
            user_id: self.user_id,
            application_id: self.application_id,
            username: self.username,
            user_handle: self.user_handle,
            display_name: self.display_name,
            credential: self.credential,
            aaguid: self.aaguid,
            created_at: self.created_at,
            last_seen_at: self.last_seen_at,
            removed_at: self.removed_at,
        })
    }
}

/// Makes a name in an application a user's, if it is nobody's; `false` when it is another one's.
///
/// # Errors
/// The database failed.
pub fn claim_username(
    conn: &mut Conn<'_>,
    environment_id: &str,
    (application_id, username): (&str, &str),
    user_id: &str,
    now: i64,
) -> Result<bool, StoreError> {
    use webauthn_usernames as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::application_id.eq(application_id),
        t::username.eq(username),
        t::user_id.eq(user_id),
        t::created_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(t::table)
        .values(row)
        .on_conflict((t::environment_id, t::application_id, t::username))
        .do_nothing()
        .execute(c))?;
    let one = t::table.find((environment_id, application_id, username)).select(t::user_id);
    let owner: String = each!(conn, c => one.first(c))?;
    Ok(owner == user_id)
}

/// Adds one.
///
/// # Errors
/// There is one of that id already, whosever it is ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, passkey: &Passkey) -> Result<(), StoreError> {
    use webauthn_credentials as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::id.eq(&passkey.id),
        t::user_id.eq(&passkey.user_id),
        t::application_id.eq(&passkey.application_id),
        t::username.eq(&passkey.username),
        t::user_handle.eq(&passkey.user_handle),
        t::display_name.eq(&passkey.display_name),
        t::credential.eq(&passkey.credential),
        t::counter.eq(i64::from(passkey.counter)),
        t::aaguid.eq(&passkey.aaguid),
        t::devices.eq(to_json(&passkey.devices)?),
        t::created_at.eq(passkey.created_at),
        t::last_seen_at.eq(passkey.last_seen_at),
        t::removed_at.eq(passkey.removed_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The one of that id, removed or not.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<Option<Passkey>, StoreError> {
    let one = webauthn_credentials::table.find((environment_id, id));
    let row: Option<PasskeyRow> = each!(conn, c => one.select(PasskeyRow::as_select()).first(c).optional())?;
    row.map(PasskeyRow::into_value).transpose()
}

/// All of a user, removed ones among them, in the order in which they were made.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn of_user(conn: &mut Conn<'_>, environment_id: &str, user_id: &str) -> Result<Vec<Passkey>, StoreError> {
    use webauthn_credentials as t;
    let all = t::table.filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)));
    let all = all.order((t::created_at, t::id));
    let rows: Vec<PasskeyRow> = each!(conn, c => all.select(PasskeyRow::as_select()).load(c))?;
    rows.into_iter().map(PasskeyRow::into_value).collect()
}

/// Those under a name in an application that are not removed, in the order in which they were made.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn under_name(
    conn: &mut Conn<'_>,
    environment_id: &str,
    application_id: &str,
    username: &str,
) -> Result<Vec<Passkey>, StoreError> {
    use webauthn_credentials as t;
    let all = t::table
        .filter(t::application_id.eq(application_id).and(t::username.eq(username)))
        .filter(t::environment_id.eq(environment_id).and(t::removed_at.is_null()));
    let all = all.order((t::created_at, t::id));
    let rows: Vec<PasskeyRow> = each!(conn, c => all.select(PasskeyRow::as_select()).load(c))?;
    rows.into_iter().map(PasskeyRow::into_value).collect()
}

/// Notes a use, if the counter is still `from` and nobody has removed it: of two uses at the same time with the same counter one
/// finds another, and the authenticator is a copy.
///
/// # Errors
/// The database failed.
pub fn used(conn: &mut Conn<'_>, environment_id: &str, passkey: &Passkey, from: u32) -> Result<bool, StoreError> {
    use webauthn_credentials as t;
    let one = t::table.find((environment_id, &passkey.id));
    let one = one.filter(t::counter.eq(i64::from(from)).and(t::removed_at.is_null()));
    let change = (
        t::counter.eq(i64::from(passkey.counter)),
        t::credential.eq(&passkey.credential),
        t::devices.eq(to_json(&passkey.devices)?),
        t::last_seen_at.eq(passkey.last_seen_at),
    );
    Ok(each!(conn, c => diesel::update(one).set(change).execute(c))? == 1)
}

/// Names one; `false` when it is not the user's, or removed.
///
/// # Errors
/// The database failed.
pub fn rename(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    id: &str,
    display_name: &str,
) -> Result<bool, StoreError> {
    use webauthn_credentials as t;
    let one = t::table.find((environment_id, id)).filter(t::user_id.eq(user_id).and(t::removed_at.is_null()));
    Ok(each!(conn, c => diesel::update(one).set(t::display_name.eq(display_name)).execute(c))? == 1)
}

/// Removes one; `false` when it is not the user's, or removed already.
///
/// # Errors
/// The database failed.
pub fn remove(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    id: &str,
    now: i64,
) -> Result<bool, StoreError> {
    use webauthn_credentials as t;
    let one = t::table.find((environment_id, id)).filter(t::user_id.eq(user_id).and(t::removed_at.is_null()));
    Ok(each!(conn, c => diesel::update(one).set(t::removed_at.eq(now)).execute(c))? == 1)
}

/// Forgets those of a user in an application that were removed.
///
/// # Errors
/// The database failed.
pub fn forget_removed(
    conn: &mut Conn<'_>,
    environment_id: &str,
    user_id: &str,
    application_id: &str,
) -> Result<(), StoreError> {
    use webauthn_credentials as t;
    let removed = t::table
        .filter(t::user_id.eq(user_id).and(t::environment_id.eq(environment_id)))
        .filter(t::application_id.eq(application_id).and(t::removed_at.is_not_null()));
    each!(conn, c => diesel::delete(removed).execute(c))?;
    Ok(())
}
