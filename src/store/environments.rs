//! `environments`, and their versions: the sign by which every node notices a change.

use diesel::{prelude::*, sql_types::Text};

use super::{
    Conn, StoreError,
    connection::each,
    schema::{environments, tenants},
};
use crate::domain::environment::Environment;

/// The channel of Postgres on which changes are told.
pub(super) const CHANNEL: &str = "tessera_environments";

/// An environment as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEnvironment {
    /// Itself.
    pub environment: Environment,
    /// Grows with every change of it or of anything in it but its users; starts at 1.
    pub version: i64,
    /// Grows with every change of a user that was there already; starts at 1.
    pub users_version: i64,
    /// Grows with every revocation; 0 before the first.
    pub revocations_version: i64,
}

/// The versions of an environment: its id, that of itself, of its users and of its revocations.
pub(super) type Versions = (String, i64, i64, i64);

#[derive(Queryable, Selectable)]
#[diesel(table_name = environments)]
struct EnvironmentRow {
    id: String,
    tenant_id: String,
    name: String,
    is_default: bool,
    enabled: bool,
    access_token_lifetime: i64,
    version: i64,
    users_version: i64,
    revocations_version: i64,
}

impl From<(EnvironmentRow, bool)> for StoredEnvironment {
    fn from((row, tenant_enabled): (EnvironmentRow, bool)) -> Self {
        let environment = Environment {
            id: row.id,
            tenant_id: row.tenant_id,
            name: row.name,
            is_default: row.is_default,
            enabled: row.enabled,
            tenant_enabled,
            access_token_lifetime: row.access_token_lifetime,
        };
        Self {
            environment,
            version: row.version,
            users_version: row.users_version,
            revocations_version: row.revocations_version,
        }
    }
}

/// Every environment, oldest first.
///
/// # Errors
/// The database failed.
pub fn all(conn: &mut Conn<'_>) -> Result<Vec<StoredEnvironment>, StoreError> {
    let all = environments::table.inner_join(tenants::table).order((environments::created_at, environments::id));
    let rows: Vec<(EnvironmentRow, bool)> =
        each!(conn, c => all.select((EnvironmentRow::as_select(), tenants::enabled)).load(c))?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// The environment with this id.
///
/// # Errors
/// The database failed.
pub fn find(conn: &mut Conn<'_>, id: &str) -> Result<Option<StoredEnvironment>, StoreError> {
    let one = environments::table.inner_join(tenants::table).filter(environments::id.eq(id));
    let row: Option<(EnvironmentRow, bool)> =
        each!(conn, c => one.select((EnvironmentRow::as_select(), tenants::enabled)).first(c).optional())?;
    Ok(row.map(Into::into))
}

/// The versions of every environment.
///
/// # Errors
/// The database failed.
pub(super) fn versions(conn: &mut Conn<'_>) -> Result<Vec<Versions>, StoreError> {
    use environments as t;
    let columns = (t::id, t::version, t::users_version, t::revocations_version);
    let all = environments::table.order(environments::id).select(columns);
    Ok(each!(conn, c => all.load(c))?)
}

/// Adds one, at version 1, and tells the other nodes.
///
/// # Errors
/// Its id, its name or the place of the default environment is taken ([`StoreError::Conflict`]), or the database failed.
pub fn insert(conn: &mut Conn<'_>, environment: &Environment, now: i64) -> Result<(), StoreError> {
    let row = (
        environments::id.eq(&environment.id),
        environments::tenant_id.eq(&environment.tenant_id),
        environments::name.eq(&environment.name),
        environments::is_default.eq(environment.is_default),
        environments::enabled.eq(environment.enabled),
        environments::access_token_lifetime.eq(environment.access_token_lifetime),
        environments::version.eq(1),
        environments::created_at.eq(now),
        environments::updated_at.eq(now),
    );
    each!(conn, c => diesel::insert_into(environments::table).values(row).execute(c))?;
    notify(conn, &environment.id)
}

/// Writes name, default, enabled (not that of the tenant) and lifetime; `false` when there is none with its id. [`touch`] is the caller's.
///
/// # Errors
/// Its name or the place of the default environment is taken ([`StoreError::Conflict`]), or the database failed.
pub fn update(conn: &mut Conn<'_>, environment: &Environment) -> Result<bool, StoreError> {
    let changes = (
        environments::name.eq(&environment.name),
        environments::is_default.eq(environment.is_default),
        environments::enabled.eq(environment.enabled),
        environments::access_token_lifetime.eq(environment.access_token_lifetime),
    );
    let one = environments::table.find(&environment.id);
    Ok(each!(conn, c => diesel::update(one).set(changes).execute(c))? == 1)
}

/// Deletes one and everything in it, except its audit records; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, id: &str) -> Result<bool, StoreError> {
    let deleted = each!(conn, c => diesel::delete(environments::table.find(id)).execute(c))? == 1;
    notify(conn, id)?;
    Ok(deleted)
}

