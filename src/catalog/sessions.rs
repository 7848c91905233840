//! Sessions that are over are deleted in time.

use super::Catalog;
use crate::{
    domain::environment::MAX_ACCESS_TOKEN_LIFETIME,
    store::{StoreError, login_sessions, sessions},
};

impl Catalog {
    /// Deletes some of the sessions that are over, with their refresh tokens. Not before their last access tokens have expired too: until
    /// then, revoking what a session came of must find it. `true` when there may be more.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn delete_sessions(&self) -> Result<bool, StoreError> {
        let before = self.clock.now().saturating_sub(MAX_ACCESS_TOKEN_LIFETIME);
        let more = self.store.transact(|conn| sessions::sweep(conn, before))?;
        Ok(self.store.transact(|conn| login_sessions::sweep(conn, before))? || more)
    }
}
