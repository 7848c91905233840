//! `audit_records`: appended in batches, read (`audit_reading`), and dropped by the day. On Postgres each day is a partition.

use diesel::{
    dsl::sql,
    prelude::*,
    sql_types::{BigInt, Bool, Text},
};

use serde_json::{Value, json};

use super::{
    Conn, StoreError,
    bulk::{Bulk, Write, write},
    connection::each,
    schema::audit_records,
};

/// Held while partitions are made or dropped, so that nodes do not do it at once. An arbitrary number that nobody else uses.
const PARTITION_LOCK: i64 = 0x7E55_E8A0_0002;

/// How many old rows SQLite deletes at once: short enough that nobody waits for the write lock.
const DELETE_AT_ONCE: i64 = 2000;

/// A record as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable, Insertable)]
#[diesel(table_name = audit_records, treat_none_as_default_value = false)]
pub struct AuditRow {
    /// Whole days since 1970, in UTC.
    pub day: i64,
    /// The chain that it belongs to.
    pub node: String,
    /// Its place in the chain, from 1.
    pub seq: i64,
    /// Milliseconds since 1970.
    pub time_ms: i64,
    /// Where it happened; `None` outside any environment.
    pub environment_id: Option<String>,
    /// What happened.
    pub event: String,
    /// How it ended.
    pub outcome: String,
    /// The request that it happened in.
    pub request_id: String,
    /// Who asked.
    pub client_id: Option<String>,
    /// Whom it is about.
    pub subject: Option<String>,
    /// The token that was made.
    pub jti: Option<String>,
    /// Why it was refused.
    pub reason: Option<String>,
    /// The whole record as JSON.
    pub record: String,
    /// `hash` of the record before it in the chain, in hexadecimal.
    pub previous_hash: String,
    /// SHA-256 over the chain up to here, in hexadecimal.
    pub hash: String,
}

/// Appends all of `rows`, or none of them, and returns when they are durable. The days of the rows must have been prepared.
///
/// # Errors
/// One is there already ([`StoreError::Conflict`]), or the database failed.
pub fn append(conn: &mut Conn<'_>, rows: &[AuditRow]) -> Result<(), StoreError> {
    match conn {
        // One statement, and so one commit, however many rows.
        Conn::Postgres(_) => append_within(conn, rows),
        Conn::Sqlite(_) => conn.transact(|conn| append_within(conn, rows)),
    }
}

/// The same in a transaction that is under way; they are durable when it is.
///
/// # Errors
/// One is there already ([`StoreError::Conflict`]), or the database failed.
pub fn append_within(conn: &mut Conn<'_>, rows: &[AuditRow]) -> Result<(), StoreError> {
    match conn {
        // A text that is constant, and the cheapest per row that Postgres has.
        Conn::Postgres(c) => {
            diesel::copy_from(audit_records::table).from_insertable(rows).execute(*c)?;
        }
        // One prepared statement, run once per row: without a server in between that is the cheapest here.
        Conn::Sqlite(c) => {
            for row in rows {
                diesel::insert_into(audit_records::table).values(row).execute(*c)?;
            }
        }
    }
    Ok(())
}

/// The same for a transaction that is to be short: what it has to do is prepared now.
///
/// # Errors
/// The rows cannot be written as JSON; what is given back fails as [`append_within`] does.
pub fn appending(rows: Vec<AuditRow>) -> Result<Write, StoreError> {
    let columns = [
        "day",
        "node",
        "seq",
        "time_ms",
        "environment_id",
        "event",
        "outcome",
        "request_id",
        "client_id",
        "subject",
        "jti",
        "reason",
        "record",
        "previous_hash",
        "hash",
    ];
    let values: Vec<Vec<Value>> = rows.iter().map(|row| row.values().to_vec()).collect();
    let bulk = Bulk::insert("audit_records", &columns, "", &values)?;
    Ok(write(bulk, move |conn| append_within(conn, &rows)))
}

impl AuditRow {
    /// In the order of the table.
    fn values(&self) -> [Value; 15] {
        [
            json!(self.day),
            json!(self.node),
            json!(self.seq),
            json!(self.time_ms),
            json!(self.environment_id),
            json!(self.event),
            json!(self.outcome),
            json!(self.request_id),
            json!(self.client_id),
            json!(self.subject),
            json!(self.jti),
            json!(self.reason),
            json!(self.record),
            json!(self.previous_hash),
            json!(self.hash),
        ]
    }
}

/// Makes sure that rows like these would be taken: appends them, and takes them back. Their days must have been prepared.
///
/// # Errors
/// They would not.
pub fn would_append(conn: &mut Conn<'_>, rows: &[AuditRow]) -> Result<(), StoreError> {
    let appended = conn.transact(|conn| {
        append_within(conn, rows)?;
        Err::<(), _>(Undone::AsMeant)
    });
    match appended {
        Err(Undone::Failed(error)) => Err(error),
        Ok(()) | Err(Undone::AsMeant) => Ok(()),
    }
}

enum Undone {
    AsMeant,
    Failed(StoreError),
}

impl From<StoreError> for Undone {
    fn from(error: StoreError) -> Self {
        Undone::Failed(error)
    }
}

