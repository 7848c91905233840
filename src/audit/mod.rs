//! The audit log: what was issued, refused and administered, durable and in chains that show what was changed or removed.
//!
//! [`AuditLog::commit`] is all that the rest of the server needs. One thread per process writes, in batches (`writer`); each record holds
//! the hash of the one before it from the same process (`chain`), so that nodes never wait for each other. What happens outside a running server is written with it, by [`append_once`].

pub mod chain;
mod counted;
mod export;
mod housekeeping;
mod log;
mod once;
mod record;
mod request;
mod stats;
mod tail;
mod verify;
mod writer;
mod writing;

#[cfg(test)]
mod tests;

pub use self::{
    counted::Counted,
    export::{ExportError, export, line, verify_lines},
    log::{AuditError, AuditLog, AuditMode, AuditOptions, AuditUnavailable},
    once::{append_once, link_once},
    record::{AuditRecord, Event, Outcome},
    request::{RecordedRequest, RecordedToken},
    tail::{Follower, newest},
    verify::{Broken, Report, verify},
};
