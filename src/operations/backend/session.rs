//! Login sessions: found by what the backend has, opened, extended, and ended.

use super::{
    call::Call,
    error::{ApiCode, ApiError},
    users::{UserError, load, look_up, scope_of},
};
use crate::{
    domain::{
        login::{
            AuthMethod,
            session::{Authentication, LoginSession},
        },
        pasted::pasted,
        random::random_uuid,
        revocation::RevocationKind,
        secret::{Secret, SecretKind},
        user::is_text,
    },
    operations::revoke::revoke_in,
    store::{Conn, StoreError, login_sessions},
};

/// The longest public id of a session, in bytes: a UUID.
const MAX_ID: usize = 36;

/// The session that a backend shows.
///
/// # Errors
/// [`ApiCode::SessionNotFound`], whatever is wrong with it; or the database failed.
pub async fn shown(call: &Call, session_id: &str) -> Result<LoginSession, ApiError> {
    let secret = Secret::new(pasted(session_id));
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

/// Ends the session that a backend names: by its `session_id`, or by its public id, the `sid` of its tokens. By the latter only those
/// of users of the caller's application, as it is no secret.
///
/// # Errors
/// [`ApiCode::SessionNotFound`], whatever is wrong with it; or the database failed.
pub async fn log_out(call: &mut Call, named: &str) -> Result<(), ApiError> {
    let named = pasted(named);
    let session = if Secret::new(named).is_well_formed(SecretKind::LoginSession) {
        shown(call, named).await?
    } else {
        by_id(call, named).await?
    };
    call.record.subject = Some(session.user_id);
    call.record.session_id = Some(session.id.clone());
    let (environment_id, now) = (session.environment_id, call.now());
    let work = move |conn: &mut Conn<'_>| end_in(conn, &environment_id, &session.id, now);
    let ended = call.context.catalog.change(move |store| store.transact(work)).await?;
    if ended { Ok(()) } else { Err(ApiError::from(ApiCode::SessionNotFound).with_detail("it has just ended")) }
}

async fn by_id(call: &Call, id: &str) -> Result<LoginSession, ApiError> {
    let unknown = |why: &str| ApiError::from(ApiCode::SessionNotFound).with_detail(why);
    if !is_text(id, MAX_ID) {
        return Err(unknown("it is neither a session id nor the id of a session"));
    }
    let id = id.to_owned();
    let found = look_up(call, move |conn, scope| {
        let Some(session) = login_sessions::find(conn, &scope.environment_id, &id)? else { return Ok(None) };
        match load(conn, scope, &session.user_id) {
            Ok(_) => Ok(Some(session).filter(|session| !session.is_over(scope.now))),
            Err(UserError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    });
    found.await?.ok_or_else(|| unknown("it is unknown, over, or of a user whom the caller does not see"))
}

/// The sessions of a user that are not over, oldest first.
///
/// # Errors
/// [`ApiCode::UserNotFound`]: there is no such user whom the caller sees; or the database failed.
pub async fn of_user(call: &mut Call, user_id: String) -> Result<Vec<LoginSession>, ApiError> {
    call.record.subject = Some(user_id.clone());
    look_up(call, move |conn, scope| {
        load(conn, scope, &user_id)?;
        Ok(login_sessions::open_of_user(conn, &scope.environment_id, &user_id, scope.now)?)
    })
    .await
}

/// Ends all sessions of a user, those that other applications began among them: whoever signs out everywhere means everywhere.
///
/// # Errors
/// [`ApiCode::UserNotFound`]: there is no such user whom the caller sees; or the database failed.
pub async fn log_out_everywhere(call: &mut Call, user_id: String) -> Result<(), ApiError> {
    call.record.subject = Some(user_id.clone());
    let scope = scope_of(call)?;
    let work = move |conn: &mut Conn<'_>| -> Result<usize, UserError> {
        load(conn, &scope, &user_id)?;
        Ok(end_all_in(conn, &scope.environment_id, &user_id, scope.now)?)
    };
    let ended = call.context.catalog.change(move |store| store.transact(work)).await.map_err(ApiError::from)?;
    call.record.detail = Some(format!("{ended} sessions"));
    Ok(())
}
