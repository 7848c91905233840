//! The end of every authentication: a session is opened or extended, and tokens are issued.

use std::sync::Arc;

pub use super::proof::Proof;
use super::{
    call::Call,
    claims::{self, Known},
    error::{ApiCode, ApiError},
    person::Portrait,
    session,
};
use crate::{
    audit::Event,
    domain::{
        client::Client,
        login::{AuthMethod, claims::ClaimsRequest, session::LoginSession},
        order::TokenOrder,
        pasted::pasted,
        secret::Secret,
        session::{GrantBasis, LoginBasis},
    },
    grants,
    operations::sessions::{self, NewSession},
    store::{
        Conn, StoreError, environments, login_sessions, passwords, pending_joins, user_applications, user_identifiers,
        users,
    },
};

/// How often a session is read again that somebody else extended at the same moment.
const MAX_TRIES: usize = 8;

/// What every call that signs a user in may say besides.
#[derive(Debug, Clone, Default)]
pub struct CommonRequest {
    /// The resource server that the access token is for.
    pub resource: Option<String>,
    /// The claims that the tokens shall have.
    pub claims: ClaimsRequest,
    /// The session that the authentication is added to.
    pub session_id: Option<String>,
}

/// A call that could end with tokens, as far as that can be known before the user is authenticated.
pub struct Preflight {
    order: TokenOrder,
    claims: ClaimsRequest,
    session: Option<(LoginSession, Secret)>,
}

impl Preflight {
    /// Whose session the authentication is to be added to.
    pub fn user_id(&self) -> Option<&str> {
        self.session.as_ref().map(|(session, _)| session.user_id.as_str())
    }
}

/// What the backend gets.
#[derive(Debug)]
pub struct TokenAnswer {
    /// The access token.
    pub access_token: String,
    /// The ID token.
    pub id_token: String,
    /// The refresh token.
    pub refresh_token: Secret,
    /// How long the access token lives, in seconds.
    pub expires_in: i64,
    /// What names the session in later calls. For the backend alone.
    pub session_id: Secret,
}

/// Asked before anything is consumed: may the client have such a token, and is the session there?
///
/// # Errors
/// [`ApiCode::AppNotFound`], [`ApiCode::ResourceNotAllowed`], [`ApiCode::SessionNotFound`]; or the database failed.
pub async fn preflight(call: &mut Call, common: CommonRequest) -> Result<Preflight, ApiError> {
    call.record.application_id = Some(call.application()?.id.clone());
    let order = grants::login::order(call.client()?, &call.environment, common.resource.as_deref(), call.now())?;
    let session = match common.session_id {
        Some(shown) => Some((session::shown(call, &shown).await?, Secret::new(pasted(&shown)))),
        None => None,
    };
    if let Some((session, _)) = &session {
        call.record.session_id = Some(session.id.clone());
    }
    let claims = claims::with_defaults(common.claims, call.client()?);
    Ok(Preflight { order, claims, session })
}

/// Opens the session, or extends the one that was named, and issues the tokens.
///
/// # Errors
/// [`ApiCode::SessionNotFound`]: the session is another user's, or has ended meanwhile; [`ApiCode::UserNotActive`],
/// [`ApiCode::UserNotFound`], [`ApiCode::InvalidCredentials`]: so it is by now; or the database failed. Nothing has changed then.
pub async fn sign_in(call: &mut Call, preflight: Preflight, proof: Proof) -> Result<TokenAnswer, ApiError> {
    call.record.subject = Some(proof.user_id.clone());
    if preflight.user_id().is_some_and(|owner| owner != proof.user_id) {
        // Whoever is authenticated as B must not end up in A's session, nor A's session with B's factor (session fixation).
        return Err(ApiError::from(ApiCode::SessionNotFound).with_detail("the session is another user's"));
    }
    let Preflight { order, claims, mut session } = preflight;
    for _ in 0..MAX_TRIES {
        let plan = Plan::new(call, order.clone(), &claims, session.clone(), &proof)?;
        match carry_out(call, plan).await? {
            Outcome::Done(done) => return issue(call, *done),
            Outcome::Changed(now) => session = session.map(|(_, secret)| (*now, secret)),
            Outcome::Refused(code, why) => return Err(ApiError::from(code).with_detail(why)),
        }
    }
    Err(ApiError::from(ApiCode::Unavailable).with_detail("the session is extended by too many at once"))
}

