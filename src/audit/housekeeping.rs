//! Once a day: tomorrow's partition, and the end of what is too old.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use super::{chain::day_of, writer::Writer};
use crate::store::{StoreError, audit_records};

/// How often a server that nobody asks anything looks at the clock: what is too old goes all the same.
pub(super) const LOOK: Duration = Duration::from_secs(600);
/// The pause between two pieces of what is to be dropped.
const BETWEEN_PIECES: Duration = Duration::from_millis(200);
/// When a failed attempt is made again. Dropping may wait for a reader, such as a verification, and every node's writer behind it.
const AGAIN: Duration = Duration::from_secs(1800);

impl Writer {
    /// Once a day, and at the start: makes tomorrow's partition, so that midnight is like any other time, and drops what is too old. A
    /// failure costs nobody a request; it is tried again half an hour later. Says how long nothing is to do.
    pub(super) fn keep_house(&mut self) -> Duration {
        let today = day_of(self.clock.now_millis());
        if self.kept_house == Some(today) || self.house_failed.is_some_and(|failure| failure.elapsed() < AGAIN) {
            return self.look;
        }
        match self.try_keep_house(today) {
            Ok(true) => return BETWEEN_PIECES,
            Ok(false) => (self.kept_house, self.house_failed) = (Some(today), None),
            Err(error) => {
                self.house_failed = Some(Instant::now());
                log::warn!("the audit log's daily housekeeping failed, and is tried again in half an hour: {error}");
            }
        }
        self.look
    }

    /// `true` when there is more to drop.
    fn try_keep_house(&mut self, today: i64) -> Result<bool, StoreError> {
        let tomorrow = today.saturating_add(1);
        let kept = i64::from(self.options.retention_days.max(1));
        let more = self.with_database(move |conn| {
            [today, tomorrow].into_iter().try_for_each(|day| audit_records::prepare_day(conn, day))?;
            audit_records::drop_before(conn, tomorrow.saturating_sub(kept))
        })?;
        // Another node may have dropped any other day.
        self.prepared = BTreeSet::from([today, tomorrow]);
        Ok(more)
    }
}
