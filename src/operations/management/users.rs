//! Users: create, change, delete, list.

use super::{
    Place,
    applications::replace,
    change_users,
    checks::{self, Page, invalid, not_found},
    look_up,
    user_parts::{UserDetails, Wanted, details, with_details},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        random::random_uuid,
        user::{Identity, MAX_SUBJECT_ID, MAX_TEXT, Profile, User},
    },
    operations::{
        backend::{session::end_all_in, users::status_changed},
        context::Context,
        facts::{Changed, Known as _},
        mosaic_error::MosaicError,
    },
    store::{
        Conn, identity_connections, profiles, user_identities,
        users::{self, UserFilter},
    },
};

/// Some users, and whether there are more.
#[derive(Debug)]
pub struct Users {
    /// Those of the page.
    pub nodes: Vec<UserDetails>,
    /// Whether others follow.
    pub has_more: bool,
}

/// What a user is made of.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// E-mail address.
    pub email: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Under which name somebody who vouches for users will name this one.
    pub identity: Option<Identity>,
}

/// What is changed of a user; `None` stays as it is, `Some(None)` is taken away.
#[derive(Debug, Clone, Default)]
pub struct UserPatch {
    /// E-mail address.
    pub email: Option<Option<String>>,
    /// Name.
    pub name: Option<Option<String>>,
    /// Whether the user gets tokens, and those that the user has are good.
    pub enabled: Option<bool>,
}

/// The users of the environment that `filter` lets through, oldest first.
///
/// # Errors
/// The database fails.
pub async fn list(
    context: &Context,
    environment: &EnvironmentSnapshot,
    filter: UserFilter,
    page: Page,
    wanted: Wanted,
) -> Result<Users, MosaicError> {
    let texts = [&filter.email, &filter.connection, &filter.subject_id];
    if texts.into_iter().flatten().any(|text| text.contains('\0')) {
        // Nobody has it, and Postgres would call it an error.
        return Ok(Users { nodes: Vec::new(), has_more: false });
    }
    look_up(context, environment, move |conn, id| {
        // One more tells whether there are more; to count them all would cost more the more there are.
        let mut found = users::list(conn, id, &filter, page.first + 1, page.offset)?;
        let has_more = found.len() > usize::try_from(page.first).unwrap_or(0);
        if has_more {
            found.pop();
        }
        Ok(Users { nodes: with_details(conn, id, found, wanted)?, has_more })
    })
    .await
}

