//! Changes of users.

use async_graphql::{Context, ID, InputObject, MaybeUndefined, Object};

use super::{
    manager,
    shapes::{id_inputs, payloads},
    users::User,
};
use crate::{
    domain::user::Identity,
    operations::{
        management::{
            recorded::{EDIT_USERS, Operation},
            user_parts::UserDetails,
            users::{self, NewUser},
        },
        mosaic_error::MosaicError,
    },
};

/// Under which name somebody who vouches for users will name one.
#[derive(InputObject)]
pub(super) struct UserIdentityInput {
    /// The identity connection.
    connection: String,
    /// The name there.
    subject_id: String,
}

/// What a user is made of.
#[derive(InputObject)]
pub(super) struct UserInput {
    /// E-mail address.
    email: Option<String>,
    /// Name.
    name: Option<String>,
    /// How the user will sign in; without it, nobody vouches for the user.
    identity: Option<UserIdentityInput>,
}

/// Input of `createUser`.
#[derive(InputObject)]
pub(super) struct CreateUserInput {
    /// The user.
    user: UserInput,
}

/// What is changed of a user. What is left out stays as it is; null takes it away.
#[derive(InputObject)]
pub(super) struct UserPatch {
    /// E-mail address.
    email: MaybeUndefined<String>,
    /// Name.
    name: MaybeUndefined<String>,
    /// A disabled user gets no tokens, and those that the user has are refused.
    enabled: Option<bool>,
}

/// Input of `updateUser`.
#[derive(InputObject)]
pub(super) struct UpdateUserInput {
    /// Which user.
    id: ID,
    /// What is changed of the user.
    patch: UserPatch,
}

id_inputs! {
    /// Input of `deleteUser`.
    DeleteUserInput;
}

/// Input of `setActiveProfile`.
#[derive(InputObject)]
pub(super) struct SetActiveProfileInput {
    /// Which user.
    user_id: ID,
    /// Which profile of the user.
    profile_id: ID,
}

payloads! {
    user: User, from UserDetails;
    /// Whom `createUser` made.
    CreateUserPayload;
    /// Whom `updateUser` changed.
    UpdateUserPayload;
    /// Whom `deleteUser` deleted, as the user was.
    DeleteUserPayload;
    /// The user with another active profile.
    SetActiveProfilePayload;
}

impl From<UserInput> for NewUser {
    fn from(input: UserInput) -> Self {
        let identity = input
            .identity
            .map(|identity| Identity { connection: identity.connection, subject_id: identity.subject_id });
        Self { email: input.email, name: input.name, identity }
    }
}

impl From<UserPatch> for users::UserPatch {
    fn from(patch: UserPatch) -> Self {
        Self { email: patch.email.into(), name: patch.name.into(), enabled: patch.enabled }
    }
}

/// What can be done with users.
#[derive(Default)]
pub(super) struct UserMutation;

fn edit<'a>(name: &'static str, id: &'a str) -> Operation<'a> {
    Operation { name, permission: EDIT_USERS, subject: Some(id) }
}

#[Object]
impl UserMutation {
    /// Makes a user with one profile. Needs `ax-user-service: USERS_EDIT`.
    async fn create_user(
        &self,
        ctx: &Context<'_>,
        input: CreateUserInput,
    ) -> Result<Option<CreateUserPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let operation = Operation { name: "createUser", permission: EDIT_USERS, subject: None };
        let work = users::create(manager.context, manager.environment, input.user.into());
        Ok(Some(manager.change(operation, work).await?.into()))
    }

    /// Changes a user. Needs `ax-user-service: USERS_EDIT`.
    async fn update_user(
        &self,
        ctx: &Context<'_>,
        input: UpdateUserInput,
    ) -> Result<Option<UpdateUserPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = users::update(manager.context, manager.environment, input.id.0.clone(), input.patch.into());
        Ok(Some(manager.change(edit("updateUser", &input.id), work).await?.into()))
    }

    /// Deletes a user with all profiles; the user's tokens are refused from now on. Needs `ax-user-service: USERS_EDIT`.
    async fn delete_user(
        &self,
        ctx: &Context<'_>,
        input: DeleteUserInput,
    ) -> Result<Option<DeleteUserPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let work = users::delete(manager.context, manager.environment, input.id.0.clone());
        Ok(Some(manager.change(edit("deleteUser", &input.id), work).await?.into()))
    }

    /// Makes a profile the one of tokens for which none is named; the next token carries it. Needs
    /// `ax-user-service: USERS_EDIT`.
    async fn set_active_profile(
        &self,
        ctx: &Context<'_>,
        input: SetActiveProfileInput,
    ) -> Result<Option<SetActiveProfilePayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let (user_id, profile_id) = (input.user_id.0.clone(), input.profile_id.0);
        let work = users::set_active_profile(manager.context, manager.environment, user_id, profile_id);
        Ok(Some(manager.change(edit("setActiveProfile", &input.user_id), work).await?.into()))
    }
}
