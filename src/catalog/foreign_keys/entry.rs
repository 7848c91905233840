//! One document of a foreign issuer, such as its key set: when it is fetched, and how long it serves.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::{FetchCounters, KeysError};
use crate::{
    catalog::freshness::ttl,
    domain::{clock::Clock, provider_metadata::ProviderMetadata, trace::TRACEPARENT},
    jose::foreign_keys::{ForeignKeys, UnusableKey},
    outbound::{Fetched, Limits, Outbound},
};

/// The bounds of one fetch. Honest key sets have a few kilobytes.
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), total: Duration::from_secs(5), max_body: 256 * 1024 };

/// The most unusable keys that are named after one fetch.
const MAX_NAMED: usize = 8;

/// Milliseconds in a second.
const SECOND: i64 = 1000;
/// Between two attempts for one entry, in milliseconds.
const COOL_DOWN: i64 = 10 * SECOND;
/// How long beyond its freshness the last good set serves while the issuer is away, in milliseconds. Then a withdrawn
/// key could be what the outage hides.
const GRACE: i64 = 3600 * SECOND;

/// What is fetched of an issuer.
pub(super) trait Document: Sized + Send + Sync + 'static {
    /// What is asked for, as `Accept` has it.
    const ACCEPT: &str;
    /// What it is called in the log.
    const NAME: &str;

    /// Reads it.
    fn parse(body: &[u8]) -> Result<Self, KeysError>;

    /// Whether it has a key of that id.
    fn has(&self, kid: &str) -> bool;

    /// Says once per fetch what the operator should know of it.
    fn tell(&self, scope: &str);
}

impl Document for ForeignKeys {
    // RFC 7517 §8.5. The API server of Kubernetes gives its keys to nobody who takes JSON alone.
    const ACCEPT: &str = "application/jwk-set+json, application/json";
    const NAME: &str = "keys";

    fn parse(body: &[u8]) -> Result<Self, KeysError> {
        Ok(ForeignKeys::parse(body)?)
    }

    fn has(&self, kid: &str) -> bool {
        ForeignKeys::has(self, kid)
    }

    /// Which keys are of no use: the operator would look for the cause elsewhere.
    fn tell(&self, scope: &str) {
        let unusable = self.unusable();
        if unusable.is_empty() {
            return;
        }
        let name = |UnusableKey { kid, reason }: &UnusableKey| match kid {
            Some(kid) => format!("{kid:?} {reason}"),
            None => format!("one without kid {reason}"),
        };
        let named: Vec<String> = unusable.iter().take(MAX_NAMED).map(name).collect();
        let named = named.join("; ");
        log::warn!("{} keys of {scope} are not used: {named}", unusable.len());
    }
}

impl Document for ProviderMetadata {
    const ACCEPT: &str = "application/json";
    const NAME: &str = "metadata";

    fn parse(body: &[u8]) -> Result<Self, KeysError> {
        serde_json::from_slice(body).map_err(|error| KeysError::Metadata(error.to_string()))
    }

    fn has(&self, _kid: &str) -> bool {
        false
    }

    fn tell(&self, _scope: &str) {}
}

/// The one that is asked for.
pub(super) enum Wanted<T> {
    /// Any fresh one.
    Any,
    /// One with a key of this id.
    With(String),
    /// Another than this one.
    Beside(Arc<T>),
}

impl<T: Document> Wanted<T> {
    fn is(&self, keys: &Arc<T>) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::With(kid) => keys.has(kid),
            Wanted::Beside(old) => !Arc::ptr_eq(old, keys),
        }
    }
}

/// One document, and its history.
pub(super) struct Entry<T> {
    scope: String,
    uri: String,
    state: ArcSwap<State<T>>,
    /// Held by whoever fetches; the others wait for the result.
    fetching: Mutex<()>,
    attempts: AtomicU64,
    failures: AtomicU64,
    /// Seconds since 1970; negative for never.
    last_success_at: AtomicI64,
}

