//! `authorization_requests`: users who are signing in.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::authorization_requests,
};
use crate::domain::{authorization::PendingSignIn, secret::SecretHash};

/// Keeps one, and forgets those that have expired at `now`. `false` if more than `most` wait from its network already:
/// anybody may begin to sign in, and nobody shall fill the table.
///
/// # Errors
/// The database failed.
pub fn insert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    pending: &PendingSignIn,
    now: i64,
    most: i64,
) -> Result<bool, StoreError> {
    use authorization_requests as t;
    each!(conn, c => diesel::delete(t::table.filter(t::expires_at.le(now))).execute(c))?;
    let waiting = t::table.filter(t::network.eq(&pending.network)).count();
    let waiting: i64 = each!(conn, c => waiting.get_result(c))?;
    if waiting >= most {
        return Ok(false);
    }
    let row = (
        t::state_hash.eq(pending.state.to_hex()),
        t::environment_id.eq(environment_id),
        t::browser_hash.eq(pending.browser.to_hex()),
        t::request.eq(to_json(&pending.request)?),
        t::network.eq(&pending.network),
        t::expires_at.eq(pending.expires_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(true)
}

/// The one of that state and that browser, which it gives away: a second call finds nothing.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn take(
    conn: &mut Conn<'_>,
    environment_id: &str,
    state: &SecretHash,
    browser: &SecretHash,
) -> Result<Option<PendingSignIn>, StoreError> {
    use authorization_requests as t;
    let one = t::table
        .filter(t::state_hash.eq(state.to_hex()))
        .filter(t::environment_id.eq(environment_id))
        .filter(t::browser_hash.eq(browser.to_hex()));
    let columns = (t::request, t::network, t::expires_at);
    let found: Option<(String, String, i64)> =
        each!(conn, c => diesel::delete(one).returning(columns).get_result(c).optional())?;
    let Some((request, network, expires_at)) = found else { return Ok(None) };
    let row = Row { table: "authorization_requests", key: "of a state" };
    let request = row.json("request", &request)?;
    Ok(Some(PendingSignIn { state: *state, browser: *browser, request, network, expires_at }))
}
