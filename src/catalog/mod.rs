//! The memory between the token endpoint and the database: a request that needs nothing new costs no I/O.
//!
//! Each environment is one immutable [`EnvironmentSnapshot`], swapped in whole when its version in the database changes
//! ([`watch`]). Clients are loaded into it one by one, on demand, into a bounded cache.

pub mod environment;
pub mod foreign_keys;
mod freshness;
mod load;
pub mod revocations;
pub mod users;
pub mod watch;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use crate::{
    domain::{client::Client, clock::Clock},
    jose::master_key::MasterKey,
    store::{Store, StoreError, clients},
};
use environment::{EnvironmentSnapshot, KnownClient};

pub use load::LoadError;

/// After the database was out of reach, it is not asked for this long: requests that need it are told so at once,
/// instead of one after the other waiting for the same time-out. In milliseconds.
const REST_AFTER_FAILURE: u64 = 500;

/// Look-ups of clients that may wait for the database at once.
const MOST_LOOKUPS: usize = 256;

/// How much is kept in memory, per environment.
#[derive(Debug, Clone)]
pub struct CatalogLimits {
    /// Clients.
    pub clients: usize,
    /// Client ids that are known not to exist.
    pub unknown_clients: usize,
    /// How long an id is believed not to exist.
    pub unknown_client_ttl: Duration,
    /// Verified subject and actor tokens.
    pub verified_tokens: usize,
    /// Users.
    pub users: usize,
}

/// What is asked of a node that does not hear of revocations.
#[derive(Debug, Clone, Copy)]
pub struct RevocationPolicy {
    /// How long a node may be out of touch with the database before it counts as not knowing what is revoked.
    pub max_staleness: Duration,
    /// Whether it then refuses what depends on that, instead of going by what it knows.
    pub strict: bool,
}

/// All environments, in memory. Shared by all requests of a node.
pub struct Catalog {
    store: Store,
    master_key: MasterKey,
    public_url: String,
    limits: CatalogLimits,
    revocation: RevocationPolicy,
    clock: Arc<dyn Clock>,
    environments: ArcSwap<Environments>,
    /// Held by whoever loads what changed.
    refreshing: Mutex<()>,
    lookups: Arc<Semaphore>,
    start: Instant,
    /// When the database was last seen to hold nothing new, in milliseconds after `start`.
    last_look: AtomicU64,
    /// Until when the database is left alone, in milliseconds after `start`: setting the machine's clock back must not
    /// lengthen the rest.
    resting_until: AtomicU64,
}

/// The environments of one moment.
#[derive(Default)]
struct Environments {
    by_id: HashMap<String, Arc<EnvironmentSnapshot>>,
    default: Option<Arc<EnvironmentSnapshot>>,
}

