//! Reading users.

use schemars::JsonSchema;
use serde::Serialize;

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, NoBody, Operation, QueryParameter},
    },
    SHAPE,
    wire::{ApiUser, UserAnswer},
};
use crate::{
    domain::login::IdentifierKind,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        users::{self, MAX_PAGE},
    },
    store::user_listing::{Listing, UserOrder},
};

const READ: Access = Access::Client(&["USERS_READ"]);
const ONE: &[ApiCode] = &[ApiCode::UserNotFound, ApiCode::AppNotFound];

/// An operation that finds one user by a part of its path.
macro_rules! by_path {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $path:literal, $kind:ident, $part:literal, $summary:literal;)+) => { $(
        $(#[$doc])*
        pub(super) struct $name;

        impl Operation for $name {
            const METHOD: Method = Method::Get;
            const PATH: &'static str = $path;
            const ID: &'static str = $id;
            const SUMMARY: &'static str = $summary;
            const ACCESS: Access = READ;
            const ERRORS: &'static [ApiCode] = ONE;
            const SHAPE: ErrorShape = SHAPE;
            const EVENTS: Option<Events> = None;

            type Body = NoBody;
            type Answer = UserAnswer;

            async fn run(call: &mut Call, _: NoBody) -> Result<UserAnswer, ApiError> {
                let text = call.path($part)?.to_owned();
                find(call, IdentifierKind::$kind, text).await
            }
        }
    )+ };
}

by_path! {
    /// By `sub`.
    ById = "getUserById", "/v1/users/{user_id}", UserId, "user_id", "Gives the user with an id";
    /// By the primary address.
    ByEmail = "getUserByEmail", "/v1/users/email/{email}", Email, "email", "Gives the user with a primary e-mail address";
    /// By the primary number.
    ByPhoneNumber = "getUserByPhone", "/v1/users/phone-number/{phone_number}", PhoneNumber, "phone_number",
        "Gives the user with a primary telephone number";
    /// By the application's own name.
    ByUsername = "getUserByUsername", "/v1/users/username/{username}", Username, "username",
        "Gives the user with a user name in the application";
    /// By the name of somebody else's system.
    ByExternalUserId = "getUserByExternalUserId", "/v1/users/external-user-id/{external_user_id}", ExternalUserId,
        "external_user_id", "Gives the user with an external id";
}

async fn find(call: &Call, kind: IdentifierKind, text: String) -> Result<UserAnswer, ApiError> {
    let account = users::look_up(call, move |conn, scope| users::find_by(conn, scope, kind, &text)).await?;
    Ok(UserAnswer::of(call, account))
}

/// By any identifier.
pub(super) struct ByIdentifier;

impl Operation for ByIdentifier {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/users/identifier";
    const ID: &'static str = "getUserByIdentifier";
    const SUMMARY: &'static str = "Gives the user with an identifier";
    const ACCESS: Access = READ;
    const ERRORS: &'static [ApiCode] = ONE;
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = None;
    const QUERY: &'static [QueryParameter] = &[
        QueryParameter {
            name: "identifier_name",
            description: "Required: `email`, `phoneNumber`, `username`, `externalUserId` or `userId`; or the same with underscores.",
            kind: "string",
        },
        QueryParameter { name: "identifier_value", description: "Required: the identifier.", kind: "string" },
    ];

    type Body = NoBody;
    type Answer = UserAnswer;

    async fn run(call: &mut Call, _: NoBody) -> Result<UserAnswer, ApiError> {
        let kind = match call.query("identifier_name") {
            Some("email") => IdentifierKind::Email,
            Some("phoneNumber" | "phone_number") => IdentifierKind::PhoneNumber,
            Some("username") => IdentifierKind::Username,
            Some("externalUserId" | "external_user_id") => IdentifierKind::ExternalUserId,
            Some("userId" | "user_id") => IdentifierKind::UserId,
            _ => return Err(ApiError::new(ApiCode::InvalidInput, "identifier_name is none that is known")),
        };
        let text = call.query("identifier_value").unwrap_or_default().to_owned();
        find(call, kind, text).await
    }
}

/// By the token of the user.
pub(super) struct Me;

impl Operation for Me {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/users/me";
    const ID: &'static str = "getCurrentUser";
    const SUMMARY: &'static str = "Gives the user whose token it is";
    const ACCESS: Access = Access::User;
    const ERRORS: &'static [ApiCode] = ONE;
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = None;

    type Body = NoBody;
    type Answer = UserAnswer;

    async fn run(call: &mut Call, _: NoBody) -> Result<UserAnswer, ApiError> {
        let id = call.user_token()?.sub.clone();
        find(call, IdentifierKind::UserId, id).await
    }
}

/// Some users.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct UserList {
    /// How many there are in all.
    total_count: i64,
    page_info: PageInfo,
    /// Those of the page.
    result: Vec<ApiUser>,
}

