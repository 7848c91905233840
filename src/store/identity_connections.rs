//! `identity_connections`.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::identity_connections,
};
use crate::domain::environment::IdentityConnection;

/// Those of an environment, by name.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<IdentityConnection>, StoreError> {
    use identity_connections as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order(t::name);
    let rows: Vec<(String, String, bool)> = each!(conn, c => all.select((t::name, t::provider, t::enabled)).load(c))?;
    rows.into_iter()
        .map(|(name, provider, enabled)| {
            let row = Row { table: "identity_connections", key: &name };
            Ok(IdentityConnection { provider: row.json("provider", &provider)?, enabled, name })
        })
        .collect()
}

/// Adds one, or overwrites the one with its name.
///
/// # Errors
/// The database failed.
pub fn upsert(conn: &mut Conn<'_>, environment_id: &str, connection: &IdentityConnection) -> Result<(), StoreError> {
    use identity_connections as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::name.eq(&connection.name),
        t::provider.eq(to_json(&connection.provider)?),
        t::enabled.eq(connection.enabled),
    );
    each!(conn, c => diesel::insert_into(t::table)
        .values(row)
        .on_conflict((t::environment_id, t::name))
        .do_update()
        .set((t::provider.eq(excluded(t::provider)), t::enabled.eq(excluded(t::enabled))))
        .execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, name: &str) -> Result<bool, StoreError> {
    let one = identity_connections::table.find((environment_id, name));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
