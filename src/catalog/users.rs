//! What is remembered of users, so that a token for one who was here before costs no I/O.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use arc_swap::ArcSwap;
use quick_cache::sync::Cache;

use super::{Catalog, counts::CatalogCounts, environment::EnvironmentSnapshot};
use crate::{
    domain::user::{Identity, User},
    store::{StoreError, users},
};

/// A user as a connection knows one, with the profile that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownUser {
    /// The user.
    pub user: User,
    /// The profile that the request names, or else the active one.
    pub profile_id: String,
}

/// Whom and as whom: the name of a user, and the profile that the request names.
type Asked = (Identity, Option<String>);

/// What is remembered of users since the last change of one. Whoever reads the database takes this *before*, and puts what
/// was found into it: if a user changes in between, it goes to an old memory that nobody asks any more.
pub struct Users {
    known: Cache<Asked, Arc<KnownUser>>,
    /// Whether a user is enabled; `None` where there is no such user.
    enabled: Cache<String, Option<bool>>,
    counts: Arc<CatalogCounts>,
}

impl Users {
    fn new(capacity: usize, counts: Arc<CatalogCounts>) -> Self {
        Self { known: Cache::new(capacity), enabled: Cache::new(capacity), counts }
    }

    /// The user, if remembered.
    pub fn get(&self, identity: &Identity, profile: Option<&str>) -> Option<Arc<KnownUser>> {
        self.counts.users.saw(self.known.get(&(identity.clone(), profile.map(str::to_owned))))
    }

    /// Remembers a user that was found or made.
    pub fn remember(&self, identity: Identity, profile: Option<String>, known: Arc<KnownUser>) {
        self.known.insert((identity, profile), known);
    }
}

/// The memory of one snapshot, exchanged for an empty one whenever a user changes.
pub(super) struct UserMemory {
    capacity: usize,
    version: AtomicI64,
    current: ArcSwap<Users>,
    counts: Arc<CatalogCounts>,
}

impl UserMemory {
    pub(super) fn new(capacity: usize, version: i64, counts: Arc<CatalogCounts>) -> Self {
        let current = ArcSwap::from_pointee(Users::new(capacity, Arc::clone(&counts)));
        Self { capacity, version: AtomicI64::new(version), current, counts }
    }

    pub(super) fn current(&self) -> Arc<Users> {
        self.current.load_full()
    }

    pub(super) fn forget(&self) {
        self.current.store(Arc::new(Users::new(self.capacity, Arc::clone(&self.counts))));
    }

    pub(super) fn forget_before(&self, version: i64) {
        if self.version.swap(version, Ordering::Relaxed) != version {
            self.forget();
        }
    }
}

impl Catalog {
    /// Whether the user of that id in `environment` is enabled, `None` if there is no such user; from memory, or from the
    /// database on a blocking thread.
    ///
    /// # Errors
    /// The database fails. That is never taken for a user who is gone.
    pub async fn is_user_enabled(
        self: &Arc<Self>,
        environment: &EnvironmentSnapshot,
        user_id: &str,
    ) -> Result<Option<bool>, StoreError> {
        let memory = environment.users();
        if let Some(known) = memory.counts.users.saw(memory.enabled.get(user_id)) {
            return Ok(known);
        }
        let (environment_id, id) = (environment.environment.id.clone(), user_id.to_owned());
        let found = self.look_up(move |store| store.read(|conn| users::find(conn, &environment_id, &id))).await?;
        let enabled = found.map(|user| user.enabled);
        memory.enabled.insert(user_id.to_owned(), enabled);
        Ok(enabled)
    }
}
