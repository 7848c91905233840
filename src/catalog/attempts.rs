//! What is forgotten of those who tried to sign in.

use super::Catalog;
use crate::store::{StoreError, attempts, one_time_codes, password_resets, sendings, totp_transactions};

/// For how many seconds failures are remembered of identifiers that are nobody's: longer than whoever tries out who there is by
/// waiting for locks would wait, and short enough that trying fills no database.
const NOBODYS_ATTEMPTS_KEPT: i64 = 30 * 24 * 3600;

/// For how many seconds a code is remembered that has expired: so long whoever presents it is told so.
const EXPIRED_CODES_KEPT: i64 = 3600;

impl Catalog {
    /// Deletes some of the one-time codes and links that have expired, and of the counts of messages that say nothing any more. `true`
    /// when there may be more.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn delete_codes(&self) -> Result<bool, StoreError> {
        let now = self.clock.now();
        let more = self.store.transact(|conn| sendings::sweep(conn, now))?;
        let before = now.saturating_sub(EXPIRED_CODES_KEPT);
        Ok(self.store.transact(|conn| one_time_codes::sweep(conn, before))? || more)
    }

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
