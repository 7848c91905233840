//! Records outside the database: JSON lines, with what it takes to verify them there.

use std::{
    io::{self, BufRead},
    ops::ControlFlow,
};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{
    chain::day_of,
    verify::{Link, Report, Verification},
};
use crate::store::{Store, StoreError, audit_reading, audit_records::AuditRow};

/// One line. The text of the record stands in it byte for byte, since its hash is over these bytes.
#[derive(Serialize, Deserialize)]
struct Line<'a> {
    node: String,
    seq: i64,
    previous_hash: String,
    hash: String,
    #[serde(borrow)]
    record: &'a RawValue,
}

/// Of a record, what a line does not repeat.
#[derive(Deserialize)]
struct Timed {
    time_ms: i64,
}

/// Why a file cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error("the file cannot be read: {0}")]
    Read(#[from] io::Error),
    /// A line is none of an export.
    #[error("line {number} is not a record of an export: {cause}")]
    Line {
        /// Its number, from 1.
        number: u64,
        /// Why.
        cause: serde_json::Error,
    },
}

/// A row as one line, without the line break.
///
/// # Errors
/// Its text cannot be written as JSON in any way.
pub fn line(row: &AuditRow) -> Result<String, serde_json::Error> {
    let own = Some(&row.record).filter(|text| !text.contains(['\n', '\r']));
    let raw = match own.and_then(|text| serde_json::from_str::<&RawValue>(text).ok().map(ToOwned::to_owned)) {
        Some(raw) => raw,
        // Somebody changed it. It stands there as a text, so that the line still is one, and can be verified not to fit.
        None => RawValue::from_string(serde_json::to_string(&row.record)?)?,
    };
    let AuditRow { node, seq, previous_hash, hash, .. } = row.clone();
    serde_json::to_string(&Line { node, seq, previous_hash, hash, record: &raw })
}

/// Hands all records between two times (milliseconds since 1970; the second one is no longer in) to `take`, in the order of time,
/// until it has enough. They are read in pieces, and all of one moment.
///
/// # Errors
/// The database failed.
pub fn export(
    store: &Store,
    (from, until): (i64, i64),
    take: &mut dyn FnMut(AuditRow) -> ControlFlow<()>,
) -> Result<(), StoreError> {
    store.snapshot(|conn| {
        let mut next = day_of(from);
        while let Some(day) = audit_reading::next_day(conn, next)?.filter(|day| *day <= day_of(until)) {
            if audit_reading::by_time(conn, day, (from, until), take)?.is_break() {
                break;
            }
            let Some(after) = day.checked_add(1) else { break };
            next = after;
        }
        Ok(())
    })
}

/// Checks an exported file, line by line. `until_ms` is the end that it was exported with, if it was with one.
///
/// # Errors
/// The file cannot be read, or has a line that is none. That something is broken is in the report.
pub fn verify_lines(lines: impl BufRead, until_ms: Option<i64>) -> Result<Report, ExportError> {
    let mut verification = Verification::default();
    let mut begins_ms = None;
    for (number, line) in (1..).zip(lines.lines()) {
        let line = line?;
        let wrong = |cause| ExportError::Line { number, cause };
        let Line { node, seq, previous_hash, hash, record } = serde_json::from_str(&line).map_err(wrong)?;
        let text: String = match record.get() {
            text if text.starts_with('"') => serde_json::from_str(text).map_err(wrong)?,
            text => text.to_owned(),
        };
        let time_ms = serde_json::from_str::<Timed>(&text).map_or(0, |timed| timed.time_ms);
        begins_ms.get_or_insert(time_ms);
        let (node, previous_hash, hash) = (&node, &previous_hash, &hash);
        verification.add(&Link { node, seq, time_ms, previous_hash, hash, record: &text });
    }
    Ok(verification.finish(begins_ms.unwrap_or_default(), until_ms))
}
