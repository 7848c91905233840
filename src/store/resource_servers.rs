//! `resource_servers`.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::resource_servers,
};
use crate::domain::environment::{ResourceServer, SigningAlg};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = resource_servers)]
struct ResourceServerRow {
    environment_id: String,
    audience: String,
    scopes: String,
    scope_claim: String,
    max_lifetime: Option<i64>,
    clients: String,
    token_profile: String,
    signing_alg: Option<String>,
    enabled: bool,
    token_typ: String,
}

impl ResourceServerRow {
    fn from_value(environment_id: &str, server: &ResourceServer) -> Result<Self, StoreError> {
        Ok(Self {
            environment_id: environment_id.to_owned(),
            audience: server.audience.clone(),
            scopes: to_json(&server.scopes)?,
            scope_claim: to_name(&server.scope_claim)?,
            max_lifetime: server.max_lifetime,
            clients: to_json(&server.clients)?,
            token_profile: to_name(&server.token_profile)?,
            signing_alg: server.signing_alg.map(|alg| alg.as_str().to_owned()),
            enabled: server.enabled,
            token_typ: to_name(&server.token_typ)?,
        })
    }

    fn into_value(self) -> Result<ResourceServer, StoreError> {
        let row = Row { table: "resource_servers", key: &self.audience };
        let signing_alg = match &self.signing_alg {
            None => None,
            Some(name) => Some(
                SigningAlg::from_name(name).ok_or_else(|| row.corrupt("signing_alg is not known to this version"))?,
            ),
        };
        Ok(ResourceServer {
            scopes: row.json("scopes", &self.scopes)?,
            scope_claim: row.name("scope_claim", &self.scope_claim)?,
            max_lifetime: self.max_lifetime,
            clients: row.json("clients", &self.clients)?,
            token_profile: row.name("token_profile", &self.token_profile)?,
            signing_alg,
            token_typ: row.name("token_typ", &self.token_typ)?,
            enabled: self.enabled,
            audience: self.audience,
        })
    }
}

/// Those of an environment, by audience.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<ResourceServer>, StoreError> {
    let all = resource_servers::table
        .filter(resource_servers::environment_id.eq(environment_id))
        .order(resource_servers::audience);
    let rows: Vec<ResourceServerRow> = each!(conn, c => all.select(ResourceServerRow::as_select()).load(c))?;
    rows.into_iter().map(ResourceServerRow::into_value).collect()
}

/// Adds one, or overwrites the one with its audience.
///
/// # Errors
/// The database failed.
pub fn upsert(conn: &mut Conn<'_>, environment_id: &str, server: &ResourceServer) -> Result<(), StoreError> {
    use resource_servers as t;
    let row = ResourceServerRow::from_value(environment_id, server)?;
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::environment_id, t::audience))
        .do_update()
        .set((
            t::scopes.eq(excluded(t::scopes)),
            t::scope_claim.eq(excluded(t::scope_claim)),
            t::max_lifetime.eq(excluded(t::max_lifetime)),
            t::clients.eq(excluded(t::clients)),
            t::token_profile.eq(excluded(t::token_profile)),
            t::signing_alg.eq(excluded(t::signing_alg)),
            t::enabled.eq(excluded(t::enabled)),
            t::token_typ.eq(excluded(t::token_typ)),
        ))
        .execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, audience: &str) -> Result<bool, StoreError> {
    let one = resource_servers::table.find((environment_id, audience));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
