//! `authenticateEndUserApplication`: an application's own token, for its key.

use std::sync::{Arc, LazyLock};

use super::{EVERY_SERVICE, MosaicToken, OperationRequest, Ordered, issue};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::SubjectType,
        order::TokenOrder,
        secret::{Secret, SecretHash},
    },
    oauth::error::OAuthError,
    operations::{
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
        throttle::Who,
    },
};

/// What an unknown application's key is compared with, so that it costs what a wrong key costs.
static NOBODYS_KEY: LazyLock<SecretHash> = LazyLock::new(|| Secret::new("nobody").hash());

/// What an application presents.
#[derive(Debug, Clone)]
pub struct ApplicationCredentials {
    /// UUID of its tenant.
    pub tenant_id: String,
    /// UUID of its environment.
    pub environment_id: String,
    /// Its UUID.
    pub application_id: String,
    /// Its key.
    pub key: Secret,
}

/// A token of the application, of the environment that it names.
///
/// # Errors
/// One and the same for an unknown environment, an unknown application, and a wrong key.
pub async fn authenticate_end_user_application(
    context: &Context,
    endpoint: &Arc<EnvironmentSnapshot>,
    credentials: &ApplicationCredentials,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    let wrong = || MosaicError::new(MosaicCode::ApplicationNotActive, "Invalid application or application key");
    let named = context.catalog.environment(&credentials.tenant_id, &credentials.environment_id);
    // Where the endpoint is that of another environment than the default one, it speaks of that one only.
    let is_open = |named: &Arc<EnvironmentSnapshot>| {
        endpoint.environment.is_default || named.environment.id == endpoint.environment.id
    };
    let environment = named.filter(is_open);
    let at = environment.as_ref().unwrap_or(endpoint);
    issue(context, at, request, async |record| {
        record.application_id = Some(credentials.application_id.chars().take(64).collect());
        let who = Who {
            environment_id: &at.environment.id,
            client_id: &credentials.application_id,
            address: request.client_address,
        };
        let attempt = context.throttle.secret(who, context.clock.now_millis()).map_err(OAuthError::from)?;
        let application =
            environment.as_ref().and_then(|environment| environment.applications.get(&credentials.application_id));
        let kept = application.and_then(|application| application.key);
        let is_right = kept.as_ref().unwrap_or(&NOBODYS_KEY).matches(&credentials.key) & kept.is_some();
        let (Some(application), true) = (application, is_right) else {
            if let Some(attempt) = attempt {
                attempt.failed(context.clock.now_millis()).map_err(OAuthError::from)?;
            }
            return Err(wrong());
        };
        if !application.enabled {
            return Err(MosaicCode::ApplicationNotActive.into());
        }
        let now = context.clock.now();
        let expires_at = now.saturating_add(at.environment.access_token_lifetime);
        let audience = vec![EVERY_SERVICE.to_owned()];
        let mut order = TokenOrder::new(&application.id, SubjectType::EndUserApplication, audience, now, expires_at);
        order.claims.insert("applicationId".to_owned(), application.id.as_str().into());
        order.claims.insert("name".to_owned(), application.name.as_str().into());
        let environment = Arc::clone(at);
        Ok(Ordered { client_id: application.id.clone(), home_environment_id: None, environment, order })
    })
    .await
}
