//! Tokens of end users: `generateDelegatedAccessToken`, and its short form for development.

use std::sync::Arc;

use super::{EVERY_SERVICE, MosaicToken, OperationRequest, Ordered, issue};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::SubjectType,
        order::TokenOrder,
        permission::{GENERATE_DELEGATED_ACCESS_TOKEN, USER_SERVICE, as_rule},
        user::Identity,
    },
    operations::{
        caller::Caller,
        context::Context,
        delegate::{DelegateError, Vouched, delegated_connection, delegated_user},
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// What allows tokens for development.
pub const DEV_PERMISSION: &str = "DEV_END_USER_ACCESS_TOKENS_GENERATE";
/// Who vouches for the users of development. No connection can have this name: see `connection::RESERVED_PREFIX`.
const DEV_CONNECTION: &str = "dev:users";

/// The user that a trusted service account speaks of.
#[derive(Debug, Clone)]
pub struct DelegatedLogin {
    /// The application that the user signed in to.
    pub application_id: String,
    /// The third party's name of the user.
    pub subject_id: String,
    /// Which profile; the active one when absent.
    pub unique_profile_identifier: Option<String>,
    /// Kept up to date where given.
    pub email: Option<String>,
    /// Kept up to date where given.
    pub name: Option<String>,
}

/// A token of the user, who is made if need be.
///
/// # Errors
/// The caller may not, nobody vouches for users here, the application is not there or disabled, the user is disabled, or
/// the enrichment webhook failed.
pub async fn generate_delegated_access_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: Result<&Caller, MosaicError>,
    login: DelegatedLogin,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let caller = caller?;
        record.authenticated_as(caller.token().client_id.clone());
        record.application_id = Some(login.application_id.chars().take(64).collect());
        caller.require(USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN)?;
        let connection = delegated_connection(environment)?.name.clone();
        let vouched = Vouched {
            identity: Identity { connection, subject_id: login.subject_id },
            application_id: login.application_id,
            unique_profile_identifier: login.unique_profile_identifier,
            email: login.email,
            name: login.name,
        };
        let rule = as_rule(USER_SERVICE, GENERATE_DELEGATED_ACCESS_TOKEN);
        token_of(context, environment, caller, &vouched, rule, request).await
    })
    .await
}

/// A token of a user for trying things out; of one and the same user where none is named.
///
/// # Errors
/// As with [`generate_delegated_access_token`], but that nobody need vouch for users.
pub async fn dev_generate_end_user_access_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: Result<&Caller, MosaicError>,
    application_id: String,
    user_id: Option<String>,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let caller = caller?;
        record.authenticated_as(caller.token().client_id.clone());
        record.application_id = Some(application_id.chars().take(64).collect());
        caller.require(USER_SERVICE, DEV_PERMISSION)?;
        let subject_id = user_id.unwrap_or_else(|| "developer".to_owned());
        let vouched = Vouched {
            identity: Identity { connection: DEV_CONNECTION.to_owned(), subject_id },
            application_id,
            unique_profile_identifier: None,
            email: None,
            name: None,
        };
        token_of(context, environment, caller, &vouched, as_rule(USER_SERVICE, DEV_PERMISSION), request).await
    })
    .await
}

async fn token_of(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: &Caller,
    vouched: &Vouched,
    rule: String,
    request: &OperationRequest<'_>,
) -> Result<Ordered, MosaicError> {
    let user = delegated_user(context, environment, vouched, request.request_id, request.trace).await?;
    let now = context.clock.now();
    let expires_at = now.saturating_add(environment.environment.access_token_lifetime);
    let audience = vec![EVERY_SERVICE.to_owned()];
    let mut claims = user.claims;
    if !claims.contains_key("name") {
        // Guards expect one: the next best thing that people know the user by.
        let next_best = claims.get("email").cloned().unwrap_or_else(|| user.user_id.as_str().into());
        claims.insert("name".to_owned(), next_best);
    }
    let order = TokenOrder {
        claims,
        rule: Some(rule),
        ..TokenOrder::new(user.user_id, SubjectType::EndUserAccount, audience, now, expires_at)
    };
    Ok(Ordered::to(caller, environment, order))
}

impl From<DelegateError> for MosaicError {
    fn from(error: DelegateError) -> Self {
        let detail = error.to_string();
        let code = match error {
            DelegateError::ApplicationNotActive => MosaicCode::ApplicationNotActive,
            DelegateError::ConnectionNotConfigured => MosaicCode::IdpNotConfigured,
            DelegateError::ConnectionDisabled => MosaicCode::IdpDisabled,
            DelegateError::UserDisabled => MosaicCode::UserDisabled,
            DelegateError::Argument(_) | DelegateError::TooManyProfiles => {
                return MosaicError::new(MosaicCode::ArgumentInvalid, detail);
            }
            DelegateError::Enrichment(_) => MosaicCode::WebhookFailed,
            DelegateError::Store(ref error) => {
                return super::failed(crate::operations::context::database_failed("the user", error));
            }
            DelegateError::Random(_) => MosaicCode::InternalError,
        };
        MosaicError::from(code).with_detail(detail)
    }
}
