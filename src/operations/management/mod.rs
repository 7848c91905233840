//! What an environment consists of, changed by whoever has the permission: applications, identity connections, users with
//! their profiles, service accounts, and the permissions that services define.
//!
//! Each function works in one environment, that of the caller's token. An id of another environment is looked for and not
//! found like one that nobody has.

pub mod applications;
pub mod authority;
pub mod checks;
pub mod connections;
pub mod foreign;
pub mod permissions;
pub mod profiles;
pub mod recorded;
pub mod revocations;
pub mod service_account_secrets;
pub mod service_accounts;
pub mod sessions;
pub mod user_parts;
pub mod user_sign_in;
pub mod users;
pub mod webhooks;

use super::{
    context::Context,
    mosaic_error::{MosaicCode, MosaicError},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::random::RandomError,
    jose::error::JoseError,
    store::{Conn, StoreError, environments},
};

/// What those who made a thing of that name before are told. Clients recognise it by this text.
const DUPLICATE: &str =
    "Attempt to create or update an element failed, as it would have resulted in a duplicate element.";

impl From<StoreError> for MosaicError {
    fn from(error: StoreError) -> Self {
        let refusal = match &error {
            StoreError::Conflict(_) => Self::new(MosaicCode::UniqueConstraintError, DUPLICATE),
            StoreError::Unavailable(_) => MosaicCode::ServiceUnavailable.into(),
            _ => MosaicCode::InternalError.into(),
        };
        refusal.with_detail(error.to_string())
    }
}

impl From<RandomError> for MosaicError {
    fn from(error: RandomError) -> Self {
        Self::from(MosaicCode::InternalError).with_detail(error.to_string())
    }
}

impl From<JoseError> for MosaicError {
    fn from(error: JoseError) -> Self {
        Self::from(MosaicCode::InternalError).with_detail(error.to_string())
    }
}

/// Where and when a change is made.
struct Place {
    environment_id: String,
    /// Seconds since 1970.
    now: i64,
}

impl Place {
    fn of(context: &Context, environment: &EnvironmentSnapshot) -> Self {
        Self { environment_id: environment.environment.id.clone(), now: context.clock.now() }
    }
}

/// What the database says of the environment with the id that `work` gets.
async fn look_up<T: Send + 'static>(
    context: &Context,
    environment: &EnvironmentSnapshot,
    work: impl FnOnce(&mut Conn<'_>, &str) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, MosaicError> {
    let id = environment.environment.id.clone();
    Ok(context.catalog.look_up(move |store| store.snapshot(|conn| work(conn, &id))).await?)
}

/// Changes the environment in one transaction. This node knows it when the caller goes on, the others hear of it.
async fn change<T: Send + 'static>(
    context: &Context,
    environment: &EnvironmentSnapshot,
    work: impl FnOnce(&mut Conn<'_>, &Place) -> Result<T, MosaicError> + Send + 'static,
) -> Result<T, MosaicError> {
    let place = Place::of(context, environment);
    let in_transaction = move |conn: &mut Conn<'_>| {
        // First, so that two changes at once wait for each other.
        if !environments::touch(conn, &place.environment_id, place.now)? {
            return Err(MosaicCode::EnvironmentNotFound.into());
        }
        work(conn, &place)
    };
    context.catalog.change(move |store| store.transact(in_transaction)).await
}

/// The same for users that were there already: what the nodes know of everything else stays.
async fn change_users<T: Send + 'static>(
    context: &Context,
    environment: &EnvironmentSnapshot,
    work: impl FnOnce(&mut Conn<'_>, &Place) -> Result<T, MosaicError> + Send + 'static,
) -> Result<T, MosaicError> {
    let place = Place::of(context, environment);
    let in_transaction = move |conn: &mut Conn<'_>| {
        environments::touch_users(conn, &place.environment_id)?;
        work(conn, &place)
    };
    let done = context.catalog.change(move |store| store.transact(in_transaction)).await;
    // Also where the catalog could not be renewed, and on the snapshot of now: that of the request may be an old one.
    if let Some(current) = context.catalog.environment_by_id(&environment.environment.id) {
        current.forget_users();
    }
    done
}
