//! `refresh_tokens`: their hashes. Those that were used stay as long as their session, to be known when they come back.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    schema::{refresh_tokens, sessions},
    sessions::SessionRow,
};
use crate::domain::session::{RefreshToken, Session};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = refresh_tokens)]
struct TokenRow {
    hash: String,
    session_id: String,
    generation: i64,
    created_at: i64,
}

/// Adds one.
///
/// # Errors
/// There is no such session, or the database failed.
pub fn insert(conn: &mut Conn<'_>, token: &RefreshToken) -> Result<(), StoreError> {
    let row = TokenRow {
        hash: token.hash.clone(),
        session_id: token.session_id.clone(),
        generation: token.generation,
        created_at: token.created_at,
    };
    each!(conn, c => diesel::insert_into(refresh_tokens::table).values(&row).execute(c))?;
    Ok(())
}

/// The one with this hash in this environment, used or not, and its session.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn find(
    conn: &mut Conn<'_>,
    environment_id: &str,
    hash: &str,
) -> Result<Option<(RefreshToken, Session)>, StoreError> {
    let one = refresh_tokens::table.find(hash).inner_join(sessions::table);
    let own = one.filter(sessions::environment_id.eq(environment_id));
    let found: Option<(TokenRow, SessionRow)> =
        each!(conn, c => own.select((TokenRow::as_select(), SessionRow::as_select())).first(c).optional())?;
    let Some((row, session)) = found else { return Ok(None) };
    let token = RefreshToken {
        hash: row.hash,
        session_id: row.session_id,
        generation: row.generation,
        created_at: row.created_at,
    };
    Ok(Some((token, session.into_value()?)))
}