/// What is before and after a page.
#[derive(Debug, Serialize, JsonSchema)]
struct PageInfo {
    /// Whether others follow.
    has_next_page: bool,
    /// Whether others come before.
    has_previous_page: bool,
}

const SEARCH: QueryParameter = QueryParameter {
    name: "search_prefix",
    description: "Those whose primary e-mail address or telephone number begins so.",
    kind: "string",
};

fn listing(call: &Call) -> Result<Listing, ApiError> {
    let unknown = |name: &str| ApiError::new(ApiCode::InvalidInput, format!("{name} is none that is known"));
    if call.query("search").is_some() {
        let message = "search expressions are not supported: use search_prefix, or /v1/users/identifier";
        return Err(ApiError::new(ApiCode::InvalidInput, message));
    }
    let order = match call.query("sort_field") {
        None | Some("created_at") => UserOrder::Created,
        Some("last_auth") => UserOrder::LastSignIn,
        Some("email") => UserOrder::Email,
        Some("phone_number") => UserOrder::PhoneNumber,
        Some(_) => return Err(unknown("sort_field")),
    };
    let descending = match call.query("sort_order") {
        None | Some("asc") => false,
        Some("desc") => true,
        Some(_) => return Err(unknown("sort_order")),
    };
    let prefix = call.query(SEARCH.name).map(str::to_owned);
    Ok(Listing { application_id: None, prefix, order, descending })
}

/// Those of the application, page by page.
pub(super) struct List;

impl Operation for List {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/users";
    const ID: &'static str = "getUsers";
    const SUMMARY: &'static str = "Gives the users of the application, page by page";
    const ACCESS: Access = READ;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound];
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = None;
    const QUERY: &'static [QueryParameter] = &[
        SEARCH,
        QueryParameter {
            name: "page_offset",
            description: "How many are left out before; 0 when absent.",
            kind: "integer",
        },
        QueryParameter {
            name: "page_limit",
            description: "The most that are given: 1 to 100, 100 when absent.",
            kind: "integer",
        },
        QueryParameter {
            name: "sort_field",
            description: "`created_at` (when absent), `email`, `phone_number` or `last_auth`; those without it come last.",
            kind: "string",
        },
        QueryParameter { name: "sort_order", description: "`asc` (when absent) or `desc`.", kind: "string" },
    ];

    type Body = NoBody;
    type Answer = UserList;

    async fn run(call: &mut Call, _: NoBody) -> Result<UserList, ApiError> {
        let listing = listing(call)?;
        let number = |name: &str, default: i64, most: i64, least: i64| match call.query(name) {
            None => Ok(default),
            Some(text) => {
                let read = text.parse().ok().filter(|number| (least..=most).contains(number));
                let message = || ApiError::new(ApiCode::InvalidInput, format!("{name} must be {least} to {most}"));
                read.ok_or_else(message)
            }
        };
        let offset = number("page_offset", 0, i64::from(i32::MAX), 0)?;
        let limit = number("page_limit", MAX_PAGE, MAX_PAGE, 1)?;
        let found = users::look_up(call, move |conn, scope| users::list(conn, scope, &listing, limit, offset)).await?;
        let shown = i64::try_from(found.accounts.len()).unwrap_or(i64::MAX);
        Ok(UserList {
            total_count: found.total,
            page_info: PageInfo {
                has_next_page: offset.saturating_add(shown) < found.total,
                has_previous_page: offset > 0 && found.total > 0,
            },
            result: found.accounts.into_iter().map(|account| ApiUser::of(call, account)).collect(),
        })
    }
}

/// How many those are.
pub(super) struct Count;

/// A number of users.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct CountAnswer {
    result: UserCount,
}

/// A number of users.
#[derive(Debug, Serialize, JsonSchema)]
struct UserCount {
    /// How many there are.
    user_count: i64,
}

impl Operation for Count {
    const METHOD: Method = Method::Get;
    const PATH: &'static str = "/v1/users/count";
    const ID: &'static str = "getUsersCount";
    const SUMMARY: &'static str = "Counts the users of the application";
    const ACCESS: Access = READ;
    const ERRORS: &'static [ApiCode] = &[ApiCode::AppNotFound];
    const SHAPE: ErrorShape = SHAPE;
    const EVENTS: Option<Events> = None;
    const QUERY: &'static [QueryParameter] = &[SEARCH];

    type Body = NoBody;
    type Answer = CountAnswer;

    async fn run(call: &mut Call, _: NoBody) -> Result<CountAnswer, ApiError> {
        let listing = listing(call)?;
        let user_count = users::look_up(call, move |conn, scope| users::count(conn, scope, &listing)).await?;
        Ok(CountAnswer { result: UserCount { user_count } })
    }
}
