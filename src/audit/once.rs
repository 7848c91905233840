//! Records of those who have no writer: the commands, and a server that starts.

use super::{AuditRecord, chain::Chain, writer::link};
use crate::{
    domain::random::Random,
    store::{
        Conn, StoreError,
        audit_records::{self, AuditRow},
    },
};

/// Appends a chain of its own, in the transaction of `conn` if there is one: then the records are there if what they tell of is, and
/// not if it is not. The days of the records must have been prepared ([`audit_records::prepare_day`]), before the transaction began: a new
/// partition takes a lock that other nodes would wait for until its end.
///
/// # Errors
/// There is no randomness for the id of the chain, or the database failed.
pub fn append_once(conn: &mut Conn<'_>, random: &dyn Random, records: &[AuditRecord]) -> Result<(), StoreError> {
    audit_records::append_within(conn, &link_once(random, records)?)
}

/// A chain of its own of these records, to be appended later: outside of the transaction nobody waits while it is made.
///
/// # Errors
/// There is no randomness for the id of the chain, or a record cannot be written.
pub fn link_once(random: &dyn Random, records: &[AuditRecord]) -> Result<Vec<AuditRow>, StoreError> {
    let chain = Chain::new(random);
    let mut chain = chain.map_err(|error| StoreError::Query(format!("no id for an audit chain: {error}")))?;
    link(&mut chain, records)
}
