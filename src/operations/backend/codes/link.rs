//! Magic links (contract §2.2).

use super::{
    keep::{Wanted, check_delivery, keep, own_address, send},
    named_as, policy,
    redeem::{LinkPresented, find_link_in},
};
use crate::{
    domain::{
        login::{
            AuthMethod, IdentifierKind,
            one_time_code::{CodeChannel, CodeDetails, CodePurpose, OneTimeCode},
        },
        message::{ContentError, EmailContent},
        pasted::pasted,
        secret::Secret,
        user::is_text,
    },
    oauth::redirect_uri::with_parameters,
    operations::{
        backend::{
            call::Call,
            error::{ApiCode, ApiError},
            sign_in::{CommonRequest, Proof, TokenAnswer, preflight, sign_in},
            who::{Found, find_in, find_user},
        },
        delivery::{
            Channel,
            content::{self, Letter},
        },
    },
    store::{Conn, StoreError, one_time_codes},
};

/// The longest `state`, in bytes.
pub const MAX_STATE: usize = 1024;

/// A link that is wanted.
pub struct LinkRequest {
    /// What the user is named by.
    pub kind: IdentifierKind,
    /// The name.
    pub identifier: String,
    /// Where the link leads.
    pub redirect_uri: String,
    /// The caller's own; it comes back there.
    pub state: Option<String>,
    /// The caller's own mail.
    pub email_content: Option<EmailContent>,
    /// How long it is good, in minutes, instead of what the preferences say.
    pub minutes: Option<i64>,
    /// The client gets the link, and no mail is sent.
    pub direct: bool,
    /// Whether whoever redeems it must know a request id besides.
    pub with_request_id: bool,
}

/// A link that was made.
pub struct LinkAnswer {
    /// The link, if the client gets it.
    pub link: Option<String>,
    /// The request id, if there is one.
    pub request_id: Option<Secret>,
}

/// Sends a link to sign in with.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn send_link(call: &mut Call, request: LinkRequest) -> Result<LinkAnswer, ApiError> {
    let policy = policy::of(&call.application()?.login, CodePurpose::SignIn, CodeChannel::Link)?;
    check_redirect(call, &request.redirect_uri, request.state.as_deref())?;
    if let Some(content) = &request.email_content {
        content.check()?;
    }
    if !request.direct {
        check_delivery(call, Channel::Mail)?;
    }
    let found = find_user(call, request.kind, &request.identifier).await?;
    let is_joining = matches!(found, Found::Joining(_));
    let person = found.or_joining(!request.direct).required()?;
    let to = match request.direct {
        true => None,
        false => {
            let own = own_address(call, &person, IdentifierKind::Email, (request.kind, &request.identifier))?;
            // Which addresses the user has is not said before the user has joined.
            let missing = if is_joining { ApiCode::UserNotFound } else { ApiCode::UserEmailMissing };
            Some(own.ok_or(missing)?)
        }
    };
    let preferences = call.application()?.login.email.as_ref();
    let wanted = Wanted {
        purpose: CodePurpose::SignIn,
        channel: CodeChannel::Link,
        person: &person,
        named_as: named_as(request.kind.as_str(), &request.identifier),
        to: to.as_ref(),
        policy: &policy,
        minutes: request.minutes,
        with_request_id: request.with_request_id,
        details: CodeDetails::default(),
        links_per_minute: preferences.map(|email| email.links_per_user),
    };
    let kept = keep(call, wanted).await?;
    let link = link_to(&request.redirect_uri, &kept.secret, request.state.as_deref());
    let Some(to) = to else { return Ok(LinkAnswer { link: Some(link), request_id: kept.request_id }) };
    let letter = Letter::SignInLink(&link, kept.minutes);
    let branding = policy::branding(call.application()?, CodePurpose::SignIn, CodeChannel::Link);
    let parcel = content::mail(&to.shown, &letter, &branding, request.email_content.as_ref())?;
    send(call, letter.kind(), &person, kept.expires_at, parcel)?;
    Ok(LinkAnswer { link: None, request_id: kept.request_id })
}

