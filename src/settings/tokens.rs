//! `[tokens]`: how tokens are signed.

use super::reader::Reader;
use crate::domain::environment::SigningAlg;

/// How tokens are signed.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// For resource servers that do not say otherwise.
    pub signing_alg: SigningAlg,
}

impl Tokens {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let options = SigningAlg::ALL.map(|alg| (alg.as_str(), alg));
        Self { signing_alg: reader.choice("tokens.signing_alg", options, SigningAlg::RS256) }
    }
}
