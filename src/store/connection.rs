//! One connection, of either engine.

use std::{fs, path::Path, time::Duration};

use diesel::{
    Connection as _, PgConnection, SqliteConnection,
    connection::{CacheSize, SimpleConnection as _},
    result::{ConnectionError, Error as QueryError},
};

use super::{
    StoreOptions,
    error::StoreError,
    location::{Location, PostgresUrl, sqlite_uri},
    statements::Statements,
};

/// A connection in use. Queries are written once, inside [`each!`].
#[expect(missing_debug_implementations, reason = "diesel's connections have none")]
pub enum Conn<'a> {
    /// PostgreSQL.
    Postgres(&'a mut PgConnection),
    /// SQLite.
    Sqlite(&'a mut SqliteConnection),
}

/// `each!(conn, c => query)`: the same query, type-checked once per engine, on a `&mut Conn`. What only one of several backends has
/// (upserts, `as_returning`) stays available, and only what truly differs needs a `match` of its own.
macro_rules! each {
    ($conn:expr, $c:ident => $query:expr) => {
        match $conn {
            $crate::store::connection::Conn::Postgres(connection) => {
                let $c: &mut diesel::PgConnection = connection;
                $query
            }
            $crate::store::connection::Conn::Sqlite(connection) => {
                let $c: &mut diesel::SqliteConnection = connection;
                $query
            }
        }
    };
}
pub(super) use each;

impl Conn<'_> {
    /// Runs `work` in a transaction that can write; all of it happens, or on `Err` nothing. On SQLite it takes the write lock at
    /// once: a transaction that first reads and then wants to write fails when another one wrote in between.
    pub(super) fn transact<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        rolled_back(|keep| match self {
            Conn::Postgres(c) => c.transaction(|c| keep(work(&mut Conn::Postgres(c)))),
            Conn::Sqlite(c) => c.immediate_transaction(|c| keep(work(&mut Conn::Sqlite(c)))),
        })
    }

    /// Runs `work` in a transaction that sees one state of the database throughout, whatever others commit meanwhile.
    pub(super) fn snapshot<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        rolled_back(|keep| match self {
            Conn::Postgres(c) => {
                c.build_transaction().read_only().repeatable_read().run(|c| keep(work(&mut Conn::Postgres(c))))
            }
            Conn::Sqlite(c) => c.transaction(|c| keep(work(&mut Conn::Sqlite(c)))),
        })
    }

    /// Runs `work` in a savepoint of the running transaction. After a caught [`StoreError::Conflict`] SQLite would go on without
    /// one; Postgres refuses every later statement of the transaction. With one, both go on.
    pub fn savepoint<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        rolled_back(|keep| match self {
            Conn::Postgres(c) => c.transaction(|c| keep(work(&mut Conn::Postgres(c)))),
            Conn::Sqlite(c) => c.transaction(|c| keep(work(&mut Conn::Sqlite(c)))),
        })
    }
}

/// Keeps the caller's own error through diesel's transaction functions, which would replace it if the rollback failed too, as it does
/// when SQLite has rolled back by itself (disk full).
fn rolled_back<T, E, F>(run: F) -> Result<T, E>
where
    F: FnOnce(&mut dyn FnMut(Result<T, E>) -> Result<T, QueryError>) -> Result<T, QueryError>,
    E: From<StoreError>,
{
    let mut own_error = None;
    let outcome = run(&mut |result| {
        result.map_err(|error| {
            own_error = Some(error);
            QueryError::RollbackTransaction
        })
    });
    outcome.map_err(|error| own_error.unwrap_or_else(|| StoreError::from(error).into()))
}

/// A connection outside the pool, for work that must not wait for others or that lives as long as the server.
#[expect(missing_debug_implementations, reason = "diesel's connections have none")]
pub struct Dedicated(pub(super) Owned);

pub(super) enum Owned {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

impl Dedicated {
    /// Opens and prepares one.
    pub(super) fn open(
        location: &Location,
        options: &StoreOptions,
        statements: &Statements,
    ) -> Result<Self, StoreError> {
        Ok(Self(match location {
            Location::Postgres(url) => Owned::Postgres(open_postgres(url, options, statements)?),
            Location::Sqlite(path) => {
                let mut connection = SqliteConnection::establish(&sqlite_uri(path)?).map_err(cannot_connect)?;
                prepare_sqlite(&mut connection, options.statement_timeout)?;
                Owned::Sqlite(connection)
            }
        }))
    }

    /// The connection, for the functions of this module.
    pub fn conn(&mut self) -> Conn<'_> {
        match &mut self.0 {
            Owned::Postgres(connection) => Conn::Postgres(connection),
            Owned::Sqlite(connection) => Conn::Sqlite(connection),
        }
    }
}

/// Opens and prepares a connection to Postgres. A time-out of zero is none, and nobody looks how long its statements take.
pub(super) fn open_postgres(
    url: &PostgresUrl,
    options: &StoreOptions,
    statements: &Statements,
) -> Result<PgConnection, StoreError> {
    let timeout = options.statement_timeout;
    statements.connecting(|| {
        let mut connection = PgConnection::establish(url.text()).map_err(cannot_connect)?;
        if !options.prepared_statements {
            connection.set_prepared_statement_cache_size(CacheSize::Disabled);
        }
        // Through a pooler it would stay behind in a session that others get next.
        if !options.transaction_pooling {
            connection.batch_execute(&format!("SET statement_timeout = {}", timeout.as_millis()))?;
        }
        if !timeout.is_zero() {
            statements.follow(&mut connection, timeout);
        }
        Ok(connection)
    })
}

/// `busy_timeout` comes first, so that the others wait for a lock too. `synchronous = FULL` makes a commit durable: in WAL mode the
/// default of many builds survives a crash of the process but not a power cut, and an audit record must.
pub(super) fn prepare_sqlite(connection: &mut SqliteConnection, timeout: Duration) -> Result<(), QueryError> {
    let busy_timeout = format!("PRAGMA busy_timeout = {}", timeout.as_millis());
    let statements =
        [&busy_timeout, "PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON"];
    statements.into_iter().try_for_each(|statement| connection.batch_execute(statement))
}

fn cannot_connect(error: ConnectionError) -> StoreError {
    match error {
        ConnectionError::BadConnection(message) => StoreError::Unavailable(message.trim().to_owned()),
        ConnectionError::CouldntSetupConfiguration(error) => StoreError::from(error),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Makes sure that the file of an embedded database is there: makes it when `create` is set, and otherwise refuses to go on, because
/// a mistyped path is not a new database.
pub(super) fn check_file(path: &Path, create: bool) -> Result<(), StoreError> {
    if path.is_file() {
        return Ok(());
    }
    let shown = path.display();
    if !create {
        return Err(StoreError::Configuration(format!("there is no SQLite database at {shown}; check database.url")));
    }
    let cannot = |error: std::io::Error| StoreError::Configuration(format!("cannot create {shown}: {error}"));
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(cannot)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create(true).truncate(false);
    // Hashes of secrets are nobody else's business. SQLite gives its -wal and -shm files the mode of the database.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop).map_err(cannot)
}
