//! Migrations, embedded in the binary: one folder per engine, the same names in both.

use std::time::Duration;

use diesel::{
    QueryDsl as _, RunQueryDsl as _,
    backend::Backend,
    connection::SimpleConnection as _,
    dsl::sql,
    migration::{Migration, MigrationSource},
    sql_types::Bool,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::{Conn, Dedicated, Store, StoreError, StoreOptions, connection::each};

pub(super) const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
pub(super) const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");

/// Held while migrating, so that nodes that start together do not race. An arbitrary number that nobody else uses.
const MIGRATION_LOCK: i64 = 0x7E55_E8A0_0001;

/// How long a migration waits for the lock of an embedded database.
const SQLITE_LOCK_TIMEOUT: Duration = Duration::from_secs(60);

diesel::table! {
    __diesel_schema_migrations (version) {
        version -> Text,
    }
}

impl Store {
    /// The names of the migrations that have not run yet, in order. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn pending_migrations(&self) -> Result<Vec<String>, StoreError> {
        let applied = self.read(applied)?;
        let all = self.known_migrations()?;
        Ok(all.into_iter().filter(|(version, _)| !applied.contains(version)).map(|(_, name)| name).collect())
    }

    /// The versions of the migrations that a newer version of the server has run, in order. Changes nothing.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn unknown_migrations(&self) -> Result<Vec<String>, StoreError> {
        let all = self.known_migrations()?;
        let mut unknown = self.read(applied)?;
        unknown.retain(|version| !all.iter().any(|(known, _)| known == version));
        unknown.sort();
        Ok(unknown)
    }

    /// Version and name of each migration of this version of the server, in order.
    fn known_migrations(&self) -> Result<Vec<(String, String)>, StoreError> {
        match self.engine() {
            super::Engine::Postgres => versions::<diesel::pg::Pg>(&POSTGRES),
            super::Engine::Sqlite => versions::<diesel::sqlite::Sqlite>(&SQLITE),
        }
    }

    /// Runs the pending migrations and returns their names. All of them happen, or none; a second node that runs them at the same time
    /// waits, and then finds nothing to do.
    ///
    /// # Errors
    /// The database does not answer, or refuses a migration.
    pub fn migrate(&self) -> Result<Vec<String>, StoreError> {
        let timeout = match self.engine() {
            // None: a migration of a large table may take its time.
            super::Engine::Postgres => Duration::ZERO,
            // How long to wait for the lock. From the start: to open the file is to need it already, and none would mean not
            // to wait at all. Nobody waits for long: these are small databases.
            super::Engine::Sqlite => SQLITE_LOCK_TIMEOUT,
        };
        let options = StoreOptions { statement_timeout: timeout, ..self.options.clone() };
        let mut connection = Dedicated::open(&self.location, &options, &self.statements)?;
        connection.conn().transact(|conn| match conn {
            Conn::Postgres(c) => {
                // Both end with the transaction, so that nothing stays behind in a session that a pooler gives to others.
                c.batch_execute("SET LOCAL statement_timeout = 0")?;
                diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
                    .bind::<diesel::sql_types::BigInt, _>(MIGRATION_LOCK)
                    .execute(*c)?;
                run_pending(*c, &POSTGRES)
            }
            // SQLite's own write lock does the same, taken before the pending ones are counted.
            Conn::Sqlite(c) => run_pending(*c, &SQLITE),
        })
    }
}

fn run_pending<DB, C>(connection: &mut C, source: &EmbeddedMigrations) -> Result<Vec<String>, StoreError>
where
    DB: Backend,
    C: MigrationHarness<DB>,
    EmbeddedMigrations: MigrationSource<DB>,
{
    let failed = |error: Box<dyn std::error::Error + Send + Sync>| StoreError::Migration(error.to_string());
    let pending = MigrationSource::<DB>::migrations(source).map_err(failed)?;
    let applied = connection.applied_migrations().map_err(failed)?;
    let mut done = Vec::new();
    for migration in pending {
        if !applied.contains(&migration.name().version().as_owned()) {
            connection.run_migration(&migration).map_err(failed)?;
            done.push(migration.name().to_string());
        }
    }
    Ok(done)
}

/// What diesel's table says has run; nothing when it is not there. (Diesel's own look-up would create it, which a read must not, and
/// which two nodes cannot do at once.)
fn applied(conn: &mut Conn<'_>) -> Result<Vec<String>, StoreError> {
    let exists: bool = match conn {
        Conn::Postgres(c) => {
            diesel::select(sql::<Bool>("to_regclass('__diesel_schema_migrations') IS NOT NULL")).get_result(*c)?
        }
        Conn::Sqlite(c) => diesel::select(sql::<Bool>(
            "EXISTS (SELECT 1 FROM sqlite_master WHERE name = '__diesel_schema_migrations')",
        ))
        .get_result(*c)?,
    };
    if !exists {
        return Ok(Vec::new());
    }
    let versions = each!(conn, c => __diesel_schema_migrations::table
        .select(__diesel_schema_migrations::version)
        .load::<String>(c))?;
    Ok(versions)
}

/// Version and name of each migration, in order.
fn versions<DB: Backend>(source: &EmbeddedMigrations) -> Result<Vec<(String, String)>, StoreError>
where
    EmbeddedMigrations: MigrationSource<DB>,
{
    let migrations: Vec<Box<dyn Migration<DB>>> =
        source.migrations().map_err(|error| StoreError::Migration(error.to_string()))?;
    Ok(migrations.iter().map(|m| (m.name().version().to_string(), m.name().to_string())).collect())
}
