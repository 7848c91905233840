//! The key sets of foreign issuers, fetched when needed and kept for a while.
//!
//! A stranger who sends tokens decides when this is asked, and with which `kid`. So an issuer is asked by one request at
//! a time and at most once in [`COOL_DOWN`], whatever arrives.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use quick_cache::{Equivalent, sync::Cache};
use tokio::sync::Mutex;

use super::{counts::MemoryCounts, freshness::ttl};
use crate::{
    domain::{
        clock::Clock,
        random::Random,
        trace::{TRACEPARENT, Trace},
    },
    jose::{error::JwksError, foreign_keys::ForeignKeys},
    metrics::Page,
    outbound::{Fetched, Limits, Outbound, OutboundError},
};

/// Key sets that are kept at once.
const MAX_ENTRIES: usize = 1024;
/// The bounds of one fetch. Honest key sets have a few kilobytes.
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), total: Duration::from_secs(5), max_body: 256 * 1024 };

/// Milliseconds in a second.
const SECOND: i64 = 1000;
/// Between two attempts for one entry, in milliseconds.
const COOL_DOWN: i64 = 10 * SECOND;
/// How long beyond its freshness the last good set serves while the issuer is away, in milliseconds. Then a withdrawn
/// key could be what the outage hides.
const GRACE: i64 = 3600 * SECOND;

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

/// The key sets of foreign issuers. Shared by all requests of a node.
pub struct ForeignKeyCache {
    outbound: Outbound,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    entries: Cache<(String, String), Arc<Entry>>,
    counts: MemoryCounts,
}

impl ForeignKeyCache {
    /// An empty cache.
    pub fn new(outbound: Outbound, clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { outbound, clock, random, entries: Cache::new(MAX_ENTRIES), counts: MemoryCounts::default() }
    }

