//! `applications`.

use diesel::{prelude::*, query_dsl::methods::FilterDsl, upsert::excluded};

use super::{Conn, StoreError, connection::each, schema::applications};
use crate::domain::environment::Application;

/// Those of an environment, by name.
///
/// # Errors
/// The database failed.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<Application>, StoreError> {
    use applications as t;
    let all = QueryDsl::filter(t::table, t::environment_id.eq(environment_id)).order(t::name);
    let rows: Vec<(String, String, String, bool)> =
        each!(conn, c => all.select((t::id, t::name, t::platform, t::enabled)).load(c))?;
    let value = |(id, name, platform, enabled)| Application { id, name, platform, enabled };
    Ok(rows.into_iter().map(value).collect())
}

/// Adds one, or overwrites the one with its id in the same environment.
///
/// # Errors
/// Its name is taken, or its id by another environment ([`StoreError::Conflict`]), or the database failed.
pub fn upsert(conn: &mut Conn<'_>, environment_id: &str, application: &Application) -> Result<(), StoreError> {
    use applications as t;
    let row = (
        t::id.eq(&application.id),
        t::environment_id.eq(environment_id),
        t::name.eq(&application.name),
        t::platform.eq(&application.platform),
        t::enabled.eq(application.enabled),
    );
    // Ids are unique across environments and may be given in a file: without the filter, a file for one environment could take over
    // another's application.
    let written = each!(conn, c => FilterDsl::filter(diesel::insert_into(t::table)
        .values(row)
        .on_conflict(t::id)
        .do_update()
        .set((
            t::name.eq(excluded(t::name)),
            t::platform.eq(excluded(t::platform)),
            t::enabled.eq(excluded(t::enabled)),
        )), t::environment_id.eq(environment_id))
        .execute(c))?;
    if written == 0 {
        return Err(StoreError::Conflict(format!("application id {} in another environment", application.id)));
    }
    Ok(())
}

/// Deletes one; `false` when there is none in this environment.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, id: &str) -> Result<bool, StoreError> {
    let one = QueryDsl::filter(applications::table.find(id), applications::environment_id.eq(environment_id));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
