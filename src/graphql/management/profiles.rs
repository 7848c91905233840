//! Changes of profiles. They are listed with their user.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    manager,
    shapes::{id_inputs, payloads},
    users::Profile,
};
use crate::{
    domain,
    operations::{
        management::{
            profiles::{self, NewProfile},
            recorded::{EDIT_USERS, Operation},
        },
        mosaic_error::MosaicError,
    },
};

/// What a profile is made of.
#[derive(InputObject)]
pub(super) struct ProfileInput {
    /// What callers know it by; unique among the profiles of the user.
    unique_profile_identifier: Option<String>,
    /// For people.
    display_name: Option<String>,
    /// For people: an http or https URL.
    profile_picture_url: Option<String>,
}

/// Input of `createProfile`.
#[derive(InputObject)]
pub(super) struct CreateProfileInput {
    /// Whose it is to be.
    user_id: ID,
    /// The profile.
    profile: ProfileInput,
}

/// What is changed of a profile. What is left out stays as it is; null takes it away.
#[derive(InputObject)]
pub(super) struct ProfilePatch {
    /// What callers know it by; unique among the profiles of the user.
    unique_profile_identifier: MaybeUndefined<String>,
    /// For people.
    display_name: MaybeUndefined<String>,
    /// For people: an http or https URL.
    profile_picture_url: MaybeUndefined<String>,
}

/// Input of `updateProfile`.
#[derive(InputObject)]
pub(super) struct UpdateProfileInput {
    /// Which profile.
    id: ID,
    /// What is changed of it.
    patch: ProfilePatch,
}

id_inputs! {
    /// Input of `deleteProfile`.
    DeleteProfileInput;
}

payloads! {
    profile: Profile, from domain::user::Profile;
    /// What `createProfile` made.
    CreateProfilePayload;
    /// What `updateProfile` changed.
    UpdateProfilePayload;
    /// What `deleteProfile` deleted, as it was.
    DeleteProfilePayload;
}

impl From<ProfileInput> for NewProfile {
    fn from(input: ProfileInput) -> Self {
        Self {
            unique_identifier: input.unique_profile_identifier,
            display_name: input.display_name,
            picture_url: input.profile_picture_url,
        }
    }
}

impl From<ProfilePatch> for profiles::ProfilePatch {
    fn from(patch: ProfilePatch) -> Self {
        Self {
            unique_identifier: patch.unique_profile_identifier.into(),
            display_name: patch.display_name.into(),
            picture_url: patch.profile_picture_url.into(),
        }
    }
}

/// What can be done with profiles.
#[derive(Default)]
pub(super) struct ProfileMutation;

fn edit<'a>(name: &'static str, id: &'a str) -> Operation<'a> {
    Operation { name, permission: EDIT_USERS, subject: Some(id) }
}

#[Object]
impl ProfileMutation {
    /// Gives a user another profile; a user has at most 100. Needs `ax-user-service: USERS_EDIT`.
    async fn create_profile(
        &self,
        ctx: &Context<'_>,
        input: CreateProfileInput,
    ) -> Result<Option<CreateProfilePayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work =
            profiles::create(manager.context, manager.environment, input.user_id.0.clone(), input.profile.into());
        Ok(Some(manager.change(edit("createProfile", &input.user_id), work).await?.into()))
    }

    /// Changes a profile. Needs `ax-user-service: USERS_EDIT`.
    async fn update_profile(
        &self,
        ctx: &Context<'_>,
        input: UpdateProfileInput,
    ) -> Result<Option<UpdateProfilePayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = profiles::update(manager.context, manager.environment, input.id.0.clone(), input.patch.into());
        Ok(Some(manager.change(edit("updateProfile", &input.id), work).await?.into()))
    }

    /// Deletes a profile that is not the active one of its user. Needs `ax-user-service: USERS_EDIT`.
    async fn delete_profile(
        &self,
        ctx: &Context<'_>,
        input: DeleteProfileInput,
    ) -> Result<Option<DeleteProfilePayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = profiles::delete(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("deleteProfile", &input.id), work).await?.into()))
    }
}
