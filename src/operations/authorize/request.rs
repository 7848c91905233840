//! Reads an authorization request (RFC 6749 §4.1.1), in the order in which its parts can be believed: first who asks and where
//! the answer goes, and only then what is wanted.

use std::sync::Arc;

use super::{Call, Return};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        authorization::{AuthorizationRequest, IDENTITY_SCOPES, OPENID},
        client::Client,
        user::{MAX_TEXT, is_text},
    },
    grants::{self, authorization_code::order},
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        params::Params,
        scope::Scope,
    },
    operations::{
        context::Context,
        sign_in::{SignIn, Wishes},
    },
    oxide::authorization_code::{S256, is_challenge},
};

/// The longest `state`, in bytes: some clients put a signed token there.
const MAX_STATE: usize = 2048;
/// The longest `nonce`, in bytes.
const MAX_NONCE: usize = 512;
/// The largest `max_age`, in seconds: a year.
const MAX_AGE: i64 = 366 * 86_400;

/// Who asks, and where the user goes back to.
pub(super) struct Asker {
    pub client: Arc<Client>,
    pub back: Return,
}

/// The client and the place to answer to. Until both are known to be good nobody is sent anywhere: whoever could choose the
/// address would have a page of ours send people, and codes, to theirs (RFC 6749 §4.1.2.1, RFC 9700 §4.11.2). Every refusal is the
/// same one: with two of them anybody could find out which client ids exist. Only the record tells them apart.
pub(super) async fn asker(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    params: &Params,
) -> Result<Asker, OAuthError> {
    let unknown = |detail: &str| OAuthError::new(Problem::ClientNotKnown, detail);
    let id = params.get("client_id").ok_or_else(|| unknown("client_id is missing"))?;
    let client = context.client(environment, id).await?.ok_or_else(|| unknown("there is no such client"))?;
    if !client.enabled || !environment.environment.is_active() {
        return Err(unknown("the client or its environment is disabled"));
    }
    let redirect_uri = params.get("redirect_uri").ok_or_else(|| unknown("redirect_uri is missing"))?;
    if !client.sign_in.redirect_uris.iter().any(|own| own == redirect_uri) {
        return Err(unknown(&format!("{redirect_uri:?} is none of the client's")));
    }
    // As it came, even where it is too long to be kept: the client knows its request by it, also in a refusal (RFC 6749 §4.1.2.1).
    let state = params.get("state").map(str::to_owned);
    let back = Return { redirect_uri: redirect_uri.to_owned(), state };
    Ok(Asker { client, back })
}

/// What is wanted, and how the user is to sign in.
pub(super) struct Asked<'a> {
    pub request: AuthorizationRequest,
    pub sign_in: SignIn<'a>,
    pub wishes: Wishes<'a>,
}

pub(super) fn asked<'a>(
    context: &Context,
    environment: &'a EnvironmentSnapshot,
    call: &Call<'a>,
    asker: &Asker,
) -> Result<Asked<'a>, OAuthError> {
    let params = call.params;
    let state = bounded(params, "state", MAX_STATE)?;
    check_flow(params, &asker.client)?;
    let wishes = wishes(params)?;
    let sign_in = SignIn::choose(environment, params.get("connection"))?;
    let scope = grants::requested_scope(params)?.map(|scope| understood(environment, scope)).unwrap_or_default();
    let request = AuthorizationRequest {
        client_id: asker.client.id.clone(),
        redirect_uri: asker.back.redirect_uri.clone(),
        state,
        nonce: bounded(params, "nonce", MAX_NONCE)?,
        scope: params.get("scope").map(|_| scope),
        resources: grants::requested_targets(params, environment)?,
        code_challenge: challenge(params)?,
        application_id: application(environment, &asker.client)?,
        connection: sign_in.connection().to_owned(),
        max_age: wishes.max_age,
    };
    // Nobody shall sign in for what is refused afterwards.
    order(&asker.client, environment, &request, context.clock.now())?;
    Ok(Asked { request, sign_in, wishes })
}

