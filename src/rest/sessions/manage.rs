//! Listing sessions, and ending them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::endpoint::{Events, Method, NoBody, NoContent, Operation};
use crate::{
    audit::Event,
    domain::{login::session::LoginSession, timestamp::iso_8601_seconds},
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        session,
    },
};

/// What is recorded of sessions that are ended.
const EVENTS: Option<Events> = Some(Events { done: Event::SessionEnded, refused: Event::RevocationRefused });
const DELETE: Access = Access::Client(&["SESSIONS_DELETE"]);

/// Ends one session.
pub(super) struct LogOut;

/// The session to end.
#[derive(Deserialize, JsonSchema)]
pub(super) struct LogOutRequest {
    /// The `session_id` of a sign-in; or the id of the session, as it stands in the list of a user's sessions and in the `sid` of
    /// tokens.
    #[schemars(length(min = 1, max = 255))]
    session_id: String,
}

impl Operation for LogOut {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/session/logout";
    const ID: &'static str = "logoutSession";
    const SUMMARY: &'static str = "Ends a session, with every token that came of it";
    const ACCESS: Access = DELETE;
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::SessionNotFound, ApiCode::AppNotFound];
    const EVENTS: Option<Events> = EVENTS;

    type Body = LogOutRequest;
    type Answer = NoContent;

    async fn run(call: &mut Call, body: LogOutRequest) -> Result<NoContent, ApiError> {
        session::log_out(call, &body.session_id).await?;
        Ok(NoContent {})
    }
}

/// A session, as lists show it.
#[derive(Serialize, JsonSchema)]
pub(super) struct SessionItem {
    /// The id of the session: the `sid` of its tokens. Not the `session_id` that the sign-in answered with, which is a secret and
    /// is not kept; it ends the session all the same.
    session_id: String,
    /// When it began.
    #[schemars(extend("format" = "date-time"))]
    start_time: String,
    /// When it is over unless the user is authenticated again.
    #[schemars(extend("format" = "date-time"))]
    expiration_time: String,
}

impl From<LoginSession> for SessionItem {
    fn from(session: LoginSession) -> Self {
        Self {
            start_time: iso_8601_seconds(session.created_at),
            expiration_time: iso_8601_seconds(session.idle_expires_at.min(session.expires_at)),
            session_id: session.id,
        }
    }
}

/// Lists the sessions of a user.
pub(super) struct List;

impl Operation for List {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/auth/users/{user_id}/sessions";
    const ID: &'static str = "getUserSessions";
    const SUMMARY: &'static str = "Lists the sessions of a user that are not over, oldest first";
    const ACCESS: Access = Access::Client(&["SESSIONS_READ"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];
    const EVENTS: Option<Events> = None;

    type Body = NoBody;
    type Answer = Vec<SessionItem>;

    async fn run(call: &mut Call, _: NoBody) -> Result<Vec<SessionItem>, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        Ok(session::of_user(call, user_id).await?.into_iter().map(SessionItem::from).collect())
    }
}

/// Ends all sessions of a user.
pub(super) struct EndAll;

impl Operation for EndAll {
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "/v1/auth/users/{user_id}/sessions";
    const ID: &'static str = "revokeUserSessions";
    const SUMMARY: &'static str = "Ends all sessions of a user, with every token that came of them";
    const ACCESS: Access = DELETE;
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];
    const EVENTS: Option<Events> = EVENTS;

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: NoBody) -> Result<NoContent, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        session::log_out_everywhere(call, user_id).await?;
        Ok(NoContent {})
    }
}
