//! All signing keys of one environment, ready for use.

use std::{cmp::Reverse, fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openssl::sha::sha256;

use super::{error::JoseError, private_key::PrivateKey, signer::Signer, strict_json::parse_object, verifier::Verifier};
use crate::{
    domain::{
        environment::SigningAlg,
        signing_key::{KeySchedule, KeyState},
    },
    metrics::Page,
};

/// A signing key as it is stored, opened.
pub struct KeyEntry {
    /// Its id.
    pub kid: String,
    /// The algorithm it is for.
    pub alg: SigningAlg,
    /// When it changes state.
    pub schedule: KeySchedule,
    /// Unencrypted PKCS#8.
    pub private_key_der: Vec<u8>,
    /// Its public JWK as JSON, as [`PrivateKey::public_jwk`] made it.
    pub public_jwk: String,
}

impl fmt::Debug for KeyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kid, alg, schedule, .. } = self;
        f.debug_struct("KeyEntry")
            .field("kid", kid)
            .field("alg", alg)
            .field("schedule", schedule)
            .finish_non_exhaustive()
    }
}

/// A key, parsed. Shared by successive keyrings.
#[derive(Debug)]
struct Key {
    signer: Signer,
    verifier: Verifier,
    public_jwk: String,
}

impl Key {
    /// Parses a stored key and makes sure that it is the one of its id: the sealed private key decides, so that whoever
    /// can write to the database cannot publish a key of his own.
    fn new(entry: &KeyEntry) -> Result<Self, JoseError> {
        let key = PrivateKey::from_pkcs8_der(entry.alg, &entry.private_key_der)?;
        // Compared as JSON, so that another order of members is no difference.
        let same_jwk = parse_object(key.public_jwk().as_bytes()) == parse_object(entry.public_jwk.as_bytes());
        if key.kid() != entry.kid || !same_jwk {
            return Err(JoseError::KeyMismatch { kid: entry.kid.clone() });
        }
        let public_jwk = entry.public_jwk.clone();
        Ok(Self { signer: Signer::new(&key)?, verifier: Verifier::new(&key)?, public_jwk })
    }

    fn is(&self, entry: &KeyEntry) -> bool {
        self.signer.kid() == entry.kid && self.signer.alg() == entry.alg && self.public_jwk == entry.public_jwk
    }
}

/// All signing keys of one environment: a snapshot that never changes. What each key may do follows from the clock.
#[derive(Debug, Default)]
pub struct Keyring {
    /// The key that activates last comes first; further ties are broken by id, so that all nodes choose alike.
    keys: Vec<(KeySchedule, Arc<Key>)>,
}

/// The public keys of an environment (RFC 7517 §5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwksDocument {
    /// The JSON.
    pub body: String,
    /// A strong entity tag with its quotes (RFC 9110 §8.8.3); it changes exactly when the body does.
    pub etag: String,
}

