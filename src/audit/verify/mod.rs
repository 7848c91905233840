//! Finds out whether anything in the audit log was changed, removed, added or moved.
//!
//! Records may come in any order; what is kept per chain is its unbroken stretches, and of these there is one as long as records come
//! in the order of their numbers. So a log of any length is checked in the memory that its chains take, about 200 bytes each.

mod stretches;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use self::stretches::Chain;
use super::chain::{columns_match, day_of, from_hex, hash, hex};
use crate::store::{Conn, Store, StoreError, audit_reading, audit_records::AuditRow};

const DAY_MS: i64 = 86_400_000;

/// The first record of a chain that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chain {node}, record {seq}: {what}")]
pub struct Broken {
    /// The chain.
    pub node: String,
    /// The number of the record.
    pub seq: i64,
    /// In which way.
    pub what: &'static str,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many records there are.
    pub records: u64,
    /// How many chains they belong to.
    pub chains: u64,
    /// How many chains begin with a later record than their first: what was before is dropped, or was left out on purpose.
    pub without_beginning: u64,
    /// Of each chain that is broken, the first record that does not fit.
    pub broken: Vec<Broken>,
}

/// What a record is in its chain.
pub(super) struct Link<'a> {
    pub(super) node: &'a str,
    pub(super) seq: i64,
    pub(super) time_ms: i64,
    pub(super) previous_hash: &'a str,
    pub(super) hash: &'a str,
    pub(super) record: &'a str,
}

/// Checks records one by one.
#[derive(Debug, Default)]
pub(super) struct Verification {
    chains: BTreeMap<String, Chain>,
    records: u64,
}

impl Verification {
    /// Takes a row of the database, whose columns must say what its text says: searches go by them.
    fn add_row(&mut self, row: &AuditRow) {
        let AuditRow { node, seq, time_ms, previous_hash, hash, record, .. } = row;
        let link = Link { node, seq: *seq, time_ms: *time_ms, previous_hash, hash, record };
        self.add(&link);
        if !columns_match(row)
            && let Some(chain) = self.chains.get_mut(node)
        {
            chain.breaks(*seq, "a column differs from its text");
        }
    }

    /// Takes a record.
    pub(super) fn add(&mut self, link: &Link<'_>) {
        self.records += 1;
        if !self.chains.contains_key(link.node) {
            self.chains.insert(link.node.to_owned(), Chain::default());
        }
        let Some(chain) = self.chains.get_mut(link.node) else { return };
        let (Some(previous), Some(own)) = (from_hex(link.previous_hash), from_hex(link.hash)) else {
            return chain.breaks(link.seq, "a hash of it is none");
        };
        if link.seq < 1 {
            return chain.breaks(link.seq, "its number is none");
        }
        if hex(&hash(&previous, link.node, link.seq, link.record)) != link.hash {
            chain.breaks(link.seq, "its text, number or chain was changed");
        }
        chain.add(link, previous, own);
    }

    /// What was found. The records are those since `begins_ms` (milliseconds since 1970), and until `ends_ms` if the last ones
    /// were left out on purpose.
    pub(super) fn finish(mut self, begins_ms: i64, ends_ms: Option<i64>) -> Report {
        let mut report = Report { records: self.records, chains: self.chains.len() as u64, ..Report::default() };
        for (node, chain) in &mut self.chains {
            chain.finish(begins_ms, ends_ms);
            report.without_beginning += u64::from(chain.is_without_beginning());
            let broken = chain.broken.map(|(seq, what)| Broken { node: node.clone(), seq, what });
            report.broken.extend(broken);
        }
        report
    }
}

/// Checks the audit log in a database, from the beginning of the day of `since_ms` (milliseconds since 1970) on, or all of it. All that
/// is read is of one moment, so that a server may go on writing.
///
/// # Errors
/// The database failed. That something is broken is in the report.
pub fn verify(store: &Store, since_ms: Option<i64>) -> Result<Report, StoreError> {
    store.snapshot(|conn| {
        let mut verification = Verification::default();
        let mut first = None;
        let mut next = since_ms.map_or(i64::MIN, day_of);
        while let Some(day) = audit_reading::next_day(conn, next)? {
            first.get_or_insert(day);
            add_day(conn, &mut verification, day)?;
            let Some(after) = day.checked_add(1) else { break };
            next = after;
        }
        Ok(verification.finish(first.unwrap_or_default().saturating_mul(DAY_MS), None))
    })
}

fn add_day(conn: &mut Conn<'_>, verification: &mut Verification, day: i64) -> Result<(), StoreError> {
    let mut after = String::new();
    while let Some(node) = audit_reading::next_node(conn, day, &after)? {
        let mut seq = i64::MIN;
        loop {
            let rows = audit_reading::page(conn, day, &node, seq)?;
            let Some(last) = rows.last() else { break };
            seq = last.seq;
            rows.iter().for_each(|row| verification.add_row(row));
        }
        after = node;
    }
    Ok(())
}

#[cfg(test)]
pub(super) fn verify_rows(rows: &[AuditRow]) -> Result<(), Broken> {
    let mut verification = Verification::default();
    rows.iter().for_each(|row| verification.add_row(row));
    let begins_ms = rows.iter().map(|row| row.time_ms).min().unwrap_or_default();
    verification.finish(begins_ms, None).broken.into_iter().next().map_or(Ok(()), Err)
}
