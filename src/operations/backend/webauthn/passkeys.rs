//! The passkeys that a user has in the application that asks.

use super::credential_id;
use crate::{
    domain::{
        passkey::{MAX_NAME, Passkey},
        user::is_text,
    },
    operations::backend::{
        call::Call,
        error::{ApiCode, ApiError},
        users,
    },
    store::{Conn, StoreError, webauthn_credentials},
};

/// Whose passkeys are meant.
#[derive(Debug, Clone)]
pub enum Owner {
    /// The user who calls.
    Caller,
    /// A user whom the application's backend names.
    User(String),
}

/// All of them, removed ones too, in the order in which they were made.
///
/// # Errors
/// [`ApiCode::UserNotFound`], [`ApiCode::AppNotFound`], or the database failed.
pub async fn list(call: &mut Call, owner: Owner) -> Result<Vec<Passkey>, ApiError> {
    let (user_id, application_id) = whose(call, owner).await?;
    let environment_id = call.environment_id().to_owned();
    let all = call.context.catalog.look_up(move |store| {
        store.read(|conn| {
            let mut all = webauthn_credentials::of_user(conn, &environment_id, &user_id)?;
            all.retain(|passkey| passkey.application_id == application_id);
            Ok(all)
        })
    });
    Ok(all.await?)
}

/// One of them.
///
/// # Errors
/// [`ApiCode::PasskeyNotFound`] and those of [`list`].
pub async fn find(call: &mut Call, owner: Owner) -> Result<Passkey, ApiError> {
    let id = id_of(call)?;
    let found = list(call, owner).await?.into_iter().find(|passkey| passkey.id == id);
    found.ok_or_else(|| ApiCode::PasskeyNotFound.into())
}

/// Gives one another name for people.
///
/// # Errors
/// [`ApiCode::PasskeyNotFound`] and those of [`list`]; the name cannot be one.
pub async fn rename(call: &mut Call, owner: Owner, display_name: String) -> Result<(), ApiError> {
    if !is_text(&display_name, 4 * MAX_NAME) {
        return Err(ApiError::new(ApiCode::InvalidInput, "display_name has control characters or is too long"));
    }
    let change = move |conn: &mut Conn<'_>, environment: &str, passkey: &Passkey| {
        webauthn_credentials::rename(conn, environment, &passkey.user_id, &passkey.id, &display_name)
    };
    changed(call, owner, change).await
}

/// Removes one: it is good for no login any more.
///
/// # Errors
/// [`ApiCode::PasskeyNotFound`] and those of [`list`].
pub async fn remove(call: &mut Call, owner: Owner) -> Result<(), ApiError> {
    let now = call.now();
    let change = move |conn: &mut Conn<'_>, environment: &str, passkey: &Passkey| {
        webauthn_credentials::remove(conn, environment, &passkey.user_id, &passkey.id, now)
    };
    changed(call, owner, change).await
}

async fn changed(
    call: &mut Call,
    owner: Owner,
    change: impl FnOnce(&mut Conn<'_>, &str, &Passkey) -> Result<bool, StoreError> + Send + 'static,
) -> Result<(), ApiError> {
    let passkey = find(call, owner).await?;
    call.record.detail = Some(format!("passkey of {}", passkey.aaguid));
    let environment_id = call.environment_id().to_owned();
    let done = call.context.catalog.work(move |store| store.transact(|conn| change(conn, &environment_id, &passkey)));
    // What somebody has removed meanwhile is not there either.
    let is_done: Result<bool, StoreError> = done.await;
    if is_done? { Ok(()) } else { Err(ApiCode::PasskeyNotFound.into()) }
}

/// The user, whom the caller must see, and the application.
async fn whose(call: &mut Call, owner: Owner) -> Result<(String, String), ApiError> {
    let application_id = call.application()?.id.clone();
    call.record.application_id = Some(application_id.clone());
    let user_id = match owner {
        Owner::Caller => return Ok((call.user_token()?.sub.clone(), application_id)),
        Owner::User(id) => id,
    };
    call.record.subject = Some(user_id.clone());
    let wanted = user_id.clone();
    users::look_up(call, move |conn, scope| users::load(conn, scope, &wanted)).await?;
    Ok((user_id, application_id))
}

fn id_of(call: &Call) -> Result<String, ApiError> {
    credential_id(call.path("credentialId")?).ok_or_else(|| ApiCode::PasskeyNotFound.into())
}
