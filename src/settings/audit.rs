//! `[audit]`: how issued tokens are recorded.

use super::reader::Reader;

/// How issued tokens are recorded.
#[derive(Debug, Clone)]
pub struct Audit {
    /// Whether an answer waits for its record.
    pub commit: AuditCommit,
    /// Days that records are kept.
    pub retention_days: u32,
    /// The most records that wait for the database.
    pub queue: usize,
    /// The records of one network in a minute for refused requests without valid credentials.
    pub anonymous_per_minute: u32,
}

/// Whether an answer waits for its audit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditCommit {
    /// The token is handed out once the record is durable.
    BeforeResponse,
    /// The record follows within 100 ms; a crash can lose it.
    AfterResponse,
}

impl Audit {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let options =
            [("before_response", AuditCommit::BeforeResponse), ("after_response", AuditCommit::AfterResponse)];
        Self {
            commit: reader.choice("audit.commit", options, AuditCommit::BeforeResponse),
            retention_days: u32::try_from(reader.integer("audit.retention_days", 1..=36_500)).unwrap_or(1),
            queue: reader.count("audit.queue", 1..=10_000_000),
            anonymous_per_minute: u32::try_from(reader.integer("audit.anonymous_per_minute", 1..=100_000)).unwrap_or(1),
        }
    }
}
