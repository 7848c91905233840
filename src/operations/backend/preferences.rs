//! Login preferences of an application, read and replaced through the API.

use serde_json::Value;

use super::{
    call::Call,
    error::{ApiCode, ApiError},
};
use crate::{
    domain::login::preferences::LoginPreferences,
    operations::facts::{Changed, Known as _},
    store::{
        Conn, Store, StoreError,
        applications::{self, StoredApplication},
        environments,
    },
};

/// The preferences of the application with the id in the path.
///
/// # Errors
/// [`ApiCode::AppNotFound`], also where the caller is the backend of another application; or the database failed.
pub async fn read(call: &mut Call) -> Result<LoginPreferences, ApiError> {
    let (id, environment_id) = (application_id(call)?, call.environment_id().to_owned());
    let find = move |store: &Store| store.snapshot(|conn| applications::find(conn, &environment_id, &id));
    let stored = call.context.catalog.look_up(find).await?;
    Ok(stored.ok_or(ApiCode::AppNotFound)?.application.login)
}

/// Puts what somebody wrote in place of all that the application has, and fills the record. This node knows it when the caller goes on,
/// the others hear of it. Who looks after the application does not change: what an environment file says comes back with its next apply.
///
/// # Errors
/// All mistakes ([`ApiCode::InvalidInput`]); [`ApiCode::AppNotFound`] as with [`read`]; or the database failed.
pub async fn replace(call: &mut Call, methods: Value) -> Result<LoginPreferences, ApiError> {
    let id = application_id(call)?;
    call.record.subject = Some(id.clone());
    let login = LoginPreferences::read(methods).map_err(|mistakes| {
        let mistakes = mistakes.iter().map(ToString::to_string).collect();
        ApiError::with_messages(ApiCode::InvalidInput, mistakes)
    })?;
    let (environment_id, now) = (call.environment_id().to_owned(), call.now());
    let work = move |conn: &mut Conn<'_>| -> Result<Option<Changed<StoredApplication>>, StoreError> {
        // First, so that two changes at once wait for each other.
        if !environments::touch(conn, &environment_id, now)? {
            return Ok(None);
        }
        let Some(mut stored) = applications::find(conn, &environment_id, &id)? else { return Ok(None) };
        let before = stored.facts();
        stored.application.login = login;
        applications::upsert(conn, &environment_id, &stored.application, stored.origin)?;
        Ok(Some(Changed::edited(&before, stored)))
    };
    let done = call.context.catalog.change(move |store| store.transact(work)).await?;
    let Changed { value, differences } = done.ok_or(ApiCode::AppNotFound)?;
    (call.record.before, call.record.after) = (differences.before, differences.after);
    Ok(value.application.login)
}

/// The backend of an application sees its own, and a service account without one, which keeps the environment, all: as with users.
fn application_id(call: &Call) -> Result<String, ApiError> {
    let id = call.path("app_id")?.to_owned();
    if call.client()?.sign_in.application.is_some() && call.application()?.id != id {
        return Err(ApiCode::AppNotFound.into());
    }
    Ok(id)
}
