//! What can go wrong with the database. "Nothing found" is not among it: that is `Ok(None)`, and an outage never looks like it.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as QueryError};

use super::statements;

/// A failure of the database or of its use. No text holds the password of the database URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The settings do not name a usable database.
    #[error("{0}")]
    Configuration(String),
    /// The database cannot answer now: unreachable, connection lost, no free connection, too slow, locked, disk full. The
    /// same call may succeed later. When a *commit* fails like this, it is unknown whether it happened.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// A row with these unique values is there already.
    #[error("already there: {0}")]
    Conflict(String),
    /// A stored row cannot be read back: it was changed by hand or by a newer version of the server.
    #[error("table {table}, row {key}: {reason}")]
    Corrupt {
        /// Where.
        table: &'static str,
        /// Which row.
        key: String,
        /// What is wrong with it. Never the stored value.
        reason: String,
    },
    /// A migration failed.
    #[error("migration failed: {0}")]
    Migration(String),
    /// The database refuses a statement: a mistake in the server, a missing migration or missing rights.
    #[error("the database refuses a statement: {0}")]
    Query(String),
}

impl StoreError {
    /// The same call may succeed later.
    pub(crate) fn unavailable(reason: impl Into<String>) -> Self {
        StoreError::Unavailable(reason.into())
    }

    /// Whether the same call may succeed later.
    pub fn is_unavailable(&self) -> bool {
        matches!(self, StoreError::Unavailable(_))
    }

    /// Whether the row was there already.
    pub fn is_conflict(&self) -> bool {
        matches!(self, StoreError::Conflict(_))
    }
}

/// What SQLite says when it means "not now" (BUSY, LOCKED, FULL, IOERR, CANTOPEN, READONLY, NOTADB and CORRUPT). Diesel does not hand on its
/// result codes, and these texts are fixed. Those of Postgres are not: they are in the language of the server's `lc_messages`.
const NOT_NOW: [&str; 8] = [
    "database is locked",
    "database table is locked",
    "database or disk is full",
    "disk I/O error",
    "unable to open database file",
    "attempt to write a readonly database",
    "file is not a database",
    "database disk image is malformed",
];

impl From<QueryError> for StoreError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::DatabaseError(kind, information) => from_database(&kind, information.as_ref()),
            // The transaction manager gives up only when the connection is lost in the middle of a transaction.
            QueryError::BrokenTransactionManager => StoreError::Unavailable(error.to_string()),
            other => StoreError::Query(other.to_string()),
        }
    }
}

fn from_database(kind: &DatabaseErrorKind, information: &dyn DatabaseErrorInformation) -> StoreError {
    // Only the message: Postgres' details repeat the values of the row.
    let message = information.message().trim().to_owned();
    match kind {
        DatabaseErrorKind::UniqueViolation => StoreError::Conflict(message),
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::SerializationFailure
        // A standby after a failover.
        | DatabaseErrorKind::ReadOnlyTransaction => StoreError::Unavailable(message),
        // Of Postgres' other states diesel says nothing but that it knows none of them. A statement that is wrong is refused at once; one
        // that is refused late waited for a lock (55P03), was one of a deadlock (40P01) or ran out of its time (57014).
        DatabaseErrorKind::Unknown if statements::failed_late() => StoreError::Unavailable(message),
        _ if NOT_NOW.iter().any(|part| message.contains(part)) => StoreError::Unavailable(message),
        _ => StoreError::Query(message),
    }
}
