//! The hash chain. Pure.
//!
//! Each process start is a chain of its own under a random node id; its records are numbered from 1. A record's hash covers its own text and
//! the hash before it, so that a changed, removed, added or moved record shows. What a chain cannot show is that its *end* was cut off, or
//! that all of it is gone: whoever must know that copies the newest hashes elsewhere. `verify` looks.

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
pub(super) fn hash(previous: &[u8; 32], node: &str, seq: i64, record: &str) -> [u8; 32] {
    let mut sha = Sha256::new();
    sha.update(previous);
    sha.update(&(node.len() as u64).to_be_bytes());
    sha.update(node.as_bytes());
    sha.update(&seq.to_be_bytes());
    sha.update(record.as_bytes());
    sha.finish()
}

pub(super) fn hex(bytes: &[u8; 32]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(super) fn from_hex(text: &str) -> Option<[u8; 32]> {
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (position, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * position..2 * position + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The hash covers the JSON; searches go by the columns. So they must say the same.
pub(super) fn columns_match(row: &AuditRow) -> bool {
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
    #[test]
    fn no_shift_between_node_and_text_gives_the_same_hash() {
        assert_ne!(hash(&[0; 32], "ab", 1, "c"), hash(&[0; 32], "a", 1, "bc"));
        assert_eq!(from_hex(&hex(&[0xA5; 32])), Some([0xA5; 32]));
        assert_eq!(from_hex(&"A5".repeat(32)), None, "one spelling only");
    }
}
