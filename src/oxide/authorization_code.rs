//! oxide-auth's machines for authorization codes (RFC 6749 §4.1) and its PKCE (RFC 7636), driven step by step.

use std::borrow::Cow;

use oxide_auth::{
    code_grant::{
        accesstoken::{self, AccessToken, Authorization as Credentials},
        authorization::{self, Authorization},
        extensions::Pkce,
    },
    primitives::{
        grant::{Extensions, Grant, Value},
        registrar::{ClientUrl, Registrar as _, RegistrarError},
    },
};

use super::{
    registrar::{ClientRegistrar, confirms},
    scope::{from_oxide, to_oxide},
};
use crate::{
    domain::{
        authorization::{AuthorizationCode, AuthorizationRequest},
        client::{Access, Client, ClientSecret},
    },
    oauth::{
        error::{OAuthError, Problem},
        grant_type::GrantType,
        scope::Scope,
    },
};

/// The only challenge method. With `plain` whoever sees the request can redeem the code (RFC 9700 §2.1.1).
pub const S256: &str = "S256";
/// Where the machine is asked for a time at which a code expires. It would compare it with the wall clock: expiry is told
/// by ours, before.
const NEVER: &str = "9999-12-31T23:59:59Z";

/// Whether `challenge` can be an S256 challenge: a SHA-256 hash in base64url (RFC 7636 §4.2).
pub fn is_challenge(challenge: &str) -> bool {
    challenge.len() == 43 && challenge.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether `verifier` has the form of one (RFC 7636 §4.1).
fn is_verifier(verifier: &str) -> bool {
    (43..=128).contains(&verifier.len())
        && verifier.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// The scope that `client` gets at the target of `access` for an authorization request: all of what was `requested`, in that
/// order, or its default. `now` is in seconds since 1970.
///
/// # Errors
/// * [`Problem::ClientNotKnown`]: the client is disabled, or the URI is none of its own;
/// * [`Problem::PkceRequired`]: there is no S256 challenge;
/// * [`Problem::ScopeNotAllowed`], [`Problem::NoDefaultScope`]: beyond the client's access, or nothing to fall back on;
/// * [`Problem::ServerError`]: the machine ended as it never should.
pub fn authorize(
    client: &Client,
    access: &Access,
    request: &AuthorizationRequest,
    requested: Option<&Scope>,
    now: i64,
) -> Result<Scope, OAuthError> {
    let registrar = ClientRegistrar { client, access, redirect_uri: Some(&request.redirect_uri), now };
    let strict = StrictRequest { request, scope: requested.map(Scope::to_string) };
    let mut machine = Authorization::new(&strict);
    let mut input = authorization::Input::None;
    loop {
        input = match machine.advance(input) {
            authorization::Output::Bind { client_id, redirect_uri } => {
                let bound = ClientUrl { client_id: Cow::Owned(client_id), redirect_uri: redirect_uri.map(Cow::Owned) };
                let bound_client = registrar.bound_redirect(bound).map_err(unbound)?;
                authorization::Input::Bound { request: &strict, bound_client }
            }
            authorization::Output::Extend => {
                let challenged = Pkce::required()
                    .challenge(Some(S256.into()), Some(Cow::Borrowed(&request.code_challenge)))
                    .is_ok_and(|challenge| challenge.is_some() && is_challenge(&request.code_challenge));
                if !challenged {
                    return Err(OAuthError::new(Problem::PkceRequired, "the code challenge is not of S256"));
                }
                authorization::Input::Extended(Extensions::new())
            }
            authorization::Output::Negotiate { bound_client, scope } => {
                let pre_grant = registrar.negotiate(bound_client.clone(), scope);
                let pre_grant = pre_grant.map_err(|error| super::unscoped(&error, access, requested, failed))?;
                authorization::Input::Negotiated { pre_grant, state: None }
            }
            authorization::Output::Ok { pre_grant, .. } => {
                let order = requested.unwrap_or_else(|| access.default_scope());
                return from_oxide(&pre_grant.scope, order)
                    .ok_or_else(|| failed("a scope that nobody named was granted"));
            }
            authorization::Output::Err(error) => return Err(failed(ending(&error))),
        };
    }
}

/// What a client sends to redeem a code (RFC 6749 §4.1.3, RFC 7636 §4.5).
#[derive(Clone, Copy)]
pub struct Redemption<'a> {
    /// Must be that of the authorization request, byte by byte.
    pub redirect_uri: &'a str,
    /// Must be what the challenge was made of.
    pub verifier: &'a str,
}

/// Whether `client` may redeem `code` at `now` (seconds since 1970). That it is its first presentation has been seen to:
/// see `store::authorization_codes::take`.
///
/// # Errors
/// [`Problem::CodeRefused`], with the reason; [`Problem::ServerError`] for what cannot be.
pub fn redeem(
    client: &Client,
    authenticated: &ClientSecret,
    code: &AuthorizationCode,
    redemption: Redemption<'_>,
    now: i64,
) -> Result<(), OAuthError> {
    let mut machine = AccessToken::new(&StrictRedemption { client_id: &client.id, redemption });
    let mut input = accesstoken::Input::None;
    loop {
        input = match machine.advance(input) {
            accesstoken::Output::Authenticate { client: client_id, .. } => {
                if !confirms(client, client_id, authenticated, now) {
                    let detail = "the client is disabled or its secret is no longer active";
                    return Err(OAuthError::new(Problem::ClientAuthenticationFailed, detail));
                }
                accesstoken::Input::Authenticated
            }
            accesstoken::Output::Recover { .. } => {
                accesstoken::Input::Recovered(Some(Box::new(recover(client, code, redemption, now)?)))
            }
            accesstoken::Output::Extend { extensions } => {
                // The value of `challenge`, which is private to their extension.
                let challenge = std::mem::take(extensions).remove(&Pkce::required());
                let is_proven = is_verifier(redemption.verifier)
                    && Pkce::required().verify(challenge, Some(Cow::Borrowed(redemption.verifier))).is_ok();
                if !is_proven {
                    return Err(refused("code_verifier is not what the challenge was made of"));
                }
                accesstoken::Input::Extended { access_extensions: Extensions::new() }
            }
            // What is issued is ours to say.
            accesstoken::Output::Issue { .. } => return Ok(()),
            accesstoken::Output::Ok(_) => return Err(failed("the machine made a token by itself")),
            accesstoken::Output::Err(error) => {
                return Err(match *error {
                    accesstoken::Error::Invalid(_) => refused("the machine found client or redirect_uri different"),
                    accesstoken::Error::Unauthorized(..) => failed("the machine found the client unauthorized"),
                    accesstoken::Error::Primitive(_) => failed("the machine was driven out of order"),
                });
            }
        };
    }
}

/// The grant behind a code, for the machine; it compares again, but as browsers read URLs: `HTTPS://APP.example` and
/// `https://app.example/` are one to it.
fn recover(
    client: &Client,
    code: &AuthorizationCode,
    redemption: Redemption<'_>,
    now: i64,
) -> Result<Grant, OAuthError> {
    let request = &code.granted.request;
    if request.client_id != client.id {
        return Err(refused("the code was given to another client"));
    }
    if now >= code.expires_at {
        return Err(refused("the code has expired"));
    }
    if request.redirect_uri != redemption.redirect_uri {
        return Err(refused("redirect_uri is not that of the authorization request"));
    }
    let pkce = Pkce::required();
    let challenge = pkce.challenge(Some(S256.into()), Some(Cow::Borrowed(&request.code_challenge)));
    let challenge: Value = challenge.ok().flatten().ok_or_else(|| failed("the challenge that is kept is none"))?;
    let mut extensions = Extensions::new();
    extensions.set(&pkce, challenge);
    Ok(Grant {
        owner_id: code.user_id.clone(),
        client_id: request.client_id.clone(),
        scope: to_oxide(&Scope::empty()).map_err(|_| failed("the scope cannot be handed over"))?,
        redirect_uri: request.redirect_uri.parse().map_err(|_| failed("the redirect URI that is kept is none"))?,
        until: NEVER.parse().map_err(|_| failed("no time can be read"))?,
        extensions,
    })
}

/// What the machine of the authorization endpoint is told: values that were read strictly.
struct StrictRequest<'a> {
    request: &'a AuthorizationRequest,
    scope: Option<String>,
}