/// What one transaction is to do.
struct Plan {
    client: Arc<Client>,
    application_id: String,
    order: TokenOrder,
    claims: ClaimsRequest,
    /// As it was found; `None` where a new one is opened.
    before: Option<LoginSession>,
    after: LoginSession,
    secret: Secret,
    proof: Proof,
    now: i64,
}

impl Plan {
    fn new(
        call: &Call,
        order: TokenOrder,
        claims: &ClaimsRequest,
        session: Option<(LoginSession, Secret)>,
        proof: &Proof,
    ) -> Result<Self, ApiError> {
        let now = call.now();
        let (before, after, secret) = match (session, proof.method) {
            (Some((before, secret)), method) => {
                let idle = call.context.sessions.idle_expires_at(now, before.expires_at);
                let after = match method {
                    Some(method) => before.authenticated(method, now, idle),
                    None => LoginSession { idle_expires_at: idle, ..before.clone() },
                };
                (Some(before), after, secret)
            }
            (None, Some(method)) => {
                let (after, secret) = session::new(call, &proof.user_id, method)?;
                (None, after, secret)
            }
            (None, None) => return Err(ApiError::from(ApiCode::ServerError).with_detail("no session and no method")),
        };
        Ok(Self {
            client: Arc::clone(call.client()?),
            application_id: call.application()?.id.clone(),
            order,
            claims: claims.clone(),
            before,
            after,
            secret,
            proof: proof.clone(),
            now,
        })
    }

    fn basis(&self, last_sign_in_at: Option<i64>) -> LoginBasis {
        LoginBasis {
            login_session: self.after.id.clone(),
            application_id: self.application_id.clone(),
            auth_time: self.after.auth_time(),
            amr: self.after.amr().into_iter().map(str::to_owned).collect(),
            claims: self.claims.clone(),
            last_sign_in_at,
            approval_data: self.proof.approval_data.clone(),
        }
    }
}

struct Done {
    plan: Plan,
    new: NewSession,
}

