//! What users are authenticated by, and the locks on it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    endpoint::{Endpoint, Events, Method, NoBody, NoContent, Operation},
    totp::CREDENTIAL_EVENTS,
};
use crate::{
    domain::timestamp::iso_8601_seconds,
    operations::backend::{
        authenticators::{self, Listed},
        call::{Access, Call},
        error::{ApiCode, ApiError},
        lockout::{Authenticator, UnlockKind},
    },
};

pub const OPERATIONS: &[Endpoint] = &[Endpoint::of::<List>(), Endpoint::of::<Unlock>(), Endpoint::of::<UnlockType>()];

/// The list.
struct List;

/// What a user can be authenticated by.
#[derive(Serialize, JsonSchema)]
struct Inventory {
    /// Each of them.
    result: Vec<Item>,
}

/// One of them.
#[derive(Serialize, JsonSchema)]
struct Item {
    /// What names it where it is unlocked.
    id: String,
    /// What it is.
    #[serde(rename = "type")]
    #[schemars(extend("enum" = ["password", "totp", "email_otp", "sms_otp", "direct_otp", "webauthn"]))]
    kind: &'static str,
    /// For people.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// `Locked` while nobody can use it.
    status: Status,
    /// Whose it is.
    user_id: String,
    /// When it was registered.
    #[schemars(extend("format" = "date-time"))]
    registered_at: String,
    /// When it was last used.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_successful_authentication: Option<String>,
    /// When one of its kind failed last.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "date-time"))]
    last_failed_authentication: Option<String>,
    /// The application that one of its kind was used for last.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_accessed_app_id: Option<String>,
    /// What is to be said of its kind.
    extra_data: Map<String, Value>,
}

/// Whether it can be used.
#[derive(Serialize, JsonSchema)]
enum Status {
    /// It can.
    Active,
    /// Not until the lock ends, or somebody ends it.
    Locked,
}

impl Item {
    fn of(user_id: &str, one: Listed) -> Self {
        Self {
            id: one.id,
            kind: one.kind.as_str(),
            name: one.name,
            status: if one.is_locked { Status::Locked } else { Status::Active },
            user_id: user_id.to_owned(),
            registered_at: iso_8601_seconds(one.registered_at),
            last_successful_authentication: one.last_succeeded_at.map(iso_8601_seconds),
            last_failed_authentication: one.last_failed_at.map(iso_8601_seconds),
            last_accessed_app_id: one.last_application_id,
            extra_data: one.extra,
        }
    }
}

impl Operation for List {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/users/{user_id}/authenticators";
    const ID: &'static str = "getUserAuthenticators";
    const SUMMARY: &'static str = "Lists what a user can be authenticated by";
    const ACCESS: Access = Access::Client(&["AUTHENTICATORS_READ"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound, ApiCode::UserNotFound];
    const EVENTS: Option<Events> = None;

    type Body = NoBody;
    type Answer = Inventory;

    async fn run(call: &mut Call, _: Self::Body) -> Result<Self::Answer, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        let (user_id, found) = authenticators::list(call, &user_id).await?;
        Ok(Inventory { result: found.into_iter().map(|one| Item::of(&user_id, one)).collect() })
    }
}

/// Ends the lock on one, and on those of its kind.
struct Unlock;

impl Operation for Unlock {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/{user_id}/authenticators/{authenticator_id}/unlock";
    const ID: &'static str = "unlockUserAuthenticator";
    const SUMMARY: &'static str = "Unlocks an authenticator, with the user's others of its kind";
    const ACCESS: Access = Access::Client(&["AUTHENTICATORS_EDIT"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound, ApiCode::UserNotFound, ApiCode::AuthenticatorNotFound];
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = NoBody;
    type Answer = NoContent;

    async fn run(call: &mut Call, _: Self::Body) -> Result<Self::Answer, ApiError> {
        let (user_id, id) = (call.path("user_id")?.to_owned(), call.path("authenticator_id")?.to_owned());
        authenticators::unlock(call, &user_id, &id).await?;
        Ok(NoContent {})
    }
}

/// Ends the lock on those of a kind.
struct UnlockType;

/// Which locks.
#[derive(Deserialize, JsonSchema)]
struct Which {
    /// `manual`: those that nothing else ends. `automatic`: those that would end by themselves. `any`: all, with the failures that
    /// were counted.
    unlock_type: LockType,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum LockType {
    Manual,
    Automatic,
    Any,
}

impl Operation for UnlockType {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/users/{user_id}/authenticators/types/{authenticator_type}/unlock";
    const ID: &'static str = "unlockUserAuthenticatorByType";
    const SUMMARY: &'static str = "Unlocks a user's authenticators of a type";
    const ACCESS: Access = Access::Client(&["AUTHENTICATORS_EDIT"]);
    const SUCCESS: u16 = 204;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound, ApiCode::UserNotFound];
    const EVENTS: Option<Events> = Some(CREDENTIAL_EVENTS);

    type Body = Which;
    type Answer = NoContent;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let user_id = call.path("user_id")?.to_owned();
        let unknown = || {
            let names = Authenticator::ALL.map(Authenticator::as_str).join(", ");
            ApiError::new(ApiCode::InvalidInput, format!("authenticator_type in the path is none of {names}"))
        };
        let authenticator = Authenticator::from_name(call.path("authenticator_type")?).ok_or_else(unknown)?;
        let kind = match body.unlock_type {
            LockType::Manual => UnlockKind::Manual,
            LockType::Automatic => UnlockKind::Automatic,
            LockType::Any => UnlockKind::Any,
        };
        authenticators::unlock_type(call, &user_id, authenticator, kind).await?;
        Ok(NoContent {})
    }
}
