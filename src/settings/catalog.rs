//! `[catalog]`: the bounds of what is kept in memory.

use std::time::Duration;

use super::reader::Reader;

/// The bounds of what is kept in memory.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// The most clients.
    pub clients: usize,
    /// The most unknown client ids.
    pub unknown_clients: usize,
    /// How long an unknown client id stays unknown without asking the database again.
    pub unknown_client_ttl: Duration,
    /// The most tokens whose signature check is remembered.
    pub verified_tokens: usize,
    /// The most users.
    pub users: usize,
}

impl Catalog {
    pub(super) fn read(reader: &mut Reader) -> Self {
        Self {
            clients: reader.count("catalog.clients", 1..=10_000_000),
            unknown_clients: reader.count("catalog.unknown_clients", 1..=10_000_000),
            // Longer than a minute, and a client made just now would look broken.
            unknown_client_ttl: reader.seconds("catalog.unknown_client_ttl", 0..=60),
            verified_tokens: reader.count("catalog.verified_tokens", 1..=10_000_000),
            users: reader.count("catalog.users", 1..=10_000_000),
        }
    }
}
