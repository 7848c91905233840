//! `[graphql]`: the Mosaic operations.

use super::reader::Reader;

/// The Mosaic operations.
#[derive(Debug, Clone)]
pub struct Graphql {
    /// Whether the `dev…` operations exist.
    pub dev_operations: bool,
}

impl Graphql {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { dev_operations: reader.boolean("graphql.dev_operations") }
    }
}
