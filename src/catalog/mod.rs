//! The memory between the token endpoint and the database: a request that needs nothing new costs no I/O.
//!
//! Each environment is one immutable [`EnvironmentSnapshot`], swapped in whole when its version in the database changes
//! ([`watch`]). Clients are loaded into it one by one, on demand, into a bounded cache.

pub mod environment;
pub mod foreign_keys;
mod freshness;
mod load;
pub mod watch;

use std::{
    collections::HashMap,
    sync::{
        Arc,
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
}

/// All environments, in memory. Shared by all requests of a node.
pub struct Catalog {
    store: Store,
    master_key: MasterKey,
    public_url: String,
    limits: CatalogLimits,
    clock: Arc<dyn Clock>,
    environments: ArcSwap<Environments>,
    lookups: Arc<Semaphore>,
    start: Instant,
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
        clock: Arc<dyn Clock>,
    ) -> Result<Self, LoadError> {
        let catalog = Self {
            store,
            master_key,
            public_url,
            limits,
            clock,
            environments: ArcSwap::default(),
            lookups: Arc::new(Semaphore::new(MOST_LOOKUPS)),
            start: Instant::now(),
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
        // A flood of made-up ids queues up to here and no further: what else needs the database still gets its turn.
        let Ok(permit) = Arc::clone(&self.lookups).try_acquire_owned() else {
            return Err(StoreError::unavailable("too many clients are being looked up"));
        };
        let (catalog, environment, id) = (Arc::clone(self), Arc::clone(environment), client_id.to_owned());
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            catalog.load_client(&environment, &id)
        })
        .await
        .unwrap_or_else(|cancelled| Err(StoreError::unavailable(format!("the look-up was cut off: {cancelled}"))))
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
        self.check_rest()?;
        let found = self.store.read(|conn| clients::find(conn, &environment.environment.id, client_id));
        let found = found.inspect_err(|error| self.rest_after(error))?.map(Arc::new);
        environment.remember_client(client_id, found.as_ref(), self.clock.now_millis());
        Ok(found)
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
