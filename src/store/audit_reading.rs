//! Reading `audit_records`, in pieces: there may be more of them than fit into memory. The order of the table is day, chain, number.

use std::ops::ControlFlow;

use diesel::{
    dsl::{max, min},
    prelude::*,
};

use super::{Conn, StoreError, audit_records::AuditRow, connection::each, schema::audit_records};

/// How many records are read at once.
const PAGE: i64 = 1000;

/// Which records are looked for. What is `None` may be anything.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// The id of the environment.
    pub environment_id: Option<String>,
    /// Who asked.
    pub client_id: Option<String>,
    /// What happened.
    pub event: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
}

impl AuditFilter {
    /// Whether this is one of them.
    pub fn lets_through(&self, row: &AuditRow) -> bool {
        let is = |wanted: &Option<String>, found: Option<&str>| wanted.as_deref().is_none_or(|w| Some(w) == found);
        is(&self.environment_id, row.environment_id.as_deref())
            && is(&self.client_id, row.client_id.as_deref())
            && is(&self.event, Some(&row.event))
            && is(&self.outcome, Some(&row.outcome))
    }
}

/// The first day from `from` on that has records.
///
/// # Errors
/// The database failed.
pub fn next_day(conn: &mut Conn<'_>, from: i64) -> Result<Option<i64>, StoreError> {
    use audit_records as t;
    Ok(each!(conn, c => t::table.filter(t::day.ge(from)).select(min(t::day)).first(c))?)
}

/// The last day before `day` that has records.
///
/// # Errors
/// The database failed.
pub fn previous_day(conn: &mut Conn<'_>, day: i64) -> Result<Option<i64>, StoreError> {
    use audit_records as t;
    Ok(each!(conn, c => t::table.filter(t::day.lt(day)).select(max(t::day)).first(c))?)
}

/// The next chain after `node`, in the order of the database, that has records of `day`. Each costs one look into the index, however
/// many records there are.
///
/// # Errors
/// The database failed.
pub fn next_node(conn: &mut Conn<'_>, day: i64, node: &str) -> Result<Option<String>, StoreError> {
    use audit_records as t;
    Ok(each!(conn, c => t::table.filter(t::day.eq(day).and(t::node.gt(node))).select(min(t::node)).first(c))?)
}

/// The next records of a chain on one day, after number `after`. None are left when the answer is empty.
///
/// # Errors
/// The database failed.
pub fn page(conn: &mut Conn<'_>, day: i64, node: &str, after: i64) -> Result<Vec<AuditRow>, StoreError> {
    use audit_records as t;
    let some = t::table.filter(t::day.eq(day).and(t::node.eq(node)).and(t::seq.gt(after)));
    Ok(each!(conn, c => some.order(t::seq).limit(PAGE).select(AuditRow::as_select()).load(c))?)
}

/// The number of the last record of a chain on one day.
///
/// # Errors
/// The database failed.
pub fn last_seq(conn: &mut Conn<'_>, day: i64, node: &str) -> Result<Option<i64>, StoreError> {
    use audit_records as t;
    Ok(each!(conn, c => t::table.filter(t::day.eq(day).and(t::node.eq(node))).select(max(t::seq)).first(c))?)
}

/// The newest `limit` records of a day that `filter` lets through, newest first.
///
/// # Errors
/// The database failed.
pub fn newest(conn: &mut Conn<'_>, day: i64, filter: &AuditFilter, limit: i64) -> Result<Vec<AuditRow>, StoreError> {
    use audit_records as t;
    Ok(each!(conn, c => {
        let mut wanted = t::table.filter(t::day.eq(day)).into_boxed();
        if let Some(environment_id) = &filter.environment_id {
            wanted = wanted.filter(t::environment_id.eq(environment_id));
        }
        if let Some(client_id) = &filter.client_id {
            wanted = wanted.filter(t::client_id.eq(client_id));
        }
        if let Some(event) = &filter.event {
            wanted = wanted.filter(t::event.eq(event));
        }
        if let Some(outcome) = &filter.outcome {
            wanted = wanted.filter(t::outcome.eq(outcome));
        }
        let page = wanted.order((t::time_ms.desc(), t::node.desc(), t::seq.desc())).limit(limit);
        page.select(AuditRow::as_select()).load(c)
    })?)
}

/// Hands the records of a day between two times (milliseconds; the second one is no longer in) to `take`, in the order of time, until
/// it has enough. Inside a transaction.
///
/// # Errors
/// The database failed.
pub fn by_time(
    conn: &mut Conn<'_>,
    day: i64,
    (from, until): (i64, i64),
    take: &mut dyn FnMut(AuditRow) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    match conn {
        // A cursor of the server: diesel's own streaming reads to the end even when nobody wants the rest.
        Conn::Postgres(c) => {
            let declare = format!(
                "DECLARE audit_reading NO SCROLL CURSOR FOR SELECT * FROM audit_records WHERE day = {day} \
                 AND time_ms >= {from} AND time_ms < {until} ORDER BY time_ms, node, seq"
            );
            diesel::sql_query(declare).execute(*c)?;
            loop {
                let rows: Vec<AuditRow> = diesel::sql_query(format!("FETCH {PAGE} FROM audit_reading")).load(*c)?;
                let is_last = rows.is_empty();
                let enough = rows.into_iter().try_for_each(&mut *take);
                if is_last || enough.is_break() {
                    diesel::sql_query("CLOSE audit_reading").execute(*c)?;
                    return Ok(enough);
                }
            }
        }
        // Steps through the statement, and can stop anywhere.
        Conn::Sqlite(c) => {
            use audit_records as t;
            let some = t::table.filter(t::day.eq(day).and(t::time_ms.ge(from)).and(t::time_ms.lt(until)));
            let some = some.order((t::time_ms, t::node, t::seq)).select(AuditRow::as_select());
            for row in some.load_iter::<AuditRow, diesel::connection::DefaultLoadingMode>(*c)? {
                if take(row?).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(ControlFlow::Continue(()))
        }
    }
}
