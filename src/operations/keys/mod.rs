//! Signing keys: made, rotated, retired, revoked, and sealed under another master key.

mod change;
mod rewrap;
mod rotation;

use std::collections::BTreeSet;

pub use self::{
    change::{retire, revoke, rotate},
    rewrap::{Rewrapped, anything_sealed, rewrap, sealing_key},
    rotation::rotate_if_due,
};

use super::{
    facts::Known as _,
    lookup::EnvironmentLookup,
    operator::{Done, Operator},
};
use crate::{
    domain::{
        environment::{Environment, SigningAlg},
        random::Random,
        signing_key::{KeySchedule, KeyState, NODE_DELAY},
        subject::CLOCK_LEEWAY,
    },
    jose::{
        error::JoseError,
        master_key::{MasterKey, private_key_aad},
        private_key::PrivateKey,
    },
    store::{Conn, Store, StoreError, environments, signing_keys, signing_keys::StoredKey},
};

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
    /// Who makes them, for the audit log.
    pub operator: Operator<'a>,
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
    /// The secret of a webhook was sealed under another master key.
    #[error(
        "the webhook secret of application {application_id} cannot be opened: {cause}; is keys.master_key the one it was \
         sealed with?"
    )]
    WebhookSecret {
        /// Whose webhook it is.
        application_id: String,
        /// Why.
        cause: JoseError,
    },
    /// The secret at the provider of an identity connection was sealed under another master key.
    #[error(
        "the sign-in secret of identity connection {connection} cannot be opened: {cause}; is keys.master_key the one it \
         was sealed with?"
    )]
    SignInSecret {
        /// Whose it is.
        connection: String,
        /// Why.
        cause: JoseError,
    },
    /// The secret of an authenticator app was sealed under another master key.
    #[error(
        "the secret of authenticator {authenticator_id} cannot be opened: {cause}; is keys.master_key the one it was sealed \
         with?"
    )]
    TotpSecret {
        /// Whose it is.
        authenticator_id: String,
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
        conn: &mut Conn<'_>,
        environment_id: &str,
        alg: SigningAlg,
        activates_at: i64,
        others: &[StoredKey],
    ) -> Result<StoredKey, KeyError> {
        self.opens(environment_id, others)?;
        self.seal(conn, environment_id, &PrivateKey::generate(alg)?, activates_at)
    }

    /// The same with a key that was generated before.
    fn seal(
        &self,
        conn: &mut Conn<'_>,
        environment_id: &str,
        key: &PrivateKey,
        activates_at: i64,
    ) -> Result<StoredKey, KeyError> {
        let aad = private_key_aad(environment_id, key.kid());
        Ok(StoredKey {
            environment_id: environment_id.to_owned(),
            kid: key.kid().to_owned(),
            alg: key.alg(),
            schedule: KeySchedule {
                created_at: self.now,
                activates_at,
                retires_at: None,
                removes_at: None,
                tokens_until: 0,
            },
            sealed_private_key: sealing_key(conn, self.master_key)?.seal(self.random, &key.to_pkcs8_der()?, &aad)?,
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

    /// How long a new key is published before it signs, in seconds: until nobody is left who may not have seen it.
    fn overlap(&self) -> i64 {
        self.jwks_max_age.saturating_add(NODE_DELAY)
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
            made.extend(maker.operator.change(store, "keys ensure", |conn| {
                // Another node may be doing the same: whoever holds the environment's row looks again.
                environments::touch(conn, &environment.id, maker.now)?;
                recorded(conn, &environment, None, |conn| ensure_one(conn, maker, &environment.id, alg))
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
    let key = maker.make(conn, environment_id, alg, maker.at_once(), &keys)?;
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

fn find(conn: &mut Conn<'_>, lookup: &EnvironmentLookup) -> Result<Environment, KeyError> {
    lookup.find(conn)?.ok_or_else(|| KeyError::Refused(lookup.not_found()))
}

/// Does `work`, and says which keys are other than before. The record is about `kid`, or about the environment.
fn recorded<T>(
    conn: &mut Conn<'_>,
    environment: &Environment,
    kid: Option<&str>,
    work: impl FnOnce(&mut Conn<'_>) -> Result<T, KeyError>,
) -> Result<(T, Vec<Done>), KeyError> {
    let before = signing_keys::list(conn, &environment.id)?.facts();
    let value = work(conn)?;
    let after = signing_keys::list(conn, &environment.id)?.facts();
    let done = Done::since(&environment.id, kid.unwrap_or(&environment.name), &before, &after);
    Ok((value, done.into_iter().collect()))
}
