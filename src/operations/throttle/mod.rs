//! Slows down those who guess secrets, and those who try out tokens (TE-018, RFC 6749 §2.3.1).
//!
//! Only failures count. Those of authentication count together with the address they come from: whoever merely knows a
//! client's id cannot lock that client out from elsewhere. Refused tokens count for the client that sent them, which has
//! authenticated by then. An address where too much fails slows down those who fail there, and nobody else: others may share
//! it. What one node counts, the others hear of within a second ([`sharing`]).

mod bucket;
mod key;
pub mod sharing;
#[cfg(test)]
mod tests;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use quick_cache::sync::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};

pub use self::key::Limit;
use self::{
    bucket::Bucket,
    key::{Key, Named},
};
use crate::{
    domain::{address::network_of, client::Client},
    metrics::Page,
    oauth::error::{OAuthError, Problem},
};

/// Addresses and clients that are remembered. Beyond, the least recently seen are forgotten.
const REMEMBERED: usize = 50_000;
/// The most windows that somebody stays blocked: nodes that did not hear of each other in time can have let more pass than the
/// limit, and that is paid back, up to here.
const MOST_WINDOWS: i64 = 10;
/// The part of a limit that a node keeps to itself. A flood of single failures, each as somebody else, becomes no flood of
/// writes; and nobody gains more than a tenth of the limit per node by it.
const KEPT_PART: i64 = 10;
/// The most attempts that are remembered of those made from crowded addresses. Apart from the counts: whoever has made an address
/// crowded can make up ids without end, and is not to push out what is known of others.
const REMEMBERED_ATTEMPTS: usize = 10_000;
/// How many of its failures a client whose token is refused at a crowded address rests for. Less than for a wrong secret: it is
/// known who it is, and it may only pass on what others send to it.
const REST_AFTER_TOKEN: i64 = 10;
/// The most clients that are looked up at once for crowded addresses. The rest of the look-ups is for everybody else.
const CROWDED_LOOKUPS: usize = 4;
/// The most counts that wait to be shared. Beyond, this node goes on by itself.
const MOST_WAITING: usize = 10_000;

/// How many failures there may be at once. In each `window` as many may follow.
#[derive(Debug, Clone, Copy)]
pub struct ThrottleOptions {
    /// See [`Limit::FailuresPerClient`].
    pub failures_per_client: u32,
    /// See [`Limit::FailuresPerAddress`].
    pub failures_per_address: u32,
    /// See [`Limit::RefusedTokensPerClient`].
    pub refused_tokens_per_client: u32,
    /// See [`Limit::RefusedTokensPerAddress`].
    pub refused_tokens_per_address: u32,
    /// How long it takes until a limit that was used up is whole again.
    pub window: Duration,
}

/// Counts what failed of late.
pub struct Throttle {
    /// In microseconds, as all times in here.
    window: i64,
    failures_per_client: Counted,
    failures_per_address: Counted,
    refused_tokens_per_client: Counted,
    refused_tokens_per_address: Counted,
    buckets: Cache<Key, Arc<Bucket>>,
    /// Held by whoever makes a bucket.
    making: Mutex<()>,
    /// Who has had an attempt from a crowded address, and until when that was the last one.
    attempts: Cache<Key, i64>,
    crowded_lookups: Semaphore,
    /// Touched only where something failed.
    waiting: Mutex<Vec<(Key, Arc<Bucket>)>>,
}

/// One limit.
struct Counted {
    /// What one failure adds.
    cost: i64,
    /// Requests that were refused because of it.
    refusals: AtomicU64,
}

/// Whose attempt it is.
#[derive(Debug, Clone, Copy)]
pub struct Who<'a> {
    /// The environment that was asked.
    pub environment_id: &'a str,
    /// The client; for secrets the one that it claims to be.
    pub client_id: &'a str,
    /// Where it comes from; `None` behind a socket without addresses, where nobody can be told apart.
    pub address: Option<IpAddr>,
}

/// An attempt that may be made.
#[must_use]
pub struct Attempt<'a> {
    throttle: &'a Throttle,
    own: Named<'a>,
    address: Option<Named<'a>>,
    /// Too much failed at its address, though not by this client.
    crowded: Option<Throttled>,
}

/// Too many failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// Of which kind.
    pub limit: Limit,
    /// When to try again, in seconds.
    pub retry_after: i64,
}

