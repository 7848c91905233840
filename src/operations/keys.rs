//! Signing keys: made, rotated, retired, revoked.

use std::collections::BTreeSet;

use super::{lookup::EnvironmentLookup, revoke::revoke_in};
use crate::{
    domain::{
        environment::{Environment, SigningAlg},
        random::Random,
        revocation::RevocationKind,
        signing_key::{KeySchedule, KeyState},
        subject::CLOCK_LEEWAY,
    },
    jose::{
        error::JoseError,
        master_key::{MasterKey, private_key_aad},
        private_key::PrivateKey,
    },
    store::{Conn, Store, StoreError, environments, signing_keys, signing_keys::StoredKey},
};

/// Nodes hear of a new key within this many seconds, even if a notification is lost; it is added to the time that a new
/// key is published before it signs.
const NODE_DELAY: i64 = 5;

/// Makes keys and knows the rules of their life.
#[derive(Clone, Copy)]
pub struct KeyMaker<'a> {
    /// Seals private keys.
    pub master_key: &'a MasterKey,
    /// For nonces and ids.
    pub random: &'a dyn Random,
    /// What tokens are signed with where the resource server says nothing.
    pub default_alg: SigningAlg,
    /// How long verifiers may keep the key set, in seconds.
    pub jwks_max_age: i64,
    /// Seconds since 1970.
    pub now: i64,
}

/// Why the keys cannot be changed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A key cannot be made or sealed.
    #[error("a signing key cannot be made: {0}")]
    Jose(#[from] JoseError),
    /// The master key is another one than that of the keys that are there.
    #[error("signing key {kid} cannot be opened: {cause}; is keys.master_key the one it was sealed with?")]
    MasterKey {
        /// The key that does not open.
        kid: String,
        /// Why.
        cause: JoseError,
    },
    /// It would break something; the text says what to do instead.
    #[error("{0}")]
    Refused(String),
}

impl KeyMaker<'_> {
    /// A new key that starts to sign at `activates_at` (seconds since 1970), its private half sealed. `others` are the
    /// keys that the environment has.
    ///
    /// # Errors
    /// OpenSSL or the random source failed, or the master key is not that of the others: the servers could not open the
    /// new one.
    pub fn make(
        &self,
        environment_id: &str,
        alg: SigningAlg,
        activates_at: i64,
        others: &[StoredKey],
    ) -> Result<StoredKey, KeyError> {
        self.opens(environment_id, others)?;
        let key = PrivateKey::generate(alg)?;
        let aad = private_key_aad(environment_id, key.kid());
        Ok(StoredKey {
            environment_id: environment_id.to_owned(),
            kid: key.kid().to_owned(),
            alg,
            schedule: KeySchedule {
                created_at: self.now,
                activates_at,
                retires_at: None,
                removes_at: None,
                tokens_until: 0,
            },
            sealed_private_key: self.master_key.seal(self.random, &key.to_pkcs8_der()?, &aad)?,
            public_jwk: key.public_jwk().to_owned(),
        })
    }

    /// Makes sure that the master key is the one that the keys of an environment are sealed with.
    ///
    /// # Errors
    /// It is another one.
    pub fn opens(&self, environment_id: &str, keys: &[StoredKey]) -> Result<(), KeyError> {
        for key in keys {
            let opened = self.master_key.open(&key.sealed_private_key, &private_key_aad(environment_id, &key.kid));
            opened.map_err(|cause| KeyError::MasterKey { kid: key.kid.clone(), cause })?;
        }
        Ok(())
    }

    /// When a key starts to sign that must do so at once, where nothing else signs: a little while ago, so that it does on
    /// nodes whose clocks are behind this one's too.
    pub fn at_once(&self) -> i64 {
        self.now.saturating_sub(CLOCK_LEEWAY)
    }

    /// What every environment signs with: the default, and RS256 for tokens in the `mosaic` profile.
    pub fn needed_algs(&self) -> BTreeSet<SigningAlg> {
        BTreeSet::from([self.default_alg, SigningAlg::RS256])
    }

    /// Whether one of `keys` signs with `alg` now.
    pub fn can_sign(&self, keys: &[StoredKey], alg: SigningAlg) -> bool {
        keys.iter().any(|key| key.alg == alg && self.state(key) == KeyState::Active)
    }

    /// The state of `key` now.
    pub fn state(&self, key: &StoredKey) -> KeyState {
        key.schedule.state(self.now)
    }
}

