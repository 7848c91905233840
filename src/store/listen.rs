//! Noticing that another node, or another process, has changed an environment.

use std::time::{Duration, Instant};

use diesel::{RunQueryDsl as _, connection::SimpleConnection as _, sql_types::BigInt};

use super::{
    Conn, Dedicated, Store, StoreError,
    connection::Owned,
    environments::{self, CHANNEL, Versions},
    location::Location,
};

/// How often the versions are read where no notification arrives: behind a pooler that gives a session to somebody else after each
/// transaction, a `LISTEN` would be theirs.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Watches for changes on a connection of its own. Cheap to ask, several times a second, from a thread that may block.
#[derive(Debug)]
pub struct ChangeWatch {
    store: Store,
    watching: Option<Watching>,
}

struct Watching {
    connection: Dedicated,
    /// SQLite: changes whenever another connection commits, to any table.
    data_version: i64,
    /// SQLite: what tells a change of an environment from one of the many audit records. Behind a pooler: what changes are seen by.
    versions: Vec<Versions>,
    /// Behind a pooler: when the versions were read.
    looked: Option<Instant>,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watching").field("data_version", &self.data_version).finish_non_exhaustive()
    }
}

impl Store {
    /// A watch that starts with the first call of [`ChangeWatch::changed`].
    pub fn watch(&self) -> ChangeWatch {
        ChangeWatch { store: self.clone(), watching: None }
    }
}

impl ChangeWatch {
    /// Whether an environment has changed since the last call. `true` also after every (re)connection, the first one included: something
    /// may have been missed.
    ///
    /// # Errors
    /// The database does not answer. The next call connects again.
    pub fn changed(&mut self) -> Result<bool, StoreError> {
        let Some(watching) = &mut self.watching else {
            self.watching = Some(Watching::start(&self.store)?);
            return Ok(true);
        };
        let changed = watching.changed();
        if changed.is_err() {
            self.watching = None;
        }
        changed
    }

    /// Makes sure that the connection is still to a server on which changes are made: of a standby nothing is heard. Costs a statement on
    /// Postgres.
    ///
    /// # Errors
    /// It is not. The next call of [`ChangeWatch::changed`] connects again.
    pub fn check(&mut self) -> Result<(), StoreError> {
        let Some(watching) = &mut self.watching else { return Ok(()) };
        let checked = match (&mut watching.connection.0, &self.store.location) {
            (Owned::Postgres(connection), Location::Postgres(url)) => url.check(connection),
            _ => Ok(()),
        };
        if checked.is_err() {
            self.watching = None;
        }
        checked
    }
}

impl Watching {
    fn start(store: &Store) -> Result<Self, StoreError> {
        let mut connection = store.dedicated()?;
        let mut start = (0, Vec::new());
        let mut looked = None;
        match &mut connection.0 {
            Owned::Postgres(c) if store.options.transaction_pooling => {
                looked = Some(Instant::now());
                start.1 = environments::versions(&mut Conn::Postgres(c))?;
            }
            Owned::Postgres(c) => c.batch_execute(&format!("LISTEN {CHANNEL}"))?,
            // The number first: a change between the two is then seen as one, and not lost.
            Owned::Sqlite(c) => start = (data_version(c)?, environments::versions(&mut Conn::Sqlite(c))?),
        }
        let (data_version, versions) = start;
        Ok(Self { connection, data_version, versions, looked })
    }

    fn changed(&mut self) -> Result<bool, StoreError> {
        match &mut self.connection.0 {
            Owned::Postgres(_) if self.looked.is_some_and(|looked| looked.elapsed() < BETWEEN_LOOKS) => Ok(false),
            Owned::Postgres(c) if self.looked.is_some() => {
                self.looked = Some(Instant::now());
                let versions = environments::versions(&mut Conn::Postgres(c))?;
                Ok(self.differs(versions))
            }
            Owned::Postgres(c) => {
                let mut changed = false;
                // Does not wait. A lost connection is an error of its own here, in words that no other error has.
                for notification in c.notifications_iter() {
                    notification.map_err(|error| StoreError::Unavailable(error.to_string()))?;
                    changed = true;
                }
                Ok(changed)
            }
            Owned::Sqlite(c) => {
                let data_version = data_version(c)?;
                if data_version == self.data_version {
                    return Ok(false);
                }
                let versions = environments::versions(&mut Conn::Sqlite(c))?;
                self.data_version = data_version;
                Ok(self.differs(versions))
            }
        }
    }

    fn differs(&mut self, versions: Vec<Versions>) -> bool {
        let before = std::mem::replace(&mut self.versions, versions);
        before != self.versions
    }
}

fn data_version(connection: &mut diesel::SqliteConnection) -> Result<i64, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct DataVersion {
        #[diesel(sql_type = BigInt)]
        data_version: i64,
    }
    let row: DataVersion = diesel::sql_query("PRAGMA data_version").get_result(connection)?;
    Ok(row.data_version)
}