impl Throttle {
    /// Nothing has failed yet.
    pub fn new(options: &ThrottleOptions) -> Self {
        let window = i64::try_from(options.window.as_micros()).unwrap_or(i64::MAX).clamp(1, i64::MAX / 1000);
        let counted = |most: u32| {
            let cost = window.checked_div(i64::from(most)).unwrap_or(window).max(1);
            Counted { cost, refusals: AtomicU64::new(0) }
        };
        Self {
            window,
            failures_per_client: counted(options.failures_per_client),
            failures_per_address: counted(options.failures_per_address),
            refused_tokens_per_client: counted(options.refused_tokens_per_client),
            refused_tokens_per_address: counted(options.refused_tokens_per_address),
            buckets: Cache::new(REMEMBERED),
            making: Mutex::default(),
            attempts: Cache::new(REMEMBERED_ATTEMPTS),
            crowded_lookups: Semaphore::new(CROWDED_LOOKUPS),
            waiting: Mutex::default(),
        }
    }

    /// Whether a secret may be tried at `now` (milliseconds since 1970). Asked before the secret is looked at: afterwards, the
    /// guess would have been made. Where there is no address, there is nobody to slow down.
    ///
    /// # Errors
    /// There were too many failures.
    pub fn secret<'a>(&'a self, who: Who<'a>, now: i64) -> Result<Option<Attempt<'a>>, Throttled> {
        let Some(network) = who.address.map(network_of) else { return Ok(None) };
        // What cannot be an id counts as one and the same: it may be long, and is not worth remembering.
        let client_id = if Client::is_id(who.client_id) { who.client_id } else { "" };
        let environment_id = who.environment_id;
        let own = Named { limit: Limit::FailuresPerClient, network: Some(network), environment_id, client_id };
        let address = Some(of_address(Limit::FailuresPerAddress, network));
        self.attempt(own, address, now).map(Some).map_err(|throttled| self.refuse(throttled))
    }

    /// Whether the tokens that a client presents may be checked at `now` (milliseconds since 1970). The client has
    /// authenticated. All the same it may only pass on what others send to it, who could use up its limit with rubbish: what
    /// `is_known`, because its signature was good before, costs nothing and may always be presented.
    ///
    /// # Errors
    /// Too many were refused.
    pub fn tokens<'a>(
        &'a self,
        who: Who<'a>,
        now: i64,
        is_known: impl FnOnce() -> bool,
    ) -> Result<Option<Attempt<'a>>, Throttled> {
        let Who { environment_id, client_id, address } = who;
        let own = Named { limit: Limit::RefusedTokensPerClient, network: None, environment_id, client_id };
        let network = address.map(network_of);
        let address = network.map(|network| of_address(Limit::RefusedTokensPerAddress, network));
        match self.attempt(own, address, now) {
            Err(_) if is_known() => Ok(None),
            outcome => outcome.map(Some).map_err(|throttled| self.refuse(throttled)),
        }
    }

    fn attempt<'a>(&'a self, own: Named<'a>, address: Option<Named<'a>>, now: i64) -> Result<Attempt<'a>, Throttled> {
        let now = now.saturating_mul(1000);
        let level = self.level(&own, now);
        if let Some(throttled) = self.is_over(own.limit, level) {
            return Err(throttled);
        }
        let crowded = address.and_then(|address| self.is_over(address.limit, self.level(&address, now)));
        let failed_here = || level > 0 || self.attempts.get(&own).is_some_and(|until| now < until);
        match crowded {
            Some(throttled) if failed_here() => Err(throttled),
            // Whoever has not failed here is not to suffer for the others.
            crowded => Ok(Attempt { throttle: self, own, address, crowded }),
        }
    }

    fn level(&self, named: &Named<'_>, now: i64) -> i64 {
        self.buckets.get(named).map_or(0, |bucket| bucket.level(now, self.most()))
    }

    /// `None` while there is room for one more.
    fn is_over(&self, limit: Limit, level: i64) -> Option<Throttled> {
        let wait = level.saturating_sub(self.window.saturating_sub(self.counted(limit).cost));
        (wait > 0).then(|| Throttled { limit, retry_after: wait.saturating_sub(1).div_euclid(1_000_000) + 1 })
    }

    fn refuse(&self, throttled: Throttled) -> Throttled {
        self.counted(throttled.limit).refusals.fetch_add(1, Ordering::Relaxed);
        throttled
    }

    fn add(&self, named: Named<'_>, now: i64) {
        let bucket = self.bucket(named.to_key());
        let unshared = bucket.add(self.counted(named.limit).cost, now, self.most());
        if unshared < self.window.div_euclid(KEPT_PART) {
            return;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MOST_WAITING && bucket.enters_queue() {
            waiting.push((named.to_key(), bucket));
        }
    }

    /// The bucket with this key, the same for all who ask. Not by the cache's own `get_or_insert_with`: of several who come at the same
    /// moment some get one that nobody else sees, and what they count is lost.
    fn bucket(&self, key: Key) -> Arc<Bucket> {
        if let Some(bucket) = self.buckets.get(&key) {
            return bucket;
        }
        let _alone = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        self.buckets.get(&key).unwrap_or_else(|| {
            let bucket = Arc::<Bucket>::default();
            self.buckets.insert(key, Arc::clone(&bucket));
            bucket
        })
    }

    /// The most that a bucket can have.
    fn most(&self) -> i64 {
        self.window.saturating_mul(MOST_WINDOWS)
    }

    fn counted(&self, limit: Limit) -> &Counted {
        match limit {
            Limit::FailuresPerClient => &self.failures_per_client,
            Limit::FailuresPerAddress => &self.failures_per_address,
            Limit::RefusedTokensPerClient => &self.refused_tokens_per_client,
            Limit::RefusedTokensPerAddress => &self.refused_tokens_per_address,
        }
    }

    /// Writes how many requests were refused onto `page`.
    pub fn expose(&self, page: &mut Page) {
        for limit in Limit::ALL {
            let help = "Requests that were refused because too much had failed, by the limit.";
            let refusals = self.counted(limit).refusals.load(Ordering::Relaxed);
            page.counter("tessera_limited_requests_total", help, &[("limit", limit.as_str())], refusals);
        }
    }
}

