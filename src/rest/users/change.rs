//! Making, changing and deleting users.

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, NoBody, NoContent, Operation},
        passwords::OBJECTIONS,
    },
    EVENTS, SHAPE,
    bodies::{CreateUser, UpdateUser},
    wire::UserAnswer,
};
use crate::{
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        passwords::{self, Accepted, Background, NewPassword},
        users::{self, AccountChange, Scope},
    },
    store::Conn,
};

/// Makes a user, or lets one who is there sign in to the application.
pub(super) struct Create;

impl Operation for Create {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users";
    const ID: &'static str = "createUser";
    const SUMMARY: &'static str = "Makes a user; one who is there already is associated with the application, at once or by proof, and not changed";
    const ACCESS: Access = Access::Client(&["USERS_CREATE"]);
    const SUCCESS: u16 = 201;
    const ERRORS: &'static [ApiCode] = &[ApiCode::IdentifierTaken];
    const SHARED_ERRORS: &'static [ApiCode] = OBJECTIONS;
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = EVENTS;

    type Body = CreateUser;
    type Answer = UserAnswer;

    async fn run(call: &mut Call, body: CreateUser) -> Result<UserAnswer, ApiError> {
        let (password, change) = body.split();
        let password = match password {
            Some(new) => Some(first_password(call, &change, &new).await?),
            None => None,
        };
        let random = call.context.random.clone();
        // Whoever keeps the environment, and has no application, lets nobody join one.
        let join = call.application().map(|application| application.users_join).unwrap_or_default();
        let work = move |conn: &mut Conn<'_>, scope: &Scope| {
            users::create(conn, scope, &*random, &change, password.as_ref(), join)
        };
        let account = users::change(call, work).await?;
        Ok(UserAnswer::of(call, account))
    }
}

/// Judges the password of a user who is not there yet.
async fn first_password(call: &Call, change: &AccountChange, new: &NewPassword) -> Result<Accepted, ApiError> {
    let application = call.application()?.clone();
    passwords::accept(call, &application, Background::of_newcomer(change.names()), new).await
}

/// Changes a user.
pub(super) struct Update;

impl Operation for Update {
    const METHOD: Method = Method::Put;
    const PATH: &'static str = "/v1/users/{user_id}";
    const ID: &'static str = "updateUser";
    const SUMMARY: &'static str = "Changes what is given of a user; enables or disables the user";
    const ACCESS: Access = Access::Client(&["USERS_EDIT"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::IdentifierTaken, ApiCode::AppNotFound];
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = EVENTS;

    type Body = UpdateUser;
    type Answer = UserAnswer;

    async fn run(call: &mut Call, body: UpdateUser) -> Result<UserAnswer, ApiError> {
        let id = user_id(call)?;
        let change = body.into();
        let account = users::change(call, move |conn, scope| users::update(conn, scope, &id, change)).await?;
        Ok(UserAnswer::of(call, account))
    }
}

/// Takes a user out of the application.
pub(super) struct Leave;

impl Operation for Leave {
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "/v1/users/{user_id}/apps";
    const ID: &'static str = "removeUserFromApp";
    const SUMMARY: &'static str = "Takes a user out of the application that asks; the user stays";
    const ACCESS: Access = Access::Client(&["USERS_EDIT"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = EVENTS;

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: NoBody) -> Result<NoContent, ApiError> {
        let id = user_id(call)?;
        users::change(call, move |conn, scope| users::leave(conn, scope, &id)).await?;
        Ok(NoContent {})
    }
}

/// Deletes a user.
pub(super) struct Delete;

impl Operation for Delete {
    const METHOD: Method = Method::Delete;
    const PATH: &'static str = "/v1/manage/users/{user_id}";
    const ID: &'static str = "deleteTenantUser";
    const SUMMARY: &'static str = "Deletes a user with all data, in all applications";
    const ACCESS: Access = Access::Client(&["USERS_DELETE"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = EVENTS;

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: NoBody) -> Result<NoContent, ApiError> {
        let id = user_id(call)?;
        users::change(call, move |conn, scope| users::delete(conn, scope, &id)).await?;
        Ok(NoContent {})
    }
}

/// The user that a path names, noted in the record whatever comes of it.
pub(super) fn user_id(call: &mut Call) -> Result<String, ApiError> {
    let id = call.path("user_id")?.to_owned();
    call.record.subject = Some(id.clone());
    Ok(id)
}
