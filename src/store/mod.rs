//! The database: PostgreSQL, or SQLite embedded. The only place that names diesel.
//!
//! One file per group of tables holds plain functions over a [`Conn`] that return values of `domain`. [`Store`] hands out connections.
//! Every function blocks: call them from `web::block` or a thread of your own.

mod connection;
mod error;
mod listen;
mod location;
mod migrate;
mod origin;
mod rows;
mod schema;

pub mod applications;
pub mod attempts;
pub mod audit_reading;
pub mod audit_records;
pub mod authorization_codes;
pub mod authorization_requests;
pub mod client_secrets;
pub mod clients;
pub mod environments;
pub mod exchange_rules;
pub mod failures;
pub mod identity_connections;
pub mod leases;
pub mod login_sessions;
pub mod logout_deliveries;
pub mod managed_services;
pub mod one_time_codes;
pub mod password_resets;
pub mod passwords;
pub mod permissions;
pub mod profiles;
pub mod refresh_tokens;
pub mod resource_servers;
pub mod revocations;
pub mod secret_uses;
pub mod sendings;
pub mod sessions;
pub mod signing_keys;
pub mod tenants;
pub mod totp;
pub mod totp_transactions;
pub mod user_applications;
pub mod user_details;
pub mod user_identifiers;
pub mod user_identities;
pub mod user_listing;
pub mod users;
pub mod webauthn_ceremonies;
pub mod webauthn_credentials;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::{fmt, time::Duration};

use diesel::{
    PgConnection, RunQueryDsl as _, SqliteConnection,
    r2d2::{ConnectionManager, CustomizeConnection, Error as ManagerError, NopErrorHandler},
};

use crate::metrics::Page;

pub use self::{
    connection::{Conn, Dedicated},
    error::StoreError,
    listen::ChangeWatch,
    origin::Origin,
};
use self::{
    connection::{check_file, each, prepare_postgres, prepare_sqlite},
    location::Location,
};

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// PostgreSQL.
    Postgres,
    /// SQLite.
    Sqlite,
}

/// How to reach the database.
#[derive(Clone)]
pub struct StoreOptions {
    /// `postgres://…` or `sqlite://PATH`. May hold a password, and is never shown.
    pub url: String,
    /// Makes the file of an embedded database, and its folder, if they are not there.
    pub create: bool,
    /// The most connections in the pool. The audit writer and the watch for changes have one each besides.
    pub pool_size: u32,
    /// The longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// The longest that a statement may run (Postgres) or wait for a lock (SQLite).
    pub statement_timeout: Duration,
}

impl StoreOptions {
    /// The defaults, for this database.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            create: false,
            pool_size: 8,
            acquire_timeout: Duration::from_secs(2),
            statement_timeout: Duration::from_secs(5),
        }
    }
}

impl fmt::Debug for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreOptions")
            .field("create", &self.create)
            .field("pool_size", &self.pool_size)
            .finish_non_exhaustive()
    }
}

/// The database. Cheap to clone; all clones share one pool.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
    location: Location,
    statement_timeout: Duration,
    acquire_timeout: Duration,
}

