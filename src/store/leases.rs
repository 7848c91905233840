//! `leases`: which node does a work that one does for all.
//!
//! A lease spares the others the work; it locks nothing. Its end is compared with the clock of whoever asks, so that two nodes whose
//! clocks differ may both hold it for a moment. What must happen once needs a lock or a check of its own where it happens.

use diesel::{prelude::*, query_dsl::methods::FilterDsl, upsert::excluded};

use super::{Conn, StoreError, connection::each, schema::leases};

/// Takes the lease `name` for `holder` until `until`, or renews it; `false` when another holds it at `now`. Times are in seconds
/// since 1970. One statement: of those who ask at once, one gets it.
///
/// With a random `holder` per node it says which node works; with one per run, that there is at most one run until it ends.
///
/// # Errors
/// The database failed.
pub fn take(conn: &mut Conn<'_>, name: &str, holder: &str, now: i64, until: i64) -> Result<bool, StoreError> {
    use leases as t;
    let row = (t::name.eq(name), t::holder.eq(holder), t::expires_at.eq(until));
    let written = each!(conn, c => FilterDsl::filter(diesel::insert_into(t::table)
        .values(row)
        .on_conflict(t::name)
        .do_update()
        .set((t::holder.eq(excluded(t::holder)), t::expires_at.eq(excluded(t::expires_at)))),
        t::holder.eq(excluded(t::holder)).or(t::expires_at.le(now)))
        .execute(c))?;
    Ok(written == 1)
}

/// Gives the lease back before it ends; nothing happens when `holder` does not hold it.
///
/// # Errors
/// The database failed.
pub fn release(conn: &mut Conn<'_>, name: &str, holder: &str) -> Result<(), StoreError> {
    let own = QueryDsl::filter(leases::table.find(name), leases::holder.eq(holder));
    each!(conn, c => diesel::delete(own).execute(c))?;
    Ok(())
}
