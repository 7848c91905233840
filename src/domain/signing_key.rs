//! The life of a signing key. Its state follows from the clock alone, so that all nodes change over in the same second.

use std::collections::{BTreeMap, BTreeSet};

use super::{environment::SigningAlg, subject::CLOCK_LEEWAY};

/// Nodes hear of a new key within this many seconds, even if a notification is lost; it is added to the time that a new
/// key is published before it signs.
pub const NODE_DELAY: i64 = 5;

/// *published → active → retired → removed.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyState {
    /// In the JWKS, so that consumers have it before the first token under it; does not sign yet.
    Published,
    /// Signs. The newest active key of an algorithm is the one in use.
    Active,
    /// In the JWKS until the last token under it has expired; signs nothing.
    Retired,
    /// Gone from the JWKS; tokens under it are refused.
    Removed,
}

impl KeyState {
    /// For people.
    pub const fn as_str(self) -> &'static str {
        match self {
            KeyState::Published => "published",
            KeyState::Active => "active",
            KeyState::Retired => "retired",
            KeyState::Removed => "removed",
        }
    }
}

/// When a key changes state; all in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySchedule {
    /// When it was made and published.
    pub created_at: i64,
    /// When it starts to sign.
    pub activates_at: i64,
    /// When it stops to sign; `None` while no successor is planned.
    pub retires_at: Option<i64>,
    /// When it leaves the JWKS: after the last token under it has expired.
    pub removes_at: Option<i64>,
    /// When the last of the tokens under it expires that live longer than the environment's tokens do now; 0 for none.
    pub tokens_until: i64,
}

impl KeySchedule {
    /// The schedule of a key that stops to sign at `retires_at` (seconds since 1970): it stays known for as long as the
    /// last token under it may live, `lifetime` seconds, plus what clocks may differ.
    #[must_use]
    pub fn retiring_at(self, retires_at: i64, lifetime: i64) -> Self {
        let last_expiry = retires_at.saturating_add(lifetime).max(self.tokens_until);
        let removes_at = last_expiry.saturating_add(CLOCK_LEEWAY);
        Self { retires_at: Some(retires_at), removes_at: Some(removes_at), ..self }
    }

    /// The schedule of a key under which a token was made that expires at `expiry` (seconds since 1970): the key stays
    /// known at least that long.
    #[must_use]
    pub fn with_token_until(self, expiry: i64) -> Self {
        let removes_at = self.removes_at.map(|removes_at| removes_at.max(expiry.saturating_add(CLOCK_LEEWAY)));
        Self { tokens_until: self.tokens_until.max(expiry), removes_at, ..self }
    }

    /// When the last token under the key will have expired, as things stand at `now`, where tokens live `lifetime` seconds; `None` if
    /// there is no token.
    pub fn last_expiry(&self, lifetime: i64, now: i64) -> Option<i64> {
        match self.state(now) {
            KeyState::Published | KeyState::Removed => None,
            KeyState::Active | KeyState::Retired => {
                let planned = self.removes_at.map(|removes_at| removes_at.saturating_sub(CLOCK_LEEWAY));
                Some(planned.unwrap_or_else(|| now.saturating_add(lifetime).max(self.tokens_until)))
            }
        }
    }

    /// The state at `now`.
    pub fn state(&self, now: i64) -> KeyState {
        let reached = |moment: Option<i64>| moment.is_some_and(|moment| now >= moment);
        if reached(self.removes_at) {
            KeyState::Removed
        } else if reached(self.retires_at) {
            KeyState::Retired
        } else if now >= self.activates_at {
            KeyState::Active
        } else {
            KeyState::Published
        }
    }
}

/// The algorithms whose next key is due at `now`: the newest key that signs with it was made `interval` seconds ago or earlier,
/// and none is published that will follow it. An algorithm that nothing signs with is never due.
pub fn due_algs(
    keys: impl IntoIterator<Item = (SigningAlg, KeySchedule)>,
    interval: i64,
    now: i64,
) -> BTreeSet<SigningAlg> {
    let mut newest: BTreeMap<SigningAlg, i64> = BTreeMap::new();
    let mut under_way = BTreeSet::new();
    for (alg, schedule) in keys {
        match schedule.state(now) {
            KeyState::Active => {
                let newest = newest.entry(alg).or_insert(schedule.created_at);
                *newest = schedule.created_at.max(*newest);
            }
            KeyState::Published => drop(under_way.insert(alg)),
            KeyState::Retired | KeyState::Removed => {}
        }
    }
    let is_old = |made: i64| now.saturating_sub(made) >= interval;
    newest.into_iter().filter(|(alg, made)| is_old(*made) && !under_way.contains(alg)).map(|(alg, _)| alg).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALG: SigningAlg = SigningAlg::ES256;

    fn key(created_at: i64, activates_at: i64, retires_at: Option<i64>) -> (SigningAlg, KeySchedule) {
        (ALG, KeySchedule { created_at, activates_at, retires_at, removes_at: None, tokens_until: 0 })
    }

    fn is_due(keys: &[(SigningAlg, KeySchedule)], now: i64) -> bool {
        due_algs(keys.iter().copied(), 1000, now).contains(&ALG)
    }

    #[test]
    fn the_last_token_expires_a_lifetime_after_the_key_stops_to_sign() {
        let (_, signs) = key(0, 100, None);
        let retiring = signs.retiring_at(500, 60);
        let ends = |schedule: KeySchedule| [99, 200, 559, 570].map(|now| schedule.last_expiry(60, now));
        assert_eq!(ends(signs), [None, Some(260), Some(619), Some(630)]);
        assert_eq!(ends(retiring), [None, Some(560), Some(560), None]);
        assert_eq!(signs.with_token_until(9000).last_expiry(60, 200), Some(9000));
    }

    #[test]
    fn the_next_key_is_due_an_interval_after_the_newest_was_made() {
        let keys = [key(0, 0, Some(130)), key(100, 130, None)];
        assert_eq!([1099, 1100, i64::MAX].map(|now| is_due(&keys, now)), [false, true, true]);
        assert!(!is_due(&keys, i64::MIN), "a clock that is wrong makes no keys");
    }

    #[test]
    fn nothing_is_due_while_a_rotation_is_under_way_however_long_that_takes() {
        let keys = [key(0, 0, Some(5000)), key(2000, 5000, None)];
        assert_eq!([4999, 5000].map(|now| is_due(&keys, now)), [false, true]);
    }

    #[test]
    fn what_nothing_signs_with_is_not_renewed() {
        assert!(!is_due(&[], 10_000));
        assert!(!is_due(&[key(0, 0, Some(500))], 10_000));
        let other = (SigningAlg::RS256, key(0, 0, None).1);
        let due = due_algs([key(9500, 9500, None), other], 1000, 10_000);
        assert_eq!(due, BTreeSet::from([SigningAlg::RS256]), "each algorithm for itself");
    }
}
