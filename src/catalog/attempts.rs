//! What is forgotten of those who tried to sign in.

use super::Catalog;
use crate::store::{StoreError, attempts, password_resets, totp_transactions};

/// For how many seconds failures are remembered of identifiers that are nobody's: longer than whoever tries out who there is by
/// waiting for locks would wait, and short enough that trying fills no database.
const NOBODYS_ATTEMPTS_KEPT: i64 = 30 * 24 * 3600;

impl Catalog {
    /// Deletes some of the transactions that nobody confirmed in time, of the resets that nobody finished, and of the failures of
    /// identifiers that are nobody's. `true` when there may be more.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn delete_attempts(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let more = self.store.transact(|conn| totp_transactions::sweep(conn, now))?;
        let more = self.store.transact(|conn| password_resets::sweep(conn, now))? || more;
        let before = now.saturating_sub(NOBODYS_ATTEMPTS_KEPT);
        Ok(self.store.transact(|conn| attempts::sweep(conn, before))? || more)
    }
}
