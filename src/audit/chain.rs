//! The hash chain. Pure.
//!
//! Each process start is a chain of its own under a random node id; its records are numbered from 1. A record's hash covers its own text and
//! the hash before it, so that a changed, removed, added or moved record shows. What a chain cannot show is that its *end* was cut off, or
//! that all of it is gone: whoever must know that copies the newest hashes elsewhere.

use openssl::sha::Sha256;
use serde_json::Value;

use super::record::AuditRecord;
use crate::{
    domain::random::{Random, RandomError, random_id},
    store::audit_records::AuditRow,
};

const DAY_MS: i64 = 86_400_000;

/// The day that a time (milliseconds since 1970) falls on, in whole days since 1970, UTC.
pub const fn day_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(DAY_MS)
}

/// The end of a chain: what the next record is linked to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    node: String,
    seq: i64,
    hash: [u8; 32],
}

impl Chain {
    /// An empty chain under a new node id.
    pub(super) fn new(random: &dyn Random) -> Result<Self, RandomError> {
        Ok(Self { node: random_id(random)?, seq: 0, hash: [0; 32] })
    }

    /// Adds a record and returns its row.
    pub(super) fn link(&mut self, record: &AuditRecord) -> Result<AuditRow, serde_json::Error> {
        let text = serde_json::to_string(record)?;
        let previous_hash = hex(&self.hash);
        self.seq += 1;
        self.hash = hash(&self.hash, &self.node, self.seq, &text);
        Ok(AuditRow {
            day: day_of(record.time_ms),
            node: self.node.clone(),
            seq: self.seq,
            time_ms: record.time_ms,
            environment_id: record.environment_id.as_deref().map(column),
            event: record.event.as_str().to_owned(),
            outcome: record.outcome.as_str().to_owned(),
            request_id: column(&record.request_id),
            client_id: record.client_id.as_deref().map(column),
            subject: record.subject.as_deref().map(column),
            jti: record.jti.as_deref().map(column),
            reason: record.reason.map(column),
            record: text,
            previous_hash,
            hash: hex(&self.hash),
        })
    }
}

/// A text as it stands in a column. Postgres cannot keep a NUL; one in a client id from the wire would make it refuse the whole batch, and with
/// it the requests of others. In the JSON it is escaped, and stays.
fn column(text: &str) -> String {
    text.replace('\0', "\u{FFFD}")
}

/// Every part has a fixed length or is preceded by its length, so that no two different records have the same input.
fn hash(previous: &[u8; 32], node: &str, seq: i64, record: &str) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(previous);
    sha.update(&(node.len() as u64).to_be_bytes());
    sha.update(node.as_bytes());
    sha.update(&seq.to_be_bytes());
    sha.update(record.as_bytes());
    sha.finish()
}

fn hex(bytes: &[u8; 32]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("chain {node}, record {seq}: {what}")]
pub struct Broken {
    /// The chain.
    pub node: String,
    /// The first record that does not fit.
    pub seq: i64,
    /// In which way.
    pub what: &'static str,
}

/// Checks one chain piece by piece, in order.
#[derive(Debug, Clone, Default)]
pub struct Verifier {
    last: Option<(String, i64, [u8; 32])>,
}

impl Verifier {
    /// Starts with the first record that is given. Records before it may have been dropped after their retention; record 1 must be the
    /// beginning of its chain.
    pub fn new() -> Self {
        Self::default()
    }

    /// Checks the next records of the chain.
    ///
    /// # Errors
    /// The first record that does not fit.
    pub fn check(&mut self, rows: &[AuditRow]) -> Result<(), Broken> {
        rows.iter().try_for_each(|row| self.check_one(row))
    }

    fn check_one(&mut self, row: &AuditRow) -> Result<(), Broken> {
        let broken = |what| Broken { node: row.node.clone(), seq: row.seq, what };
        let previous = from_hex(&row.previous_hash).ok_or_else(|| broken("previous_hash is not a hash"))?;
        match &self.last {
            Some((node, _, _)) if *node != row.node => return Err(broken("belongs to another chain")),
            Some((_, seq, _)) if seq.checked_add(1) != Some(row.seq) => {
                return Err(broken("the record before it is missing"));
            }
            Some((_, _, hash)) if *hash != previous => return Err(broken("does not continue the record before it")),
            None if row.seq == 1 && previous != [0; 32] => return Err(broken("is not the beginning of a chain")),
            _ => {}
        }
        let hash = hash(&previous, &row.node, row.seq, &row.record);
        if hex(&hash) != row.hash {
            return Err(broken("its text was changed"));
        }
        if !columns_match(row) {
            return Err(broken("a column differs from its text"));
        }
        self.last = Some((row.node.clone(), row.seq, hash));
        Ok(())
    }
}

