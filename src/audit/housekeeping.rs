//! Once a day: tomorrow's partition, and the end of what is too old.

use std::collections::BTreeSet;

use super::{chain::day_of, writer::Writer};
use crate::store::{StoreError, audit_records};

impl Writer {
    /// Once a day, and at the start: makes tomorrow's partition, so that midnight is like any other time, and drops what is too old. A failure
    /// costs nobody a request; it is tried again with the next batch of another day or after a restart.
    pub(super) fn keep_house(&mut self) {
        let today = day_of(self.clock.now_millis());
        if self.kept_house == Some(today) {
            return;
        }
        match self.try_keep_house(today) {
            Ok(true) => {}
            Ok(false) => self.kept_house = Some(today),
            Err(error) => {
                self.connection = None;
                self.kept_house = Some(today);
                log::warn!("the audit log's daily housekeeping failed, and is tried again tomorrow: {error}");
            }
        }
    }

    /// `true` when there is more to drop.
    fn try_keep_house(&mut self, today: i64) -> Result<bool, StoreError> {
        let tomorrow = today.saturating_add(1);
        let kept = i64::from(self.options.retention_days.max(1));
        let connection = self.connection()?;
        for day in [today, tomorrow] {
            audit_records::prepare_day(&mut connection.conn(), day)?;
        }
        let more = audit_records::drop_before(&mut connection.conn(), tomorrow.saturating_sub(kept))?;
        // Another node may have dropped any other day.
        self.prepared = BTreeSet::from([today, tomorrow]);
        Ok(more)
    }
}
