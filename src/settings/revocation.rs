//! `[revocation]`: what a node does that does not hear of revocations.

use std::time::Duration;

use super::reader::Reader;

/// What a node does that does not hear of revocations.
#[derive(Debug, Clone)]
pub struct Revocation {
    /// How long it may be cut off from the database before it counts as not knowing what is revoked.
    pub max_staleness: Duration,
    /// Whether it then refuses to exchange and to introspect tokens.
    pub strict: bool,
}

impl Revocation {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            max_staleness: reader.seconds("revocation.max_staleness", 1..=86_400),
            strict: reader.boolean("revocation.strict"),
        }
    }
}
