//! The newest records, and those that come.

use std::collections::BTreeMap;

use crate::store::{
    Conn, Store, StoreError,
    audit_reading::{self, AuditFilter},
    audit_records::AuditRow,
};

/// How far a follower has read: the last number of each chain of the last two days.
#[derive(Debug)]
pub struct Follower {
    seen: BTreeMap<String, i64>,
    since_day: i64,
}

/// The newest records that `filter` lets through, `count` at most and oldest first, and a follower that knows all until now.
///
/// # Errors
/// The database failed.
pub fn newest(store: &Store, filter: &AuditFilter, count: usize) -> Result<(Vec<AuditRow>, Follower), StoreError> {
    store.snapshot(|conn| {
        let mut found = Vec::new();
        let mut before = i64::MAX;
        while found.len() < count
            && let Some(day) = audit_reading::previous_day(conn, before)?
        {
            let limit = i64::try_from(count - found.len()).unwrap_or(i64::MAX);
            found.extend(audit_reading::newest(conn, day, filter, limit)?);
            before = day;
        }
        found.reverse();
        Ok((found, Follower::from_now(conn)?))
    })
}

impl Follower {
    /// The records since the last call, in the order of time.
    ///
    /// # Errors
    /// The database failed.
    pub fn next(&mut self, store: &Store) -> Result<Vec<AuditRow>, StoreError> {
        let mut found = Vec::new();
        store.snapshot(|conn| self.advance(conn, |row| found.push(row)))?;
        found.sort_by(|a, b| (a.time_ms, &a.node, a.seq).cmp(&(b.time_ms, &b.node, b.seq)));
        Ok(found)
    }

    /// One that knows all that is there.
    fn from_now(conn: &mut Conn<'_>) -> Result<Self, StoreError> {
        let newest = audit_reading::previous_day(conn, i64::MAX)?;
        let mut follower = Self { seen: BTreeMap::new(), since_day: newest.map_or(i64::MIN, |day| day - 1) };
        let mut next = follower.since_day;
        while let Some(day) = audit_reading::next_day(conn, next)? {
            let mut after = String::new();
            while let Some(node) = audit_reading::next_node(conn, day, &after)? {
                let last = audit_reading::last_seq(conn, day, &node)?.unwrap_or(0);
                let known = follower.seen.entry(node.clone()).or_insert(last);
                *known = (*known).max(last);
                after = node;
            }
            next = day.saturating_add(1);
        }
        Ok(follower)
    }

    fn advance(&mut self, conn: &mut Conn<'_>, mut take: impl FnMut(AuditRow)) -> Result<(), StoreError> {
        let mut seen = BTreeMap::new();
        let (mut next, mut newest) = (self.since_day, None);
        while let Some(day) = audit_reading::next_day(conn, next)? {
            let mut after = String::new();
            while let Some(node) = audit_reading::next_node(conn, day, &after)? {
                // Of the call before, for all days: around midnight a later number may stand in the earlier day.
                let mut seq = self.seen.get(&node).copied().unwrap_or(0);
                loop {
                    let rows = audit_reading::page(conn, day, &node, seq)?;
                    let Some(last) = rows.last() else { break };
                    seq = last.seq;
                    rows.into_iter().for_each(&mut take);
                }
                let known = seen.entry(node.clone()).or_insert(seq);
                *known = (*known).max(seq);
                after = node;
            }
            newest = Some(day);
            next = day.saturating_add(1);
        }
        self.seen = seen;
        self.since_day = newest.map_or(self.since_day, |day| day - 1);
        Ok(())
    }
}
