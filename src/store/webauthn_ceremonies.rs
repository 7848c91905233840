//! `webauthn_ceremonies`: registrations and logins that wait for an authenticator.

use diesel::prelude::*;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::webauthn_ceremonies,
};
use crate::domain::{passkey::PendingCeremony, secret::SecretHash};

/// Keeps one, and forgets those that have expired at `now`. `false` if `most` wait from its network already: anybody may begin one,
/// and nobody shall fill the table.
///
/// # Errors
/// The database failed.
pub fn insert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    pending: &PendingCeremony,
    now: i64,
    most: i64,
) -> Result<bool, StoreError> {
    use webauthn_ceremonies as t;
    each!(conn, c => diesel::delete(t::table.filter(t::expires_at.le(now))).execute(c))?;
    let waiting = t::table.filter(t::network.eq(&pending.network)).count();
    let waiting: i64 = each!(conn, c => waiting.get_result(c))?;
    if waiting >= most {
        return Ok(false);
    }
    let row = (
        t::id_hash.eq(pending.id.to_hex()),
        t::environment_id.eq(environment_id),
        t::application_id.eq(&pending.application_id),
        t::ceremony.eq(to_json(&pending.ceremony)?),
        t::network.eq(&pending.network),
        t::expires_at.eq(pending.expires_at),
    );
    each!(conn, c => diesel::insert_into(t::table).values(row).execute(c))?;
    Ok(true)
}

/// The one of that id, if it is the application's, which it gives away: a second call finds nothing, whatever becomes of the first.
/// Another application cannot use up one that is not its own.
///
/// # Errors
/// The database failed, or the row is corrupt.
pub fn take(
    conn: &mut Conn<'_>,
    environment_id: &str,
    application_id: &str,
    id: &SecretHash,
) -> Result<Option<PendingCeremony>, StoreError> {
    use webauthn_ceremonies as t;
    let one = t::table
        .filter(t::id_hash.eq(id.to_hex()))
        .filter(t::environment_id.eq(environment_id))
        .filter(t::application_id.eq(application_id));
    let columns = (t::ceremony, t::network, t::expires_at);
    let found: Option<(String, String, i64)> =
        each!(conn, c => diesel::delete(one).returning(columns).get_result(c).optional())?;
    let Some((ceremony, network, expires_at)) = found else { return Ok(None) };
    let row = Row { table: "webauthn_ceremonies", key: "of an id" };
    let ceremony = row.json("ceremony", &ceremony)?;
    Ok(Some(PendingCeremony { id: *id, application_id: application_id.to_owned(), ceremony, network, expires_at }))
}
