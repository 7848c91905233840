//! Many rows in few statements, for SQLite. Its write lock is one for all, so that what counts is how long a transaction holds it: SQLite
//! takes a JSON text with hundreds of rows apart in a fraction of the time of a statement for each row. The text is made before.

use diesel::{RunQueryDsl as _, SqliteConnection, sql_types::Text};
use serde_json::Value;

use super::{Conn, StoreError};

/// Something that is ready to be written, in a transaction that is to be short.
pub type Write = Box<dyn FnOnce(&mut Conn<'_>) -> Result<(), StoreError>>;

/// How many rows one statement writes.
const AT_ONCE: usize = 500;

/// Rows of one table.
pub(super) struct Bulk {
    statement: String,
    pieces: Vec<String>,
}

impl Bulk {
    /// Rows that have a value for each of `columns`; `conflict` says what becomes of those that are there.
    pub(super) fn insert(
        table: &str,
        columns: &[&str],
        conflict: &str,
        rows: &[Vec<Value>],
    ) -> Result<Self, StoreError> {
        let values: Vec<String> =
            (0..columns.len()).map(|place| format!("json_extract(value, '$[{place}]')")).collect();
        let (columns, values) = (columns.join(", "), values.join(", "));
        // `WHERE true`: without it SQLite takes `ON CONFLICT` for the condition of a join.
        let statement =
            format!("INSERT INTO {table} ({columns}) SELECT {values} FROM json_each($1) WHERE true {conflict}");
        let pieces: Result<_, serde_json::Error> = rows.chunks(AT_ONCE).map(serde_json::to_string).collect();
        let pieces = pieces.map_err(|error| StoreError::Query(format!("rows cannot be written as JSON: {error}")))?;
        Ok(Self { statement, pieces })
    }

    pub(super) fn write(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        for piece in &self.pieces {
            diesel::sql_query(&self.statement).bind::<Text, _>(piece).execute(connection)?;
        }
        Ok(())
    }
}

/// The writing of rows: as `bulk` on SQLite, by `each` elsewhere.
pub(super) fn write(bulk: Bulk, each: impl FnOnce(&mut Conn<'_>) -> Result<(), StoreError> + 'static) -> Write {
    Box::new(move |conn| match conn {
        Conn::Sqlite(connection) => bulk.write(connection),
        Conn::Postgres(_) => each(conn),
    })
}