/// What is known at one moment. Times in milliseconds since 1970.
struct State<T> {
    last_good: Option<Kept<T>>,
    attempted_at: Option<i64>,
    /// Why the last attempt brought nothing.
    failure: Option<KeysError>,
}

struct Kept<T> {
    document: Arc<T>,
    fetched_at: i64,
    ttl: i64,
}

impl<T: Document> Entry<T> {
    pub fn new(scope: &str, uri: &str) -> Self {
        Self {
            scope: scope.to_owned(),
            uri: uri.to_owned(),
            state: ArcSwap::from_pointee(State { last_good: None, attempted_at: None, failure: None }),
            fetching: Mutex::new(()),
            attempts: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            last_success_at: AtomicI64::new(-1),
        }
    }

    pub fn counters(&self) -> FetchCounters {
        let last_success_at = self.last_success_at.load(Ordering::Relaxed);
        FetchCounters {
            attempts: self.attempts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_success_at: (last_success_at >= 0).then_some(last_success_at),
        }
    }

    /// The answer, if no fetch is due before it.
    pub fn answer(&self, wanted: &Wanted<T>, now: i64) -> Option<Result<Arc<T>, KeysError>> {
        let state = self.state.load();
        if let Some(set) = &state.last_good
            && set.is_fresh(now)
            && wanted.is(&set.document)
        {
            return Some(Ok(Arc::clone(&set.document)));
        }
        state.is_cooling_down(now).then(|| state.best(now))
    }

    /// Fetches, unless somebody else just did.
    pub async fn refresh(
        &self,
        outbound: &Outbound,
        clock: &dyn Clock,
        wanted: &Wanted<T>,
        traceparent: Option<String>,
    ) -> Result<Arc<T>, KeysError> {
        let _fetching = self.fetching.lock().await;
        let now = clock.now_millis();
        if let Some(answer) = self.answer(wanted, now) {
            return answer;
        }
        let before = self.state.load();
        let mut state =
            State { last_good: before.last_good.clone(), attempted_at: Some(now), failure: before.failure.clone() };
        self.attempts.fetch_add(1, Ordering::Relaxed);
        match self.fetch(outbound, now, traceparent).await {
            Ok(set) => {
                set.document.tell(&self.scope);
                self.last_success_at.store(now.div_euclid(SECOND), Ordering::Relaxed);
                state.last_good = Some(set);
                state.failure = None;
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                // Not the URL: it may hold a secret.
                log::warn!("the {} of {} cannot be fetched: {error}", T::NAME, self.scope);
                state.failure = Some(error);
            }
        }
        let best = state.best(now);
        self.state.store(Arc::new(state));
        best
    }

    async fn fetch(&self, outbound: &Outbound, now: i64, traceparent: Option<String>) -> Result<Kept<T>, KeysError> {
        let headers: Vec<_> = traceparent.map(|value| (TRACEPARENT, value)).into_iter().collect();
        let Fetched { status, cache_control, body, .. } =
            outbound.get_as(T::ACCEPT, &self.uri, &headers, LIMITS).await?;
        if status != 200 {
            return Err(KeysError::Status(status));
        }
        let document = Arc::new(T::parse(&body)?);
        Ok(Kept { document, fetched_at: now, ttl: ttl(cache_control.as_deref()) * SECOND })
    }
}

impl<T> State<T> {
    /// A clock that was set back ends a cool-down instead of lengthening it.
    fn is_cooling_down(&self, now: i64) -> bool {
        self.attempted_at.is_some_and(|attempted_at| (0..COOL_DOWN).contains(&(now - attempted_at)))
    }

    /// What there is without asking.
    fn best(&self, now: i64) -> Result<Arc<T>, KeysError> {
        match &self.last_good {
            Some(set) if now - set.fetched_at < set.ttl + GRACE => Ok(Arc::clone(&set.document)),
            _ => Err(self.failure.clone().unwrap_or(KeysError::Interrupted)),
        }
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { document: Arc::clone(&self.document), ..*self }
    }
}

impl<T> Kept<T> {
    fn is_fresh(&self, now: i64) -> bool {
        (0..self.ttl).contains(&(now - self.fetched_at))
    }
}