/// The user with this id; `None` if the environment has none.
///
/// # Errors
/// The database fails.
pub async fn find(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Option<UserDetails>, MosaicError> {
    if checks::id(&id).is_err() {
        return Ok(None);
    }
    look_up(context, environment, move |conn, environment_id| match users::find(conn, environment_id, &id)? {
        Some(user) => details(conn, environment_id, user).map(Some),
        None => Ok(None),
    })
    .await
}

/// Makes a user with one profile.
///
/// # Errors
/// An argument is invalid, there is no such identity connection, somebody has that identity, or the database fails.
pub async fn create(
    context: &Context,
    environment: &EnvironmentSnapshot,
    new: NewUser,
) -> Result<Changed<UserDetails>, MosaicError> {
    check(new.email.as_deref(), new.name.as_deref())?;
    if let Some(identity) = &new.identity {
        checks::text("connection", &identity.connection, MAX_TEXT)?;
        checks::text("subjectId", &identity.subject_id, MAX_SUBJECT_ID)?;
    }
    let place = Place::of(context, environment);
    let profile_id = random_uuid(&*context.random)?;
    let user = User {
        id: random_uuid(&*context.random)?,
        email: new.email,
        name: new.name,
        enabled: true,
        active_profile_id: profile_id.clone(),
        created_at: place.now,
        updated_at: place.now,
    };
    let profile = Profile {
        id: profile_id,
        user_id: user.id.clone(),
        unique_identifier: None,
        display_name: None,
        picture_url: None,
        created_at: place.now,
    };
    let made = UserDetails {
        user,
        identities: new.identity.into_iter().collect(),
        profiles: vec![profile],
        identifiers: Vec::new(),
        applications: Vec::new(),
    };
    // No node can remember anything of one who was not there.
    let inserted = context.catalog.change(move |store| store.transact(|conn| insert(conn, &place, made))).await;
    inserted.map(Changed::made)
}

fn insert(conn: &mut Conn<'_>, place: &Place, made: UserDetails) -> Result<UserDetails, MosaicError> {
    let environment_id = &place.environment_id;
    users::insert(conn, environment_id, &made.user)?;
    for profile in &made.profiles {
        profiles::insert(conn, profile)?;
    }
    for identity in &made.identities {
        let connections = identity_connections::list(conn, environment_id)?;
        if !connections.iter().any(|stored| stored.connection.name == identity.connection) {
            return Err(invalid("connection", "names no identity connection"));
        }
        user_identities::insert(conn, environment_id, identity, &made.user.id, place.now)?;
    }
    Ok(made)
}

/// Changes a user. The tokens of one who is disabled are refused from now on, and login sessions end.
///
/// # Errors
/// An argument is invalid, there is no such user, or the database fails.
pub async fn update(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    patch: UserPatch,
) -> Result<Changed<UserDetails>, MosaicError> {
    check(patch.email.as_ref().and_then(Option::as_deref), patch.name.as_ref().and_then(Option::as_deref))?;
    let (environment_id, now) = (environment.environment.id.clone(), context.clock.now());
    edit(context, environment, id, move |conn, user| {
        replace(&mut user.email, patch.email);
        replace(&mut user.name, patch.name);
        replace(&mut user.enabled, patch.enabled);
        if !user.enabled {
            end_all_in(conn, &environment_id, &user.id, now)?;
        }
        Ok(())
    })
    .await
}

/// Makes a profile the one of tokens for which none is named; the next token carries it.
///
/// # Errors
/// There is no such user, the user has no such profile, or the database fails.
pub async fn set_active_profile(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
    profile_id: String,
) -> Result<Changed<UserDetails>, MosaicError> {
    checks::id(&profile_id)?;
    edit(context, environment, user_id, move |conn, user| {
        let own = profiles::of_user(conn, &user.id)?;
        let profile = own.into_iter().find(|profile| profile.id == profile_id).ok_or_else(not_found)?;
        user.active_profile_id = profile.id;
        Ok(())
    })
    .await
}

/// Deletes a user with profiles and identities, and gives what there was. The user's tokens are refused from now on.
///
/// # Errors
/// There is no such user, or the database fails.
pub async fn delete(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<UserDetails>, MosaicError> {
    checks::id(&id)?;
    change_users(context, environment, move |conn, place| {
        let user = stored(conn, place, &id)?;
        let details = details(conn, &place.environment_id, user)?;
        end_all_in(conn, &place.environment_id, &id, place.now)?;
        users::delete(conn, &place.environment_id, &id)?;
        Ok(Changed::removed(details))
    })
    .await
}

async fn edit(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    work: impl FnOnce(&mut Conn<'_>, &mut User) -> Result<(), MosaicError> + Send + 'static,
) -> Result<Changed<UserDetails>, MosaicError> {
    checks::id(&id)?;
    change_users(context, environment, move |conn, place| {
        let user = stored(conn, place, &id)?;
        let mut details = details(conn, &place.environment_id, user)?;
        let (before, was_enabled) = (details.facts(), details.user.enabled);
        work(conn, &mut details.user)?;
        if details.user.enabled != was_enabled {
            status_changed(conn, &place.environment_id, &id, details.user.enabled, place.now)?;
        }
        details.user.updated_at = place.now;
        users::update(conn, &place.environment_id, &details.user)?;
        Ok(Changed::edited(&before, details))
    })
    .await
}

/// The user with this id.
pub(super) fn stored(conn: &mut Conn<'_>, place: &Place, id: &str) -> Result<User, MosaicError> {
    users::find(conn, &place.environment_id, id)?.ok_or_else(not_found)
}

fn check(email: Option<&str>, name: Option<&str>) -> Result<(), MosaicError> {
    checks::optional_text("email", email, MAX_TEXT)?;
    checks::optional_text("name", name, MAX_TEXT)
}