impl authorization::Request for StrictRequest<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.request.client_id))
    }

    fn scope(&self) -> Option<Cow<'_, str>> {
        self.scope.as_deref().map(Cow::Borrowed)
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(&self.request.redirect_uri))
    }

    /// Ours to give back.
    fn state(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn response_type(&self) -> Option<Cow<'_, str>> {
        Some("code".into())
    }

    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

/// The same for the token endpoint. The code itself has been looked up, and is not handed on; nor is the client's secret.
struct StrictRedemption<'a> {
    client_id: &'a str,
    redemption: Redemption<'a>,
}

impl accesstoken::Request for StrictRedemption<'_> {
    fn valid(&self) -> bool {
        true
    }

    fn code(&self) -> Option<Cow<'_, str>> {
        Some("".into())
    }

    fn authorization(&self) -> Credentials<'_> {
        Credentials::Username(Cow::Borrowed(self.client_id))
    }

    fn client_id(&self) -> Option<Cow<'_, str>> {
        None
    }

    fn redirect_uri(&self) -> Option<Cow<'_, str>> {
        Some(Cow::Borrowed(self.redemption.redirect_uri))
    }

    fn grant_type(&self) -> Option<Cow<'_, str>> {
        Some(GrantType::AuthorizationCode.as_str().into())
    }

    fn extension(&self, _key: &str) -> Option<Cow<'_, str>> {
        None
    }
}

fn refused(detail: &str) -> OAuthError {
    OAuthError::new(Problem::CodeRefused, detail)
}

fn failed(detail: &str) -> OAuthError {
    OAuthError::new(Problem::ServerError, format!("authorization_code: {detail}"))
}

fn unbound(error: RegistrarError) -> OAuthError {
    match error {
        RegistrarError::Unspecified => {
            OAuthError::new(Problem::ClientNotKnown, "the client is disabled, or the URI none of its own")
        }
        RegistrarError::PrimitiveError => failed("the client could not be bound"),
    }
}

/// The machine found fault with a request in which there can be none: with strict values this is our bug.
fn ending(error: &authorization::Error) -> &'static str {
    match error {
        authorization::Error::Ignore => "the machine would not answer",
        authorization::Error::Redirect(_) => "the machine found the request invalid",
        authorization::Error::PrimitiveError => "the machine was driven out of order",
    }
}
