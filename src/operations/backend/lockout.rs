//! The guesses of those who sign in, counted in the database: with any number of nodes and requests at the same moment no more
//! answers are looked at than [`LockoutRule`] allows.
//!
//! The way is: [`claim`], in a transaction that is committed before the answer is looked at; then [`succeeded`] or [`failed`].
//! Where the identifier is nobody's the same is done with [`Holder::nobody`]. A request that dies in between has failed.

pub use crate::domain::login::lockout::{Attempts, Authenticator, Claim, Lock, LockoutRule, Tier, UnlockKind};
pub use crate::store::attempts::Holder;
use crate::store::{Conn, StoreError, attempts, pending_joins};

/// Counts a failure up front, and says whether the answer may be looked at.
///
/// # Errors
/// There is no such user, or the database failed: then nothing may be looked at.
pub fn claim(
    conn: &mut Conn<'_>,
    holder: impl Into<Holder>,
    authenticator: Authenticator,
    rule: &LockoutRule,
    now: i64,
) -> Result<Claim, StoreError> {
    change(conn, &holder.into(), authenticator, |attempts| attempts.claim(rule, now))
}

/// Whose the failures are when an application's backend guesses at a user: the user's. Until the user has joined the application they
/// are counted apart: no backend locks the users of others out by naming them.
///
/// # Errors
/// The database failed.
pub fn holder_at(
    conn: &mut Conn<'_>,
    (environment_id, application_id): (&str, &str),
    user_id: &str,
) -> Result<Holder, StoreError> {
    let is_joining = pending_joins::has(conn, user_id, application_id)?;
    let apart = || Holder::nobody(environment_id, &format!("joining {application_id} {user_id}"));
    Ok(if is_joining { apart() } else { Holder::from(user_id) })
}

/// The same as [`claim`] for a user who is at the application that [`holder_at`] was asked for. A lock of the user holds for guesses that
/// are counted apart too.
///
/// # Errors
/// As with [`claim`].
pub fn claim_at(
    conn: &mut Conn<'_>,
    holder: &Holder,
    user_id: &str,
    (authenticator, rule): (Authenticator, &LockoutRule),
    now: i64,
) -> Result<Claim, StoreError> {
    let user = Holder::from(user_id);
    if *holder != user
        && let Some(Lock { until }) = change(conn, &user, authenticator, |attempts| attempts.lock_at(now))?
    {
        return Ok(Claim::Locked { until });
    }
    claim(conn, holder, authenticator, rule, now)
}

/// The same for a stranger: somebody who guesses at `holder` from `network` without the application's backend. The stranger's own
/// failures are counted, and the lock of `holder` holds for the stranger too; but no stranger locks `holder`, or anybody for good: else
/// anybody who knows a name could keep its owner out. Gives whose failure was counted.
///
/// # Errors
/// As with [`claim`].
pub fn claim_from(
    conn: &mut Conn<'_>,
    (environment_id, network): (&str, &str),
    holder: &Holder,
    authenticator: Authenticator,
    rule: &LockoutRule,
    now: i64,
) -> Result<(Holder, Claim), StoreError> {
    let stranger = holder.guessed_from(environment_id, network);
    if let Some(Lock { until }) = change(conn, holder, authenticator, |attempts| attempts.lock_at(now))? {
        return Ok((stranger, Claim::Locked { until }));
    }
    let claim = claim(conn, &stranger, authenticator, &rule.without_tiers(), now)?;
    Ok((stranger, claim))
}

/// The answer was right, for a client of this application: the failures are forgotten.
///
/// # Errors
/// The database failed.
pub fn succeeded(
    conn: &mut Conn<'_>,
    holder: impl Into<Holder>,
    authenticator: Authenticator,
    application_id: &str,
    now: i64,
) -> Result<(), StoreError> {
    change(conn, &holder.into(), authenticator, |attempts| attempts.succeeded(application_id, now))
}

/// The answer was wrong: notes when, for whoever lists authenticators. It is counted already.
///
/// # Errors
/// The database failed.
pub fn failed(
    conn: &mut Conn<'_>,
    holder: impl Into<Holder>,
    authenticator: Authenticator,
    now: i64,
) -> Result<(), StoreError> {
    change(conn, &holder.into(), authenticator, |attempts| attempts.last_failed_at = Some(now))
}

/// The answer was not looked at after all.
///
/// # Errors
/// The database failed, and it stays a failure.
pub fn withdraw(
    conn: &mut Conn<'_>,
    holder: impl Into<Holder>,
    authenticator: Authenticator,
) -> Result<(), StoreError> {
    change(conn, &holder.into(), authenticator, Attempts::withdraw)
}

/// Takes locks of this kind away; `false` when there was none.
///
/// # Errors
/// There is no such user, or the database failed.
pub fn unlock(
    conn: &mut Conn<'_>,
    holder: impl Into<Holder>,
    authenticator: Authenticator,
    kind: UnlockKind,
    now: i64,
) -> Result<bool, StoreError> {
    change(conn, &holder.into(), authenticator, |attempts| attempts.unlock(kind, now))
}

/// One change, alone with the row.
fn change<T>(
    conn: &mut Conn<'_>,
    holder: &Holder,
    authenticator: Authenticator,
    change: impl FnOnce(&mut Attempts) -> T,
) -> Result<T, StoreError> {
    conn.savepoint(|conn| {
        let before = attempts::hold(conn, holder, authenticator)?;
        let mut after = before.clone();
        let result = change(&mut after);
        if after != before {
            attempts::write(conn, holder, authenticator, &after)?;
        }
        Ok(result)
    })
}

#[cfg(test)]
mod tests;
