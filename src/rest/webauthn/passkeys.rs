//! The passkeys that a user has: the same operations for the user, and for the backend.

use super::{
    super::endpoint::{Events, Method, NoBody, NoContent, Operation},
    EVENTS,
    wire::{ApiPasskey, RenameBody},
};
use crate::operations::backend::{
    call::{Access, Call},
    error::{ApiCode, ApiError},
    webauthn::{self, Owner},
};

const READ: Access = Access::Client(&["AUTHENTICATORS_READ"]);
const EDIT: Access = Access::Client(&["AUTHENTICATORS_EDIT"]);
const DELETE: Access = Access::Client(&["AUTHENTICATORS_DELETE"]);
const OF_LIST: &[ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];
const OF_ONE: &[ApiCode] = &[ApiCode::PasskeyNotFound, ApiCode::UserNotFound, ApiCode::AppNotFound];

fn caller(_: &Call) -> Result<Owner, ApiError> {
    Ok(Owner::Caller)
}

fn named(call: &Call) -> Result<Owner, ApiError> {
    Ok(Owner::User(call.path("user_id")?.to_owned()))
}

macro_rules! passkeys {
    ($($(#[$doc:meta])* $list:ident = $list_id:literal, $find:ident = $find_id:literal, $rename:ident = $rename_id:literal,
        $remove:ident = $remove_id:literal, $path:literal, $whose:literal, $owner:ident,
        $read:expr, $edit:expr, $delete:expr;)+) => { $(
        $(#[$doc])*
        pub(super) struct $list;

        impl Operation for $list {
            const METHOD: Method = Method::Get;
            const PATH: &'static str = $path;
            const ID: &'static str = $list_id;
            const SUMMARY: &'static str = concat!("Lists the passkeys of ", $whose, " in the application");
            const ACCESS: Access = $read;
            const ERRORS: &'static [ApiCode] = OF_LIST;
            const EVENTS: Option<Events> = None;

            type Body = NoBody;
            type Answer = Vec<ApiPasskey>;

            async fn run(call: &mut Call, _: NoBody) -> Result<Vec<ApiPasskey>, ApiError> {
                let owner = $owner(call)?;
                let all = webauthn::list(call, owner).await?;
                Ok(all.into_iter().map(|passkey| ApiPasskey::of(call, passkey)).collect())
            }
        }

        $(#[$doc])*
        pub(super) struct $find;

        impl Operation for $find {
            const METHOD: Method = Method::Get;
            const PATH: &'static str = concat!($path, "/{credentialId}");
            const ID: &'static str = $find_id;
            const SUMMARY: &'static str = concat!("Gives one passkey of ", $whose);
            const ACCESS: Access = $read;
            const ERRORS: &'static [ApiCode] = OF_ONE;
            const EVENTS: Option<Events> = None;

            type Body = NoBody;
            type Answer = ApiPasskey;

            async fn run(call: &mut Call, _: NoBody) -> Result<ApiPasskey, ApiError> {
                let owner = $owner(call)?;
                let found = webauthn::find(call, owner).await?;
                Ok(ApiPasskey::of(call, found))
            }
        }

        $(#[$doc])*
        pub(super) struct $rename;

        impl Operation for $rename {
            const METHOD: Method = Method::Patch;
            const PATH: &'static str = concat!($path, "/{credentialId}");
            const ID: &'static str = $rename_id;
            const SUMMARY: &'static str = concat!("Names a passkey of ", $whose);
            const ACCESS: Access = $edit;
            const SUCCESS: u16 = 204;
            const ERRORS: &'static [ApiCode] = OF_ONE;
            const EVENTS: Option<Events> = EVENTS;

            type Body = RenameBody;
            type Answer = NoContent;

            async fn run(call: &mut Call, body: RenameBody) -> Result<NoContent, ApiError> {
                let owner = $owner(call)?;
                webauthn::rename(call, owner, body.display_name).await?;
                Ok(NoContent {})
            }
        }

        $(#[$doc])*
        pub(super) struct $remove;

        impl Operation for $remove {
            const METHOD: Method = Method::Delete;
            const PATH: &'static str = concat!($path, "/{credentialId}");
            const ID: &'static str = $remove_id;
            const SUMMARY: &'static str = concat!("Removes a passkey of ", $whose, "; it stays listed as removed");
            const ACCESS: Access = $delete;
            const SUCCESS: u16 = 204;
            const ERRORS: &'static [ApiCode] = OF_ONE;
            const EVENTS: Option<Events> = EVENTS;

            type Body = NoBody;
            type Answer = NoContent;

            async fn run(call: &mut Call, _: NoBody) -> Result<NoContent, ApiError> {
                let owner = $owner(call)?;
                webauthn::remove(call, owner).await?;
                Ok(NoContent {})
            }
        }
    )+ };
}

passkeys! {
    /// Of the user who calls.
    ListOwn = "listOwnWebauthnCredentials", FindOwn = "getOwnWebauthnCredential",
        RenameOwn = "renameOwnWebauthnCredential", RemoveOwn = "removeOwnWebauthnCredential",
        "/v1/users/me/webauthn-credentials", "the user who calls", caller,
        Access::User, Access::User, Access::User;
    /// Of a user whom the backend names.
    ListOfUser = "listWebauthnCredentials", FindOfUser = "getWebauthnCredential",
        RenameOfUser = "renameWebauthnCredential", RemoveOfUser = "removeWebauthnCredential",
        "/v1/users/{user_id}/webauthn-credentials", "a user", named,
        READ, EDIT, DELETE;
}
