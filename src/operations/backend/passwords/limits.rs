//! How often passwords are looked at for those who show nothing else.

use super::check::Guesser;
use crate::{
    domain::{address::network_of, login::preferences::PasswordPreferences},
    operations::backend::{call::Call, codes::count_in, error::ApiError},
    store::sendings::SendLimit,
};

/// The most passwords from one network in a [`WINDOW`] without a client's token. A large office may be behind one address, or all users
/// behind a backend's proxy; and nobody fills the queue of passwords, or locks one user out after the other.
const MOST_PER_NETWORK: u32 = 300;
const WINDOW: i64 = 60;

/// Counts a password that anybody has sent, and says where it came from.
///
/// # Errors
/// [`TooManyRequests`](super::ApiCode::TooManyRequests), or the database failed.
pub async fn count_in_public(call: &Call) -> Result<Guesser, ApiError> {
    // Those whose address is not known count together.
    let network = call.client_address.map(|address| network_of(address).to_string()).unwrap_or_default();
    let limit = SendLimit { kind: "public_passwords", holder: network.clone(), most: MOST_PER_NETWORK, window: WINDOW };
    count(call, limit).await?;
    Ok(Guesser::Stranger(network))
}

/// Counts a password of which somebody only asks whether the user could have it. The answer says whether it is the present one, so
/// there are no more of these than of wrong ones at the sign-in.
///
/// # Errors
/// [`TooManyRequests`](super::ApiCode::TooManyRequests), or the database failed.
pub async fn count_validation(call: &Call, preferences: &PasswordPreferences, user_id: &str) -> Result<(), ApiError> {
    let (most, window) = (preferences.max_password_failures, preferences.failures_expire_in.saturating_mul(60));
    count(call, SendLimit { kind: "password_validations", holder: user_id.to_owned(), most, window }).await
}

async fn count(call: &Call, limit: SendLimit) -> Result<(), ApiError> {
    let (environment_id, now) = (call.environment_id().to_owned(), call.now());
    let work =
        call.context.catalog.work(move |store| store.transact(|conn| count_in(conn, &environment_id, &[limit], now)));
    Ok(work.await?)
}
