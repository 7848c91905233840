//! Migrations, and the record of them.

use super::operator::{Done, Operator};
use crate::store::{Store, StoreError};

/// Runs the pending migrations, records which they were and returns their names. The record cannot be in the transactions of the
/// migrations, since one of them makes its table; which have run is in the database in any case.
///
/// # Errors
/// The database does not answer, or refuses a migration.
pub fn run(store: &Store, operator: &Operator<'_>) -> Result<Vec<String>, StoreError> {
    let run = store.migrate()?;
    if !run.is_empty() {
        let done = run.iter().map(|name| Done { subject: name.clone(), ..Done::default() });
        operator.tell(store, "migrate", done.collect())?;
    }
    Ok(run)
}
