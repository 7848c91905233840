//! `exchange_rules`.

use diesel::{prelude::*, upsert::excluded};
use serde::Serialize;

use super::{
    Conn, StoreError,
    connection::each,
    rows::{Row, to_json},
    schema::exchange_rules,
};
use crate::domain::rule::ExchangeRule;

/// A rule as it is kept.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StoredRule {
    /// Itself.
    #[serde(flatten)]
    pub rule: ExchangeRule,
    /// Its place in the environment file.
    pub position: i64,
    /// A disabled rule permits nothing.
    pub enabled: bool,
}

/// Those of an environment, in the order of the environment file.
///
/// # Errors
/// The database failed, or a row is corrupt.
pub fn list(conn: &mut Conn<'_>, environment_id: &str) -> Result<Vec<StoredRule>, StoreError> {
    use exchange_rules as t;
    let all = t::table.filter(t::environment_id.eq(environment_id)).order((t::position, t::name));
    let rows: Vec<(String, i64, String, bool)> =
        each!(conn, c => all.select((t::name, t::position, t::definition, t::enabled)).load(c))?;
    rows.into_iter()
        .map(|(name, position, definition, enabled)| {
            let row = Row { table: "exchange_rules", key: &name };
            let rule: ExchangeRule = row.json("definition", &definition)?;
            // The audit record names the rule by what is in the definition, and `delete` by the column.
            if rule.name != name {
                return Err(row.corrupt("definition has another name"));
            }
            Ok(StoredRule { rule, position, enabled })
        })
        .collect()
}

/// Adds one, or overwrites the one with its name.
///
/// # Errors
/// The database failed.
pub fn upsert(conn: &mut Conn<'_>, environment_id: &str, stored: &StoredRule) -> Result<(), StoreError> {
    use exchange_rules as t;
    let row = (
        t::environment_id.eq(environment_id),
        t::name.eq(&stored.rule.name),
        t::position.eq(stored.position),
        t::definition.eq(to_json(&stored.rule)?),
        t::enabled.eq(stored.enabled),
    );
    each!(conn, c => diesel::insert_into(t::table)
        .values(row)
        .on_conflict((t::environment_id, t::name))
        .do_update()
        .set((
            t::position.eq(excluded(t::position)),
            t::definition.eq(excluded(t::definition)),
            t::enabled.eq(excluded(t::enabled)),
        ))
        .execute(c))?;
    Ok(())
}

/// Deletes one; `false` when there is none.
///
/// # Errors
/// The database failed.
pub fn delete(conn: &mut Conn<'_>, environment_id: &str, name: &str) -> Result<bool, StoreError> {
    let one = exchange_rules::table.find((environment_id, name));
    Ok(each!(conn, c => diesel::delete(one).execute(c))? == 1)
}
