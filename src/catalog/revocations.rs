//! What is revoked in an environment, in memory: a look costs no I/O, however many there are.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher as _,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
};

use super::Catalog;
use crate::{
    domain::{
        revocation::{Revocation, RevocationKind},
        subject::SubjectToken,
    },
    store::{StoreError, revocations},
};

/// How many are read at once.
const PAGE: i64 = 5000;
/// How long what has expired stays in the database, in seconds: nodes delete by their own clocks, and one that is ahead must
/// not take from the others what they still need.
const KEPT_AFTER: i64 = 3600;

/// Into how many parts the names are divided. Whatever is put in or forgotten holds up readers of one part for as long as a
/// small map takes to grow or to be looked through, however much is revoked in all.
const PARTS: usize = 32;

/// All that is revoked in an environment and may still concern a token. Outlives the snapshots of the environment.
#[derive(Default)]
pub struct Revocations {
    /// Every name is in the part of its hash.
    parts: [RwLock<Part>; PARTS],
    hasher: RandomState,
    /// How many there are in all parts.
    count: AtomicUsize,
    /// Up to where the table was read.
    version: AtomicI64,
}

#[derive(Default)]
struct Part {
    tokens: HashMap<Box<str>, Revoked>,
    sessions: HashMap<Box<str>, Revoked>,
    subjects: HashMap<Box<str>, Revoked>,
    clients: HashMap<Box<str>, Revoked>,
    keys: HashMap<Box<str>, Revoked>,
}

/// Seconds since 1970, both: see [`Revocation`].
#[derive(Clone, Copy)]
struct Revoked {
    at: i64,
    expires_at: i64,
}

impl Part {
    fn of(&self, kind: RevocationKind) -> &HashMap<Box<str>, Revoked> {
        match kind {
            RevocationKind::Token => &self.tokens,
            RevocationKind::Session => &self.sessions,
            RevocationKind::Subject => &self.subjects,
            RevocationKind::Client => &self.clients,
            RevocationKind::Key => &self.keys,
        }
    }

    fn of_mut(&mut self, kind: RevocationKind) -> &mut HashMap<Box<str>, Revoked> {
        match kind {
            RevocationKind::Token => &mut self.tokens,
            RevocationKind::Session => &mut self.sessions,
            RevocationKind::Subject => &mut self.subjects,
            RevocationKind::Client => &mut self.clients,
            RevocationKind::Key => &mut self.keys,
        }
    }
}

/// Whom a token speaks of, who of us acts in it, and of whom its ancestors spoke.
fn subjects<'a>(token: &'a SubjectToken, issuer: &'a str) -> impl Iterator<Item = &'a String> {
    let actors = token.act.iter().flat_map(move |actor| actor.ours(issuer));
    std::iter::once(&token.sub).chain(actors.map(|actor| &actor.sub)).chain(token.anc_facts.all_subjects())
}

/// What is given alone: to see whom it would concern.
impl FromIterator<Revocation> for Revocations {
    fn from_iter<I: IntoIterator<Item = Revocation>>(revocations: I) -> Self {
        let given = Self::default();
        given.add((1..).zip(revocations).map(|(version, revocation)| (revocation, version)).collect());
        given
    }
}

impl Revocations {
    /// What takes `token` (of `issuer`, which is us) out of force, if anything does.
    pub fn revoked_by(&self, token: &SubjectToken, issuer: &str) -> Option<RevocationKind> {
        if self.is_empty() {
            return None;
        }
        let facts = &token.anc_facts;
        // Whatever was made of an old token is as old as that: made a moment after the revocation, on a node that had not
        // heard of it, it is dead all the same.
        let since = facts.iat.map_or(token.iat, |iat| iat.min(token.iat));
        let is_there = |kind, name: &str| self.find(kind, name).is_some();
        let is_older = |kind, name: &str| self.find(kind, name).is_some_and(|revoked| since <= revoked.at);
        if token.anc.iter().chain([&token.jti]).any(|jti| is_there(RevocationKind::Token, jti)) {
            return Some(RevocationKind::Token);
        }
        if token
            .sessions()
            .chain(facts.sids.iter().map(String::as_str))
            .any(|session| is_there(RevocationKind::Session, session))
        {
            return Some(RevocationKind::Session);
        }
        if subjects(token, issuer).any(|subject| is_older(RevocationKind::Subject, subject)) {
            return Some(RevocationKind::Subject);
        }
        let own = token.home_environment_id().is_none().then_some(&token.client_id);
        if facts.client_ids.iter().chain(own).any(|client| is_older(RevocationKind::Client, client)) {
            return Some(RevocationKind::Client);
        }
        let mut keys = facts.kids.iter().chain(&token.kid);
        keys.any(|kid| is_there(RevocationKind::Key, kid)).then_some(RevocationKind::Key)
    }

