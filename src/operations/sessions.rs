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
    let mut grant = SessionGrant::of(order, basis);
    for claims in [&mut grant.claims, &mut order.claims] {
        // In the place of the session that the subject token was of; that one is a parent now.
        claims.insert("sid".to_owned(), id.as_str().into());
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
