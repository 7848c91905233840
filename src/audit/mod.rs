//! The audit log: what was issued, refused and administered, durable and in chains that show what was changed or removed.
//!
//! [`AuditLog::commit`] is all that the rest of the server needs. One thread per process writes, in batches (`writer`); each record holds
//! the hash of the one before it from the same process (`chain`), so that nodes never wait for each other.

pub mod chain;
mod housekeeping;
mod log;
mod record;
mod stats;
mod writer;

#[cfg(test)]
mod tests;

pub use self::{
    log::{AuditError, AuditLog, AuditMode, AuditOptions, AuditUnavailable},
    record::{AuditRecord, Event, Outcome},
};
