//! Taking tokens out of force, with everything that came of them.

use std::sync::Arc;

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        environment::MAX_ACCESS_TOKEN_LIFETIME,
        revocation::{Revocation, RevocationKind},
        session::EndReason,
    },
    store::{Conn, StoreError, revocations, sessions},
};

/// Revokes something in a running transaction, and ends the sessions that came of it; the nodes hear of it when that commits.
/// `false` when there is no such environment. `now` is in seconds since 1970, and so is `expires_at`: when the last token that
/// it concerns expires, where that is known. (Long-lived tokens are thought of besides.)
///
/// # Errors
/// The database failed.
pub fn revoke_in(
    conn: &mut Conn<'_>,
    environment_id: &str,
    kind: RevocationKind,
    value: &str,
    expires_at: Option<i64>,
    now: i64,
) -> Result<bool, StoreError> {
    let longest = now.saturating_add(MAX_ACCESS_TOKEN_LIFETIME);
    let expires_at = expires_at.unwrap_or(longest);
    let revocation = Revocation { kind, value: value.to_owned(), revoked_at: now, expires_at };
    take_out(conn, environment_id, revocation, EndReason::Revoked)
}

/// Revokes a session of which somebody else has a refresh token too, in a running transaction. As [`revoke_in`].
///
/// # Errors
/// The database failed.
pub fn revoke_replayed_in(
    conn: &mut Conn<'_>,
    environment_id: &str,
    session_id: &str,
    now: i64,
) -> Result<bool, StoreError> {
    let (kind, expires_at) = (RevocationKind::Session, now.saturating_add(MAX_ACCESS_TOKEN_LIFETIME));
    let revocation = Revocation { kind, value: session_id.to_owned(), revoked_at: now, expires_at };
    take_out(conn, environment_id, revocation, EndReason::Replayed)
}

fn take_out(
    conn: &mut Conn<'_>,
    environment_id: &str,
    revocation: Revocation,
    reason: EndReason,
) -> Result<bool, StoreError> {
    let (kind, value, now) = (revocation.kind, &revocation.value, revocation.revoked_at);
    // First, because it locks the environment's row: whoever revokes or opens sessions takes it before those of sessions.
    if !revocations::add(conn, environment_id, &revocation)? {
        return Ok(false);
    }
    let ended = sessions::end_all_of(conn, environment_id, kind, value, reason, now)?;
    let longest = now.saturating_add(MAX_ACCESS_TOKEN_LIFETIME);
    if !ended.is_empty() && revocation.expires_at < longest {
        // A session goes on when what it came of has expired, so its access tokens may live longer than that.
        revocations::add(conn, environment_id, &Revocation { expires_at: longest, ..revocation.clone() })?;
    }
    if kind == RevocationKind::Session {
        // Tokens name their own session only, not those that it came of. No session comes of itself, so this ends.
        for child in ended.iter().filter(|id| *id != value) {
            revoke_in(conn, environment_id, kind, child, None, now)?;
        }
    }
    Ok(true)
}

/// The same in a transaction of its own. This node goes by it when the call returns, the others within a second.
///
/// # Errors
/// The database failed, and nothing is revoked.
pub async fn revoke(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    kind: RevocationKind,
    value: String,
    expires_at: Option<i64>,
) -> Result<(), StoreError> {
    let (id, now) = (environment.environment.id.clone(), context.clock.now());
    let work = move |conn: &mut Conn<'_>| revoke_in(conn, &id, kind, &value, expires_at, now).map(drop);
    context.catalog.change(move |store| store.transact(work)).await
}
