//! The profiles of users: create, change, delete. They are listed with their user.

use super::{
    Place,
    applications::replace,
    change_users,
    checks::{self, invalid, not_found},
    recorded::Subject,
    users::stored as stored_user,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        random::random_uuid,
        user::{MAX_PROFILES, MAX_TEXT, Profile},
    },
    operations::{
        context::Context,
        facts::{Changed, Known as _},
        mosaic_error::MosaicError,
    },
    store::{Conn, profiles},
};

/// What a profile is made of.
#[derive(Debug, Clone, Default)]
pub struct NewProfile {
    /// What callers know it by; unique among the profiles of the user.
    pub unique_identifier: Option<String>,
    /// For people.
    pub display_name: Option<String>,
    /// For people.
    pub picture_url: Option<String>,
}

/// What is changed of a profile; `None` stays as it is, `Some(None)` is taken away.
#[derive(Debug, Clone, Default)]
pub struct ProfilePatch {
    /// What callers know it by.
    pub unique_identifier: Option<Option<String>>,
    /// For people.
    pub display_name: Option<Option<String>>,
    /// For people.
    pub picture_url: Option<Option<String>>,
}

impl Subject for Profile {
    fn subject(&self) -> &str {
        &self.id
    }
}

/// Gives a user another profile.
///
/// # Errors
/// An argument is invalid, there is no such user, the user has a profile of that unique identifier, there are too many, or
/// the database fails.
pub async fn create(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: String,
    new: NewProfile,
) -> Result<Changed<Profile>, MosaicError> {
    checks::id(&user_id)?;
    check([&new.unique_identifier, &new.display_name], new.picture_url.as_deref())?;
    let id = random_uuid(&*context.random)?;
    change_users(context, environment, move |conn, place| {
        let user = stored_user(conn, place, &user_id)?;
        if profiles::of_user(conn, &user.id)?.len() >= MAX_PROFILES {
            return Err(invalid("profile", &format!("is one too many: a user has at most {MAX_PROFILES}")));
        }
        let profile = Profile {
            id,
            user_id: user.id,
            unique_identifier: new.unique_identifier,
            display_name: new.display_name,
            picture_url: new.picture_url,
            created_at: place.now,
        };
        profiles::insert(conn, &profile)?;
        Ok(Changed::made(profile))
    })
    .await
}

/// Changes a profile.
///
/// # Errors
/// An argument is invalid, there is no such profile, its user has another one of the new unique identifier, or the database
/// fails.
pub async fn update(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
    patch: ProfilePatch,
) -> Result<Changed<Profile>, MosaicError> {
    checks::id(&id)?;
    let texts = [&patch.unique_identifier, &patch.display_name].map(|text| text.clone().flatten());
    check(texts.each_ref(), patch.picture_url.as_ref().and_then(Option::as_deref))?;
    change_users(context, environment, move |conn, place| {
        let mut profile = stored(conn, place, &id)?;
        let before = profile.facts();
        replace(&mut profile.unique_identifier, patch.unique_identifier);
        replace(&mut profile.display_name, patch.display_name);
        replace(&mut profile.picture_url, patch.picture_url);
        profiles::update(conn, &profile)?;
        Ok(Changed::edited(&before, profile))
    })
    .await
}

/// Deletes a profile, and gives what it was. Not the active one: a user without one could not get a token.
///
/// # Errors
/// There is no such profile, it is the active one, or the database fails.
pub async fn delete(
    context: &Context,
    environment: &EnvironmentSnapshot,
    id: String,
) -> Result<Changed<Profile>, MosaicError> {
    checks::id(&id)?;
    change_users(context, environment, move |conn, place| {
        let profile = stored(conn, place, &id)?;
        if stored_user(conn, place, &profile.user_id)?.active_profile_id == id {
            return Err(invalid("id", "is that of the active profile: make another one active first"));
        }
        profiles::delete(conn, &id)?;
        Ok(Changed::removed(profile))
    })
    .await
}

/// The profile with this id, of a user of the environment.
fn stored(conn: &mut Conn<'_>, place: &Place, id: &str) -> Result<Profile, MosaicError> {
    profiles::in_environment(conn, &place.environment_id, id)?.ok_or_else(not_found)
}

fn check(
    [unique_identifier, display_name]: [&Option<String>; 2],
    picture_url: Option<&str>,
) -> Result<(), MosaicError> {
    checks::optional_text("uniqueProfileIdentifier", unique_identifier.as_deref(), MAX_TEXT)?;
    checks::optional_text("displayName", display_name.as_deref(), MAX_TEXT)?;
    picture_url.map_or(Ok(()), |url| checks::web_url("profilePictureUrl", url))
}
