//! `permissions`: those that services define. Who has them stands in `clients`.

use diesel::{prelude::*, upsert::excluded};

use super::{
    Conn, Origin, StoreError,
    connection::each,
    rows::{Row, to_json, to_name},
    schema::permissions,
};
use crate::domain::permission::PermissionDefinition;

/// A definition as it is kept.
#[derive(Debug, Clone)]
pub struct StoredPermission {
    /// Itself.
    pub definition: PermissionDefinition,
    /// Who looks after it.
    pub origin: Origin,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = permissions)]
struct PermissionRow {
    environment_id: String,
    service_id: String,
    key: String,
    title: String,
    gql_operations: String,
    origin: String,
}

impl PermissionRow {
    fn into_value(self) -> Result<StoredPermission, StoreError> {
        let key = format!("{}:{}", self.service_id, self.key);
        let row = Row { table: "permissions", key: &key };
        let origin = row.name("origin", &self.origin)?;
        let definition = PermissionDefinition {
            gql_operations: row.json("gql_operations", &self.gql_operations)?,
            service_id: self.service_id,
            key: self.key,
            title: self.title,
        };
        Ok(StoredPermission { definition, origin })
    }
}

/// Those of an environment, by service and key.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredPermission>, StoreError> {
    use permissions as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order((t::service_id, t::key));
    let rows: Vec<PermissionRow> = each!(conn, c => all.select(PermissionRow::as_select()).load(c))?;
    rows.into_iter().map(PermissionRow::into_value).collect()
}

/// Adds one, or overwrites the one with its service and key.
///
/// # Errors
/// The database failed.
pub fn upsert(
    conn: &mut Conn<'_>,
    environment_id: &str,
    definition: &PermissionDefinition,
    origin: Origin,
) -> Result<(), StoreError> {
    use permissions as t;
    let row = PermissionRow {
        environment_id: environment_id.to_owned(),
        service_id: definition.service_id.clone(),
        key: definition.key.clone(),
        title: definition.title.clone(),
        gql_operations: to_json(&definition.gql_operations)?,
        origin: to_name(&origin)?,
    };
    each!(conn, c => diesel::insert_into(t::table)
        .values(&row)
        .on_conflict((t::environment_id, t::service_id, t::key))
        .do_update()
        .set((
            t::title.eq(excluded(t::title)),
            t::gql_operations.eq(excluded(t::gql_operations)),
            t::origin.eq(excluded(t::origin)),
        ))
        .execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none. What clients have of it is the caller's to take.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, service_id: &str, key: &str) -> Result<bool, StoreError> {
    let one = permissions::table.find((environment_id, service_id, key));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
