//! Whether this node hears of what is changed and revoked elsewhere.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Catalog, LoadError, blocking::Kind};
use crate::store::StoreError;

/// What is asked of a node that does not hear of revocations.
#[derive(Debug, Clone, Copy)]
pub struct RevocationPolicy {
    /// How long a node may be out of touch with the database before it counts as not knowing what is revoked.
    pub max_staleness: Duration,
    /// Whether it then refuses what depends on that, instead of going by what it knows.
    pub strict: bool,
}

impl Catalog {
    /// How long ago this node last knew of everything that is in the database.
    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.millis().saturating_sub(self.last_look.load(Ordering::Relaxed)))
    }

    /// Whether something may have been revoked of which this node has not heard, for longer than is put up with.
    pub fn is_stale(&self) -> bool {
        self.silence() > self.revocation.max_staleness
    }

    /// How often the database must be asked for changes, so that silence means that it cannot be.
    pub(super) fn longest_interval(&self) -> Duration {
        self.revocation.max_staleness / 3
    }

    /// Whether this node may say that something is *not* revoked.
    ///
    /// # Errors
    /// It has been out of touch for too long, and is set to be strict about it.
    pub fn check_fresh(&self) -> Result<(), StoreError> {
        if self.revocation.strict && self.is_stale() {
            let seconds = self.silence().as_secs();
            return Err(StoreError::unavailable(format!("no revocation could be heard of for {seconds} s")));
        }
        Ok(())
    }

    /// Reads what changed in the database now, without waiting to hear of it.
    ///
    /// # Errors
    /// The database fails, or too many wait for it.
    pub async fn catch_up(self: &Arc<Self>) -> Result<(), StoreError> {
        self.on_blocking_thread(Kind::Short, |catalog| {
            catalog.check_rest()?;
            catalog.refresh().map_err(|error| match error {
                LoadError::Store(error) => error,
                LoadError::Key { .. } => StoreError::unavailable(error.to_string()),
            })
        })
        .await
    }
}
