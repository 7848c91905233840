//! What the operations work with.

use std::sync::Arc;

use super::{issue::TokenIssuer, throttle::Throttle};
use crate::{
    audit::AuditLog,
    catalog::Catalog,
    domain::{clock::Clock, environment::SigningAlg, random::Random},
};

/// Everything a request needs besides itself. One per node, shared by its workers.
#[derive(Clone)]
pub struct Context {
    /// The environments and clients.
    pub catalog: Arc<Catalog>,
    /// Where decisions are recorded.
    pub audit: AuditLog,
    /// Who failed to authenticate of late.
    pub throttle: Arc<Throttle>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// What tokens are signed with where the resource server says nothing.
    pub signing_alg: SigningAlg,
}

impl Context {
    /// What mints tokens.
    pub fn token_issuer(&self) -> TokenIssuer<'_> {
        TokenIssuer { clock: &*self.clock, random: &*self.random, signing_alg: self.signing_alg }
    }
}