    /// The keys at `uri`, from memory while they are fresh. `scope` says whose they are (environment and connection):
    /// nothing is shared between two scopes, not even the fact that something is in memory. A `kid` that the set lacks
    /// is a reason to ask the issuer again, at most once in ten seconds; the set that comes back may still lack it. `trace` is
    /// that of the request which asks; the issuer hears of it.
    ///
    /// # Errors
    /// The issuer cannot be asked or gives no key set, and there is no earlier set that may still serve.
    pub async fn keys(
        &self,
        scope: &str,
        uri: &str,
        kid: Option<&str>,
        trace: Option<Trace>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        let entry = self.entry(scope, uri);
        if let Some(answer) = self.counts.saw(entry.answer(kid, self.clock.now_millis())) {
            return answer;
        }
        // Without randomness the issuer is asked all the same.
        let traceparent = trace.and_then(|trace| trace.onward(&*self.random).ok());
        let (outbound, clock, kid) = (self.outbound.clone(), Arc::clone(&self.clock), kid.map(str::to_owned));
        // A task of its own: a caller who hangs up must not take the fetch with him that others wait for.
        let refreshed =
            tokio::spawn(async move { entry.refresh(&outbound, &*clock, kid.as_deref(), traceparent).await });
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

    fn entry(&self, scope: &str, uri: &str) -> Arc<Entry> {
        if let Some(entry) = self.entries.get(&Place(scope, uri)) {
            return entry;
        }
        // Two callers who come at once get the same entry.
        let place = (scope.to_owned(), uri.to_owned());
        let made = self.entries.get_or_insert_with(&place, || Ok::<_, Infallible>(Arc::new(Entry::new(scope, uri))));
        match made {
            Ok(entry) => entry,
        }
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

/// One key set, and its history.
struct Entry {
    scope: String,
    uri: String,
    state: ArcSwap<State>,
    /// Held by whoever fetches; the others wait for the result.
    fetching: Mutex<()>,
    attempts: AtomicU64,
    failures: AtomicU64,
    /// Seconds since 1970; negative for never.
    last_success_at: AtomicI64,
}

/// What is known at one moment. Times in milliseconds since 1970.
#[derive(Clone, Default)]
struct State {
    last_good: Option<KeySet>,
    attempted_at: Option<i64>,
    /// Why the last attempt brought nothing.
    failure: Option<KeysError>,
}

#[derive(Clone)]
struct KeySet {
    keys: Arc<ForeignKeys>,
    fetched_at: i64,
    ttl: i64,
}

impl Entry {
    fn new(scope: &str, uri: &str) -> Self {
        Self {
            scope: scope.to_owned(),
            uri: uri.to_owned(),
            state: ArcSwap::default(),
            fetching: Mutex::new(()),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_success_at: AtomicI64::new(-1),
        }
    }

    fn counters(&self) -> FetchCounters {
        let last_success_at = self.last_success_at.load(Ordering::Relaxed);
        FetchCounters {
            attempts: self.attempts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_success_at: (last_success_at >= 0).then_some(last_success_at),
        }
    }

    /// The answer, if no fetch is due before it.
    fn answer(&self, kid: Option<&str>, now: i64) -> Option<Result<Arc<ForeignKeys>, KeysError>> {
        let state = self.state.load();
        if let Some(set) = &state.last_good
            && set.is_fresh(now)
            && kid.is_none_or(|kid| set.keys.has(kid))
        {
            return Some(Ok(Arc::clone(&set.keys)));
        }
        state.is_cooling_down(now).then(|| state.best(now))
    }

    /// Fetches, unless somebody else just did.
    async fn refresh(
        &self,
        outbound: &Outbound,
        clock: &dyn Clock,
        kid: Option<&str>,
        traceparent: Option<String>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        let _fetching = self.fetching.lock().await;
        let now = clock.now_millis();
        if let Some(answer) = self.answer(kid, now) {
            return answer;
        }
        let mut state = State::clone(&self.state.load());
        state.attempted_at = Some(now);
        self.attempts.fetch_add(1, Ordering::Relaxed);
        match self.fetch(outbound, now, traceparent).await {
            Ok(set) => {
                self.last_success_at.store(now.div_euclid(SECOND), Ordering::Relaxed);
                state.last_good = Some(set);
                state.failure = None;
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                // Not the URL: it may hold a secret.
                log::warn!("the keys of {} cannot be fetched: {error}", self.scope);
                state.failure = Some(error);
            }
        }
        let best = state.best(now);
        self.state.store(Arc::new(state));
        best
    }

    async fn fetch(&self, outbound: &Outbound, now: i64, traceparent: Option<String>) -> Result<KeySet, KeysError> {
        let headers: Vec<_> = traceparent.map(|value| (TRACEPARENT, value)).into_iter().collect();
        let Fetched { status, cache_control, body, .. } = outbound.get(&self.uri, &headers, LIMITS).await?;
        if status != 200 {
            return Err(KeysError::Status(status));
        }
        let keys = Arc::new(ForeignKeys::parse(&body)?);
        Ok(KeySet { keys, fetched_at: now, ttl: ttl(cache_control.as_deref()) * SECOND })
    }
}

impl State {
    /// A clock that was set back ends a cool-down instead of lengthening it.
    fn is_cooling_down(&self, now: i64) -> bool {
        self.attempted_at.is_some_and(|attempted_at| (0..COOL_DOWN).contains(&(now - attempted_at)))
    }

    /// What there is without asking.
    fn best(&self, now: i64) -> Result<Arc<ForeignKeys>, KeysError> {
        match &self.last_good {
            Some(set) if now - set.fetched_at < set.ttl + GRACE => Ok(Arc::clone(&set.keys)),
            _ => Err(self.failure.clone().unwrap_or(KeysError::Interrupted)),
        }
    }
}

impl KeySet {
    fn is_fresh(&self, now: i64) -> bool {
        (0..self.ttl).contains(&(now - self.fetched_at))
    }
}
