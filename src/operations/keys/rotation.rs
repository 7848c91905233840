//! Rotation by schedule.

use std::fmt;

use super::{KeyError, KeyMaker, change::publish, recorded};
use crate::{
    audit::Outcome,
    domain::{clock::Clock, environment::SigningAlg, signing_key::due_algs},
    jose::private_key::PrivateKey,
    operations::operator::NotDone,
    store::{Store, StoreError, environments, signing_keys, signing_keys::StoredKey},
};

/// Why nothing was done; either way the transaction is rolled back, so that no node reads anything again.
enum Stop {
    NotDue,
    Failed(KeyError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Stop::Failed(error.into())
    }
}

impl From<KeyError> for Stop {
    fn from(error: KeyError) -> Self {
        Stop::Failed(error)
    }
}

impl NotDone for Stop {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            Stop::NotDue => None,
            Stop::Failed(error) => error.outcome(),
        }
    }
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::NotDue => f.write_str("no rotation is due"),
            Stop::Failed(error) => error.fmt(f),
        }
    }
}

/// Publishes the next key of the environment for `alg` if the newest was made `interval` seconds ago or earlier. `None` if not:
/// of several nodes that come at once, whoever holds the environment's row first makes the key, and the others see it.
///
/// # Errors
/// The database fails, or a key cannot be made. Nothing was changed.
pub fn rotate_if_due(
    store: &Store,
    maker: &KeyMaker<'_>,
    clock: &dyn Clock,
    environment_id: &str,
    alg: SigningAlg,
    interval: i64,
) -> Result<Option<StoredKey>, KeyError> {
    // Before the transaction: an RSA key takes a while, and nobody should wait for it.
    let next = PrivateKey::generate(alg)?;
    let done = maker.operator.change(store, "keys rotate", |conn| {
        if !environments::touch(conn, environment_id, clock.now())? {
            return Err(Stop::NotDue);
        }
        // As of now that the row is ours: the wait for it is not part of the time that the key is published.
        let maker = KeyMaker { now: clock.now(), ..*maker };
        let environment = environments::find(conn, environment_id)?.ok_or(Stop::NotDue)?.environment;
        let keys = signing_keys::list(conn, environment_id)?;
        let due = due_algs(keys.iter().map(|key| (key.alg, key.schedule)), interval, maker.now);
        if !due.contains(&alg) {
            return Err(Stop::NotDue);
        }
        Ok(recorded(conn, &environment, None, |conn| publish(conn, &maker, &environment, &keys, &next))?)
    });
    match done {
        Ok(key) => Ok(Some(key)),
        Err(Stop::NotDue) => Ok(None),
        Err(Stop::Failed(error)) => Err(error),
    }
}
