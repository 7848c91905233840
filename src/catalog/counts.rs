//! How often the memory had the answer.

use super::Catalog;
use crate::metrics::{Count, Page};

/// Of one memory.
#[derive(Debug, Default)]
pub struct MemoryCounts {
    hits: Count,
    misses: Count,
}

impl MemoryCounts {
    /// Counts an answer, and hands it on.
    pub(super) fn saw<T>(&self, found: Option<T>) -> Option<T> {
        let count = if found.is_some() { &self.hits } else { &self.misses };
        count.one();
        found
    }

    /// Writes both onto `page`, as those of `cache`.
    pub(super) fn expose(&self, page: &mut Page, cache: &'static str) {
        let labels = [("cache", cache)];
        let help = "Questions that the memory answered, without the database, a signature or a fetch.";
        page.counter("tessera_cache_hits_total", help, &labels, self.hits.get());
        let help = "Questions that the memory could not answer.";
        page.counter("tessera_cache_misses_total", help, &labels, self.misses.get());
    }
}

/// Of the memories of all environments. They outlive the snapshots that hold the memories.
#[derive(Debug, Default)]
pub struct CatalogCounts {
    /// Clients, and ids that no client has.
    pub(super) clients: MemoryCounts,
    /// Signature checks of subject and actor tokens, and of bearer tokens.
    pub(super) verified_tokens: MemoryCounts,
    /// Users, by their name at a connection and by their id.
    pub(super) users: MemoryCounts,
}

impl CatalogCounts {
    pub(super) fn expose(&self, page: &mut Page) {
        self.clients.expose(page, "clients");
        self.verified_tokens.expose(page, "verified_tokens");
        self.users.expose(page, "users");
    }
}

impl Catalog {
    /// Writes what is known of memories and signing keys onto `page`.
    pub fn expose(&self, page: &mut Page) {
        self.counts.expose(page);
        let help = "Work with the database that waits for a thread or is under way.";
        page.number("tessera_database_jobs", help, &[], self.blocking.busy());
        let help = "Work with the database that is under way although nobody waits for it any more; beyond 32, what needs the \
                    database is refused at once.";
        page.number("tessera_database_stuck_jobs", help, &[], self.blocking.stuck());
        let now = self.clock.now();
        for (id, environment) in &self.environments.load().by_id {
            environment.keyring.expose(page, id, now);
            let help = "What is revoked and may still concern a token.";
            page.number("tessera_revocations", help, &[("environment", id)], environment.revocations.len());
        }
        self.secret_uses.expose(page);
    }
}