impl Catalog {
    /// Loads all environments.
    ///
    /// # Errors
    /// The database fails, or a signing key cannot be opened with `master_key`.
    pub fn load(
        store: Store,
        master_key: MasterKey,
        public_url: String,
        limits: CatalogLimits,
        revocation: RevocationPolicy,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let catalog = Self {
            store,
            master_key,
            public_url,
            limits,
            revocation,
            clock,
            environments: ArcSwap::default(),
            refreshing: Mutex::default(),
            lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)),
            start: Instant::now(),
            last_look: AtomicU64::new(0),
            resting_until: AtomicU64::new(0),
        };
        catalog.refresh()?;
        Ok(catalog)
    }

    /// The environment whose issuer is the public URL.
    pub fn default_environment(&self) -> Option<Arc<EnvironmentSnapshot>> {
        self.environments.load().default.clone()
    }

    /// The environment at `/{tenant_id}/{environment_id}`. Both must fit: an environment answers under its own tenant
    /// only.
    pub fn environment(&self, tenant_id: &str, environment_id: &str) -> Option<Arc<EnvironmentSnapshot>> {
        let environments = self.environments.load();
        let found = environments.by_id.get(environment_id)?;
        (found.environment.tenant_id == tenant_id).then(|| Arc::clone(found))
    }

    /// The environment with this id, for callers that know the id from us and not from a request.
    pub fn environment_by_id(&self, environment_id: &str) -> Option<Arc<EnvironmentSnapshot>> {
        self.environments.load().by_id.get(environment_id).cloned()
    }

    /// A client of `environment`, from memory if it is there, else from the database on a blocking thread. `None` if
    /// there is no such client.
    ///
    /// # Errors
    /// The database fails. That is never taken for "no such client".
    pub async fn client(
        self: &Arc<Self>,
        environment: &Arc<EnvironmentSnapshot>,
        client_id: &str,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        match environment.known_client(client_id, self.clock.now_millis()) {
            KnownClient::Yes(client) => return Ok(Some(client)),
            KnownClient::No => return Ok(None),
            KnownClient::Unasked => {}
        }
        let (environment, id) = (Arc::clone(environment), client_id.to_owned());
        self.on_blocking_thread(move |catalog| catalog.load_client(&environment, &id)).await
    }

    /// What the database says, asked on a blocking thread.
    ///
    /// # Errors
    /// The database fails, or too many wait for it.
    pub async fn look_up<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_blocking_thread(move |catalog| catalog.ask(work)).await
    }

    /// Works with the database on a blocking thread. For what no snapshot holds; see [`change`](Self::change).
    ///
    /// # Errors
    /// Those of `work`, and that too many wait for the database.
    pub async fn work<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.on_blocking_thread(move |catalog| {
            catalog.check_rest()?;
            work(&catalog.store)
        })
        .await
    }

    /// Changes something on a blocking thread, and lets this node see it before the caller goes on; the others hear of it.
    ///
    /// # Errors
    /// Those of `work`. A memory that cannot be renewed after a change that was made is the watch's to mend.
    pub async fn change<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.on_blocking_thread(move |catalog| {
            let done = work(&catalog.store)?;
            if let Err(error) = catalog.refresh() {
                log::error!("a change was made, but this node cannot read it yet: {error}");
            }
            Ok(done)
        })
        .await
    }

    /// How long ago this node last knew of everything that is in the database.
    pub fn silence(&self) -> Duration {
        Duration::from_millis(self.millis().saturating_sub(self.last_look.load(Ordering::Relaxed)))
    }

    /// Whether something may have been revoked of which this node has not heard, for longer than is put up with.
    pub fn is_stale(&self) -> bool {
        self.silence() > self.revocation.max_staleness
    }

    /// How often the database must be asked for changes, so that silence means that it cannot be.
    pub(super) fn longest_interval(&self) -> Duration {
        self.revocation.max_staleness / 3
    }

    /// Whether this node may say that something is *not* revoked.
    ///
    /// # Errors
    /// It has been out of touch for too long, and is set to be strict about it.
    pub fn check_fresh(&self) -> Result<(), StoreError> {
        if self.revocation.strict && self.is_stale() {
            let seconds = self.silence().as_secs();
            return Err(StoreError::unavailable(format!("no revocation could be heard of for {seconds} s")));
        }
        Ok(())
    }

    /// A flood of made-up ids queues up to [`MOST_LOOKUPS`] and no further: what else needs the database still gets its turn.
    async fn on_blocking_thread<T, E>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = Arc::clone(&self.lookups).try_acquire_owned();
        let permit = permit.map_err(|_| StoreError::unavailable("too many wait for the database"))?;
        let catalog = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work(&catalog)
        });
        let cut_off = |error| Err(StoreError::unavailable(format!("the work was cut off: {error}")).into());
        done.await.unwrap_or_else(cut_off)
    }

    fn load_client(
        &self,
        environment: &EnvironmentSnapshot,
        client_id: &str,
    ) -> Result<Option<Arc<Client>>, StoreError> {
        // Another request may have brought the answer while this one waited for a thread.
        match environment.known_client(client_id, self.clock.now_millis()) {
            KnownClient::Yes(client) => return Ok(Some(client)),
            KnownClient::No => return Ok(None),
            KnownClient::Unasked => {}
        }
        let found = self
            .ask(|store| store.read(|conn| clients::find(conn, &environment.environment.id, client_id)))?
            .map(Arc::new);
        environment.remember_client(client_id, found.as_ref(), self.clock.now_millis());
        Ok(found)
    }

    /// Asks the database, unless it was out of reach a moment ago.
    fn ask<T>(&self, work: impl FnOnce(&Store) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.check_rest()?;
        work(&self.store).inspect_err(|error| self.rest_after(error))
    }

    fn millis(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX / 2)
    }

    fn check_rest(&self) -> Result<(), StoreError> {
        if self.millis() < self.resting_until.load(Ordering::Relaxed) {
            return Err(StoreError::unavailable("the database was out of reach a moment ago"));
        }
        Ok(())
    }

    fn rest_after(&self, error: &StoreError) {
        if error.is_unavailable() {
            self.resting_until.store(self.millis() + REST_AFTER_FAILURE, Ordering::Relaxed);
        }
    }
}
