//! The memory between the token endpoint and the database: a request that needs nothing new costs no I/O.
//!
//! Each environment is one immutable [`EnvironmentSnapshot`], swapped in whole when its version in the database changes
//! ([`watch`]). Clients are loaded into it one by one, on demand, into a bounded cache.

mod attempts;
mod blocking;
mod contact;
mod counts;
pub mod environment;
pub mod foreign_keys;
mod freshness;
mod load;
pub mod revocations;
pub mod secret_uses;
mod sessions;
mod turns;
pub mod users;
pub mod watch;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use crate::{
    domain::{client::Client, clock::Clock},
    jose::master_key::MasterKey,
    store::{Store, StoreError, clients},
};
use arc_swap::ArcSwap;
use blocking::{Blocking, Kind};
use counts::CatalogCounts;
use environment::{EnvironmentSnapshot, KnownClient};
use secret_uses::SecretUses;
use turns::Turns;

pub use self::{contact::RevocationPolicy, load::LoadError};

/// After the database was out of reach, it is not asked for this long: requests that need it are told so at once,
/// instead of one after the other waiting for the same time-out. In milliseconds.
const REST_AFTER_FAILURE: u64 = 500;

/// Look-ups of clients that may wait for the database at once.
const MOST_LOOKUPS: usize = 256;

/// Look-ups for `/ready` at once.
const MOST_PINGS: usize = 256;

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

/// All environments, in memory. Shared by all requests of a node.
pub struct Catalog {
    store: Store,
    master_key: MasterKey,
    public_url: String,
    limits: CatalogLimits,
    revocation: RevocationPolicy,
    clock: Arc<dyn Clock>,
    environments: ArcSwap<Environments>,
    /// Whose turn it is to load what changed.
    refreshing: Turns,
    secret_uses: SecretUses,
    blocking: Blocking,
    /// Those of `/ready`, which must not starve behind a flood of made-up ids.
    pings: Blocking,
    counts: Arc<CatalogCounts>,
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
        let longest = store.longest_wait();
        // Without a connection they would only wait for one.
        let threads = usize::try_from(store.pool_size()).unwrap_or(usize::MAX >> 3);
        let catalog = Self {
            store,
            master_key,
            public_url,
            limits,
            revocation,
            clock,
            environments: ArcSwap::default(),
            refreshing: Turns::default(),
            secret_uses: SecretUses::default(),
            blocking: Blocking::new(MOST_LOOKUPS, threads, longest),
            pings: Blocking::new(MOST_PINGS, 1, longest),
            counts: Arc::default(),
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

    /// Every environment.
    pub fn environments(&self) -> Vec<Arc<EnvironmentSnapshot>> {
        self.environments.load().by_id.values().cloned().collect()
    }

    /// The uses of secrets that nobody has written yet.
    pub fn secret_uses(&self) -> &SecretUses {
        &self.secret_uses
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
        let known = match environment.known_client(client_id, self.clock.now_millis()) {
            KnownClient::Yes(client) => Some(Some(client)),
            KnownClient::No => Some(None),
            KnownClient::Unasked => None,
        };
        if let Some(answer) = self.counts.clients.saw(known) {
            return Ok(answer);
        }
        let (environment, id) = (Arc::clone(environment), client_id.to_owned());
        self.on_blocking_thread(Kind::Short, move |catalog| catalog.load_client(&environment, &id)).await
    }

    /// What the database says, asked on a blocking thread.
    ///
    /// # Errors
    /// The database fails, or too many wait for it.
    pub async fn look_up<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.on_blocking_thread(Kind::Short, move |catalog| catalog.ask(work)).await
    }

    /// Makes sure that the database answers, and soon.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let store = self.store.clone();
        let answered = self.pings.run(Kind::Short, move || store.ping()).await;
        self.leave_hanging(answered)?
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
        self.on_blocking_thread(Kind::Short, move |catalog| {
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
        self.on_blocking_thread(Kind::Long, move |catalog| {
            let done = work(&catalog.store)?;
            if let Err(error) = catalog.refresh() {
                log::error!("a change was made, but this node cannot read it yet: {error}");
            }
            Ok(done)
        })
        .await
    }

    /// A flood of made-up ids queues up to [`MOST_LOOKUPS`] and no further: what else needs the database still gets its turn.
    async fn on_blocking_thread<T, E>(
        self: &Arc<Self>,
        kind: Kind,
        work: impl FnOnce(&Self) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let catalog = Arc::clone(self);
        let done = self.blocking.run(kind, move || work(&catalog)).await;
        self.leave_hanging(done)?
    }

    /// After work that was not done in time: its connection may be one that hangs, and the next get others.
    fn leave_hanging<T>(&self, done: Result<T, StoreError>) -> Result<T, StoreError> {
        done.inspect_err(|_| {
            self.store.leave_hanging();
        })
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
        let mut found =
            self.ask(|store| store.read(|conn| clients::find(conn, &environment.environment.id, client_id)))?;
        if let Some(client) = &mut found {
            self.secret_uses.connect(&mut client.secrets);
        }
        let found = found.map(Arc::new);
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
