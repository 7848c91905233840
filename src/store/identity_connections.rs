//! `identity_connections`.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Conn, Origin, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::identity_connections,
};
use crate::domain::connection::{IdentityConnection, SignInClient};

/// An identity connection as it is kept.
#[derive(Debug, Clone)]
pub struct StoredConnection {
    /// Itself.
    pub connection: IdentityConnection,
    /// Who looks after it.
    pub origin: Origin,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = identity_connections)]
struct ConnectionRow {
    environment_id: String,
    name: String,
    provider: String,
    enabled: bool,
    origin: String,
    title: String,
    sort_order: i64,
    sign_in: Option<String>,
    sign_in_secret: Option<Vec<u8>>,
}

impl ConnectionRow {
    fn into_value(self) -> Result<StoredConnection, StoreError> {
        let row = Row { table: "identity_connections", key: &self.name };
        let origin = row.name("origin", &self.origin)?;
        let sign_in = match (&self.sign_in, self.sign_in_secret) {
            (Some(json), Some(sealed_secret)) => {
                Some(SignInClient { sealed_secret, ..row.json::<SignInClient>("sign_in", json)? })
            }
            (None, None) => None,
            _ => return Err(row.corrupt("sign_in and sign_in_secret do not stand together")),
        };
        let connection = IdentityConnection {
            provider: row.json("provider", &self.provider)?,
            // Older rows have no title.
            title: if self.title.is_empty() { self.name.clone() } else { self.title },
            sort_order: self.sort_order,
            enabled: self.enabled,
            sign_in,
            name: self.name,
        };
        Ok(StoredConnection { connection, origin })
    }
}

/// Those of an environment, in their order.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredConnection>, StoreError> {
    use identity_connections as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order((t::sort_order, t::name));
    let rows: Vec<ConnectionRow> = each!(conn, c => all.select(ConnectionRow::as_select()).load(c))?;
    rows.into_iter().map(ConnectionRow::into_value).collect()
}

/// Adds one, or overwrites the one with its name.
///
/// # Errors
/// The database failed.
pub fn upsert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    connection: &IdentityConnection,
    origin: Origin,
) -> Result<(), StoreError> {
    use identity_connections as t;
    let row = ConnectionRow {
        environment_id: environment_id.to_owned(),
        name: connection.name.clone(),
        provider: to_json(&connection.provider)?,
        enabled: connection.enabled,
        origin: to_name(&origin)?,
        title: connection.title.clone(),
        sort_order: connection.sort_order,
        sign_in: connection.sign_in.as_ref().map(to_json).transpose()?,
        sign_in_secret: connection.sign_in.as_ref().map(|sign_in| sign_in.sealed_secret.clone()),
    };
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::environment_id, t::name))
        .do_update()
        .set((
            t::provider.eq(excluded(t::provider)),
            t::enabled.eq(excluded(t::enabled)),
            t::origin.eq(excluded(t::origin)),
            t::title.eq(excluded(t::title)),
            t::sort_order.eq(excluded(t::sort_order)),
            t::sign_in.eq(excluded(t::sign_in)),
            t::sign_in_secret.eq(excluded(t::sign_in_secret)),
        ))
        .execute(c))?;
    Ok(())
}

/// The secret that this server has at the provider of a connection, as it is kept, and what it is bound to.
pub struct SealedSecret {
    /// Where the connection is.
    pub environment_id: String,
    /// Its name.
    pub connection: String,
    /// The secret, sealed under the master key.
    pub sealed: Vec<u8>,
}

/// Such secrets of all environments, in one order for all who ask.
///
/// # Errors
/// The database failed.
pub fn sealed(conn: &mut Conn<'_>) -> Result<Vec<SealedSecret>, StoreError> {
    use identity_connections as t;
    let all = t::table.filter(t::sign_in_secret.is_not_null()).order((t::environment_id, t::name));
    let all = all.select((t::environment_id, t::name, t::sign_in_secret.assume_not_null()));
    let rows: Vec<(String, String, Vec<u8>)> = each!(conn, c => all.load(c))?;
    let value = |(environment_id, connection, sealed)| SealedSecret { environment_id, connection, sealed };
    Ok(rows.into_iter().map(value).collect())
}

/// Puts the same secret back, sealed anew; `false` when its connection is gone.
///
/// # Errors
/// The database failed.
pub fn reseal(conn: &mut Conn<'_>, secret: &SealedSecret) -> Result<bool, StoreError> {
    let one = identity_connections::table.find((&secret.environment_id, &secret.connection));
    let change = identity_connections::sign_in_secret.eq(&secret.sealed);
    Ok(each!(conn, c => diesel::update(one).set(change).execute(c))? == 1)
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, name: &str) -> Result<bool, StoreError> {
    let one = identity_connections::table.find((environment_id, name));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
