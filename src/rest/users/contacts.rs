//! Addresses and telephone numbers of users.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, NoBody, NoContent, Operation},
    },
    EVENTS, SHAPE,
    change::user_id,
};
use crate::{
    domain::login::IdentifierKind,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        users,
    },
};

const EDIT: Access = Access::Client(&["USERS_EDIT"]);
const ERRORS: &[ApiCode] = &[ApiCode::UserNotFound, ApiCode::IdentifierNotFound, ApiCode::AppNotFound];

/// What becomes of an address or a number besides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Verification {
    /// Whether it becomes the primary one; the one before it stays beside it.
    #[serde(default)]
    change_to_primary: bool,
}

macro_rules! contacts {
    ($($(#[$doc:meta])* $verify:ident = $verify_id:literal, $remove:ident = $remove_id:literal,
        $path:literal, $kind:ident, $part:literal, $name:literal;)+) => { $(
        $(#[$doc])*
        pub(super) struct $verify;

        impl Operation for $verify {
            const METHOD: Method = Method::Post;
            const PATH: &'static str = concat!($path, "/verify");
            const ID: &'static str = $verify_id;
            const SUMMARY: &'static str = concat!("Notes that the application has verified ", $name);
            const ACCESS: Access = EDIT;
            const SUCCESS: u16 = 202;
            const ERRORS: &'static [ApiCode] = ERRORS;
            const SHAPE: ErrorShape = SHAPE;
            const EVENTS: Option<Events> = EVENTS;

            type Body = Verification;
            type Answer = NoContent;

            async fn run(call: &mut Call, body: Verification) -> Result<NoContent, ApiError> {
                let (id, text) = (user_id(call)?, call.path($part)?.to_owned());
                let primary = body.change_to_primary;
                let kind = IdentifierKind::$kind;
                users::change(call, move |conn, scope| users::verify(conn, scope, &id, (kind, &text), primary)).await?;
                Ok(NoContent {})
            }
        }

        $(#[$doc])*
        pub(super) struct $remove;

        impl Operation for $remove {
            const METHOD: Method = Method::Delete;
            const PATH: &'static str = $path;
            const ID: &'static str = $remove_id;
            const SUMMARY: &'static str = concat!("Takes ", $name, " away that is not the primary one");
            const ACCESS: Access = EDIT;
            const SUCCESS: u16 = 204;
            const ERRORS: &'static [ApiCode] = ERRORS;
            const SHAPE: ErrorShape = SHAPE;
            const EVENTS: Option<Events> = EVENTS;

            type Body = NoBody;
            type Answer = NoContent;

            async fn run(call: &mut Call, _: NoBody) -> Result<NoContent, ApiError> {
                let (id, text) = (user_id(call)?, call.path($part)?.to_owned());
                let kind = IdentifierKind::$kind;
                users::change(call, move |conn, scope| {
                    users::remove_identifier(conn, scope, &id, (kind, &text), true)
                })
                .await?;
                Ok(NoContent {})
            }
        }
    )+ };
}

contacts! {
    /// Of e-mail addresses.
    VerifyEmail = "verifyUserEmail", RemoveEmail = "removeUserSecondaryEmail",
        "/v1/users/{user_id}/emails/{email}", Email, "email", "an e-mail address";
    /// Of telephone numbers.
    VerifyPhoneNumber = "verifyUserPhoneNumber", RemovePhoneNumber = "removeUserSecondaryPhoneNumber",
        "/v1/users/{user_id}/phone-numbers/{phone_number}", PhoneNumber, "phone_number", "a telephone number";
}
