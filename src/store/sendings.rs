//! `sendings`: how many messages went to an address or a user of late, counted over all nodes.

use diesel::{
    prelude::*,
    sql_types::{BigInt, Text},
};

use super::{Conn, StoreError, connection::each, schema::sendings};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 500;

/// A limit, and whom it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendLimit {
    /// Its name.
    pub kind: &'static str,
    /// The user's id, or SHA-256 of the address in hexadecimal.
    pub holder: String,
    /// How many messages are sent in one window.
    pub most: u32,
    /// How long a window is, in seconds. It begins with the first message.
    pub window: i64,
}

/// Counts one message. `Some` when there were as many as the limit allows: when counting begins anew, in seconds since 1970;
/// then nothing is counted.
///
/// # Errors
/// The database failed.
pub fn count(
    conn: &mut Conn<'_>,
    environment_id: &str,
    limit: &SendLimit,
    now: i64,
) -> Result<Option<i64>, StoreError> {
    // One statement that changes the row or does not, so that any number of nodes at once count as one after the other.
    let statement = "INSERT INTO sendings (environment_id, kind, holder, sent, until) VALUES ($1, $2, $3, 1, $4) \
        ON CONFLICT (environment_id, kind, holder) DO UPDATE SET \
            sent = CASE WHEN sendings.until <= $5 THEN 1 ELSE sendings.sent + 1 END, \
            until = CASE WHEN sendings.until <= $5 THEN excluded.until ELSE sendings.until END \
        WHERE sendings.until <= $5 OR sendings.sent < $6";
    let statement = diesel::sql_query(statement)
        .bind::<Text, _>(environment_id)
        .bind::<Text, _>(limit.kind)
        .bind::<Text, _>(&limit.holder)
        .bind::<BigInt, _>(now.saturating_add(limit.window))
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(i64::from(limit.most));
    if each!(conn, c => statement.execute(c))? == 1 {
        return Ok(None);
    }
    let one = sendings::table.find((environment_id, limit.kind, &limit.holder)).select(sendings::until);
    let until: Option<i64> = each!(conn, c => one.first(c).optional())?;
    // Swept in between: then there is room from now on.
    Ok(Some(until.unwrap_or(now)))
}

/// Deletes some of those that say nothing any more at `now` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, now: i64) -> Result<bool, StoreError> {
    let delete = match conn {
        // A row that is being counted is left to whoever counts.
        Conn::Postgres(_) => {
            "DELETE FROM sendings WHERE ctid = ANY (ARRAY (SELECT ctid FROM sendings WHERE until <= $1 LIMIT $2 \
             FOR UPDATE SKIP LOCKED))"
        }
        Conn::Sqlite(_) => {
            "DELETE FROM sendings WHERE rowid IN (SELECT rowid FROM sendings WHERE until <= $1 LIMIT $2)"
        }
    };
    let delete = diesel::sql_query(delete).bind::<BigInt, _>(now).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => delete.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
