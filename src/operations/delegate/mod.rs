//! Users who signed in elsewhere: from the word of an identity connection to the user that a token is for.
//!
//! The engine behind `generateDelegatedAccessToken` and behind the token exchange of subject ids and foreign tokens. Whether
//! the caller may have the token is decided before: here a user is made, and a webhook called.

mod user;

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{context::Context, enrich};
use crate::{
    catalog::{environment::EnvironmentSnapshot, users::KnownUser},
    domain::{
        connection::{IdentityConnection, IdentityProvider},
        random::{RandomError, random_uuid},
        trace::Trace,
        user::{Identity, MAX_PROFILES, MAX_SUBJECT_ID, MAX_TEXT, is_text},
    },
    oauth::error::{OAuthError, Problem},
    store::StoreError,
};
use user::Wanted;

/// The user whom a token is wanted for, in the words of somebody who may vouch for users.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// Who vouches, and what the user is called there.
    pub identity: Identity,
    /// The application that the user signed in to.
    pub application_id: String,
    /// Which profile; the user's active one when absent.
    pub unique_profile_identifier: Option<String>,
    /// Kept up to date where given.
    pub email: Option<String>,
    /// Kept up to date where given.
    pub name: Option<String>,
}

/// The user, and what the claims of a token say of the user.
#[derive(Debug, Clone)]
pub struct DelegatedUser {
    /// `sub`.
    pub user_id: String,
    /// `applicationId`, `profileId`, `sessionId`, `extensions`, `email`, `name`.
    pub claims: Map<String, Value>,
}

