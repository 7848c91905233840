//! One key set of a foreign issuer: when it is fetched, and how long it serves.

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
    domain::{clock::Clock, trace::TRACEPARENT},
    jose::foreign_keys::{ForeignKeys, UnusableKey},
    outbound::{Fetched, Limits, Outbound},
};

/// The bounds of one fetch. Honest key sets have a few kilobytes.
const LIMITS: Limits = Limits { connect: Duration::from_secs(2), total: Duration::from_secs(5), max_body: 256 * 1024 };

/// What is asked for (RFC 7517 §8.5). The API server of Kubernetes gives its keys to nobody who takes JSON alone.
const KEY_SET: &str = "application/jwk-set+json, application/json";
/// The most unusable keys that are named after one fetch.
const MAX_NAMED: usize = 8;

/// Milliseconds in a second.
const SECOND: i64 = 1000;
/// Between two attempts for one entry, in milliseconds.
const COOL_DOWN: i64 = 10 * SECOND;
/// How long beyond its freshness the last good set serves while the issuer is away, in milliseconds. Then a withdrawn
/// key could be what the outage hides.
const GRACE: i64 = 3600 * SECOND;

/// The set that is asked for.
pub(super) enum Wanted {
    /// Any fresh one.
    Any,
    /// One with a key of this id.
    With(String),
    /// Another than this one.
    Beside(Arc<ForeignKeys>),
}

impl Wanted {
    fn is(&self, keys: &Arc<ForeignKeys>) -> bool {
        match self {
            Wanted::Any => true,
            Wanted::With(kid) => keys.has(kid),
            Wanted::Beside(old) => !Arc::ptr_eq(old, keys),
        }
    }
}

/// One key set, and its history.
pub(super) struct Entry {
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
    pub fn new(scope: &str, uri: &str) -> Self {
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

    pub fn counters(&self) -> FetchCounters {
        let last_success_at = self.last_success_at.load(Ordering::Relaxed);
        FetchCounters {
            attempts: self.attempts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            last_success_at: (last_success_at >= 0).then_some(last_success_at),
        }
    }

    /// The answer, if no fetch is due before it.
    pub fn answer(&self, wanted: &Wanted, now: i64) -> Option<Result<Arc<ForeignKeys>, KeysError>> {
        let state = self.state.load();
        if let Some(set) = &state.last_good
            && set.is_fresh(now)
            && wanted.is(&set.keys)
        {
            return Some(Ok(Arc::clone(&set.keys)));
        }
        state.is_cooling_down(now).then(|| state.best(now))
    }

    /// Fetches, unless somebody else just did.
    pub async fn refresh(
        &self,
        outbound: &Outbound,
        clock: &dyn Clock,
        wanted: &Wanted,
        traceparent: Option<String>,
    ) -> Result<Arc<ForeignKeys>, KeysError> {
        let _fetching = self.fetching.lock().await;
        let now = clock.now_millis();
        if let Some(answer) = self.answer(wanted, now) {
            return answer;
        }
        let mut state = State::clone(&self.state.load());
        state.attempted_at = Some(now);
        self.attempts.fetch_add(1, Ordering::Relaxed);
        match self.fetch(outbound, now, traceparent).await {
            Ok(set) => {
                self.name_unusable(&set.keys);
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

    /// Says once per fetch which keys are of no use: the operator would look for the cause elsewhere.
    fn name_unusable(&self, keys: &ForeignKeys) {
        let unusable = keys.unusable();
        if unusable.is_empty() {
            return;
        }
        let name = |UnusableKey { kid, reason }: &UnusableKey| match kid {
            Some(kid) => format!("{kid:?} {reason}"),
            None => format!("one without kid {reason}"),
        };
        let named: Vec<String> = unusable.iter().take(MAX_NAMED).map(name).collect();
        let named = named.join("; ");
        log::warn!("{} keys of {} are not used: {named}", unusable.len(), self.scope);
    }

    async fn fetch(&self, outbound: &Outbound, now: i64, traceparent: Option<String>) -> Result<KeySet, KeysError> {
        let headers: Vec<_> = traceparent.map(|value| (TRACEPARENT, value)).into_iter().collect();
        let Fetched { status, cache_control, body, .. } = outbound.get_as(KEY_SET, &self.uri, &headers, LIMITS).await?;
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
