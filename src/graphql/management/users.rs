//! Users and their profiles, as they are shown.

use async_graphql::{Context, Enum, ID, InputObject, Object, SimpleObject};

use super::{
    list::{PageInfo, StringFilter, page_cost},
    manager,
};
use crate::{
    domain::{
        self,
        login::{IdentifierKind, KnownIdentifier},
        timestamp::iso_8601,
    },
    operations::{
        management::{
            checks::Page,
            recorded::VIEW_USERS,
            user_parts::{UserDetails, Wanted},
            users,
        },
        mosaic_error::MosaicError,
    },
    store,
};

/// What the profiles of a listed user cost: there may be a hundred.
const PROFILES_COST: usize = 25;

/// An end user.
pub(super) struct User(UserDetails);

#[Object]
impl User {
    /// UUID: `sub` of the user's tokens.
    async fn id(&self) -> ID {
        ID(self.0.user.id.clone())
    }

    /// As last heard from whoever vouches for the user.
    async fn email(&self) -> Option<&str> {
        self.0.user.email.as_deref()
    }

    /// As last heard from whoever vouches for the user.
    async fn name(&self) -> Option<&str> {
        self.0.user.name.as_deref()
    }

    /// A disabled user gets no tokens, and those that the user has are refused.
    async fn enabled(&self) -> bool {
        self.0.user.enabled
    }

    /// The profile of tokens for which none is named.
    async fn active_profile_id(&self) -> ID {
        ID(self.0.user.active_profile_id.clone())
    }

    /// ISO 8601, in UTC.
    async fn created_at(&self) -> String {
        time(self.0.user.created_at)
    }

    /// ISO 8601, in UTC.
    async fn updated_at(&self) -> String {
        time(self.0.user.updated_at)
    }

    /// Under which names others know the user.
    async fn identities(&self) -> Vec<UserIdentity> {
        self.0.identities.iter().cloned().map(Into::into).collect()
    }

    /// By what the user is found when signing in behind an application's backend. Nobody is found by `email` alone.
    async fn identifiers(&self) -> Vec<UserIdentifier> {
        self.0.identifiers.iter().cloned().map(Into::into).collect()
    }

    /// The applications whose backends may sign the user in.
    async fn application_ids(&self) -> Vec<ID> {
        self.0.applications.iter().cloned().map(ID).collect()
    }

    /// The user's profiles, oldest first.
    #[graphql(complexity = "PROFILES_COST * child_complexity")]
    async fn profiles(&self) -> Vec<Profile> {
        self.0.profiles.iter().cloned().map(Into::into).collect()
    }
}

impl From<UserDetails> for User {
    fn from(details: UserDetails) -> Self {
        Self(details)
    }
}

/// Under which name somebody who vouches for users knows one.
#[derive(SimpleObject)]
pub(super) struct UserIdentity {
    /// The identity connection.
    connection: String,
    /// The name there.
    subject_id: String,
}

impl From<domain::user::Identity> for UserIdentity {
    fn from(identity: domain::user::Identity) -> Self {
        Self { connection: identity.connection, subject_id: identity.subject_id }
    }
}

/// What an identifier is.
#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum UserIdentifierKind {
    /// An e-mail address.
    Email,
    /// A telephone number (E.164).
    PhoneNumber,
    /// A name by which one application knows the user.
    Username,
    /// What the applications' own system calls the user.
    ExternalUserId,
}

impl From<UserIdentifierKind> for IdentifierKind {
    fn from(kind: UserIdentifierKind) -> Self {
        match kind {
            UserIdentifierKind::Email => IdentifierKind::Email,
            UserIdentifierKind::PhoneNumber => IdentifierKind::PhoneNumber,
            UserIdentifierKind::Username => IdentifierKind::Username,
            UserIdentifierKind::ExternalUserId => IdentifierKind::ExternalUserId,
        }
    }
}

/// By what a user is found.
#[derive(SimpleObject)]
pub(super) struct UserIdentifier {
    /// What it is.
    kind: UserIdentifierKind,
    /// As it was given.
    value: String,
    /// Whether it is the one of its kind that is written to.
    primary: bool,
    /// When the user was shown to have it: ISO 8601, in UTC.
    verified_at: Option<String>,
    /// The application that knows the user by it; of user names alone.
    application_id: Option<ID>,
}

