//! `revocations`: what is revoked, until nothing that it concerns is left.

use diesel::{prelude::*, sql_types::BigInt, upsert::excluded};

use super::{
    Conn, StoreError,
    connection::each,
    environments,
    rows::Row,
    schema::{revocations, signing_keys},
};
use crate::domain::revocation::{Revocation, RevocationKind};

/// How many are deleted at once: short enough that nobody waits for the lock.
const DELETE_AT_ONCE: i64 = 2000;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = revocations)]
struct RevocationRow {
    environment_id: String,
    kind: String,
    value: String,
    revoked_at: i64,
    expires_at: i64,
    version: i64,
}

/// Revokes something, and tells the other nodes when the transaction commits; `false` when there is no such environment.
///
/// It is kept at least as long as any long-lived token of the environment lives: one may have come of what is revoked here,
/// and must not come back to life. Revoking a second time never takes anything back: not by a node whose clock is behind,
/// nor by one who knows of an earlier end.
///
/// # Errors
/// The database failed.
pub fn add(conn: &mut Conn<'_>, environment_id: &str, revocation: &Revocation) -> Result<bool, StoreError> {
    use revocations as t;
    let Some(version) = environments::count_revocation(conn, environment_id)? else { return Ok(false) };
    // Read under the lock of the environment's row, which whoever lengthens a key's tokens takes too.
    let keys = signing_keys::table.filter(signing_keys::environment_id.eq(environment_id));
    let longest: Option<i64> = each!(conn, c => keys.select(diesel::dsl::max(signing_keys::tokens_until)).first(c))?;
    let known = t::table.find((environment_id, revocation.kind.as_str(), &revocation.value));
    let known: Option<(i64, i64)> = each!(conn, c => known.select((t::revoked_at, t::expires_at)).first(c).optional())?;
    let (known_at, known_until) = known.unwrap_or((revocation.revoked_at, revocation.expires_at));
    let row = RevocationRow {
        environment_id: environment_id.to_owned(),
        kind: revocation.kind.as_str().to_owned(),
        value: revocation.value.clone(),
        revoked_at: revocation.revoked_at.max(known_at),
        expires_at: longest.unwrap_or_default().max(revocation.expires_at).max(known_until),
        version,
    };
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::environment_id, t::kind, t::value))
        .do_update()
        .set((
            t::revoked_at.eq(excluded(t::revoked_at)),
            t::expires_at.eq(excluded(t::expires_at)),
            t::version.eq(excluded(t::version)),
        ))
        .execute(c))?;
    Ok(true)
}

/// At most `limit` revocations of an environment after `version`, in their order, and the version of the last of them.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn after(
    conn: &mut Conn<'_>,
    environment_id: &str,
    version: i64,
    limit: i64,
) -> Result<Vec<(Revocation, i64)>, StoreError> {
    use revocations as t;
    let new = t::table.filter(t::environment_id.eq(environment_id).and(t::version.gt(version)));
    let rows: Vec<RevocationRow> =
        each!(conn, c => new.order(t::version).limit(limit).select(RevocationRow::as_select()).load(c))?;
    rows.into_iter().map(RevocationRow::into_value).collect()
}

/// Those of an environment that name one of `named`.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn among(
    conn: &mut Conn<'_>,
    environment_id: &str,
    named: &[(RevocationKind, String)],
) -> Result<Vec<Revocation>, StoreError> {
    use revocations as t;
    let values: Vec<&str> = named.iter().map(|(_, value)| value.as_str()).collect();
    let of_values = t::table.filter(t::environment_id.eq(environment_id).and(t::value.eq_any(values)));
    let rows: Vec<RevocationRow> = each!(conn, c => of_values.select(RevocationRow::as_select()).load(c))?;
    let mut found = Vec::new();
    for row in rows {
        let (revocation, _) = row.into_value()?;
        if named.iter().any(|(kind, value)| (*kind, value) == (revocation.kind, &revocation.value)) {
            found.push(revocation);
        }
    }
    Ok(found)
}

impl RevocationRow {
    fn into_value(self) -> Result<(Revocation, i64), StoreError> {
        let unknown = || Row { table: "revocations", key: &self.value }.corrupt("kind has a value that is not known");
        let kind = RevocationKind::from_name(&self.kind).ok_or_else(unknown)?;
        let (revoked_at, expires_at) = (self.revoked_at, self.expires_at);
        Ok((Revocation { kind, value: self.value, revoked_at, expires_at }, self.version))
    }
}

/// Deletes some of what has expired at `now` (seconds since 1970); `true` when there may be more.
///
/// # Errors
/// The database failed.
pub fn sweep(conn: &mut Conn<'_>, now: i64) -> Result<bool, StoreError> {
    let statement = "DELETE FROM revocations WHERE (environment_id, kind, value) IN \
                     (SELECT environment_id, kind, value FROM revocations WHERE expires_at <= $1 LIMIT $2)";
    let statement = diesel::sql_query(statement).bind::<BigInt, _>(now).bind::<BigInt, _>(DELETE_AT_ONCE);
    let deleted = each!(conn, c => statement.execute(c))?;
    Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
}
