//! Opening the database, with a schema that this version can use.

use super::StartError;
use crate::{
    operations::{migrations, operator::Operator},
    settings::Settings,
    store::{Store, StoreError, StoreOptions},
};

/// Opens the database of the settings. It must be there: a mistyped path is not a new database.
///
/// # Errors
/// It cannot be used.
pub fn open_store(settings: &Settings) -> Result<Store, StoreError> {
    open(settings, false)
}

/// The same, for the commands that set up: they make the embedded database if it is not there.
///
/// # Errors
/// It cannot be made or used.
pub fn create_store(settings: &Settings) -> Result<Store, StoreError> {
    open(settings, settings.database.sqlite_file().is_some())
}

fn open(settings: &Settings, create: bool) -> Result<Store, StoreError> {
    let database = &settings.database;
    Store::open(&StoreOptions {
        url: database.url.reveal().to_owned(),
        create,
        pool_size: database.pool_size,
        acquire_timeout: database.acquire_timeout,
        statement_timeout: database.statement_timeout,
        transaction_pooling: database.transaction_pooling,
        prepared_statements: database.prepared_statements,
    })
}

/// Makes sure that no newer version has changed the schema. This one does not know what that version relies on.
///
/// # Errors
/// There are migrations that this version does not have, or the database fails.
pub fn not_newer(store: &Store) -> Result<(), StartError> {
    let unknown = store.unknown_migrations()?;
    if unknown.is_empty() { Ok(()) } else { Err(StartError::NewerSchema(unknown.join(", "))) }
}

/// Makes sure that the schema is of this version; runs pending migrations where the settings say so.
///
/// # Errors
/// The schema is newer, migrations are pending and may not be run, or one failed.
pub fn migrated(store: &Store, settings: &Settings, operator: &Operator<'_>) -> Result<(), StartError> {
    not_newer(store)?;
    let pending = store.pending_migrations()?;
    if pending.is_empty() {
        return Ok(());
    }
    if !settings.database.migrate {
        return Err(StartError::PendingMigrations(pending.join(", ")));
    }
    for migration in migrations::run(store, operator)? {
        log::info!("migrated: {migration}");
    }
    Ok(())
}
