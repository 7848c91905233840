//! `[compat]`: what is served besides for those who come from elsewhere.

use super::reader::Reader;

/// What is served besides for those who come from elsewhere.
#[derive(Debug, Clone)]
pub struct Compat {
    /// Whether the paths are served below `/cis` too, as Mosaic has them.
    pub cis_paths: bool,
}

impl Compat {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self { cis_paths: reader.boolean("compat.cis_paths") }
    }
}
