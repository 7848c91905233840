//! `failures`: what nodes tell each other of failures. Each row is a sum over all of them, as a time: when it will be forgotten.
//! All times are in microseconds since 1970.

use diesel::{dsl::sql, prelude::*, sql_types::BigInt, upsert::excluded};

use super::{Conn, StoreError, connection::each, schema::failures};

/// How many rows that say nothing any more are deleted at once: short enough that nobody waits for it.
const DELETE_AT_ONCE: i64 = 5000;

/// A sum. The first four columns say of what.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = failures)]
pub struct FailureRow {
    /// The name of the limit.
    pub kind: String,
    /// An address, or of IPv6 a /64; empty where the limit does not ask.
    pub network: String,
    /// The environment; empty where the limit does not ask.
    pub environment_id: String,
    /// The client id; empty where the limit does not ask.
    pub client_id: String,
    /// When nothing will be left of it.
    pub until_us: i64,
    /// When a node last added to it.
    pub changed_us: i64,
}

/// Adds what each row has beyond its own `changed_us` to the sum of all nodes, which is `most` at most. All in one commit. Rows
/// must be in one order, the same for all nodes, and each once.
///
/// # Errors
/// The database failed.
pub fn add(conn: &mut Conn<'_>, rows: &[FailureRow], most: i64) -> Result<(), StoreError> {
    use failures as t;
    let key = (t::kind, t::network, t::environment_id, t::client_id);
    match conn {
        Conn::Postgres(c) => {
            let sum = sum("GREATEST", "LEAST", most);
            let set = (t::until_us.eq(sql::<BigInt>(&sum)), t::changed_us.eq(excluded(t::changed_us)));
            diesel::insert_into(t::table).values(rows).on_conflict(key).do_update().set(set).execute(*c)?;
            Ok(())
        }
        Conn::Sqlite(_) => conn.transact(|conn| {
            let Conn::Sqlite(c) = conn else { return Ok(()) };
            let sum = sum("MAX", "MIN", most);
            for row in rows {
                let set = (t::until_us.eq(sql::<BigInt>(&sum)), t::changed_us.eq(excluded(t::changed_us)));
                diesel::insert_into(t::table).values(row).on_conflict(key).do_update().set(set).execute(*c)?;
            }
            Ok(())
        }),
    }
}

/// `most` is a number of ours, so it can stand in the statement.
fn sum(greatest: &str, least: &str, most: i64) -> String {
    let now = "excluded.changed_us";
    format!("{least}({greatest}(failures.until_us, {now}) + excluded.until_us - {now}, {now} + {most})")
}

/// The sums that changed at or after `since` and are not forgotten at `now`, at most `limit` of them, the latest first.
///
/// # Errors
/// The database failed.
pub fn changed_since(conn: &mut Conn<'_>, since: i64, now: i64, limit: i64) -> Result<Vec<FailureRow>, StoreError> {
    use failures as t;
    let changed = t::table.filter(t::changed_us.ge(since).and(t::until_us.gt(now)));
    let latest = changed.order(t::changed_us.desc()).limit(limit);
    Ok(each!(conn, c => latest.select(FailureRow::as_select()).load(c))?)
}

/// Deletes sums that were forgotten before `time`.
///
/// # Errors
/// The database failed.
pub fn delete_before(conn: &mut Conn<'_>, time: i64) -> Result<(), StoreError> {
    let delete = match conn {
        // A row that another node is about to write is left to it, instead of waiting crosswise.
        Conn::Postgres(_) => {
            "DELETE FROM failures WHERE ctid = ANY (ARRAY (SELECT ctid FROM failures WHERE until_us < $1 LIMIT $2 \
             FOR UPDATE SKIP LOCKED))"
        }
        Conn::Sqlite(_) => {
            "DELETE FROM failures WHERE rowid IN (SELECT rowid FROM failures WHERE until_us < $1 LIMIT $2)"
        }
    };
    let delete = diesel::sql_query(delete).bind::<BigInt, _>(time).bind::<BigInt, _>(DELETE_AT_ONCE);
    each!(conn, c => delete.execute(c))?;
    Ok(())
}