enum Outcome {
    Done(Box<Done>),
    /// Somebody else extended the session meanwhile: this is what it is now.
    Changed(Box<LoginSession>),
    Refused(ApiCode, &'static str),
}

/// Reads the user, then writes everything in one transaction, or nothing.
async fn carry_out(call: &Call, mut plan: Plan) -> Result<Outcome, ApiError> {
    let environment_id = call.environment_id().to_owned();
    let (user_id, application_id) = (plan.proof.user_id.clone(), plan.application_id.clone());
    let (verifies, wanted) = (plan.proof.verifies.clone(), plan.claims.clone());
    let (lets_join, now) = (plan.proof.lets_join(), plan.now);
    let read = call.context.catalog.look_up(move |store| {
        store.read(|conn| {
            let ids = (user_id.as_str(), application_id.as_str());
            let joining = match lets_join {
                true => Portrait::of_joining(conn, &environment_id, ids, &wanted, now)?,
                false => None,
            };
            let found = match joining {
                None => Portrait::of(conn, &environment_id, ids, &wanted)?,
                joining => joining,
            };
            let Some(mut portrait) = found else { return Ok(None) };
            // The tokens say what is true after this sign-in.
            for one in portrait.person.identifiers.iter_mut() {
                if verifies.as_ref().is_some_and(|(kind, value)| one.kind == *kind && one.value == *value) {
                    one.verified_at.get_or_insert_default();
                }
            }
            Ok(Some(portrait))
        })
    });
    let Some(portrait) = read.await? else {
        return Ok(Outcome::Refused(ApiCode::UserNotFound, "the user is gone, or may not sign in to the application"));
    };
    if !portrait.person.user.enabled {
        return Ok(Outcome::Refused(ApiCode::UserNotActive, "the user is disabled"));
    }
    let last_sign_in_at = portrait.stored.last_sign_in_at;
    let basis = plan.basis(last_sign_in_at);
    let known = Known { portrait: &portrait, application: call.application()?, last_sign_in_at };
    plan.order.id_token = Some(claims::id_token(&call.environment, &known, &basis));
    let about = claims::access_token(&call.environment, &known, &basis);
    plan.order.speaks_of(plan.proof.user_id.clone(), about);
    let lifetime = plan.after.idle_expires_at.saturating_sub(plan.now);
    let basis = GrantBasis::Login(Box::new(basis));
    let client_id = plan.client.id.clone();
    // Refresh tokens die with the session: they live no longer than it would without a further authentication.
    let new = sessions::prepare(&call.context, &call.environment, &client_id, &mut plan.order, basis, Some(lifetime))?;
    let done = Done { plan, new };
    let written = call.context.catalog.work(move |store| store.transact(|conn| write(conn, done)));
    Ok(written.await?)
}

fn write(conn: &mut Conn<'_>, done: Done) -> Result<Outcome, StoreError> {
    let Done { plan, new } = &done;
    let (environment_id, now) = (&plan.after.environment_id, plan.now);
    let gone = |why| Ok(Outcome::Refused(ApiCode::SessionNotFound, why));
    // First, as everybody takes the environment's row before those of sessions. Whoever disables the user, takes the user out of the
    // application or sets another password waits for this row or was faster; what is read from here on stays true.
    environments::hold_revocations(conn, environment_id)?;
    if let Some(refused) = refusal(conn, plan)? {
        return Ok(refused);
    }
    match &plan.before {
        None => login_sessions::insert(conn, &plan.after)?,
        Some(before) if login_sessions::extend(conn, before, &plan.after)? => {}
        Some(before) => {
            let found = login_sessions::find(conn, environment_id, &before.id)?;
            return match found.filter(|session| !session.is_over(now)) {
                Some(session) => Ok(Outcome::Changed(Box::new(session))),
                None => gone("it has just ended"),
            };
        }
    }
    if plan.proof.lets_join() && pending_joins::has(conn, &plan.proof.user_id, &plan.application_id)? {
        user_applications::add(conn, &plan.proof.user_id, &plan.application_id, now)?;
    }
    login_sessions::join(conn, &plan.after.id, &plan.client.id, &plan.application_id, now)?;
    if let Some((kind, value)) = &plan.proof.verifies {
        user_identifiers::verify(conn, environment_id, &plan.proof.user_id, (*kind, value), now)?;
    }
    if plan.proof.method.is_some() {
        users::signed_in(conn, &plan.proof.user_id, now)?;
        user_applications::signed_in(conn, &plan.proof.user_id, &plan.application_id, now)?;
    }
    if sessions::open_in(conn, new)?.is_some() {
        return Err(StoreError::unavailable("the user's tokens were revoked at the same moment"));
    }
    Ok(Outcome::Done(Box::new(done)))
}

/// Whether what was found out about the user has changed since.
fn refusal(conn: &mut Conn<'_>, plan: &Plan) -> Result<Option<Outcome>, StoreError> {
    let (environment_id, user_id) = (&plan.after.environment_id, &plan.proof.user_id);
    let refused = |code, why| Ok(Some(Outcome::Refused(code, why)));
    match users::find(conn, environment_id, user_id)? {
        None => return refused(ApiCode::UserNotFound, "the user was deleted at the same moment"),
        Some(user) if !user.enabled => {
            return refused(ApiCode::UserNotActive, "the user was disabled at the same moment");
        }
        Some(_) => {}
    }
    // In this order: whoever joins in between is seen in the second.
    let joins = plan.proof.lets_join() && pending_joins::has(conn, user_id, &plan.application_id)?;
    if !joins && !user_applications::has(conn, user_id, &plan.application_id)? {
        return refused(ApiCode::UserNotFound, "the user was taken out of the application at the same moment");
    }
    // Whoever knows the password before is out from the moment on that there is another one.
    if let Some(generation) = plan.proof.password_generation
        && passwords::find(conn, user_id)?.is_none_or(|present| present.generation != generation)
    {
        return refused(ApiCode::InvalidCredentials, "the password was changed at the same moment");
    }
    Ok(None)
}

fn issue(call: &mut Call, done: Done) -> Result<TokenAnswer, ApiError> {
    let Done { plan, new } = done;
    let (issuer, client_id, order) = (call.context.token_issuer(), &plan.client.id, &plan.order);
    let issued = issuer.issue(&call.environment, client_id, order)?;
    let wanted = order.id_token.as_ref().ok_or_else(|| ApiError::from(ApiCode::ServerError))?;
    let id_token = issuer.issue_id_token(&call.environment, client_id, (order, wanted), &issued.token)?;
    let record = &mut call.record;
    record.event = Event::UserAuthenticated;
    record.session_id = Some(plan.after.id);
    record.audience.clone_from(&order.audience);
    record.scope_granted = order.scope.to_string();
    record.jti = Some(issued.jti);
    record.detail = Some(plan.proof.method.map_or("session", AuthMethod::amr).to_owned());
    Ok(TokenAnswer {
        access_token: issued.token,
        id_token,
        refresh_token: new.refresh_token,
        expires_in: issued.expires_in,
        session_id: plan.secret,
    })
}