/// Counts a change of the environment or of anything in it, and tells the other nodes when the transaction commits. `false` when there is
/// no such environment.
///
/// Call it *first* in a transaction that changes something: it locks the environment's row, so that two changes of the same environment
/// happen one after the other.
///
/// # Errors
/// The database failed.
pub fn touch(conn: &mut Conn<'_>, id: &str, now: i64) -> Result<bool, StoreError> {
    let changes = (environments::version.eq(environments::version + 1), environments::updated_at.eq(now));
    let touched = each!(conn, c => diesel::update(environments::table.find(id)).set(changes).execute(c))? == 1;
    notify(conn, id)?;
    Ok(touched)
}

/// The same for a change of users that were there already: what nodes remember of clients stays.
///
/// # Errors
/// The database failed.
pub fn touch_users(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
    let change = environments::users_version.eq(environments::users_version + 1);
    each!(conn, c => diesel::update(environments::table.find(id)).set(change).execute(c))?;
    notify(conn, id)
}

/// Counts a revocation, and tells the other nodes when the transaction commits: gives its number, `None` if there is no such
/// environment. The row is locked until then, so that numbers are seen in their order.
///
/// # Errors
/// The database failed.
pub(super) fn count_revocation(conn: &mut Conn<'_>, id: &str) -> Result<Option<i64>, StoreError> {
    let one = environments::table.find(id);
    let change = environments::revocations_version.eq(environments::revocations_version + 1);
    each!(conn, c => diesel::update(one).set(change).execute(c))?;
    notify(conn, id)?;
    Ok(each!(conn, c => one.select(environments::revocations_version).first(c).optional())?)
}

/// Makes revocations of the environment wait until the transaction ends, changes of its users and of their passwords
/// ([`touch_users`], [`hold_sign_ins`]) likewise, and waits for those that are under way: what is read of them now stays true. `false` when there is no such environment.
///
/// # Errors
/// The database failed.
pub fn hold_revocations(conn: &mut Conn<'_>, id: &str) -> Result<bool, StoreError> {
    let one = environments::table.find(id).select(environments::id);
    let found: Option<String> = match conn {
        Conn::Postgres(c) => one.for_share().first(*c).optional()?,
        // A transaction that may write has the whole database for itself.
        Conn::Sqlite(c) => one.first(*c).optional()?,
    };
    Ok(found.is_some())
}

/// The other side of [`hold_revocations`]: makes sign-ins of the environment wait until the transaction ends, and waits for those that
/// are under way.
///
/// # Errors
/// The database failed.
pub fn hold_sign_ins(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
    if let Conn::Postgres(c) = conn {
        let one = environments::table.find(id).select(environments::id);
        one.for_no_key_update().first::<String>(*c).optional()?;
    }
    // On SQLite a transaction that may write has the whole database for itself.
    Ok(())
}

/// On SQLite the file itself shows the change (see `listen`).
fn notify(conn: &mut Conn<'_>, id: &str) -> Result<(), StoreError> {
    if let Conn::Postgres(c) = conn {
        diesel::sql_query("SELECT pg_notify($1, $2)").bind::<Text, _>(CHANNEL).bind::<Text, _>(id).execute(*c)?;
    }
    Ok(())
}
