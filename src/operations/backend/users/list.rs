//! Lists of users.

use std::collections::BTreeMap;

use super::{Account, Scope, UserError};
use crate::{
    domain::{
        login::KnownIdentifier,
        user::{MAX_TEXT, User, is_text},
    },
    store::{
        Conn, StoreError,
        passwords::{self, StoredPassword},
        user_applications, user_details, user_identifiers, user_listing,
        user_listing::Listing,
    },
};

/// The most users on a page. Each may have a hundred kilobytes of custom data.
pub const MAX_PAGE: i64 = 100;

/// Some users.
#[derive(Debug)]
pub struct Found {
    /// Those of the page.
    pub accounts: Vec<Account>,
    /// How many there are in all.
    pub total: i64,
}

/// Those whom `scope` sees and `listing` lets through: `limit` of them, after the first `offset`.
///
/// # Errors
/// The database failed.
pub fn list(
    conn: &mut Conn<'_>,
    scope: &Scope,
    listing: &Listing,
    limit: i64,
    offset: i64,
) -> Result<Found, UserError> {
    let Some(listing) = seen(scope, listing) else { return Ok(Found { accounts: Vec::new(), total: 0 }) };
    let total = user_listing::count(conn, &scope.environment_id, &listing)?;
    let users = user_listing::list(conn, &scope.environment_id, &listing, limit.clamp(0, MAX_PAGE), offset)?;
    Ok(Found { accounts: with_all(conn, scope, users)?, total })
}

/// How many `scope` sees.
///
/// # Errors
/// The database failed.
pub fn count(conn: &mut Conn<'_>, scope: &Scope, listing: &Listing) -> Result<i64, UserError> {
    let Some(listing) = seen(scope, listing) else { return Ok(0) };
    Ok(user_listing::count(conn, &scope.environment_id, &listing)?)
}

/// `None` where nobody can be found: Postgres calls a NUL an error.
fn seen(scope: &Scope, listing: &Listing) -> Option<Listing> {
    if listing.prefix.as_deref().is_some_and(|prefix| !is_text(prefix, MAX_TEXT)) {
        return None;
    }
    let prefix = listing.prefix.as_deref().map(str::to_ascii_lowercase);
    Some(Listing { application_id: scope.application_id.clone(), prefix, ..listing.clone() })
}

/// One statement for each kind of thing that belongs to users, however many users there are.
fn with_all(conn: &mut Conn<'_>, scope: &Scope, users: Vec<User>) -> Result<Vec<Account>, StoreError> {
    let ids: Vec<String> = users.iter().map(|user| user.id.clone()).collect();
    let mut stored = user_details::of_users(conn, &scope.environment_id, &ids)?;
    let mut identifiers: BTreeMap<String, Vec<KnownIdentifier>> = BTreeMap::new();
    for (user_id, identifier) in user_identifiers::of_users(conn, &scope.environment_id, &ids)? {
        identifiers.entry(user_id).or_default().push(identifier);
    }
    let mut memberships = BTreeMap::<String, Vec<_>>::new();
    for (user_id, membership) in user_applications::of_users(conn, &ids)? {
        memberships.entry(user_id).or_default().push(membership);
    }
    let mut kept: BTreeMap<String, StoredPassword> = passwords::of_users(conn, &ids)?.into_iter().collect();
    let accounts = users.into_iter().map(|user| Account {
        stored: stored.remove(&user.id).unwrap_or_default(),
        identifiers: identifiers.remove(&user.id).unwrap_or_default(),
        memberships: memberships.remove(&user.id).unwrap_or_default(),
        password: kept.remove(&user.id),
        // Nothing of a listed user is written.
        has_identities: true,
        is_joining: false,
        user,
    });
    Ok(accounts.collect())
}
