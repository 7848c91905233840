//! What browsers begin. They have no token: whoever knows the client's id may.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{DEFAULT_TIMEOUT, Setup, bytes_of, text_of};
use crate::{
    domain::{
        address::network_of,
        application::Application,
        login::{IdentifierKind, identifier::normalized},
        passkey::{Ceremony, MAX_NAME, Passkey, PendingCeremony},
        random::random_id,
        secret::Secret,
        user::is_text,
    },
    operations::backend::{
        call::{Call, application_of},
        error::{ApiCode, ApiError},
        who::find_in,
    },
    store::{Conn, Store, StoreError, webauthn_ceremonies, webauthn_credentials},
    webauthn::{AuthenticationOffer, BeginError, Credential, KeyOffer, Registrant},
};

/// The most ceremonies that wait for one network. A large office may be behind one address, or all users behind a backend's proxy.
const MOST_PER_NETWORK: i64 = 2000;
/// When to try again if there are more, in seconds.
const RETRY_AFTER: i64 = 30;
/// The longest text that names a user, in bytes.
const MAX_IDENTIFIER: usize = 255;

/// A passkey is wanted.
#[derive(Debug)]
pub struct RegistrationStart {
    /// Any client of the application.
    pub client_id: String,
    /// Under which name.
    pub username: String,
    /// How the authenticator shows it; the name itself if nothing is said.
    pub display_name: Option<String>,
    /// In seconds.
    pub timeout: Option<i64>,
    /// Whether an authenticator that has one under that name is to refuse.
    pub limit_single_credential_to_device: bool,
}

/// A login is wanted.
#[derive(Debug)]
pub struct AuthenticationStart {
    /// Any client of the application.
    pub client_id: String,
    /// Who; `None` where the authenticator is to say it.
    pub who: Option<Who>,
    /// What the user approves by signing.
    pub approval_data: Option<Map<String, Value>>,
    /// In seconds.
    pub timeout: Option<i64>,
}

/// Whose login it is to be.
#[derive(Debug, Clone)]
pub enum Who {
    /// Whoever has passkeys under that name.
    Username(String),
    /// The user with that identifier.
    Identifier(IdentifierKind, String),
}

/// A registration has begun.
#[derive(Debug)]
pub struct RegistrationBegun {
    /// Names it in the answer.
    pub session_id: String,
    /// For the browser.
    pub offer: KeyOffer,
    /// What the authenticator keeps.
    pub user_handle: Vec<u8>,
    /// As it was given.
    pub username: String,
    /// As it is to be shown.
    pub display_name: String,
    /// Credentials whose authenticators are to refuse.
    pub excluded: Vec<Vec<u8>>,
}

