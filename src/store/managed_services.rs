//! `managed_services`: services of other environments that may get tokens of this one.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::managed_services,
};
use crate::domain::permission::ManagedService;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = managed_services)]
struct ServiceRow {
    environment_id: String,
    service_id: String,
    name: String,
    home_environment_id: String,
    client_id: String,
    permissions: String,
    enabled: bool,
}

impl ServiceRow {
    fn into_value(self) -> Result<ManagedService, StoreError> {
        let row = Row { table: "managed_services", key: &self.service_id };
        Ok(ManagedService {
            permissions: row.json("permissions", &self.permissions)?,
            service_id: self.service_id,
            name: self.name,
            home_environment_id: self.home_environment_id,
            client_id: self.client_id,
            enabled: self.enabled,
        })
    }
}

/// Those that an environment lets in, by service.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<ManagedService>, StoreError> {
    use managed_services as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order(t::service_id);
    let rows: Vec<ServiceRow> = each!(conn, c => all.select(ServiceRow::as_select()).load(c))?;
    rows.into_iter().map(ServiceRow::into_value).collect()
}

/// Whether any environment, be it of another tenant, lets this client of `home_environment_id` in.
///
/// # Errors
/// The database failed.
pub fn is_let_in(conn: &mut Conn<'_>, home_environment_id: &str, client_id: &str) -> Result<bool, StoreError> {
    use managed_services as t;
    let all = t::table.filter(t::home_environment_id.eq(home_environment_id).and(t::client_id.eq(client_id)));
    let found: i64 = each!(conn, c => all.count().get_result(c))?;
    Ok(found > 0)
}

/// Adds one, or overwrites the one with its service.
///
/// # Errors
/// There is no such home environment, or the database failed.
pub fn upsert(conn: &mut Conn<'_>, environment_id: &str, service: &ManagedService) -> Result<(), StoreError> {
    use managed_services as t;
    let row = ServiceRow {
        environment_id: environment_id.to_owned(),
        service_id: service.service_id.clone(),
        name: service.name.clone(),
        home_environment_id: service.home_environment_id.clone(),
        client_id: service.client_id.clone(),
        permissions: to_json(&service.permissions)?,
        enabled: service.enabled,
    };
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::environment_id, t::service_id))
        .do_update()
        .set((
            t::name.eq(excluded(t::name)),
            t::home_environment_id.eq(excluded(t::home_environment_id)),
            t::client_id.eq(excluded(t::client_id)),
            t::permissions.eq(excluded(t::permissions)),
            t::enabled.eq(excluded(t::enabled)),
        ))
        .execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, service_id: &str) -> Result<bool, StoreError> {
    let one = managed_services::table.find((environment_id, service_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