/// Why there is no token for the user.
#[derive(Debug, thiserror::Error)]
pub enum DelegateError {
    /// There is no such application, or it is disabled.
    #[error("there is no enabled application with that id")]
    ApplicationNotActive,
    /// Nobody vouches for users here.
    #[error("no identity connection of that kind is configured")]
    ConnectionNotConfigured,
    /// Nobody vouches for users here any more.
    #[error("every identity connection of that kind is disabled")]
    ConnectionDisabled,
    /// The user is disabled.
    #[error("the user is disabled")]
    UserDisabled,
    /// A value cannot be kept.
    #[error("{0} is empty, too long or has control characters")]
    Argument(&'static str),
    /// The user has as many profiles as a user may have.
    #[error("the user has {} profiles already", MAX_PROFILES)]
    TooManyProfiles,
    /// The enrichment webhook failed, and the application wants no token then.
    #[error("the enrichment webhook failed: {0}")]
    Enrichment(String),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// No id can be made.
    #[error(transparent)]
    Random(#[from] RandomError),
}

impl From<DelegateError> for OAuthError {
    fn from(error: DelegateError) -> Self {
        let detail = error.to_string();
        match error {
            DelegateError::ApplicationNotActive => {
                OAuthError::new(Problem::ApplicationNotActive, detail).about("application_id")
            }
            DelegateError::ConnectionNotConfigured | DelegateError::ConnectionDisabled => {
                OAuthError::new(Problem::ConnectionNotActive, detail)
            }
            DelegateError::UserDisabled => OAuthError::new(Problem::SubjectTokenRefused, detail),
            DelegateError::Argument(name) => OAuthError::new(Problem::InvalidParameter, detail).about(name),
            DelegateError::TooManyProfiles => {
                OAuthError::new(Problem::InvalidParameter, detail).about("unique_profile_identifier")
            }
            DelegateError::Enrichment(_) => OAuthError::new(Problem::EnrichmentFailed, detail),
            DelegateError::Store(error) => super::context::database_failed("the user", &error),
            DelegateError::Random(_) => OAuthError::new(Problem::ServerError, detail),
        }
    }
}

/// The connection by which service accounts vouch for users: the first one, in their order, that is enabled.
///
/// # Errors
/// There is none.
pub fn delegated_connection(environment: &EnvironmentSnapshot) -> Result<&IdentityConnection, DelegateError> {
    let mut delegated =
        environment.identity_connections.iter().filter(|one| one.provider == IdentityProvider::Delegated).peekable();
    if delegated.peek().is_none() {
        return Err(DelegateError::ConnectionNotConfigured);
    }
    delegated.find(|one| one.enabled).ok_or(DelegateError::ConnectionDisabled)
}

/// Checks all that can be checked before a user is made.
///
/// # Errors
/// The application is not there or disabled, or a value cannot be kept.
pub fn check(environment: &EnvironmentSnapshot, vouched: &Vouched) -> Result<(), DelegateError> {
    if !environment.applications.get(&vouched.application_id).is_some_and(|application| application.enabled) {
        return Err(DelegateError::ApplicationNotActive);
    }
    let texts = [
        ("subject_token", Some(&vouched.identity.subject_id), MAX_SUBJECT_ID),
        ("unique_profile_identifier", vouched.unique_profile_identifier.as_ref(), MAX_TEXT),
        ("email", vouched.email.as_ref(), MAX_TEXT),
        ("name", vouched.name.as_ref(), MAX_TEXT),
    ];
    for (name, text, longest) in texts {
        if text.is_some_and(|text| !is_text(text, longest)) {
            return Err(DelegateError::Argument(name));
        }
    }
    Ok(())
}

/// The user of that name, made if need be, with a new session. The application's webhook is asked for `extensions`.
///
/// # Errors
/// Those of [`check`]; the user is disabled, the webhook failed, or the database did.
pub async fn delegated_user(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    vouched: &Vouched,
    request_id: &str,
    trace: Option<Trace>,
) -> Result<DelegatedUser, DelegateError> {
    let known = signed_in_user(context, environment, vouched).await?;
    let session_id = random_uuid(&*context.random)?;
    let subject = enrich::Subject {
        application_id: &vouched.application_id,
        user: &known.user,
        profile_id: &known.profile_id,
        subject_id: &vouched.identity.subject_id,
        session_id: &session_id,
    };
    let extensions = enrich::extensions(context, environment, &subject, request_id, trace).await?;
    let mut claims = Map::new();
    for (name, value) in [
        ("applicationId", Some(&vouched.application_id)),
        ("profileId", Some(&known.profile_id)),
        ("sessionId", Some(&session_id)),
        ("email", known.user.email.as_ref()),
        ("name", known.user.name.as_ref()),
    ] {
        if let Some(value) = value {
            claims.insert(name.to_owned(), value.as_str().into());
        }
    }
    if let Some(extensions) = extensions {
        claims.insert("extensions".to_owned(), extensions);
    }
    Ok(DelegatedUser { user_id: known.user.id.clone(), claims })
}

/// The user of that name, made if need be. Nobody else is asked.
///
/// # Errors
/// Those of [`check`]; the user is disabled, or the database failed.
pub async fn signed_in_user(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    vouched: &Vouched,
) -> Result<Arc<KnownUser>, DelegateError> {
    check(environment, vouched)?;
    let known = known_user(context, environment, vouched).await?;
    if known.user.enabled { Ok(known) } else { Err(DelegateError::UserDisabled) }
}

/// From memory, if nothing new is said of the user; else from the database, where it is made or brought up to date.
async fn known_user(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    vouched: &Vouched,
) -> Result<Arc<KnownUser>, DelegateError> {
    // Taken before the database is read: see `Users`.
    let memory = environment.users();
    let profile = vouched.unique_profile_identifier.as_deref();
    if let Some(known) = memory.get(&vouched.identity, profile)
        && user::says_nothing_new(vouched, &known.user)
    {
        return Ok(known);
    }
    let wanted = Wanted {
        environment_id: environment.environment.id.clone(),
        vouched: vouched.clone(),
        random: Arc::clone(&context.random),
        now: context.clock.now(),
    };
    let found = context.catalog.work(move |store| wanted.find_or_make(store)).await?;
    let known = Arc::new(found.known);
    if found.changed {
        // Other nodes hear of it; what this one remembers of the user under other names is old now. The user as just written
        // is not remembered either: somebody may have changed, or disabled, the same one since, and been forgotten above.
        environment.forget_users();
    } else if known.user.enabled {
        memory.remember(vouched.identity.clone(), vouched.unique_profile_identifier.clone(), Arc::clone(&known));
    }
    Ok(known)
}