/// A login has begun.
#[derive(Debug)]
pub struct AuthenticationBegun {
    /// Names it in the answer.
    pub session_id: String,
    /// For the browser.
    pub offer: AuthenticationOffer,
    /// The credentials that count, each with how it can be reached; none where any does.
    pub allowed: Vec<(Vec<u8>, Vec<&'static str>)>,
}

/// Begins a registration.
///
/// # Errors
/// [`ApiCode::ClientNotFound`], [`ApiCode::PreferencesMissing`], [`ApiCode::TooManyRequests`]; a name that cannot be one; or the
/// database or the random source failed.
pub async fn begin_registration(call: &mut Call, start: RegistrationStart) -> Result<RegistrationBegun, ApiError> {
    let timeout = start.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let setup = Setup::of(call, &application(call, &start.client_id).await?, timeout)?;
    if setup.policy.enforced && setup.policy.anchors.is_none() {
        let why = "enforceAttestation needs webauthn.attestation_roots_file, and there is none";
        return Err(ApiError::from(ApiCode::PreferencesMissing).with_detail(why));
    }
    let display_name = start.display_name.unwrap_or_else(|| start.username.clone());
    for (name, member) in [(&start.username, "username"), (&display_name, "display_name")] {
        // 64 characters, of at most four bytes each.
        if !is_text(name, 4 * MAX_NAME) {
            return Err(ApiError::new(
                ApiCode::InvalidInput,
                format!("{member} has control characters or is too long"),
            ));
        }
    }
    let known = under_name(call, &setup.application_id, &start.username).await?;
    let user_handle = match known.first().filter(|_| setup.preferences.replace_existing_passkey) {
        // An authenticator that keeps a passkey of that handle replaces it.
        Some(passkey) => bytes_of(&passkey.user_handle)?,
        None => new_handle(call)?,
    };
    let mut excluded = Vec::new();
    if start.limit_single_credential_to_device && !setup.preferences.replace_existing_passkey {
        excluded = known.iter().map(|passkey| bytes_of(&passkey.id)).collect::<Result<_, _>>()?;
    }
    let who = Registrant {
        handle: &user_handle,
        username: &start.username,
        display_name: &display_name,
        excluded: &excluded,
    };
    let begun = setup.party.begin_registration(&*call.context.random, &who, &setup.policy)?;
    let ceremony = Ceremony::Registration {
        username: start.username.clone(),
        display_name: display_name.clone(),
        user_handle: text_of(&user_handle),
        state: json(&begun.ceremony)?,
    };
    let session_id = keep(call, &setup.application_id, ceremony, timeout).await?;
    Ok(RegistrationBegun {
        session_id,
        offer: begun.offer,
        user_handle,
        username: start.username,
        display_name,
        excluded,
    })
}

/// Begins a login. The answer is the same for somebody who has no passkey and for nobody.
///
/// # Errors
/// [`ApiCode::ClientNotFound`], [`ApiCode::NoCredentials`], [`ApiCode::PreferencesMissing`], [`ApiCode::TooManyRequests`]; or the
/// database or the random source failed.
pub async fn begin_authentication(
    call: &mut Call,
    start: AuthenticationStart,
) -> Result<AuthenticationBegun, ApiError> {
    let timeout = start.timeout.unwrap_or(DEFAULT_TIMEOUT);
    let setup = Setup::of(call, &application(call, &start.client_id).await?, timeout)?;
    let mut user_id = None;
    let mut named: Option<Vec<Credential>> = None;
    if let Some(who) = &start.who {
        let known = match who {
            Who::Username(username) => under_name(call, &setup.application_id, username).await?,
            Who::Identifier(kind, value) => of_identifier(call, &setup.application_id, *kind, value).await?,
        };
        user_id = known.first().map(|passkey| passkey.user_id.clone());
        if user_id.is_none() {
            return Err(ApiCode::NoCredentials.into());
        }
        named = Some(known.iter().map(super::authenticate::credential_of).collect::<Result<_, _>>()?);
    }
    let approval = start.approval_data.map(Value::Object);
    let (offer, ceremony) =
        setup.party.begin_authentication(&*call.context.random, named.as_deref(), approval.as_ref())?;
    let reach = |credential: &Credential| (credential.id().to_vec(), credential.transports());
    let allowed = named.iter().flatten().map(reach).collect();
    let ceremony = Ceremony::Authentication { user_id, approval_data: approval, state: json(&ceremony)? };
    let session_id = keep(call, &setup.application_id, ceremony, timeout).await?;
    Ok(AuthenticationBegun { session_id, offer, allowed })
}

/// The application behind a client.
async fn application(call: &Call, client_id: &str) -> Result<Application, ApiError> {
    let client = call.context.client(&call.environment, client_id).await?.filter(|client| client.enabled);
    let found = client.and_then(|client: Arc<_>| application_of(&call.environment, &client).cloned());
    found.ok_or_else(|| ApiCode::ClientNotFound.into())
}

fn new_handle(call: &Call) -> Result<Vec<u8>, ApiError> {
    let mut handle = vec![0; 32];
    call.context.random.fill(&mut handle)?;
    Ok(handle)
}

async fn under_name(call: &Call, application_id: &str, username: &str) -> Result<Vec<Passkey>, ApiError> {
    // What cannot be anybody's is not looked up: Postgres calls a NUL an error.
    if !is_text(username, MAX_IDENTIFIER + 1) {
        return Ok(Vec::new());
    }
    let (environment_id, application_id) = (call.environment_id().to_owned(), application_id.to_owned());
    let username = username.to_owned();
    let work = move |store: &Store| {
        store.read(|conn| webauthn_credentials::under_name(conn, &environment_id, &application_id, &username))
    };
    Ok(call.context.catalog.look_up(work).await?)
}

async fn of_identifier(
    call: &Call,
    application_id: &str,
    kind: IdentifierKind,
    value: &str,
) -> Result<Vec<Passkey>, ApiError> {
    let Some(value) = normalized(kind, value).filter(|value| is_text(value, MAX_IDENTIFIER)) else {
        return Ok(Vec::new());
    };
    let (environment_id, application_id) = (call.environment_id().to_owned(), application_id.to_owned());
    let find = move |conn: &mut Conn<'_>| -> Result<Vec<Passkey>, StoreError> {
        let Some(person) = find_in(conn, &environment_id, &application_id, kind, &value)?.or_joining(true).person()
        else {
            return Ok(Vec::new());
        };
        let mut all = webauthn_credentials::of_user(conn, &environment_id, &person.user.id)?;
        all.retain(|passkey| passkey.application_id == application_id && passkey.removed_at.is_none());
        Ok(all)
    };
    Ok(call.context.catalog.look_up(move |store| store.snapshot(find)).await?)
}

fn json(state: &impl serde::Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(state).map_err(|error| ApiError::from(ApiCode::ServerError).with_detail(error.to_string()))
}

/// Keeps a ceremony, and gives its name.
async fn keep(call: &Call, application_id: &str, ceremony: Ceremony, timeout: i64) -> Result<String, ApiError> {
    let session_id = random_id(&*call.context.random)?;
    let now = call.now();
    let pending = PendingCeremony {
        id: Secret::new(&session_id).hash(),
        application_id: application_id.to_owned(),
        ceremony,
        network: call.client_address.map(|address| network_of(address).to_string()).unwrap_or_default(),
        expires_at: now.saturating_add(timeout),
    };
    let environment_id = call.environment_id().to_owned();
    let kept: bool = call
        .context
        .catalog
        .work(move |store| {
            store.transact(|conn| webauthn_ceremonies::insert(conn, &environment_id, &pending, now, MOST_PER_NETWORK))
        })
        .await?;
    if kept {
        return Ok(session_id);
    }
    let detail = format!("{MOST_PER_NETWORK} ceremonies of the network wait");
    Err(ApiError::from(ApiCode::TooManyRequests).with_detail(detail).after(RETRY_AFTER))
}

impl From<BeginError> for ApiError {
    fn from(error: BeginError) -> Self {
        match error {
            BeginError::Random(error) => error.into(),
            BeginError::Refused(refusal) => ApiError::from(ApiCode::InvalidInput).with_detail(refusal.to_string()),
        }
    }
}
