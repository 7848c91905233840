//! The database: PostgreSQL, or SQLite embedded. The only place that names diesel.
//!
//! One file per group of tables holds plain functions over a [`Conn`] that return values of `domain`. [`Store`] hands out connections.
//! Every function blocks: call them from `web::block` or a thread of your own.

mod bulk;
mod connection;
mod error;
mod lane;
mod listen;
mod location;
mod migrate;
mod origin;
mod pool;
mod pooling;
mod rows;
mod schema;
mod statements;

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
pub mod pending_joins;
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

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
    thread::ThreadId,
    time::Duration,
};

use diesel::RunQueryDsl as _;

use crate::metrics::Page;

pub use self::{
    bulk::Write,
    connection::{Conn, Dedicated},
    error::StoreError,
    lane::{Cut, Lane},
    listen::ChangeWatch,
    origin::Origin,
};
use self::{
    connection::{check_file, each},
    location::Location,
    pool::{Pool, PostgresManager},
    statements::Statements,
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
    /// Whether a pooler may give the sessions of Postgres to others after each transaction (PgBouncer's transaction mode).
    pub transaction_pooling: bool,
    /// Whether statements are prepared on Postgres. A pooler may mix up those of several clients.
    pub prepared_statements: bool,
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
            transaction_pooling: false,
            prepared_statements: true,
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
    /// Exchanged for a new one when connections of it wait in vain.
    pool: Arc<RwLock<Pool>>,
    location: Location,
    options: StoreOptions,
    statements: Statements,
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
        let statements = Statements::default();
        match &location {
            Location::Postgres(url) => pooling::check(url, options, &statements)?,
            Location::Sqlite(_) => Dedicated::open(&location, options, &statements).map(drop)?,
        }
        let pool = Arc::new(RwLock::new(Pool::new(&location, options, &statements)?));
        Ok(Self { pool, location, options: options.clone(), statements })
    }

    /// Which database it is.
    pub fn engine(&self) -> Engine {
        match self.location {
            Location::Postgres(_) => Engine::Postgres,
            Location::Sqlite(_) => Engine::Sqlite,
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
        match self.pool() {
            Pool::Postgres(pool) => work(&mut Conn::Postgres(&mut *self.take(&pool).map_err(no_connection)?)),
            Pool::Sqlite(pool) => work(&mut Conn::Sqlite(&mut *pool.get().map_err(no_connection)?)),
        }
    }

    fn take(&self, pool: &r2d2::Pool<PostgresManager>) -> Result<r2d2::PooledConnection<PostgresManager>, r2d2::Error> {
        pool.get().or_else(|error| {
            // Those who wait in vain may have had all of its connections.
            match self.leave_hanging().then(|| self.pool()) {
                Some(Pool::Postgres(renewed)) => renewed.get(),
                _ => Err(error),
            }
        })
    }

    fn pool(&self) -> Pool {
        self.pool.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives up the connections whose database does not answer, and the rest of the pool with them: a new one is begun, and what is
    /// asked from now on is asked there. `false` when there are none that are not given up yet. Cheap.
    pub fn leave_hanging(&self) -> bool {
        if !self.statements.leave_hanging() {
            return false;
        }
        let renewed = Pool::new(&self.location, &self.options, &self.statements);
        let Ok(renewed) = renewed.inspect_err(|error| log::error!("the database pool cannot be renewed: {error}"))
        else {
            return false;
        };
        log::warn!("the database did not answer on a connection, although others may work: all are opened anew");
        let old = std::mem::replace(&mut *self.pool.write().unwrap_or_else(PoisonError::into_inner), renewed);
        drop(old);
        true
    }

    /// Whether this thread waits in vain for the database.
    pub fn hangs(&self, thread: ThreadId) -> bool {
        self.statements.hangs(thread)
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
        let (all, idle, most) = self.pool().size();
        let help = "Connections of the database pool, by whether a request has them.";
        for (name, count) in [("idle", idle), ("in_use", all.saturating_sub(idle))] {
            page.gauge("tessera_database_connections", help, &[("state", name)], f64::from(count));
        }
        let help = "The most connections that the database pool opens.";
        page.gauge("tessera_database_connections_max", help, &[], f64::from(most));
    }

    /// How long a question takes at most while the database answers at all: the wait for a connection, and a statement.
    pub fn longest_wait(&self) -> Duration {
        self.options.acquire_timeout.saturating_add(self.options.statement_timeout)
    }

    /// Opens a connection outside the pool.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn dedicated(&self) -> Result<Dedicated, StoreError> {
        Dedicated::open(&self.location, &self.options, &self.statements)
    }

    /// The most connections of the pool.
    pub fn pool_size(&self) -> u32 {
        self.options.pool_size.max(1)
    }
}

fn no_connection<E: From<StoreError>>(error: r2d2::Error) -> E {
    StoreError::Unavailable(error.to_string().trim().to_owned()).into()
}
