//! Changes of how users sign in behind applications' backends.

use async_graphql::{Context, ID, InputObject, Object};

use super::{
    manager,
    shapes::payloads,
    users::{User, UserIdentifierKind},
};
use crate::operations::{
    management::{
        recorded::{EDIT_USERS, Operation},
        user_parts::UserDetails,
        user_sign_in::{NewIdentifier, SignInChange, change_sign_in},
    },
    mosaic_error::MosaicError,
};

/// By what a user is found.
#[derive(InputObject)]
pub(super) struct UserIdentifierInput {
    /// What it is.
    kind: UserIdentifierKind,
    /// It.
    value: String,
    /// The application that knows the user by it: of user names alone, which need one.
    application_id: Option<ID>,
}

/// Input of `addUserIdentifier`.
#[derive(InputObject)]
pub(super) struct AddUserIdentifierInput {
    /// Which user.
    user_id: ID,
    /// By what the user is to be found. The first of its kind is the primary one.
    identifier: UserIdentifierInput,
    /// Whether you have made sure that it is the user's.
    #[graphql(default)]
    verified: bool,
}

/// Input of `removeUserIdentifier`.
#[derive(InputObject)]
pub(super) struct RemoveUserIdentifierInput {
    /// Which user.
    user_id: ID,
    /// By what the user is not to be found any more.
    identifier: UserIdentifierInput,
}

/// Input of `addUserToApplication`.
#[derive(InputObject)]
pub(super) struct AddUserToApplicationInput {
    /// Which user.
    user_id: ID,
    /// Which application.
    application_id: ID,
}

/// Input of `removeUserFromApplication`.
#[derive(InputObject)]
pub(super) struct RemoveUserFromApplicationInput {
    /// Which user.
    user_id: ID,
    /// Which application.
    application_id: ID,
}

payloads! {
    user: User, from UserDetails;
    /// The user with one more identifier.
    AddUserIdentifierPayload;
    /// The user without it.
    RemoveUserIdentifierPayload;
    /// The user, who may sign in to one more application.
    AddUserToApplicationPayload;
    /// The user, who may sign in to one less.
    RemoveUserFromApplicationPayload;
}

impl From<UserIdentifierInput> for NewIdentifier {
    fn from(input: UserIdentifierInput) -> Self {
        let application_id = input.application_id.map(|id| id.0);
        Self { kind: input.kind.into(), text: input.value, application_id }
    }
}

/// What can be done with how users sign in.
#[derive(Default)]
pub(super) struct UserSignInMutation;

async fn change(
    ctx: &Context<'_>,
    name: &'static str,
    user_id: ID,
    change: SignInChange,
) -> Result<UserDetails, MosaicError> {
    let manager = manager(ctx).await?;
    let operation = Operation { name, permission: EDIT_USERS, subject: Some(&user_id) };
    manager.change(operation, change_sign_in(manager.context, manager.environment, user_id.0.clone(), change)).await
}

#[Object]
impl UserSignInMutation {
    /// Lets a user be found by one more identifier when signing in behind an application's backend. Needs
    /// `ax-user-service: USERS_EDIT`.
    async fn add_user_identifier(
        &self,
        ctx: &Context<'_>,
        input: AddUserIdentifierInput,
    ) -> Result<Option<AddUserIdentifierPayload>, MosaicError> {
        let added = SignInChange::Add(input.identifier.into(), input.verified);
        Ok(Some(change(ctx, "addUserIdentifier", input.user_id, added).await?.into()))
    }

    /// Lets a user not be found by an identifier any more. The primary one goes last. Needs `ax-user-service: USERS_EDIT`.
    async fn remove_user_identifier(
        &self,
        ctx: &Context<'_>,
        input: RemoveUserIdentifierInput,
    ) -> Result<Option<RemoveUserIdentifierPayload>, MosaicError> {
        let removed = SignInChange::Remove(input.identifier.into());
        Ok(Some(change(ctx, "removeUserIdentifier", input.user_id, removed).await?.into()))
    }

    /// Lets the backend of an application sign a user in. Needs `ax-user-service: USERS_EDIT`.
    async fn add_user_to_application(
        &self,
        ctx: &Context<'_>,
        input: AddUserToApplicationInput,
    ) -> Result<Option<AddUserToApplicationPayload>, MosaicError> {
        let joined = SignInChange::Join(input.application_id.0);
        Ok(Some(change(ctx, "addUserToApplication", input.user_id, joined).await?.into()))
    }

    /// Lets it do so no more; sessions that the application takes part in end. Needs `ax-user-service: USERS_EDIT`.
    async fn remove_user_from_application(
        &self,
        ctx: &Context<'_>,
        input: RemoveUserFromApplicationInput,
    ) -> Result<Option<RemoveUserFromApplicationPayload>, MosaicError> {
        let left = SignInChange::Leave(input.application_id.0);
        Ok(Some(change(ctx, "removeUserFromApplication", input.user_id, left).await?.into()))
    }
}