fn check_flow(params: &Params, client: &Client) -> Result<(), OAuthError> {
    if !client.grants.contains(&GrantType::AuthorizationCode) {
        return Err(OAuthError::new(Problem::GrantNotAllowed, "authorization_code is not a grant of the client"));
    }
    if params.get("request").is_some() || params.get("request_uri").is_some() {
        // What stands in there could say something else than the parameters beside it.
        return Err(OAuthError::new(Problem::RequestObject, "request or request_uri is there"));
    }
    let unsupported =
        |name: &str, value: &str| OAuthError::new(Problem::UnsupportedResponseType, format!("{name} is {value:?}"));
    match params.require("response_type")? {
        "code" => {}
        other => return Err(unsupported("response_type", other)),
    }
    match params.get("response_mode") {
        None | Some("query") => Ok(()),
        Some(other) => Err(unsupported("response_mode", other)),
    }
}

/// RFC 7636 §4.3. Without a method it would be `plain`, which is no protection from whoever sees this request: a downgrade.
fn challenge(params: &Params) -> Result<String, OAuthError> {
    let required = |detail: &str| OAuthError::new(Problem::PkceRequired, detail);
    let challenge = params.get("code_challenge").ok_or_else(|| required("code_challenge is missing"))?;
    match params.get("code_challenge_method") {
        Some(S256) if is_challenge(challenge) => Ok(challenge.to_owned()),
        Some(S256) => Err(required("code_challenge is no S256 challenge")),
        Some(other) => Err(required(&format!("code_challenge_method is {other:?}"))),
        None => Err(required("code_challenge_method is missing, which would mean plain")),
    }
}

/// With `openid`, a scope that nothing here knows is left out instead of refused: libraries for OpenID Connect ask for
/// `offline_access`, `address` or `phone` everywhere (OpenID Connect Core §3.1.2.1, §11). One that a resource server knows
/// stays: whether the client may have it is decided as ever.
fn understood(environment: &EnvironmentSnapshot, scope: Scope) -> Scope {
    if !scope.contains(OPENID) {
        return scope;
    }
    let is_known = |token: &&str| {
        IDENTITY_SCOPES.contains(token) || environment.resource_servers.iter().any(|one| one.scopes.contains(token))
    };
    Scope::from_tokens(scope.iter().filter(is_known)).unwrap_or(scope)
}

/// What is passed on to the provider. This server keeps nobody signed in, so `prompt=none` cannot succeed.
fn wishes(params: &Params) -> Result<Wishes<'_>, OAuthError> {
    let invalid =
        |name: &'static str| OAuthError::new(Problem::InvalidParameter, format!("{name} cannot be used")).about(name);
    let prompt = params.get("prompt");
    let values: Vec<&str> = prompt.into_iter().flat_map(|prompt| prompt.split(' ')).collect();
    if values == ["none"] {
        return Err(OAuthError::new(Problem::LoginRequired, "prompt=none, and nobody is signed in here"));
    }
    if values.iter().any(|value| !["login", "consent", "select_account"].contains(value)) {
        return Err(invalid("prompt"));
    }
    let login_hint = params.get("login_hint");
    if login_hint.is_some_and(|hint| !is_text(hint, MAX_TEXT)) {
        return Err(invalid("login_hint"));
    }
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    let max_age = match params.get("max_age") {
        None => None,
        Some(text) => Some(digits(text).filter(|age| (0..=MAX_AGE).contains(age)).ok_or_else(|| invalid("max_age"))?),
    };
    Ok(Wishes { login_hint, prompt, max_age })
}

/// The application that users of the client sign in to: its id.
fn application(environment: &EnvironmentSnapshot, client: &Client) -> Result<String, OAuthError> {
    let name = client.sign_in.application.as_deref();
    let found = environment.applications.values().find(|application| Some(application.name.as_str()) == name);
    found.filter(|application| application.enabled).map(|application| application.id.clone()).ok_or_else(|| {
        OAuthError::new(
            Problem::ApplicationNotActive,
            format!("application {name:?} of the client is not there or disabled"),
        )
    })
}

fn bounded(params: &Params, name: &'static str, longest: usize) -> Result<Option<String>, OAuthError> {
    match params.get(name) {
        Some(text) if !is_text(text, longest) => {
            let detail = format!("{name} has more than {longest} bytes, or control characters");
            Err(OAuthError::new(Problem::InvalidParameter, detail).about(name))
        }
        text => Ok(text.map(str::to_owned)),
    }
}

/// The scopes asked for, for the record.
pub(super) fn scope_of(request: &AuthorizationRequest) -> String {
    request.scope.as_ref().map(Scope::to_string).unwrap_or_default()
}