impl From<Throttled> for OAuthError {
    fn from(throttled: Throttled) -> Self {
        let problem = match throttled.limit {
            Limit::FailuresPerClient | Limit::FailuresPerAddress => Problem::TooManyFailures,
            Limit::RefusedTokensPerClient | Limit::RefusedTokensPerAddress => Problem::TooManyRefusedTokens,
        };
        let detail = format!("limits.{} is used up", throttled.limit.as_str());
        Self { retry_after: Some(throttled.retry_after), ..Self::new(problem, detail) }
    }
}

impl<'a> Attempt<'a> {
    /// To be held while the database is asked who the client is.
    ///
    /// # Errors
    /// Too much has failed at the address, and others are being looked up for such addresses.
    pub fn before_lookup(&self) -> Result<Option<SemaphorePermit<'a>>, Throttled> {
        let Some(throttled) = self.crowded else { return Ok(None) };
        let permit = self.throttle.crowded_lookups.try_acquire();
        permit.map(Some).map_err(|_| self.throttle.refuse(throttled))
    }

    /// Counts a failure at `now` (milliseconds since 1970).
    ///
    /// # Errors
    /// Too much had failed at the address before. The attempt was made all the same, because it might have been a good one:
    /// now that it is not, the answer is that of those who must wait, and it was the last one for a while: for a window after a
    /// wrong secret.
    pub fn failed(self, now: i64) -> Result<(), Throttled> {
        let (throttle, now) = (self.throttle, now.saturating_mul(1000));
        if let Some(throttled) = self.crowded {
            // For ids that exist and those that do not alike, or the difference would show which do (TE-019).
            let rest = match self.own.limit {
                Limit::RefusedTokensPerClient => throttle.counted(self.own.limit).cost.saturating_mul(REST_AFTER_TOKEN),
                _ => throttle.window,
            };
            throttle.attempts.insert(self.own.to_key(), now.saturating_add(rest.min(throttle.window)));
            return Err(throttle.refuse(throttled));
        }
        throttle.add(self.own, now);
        if let Some(address) = self.address {
            throttle.add(address, now);
        }
        Ok(())
    }
}

fn of_address(limit: Limit, network: IpAddr) -> Named<'static> {
    Named { limit, network: Some(network), environment_id: "", client_id: "" }
}
