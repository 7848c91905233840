//! The sessions of users who were signed in behind applications' backends.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};

use super::manager;
use crate::{
    domain::timestamp::iso_8601_seconds,
    operations::{
        backend::kept_sessions::KeptSession,
        management::{
            recorded::{EDIT_USERS, Operation, VIEW_USERS},
            sessions::{self, EndedSessions},
        },
        mosaic_error::MosaicError,
    },
};

/// A session of a user. `revokeSession` ends it.
#[derive(SimpleObject)]
pub(super) struct UserSession {
    /// Its id: the `sid` of its tokens.
    id: ID,
    /// By what the user was authenticated (`amr`).
    methods: Vec<&'static str>,
    /// The clients that got tokens of it.
    client_ids: Vec<String>,
    /// When it began: ISO 8601, in UTC.
    created_at: String,
    /// When the user was authenticated last.
    authenticated_at: String,
    /// When it is over unless the user is authenticated again.
    expires_at: String,
}

impl From<KeptSession> for UserSession {
    fn from(KeptSession { session, clients }: KeptSession) -> Self {
        Self {
            methods: session.amr(),
            client_ids: clients,
            created_at: iso_8601_seconds(session.created_at),
            authenticated_at: iso_8601_seconds(session.auth_time()),
            expires_at: iso_8601_seconds(session.idle_expires_at.min(session.expires_at)),
            id: session.id.into(),
        }
    }
}

/// What can be asked about sessions.
#[derive(Default)]
pub(super) struct UserSessionQuery;

#[Object]
impl UserSessionQuery {
    /// The sessions of a user that are not over, oldest first. Needs `ax-user-service: USERS_VIEW`.
    async fn user_sessions(&self, ctx: &Context<'_>, user_id: ID) -> Result<Option<Vec<UserSession>>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(VIEW_USERS)?;
        let found = sessions::of_user(manager.context, manager.environment, user_id.0).await?;
        Ok(Some(found.into_iter().map(UserSession::from).collect()))
    }
}

/// Whose sessions.
#[derive(InputObject)]
struct EndUserSessionsInput {
    /// The user.
    user_id: ID,
}

/// What was ended.
#[derive(SimpleObject)]
struct EndUserSessionsPayload {
    /// The user.
    user_id: ID,
    /// How many sessions those were.
    count: usize,
}

impl From<EndedSessions> for EndUserSessionsPayload {
    fn from(ended: EndedSessions) -> Self {
        Self { user_id: ended.user_id.into(), count: ended.count }
    }
}

/// What can be done about sessions.
#[derive(Default)]
pub(super) struct UserSessionMutation;

#[Object]
impl UserSessionMutation {
    /// Ends all sessions of a user, with every token that came of them. Needs `ax-user-service: USERS_EDIT`.
    async fn end_user_sessions(
        &self,
        ctx: &Context<'_>,
        input: EndUserSessionsInput,
    ) -> Result<Option<EndUserSessionsPayload>, MosaicError> {
        let manager = manager(ctx).await?;
        let (context, environment, id) = (manager.context, manager.environment, input.user_id.0.clone());
        let operation = Operation { name: "endUserSessions", permission: EDIT_USERS, subject: Some(&input.user_id) };
        let ended = manager.change(operation, sessions::end_all(context, environment, id)).await?;
        Ok(Some(ended.into()))
    }
}
