//! Opening sessions: with an access token goes a refresh token, which hangs on one.

use super::{context::Context, context::database_failed};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        order::TokenOrder,
        random::random_uuid,
        revocation::{Revocation, RevocationKind},
        secret::{Secret, SecretKind},
        session::{GrantBasis, RefreshToken, Session, SessionGrant, SessionOrigin},
    },
    oauth::error::{OAuthError, Problem},
    store::{Conn, StoreError, environments, refresh_tokens, revocations, sessions},
};

/// How long sessions live, and what is put up with. All in seconds.
#[derive(Debug, Clone, Copy)]
pub struct SessionPolicy {
    /// Unused for so long, a session is over.
    pub idle_lifetime: i64,
    /// The longest life of a session, however much it is used.
    pub absolute_lifetime: i64,
    /// For how long a used refresh token may be sent again.
    pub reuse_grace: i64,
}

impl SessionPolicy {
    /// When a session that is used at `now` is over unless it is used again.
    pub fn idle_expires_at(&self, now: i64, expires_at: i64) -> i64 {
        now.saturating_add(self.idle_lifetime).min(expires_at)
    }
}

/// A session that is to be opened.
#[derive(Debug)]
pub struct NewSession {
    /// Itself.
    pub session: Session,
    /// Everything whose revocation ends it.
    pub origins: Vec<SessionOrigin>,
    /// Its first refresh token.
    pub refresh_token: Secret,
}

/// Makes a session of what `order` gives to `client_id`. The order becomes its first access token: it gets the `sid`, and lives
/// no longer than the session. `lifetime` (seconds) shortens the life of the session. Nothing is written yet.
///
/// # Errors
/// The random source failed.
pub fn prepare(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client_id: &str,
    order: &mut TokenOrder,
    basis: GrantBasis,
    lifetime: Option<i64>,
) -> Result<NewSession, OAuthError> {
    let failed = |error: crate::domain::random::RandomError| OAuthError::new(Problem::ServerError, error.to_string());
    let (id, now) = (random_uuid(&*context.random).map_err(failed)?, order.issued_at);
    let own_claim = basis.own_claim();
    let mut grant = SessionGrant::of(order, basis);
    for claims in [&mut grant.claims, &mut order.claims] {
        // In the place of the session that the subject token was of; that one is a parent now.
        claims.insert(own_claim.to_owned(), id.as_str().into());
    }
    let policy = &context.sessions;
    let lifetime = lifetime.map_or(policy.absolute_lifetime, |lifetime| lifetime.min(policy.absolute_lifetime));
    let expires_at = now.saturating_add(lifetime);
    order.expires_at = order.expires_at.min(expires_at);
    let session = Session {
        id,
        environment_id: environment.environment.id.clone(),
        client_id: client_id.to_owned(),
        grant,
        generation: 1,
        rotation: None,
        created_at: now,
        last_used_at: now,
        idle_expires_at: policy.idle_expires_at(now, expires_at),
        expires_at,
        end: None,
    };
    let refresh_token = Secret::generate_kind(SecretKind::RefreshToken, &*context.random).map_err(failed)?;
    Ok(NewSession { origins: session.origins(&environment.issuer), session, refresh_token })
}

/// Opens a session in a running transaction, unless something that it came of is revoked: gives the revocation then, and writes
/// nothing.
///
/// A session outlives the revocations of what it came of. So a revocation ends those that are there, and here none is
/// opened that one which comes at the same moment could miss.
///
/// # Errors
/// The database failed.
pub fn open_in(conn: &mut Conn<'_>, new: &NewSession) -> Result<Option<RevocationKind>, StoreError> {
    let session = &new.session;
    environments::hold_revocations(conn, &session.environment_id)?;
    let since = session.since();
    let concerns = |revocation: &Revocation| match revocation.kind {
        RevocationKind::Subject | RevocationKind::Client => since <= revocation.revoked_at,
        RevocationKind::Token | RevocationKind::Session | RevocationKind::Key => true,
    };
    let revoked = revocations::among(conn, &session.environment_id, &new.origins)?;
    if let Some(revocation) = revoked.into_iter().find(concerns) {
        return Ok(Some(revocation.kind));
    }
    sessions::insert(conn, session, &new.origins)?;
    let token = RefreshToken {
        hash: new.refresh_token.hash().to_hex(),
        session_id: session.id.clone(),
        generation: session.generation,
        created_at: session.created_at,
    };
    refresh_tokens::insert(conn, &token)?;
    Ok(None)
}