/// Makes sure that every environment has a key that signs with the default algorithm, and one for tokens in the `mosaic`
/// profile; at start, since the algorithm is a setting. Says which were made.
///
/// # Errors
/// The database fails, or a key cannot be made.
pub fn ensure(store: &Store, maker: &KeyMaker<'_>) -> Result<Vec<String>, KeyError> {
    let environments = store.read(environments::all)?;
    let mut made = Vec::new();
    for environment in environments.into_iter().map(|stored| stored.environment) {
        let keys = store.read(|conn| signing_keys::list(conn, &environment.id))?;
        for alg in maker.needed_algs().into_iter().filter(|alg| !maker.can_sign(&keys, *alg)) {
            made.extend(store.transact(|conn| {
                // Another node may be doing the same: whoever holds the environment's row looks again.
                environments::touch(conn, &environment.id, maker.now)?;
                ensure_one(conn, maker, &environment.id, alg)
            })?);
        }
    }
    Ok(made)
}

fn ensure_one(
    conn: &mut Conn<'_>,
    maker: &KeyMaker<'_>,
    environment_id: &str,
    alg: SigningAlg,
) -> Result<Option<String>, KeyError> {
    let keys = signing_keys::list(conn, environment_id)?;
    if maker.can_sign(&keys, alg) {
        return Ok(None);
    }
    let key = maker.make(environment_id, alg, maker.at_once(), &keys)?;
    signing_keys::insert(conn, &key)?;
    Ok(Some(key.kid))
}

/// The keys of an environment, oldest first.
///
/// # Errors
/// The database fails, or there is no such environment.
pub fn list(store: &Store, lookup: &EnvironmentLookup) -> Result<(Environment, Vec<StoredKey>), KeyError> {
    store.snapshot(|conn| {
        let environment = find(conn, lookup)?;
        let keys = signing_keys::list(conn, &environment.id)?;
        Ok((environment, keys))
    })
}

/// Publishes a new key now and lets it take over one JWKS lifetime later, when no verifier is left that has not seen it
/// (TE-096). The old one stays published until the last token under it has expired.
///
/// # Errors
/// The database fails, a key cannot be made, or a rotation is under way already.
pub fn rotate(
    store: &Store,
    maker: &KeyMaker<'_>,
    lookup: &EnvironmentLookup,
    alg: SigningAlg,
) -> Result<StoredKey, KeyError> {
    change(store, maker, lookup, |conn, environment| {
        let keys = signing_keys::list(conn, &environment.id)?;
        for removed in keys.iter().filter(|key| maker.state(key) == KeyState::Removed) {
            // Nothing verifies under it any more; the private key has no business staying.
            signing_keys::delete(conn, &environment.id, &removed.kid)?;
        }
        if let Some(next) = keys.iter().find(|key| key.alg == alg && maker.state(key) == KeyState::Published) {
            return Err(KeyError::Refused(format!(
                "a rotation is under way: key {} starts to sign in {} s",
                next.kid,
                next.schedule.activates_at - maker.now
            )));
        }
        let takes_over_at =
            if maker.can_sign(&keys, alg) { maker.now + maker.jwks_max_age + NODE_DELAY } else { maker.at_once() };
        let next = maker.make(&environment.id, alg, takes_over_at, &keys)?;
        for key in keys.iter().filter(|key| key.alg == alg && maker.state(key) == KeyState::Active) {
            let schedule = key.schedule.retiring_at(takes_over_at, environment.access_token_lifetime);
            signing_keys::update_schedule(conn, &environment.id, &key.kid, &schedule)?;
        }
        signing_keys::insert(conn, &next)?;
        Ok(next)
    })
}

/// Stops signing with a key now. Its tokens stay good until they expire. A key that does not sign yet never will: then the
/// key that it was to follow goes on, and its id is given.
///
/// # Errors
/// The database fails, there is no such key, it does not sign, or nothing else would.
pub fn retire(
    store: &Store,
    maker: &KeyMaker<'_>,
    lookup: &EnvironmentLookup,
    kid: &str,
) -> Result<Option<String>, KeyError> {
    change(store, maker, lookup, |conn, environment| {
        let keys = signing_keys::list(conn, &environment.id)?;
        let key = find_key(&keys, kid)?;
        if maker.state(key) == KeyState::Removed || maker.state(key) == KeyState::Retired {
            return Err(KeyError::Refused(format!("key {kid} is {} already", maker.state(key).as_str())));
        }
        let others: Vec<StoredKey> = keys.iter().filter(|other| other.kid != kid).cloned().collect();
        if maker.state(key) == KeyState::Active && !maker.can_sign(&others, key.alg) {
            return Err(KeyError::Refused(only_one(maker, key)));
        }
        let schedule = key.schedule.retiring_at(maker.now, environment.access_token_lifetime);
        signing_keys::update_schedule(conn, &environment.id, kid, &schedule)?;
        go_on(conn, maker, &environment.id, &others, key.alg)
    })
}

