//! Taking tokens out of force, with everything that came of them.

use std::sync::Arc;

use super::{
    context::Context,
    facts::Differences,
    lookup::EnvironmentLookup,
    operator::{Done, NotDone, Operator},
};
use crate::{
    audit::Outcome,
    catalog::environment::EnvironmentSnapshot,
    domain::{
        environment::{Environment, MAX_ACCESS_TOKEN_LIFETIME},
        foreign::FOREIGN_TOKEN_PREFIX,
        revocation::{Revocation, RevocationKind},
        session::EndReason,
        user::is_text,
    },
    store::{Conn, Store, StoreError, login_sessions, revocations, sessions},
};

/// The longest name that can be revoked, in bytes: workloads are called by issuer and name.
pub const MAX_NAME: usize = 1024;
/// How long something is kept that foreign tokens may be shown for again, in seconds: their life is their issuer's to say.
const FOREIGN_TOKENS_LIVE: i64 = 366 * 86_400;

/// Why nothing is revoked.
#[derive(Debug, thiserror::Error)]
pub enum RevokeError {
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was asked for cannot be; the text says why.
    #[error("{0}")]
    Refused(String),
}

impl NotDone for RevokeError {
    fn outcome(&self) -> Option<Outcome> {
        match self {
            RevokeError::Refused(_) => Some(Outcome::Refused),
            RevokeError::Store(_) => None,
        }
    }
}

/// What revoking `value` at `now` is to say. `expires_at` is when the last token that it concerns expires, where that is known.
/// (Long-lived tokens are thought of besides.) All times are in seconds since 1970.
fn revocation(kind: RevocationKind, value: &str, expires_at: Option<i64>, now: i64) -> Revocation {
    // A foreign token can prove a user, or be a subject itself, for as long as its issuer lets it live.
    let is_foreign = match kind {
        RevocationKind::Token => value.starts_with(FOREIGN_TOKEN_PREFIX),
        RevocationKind::Subject => true,
        RevocationKind::Session | RevocationKind::Client | RevocationKind::Key => false,
    };
    let longest = if is_foreign { FOREIGN_TOKENS_LIVE } else { MAX_ACCESS_TOKEN_LIFETIME };
    let expires_at = expires_at.unwrap_or(now.saturating_add(longest));
    Revocation { kind, value: value.to_owned(), revoked_at: now, expires_at }
}

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
    take_out(conn, environment_id, revocation(kind, value, expires_at, now), EndReason::Revoked)
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
    let revocation = revocation(RevocationKind::Session, session_id, None, now);
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
    match kind {
        RevocationKind::Session => _ = login_sessions::end(conn, environment_id, value, now)?,
        RevocationKind::Subject => _ = login_sessions::end_of_user(conn, environment_id, value, now)?,
        RevocationKind::Token | RevocationKind::Client | RevocationKind::Key => {}
    }
    let ended = sessions::end_all_of(conn, environment_id, kind, value, reason, now)?;
    let longest = now.saturating_add(MAX_ACCESS_TOKEN_LIFETIME);
    if !ended.is_empty() && revocation.expires_at < longest {
        // A session goes on when what it came of has expired, so its access tokens may live longer than that.
        revocations::add(conn, environment_id, &Revocation { expires_at: longest, ..revocation.clone() })?;
    }
    if kind == RevocationKind::Session {
        // Tokens of before the lineage named sessions name their own session only. No session comes of itself, so this ends.
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
    let work = move |conn: &mut Conn<'_>| {
        let is_there = revoke_in(conn, &id, kind, &value, expires_at, now)?;
        // Deleted a moment ago, and its tokens with it; but nobody is told that something was done.
        if is_there { Ok(()) } else { Err(StoreError::unavailable("the environment is gone")) }
    };
    context.catalog.change(move |store| store.transact(work)).await
}

/// The same from outside a server, in the environment that is looked up. Servers go by it within a second.
///
/// # Errors
/// The database failed, there is no such environment, or nothing can be called `value`.
pub fn revoke_at(
    store: &Store,
    operator: &Operator<'_>,
    lookup: &EnvironmentLookup,
    kind: RevocationKind,
    value: &str,
    expires_at: Option<i64>,
) -> Result<Environment, RevokeError> {
    if !is_text(value, MAX_NAME) {
        let reason = format!("give 1 to {MAX_NAME} bytes of text without control characters");
        return Err(RevokeError::Refused(reason));
    }
    operator.change(store, "revoke", |conn| {
        let found = lookup.find(conn)?;
        let environment = found.ok_or_else(|| RevokeError::Refused(lookup.not_found()))?;
        revoke_in(conn, &environment.id, kind, value, expires_at, operator.now())?;
        let mut done = Done::to(&environment.id, value, Differences::default());
        done.detail = Some(format!("the tokens that this {} concerns are dead", kind.as_str()));
        Ok((environment, vec![done]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_foreign_tokens_may_be_shown_for_again_is_kept_longer() {
        let kept = |kind, value| revocation(kind, value, None, 1000).expires_at - 1000;
        assert_eq!(kept(RevocationKind::Token, "a"), MAX_ACCESS_TOKEN_LIFETIME);
        assert_eq!(kept(RevocationKind::Client, "fgn-x"), MAX_ACCESS_TOKEN_LIFETIME);
        assert_eq!(kept(RevocationKind::Token, "fgn-x"), FOREIGN_TOKENS_LIVE);
        assert_eq!(kept(RevocationKind::Subject, "user"), FOREIGN_TOKENS_LIVE);
        assert_eq!(revocation(RevocationKind::Token, "a", Some(7), 1000).expires_at, 7);
    }
}
