//! `tenants`.

use diesel::prelude::*;

use super::{Conn, StoreError, connection::each, schema::tenants};

/// An owner of environments.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
pub struct Tenant {
    /// UUID.
    pub id: String,
    /// For people; unique.
    pub name: String,
    /// Seconds since 1970.
    pub created_at: i64,
    /// A disabled tenant takes all its environments out of force.
    pub enabled: bool,
}

/// Every tenant, by name.
///
/// # Errors
/// The database failed.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<Tenant>, StoreError> {
    Ok(each!(conn, c => tenants::table.order(tenants::name).select(Tenant::as_select()).load(c))?)
}

/// The tenant with this id.
///
/// # Errors
/// The database failed.
pub fn find(conn: &mut Conn<'_>, id: &str) -> Result<Option<Tenant>, StoreError> {
    Ok(each!(conn, c => tenants::table.find(id).select(Tenant::as_select()).first(c).optional())?)
}

/// The tenant with this name.
///
/// # Errors
/// The database failed.
pub fn named(conn: &mut Conn<'_>, name: &str) -> Result<Option<Tenant>, StoreError> {
    let named = tenants::table.filter(tenants::name.eq(name));
    Ok(each!(conn, c => named.select(Tenant::as_select()).first(c).optional())?)
}

/// Adds one.
///
/// # Errors
/// Id or name are taken ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, tenant: &Tenant) -> Result<(), StoreError> {
    each!(conn, c => diesel::insert_into(tenants::table).values(tenant).execute(c))?;
    Ok(())
}

/// Takes one out of force, or puts it back; `false` when there is none. Its environments see it when they are touched
/// (`environments::touch`), which is the caller's.
///
/// # Errors
/// The database failed.
pub fn set_enabled(conn: &mut Conn<'_>, id: &str, enabled: bool) -> Result<bool, StoreError> {
    let one = tenants::table.find(id);
    Ok(each!(conn, c => diesel::update(one).set(tenants::enabled.eq(enabled)).execute(c))? == 1)
}
