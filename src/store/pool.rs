//! The pool of connections, of either engine.

use std::{thread, time::Duration};

use diesel::{
    PgConnection, SqliteConnection,
    connection::TransactionManager as _,
    r2d2::{ConnectionManager, CustomizeConnection, Error as ManagerError},
};

use super::{
    StoreError, StoreOptions,
    connection::{open_postgres, prepare_sqlite},
    location::{Location, PostgresUrl, sqlite_uri},
    statements::Statements,
};

#[derive(Clone)]
pub(super) enum Pool {
    Postgres(r2d2::Pool<PostgresManager>),
    Sqlite(r2d2::Pool<ConnectionManager<SqliteConnection>>),
}

impl Pool {
    pub(super) fn new(
        location: &Location,
        options: &StoreOptions,
        statements: &Statements,
    ) -> Result<Self, StoreError> {
        Ok(match location {
            Location::Postgres(url) => {
                let manager =
                    PostgresManager { url: url.clone(), options: options.clone(), statements: statements.clone() };
                // After a restart of Postgres every pooled connection is dead, and after a failover those to the old primary take no
                // changes. Asking before each use finds both out for reads and writes alike, and is cheap because no hit path comes
                // here. (Noticing afterwards would need retries, and a write whose commit may have happened must not be retried.)
                Pool::Postgres(builder(options).test_on_check_out(true).build_unchecked(manager))
            }
            Location::Sqlite(path) => {
                let manager = ConnectionManager::new(sqlite_uri(path)?);
                let builder = builder(options).test_on_check_out(false);
                Pool::Sqlite(
                    builder
                        .connection_customizer(Box::new(PrepareSqlite(options.statement_timeout)))
                        .build_unchecked(manager),
                )
            }
        })
    }

    /// How many connections there are, how many of them nobody uses, and the most that there may be.
    pub(super) fn size(&self) -> (u32, u32, u32) {
        let (state, most) = match self {
            Pool::Postgres(pool) => (pool.state(), pool.max_size()),
            Pool::Sqlite(pool) => (pool.state(), pool.max_size()),
        };
        (state.connections, state.idle_connections, most)
    }
}

fn builder<M: r2d2::ManageConnection>(options: &StoreOptions) -> r2d2::Builder<M> {
    r2d2::Pool::builder()
        .max_size(options.pool_size.max(1))
        // None in advance: the pool would open them on threads of its own, also while a short command is about to end.
        .min_idle(Some(0))
        .connection_timeout(options.acquire_timeout.max(Duration::from_millis(1)))
        // Whoever waited for the connection gets the error; the pool's own retries need not fill the log.
        .error_handler(Box::new(r2d2::NopErrorHandler))
}

/// Opens and checks the pool's connections to Postgres.
pub(super) struct PostgresManager {
    url: PostgresUrl,
    options: StoreOptions,
    statements: Statements,
}

impl r2d2::ManageConnection for PostgresManager {
    type Connection = PgConnection;
    type Error = StoreError;

    fn connect(&self) -> Result<PgConnection, StoreError> {
        open_postgres(&self.url, &self.options, &self.statements)
    }

    fn is_valid(&self, connection: &mut PgConnection) -> Result<(), StoreError> {
        self.url.check(connection)
    }

    fn has_broken(&self, connection: &mut PgConnection) -> bool {
        thread::panicking()
            || <PgConnection as diesel::Connection>::TransactionManager::is_broken_transaction_manager(connection)
    }
}

#[derive(Debug)]
struct PrepareSqlite(Duration);

impl CustomizeConnection<SqliteConnection, ManagerError> for PrepareSqlite {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), ManagerError> {
        Ok(prepare_sqlite(connection, self.0)?)
    }
}