/// Compared to the byte, as RFC 9700 §2.1 wants it: any other rule (prefixes, hosts, paths) has let attackers in somewhere.
///
/// # Errors
/// [`ApiCode::RedirectUriNotAllowed`], or the state cannot be sent.
pub(super) fn check_redirect(call: &Call, redirect_uri: &str, state: Option<&str>) -> Result<(), ApiError> {
    if !call.client()?.sign_in.redirect_uris.iter().any(|own| own == redirect_uri) {
        return Err(ApiCode::RedirectUriNotAllowed.into());
    }
    if state.is_some_and(|state| !state.is_empty() && !is_text(state, MAX_STATE)) {
        return Err(ApiError::new(ApiCode::InvalidInput, "state must not hold control characters"));
    }
    Ok(())
}

/// The state is encoded: it cannot become a further parameter, a fragment or another host.
pub(super) fn link_to(redirect_uri: &str, code: &Secret, state: Option<&str>) -> String {
    let mut parameters = vec![("code", code.reveal())];
    parameters.extend(state.map(|state| ("state", state)));
    with_parameters(redirect_uri, &parameters)
}

/// What came of a link that was presented.
enum Redeemed {
    Done(Box<OneTimeCode>),
    Refused(ApiCode, &'static str),
}

/// Signs a user in with the code of a link.
///
/// # Errors
/// Those of the contract, see [`ApiCode`].
pub async fn authenticate_link(
    call: &mut Call,
    common: CommonRequest,
    code: &str,
    request_id: Option<&str>,
) -> Result<TokenAnswer, ApiError> {
    policy::of(&call.application()?.login, CodePurpose::SignIn, CodeChannel::Link)?;
    let preflight = preflight(call, common).await?;
    let (environment_id, application_id) = (call.environment_id().to_owned(), call.application()?.id.clone());
    let (client_id, now) = (call.client()?.id.clone(), call.now());
    let (code, request_id) = (Secret::new(pasted(code)), request_id.map(|id| Secret::new(pasted(id))));
    let owner = preflight.user_id().map(str::to_owned);
    let work = call.context.catalog.work(move |store| {
        let presented = LinkPresented {
            environment_id: &environment_id,
            application_id: &application_id,
            client_id: &client_id,
            purpose: CodePurpose::SignIn,
            code: &code,
            request_id: request_id.as_ref(),
        };
        store.transact(|conn| redeem(conn, &presented, owner.as_deref(), now))
    });
    let code = match work.await? {
        Redeemed::Done(code) => code,
        Redeemed::Refused(code, why) => return Err(ApiError::from(code).with_detail(why)),
    };
    let verifies = code.address.filter(|address| address.is_own).map(|address| (IdentifierKind::Email, address.value));
    // What went through the client shows no mailbox.
    let method = if verifies.is_some() { AuthMethod::EmailLink } else { AuthMethod::DirectOtp };
    let proof = Proof { verifies, ..Proof::of(code.binding.user_id, Some(method)) };
    sign_in(call, preflight, proof).await
}

/// Uses a link up, if all that is known before the sign-in itself speaks for it: what is refused stays good.
fn redeem(
    conn: &mut Conn<'_>,
    presented: &LinkPresented<'_>,
    owner: Option<&str>,
    now: i64,
) -> Result<Redeemed, StoreError> {
    let refused = |code, why| Ok(Redeemed::Refused(code, why));
    let Some(code) = find_link_in(conn, presented, now)? else {
        return refused(ApiCode::LinkInvalid, "unknown, used, expired, or not for this caller");
    };
    let user_id = &code.binding.user_id;
    if owner.is_some_and(|owner| owner != user_id) {
        // A link of A in a session of B: whoever made B click it would be in B's session as A, or the other way round.
        return refused(ApiCode::SessionNotFound, "the session is another user's than the link");
    }
    match find_in(conn, presented.environment_id, presented.application_id, IdentifierKind::UserId, user_id)? {
        Found::User(_) | Found::Joining(_) => {}
        Found::Disabled(_) => return refused(ApiCode::UserNotActive, "the user is disabled"),
        Found::Nobody => return refused(ApiCode::LinkUserNotFound, "the user is gone from the application"),
    }
    if one_time_codes::take(conn, &code.id, now)? {
        Ok(Redeemed::Done(Box::new(code)))
    } else {
        refused(ApiCode::LinkInvalid, "another request was faster")
    }
}

impl From<ContentError> for ApiError {
    fn from(error: ContentError) -> Self {
        Self::new(ApiCode::InvalidInput, error.to_string())
    }
}