impl From<KnownIdentifier> for UserIdentifier {
    fn from(known: KnownIdentifier) -> Self {
        let kind = match known.kind {
            IdentifierKind::Email => UserIdentifierKind::Email,
            IdentifierKind::PhoneNumber => UserIdentifierKind::PhoneNumber,
            IdentifierKind::Username => UserIdentifierKind::Username,
            // The user's own id is no row.
            IdentifierKind::ExternalUserId | IdentifierKind::UserId => UserIdentifierKind::ExternalUserId,
        };
        Self {
            kind,
            value: known.shown,
            primary: known.is_primary,
            verified_at: known.verified_at.map(time),
            application_id: Some(known.application_id).filter(|id| !id.is_empty()).map(ID),
        }
    }
}

/// One of the faces of a user, such as the members of a household have.
#[derive(SimpleObject)]
pub(super) struct Profile {
    /// UUID: `profileId` of tokens.
    id: ID,
    /// Whose it is.
    user_id: ID,
    /// What callers know it by; unique among the profiles of the user.
    unique_profile_identifier: Option<String>,
    /// For people.
    display_name: Option<String>,
    /// For people.
    profile_picture_url: Option<String>,
    /// ISO 8601, in UTC.
    created_at: String,
}

impl From<domain::user::Profile> for Profile {
    fn from(profile: domain::user::Profile) -> Self {
        Self {
            id: ID(profile.id),
            user_id: ID(profile.user_id),
            unique_profile_identifier: profile.unique_identifier,
            display_name: profile.display_name,
            profile_picture_url: profile.picture_url,
            created_at: time(profile.created_at),
        }
    }
}

/// As times are shown.
pub(super) fn time(seconds: i64) -> String {
    iso_8601(seconds.saturating_mul(1000))
}

/// Some users.
#[derive(SimpleObject)]
pub(super) struct UsersConnection {
    /// Those of the page, oldest first.
    nodes: Vec<User>,
    /// Whether the list goes on. How many there are in all is not counted.
    page_info: PageInfo,
}

/// Which users are listed.
#[derive(InputObject, Default)]
pub(super) struct UserFilter {
    /// Those with this e-mail address.
    email: Option<StringFilter>,
    /// Those whom this identity connection knows …
    connection: Option<StringFilter>,
    /// … under this name.
    subject_id: Option<StringFilter>,
}

impl From<UserFilter> for store::users::UserFilter {
    fn from(filter: UserFilter) -> Self {
        Self {
            email: StringFilter::equal(filter.email),
            connection: StringFilter::equal(filter.connection),
            subject_id: StringFilter::equal(filter.subject_id),
        }
    }
}

/// What can be asked about users.
#[derive(Default)]
pub(super) struct UserQuery;

#[Object]
impl UserQuery {
    /// The users of the environment, oldest first; at most 100 at once. Needs `ax-user-service: USERS_VIEW`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn users(
        &self,
        ctx: &Context<'_>,
        filter: Option<UserFilter>,
        first: Option<i32>,
        offset: Option<i32>,
    ) -> Result<Option<UsersConnection>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_USERS)?;
        let page = Page::new(first, offset)?;
        let nodes = ctx.look_ahead().field("nodes");
        let wanted = Wanted {
            identities: nodes.field("identities").exists(),
            profiles: nodes.field("profiles").exists(),
            sign_in: nodes.field("identifiers").exists() || nodes.field("applicationIds").exists(),
        };
        let filter = filter.unwrap_or_default().into();
        let found = users::list(manager.context, manager.environment, filter, page, wanted).await?;
        let page_info = PageInfo { has_next_page: found.has_more };
        Ok(Some(UsersConnection { nodes: found.nodes.into_iter().map(Into::into).collect(), page_info }))
    }

    /// The user with this id, if the environment has one. Needs `ax-user-service: USERS_VIEW`.
    async fn user(&self, ctx: &Context<'_>, id: ID) -> Result<Option<User>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_USERS)?;
        Ok(users::find(manager.context, manager.environment, id.0).await?.map(Into::into))
    }
}
