//! `client_secrets`, seen from afar: when each was last used, and when it expires.

use diesel::{
    dsl::min,
    prelude::*,
    sql_types::{Array, BigInt, Text},
};

use super::{
    Conn, StoreError,
    connection::each,
    schema::{client_secrets, environments},
};

/// How many uses one statement writes.
const AT_ONCE: usize = 1000;

/// Writes when secrets were last used: pairs of an id and seconds since 1970. An earlier time never replaces a later one, and ids that
/// are gone do not matter. One statement per thousand; no version changes, so no node reads anything again.
///
/// # Errors
/// The database failed; some may have been written.
pub fn write(conn: &mut Conn<'_>, uses: &[(String, i64)]) -> Result<(), StoreError> {
    // Rows that somebody else is changing are left out instead of waited for: two who wait for each other would be a deadlock, and the
    // next use comes.
    const POSTGRES: &str = "
        UPDATE client_secrets SET last_used_at = due.at FROM (
            SELECT s.id, used.at FROM client_secrets s JOIN UNNEST($1, $2) AS used (id, at) ON used.id = s.id
            WHERE s.last_used_at IS NULL OR s.last_used_at < used.at FOR UPDATE OF s SKIP LOCKED
        ) AS due WHERE client_secrets.id = due.id";
    const SQLITE: &str = "
        UPDATE client_secrets SET last_used_at = used.value FROM json_each($1) AS used
        WHERE client_secrets.id = used.key AND (last_used_at IS NULL OR last_used_at < used.value)";
    for some in uses.chunks(AT_ONCE) {
        match conn {
            Conn::Postgres(c) => {
                let (ids, times): (Vec<&str>, Vec<i64>) = some.iter().map(|(id, at)| (id.as_str(), *at)).unzip();
                let query = diesel::sql_query(POSTGRES).bind::<Array<Text>, _>(ids);
                query.bind::<Array<BigInt>, _>(times).execute(*c)?
            }
            Conn::Sqlite(c) => {
                let json: serde_json::Map<_, _> = some.iter().map(|(id, at)| (id.clone(), (*at).into())).collect();
                let json = serde_json::Value::Object(json).to_string();
                diesel::sql_query(SQLITE).bind::<Text, _>(json).execute(*c)?
            }
        };
    }
    Ok(())
}

/// A secret that is in use and expires soon.
#[derive(Debug, PartialEq, Eq, Queryable)]
pub struct ExpiringSecret {
    /// The name of the environment.
    pub environment: String,
    /// Whose secret it is.
    pub client_id: String,
    /// Names it.
    pub id: String,
    /// Seconds since 1970.
    pub expires_at: i64,
    /// Seconds since 1970.
    pub last_used_at: i64,
}

/// The secrets that expire after `now` and not after `until`, and were used since `used_since` (seconds since 1970); those that expire
/// first come first.
///
/// # Errors
/// The database failed.
pub fn expiring(conn: &mut Conn<'_>, now: i64, until: i64, used_since: i64) -> Result<Vec<ExpiringSecret>, StoreError> {
    use client_secrets as t;
    let some = t::table
        .inner_join(environments::table)
        .filter(t::expires_at.gt(now).and(t::expires_at.le(until)).and(t::last_used_at.ge(used_since)))
        .order((t::expires_at, t::id))
        .select((
            environments::name,
            t::client_id,
            t::id,
            t::expires_at.assume_not_null(),
            t::last_used_at.assume_not_null(),
        ));
    Ok(each!(conn, c => some.load(c))?)
}

/// When the next secret of each environment expires that has one which will, after `now` (both in seconds since 1970). One
/// statement.
///
/// # Errors
/// The database failed.
pub fn next_expiries(conn: &mut Conn<'_>, now: i64) -> Result<Vec<(String, i64)>, StoreError> {
    use client_secrets as t;
    let all = t::table
        .filter(t::expires_at.gt(now))
        .group_by(t::environment_id)
        .order(t::environment_id)
        .select((t::environment_id, min(t::expires_at).assume_not_null()));
    Ok(each!(conn, c => all.load(c))?)
}
