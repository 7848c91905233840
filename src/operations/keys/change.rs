//! What an operator does to keys: the next one, an end in good order, an end at once.

use super::{KeyError, KeyMaker, ensure_one, find, recorded};
use crate::{
    domain::{
        environment::{Environment, SigningAlg},
        revocation::RevocationKind,
        signing_key::{KeySchedule, KeyState},
    },
    jose::private_key::PrivateKey,
    operations::{lookup::EnvironmentLookup, revoke::revoke_in},
    store::{Conn, Store, environments, signing_keys, signing_keys::StoredKey},
};

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
    // Before the transaction: an RSA key takes a while, and nobody should wait for it.
    let next = PrivateKey::generate(alg)?;
    change(store, maker, ("keys rotate", None), lookup, |conn, environment| {
        let keys = signing_keys::list(conn, &environment.id)?;
        if let Some(next) = keys.iter().find(|key| key.alg == alg && maker.state(key) == KeyState::Published) {
            return Err(KeyError::Refused(format!(
                "a rotation is under way: key {} starts to sign in {} s",
                next.kid,
                next.schedule.activates_at - maker.now
            )));
        }
        publish(conn, maker, environment, &keys, &next)
    })
}

/// Lets `next` follow the keys of its algorithm among `keys`, which are all of the environment. Those that are done are deleted.
pub(super) fn publish(
    conn: &mut Conn<'_>,
    maker: &KeyMaker<'_>,
    environment: &Environment,
    keys: &[StoredKey],
    next: &PrivateKey,
) -> Result<StoredKey, KeyError> {
    maker.opens(&environment.id, keys)?;
    for removed in keys.iter().filter(|key| maker.state(key) == KeyState::Removed) {
        // Nothing verifies under it any more; the private key has no business staying.
        signing_keys::delete(conn, &environment.id, &removed.kid)?;
    }
    let alg = next.alg();
    let takes_over_at = if maker.can_sign(keys, alg) { maker.now + maker.overlap() } else { maker.at_once() };
    let next = maker.seal(conn, &environment.id, next, takes_over_at)?;
    for key in keys.iter().filter(|key| key.alg == alg && maker.state(key) == KeyState::Active) {
        let schedule = key.schedule.retiring_at(takes_over_at, environment.access_token_lifetime);
        signing_keys::update_schedule(conn, &environment.id, &key.kid, &schedule)?;
    }
    signing_keys::insert(conn, &next)?;
    Ok(next)
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
    change(store, maker, ("keys retire", Some(kid)), lookup, |conn, environment| {
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
    change(store, maker, ("keys revoke", Some(kid)), lookup, |conn, environment| {
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

/// Changes the keys of an environment in one transaction, records it (with the key that it is about) and tells every node.
fn change<T>(
    store: &Store,
    maker: &KeyMaker<'_>,
    (operation, kid): (&'static str, Option<&str>),
    lookup: &EnvironmentLookup,
    work: impl FnOnce(&mut Conn<'_>, &Environment) -> Result<T, KeyError>,
) -> Result<T, KeyError> {
    maker.operator.change(store, operation, |conn| {
        let environment = find(conn, lookup)?;
        environments::touch(conn, &environment.id, maker.now)?;
        recorded(conn, &environment, kid, |conn| work(conn, &environment))
    })
}

fn find_key<'k>(keys: &'k [StoredKey], kid: &str) -> Result<&'k StoredKey, KeyError> {
    keys.iter().find(|key| key.kid == kid).ok_or_else(|| {
        KeyError::Refused(format!("there is no key {kid:?} in this environment: see `tessera keys list`"))
    })
}
