//! `clients`, with their secrets.

use std::collections::BTreeMap;

use diesel::{prelude::*, upsert::excluded};
use serde_json::json;

use super::{
    Conn, Origin, StoreError,
    bulk::{Bulk, Write, write},
    client_secrets::{self, StoredSecret},
    connection::each,
    rows::{Row, to_json, to_name},
    schema::clients,
};
use crate::domain::client::{Client, ClientSecret};

/// A client as it is kept.
#[derive(Debug, Clone)]
pub struct StoredClient {
    /// Itself.
    pub client: Client,
    /// Who looks after it.
    pub origin: Origin,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = clients)]
struct ClientRow {
    client_id: String,
    name: String,
    kind: String,
    enabled: bool,
    grants: String,
    access: String,
    permissions: String,
    exchange_error: String,
    origin: String,
    sign_in: String,
}

impl ClientRow {
    fn into_value(self, secrets: Vec<ClientSecret>) -> Result<StoredClient, StoreError> {
        let row = Row { table: "clients", key: &self.client_id };
        let origin = row.name("origin", &self.origin)?;
        let client = Client {
            kind: row.name("kind", &self.kind)?,
            enabled: self.enabled,
            grants: row.json("grants", &self.grants)?,
            access: row.json("access", &self.access)?,
            permissions: row.json("permissions", &self.permissions)?,
            exchange_error: row.name("exchange_error", &self.exchange_error)?,
            sign_in: row.json("sign_in", &self.sign_in)?,
            secrets,
            name: self.name,
            id: self.client_id,
        };
        Ok(StoredClient { client, origin })
    }
}

/// The client with this id. Two statements, or one when there is none.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn find(conn: &mut Conn<'_>, environment_id: &str, client_id: &str) -> Result<Option<Client>, StoreError> {
    Ok(find_stored(conn, environment_id, client_id)?.map(|stored| stored.client))
}

/// The same, and where the client comes from.
///
/// # Errors
/// As with [`find`].
pub fn find_stored(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client_id: &str,
) -> Result<Option<StoredClient>, StoreError> {
    // The id comes from the wire. Postgres cannot keep a NUL and calls one an error, which would look like a fault of the server.
    if client_id.contains('\0') {
        return Ok(None);
    }
    let one = clients::table.find((environment_id, client_id));
    let row: Option<ClientRow> = each!(conn, c => one.select(ClientRow::as_select()).first(c).optional())?;
    let Some(row) = row else { return Ok(None) };
    let secrets = client_secrets::list(conn, environment_id, client_id)?;
    row.into_value(secrets.into_iter().map(|stored| stored.secret).collect()).map(Some)
}

/// Those of an environment, by id. Two statements.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredClient>, StoreError> {
    let all = clients::table.filter(clients::environment_id.eq(environment_id)).order(clients::client_id);
    let rows: Vec<ClientRow> = each!(conn, c => all.select(ClientRow::as_select()).load(c))?;
    with_secrets(rows, client_secrets::of_environment(conn, environment_id)?)
}

/// At most `first` clients of an environment, by id, after the first `offset`; and how many there are in all. Three statements.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn page(
    conn: &mut Conn<'_>,
    environment_id: &str,
    offset: i64,
    first: i64,
) -> Result<(Vec<StoredClient>, i64), StoreError> {
    let all = || clients::table.filter(clients::environment_id.eq(environment_id));
    let part = all().order(clients::client_id).offset(offset).limit(first);
    let rows: Vec<ClientRow> = each!(conn, c => part.select(ClientRow::as_select()).load(c))?;
    let ids: Vec<&str> = rows.iter().map(|row| row.client_id.as_str()).collect();
    let secrets = client_secrets::of_clients(conn, environment_id, &ids)?;
    let total = each!(conn, c => all().count().get_result(c))?;
    Ok((with_secrets(rows, secrets)?, total))
}

/// The ids of the clients with this name.
///
/// # Errors
/// The database failed.
pub fn ids_of_name(conn: &mut Conn<'_>, environment_id: &str, name: &str) -> Result<Vec<String>, StoreError> {
    let named = clients::table.filter(clients::environment_id.eq(environment_id).and(clients::name.eq(name)));
    Ok(each!(conn, c => named.order(clients::client_id).select(clients::client_id).load(c))?)
}

