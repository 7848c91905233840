//! Taking tokens out of force, with everything that came of them.

use std::sync::Arc;

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        environment::MAX_ACCESS_TOKEN_LIFETIME,
        revocation::{Revocation, RevocationKind},
    },
    store::{Conn, StoreError, revocations},
};

/// Revokes something in a running transaction; the nodes hear of it when that commits. `false` when there is no such
/// environment. `now` is in seconds since 1970, and so is `expires_at`: when the last token that it concerns expires, where
/// that is known. (Long-lived tokens are thought of besides.)
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
    revocations::add(conn, environment_id, &revocation)
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
