//! `[webauthn]`: passkeys.

use std::fs;

use super::reader::Reader;

/// Passkeys.
#[derive(Debug, Clone)]
pub struct Webauthn {
    /// The certificates of the makers of authenticators that are trusted, in PEM; `None`: none is asked for.
    pub attestation_roots: Option<String>,
}

impl Webauthn {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let key = "webauthn.attestation_roots_file";
        let read = |path| fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"));
        let attestation_roots = match reader.path(key).map(read).transpose() {
            Ok(roots) => roots,
            Err(problem) => {
                reader.error(key, problem);
                None
            }
        };
        Self { attestation_roots }
    }
}