fn with_secrets(rows: Vec<ClientRow>, all: Vec<(String, StoredSecret)>) -> Result<Vec<StoredClient>, StoreError> {
    let mut secrets: BTreeMap<String, Vec<ClientSecret>> = BTreeMap::new();
    for (client_id, stored) in all {
        secrets.entry(client_id).or_default().push(stored.secret);
    }
    let complete = |row: ClientRow| {
        let own = secrets.remove(&row.client_id).unwrap_or_default();
        row.into_value(own)
    };
    rows.into_iter().map(complete).collect()
}

/// Adds one, or overwrites the one with its id. Its secrets are left alone: they are the business of [`client_secrets`].
///
/// # Errors
/// The database failed.
pub fn upsert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    client: &Client,
    origin: Origin,
    now: i64,
) -> Result<(), StoreError> {
    use clients as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::client_id.eq(&client.id),
        t::name.eq(&client.name),
        t::kind.eq(to_name(&client.kind)?),
        t::enabled.eq(client.enabled),
        t::grants.eq(to_json(&client.grants)?),
        t::access.eq(to_json(&client.access)?),
        t::permissions.eq(to_json(&client.permissions)?),
        t::exchange_error.eq(to_name(&client.exchange_error)?),
        t::origin.eq(to_name(&origin)?),
        t::sign_in.eq(to_json(&client.sign_in)?),
        t::created_at.eq(now),
        t::updated_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(t::table)
        .values(row)
        .on_conflict((t::environment_id, t::client_id))
        .do_update()
        .set((
            t::name.eq(excluded(t::name)),
            t::kind.eq(excluded(t::kind)),
            t::enabled.eq(excluded(t::enabled)),
            t::grants.eq(excluded(t::grants)),
            t::access.eq(excluded(t::access)),
            t::permissions.eq(excluded(t::permissions)),
            t::exchange_error.eq(excluded(t::exchange_error)),
            t::origin.eq(excluded(t::origin)),
            t::sign_in.eq(excluded(t::sign_in)),
            t::updated_at.eq(excluded(t::updated_at)),
        ))
        .execute(c))?;
    Ok(())
}

/// The same for many, in a transaction that is to be short: what it has to do is prepared now.
///
/// # Errors
/// A client cannot be written; what is given back fails as [`upsert`] does.
pub fn upserting(environment_id: String, all: Vec<Client>, origin: Origin, now: i64) -> Result<Write, StoreError> {
    let changing = [
        "name",
        "kind",
        "enabled",
        "grants",
        "access",
        "permissions",
        "exchange_error",
        "origin",
        "sign_in",
        "updated_at",
    ];
    let row = |client: &Client| {
        Ok(vec![
            json!(environment_id),
            json!(client.id),
            json!(now),
            json!(client.name),
            json!(to_name(&client.kind)?),
            json!(client.enabled),
            json!(to_json(&client.grants)?),
            json!(to_json(&client.access)?),
            json!(to_json(&client.permissions)?),
            json!(to_name(&client.exchange_error)?),
            json!(to_name(&origin)?),
            json!(to_json(&client.sign_in)?),
            json!(now),
        ])
    };
    let rows: Result<Vec<_>, StoreError> = all.iter().map(row).collect();
    let columns = [&["environment_id", "client_id", "created_at"], changing.as_slice()].concat();
    let set = changing.map(|column| format!("{column} = excluded.{column}")).join(", ");
    let conflict = format!("ON CONFLICT (environment_id, client_id) DO UPDATE SET {set}");
    let bulk = Bulk::insert("clients", &columns, &conflict, &rows?)?;
    Ok(write(bulk, move |conn| all.iter().try_for_each(|client| upsert(conn, &environment_id, client, origin, now))))
}

/// Deletes one with its secrets; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, client_id: &str) -> Result<bool, StoreError> {
    let one = clients::table.find((environment_id, client_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