    /// Whether the tokens of `subject` are revoked that come of something issued at `since` (seconds since 1970).
    pub fn has_subject(&self, subject: &str, since: i64) -> bool {
        self.find(RevocationKind::Subject, subject).is_some_and(|revoked| since <= revoked.at)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count.load(Ordering::Acquire)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, kind: RevocationKind, name: &str) -> Option<Revoked> {
        self.part(name)?.read().unwrap_or_else(PoisonError::into_inner).of(kind).get(name).copied()
    }

    /// There always is one.
    fn part(&self, name: &str) -> Option<&RwLock<Part>> {
        let hash = usize::try_from(self.hasher.hash_one(name) % PARTS as u64).unwrap_or_default();
        self.parts.get(hash)
    }

    /// Puts in what was read up to the version of the last one.
    fn add(&self, page: Vec<(Revocation, i64)>) {
        let last = page.last().map(|(_, version)| *version);
        for (revocation, _) in page {
            let revoked = Revoked { at: revocation.revoked_at, expires_at: revocation.expires_at };
            let Some(part) = self.part(&revocation.value) else { continue };
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            let known = part.of_mut(revocation.kind).insert(revocation.value.into(), revoked);
            if known.is_none() {
                self.count.fetch_add(1, Ordering::Release);
            }
        }
        if let Some(version) = last {
            self.version.store(version, Ordering::Release);
        }
    }

    /// Forgets what cannot concern a token any more at `now` (seconds since 1970).
    fn sweep(&self, now: i64) {
        for part in &self.parts {
            let mut part = part.write().unwrap_or_else(PoisonError::into_inner);
            for kind in RevocationKind::ALL {
                let map = part.of_mut(kind);
                let before = map.len();
                map.retain(|_, revoked| now < revoked.expires_at);
                self.count.fetch_sub(before - map.len(), Ordering::Release);
            }
        }
    }
}

impl Catalog {
    /// Reads what was revoked in an environment since the last time; `version` is where its table is now.
    pub(super) fn follow_revocations(
        &self,
        environment_id: &str,
        known: &Revocations,
        version: i64,
    ) -> Result<(), StoreError> {
        while known.version.load(Ordering::Acquire) < version {
            let after = known.version.load(Ordering::Acquire);
            let page = self.store.read(|conn| revocations::after(conn, environment_id, after, PAGE))?;
            if page.is_empty() {
                // The last ones have expired and were deleted.
                known.version.store(version, Ordering::Release);
            }
            known.add(page);
        }
        Ok(())
    }

    /// Forgets the revocations that cannot concern a token any more.
    pub(super) fn forget_revocations(&self) {
        let now = self.clock.now();
        for environment in self.environments.load().by_id.values() {
            environment.revocations.sweep(now);
        }
    }

    /// Deletes some of them; `true` when there may be more. Not all at once: whoever does it has changes to hear of.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn delete_revocations(&self) -> Result<bool, StoreError> {
        let until = self.clock.now().saturating_sub(KEPT_AFTER);
        self.store.transact(|conn| revocations::sweep(conn, until))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{
        domain::{ancestry::AncestorFacts, claims::SubjectType, party::Actor},
        oauth::scope::Scope,
    };

    const ISSUER: &str = "https://id.example";

