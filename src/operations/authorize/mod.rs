//! The authorization endpoint without HTTP (RFC 6749 §4.1, OpenID Connect Core §3.1): from a client's request over signing in
//! to a code. What the code is good for is in `codes`.

mod callback;
pub mod codes;
mod request;

use std::{net::IpAddr, sync::Arc};

use super::{
    context::{Context, database_failed},
    sign_in::Attempt,
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::{
        address::network_of,
        authorization::{PendingSignIn, SIGN_IN_LIFETIME},
        readable::{readable, readable_id, readable_ids},
        secret::SecretHash,
        trace::Trace,
    },
    oauth::{
        error::{OAuthError, Problem},
        params::Params,
        redirect_uri::with_parameters,
    },
    store::authorization_requests,
};
pub use callback::come_back;

/// The most users of one network who may be signing in at once. A large office may be behind one address.
const MOST_PER_NETWORK: i64 = 1000;
/// When to try again when there are more, in seconds.
const RETRY_AFTER: i64 = 60;

/// A request of a browser.
#[derive(Clone, Copy)]
pub struct Call<'a> {
    /// Names it in the log, in the audit record and in the answer.
    pub request_id: &'a str,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// Where the browser is.
    pub client_address: Option<IpAddr>,
    /// The parameters.
    pub params: &'a Params,
}

/// A browser on its way to sign in.
pub struct Sent {
    /// Where it goes.
    pub location: String,
    /// The name of the cookie that it brings back.
    pub cookie_name: String,
    /// Its value. It goes to the browser and nowhere else.
    pub cookie_value: String,
    /// Whether the browser brings it back with a form that a page of somebody else posts.
    pub is_posted_back: bool,
}

/// A request that leads to no code.
#[derive(Debug)]
pub enum Refused {
    /// The user hears of it here: nobody knows where to send them.
    Here(OAuthError),
    /// The client hears of it: the user is sent there.
    There(String),
}

/// Where the answer to a client goes.
#[derive(Debug, Clone)]
struct Return {
    redirect_uri: String,
    state: Option<String>,
}

