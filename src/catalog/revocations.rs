//! What is revoked in an environment, in memory: a look costs no I/O, however many there are.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicI64, Ordering},
    },
};

use super::{Catalog, LoadError};
use crate::{
    domain::{
        claims::SubjectType,
        environment::MAX_ACCESS_TOKEN_LIFETIME,
        party::Actor,
        revocation::{Revocation, RevocationKind},
        subject::SubjectToken,
    },
    store::{StoreError, revocations, sessions},
};

/// How many are read at once.
const PAGE: i64 = 5000;

/// All that is revoked in an environment and may still concern a token. Outlives the snapshots of the environment.
#[derive(Default)]
pub struct Revocations {
    /// Readers only ever wait while a page of new ones is put in.
    set: RwLock<Set>,
    /// Up to where the table was read.
    version: AtomicI64,
}

#[derive(Default)]
struct Set {
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

impl Set {
    fn of(&mut self, kind: RevocationKind) -> &mut HashMap<Box<str>, Revoked> {
        match kind {
            RevocationKind::Token => &mut self.tokens,
            RevocationKind::Session => &mut self.sessions,
            RevocationKind::Subject => &mut self.subjects,
            RevocationKind::Client => &mut self.clients,
            RevocationKind::Key => &mut self.keys,
        }
    }

    fn len(&self) -> usize {
        [&self.tokens, &self.sessions, &self.subjects, &self.clients, &self.keys].iter().map(|map| map.len()).sum()
    }

    fn has_subject(&self, subject: &str, since: i64) -> bool {
        self.subjects.get(subject).is_some_and(|revoked| since <= revoked.at)
    }

    fn revoked_by(&self, token: &SubjectToken, issuer: &str) -> Option<RevocationKind> {
        let facts = &token.anc_facts;
        // Whatever was made of an old token is as old as that: made a moment after the revocation, on a node that had not
        // heard of it, it is dead all the same.
        let since = facts.iat.map_or(token.iat, |iat| iat.min(token.iat));
        if token.anc.iter().chain([&token.jti]).any(|jti| self.tokens.contains_key(jti.as_str())) {
            return Some(RevocationKind::Token);
        }
        if !self.sessions.is_empty() && sessions(token).any(|session| self.sessions.contains_key(session)) {
            return Some(RevocationKind::Session);
        }
        if !self.subjects.is_empty() && subjects(token, issuer).any(|subject| self.has_subject(subject, since)) {
            return Some(RevocationKind::Subject);
        }
        let own = token.home_environment_id().is_none().then_some(&token.client_id);
        let clients = || facts.client_ids.iter().chain(own);
        let is_revoked = |id: &String| self.clients.get(id.as_str()).is_some_and(|revoked| since <= revoked.at);
        if !self.clients.is_empty() && clients().any(is_revoked) {
            return Some(RevocationKind::Client);
        }
        let mut keys = facts.kids.iter().chain(&token.kid);
        keys.any(|kid| self.keys.contains_key(kid.as_str())).then_some(RevocationKind::Key)
    }
}

/// Both names of a session: ours, and that of Mosaic.
fn sessions(token: &SubjectToken) -> impl Iterator<Item = &str> {
    ["sid", "sessionId"].into_iter().filter_map(|name| token.other.get(name)?.as_str())
}

/// Whom a token speaks of, and who of us acts in it. Names of other issuers are others' names.
fn subjects<'a>(token: &'a SubjectToken, issuer: &'a str) -> impl Iterator<Item = &'a str> {
    let is_ours =
        move |actor: &&Actor| actor.iss == issuer || SubjectType::MOSAIC_ISSUERS.contains(&actor.iss.as_str());
    let actors = std::iter::successors(token.act.as_ref(), |actor| actor.act.as_deref()).filter(is_ours);
    std::iter::once(token.sub.as_str()).chain(actors.map(|actor| actor.sub.as_str()))
}

impl Revocations {
    /// What takes `token` (of `issuer`, which is us) out of force, if anything does.
    pub fn revoked_by(&self, token: &SubjectToken, issuer: &str) -> Option<RevocationKind> {
        let set = self.read();
        if set.len() == 0 { None } else { set.revoked_by(token, issuer) }
    }

    /// Whether the tokens of `subject` are revoked that come of something issued at `since` (seconds since 1970).
    pub fn has_subject(&self, subject: &str, since: i64) -> bool {
        self.read().has_subject(subject, since)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Puts in what was read up to `version`.
    fn add(&self, page: Vec<(Revocation, i64)>) {
        let last = page.last().map(|(_, version)| *version);
        let mut set = self.write();
        for (revocation, _) in page {
            let revoked = Revoked { at: revocation.revoked_at, expires_at: revocation.expires_at };
            set.of(revocation.kind).insert(revocation.value.into(), revoked);
        }
        drop(set);
        if let Some(version) = last {
            self.version.store(version, Ordering::Release);
        }
    }

    /// Forgets what cannot concern a token any more at `now` (seconds since 1970).
    fn sweep(&self, now: i64) {
        let mut set = self.write();
        for kind in RevocationKind::ALL {
            set.of(kind).retain(|_, revoked| now < revoked.expires_at);
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Set> {
        self.set.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Set> {
        self.set.write().unwrap_or_else(PoisonError::into_inner)
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

    /// Deletes and forgets the revocations that cannot concern a token any more.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn sweep_revocations(&self) -> Result<(), LoadError> {
        let now = self.clock.now();
        for environment in self.environments.load().by_id.values() {
            environment.revocations.sweep(now);
        }
        while self.store.transact(|conn| revocations::sweep(conn, now))? {}
        Ok(())
    }

    /// Deletes the sessions that are over, with their refresh tokens. Not before their last access tokens have expired too: until
    /// then, revoking what a session came of must find it.
    ///
    /// # Errors
    /// The database fails.
    pub(super) fn sweep_sessions(&self) -> Result<(), LoadError> {
        let before = self.clock.now().saturating_sub(MAX_ACCESS_TOKEN_LIFETIME);
        while self.store.transact(|conn| sessions::sweep(conn, before))? {}
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{domain::ancestry::AncestorFacts, oauth::scope::Scope};

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
            (Subject, "user"),
            (Subject, "bff"),
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