fn only_one(maker: &KeyMaker<'_>, key: &StoredKey) -> String {
    let (kid, alg) = (&key.kid, key.alg.as_str());
    let otherwise = match key.schedule.retires_at {
        Some(retires_at) => {
            format!("it retires by itself in {} s, when the next one takes over", retires_at - maker.now)
        }
        None => "run `tessera keys rotate`: it retires by itself when the new key takes over".to_owned(),
    };
    format!(
        "key {kid} is the only one that signs with {alg}: {otherwise}; or run `tessera keys revoke {kid}` if it has leaked"
    )
}

/// Makes sure that something signs with `alg` beyond the retirements that are planned: when the successor is taken away,
/// the key that it was to follow stays. Gives its id.
fn go_on(
    conn: &mut Conn<'_>,
    maker: &KeyMaker<'_>,
    environment_id: &str,
    keys: &[StoredKey],
    alg: SigningAlg,
) -> Result<Option<String>, KeyError> {
    let signs = |key: &&StoredKey| key.alg == alg && matches!(maker.state(key), KeyState::Active | KeyState::Published);
    if keys.iter().filter(signs).any(|key| key.schedule.retires_at.is_none()) {
        return Ok(None);
    }
    let Some(last) = keys.iter().filter(signs).max_by_key(|key| key.schedule.retires_at) else { return Ok(None) };
    let schedule = KeySchedule { retires_at: None, removes_at: None, ..last.schedule };
    signing_keys::update_schedule(conn, environment_id, &last.kid, &schedule)?;
    Ok(Some(last.kid.clone()))
}

/// Removes a key at once, with everything signed by it (TE-097). Where nothing would sign any more, another key takes
/// over at once, and where it was to follow another, that one goes on. Gives the id of that key.
///
/// # Errors
/// The database fails, there is no such key, or the new one cannot be made.
pub fn revoke(
    store: &Store,
    maker: &KeyMaker<'_>,
    lookup: &EnvironmentLookup,
    kid: &str,
) -> Result<Option<String>, KeyError> {
    change(store, maker, lookup, |conn, environment| {
        let mut keys = signing_keys::list(conn, &environment.id)?;
        let alg = find_key(&keys, kid)?.alg;
        signing_keys::delete(conn, &environment.id, kid)?;
        // What came of its tokens may be signed by another key.
        revoke_in(conn, &environment.id, RevocationKind::Key, kid, None, maker.now)?;
        keys.retain(|key| key.kid != kid);
        if maker.can_sign(&keys, alg) {
            return go_on(conn, maker, &environment.id, &keys, alg);
        }
        match keys.iter().find(|key| key.alg == alg && maker.state(key) == KeyState::Published) {
            Some(next) => {
                let schedule = KeySchedule { activates_at: maker.at_once(), ..next.schedule };
                signing_keys::update_schedule(conn, &environment.id, &next.kid, &schedule)?;
                Ok(Some(next.kid.clone()))
            }
            None => ensure_one(conn, maker, &environment.id, alg),
        }
    })
}

/// Changes the keys of an environment in one transaction and tells every node.
fn change<T>(
    store: &Store,
    maker: &KeyMaker<'_>,
    lookup: &EnvironmentLookup,
    work: impl FnOnce(&mut Conn<'_>, &Environment) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    store.transact(|conn| {
        let environment = find(conn, lookup)?;
        environments::touch(conn, &environment.id, maker.now)?;
        work(conn, &environment)
    })
}

fn find(conn: &mut Conn<'_>, lookup: &EnvironmentLookup) -> Result<Environment, KeyError> {
    lookup.find(conn)?.ok_or_else(|| KeyError::Refused(lookup.not_found()))
}

fn find_key<'k>(keys: &'k [StoredKey], kid: &str) -> Result<&'k StoredKey, KeyError> {
    keys.iter().find(|key| key.kid == kid).ok_or_else(|| {
        KeyError::Refused(format!("there is no key {kid:?} in this environment: see `tessera keys list`"))
    })
}