/// The same in a transaction of its own: gives the refresh token.
///
/// # Errors
/// Something that it came of is revoked ([`Problem::SubjectTokenRefused`]), or the database failed.
pub async fn open(context: &Context, new: NewSession) -> Result<Secret, OAuthError> {
    let opened = context.catalog.work(move |store| {
        let revoked = store.transact(|conn| open_in(conn, &new))?;
        Ok::<_, StoreError>((revoked, new.refresh_token))
    });
    let (revoked, refresh_token) = opened.await.map_err(|error| database_failed("the session", &error))?;
    match revoked {
        Some(kind) => Err(OAuthError::new(Problem::SubjectTokenRefused, kind.reason())),
        None => Ok(refresh_token),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::{
        domain::{ancestry::AncestorFacts, claims::SubjectType, environment::Environment, random::SystemRandom},
        oauth::scope::Scope,
        operations::revoke::revoke_in,
        store::{
            Store,
            tenants::{self, Tenant},
            testing::on_both_engines,
        },
    };

    /// How long a lock is held.
    const HELD: std::time::Duration = std::time::Duration::from_millis(300);

    fn with_environment(conn: &mut Conn<'_>) -> Result<(), StoreError> {
        tenants::insert(conn, &Tenant { id: "t".into(), name: "t".into(), created_at: 0, enabled: true })?;
        let environment = Environment {
            id: "e".into(),
            tenant_id: "t".into(),
            name: "e".into(),
            is_default: true,
            enabled: true,
            tenant_enabled: true,
            access_token_lifetime: 3600,
        };
        environments::insert(conn, &environment, 0)
    }

    /// Of a token of second 100, at second 200.
    fn new_session(id: &str) -> NewSession {
        let grant = SessionGrant {
            subject: "user".into(),
            subject_type: SubjectType::EndUserAccount,
            audience: vec!["api".into()],
            scope: Scope::empty(),
            widened: Scope::empty(),
            act: None,
            may_act: None,
            anc: vec!["jti".into()],
            anc_facts: AncestorFacts {
                iat: Some(100),
                client_ids: vec!["ui".into()],
                kids: vec!["kid".into()],
                sids: vec!["root".into()],
                user_ids: vec!["helper".into()],
                ..AncestorFacts::default()
            },
            claims: serde_json::Map::new(),
            parents: vec!["parent".into()],
            basis: GrantBasis::SignIn("provider".into()),
        };
        let session = Session {
            id: id.into(),
            environment_id: "e".into(),
            client_id: "bff".into(),
            grant,
            generation: 1,
            rotation: None,
            created_at: 200,
            last_used_at: 200,
            idle_expires_at: 1000,
            expires_at: 1000,
            end: None,
        };
        let refresh_token = Secret::generate_kind(SecretKind::RefreshToken, &SystemRandom).expect("random source");
        NewSession { origins: session.origins("https://id.example"), session, refresh_token }
    }

    fn open(store: &Store, new: &NewSession) -> Option<RevocationKind> {
        store.transact(|conn| open_in(conn, new)).expect("the database")
    }

    fn revoke(store: &Store, kind: RevocationKind, value: &str, now: i64) {
        let done: Result<bool, StoreError> = store.transact(|conn| revoke_in(conn, "e", kind, value, None, now));
        assert_eq!(done, Ok(true));
    }

    fn is_open(store: &Store, id: &str) -> bool {
        let found = store.read(|conn| sessions::find(conn, "e", id)).expect("the database");
        found.expect("the session").end.is_none()
    }

    #[test]
    fn nothing_is_opened_that_came_of_something_revoked() {
        use RevocationKind::{Client, Key, Session, Subject, Token};
        let named = [
            (Token, "jti"),
            (Session, "parent"),
            (Subject, "user"),
            (Subject, "helper"),
            (Client, "ui"),
            (Client, "bff"),
            (Key, "kid"),
        ];
        for (position, (kind, value)) in named.into_iter().enumerate() {
            on_both_engines(|database| {
                let store = &database.store;
                store.transact(with_environment).expect("rows");
                let new = new_session(&format!("s{position}"));
                revoke(store, kind, value, 100);
                assert_eq!(open(store, &new), Some(kind));
                let found = store.read(|conn| sessions::find(conn, "e", &new.session.id));
                assert_eq!(found.expect("the database"), None);
            });
        }
    }

    #[test]
    fn what_was_issued_after_a_subject_or_client_was_revoked_is_not_concerned() {
        on_both_engines(|database| {
            let store = &database.store;
            store.transact(with_environment).expect("rows");
            revoke(store, RevocationKind::Subject, "user", 99);
            revoke(store, RevocationKind::Client, "ui", 99);
            revoke(store, RevocationKind::Token, "another", 500);
            revoke(store, RevocationKind::Session, "jti", 500);
            assert_eq!(open(store, &new_session("s")), None);
            assert!(is_open(store, "s"));
        });
    }

    // Whichever comes first: a session that both missed would live on when the revocation is long forgotten.
    #[test]
    fn opening_and_revoking_at_the_same_moment_never_miss_each_other() {
        on_both_engines(|database| {
            let store = &database.store;
            store.transact(with_environment).expect("rows");
            let (begin, begun) = mpsc::channel();
            let new = new_session("s");
            let outcome = std::thread::scope(|scope| {
                let revoking = scope.spawn(move || {
                    let held: Result<bool, StoreError> = store.transact(|conn| {
                        revoke_in(conn, "e", RevocationKind::Token, "jti", Some(300), 200)?;
                        begin.send(()).expect("a listener");
                        // Long enough for the other one to come to the lock, or to get past where there should be one.
                        std::thread::park_timeout(HELD);
                        Ok(true)
                    });
                    assert_eq!(held, Ok(true));
                });
                begun.recv().expect("the revocation");
                let outcome = open(store, &new);
                revoking.join().expect("no panic");
                outcome
            });
            assert_eq!(outcome, Some(RevocationKind::Token), "it waited, and then saw the revocation");

            let (begin, begun) = mpsc::channel();
            let other = NewSession { origins: vec![(RevocationKind::Token, "x".into())], ..new_session("s2") };
            std::thread::scope(|scope| {
                scope.spawn(move || {
                    let held: Result<Option<RevocationKind>, StoreError> = store.transact(|conn| {
                        let opened = open_in(conn, &other)?;
                        begin.send(()).expect("a listener");
                        std::thread::park_timeout(HELD);
                        Ok(opened)
                    });
                    assert_eq!(held, Ok(None));
                });
                begun.recv().expect("the session");
                revoke(store, RevocationKind::Token, "x", 200);
            });
            assert!(!is_open(store, "s2"), "it waited, and then saw the session");
        });
    }
}
