//! The key sets of foreign issuers, fetched when needed and kept for a while.
//!
//! A stranger who sends tokens decides when this is asked, and with which `kid`. So an issuer is asked by one request at
//! a time and at most once in ten seconds, whatever arrives.

mod entry;

use std::{collections::BTreeMap, convert::Infallible, fmt, sync::Arc};

use quick_cache::{Equivalent, sync::Cache};

use self::entry::{Document, Entry, Wanted};
use super::counts::MemoryCounts;
use crate::{
    domain::{clock::Clock, provider_metadata::ProviderMetadata, random::Random, trace::Trace},
    jose::{error::JwksError, foreign_keys::ForeignKeys},
    metrics::Page,
    outbound::{Outbound, OutboundError},
};

/// Key sets that are kept at once.
const MAX_ENTRIES: usize = 1024;

/// Why there are no keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// The request failed, or must not be made.
    #[error(transparent)]
    Outbound(#[from] OutboundError),
    /// The answer has another status than 200.
    #[error("the answer has the status {0}, not 200")]
    Status(u16),
    /// The answer is no key set.
    #[error(transparent)]
    KeySet(#[from] JwksError),
    /// The answer is no metadata of a provider.
    #[error("the answer is no metadata of a provider: {0}")]
    Metadata(String),
    /// The fetch was cut off; the server is stopping.
    #[error("the fetch was cut off")]
    Interrupted,
}

/// What happened with one key set since it was first asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchCounters {
    /// Requests made.
    pub attempts: u64,
    /// Those of them that brought no key set.
    pub failures: u64,
    /// When the last good one came, in seconds since 1970.
    pub last_success_at: Option<i64>,
}

/// How an issuer is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asking<'a> {
    /// The trace of the request that asks; the issuer hears of it.
    pub trace: Option<Trace>,
    /// The certificates (PEM) that are trusted in place of the system's.
    pub authorities: Option<&'a str>,
}

/// By scope and URI.
type Entries<T> = Cache<(String, String), Arc<Entry<T>>>;

/// The key sets and the metadata of foreign issuers. Shared by all requests of a node.
pub struct ForeignKeyCache {
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    entries: Entries<ForeignKeys>,
    metadata: Entries<ProviderMetadata>,
    counts: MemoryCounts,
}

impl ForeignKeyCache {
    /// An empty cache.
    pub fn new(outbound: Outbound, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            outbound,
            clock,
            random,
            entries: Cache::new(MAX_ENTRIES),
            metadata: Cache::new(MAX_ENTRIES),
            counts: MemoryCounts::default(),
        }
    }

    /// The keys at `uri`, from memory while they are fresh. `scope` says whose they are (environment and connection):
    /// nothing is shared between two scopes, not even the fact that something is in memory. A `kid` that the set lacks
    /// is a reason to ask the issuer again, at most once in ten seconds; the set that comes back may still lack it.
    ///
    /// # Errors
    /// The issuer cannot be asked or gives no key set, and there is no earlier set that may still serve.
    pub async fn keys(
        &self,
        scope: &str,
        uri: &str,
        kid: Option<&str>,
        asking: Asking<'_>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        self.wanted(scope, uri, kid.map_or(Wanted::Any, |kid| Wanted::With(kid.to_owned())), asking).await
    }

    /// The keys at `uri` once more, for a token that `old` does not fit: a new set, or `old` itself if the issuer was asked
    /// less than ten seconds ago, or is away.
    ///
    /// # Errors
    /// As with [`keys`](Self::keys).
    pub async fn newer_keys(
        &self,
        scope: &str,
        uri: &str,
        old: &Arc<ForeignKeys>,
        asking: Asking<'_>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        self.wanted(scope, uri, Wanted::Beside(Arc::clone(old)), asking).await
    }

    async fn wanted(
        &self,
        scope: &str,
        uri: &str,
        wanted: Wanted<ForeignKeys>,
        asking: Asking<'_>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        let entry = entry(&self.entries, scope, uri);
        if let Some(answer) = self.counts.saw(entry.answer(&wanted, self.clock.now_millis())) {
            return answer;
        }
        self.refreshed(entry, wanted, asking).await
    }

    /// What the provider says of itself at `uri`, kept and asked for as [`keys`](Self::keys) are.
    ///
    /// # Errors
    /// The provider cannot be asked or gives no metadata, and there are no earlier ones that may still serve.
    pub async fn metadata(
        &self,
        scope: &str,
        uri: &str,
        asking: Asking<'_>,
    ) -> Result<Arc<ProviderMetadata>, KeysError> {
        let entry = entry(&self.metadata, scope, uri);
        match entry.answer(&Wanted::Any, self.clock.now_millis()) {
            Some(answer) => answer,
            None => self.refreshed(entry, Wanted::Any, asking).await,
        }
    }

    async fn refreshed<T: Document>(
        &self,
        entry: Arc<Entry<T>>,
        wanted: Wanted<T>,
        asking: Asking<'_>,
    ) -> Result<Arc<T>, KeysError> {
        // Without randomness the issuer is asked all the same.
        let traceparent = asking.trace.and_then(|trace| trace.onward(&*self.random).ok());
        let outbound = asking.authorities.map_or_else(|| self.outbound.clone(), |pem| self.outbound.trusting(pem));
        let clock = Arc::clone(&self.clock);
        // A task of its own: a caller who hangs up must not take the fetch with him that others wait for.
        let refreshed = tokio::spawn(async move { entry.refresh(&outbound, &*clock, &wanted, traceparent).await });
        refreshed.await.unwrap_or(Err(KeysError::Interrupted))
    }

    /// The counters of each key set in memory, with its scope.
    pub fn counters(&self) -> Vec<(String, FetchCounters)> {
        self.entries.iter().map(|((scope, _), entry)| (scope, entry.counters())).collect()
    }

    /// Writes them onto `page`, with those of the memory itself.
    pub fn expose(&self, page: &mut Page) {
        self.counts.expose(page, "foreign_keys");
        // A connection that was given another URI has two entries.
        let mut by_scope: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for (scope, FetchCounters { attempts, failures, .. }) in self.counters() {
            let (succeeded, failed) = by_scope.entry(scope).or_default();
            *succeeded += attempts.saturating_sub(failures);
            *failed += failures;
        }
        for (scope, (succeeded, failed)) in by_scope {
            let (environment, connection) = scope.split_once('/').unwrap_or(("", &scope));
            for (outcome, count) in [("success", succeeded), ("failed", failed)] {
                let labels = [("environment", environment), ("connection", connection), ("outcome", outcome)];
                page.counter(
                    "tessera_jwks_fetches_total",
                    "Fetches of the key sets of foreign issuers.",
                    &labels,
                    count,
                );
            }
        }
    }
}

fn entry<T: Document>(entries: &Entries<T>, scope: &str, uri: &str) -> Arc<Entry<T>> {
    if let Some(entry) = entries.get(&Place(scope, uri)) {
        return entry;
    }
    // Two callers who come at once get the same entry.
    let place = (scope.to_owned(), uri.to_owned());
    let made = entries.get_or_insert_with(&place, || Ok::<_, Infallible>(Arc::new(Entry::new(scope, uri))));
    match made {
        Ok(entry) => entry,
    }
}

impl fmt::Debug for ForeignKeyCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ForeignKeyCache").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// The key of an entry, borrowed.
#[derive(Hash)]
struct Place<'a>(&'a str, &'a str);

impl Equivalent<(String, String)> for Place<'_> {
    fn equivalent(&self, (scope, uri): &(String, String)) -> bool {
        self.0 == scope && self.1 == uri
    }
}