    /// A user's token of second 100 that went through `ui` and `bff`, and was swapped by `api`.
    fn token() -> SubjectToken {
        SubjectToken {
            iss: ISSUER.to_owned(),
            sub: "user".to_owned(),
            aud: vec!["resource".to_owned()],
            client_id: "api".to_owned(),
            jti: "j3".to_owned(),
            exp: 1000,
            iat: 120,
            nbf: None,
            scope: Scope::empty(),
            act: Some(
                Actor::new(ISSUER, "bff").over(Some(Actor::new("https://p.example", "stranger"))).expect("a chain"),
            ),
            may_act: None,
            anc: vec!["j1".to_owned(), "j2".to_owned()],
            anc_facts: AncestorFacts {
                iat: Some(100),
                client_ids: vec!["ui".to_owned(), "bff".to_owned()],
                kids: vec!["k1".to_owned()],
                sids: vec!["s0".to_owned()],
                user_ids: vec!["helper".to_owned()],
                subjects: vec!["worker".to_owned()],
                ..AncestorFacts::default()
            },
            kid: Some("k2".to_owned()),
            cnf: None,
            subject_type: Some(SubjectType::EndUserAccount),
            application_id: None,
            profile_id: None,
            other: Map::from_iter([("sessionId".to_owned(), json!("s"))]),
        }
    }

    fn outcome(kind: RevocationKind, value: &str, revoked_at: i64) -> Option<RevocationKind> {
        let revocations = Revocations::default();
        revocations.add(vec![(Revocation { kind, value: value.to_owned(), revoked_at, expires_at: 1000 }, 7)]);
        assert_eq!(revocations.version.load(Ordering::Relaxed), 7);
        let found = revocations.revoked_by(&token(), ISSUER);
        revocations.sweep(999);
        assert_eq!(revocations.len(), 1);
        revocations.sweep(1000);
        assert!(revocations.is_empty(), "nothing that it concerns is left");
        found
    }

    #[test]
    fn a_token_dies_with_anything_that_it_came_of() {
        use RevocationKind::{Client, Key, Session, Subject, Token};
        for (kind, value) in [
            (Token, "j1"),
            (Token, "j2"),
            (Token, "j3"),
            (Session, "s"),
            (Session, "s0"),
            (Subject, "user"),
            (Subject, "bff"),
            (Subject, "helper"),
            (Subject, "worker"),
            (Client, "ui"),
            (Client, "bff"),
            (Client, "api"),
            (Key, "k1"),
            (Key, "k2"),
        ] {
            assert_eq!(outcome(kind, value, 100), Some(kind), "{kind:?} {value}");
        }
        for (kind, value) in [(Token, "s"), (Session, "j3"), (Subject, "stranger"), (Subject, "api"), (Client, "user")]
        {
            assert_eq!(outcome(kind, value, 100), None, "{kind:?} {value}");
        }
    }

    #[test]
    fn what_is_known_already_counts_once_and_what_has_expired_no_more() {
        let named = |number: i64| Revocation {
            kind: RevocationKind::ALL[usize::try_from(number % 5).expect("small")],
            value: format!("name-{number}"),
            revoked_at: 1,
            expires_at: number,
        };
        let revocations: Revocations = (0..5000).map(named).collect();
        revocations.add((0..5000).map(|number| (named(number), 5000 + number)).collect());
        assert_eq!(revocations.len(), 5000);
        assert!(revocations.parts.iter().all(|part| !part.read().expect("no panic").tokens.is_empty()), "spread");
        for now in [-1, 999, 4998, 4999] {
            revocations.sweep(now);
            let left = (0..5000).map(named).filter(|one| revocations.find(one.kind, &one.value).is_some()).count();
            assert_eq!((revocations.len(), i64::try_from(left)), (left, Ok(4999 - now.max(-1))));
        }
    }

    #[test]
    fn subjects_and_clients_live_on_with_what_comes_later_and_the_age_is_that_of_the_root() {
        use RevocationKind::{Client, Subject, Token};
        assert_eq!(outcome(Subject, "user", 99), None);
        assert_eq!(outcome(Client, "api", 99), None);
        // The token itself is younger than this revocation; what it came of is not.
        assert_eq!(outcome(Subject, "user", 110), Some(Subject));
        assert_eq!(outcome(Client, "api", 110), Some(Client));
        assert_eq!(outcome(Token, "j1", 0), Some(Token), "a token has no later life");
    }
}
