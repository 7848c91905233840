//! Login sessions, and the refresh tokens that come of them.

mod manage;
mod refresh;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{
    endpoint::{Endpoint, Events, Method, Operation},
    sign_in::TokenResponse,
};
use crate::{
    audit::Event,
    domain::login::claims::ClaimsRequest,
    operations::backend::{
        call::{Access, Call},
        error::{ApiCode, ApiError},
        sign_in::{CommonRequest, Proof, preflight, sign_in},
    },
};

pub const OPERATIONS: &[Endpoint] = &[
    Endpoint::of::<Authenticate>(),
    Endpoint::of::<refresh::Refresh>(),
    Endpoint::of::<manage::LogOut>(),
    Endpoint::of::<manage::List>(),
    Endpoint::of::<manage::EndAll>(),
];

/// What is recorded of sign-ins.
pub const SIGN_IN_EVENTS: Events = Events { done: Event::UserAuthenticated, refused: Event::UserAuthenticationRefused };

/// Tokens for whoever has the session: single sign-on, and silent authentication.
struct Authenticate;

/// A session that is shown.
#[derive(Deserialize, JsonSchema)]
struct SessionAuthentication {
    /// The `session_id` of an earlier answer, of any application of the environment.
    #[schemars(length(min = 1, max = 255))]
    session_id: String,
    /// The resource server that the access token is for: one of the client's `access`. Without it the token is for this server
    /// alone (`userid-api`).
    #[schemars(length(min = 1, max = 255))]
    resource: Option<String>,
    /// The claims that the tokens shall have.
    claims: Option<ClaimsRequest>,
}

impl Operation for Authenticate {
    const METHOD: Method = Method::Post;
    const PATH: &'static str = "/v1/auth/session/authenticate";
    const ID: &'static str = "authenticateSession";
    const SUMMARY: &'static str = "Gets tokens for the user of a session";
    const ACCESS: Access = Access::Client(&["AUTH_EXECUTE"]);
    const SHARED_ERRORS: &'static [ApiCode] = ApiCode::OF_SIGN_IN;
    const EVENTS: Option<Events> = Some(SIGN_IN_EVENTS);

    type Body = SessionAuthentication;
    type Answer = TokenResponse;

    async fn run(call: &mut Call, body: Self::Body) -> Result<Self::Answer, ApiError> {
        let SessionAuthentication { session_id, resource, claims } = body;
        let common = CommonRequest { resource, claims: claims.unwrap_or_default(), session_id: Some(session_id) };
        let preflight = preflight(call, common).await?;
        let user_id = preflight.user_id().map(str::to_owned).ok_or(ApiCode::SessionNotFound)?;
        let proof = Proof::of(user_id, None);
        Ok(sign_in(call, preflight, proof).await?.into())
    }
}
