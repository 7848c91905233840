//! `authorization_codes`. A code is used up by its first presentation, and remembered: one that comes twice takes back what it
//! gave.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::authorization_codes,
};
use crate::domain::{
    authorization::{AuthorizationCode, CODE_MEMORY},
    secret::SecretHash,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = authorization_codes)]
struct CodeRow {
    user_id: String,
    granted: String,
    expires_at: i64,
    used_at: Option<i64>,
    session_id: Option<String>,
}

/// Keeps a new one, and forgets those whose time is over at `now`.
///
/// # Errors
/// The database failed.
pub fn insert(conn: &mut Conn<'_>, environment_id: &str, code: &AuthorizationCode, now: i64) -> Result<(), StoreError> {
    use authorization_codes as t;
    each!(conn, c => diesel::delete(t::table.filter(t::forget_at.le(now))).execute(c))?;
    let row = (
        t::code_hash.eq(code.hash.to_hex()),
        t::environment_id.eq(environment_id),
        t::user_id.eq(&code.user_id),
        t::granted.eq(to_json(&code.granted)?),
        t::expires_at.eq(code.expires_at),
        t::forget_at.eq(code.expires_at.saturating_add(CODE_MEMORY)),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(())
}

/// The one of that hash, as it was before: from now on it is used. When it was used already it is marked as replayed
/// instead, and opens no session any more.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn take(
    conn: &mut Conn<'_>,
    environment_id: &str,
    hash: &SecretHash,
    now: i64,
) -> Result<Option<AuthorizationCode>, StoreError> {
    use authorization_codes as t;
    let one = || t::table.filter(t::code_hash.eq(hash.to_hex())).filter(t::environment_id.eq(environment_id));
    // Counted, not looked up first: of two at once exactly one is the first.
    let first = one().filter(t::used_at.is_null());
    let is_first = each!(conn, c => diesel::update(first).set(t::used_at.eq(now)).execute(c))? == 1;
    if !is_first {
        each!(conn, c => diesel::update(one()).set(t::replayed_at.eq(now)).execute(c))?;
    }
    let found: Option<CodeRow> = each!(conn, c => one().select(CodeRow::as_select()).first(c).optional())?;
    let Some(found) = found else { return Ok(None) };
    let row = Row { table: "authorization_codes", key: "of a code" };
    Ok(Some(AuthorizationCode {
        hash: *hash,
        user_id: found.user_id,
        granted: row.json("granted", &found.granted)?,
        expires_at: found.expires_at,
        used_at: found.used_at.filter(|_| !is_first),
        session_id: found.session_id,
    }))
}

/// Notes the session that the code opened. `false` if it was replayed meanwhile: then there must be none.
///
/// # Errors
/// The database failed.
pub fn opened(
    conn: &mut Conn<'_>,
    environment_id: &str,
    hash: &SecretHash,
    session_id: &str,
) -> Result<bool, StoreError> {
    use authorization_codes as t;
    let one = t::table
        .filter(t::code_hash.eq(hash.to_hex()))
        .filter(t::environment_id.eq(environment_id))
        .filter(t::replayed_at.is_null());
    Ok(each!(conn, c => diesel::update(one).set(t::session_id.eq(session_id)).execute(c))? == 1)
}