impl Return {
    /// The address, with an answer in it. `iss` says who answers (RFC 9207), in good answers and bad ones.
    fn with(&self, environment: &EnvironmentSnapshot, answer: &[(&str, &str)]) -> String {
        let mut parameters = answer.to_vec();
        parameters.extend(self.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", &environment.issuer));
        with_parameters(&self.redirect_uri, &parameters)
    }
}

/// Why there is no code, and where to say so.
#[derive(Debug)]
struct Failure {
    error: OAuthError,
    back: Option<Return>,
}

impl From<OAuthError> for Failure {
    fn from(error: OAuthError) -> Self {
        Self { error, back: None }
    }
}

/// Begins to sign a user in to a client.
///
/// # Errors
/// The request is refused, or cannot be recorded.
pub async fn start(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
) -> Result<Sent, Refused> {
    let mut record = record(context, environment, Event::AuthorizationStarted, call);
    let outcome = begin(context, environment, call, &mut record).await;
    conclude(context, environment, record, outcome).await
}

async fn begin(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
    record: &mut AuditRecord,
) -> Result<Sent, Failure> {
    let asker = request::asker(context, environment, call.params).await?;
    let sent = match request::asked(context, environment, call, &asker) {
        Ok(asked) => {
            record.application_id = Some(asked.request.application_id.clone());
            record.detail = Some(format!("connection {:?}", asked.request.connection));
            send(context, environment, call, asked).await
        }
        Err(error) => Err(error),
    };
    sent.map_err(|error| Failure { error, back: Some(asker.back) })
}

async fn send(
    context: &Context,
    environment: &EnvironmentSnapshot,
    call: &Call<'_>,
    asked: request::Asked<'_>,
) -> Result<Sent, OAuthError> {
    let attempt = Attempt::begin(&*context.random)?;
    let location = asked.sign_in.location(context, environment, &attempt, (asked.wishes, call.trace)).await?;
    let is_posted_back = asked.sign_in.is_posted_back();
    let now = context.clock.now();
    let pending = PendingSignIn {
        state: attempt.state_hash(),
        browser: attempt.browser_hash(),
        request: asked.request,
        network: call.client_address.map(|address| network_of(address).to_string()).unwrap_or_default(),
        expires_at: now.saturating_add(SIGN_IN_LIFETIME),
    };
    let id = environment.environment.id.clone();
    let kept = context.catalog.work(move |store| {
        store.transact(|conn| authorization_requests::insert(conn, &id, &pending, now, MOST_PER_NETWORK))
    });
    if !kept.await.map_err(|error| database_failed("who is signing in", &error))? {
        let detail = format!("{MOST_PER_NETWORK} users of the network are signing in");
        let retry_after = Some(RETRY_AFTER);
        return Err(OAuthError { retry_after, ..OAuthError::new(Problem::TooManySignIns, detail) });
    }
    let cookie_name = cookie_name(environment, &attempt.state_hash());
    Ok(Sent { location, cookie_name, cookie_value: attempt.browser().to_owned(), is_posted_back })
}

/// Each attempt has a cookie of its own, so that two windows can be used to sign in. `__Host-` keeps other hosts of the same
/// domain from writing one (RFC 6265bis §4.1.3.2); on plain HTTP, which is for loopback, browsers would refuse it.
fn cookie_name(environment: &EnvironmentSnapshot, state: &SecretHash) -> String {
    let prefix = if is_secure(environment) { "__Host-" } else { "" };
    let hash = state.to_hex();
    format!("{prefix}tessera-sign-in-{}", hash.get(..16).unwrap_or_default())
}

/// Whether browsers reach the environment over TLS.
pub fn is_secure(environment: &EnvironmentSnapshot) -> bool {
    environment.issuer.starts_with("https://")
}

/// Records a request that could not even be read.
///
/// # Errors
/// Always: the refusal.
pub async fn unreadable(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    call: &Call<'_>,
    error: OAuthError,
) -> Result<Sent, Refused> {
    let record = record(context, environment, Event::AuthorizationStarted, call);
    conclude(context, environment, record, Err(Failure::from(error))).await
}

fn record(context: &Context, environment: &EnvironmentSnapshot, event: Event, call: &Call<'_>) -> AuditRecord {
    let mut record = AuditRecord::new(event, Outcome::Success, call.request_id, context.clock.now_millis());
    record.trace_id = call.trace.map(|trace| trace.to_string());
    record.environment_id = Some(environment.environment.id.clone());
    record.client_address = call.client_address.map(|address| address.to_string());
    // As claimed; a refusal may come before anything of it is checked.
    record.client_id = call.params.get("client_id").map(readable_id);
    record.scope_requested = call.params.get("scope").map(readable).unwrap_or_default();
    let targets = ["audience", "resource"].into_iter().flat_map(|name| call.params.all(name));
    record.audience = readable_ids(targets);
    record
}

/// Records the decision, and gives the refusal the form in which it is sent. What cannot be recorded did not happen.
async fn conclude<T>(
    context: &Context,
    environment: &EnvironmentSnapshot,
    mut record: AuditRecord,
    outcome: Result<T, Failure>,
) -> Result<T, Refused> {
    let outcome = outcome.map_err(|mut failure| {
        failure.error.detail = readable(&failure.error.detail);
        let is_refusal = failure.error.problem.status() < 500;
        record.event = Event::AuthorizationRefused;
        record.outcome = if is_refusal { Outcome::Refused } else { Outcome::Failed };
        record.reason = Some(failure.error.problem.slug());
        record.detail = Some(failure.error.detail.clone());
        let level = if is_refusal { log::Level::Info } else { log::Level::Error };
        let client = record.client_id.as_deref().unwrap_or("-");
        log::log!(level, request_id = record.request_id.as_str(); "sign-in to client {client}: {}", failure.error);
        failure
    });
    let request_id = record.request_id.clone();
    if let Err(error) = context.audit.commit(record).await {
        log::error!(request_id = request_id.as_str(); "not answered: {error}");
        return Err(Refused::Here(OAuthError::new(Problem::TemporarilyUnavailable, error.to_string())));
    }
    outcome.map_err(|Failure { error, back }| match back {
        None => Refused::Here(error),
        Some(back) => {
            let description = error.description();
            let answer = [
                ("error", error.code().as_str()),
                ("error_description", &*description),
                ("error_code", error.problem.slug()),
            ];
            Refused::There(back.with(environment, &answer))
        }
    })
}