#[derive(Clone)]
enum Pool {
    Postgres(r2d2::Pool<ConnectionManager<PgConnection>>),
    Sqlite(r2d2::Pool<ConnectionManager<SqliteConnection>>),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("location", &self.location).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the database and makes sure that it answers. Does not migrate.
    ///
    /// # Errors
    /// The URL is not usable, the file is not there and was not to be made, or the database does not answer; the text says which.
    pub fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let location = Location::parse(&options.url)?;
        if let Location::Sqlite(path) = &location {
            check_file(path, options.create)?;
        }
        // Not from the pool, whose error is "timed out" first and the cause second. On a new file this is also what switches it to
        // WAL, before several connections would try to at once.
        Dedicated::open(&location, options.statement_timeout)?;
        let pool = Pool::new(&location, options)?;
        let StoreOptions { statement_timeout, acquire_timeout, .. } = *options;
        Ok(Self { pool, location, statement_timeout, acquire_timeout })
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self.pool {
            Pool::Postgres(_) => Engine::Postgres,
            Pool::Sqlite(_) => Engine::Sqlite,
        }
    }

    /// Runs `work` with a connection of the pool, each statement on its own.
    ///
    /// # Errors
    /// No connection, or those of `work`.
    pub fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        match &self.pool {
            Pool::Postgres(pool) => work(&mut Conn::Postgres(&mut *pool.get().map_err(no_connection)?)),
            Pool::Sqlite(pool) => work(&mut Conn::Sqlite(&mut *pool.get().map_err(no_connection)?)),
        }
    }

    /// Runs `work` on one state of the database: no half of another's transaction is seen. For loading what belongs together.
    ///
    /// # Errors
    /// No connection, or those of `work`.
    pub fn snapshot<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        self.read(|conn| conn.snapshot(work))
    }

    /// Runs `work` in one transaction: committed on `Ok`, rolled back on `Err`. A refusal whose traces must stay is an `Ok`.
    ///
    /// # Errors
    /// No connection, a failed commit, or those of `work`.
    pub fn transact<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut Conn<'_>) -> Result<T, E>,
        E: From<StoreError>,
    {
        self.read(|conn| conn.transact(work))
    }

    /// Makes sure that the database answers.
    ///
    /// # Errors
    /// It does not.
    pub fn ping(&self) -> Result<(), StoreError> {
        self.read(|conn| {
            each!(conn, c => diesel::sql_query("SELECT 1").execute(c))?;
            Ok(())
        })
    }

    /// Writes how many connections of the pool are in use onto `page`. Asks the database nothing.
    pub fn expose(&self, page: &mut Page) {
        let (state, most) = match &self.pool {
            Pool::Postgres(pool) => (pool.state(), pool.max_size()),
            Pool::Sqlite(pool) => (pool.state(), pool.max_size()),
        };
        let help = "Connections of the database pool, by whether a request has them.";
        let in_use = state.connections.saturating_sub(state.idle_connections);
        for (name, count) in [("idle", state.idle_connections), ("in_use", in_use)] {
            page.gauge("tessera_database_connections", help, &[("state", name)], f64::from(count));
        }
        let help = "The most connections that the database pool opens.";
        page.gauge("tessera_database_connections_max", help, &[], f64::from(most));
    }

    /// How long a question takes at most while the database answers at all: the wait for a connection, and a statement.
    pub fn longest_wait(&self) -> Duration {
        self.acquire_timeout.saturating_add(self.statement_timeout)
    }

    /// Opens a connection outside the pool.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn dedicated(&self) -> Result<Dedicated, StoreError> {
        Dedicated::open(&self.location, self.statement_timeout)
    }
}

fn no_connection<E: From<StoreError>>(error: r2d2::Error) -> E {
    StoreError::Unavailable(error.to_string().trim().to_owned()).into()
}

impl Pool {
    fn new(location: &Location, options: &StoreOptions) -> Result<Self, StoreError> {
        let timeout = options.statement_timeout;
        Ok(match location {
            // After a restart of Postgres every pooled connection is dead. Asking `SELECT 1` before each use finds that out for reads
            // and writes alike, and is cheap because no hit path comes here. (Noticing afterwards would need retries, and a write whose
            // commit may have happened must not be retried.)
            Location::Postgres(url) => Pool::Postgres(pool(url, true, options, PreparePostgres(timeout))),
            Location::Sqlite(path) => {
                Pool::Sqlite(pool(&location::sqlite_uri(path)?, false, options, PrepareSqlite(timeout)))
            }
        })
    }
}

fn pool<C: diesel::r2d2::R2D2Connection + Send + 'static>(
    url: &str,
    test_on_check_out: bool,
    options: &StoreOptions,
    prepare: impl CustomizeConnection<C, ManagerError>,
) -> r2d2::Pool<ConnectionManager<C>> {
    r2d2::Pool::builder()
        .max_size(options.pool_size.max(1))
        // None in advance: the pool would open them on threads of its own, also while a short command is about to end.
        .min_idle(Some(0))
        .connection_timeout(options.acquire_timeout.max(Duration::from_millis(1)))
        .test_on_check_out(test_on_check_out)
        // Whoever waited for the connection gets the error; the pool's own retries need not fill the log.
        .error_handler(Box::new(NopErrorHandler))
        .connection_customizer(Box::new(prepare))
        .build_unchecked(ConnectionManager::new(url))
}

#[derive(Debug)]
struct PreparePostgres(Duration);

impl CustomizeConnection<PgConnection, ManagerError> for PreparePostgres {
    fn on_acquire(&self, connection: &mut PgConnection) -> Result<(), ManagerError> {
        Ok(prepare_postgres(connection, self.0)?)
    }
}

#[derive(Debug)]
struct PrepareSqlite(Duration);

impl CustomizeConnection<SqliteConnection, ManagerError> for PrepareSqlite {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), ManagerError> {
        Ok(prepare_sqlite(connection, self.0)?)
    }
}