/// Checks one whole chain.
///
/// # Errors
/// The first record that does not fit.
pub fn verify(rows: &[AuditRow]) -> Result<(), Broken> {
    Verifier::new().check(rows)
}

/// The hash covers the JSON; searches go by the columns. So they must say the same.
fn columns_match(row: &AuditRow) -> bool {
    let Ok(record) = serde_json::from_str::<Value>(&row.record) else { return false };
    let text = |name: &str| record.get(name).and_then(Value::as_str).map(column);
    row.day == day_of(row.time_ms)
        && record.get("time_ms").and_then(Value::as_i64) == Some(row.time_ms)
        && text("event").as_deref() == Some(&row.event)
        && text("outcome").as_deref() == Some(&row.outcome)
        && text("request_id").as_deref() == Some(&row.request_id)
        && text("environment_id") == row.environment_id
        && text("client_id") == row.client_id
        && text("subject") == row.subject
        && text("jti") == row.jti
        && text("reason") == row.reason
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        audit::record::{Event, Outcome},
        domain::random::SystemRandom,
    };

    fn rows(count: usize) -> Vec<AuditRow> {
        let mut chain = Chain::new(&SystemRandom).expect("random");
        (0..count)
            .map(|number| {
                let mut record = AuditRecord::new(Event::TokenIssued, Outcome::Success, format!("r{number}"), 5);
                record.client_id = Some("bff\0".to_owned());
                record.reason = Some("no_rule");
                chain.link(&record).expect("JSON")
            })
            .collect()
    }

    #[test]
    fn an_untouched_chain_verifies_whole_in_pieces_and_without_its_dropped_beginning() {
        let rows = rows(5);
        assert_eq!((rows[0].seq, rows[4].seq), (1, 5));
        assert_eq!(verify(&rows), Ok(()));
        assert_eq!(verify(&rows[2..]), Ok(()));
        let mut verifier = Verifier::new();
        assert_eq!(verifier.check(&rows[..2]).and_then(|()| verifier.check(&rows[2..])), Ok(()));
    }

    #[test]
    fn every_kind_of_tampering_is_found() {
        let good = rows(5);
        type Tamper = fn(&mut Vec<AuditRow>);
        let tampers: [(&str, i64, Tamper); 11] = [
            ("changed text", 3, |rows| rows[2].record = rows[2].record.replace("r2", "r9")),
            ("changed client column", 3, |rows| rows[2].client_id = Some("other".to_owned())),
            ("emptied reason column", 3, |rows| rows[2].reason = None),
            ("moved day", 3, |rows| rows[2].day += 1),
            ("moved time", 3, |rows| rows[2].time_ms += 1),
            ("removed record", 4, |rows| drop(rows.remove(2))),
            ("swapped records", 4, |rows| rows.swap(2, 3)),
            ("repeated record", 2, |rows| rows.insert(2, rows[1].clone())),
            ("changed hash", 3, |rows| rows[2].hash = rows[1].hash.clone()),
            ("renumbered", 7, |rows| rows[2].seq = 7),
            ("cut beginning, renumbered", 1, |rows| {
                rows.remove(0);
                rows[0].seq = 1;
            }),
        ];
        for (name, seq, tamper) in tampers {
            let mut rows = good.clone();
            tamper(&mut rows);
            let broken = verify(&rows).expect_err(name);
            assert_eq!(broken.seq, seq, "{name}: {broken}");
        }
    }

    #[test]
    fn a_record_rewritten_with_a_fitting_hash_breaks_the_link_of_the_next() {
        let mut rows = rows(3);
        rows[1].record = rows[1].record.replace("r1", "r9");
        rows[1].request_id = "r9".to_owned();
        let previous = from_hex(&rows[1].previous_hash).expect("hash");
        rows[1].hash = hex(&hash(&previous, &rows[1].node, 2, &rows[1].record));
        assert_eq!(verify(&rows).expect_err("found").seq, 3);
    }

    #[test]
    fn no_shift_between_node_and_text_gives_the_same_hash() {
        assert_ne!(hash(&[0; 32], "ab", 1, "c"), hash(&[0; 32], "a", 1, "bc"));
        assert_eq!(from_hex(&hex(&[0xA5; 32])), Some([0xA5; 32]));
        assert_eq!(from_hex(&"A5".repeat(32)), None, "one spelling only");
    }
}