/// The hash of the record at this place of a chain, if there is one.
///
/// # Errors
/// The database failed.
pub fn hash_at(conn: &mut Conn<'_>, day: i64, node: &str, seq: i64) -> Result<Option<String>, StoreError> {
    let one = audit_records::table.find((day, node, seq)).select(audit_records::hash);
    Ok(each!(conn, c => one.first(c).optional())?)
}

/// At most `limit` records of an environment with one of these events, not older than `since_ms` (milliseconds since 1970), in the
/// order of day, chain and place; those after `after`.
///
/// # Errors
/// The database failed.
pub fn of_events(
    conn: &mut Conn<'_>,
    environment_id: &str,
    events: &[&str],
    since_ms: i64,
    after: Option<&AuditRow>,
    limit: i64,
) -> Result<Vec<AuditRow>, StoreError> {
    use audit_records as t;
    let (day, node, seq) = after.map_or((i64::MIN, "", i64::MIN), |row| (row.day, &row.node, row.seq));
    let comes_after = t::day
        .gt(day)
        .or(t::day.eq(day).and(t::node.gt(node)))
        .or(t::day.eq(day).and(t::node.eq(node)).and(t::seq.gt(seq)));
    let some = t::table
        // Whole days first: on Postgres each is a partition.
        .filter(t::day.ge(since_ms.div_euclid(86_400_000)))
        .filter(t::time_ms.ge(since_ms))
        .filter(t::environment_id.eq(environment_id))
        .filter(t::event.eq_any(events.to_vec()))
        .filter(comes_after)
        .order((t::day, t::node, t::seq))
        .limit(limit);
    Ok(each!(conn, c => some.select(AuditRow::as_select()).load(c))?)
}

/// Makes the partition of `day`, if the engine has partitions and it is not there yet.
///
/// # Errors
/// The database failed.
pub fn prepare_day(conn: &mut Conn<'_>, day: i64) -> Result<(), StoreError> {
    let name = partition(day);
    let Conn::Postgres(c) = conn else { return Ok(()) };
    if exists(c, &name)? {
        return Ok(());
    }
    conn.transact(|conn| {
        let Conn::Postgres(c) = conn else { return Ok(()) };
        lock(c)?;
        if exists(c, &name)? {
            return Ok(());
        }
        // `CREATE TABLE … PARTITION OF` would wait for every reader of the audit log, and every writer behind it; attaching waits
        // for neither.
        diesel::sql_query(format!("CREATE TABLE {name} (LIKE audit_records INCLUDING DEFAULTS)")).execute(*c)?;
        let next = day.saturating_add(1);
        let attach = format!("ALTER TABLE audit_records ATTACH PARTITION {name} FOR VALUES FROM ({day}) TO ({next})");
        diesel::sql_query(attach).execute(*c)?;
        Ok(())
    })
}

/// Drops what is older than `day`; `true` when there is more left to drop.
///
/// # Errors
/// The database failed.
pub fn drop_before(conn: &mut Conn<'_>, day: i64) -> Result<bool, StoreError> {
    match conn {
        Conn::Sqlite(c) => {
            let deleted = diesel::sql_query(
                "DELETE FROM audit_records WHERE rowid IN (SELECT rowid FROM audit_records WHERE day < $1 LIMIT $2)",
            )
            .bind::<BigInt, _>(day)
            .bind::<BigInt, _>(DELETE_AT_ONCE)
            .execute(*c)?;
            Ok(i64::try_from(deleted).is_ok_and(|deleted| deleted == DELETE_AT_ONCE))
        }
        Conn::Postgres(_) => conn.transact(|conn| {
            let Conn::Postgres(c) = conn else { return Ok(false) };
            // Dropping waits for readers, and every node's writer would wait behind it: rather try again another time.
            diesel::sql_query("SET LOCAL lock_timeout = '1s'").execute(*c)?;
            lock(c)?;
            for name in partitions(c)? {
                if day_of(&name).is_some_and(|of| of < day) {
                    diesel::sql_query(format!("DROP TABLE {name}")).execute(*c)?;
                }
            }
            Ok(false)
        }),
    }
}

/// Only digits and a minus sign turned into `m` come after the prefix, so that the name can stand in a statement.
fn partition(day: i64) -> String {
    format!("audit_records_{day}").replace('-', "m")
}

fn day_of(partition: &str) -> Option<i64> {
    partition.strip_prefix("audit_records_")?.replace('m', "-").parse().ok()
}

fn exists(connection: &mut PgConnection, name: &str) -> QueryResult<bool> {
    diesel::select(sql::<Bool>("to_regclass(").bind::<Text, _>(name).sql(") IS NOT NULL")).get_result(connection)
}

fn lock(connection: &mut PgConnection) -> QueryResult<usize> {
    diesel::sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(PARTITION_LOCK).execute(connection)
}

fn partitions(connection: &mut PgConnection) -> QueryResult<Vec<String>> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Text)]
        name: String,
    }
    let names: Vec<Name> = diesel::sql_query(
        "SELECT child.relname::text AS name FROM pg_inherits \
         JOIN pg_class child ON child.oid = inhrelid WHERE inhparent = 'audit_records'::regclass",
    )
    .load(connection)?;
    Ok(names.into_iter().map(|row| row.name).collect())
}
