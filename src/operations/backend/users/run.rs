//! From a call of the REST API to the database and back.

use super::{Account, Scope, UserError};
use crate::{
    operations::{
        backend::{call::Call, error::ApiError},
        facts::{Changed, Facts},
    },
    store::Conn,
};

/// Whom the caller sees: the backend of an application those who may sign in to it, and a service account without one, which keeps
/// the environment, all.
///
/// # Errors
/// The application is disabled or gone.
pub fn scope_of(call: &Call) -> Result<Scope, ApiError> {
    let application_id = match call.client() {
        Ok(client) if client.sign_in.application.is_none() => None,
        _ => Some(call.application()?.id.clone()),
    };
    Ok(Scope { environment_id: call.environment_id().to_owned(), application_id, now: call.now() })
}

/// Asks the database.
///
/// # Errors
/// Those of `work`, or the database failed.
pub async fn look_up<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&mut Conn<'_>, &Scope) -> Result<T, UserError> + Send + 'static,
) -> Result<T, ApiError> {
    let scope = scope_of(call)?;
    // A user who is not there is an answer like another: only what the database says itself is its failure.
    let found = call.context.catalog.look_up(move |store| {
        store.snapshot(|conn| match work(conn, &scope) {
            Err(UserError::Store(error)) => Err(error),
            other => Ok(other),
        })
    });
    Ok(found.await??)
}

/// Changes something of a user in one transaction, and fills the record. This node knows it when the caller goes on, the others hear of
/// it.
///
/// # Errors
/// Those of `work`, or the database failed. Nothing was changed then.
pub async fn change<T>(
    call: &mut Call,
    work: impl FnOnce(&mut Conn<'_>, &Scope) -> Result<T, UserError> + Send + 'static,
) -> Result<Account, ApiError>
where
    T: Into<Changed<Account>> + Send + 'static,
{
    let scope = scope_of(call)?;
    let done = call.context.catalog.change(move |store| store.transact(|conn| work(conn, &scope))).await;
    // On the snapshot of now: that of the request may be an old one.
    if let Some(current) = call.context.catalog.environment_by_id(call.environment_id()) {
        current.forget_users();
    }
    let Changed { value, differences } = done.map_err(ApiError::from)?.into();
    call.record.subject = Some(value.user.id.clone());
    (call.record.before, call.record.after) = (differences.before, differences.after);
    Ok(value)
}

impl From<(Facts, Account)> for Changed<Account> {
    fn from((before, account): (Facts, Account)) -> Self {
        Changed::edited(&before, account)
    }
}
