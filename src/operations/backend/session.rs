//! Login sessions: found by what the backend has, opened, extended, and ended.

use super::{
    call::Call,
    error::{ApiCode, ApiError},
};
use crate::{
    domain::{
        login::{
            AuthMethod,
            session::{Authentication, LoginSession},
        },
        random::random_uuid,
        revocation::RevocationKind,
        secret::{Secret, SecretKind},
    },
    operations::revoke::revoke_in,
    store::{Conn, StoreError, login_sessions},
};

/// The session that a backend shows.
///
/// # Errors
/// [`ApiCode::SessionNotFound`], whatever is wrong with it; or the database failed.
pub async fn shown(call: &Call, session_id: &str) -> Result<LoginSession, ApiError> {
    let secret = Secret::new(session_id);
    if !secret.is_well_formed(SecretKind::LoginSession) {
        // Without asking the database: most of what is tried is this.
        return Err(ApiError::from(ApiCode::SessionNotFound).with_detail("it has not the form of a session id"));
    }
    let (environment_id, hash) = (call.environment_id().to_owned(), secret.hash());
    let found = call
        .context
        .catalog
        .look_up(move |store| store.read(|conn| login_sessions::of_secret(conn, &environment_id, &hash)));
    let session = found.await?.filter(|session| !session.is_over(call.now()));
    session.ok_or_else(|| ApiError::from(ApiCode::SessionNotFound).with_detail("it is unknown or over"))
}

/// A new session of a user who has just been authenticated, and the `session_id` that the backend gets. Nothing is written yet.
///
/// # Errors
/// The random source failed.
pub fn new(call: &Call, user_id: &str, method: AuthMethod) -> Result<(LoginSession, Secret), ApiError> {
    let (now, policy, random) = (call.now(), call.context.sessions, &*call.context.random);
    let secret = Secret::generate_kind(SecretKind::LoginSession, random)?;
    let expires_at = now.saturating_add(policy.absolute_lifetime);
    let session = LoginSession {
        id: random_uuid(random)?,
        environment_id: call.environment_id().to_owned(),
        user_id: user_id.to_owned(),
        secret: secret.hash(),
        methods: vec![Authentication { method, at: now }],
        created_at: now,
        idle_expires_at: policy.idle_expires_at(now, expires_at),
        expires_at,
        ended_at: None,
    };
    Ok((session, secret))
}

/// Ends a session with every token that came of it, in a running transaction. `false` when there is none, or it has ended already.
///
/// # Errors
/// The database failed.
pub fn end_in(conn: &mut Conn<'_>, environment_id: &str, id: &str, now: i64) -> Result<bool, StoreError> {
    let found = login_sessions::find(conn, environment_id, id)?;
    if found.is_none_or(|session| session.ended_at.is_some()) {
        return Ok(false);
    }
    revoke_in(conn, environment_id, RevocationKind::Session, id, None, now)
}

/// Ends all sessions of a user, and gives how many those were.
///
/// # Errors
/// The database failed.
pub fn end_all_in(conn: &mut Conn<'_>, environment_id: &str, user_id: &str, now: i64) -> Result<usize, StoreError> {
    let open = login_sessions::open_of_user(conn, environment_id, user_id, now)?;
    for session in &open {
        end_in(conn, environment_id, &session.id, now)?;
    }
    Ok(open.len())
}