impl Keyring {
    /// Prepares all keys; those that `previous` has already are taken over without parsing them again.
    ///
    /// # Errors
    /// A key cannot be used or is not the one of its id. Then nothing is: a keyring that silently lacks a key refuses
    /// good tokens, or signs with a key that should have been replaced.
    pub fn new(entries: &[KeyEntry], previous: Option<&Keyring>) -> Result<Self, JoseError> {
        let known = |entry: &KeyEntry| {
            let keys = previous.map_or(&[][..], |previous| &previous.keys);
            keys.iter().find(|(_, key)| key.is(entry)).map(|(_, key)| Arc::clone(key))
        };
        let mut keys = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = match known(entry) {
                Some(key) => key,
                None => Arc::new(Key::new(entry)?),
            };
            keys.push((entry.schedule, key));
        }
        keys.sort_by(|(a, key_a), (b, key_b)| {
            let order = |schedule: &KeySchedule| (Reverse(schedule.activates_at), Reverse(schedule.created_at));
            order(a).cmp(&order(b)).then_with(|| key_a.signer.kid().cmp(key_b.signer.kid()))
        });
        Ok(Self { keys })
    }

    /// What new tokens of `alg` are signed with at `now`: the newest active key.
    pub fn signer(&self, alg: SigningAlg, now: i64) -> Option<&Signer> {
        let active = self.keys.iter().filter(|(schedule, _)| schedule.state(now) == KeyState::Active);
        active.map(|(_, key)| &key.signer).find(|signer| signer.alg() == alg)
    }

    /// What tokens under `kid` are checked with at `now`. That includes keys that do not sign yet: the clock of the
    /// node that signed may be a little ahead.
    pub fn verifier(&self, kid: &str, now: i64) -> Option<&Verifier> {
        let (schedule, key) = self.keys.iter().find(|(_, key)| key.signer.kid() == kid)?;
        (schedule.state(now) != KeyState::Removed).then_some(&key.verifier)
    }

    /// The algorithm of each key, and when it changes state.
    pub fn schedules(&self) -> impl Iterator<Item = (SigningAlg, KeySchedule)> {
        self.keys.iter().map(|(schedule, key)| (key.signer.alg(), *schedule))
    }

    /// Writes how many keys of `environment_id` are in which state at `now` onto `page`, and how old the oldest of each is.
    /// Not by `kid`: each rotation would leave another series behind.
    pub fn expose(&self, page: &mut Page, environment_id: &str, now: i64) {
        for alg in SigningAlg::ALL {
            for state in [KeyState::Published, KeyState::Active, KeyState::Retired] {
                let keys =
                    self.keys.iter().filter(|(schedule, key)| key.signer.alg() == alg && schedule.state(now) == state);
                let ages: Vec<i64> = keys.map(|(schedule, _)| now.saturating_sub(schedule.created_at)).collect();
                let labels = [("environment", environment_id), ("alg", alg.as_str()), ("state", state.as_str())];
                page.number("tessera_signing_keys", "Signing keys.", &labels, ages.len());
                if let Some(oldest) = ages.into_iter().max() {
                    let help = "Age of the oldest signing key in this state, since it was made.";
                    page.seconds("tessera_signing_key_age_seconds", help, &labels, oldest);
                }
            }
        }
    }

    /// The JWKS at `now`: active keys, newest first (a consumer that ignores `kid` then tries the right one first),
    /// then those to come, then retired ones. Some microseconds.
    pub fn jwks(&self, now: i64) -> JwksDocument {
        let in_state = |state: KeyState| self.keys.iter().filter(move |(schedule, _)| schedule.state(now) == state);
        let states = [KeyState::Active, KeyState::Published, KeyState::Retired];
        let keys: Vec<&str> = states.into_iter().flat_map(in_state).map(|(_, key)| key.public_jwk.as_str()).collect();
        let body = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(sha256(body.as_bytes())));
        JwksDocument { body, etag }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3600;

    fn entry(key: &PrivateKey, activates_at: i64, retires_at: Option<i64>) -> KeyEntry {
        KeyEntry {
            kid: key.kid().to_owned(),
            alg: key.alg(),
            schedule: KeySchedule {
                created_at: activates_at - HOUR,
                activates_at,
                retires_at,
                removes_at: retires_at.map(|retires_at| retires_at + HOUR),
                tokens_until: 0,
            },
            private_key_der: key.to_pkcs8_der().expect("encodes"),
            public_jwk: key.public_jwk().to_owned(),
        }
    }

    fn key(alg: SigningAlg) -> PrivateKey {
        PrivateKey::generate(alg).expect("generates")
    }

    fn keyring(entries: &[KeyEntry]) -> Keyring {
        Keyring::new(entries, None).expect("usable keys")
    }

    fn kids(document: &JwksDocument) -> Vec<String> {
        let document: serde_json::Value = serde_json::from_str(&document.body).expect("JSON");
        let keys = document["keys"].as_array().expect("keys");
        keys.iter().map(|key| key["kid"].as_str().expect("kid").to_owned()).collect()
    }

    #[test]
    fn the_successor_signs_from_its_very_second_on() {
        let (old, new) = (key(SigningAlg::ES256), key(SigningAlg::ES256));
        let keyring = keyring(&[entry(&old, 1000, Some(2000)), entry(&new, 2000, None)]);
        let signs = |now| keyring.signer(SigningAlg::ES256, now).map(Signer::kid);
        assert_eq!(signs(999), None);
        assert_eq!(signs(1000), Some(old.kid()));
        assert_eq!(signs(1999), Some(old.kid()));
        assert_eq!(signs(2000), Some(new.kid()));
        assert_eq!(signs(i64::MAX), Some(new.kid()));
        assert_eq!(keyring.signer(SigningAlg::RS256, 1500).map(Signer::kid), None);
    }

    #[test]
    fn while_two_keys_are_active_the_newer_one_signs_whatever_their_order() {
        let (old, new) = (key(SigningAlg::EdDSA), key(SigningAlg::EdDSA));
        let forth = keyring(&[entry(&old, 1000, Some(2010)), entry(&new, 2000, None)]);
        let back = keyring(&[entry(&new, 2000, None), entry(&old, 1000, Some(2010))]);
        for keyring in [forth, back] {
            let signs = |now| keyring.signer(SigningAlg::EdDSA, now).map(Signer::kid);
            assert_eq!([signs(1999), signs(2000), signs(2010)], [Some(old.kid()), Some(new.kid()), Some(new.kid())]);
        }
    }

    #[test]
    fn each_algorithm_has_its_own_newest_key() {
        let (ec, ed) = (key(SigningAlg::ES256), key(SigningAlg::EdDSA));
        let keyring = keyring(&[entry(&ec, 1000, None), entry(&ed, 2000, None)]);
        assert_eq!(keyring.signer(SigningAlg::ES256, 3000).map(Signer::kid), Some(ec.kid()));
        assert_eq!(keyring.signer(SigningAlg::EdDSA, 3000).map(Signer::kid), Some(ed.kid()));
    }

    #[test]
    fn a_key_verifies_from_publication_until_its_removal() {
        let key = key(SigningAlg::ES256);
        let keyring = keyring(&[entry(&key, 5000, Some(6000))]);
        let verifies = |now| keyring.verifier(key.kid(), now).is_some();
        assert_eq!([1400, 5000, 6000, 9599, 9600].map(verifies), [true, true, true, true, false]);
        assert!(keyring.verifier("another", 5000).is_none());
    }

    #[test]
    fn the_jwks_lists_active_keys_first_and_removed_ones_never() {
        let keys: Vec<PrivateKey> = (0..4).map(|_| key(SigningAlg::EdDSA)).collect();
        let keyring = keyring(&[
            entry(&keys[0], 1000, Some(10_000 - HOUR)),
            entry(&keys[1], 2000, Some(9000)),
            entry(&keys[2], 9000, None),
            entry(&keys[3], 11_000, None),
        ]);
        let expect = |now, places: &[usize]| {
            let expected: Vec<&str> = places.iter().map(|place| keys[*place].kid()).collect();
            assert_eq!(kids(&keyring.jwks(now)), expected, "at {now}");
        };
        expect(8999, &[1, 3, 2, 0]);
        expect(9999, &[2, 3, 1, 0]);
        expect(10_000, &[2, 3, 1]);
        expect(11_000, &[3, 2, 1]);
    }

    #[test]
    fn the_etag_changes_exactly_when_the_document_does() {
        let key = key(SigningAlg::EdDSA);
        let keyring = keyring(&[entry(&key, 1000, Some(2000))]);
        let (before, same, after) = (keyring.jwks(1500), keyring.jwks(1999), keyring.jwks(9999));
        assert_eq!(before, same);
        assert_ne!(before.etag, after.etag);
        assert!(before.etag.starts_with('"') && before.etag.ends_with('"') && before.etag.len() == 45);
        assert_eq!(after.body, r#"{"keys":[]}"#);
    }

    #[test]
    fn a_reload_takes_over_parsed_keys_but_not_their_schedule() {
        let key = key(SigningAlg::ES256);
        let first = keyring(&[entry(&key, 1000, None)]);
        let second = Keyring::new(&[entry(&key, 1000, Some(2000))], Some(&first)).expect("usable keys");
        assert!(Arc::ptr_eq(&first.keys[0].1, &second.keys[0].1));
        assert!(first.signer(SigningAlg::ES256, 2000).is_some());
        assert!(second.signer(SigningAlg::ES256, 2000).is_none());
    }

    #[test]
    fn a_row_that_was_tampered_with_is_refused() {
        let (ours, theirs) = (key(SigningAlg::ES256), key(SigningAlg::ES256));
        let good = keyring(&[entry(&ours, 1000, None)]);
        let mut foreign_jwk = entry(&ours, 1000, None);
        foreign_jwk.public_jwk = theirs.public_jwk().to_owned();
        let mut foreign_kid = entry(&theirs, 1000, None);
        foreign_kid.kid = ours.kid().to_owned();
        let mut another_alg = entry(&ours, 1000, None);
        another_alg.public_jwk = another_alg.public_jwk.replace("ES256", "none");
        let mut repeated_member = entry(&ours, 1000, None);
        repeated_member.public_jwk = repeated_member.public_jwk.replacen('{', "{\"kty\":\"oct\",", 1);
        for bad in [foreign_jwk, foreign_kid, another_alg, repeated_member] {
            for previous in [None, Some(&good)] {
                let error = Keyring::new(std::slice::from_ref(&bad), previous).map(|_| ());
                assert_eq!(error, Err(JoseError::KeyMismatch { kid: ours.kid().to_owned() }));
            }
        }
    }

    #[test]
    fn an_entry_does_not_print_its_private_key() {
        let entry = entry(&key(SigningAlg::EdDSA), 1000, None);
        assert!(!format!("{entry:?}").contains("private_key"));
    }
}
