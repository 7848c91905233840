//! Magic links.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    super::{
        answer::ErrorShape,
        endpoint::{Events, Method, Operation},
        identifier::IdentifierType,
        sessions::SIGN_IN_EVENTS,
        sign_in::{Common, TokenResponse},
    },
    SEND_EVENTS,
};
use crate::{
    domain::{login::IdentifierKind, message::EmailContent},
    operations::backend::{
        call::{Access, Call},
        codes::link::{LinkRequest, authenticate_link, send_link},
        error::{ApiCode, ApiError},
    },
};

/// Sends a link.
pub(super) struct Send;

/// How a link goes to the user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum LinkChannel {
    /// By e-mail.
    #[default]
    Email,
    /// The answer has it, and the backend brings it to the user itself.
    Direct,
}

/// Whom a link is for, and where it leads.
#[derive(Deserialize, JsonSchema)]
pub(super) struct LinkSending {
    /// By what the user is named; `email` if it is not said.
    #[serde(default)]
    identifier_type: IdentifierType,
    /// The address, number, id or name. The link goes to the user's e-mail address.
    #[schemars(length(min = 1, max = 255))]
    identifier: Option<String>,
    /// The older way to name the user, in place of `identifier`.
    #[schemars(length(min = 1, max = 255))]
    email: Option<String>,
    /// Where the link leads, with `code` (and `state`) as parameters: one of the client's `redirect_uris`, to the byte.
    #[schemars(length(min = 1, max = 2048))]
    redirect_uri: String,
    /// The backend's own; it comes back to `redirect_uri`.
    #[schemars(length(max = 1024))]
    state: Option<String>,
    /// A mail of the backend's own.
    email_content: Option<EmailContent>,
    /// How long the link is good, in minutes, in place of what the login preferences say.
    #[schemars(range(min = 1, max = 1440))]
    email_expiration: Option<i64>,
    /// How the link goes to the user.
    #[serde(default)]
    channel: LinkChannel,
    /// Whether whoever redeems the link must send a `request_id` too, which the answer has: for the session of the browser that
    /// asked.
    #[serde(default)]
    generate_request_id: bool,
}

/// That a link was sent.
#[derive(Serialize, JsonSchema)]
pub(super) struct LinkSent {
    /// For people.
    message: &'static str,
    /// The link, with `channel` `direct` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
    /// What must come back with the code, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl LinkSending {
    fn user(&mut self) -> Result<(IdentifierKind, String), ApiError> {
        match (self.identifier.take(), self.email.take()) {
            (Some(identifier), None) => Ok((self.identifier_type.into(), identifier)),
            (None, Some(email)) => Ok((IdentifierKind::Email, email)),
            _ => Err(ApiError::new(ApiCode::InvalidInput, "the body: needs either identifier or email")),
        }
    }
}

impl Operation for Send {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/link/email/send";
    const ID: &'static str = "sendMagicLinkEmail";
    const SUMMARY: &'static str = "Sends a link to sign in with";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[
        ApiCode::RedirectUriNotAllowed,
        ApiCode::ProviderMissing,
        ApiCode::PreferencesMissing,
        ApiCode::UserNotActive,
        ApiCode::AppNotFound,
        ApiCode::UserNotFound,
        ApiCode::UserEmailMissing,
    ];
    const SHAPE: ErrorShape = ErrorShape::Text;
    const EVENTS: Option<Events> = Some(SEND_EVENTS);

    type Body = LinkSending;
    type Answer = LinkSent;

    async fn run(call: &mut Call, mut body: LinkSending) -> Result<LinkSent, ApiError> {
        let (kind, identifier) = body.user()?;
        let direct = body.channel == LinkChannel::Direct;
        let request = LinkRequest {
            kind,
            identifier,
            redirect_uri: body.redirect_uri,
            state: body.state,
            email_content: body.email_content,
            minutes: body.email_expiration,
            direct,
            with_request_id: body.generate_request_id,
        };
        let sent = send_link(call, request).await?;
        Ok(LinkSent {
            message: if direct { "Link created successfully" } else { "Email sent successfully" },
            link: sent.link,
            request_id: sent.request_id.map(|id| id.reveal().to_owned()),
        })
    }
}

/// Signs in with a link.
pub(super) struct Authenticate;

/// What a link carried back.
#[derive(Deserialize, JsonSchema)]
pub(super) struct LinkAuthentication {
    #[serde(flatten)]
    common: Common,
    /// The parameter `code` of the link.
    #[schemars(length(min = 1, max = 255))]
    code: String,
    /// The request id, if one was asked for: only the backend that asked has it.
    #[schemars(length(min = 1, max = 255))]
    request_id: Option<String>,
}

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/link/email/authenticate";
    const ID: &'static str = "authenticateMagicLink";
    const SUMMARY: &'static str = "Signs a user in with the code of a link";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const ERRORS: &'static [ApiCode] = &[ApiCode::LinkInvalid, ApiCode::LinkUserNotFound, ApiCode::PreferencesMissing];
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const SHAPE: ErrorShape = ErrorShape::Text;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = LinkAuthentication;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: LinkAuthentication) -> Result<TokenResponse, ApiError> {
        let LinkAuthentication { common, code, request_id } = body;
        Ok(authenticate_link(call, common.into(), &code, request_id.as_deref()).await?.into())
    }
}
