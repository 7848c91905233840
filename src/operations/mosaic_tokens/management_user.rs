//! `devGenerateUserAccessTokenWithPermissions`: a token of somebody who manages, for development.

use std::sync::Arc;

use openssl::sha::sha256;

use super::{EVERY_SERVICE, MosaicToken, OperationRequest, Ordered, issue};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        claims::SubjectType,
        client::Permissions,
        environment::{MAX_ACCESS_TOKEN_LIFETIME, MIN_ACCESS_TOKEN_LIFETIME},
        order::TokenOrder,
        permission::ID_SERVICE,
        user::{MAX_TEXT, is_text},
    },
    operations::{
        caller::Caller,
        context::Context,
        management::service_accounts::check_permissions,
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// What allows it.
const PERMISSION: &str = "DEV_SETUP_SERVICE_ACCOUNT_WITH_PERMISSIONS";
/// Who it is when the caller does not say.
const SOMEBODY: &str = "developer@example.com";

/// Who is to manage, and how.
#[derive(Debug, Clone)]
pub struct DevManager {
    /// Who.
    pub email: Option<String>,
    /// What the token allows.
    pub permissions: Permissions,
    /// Whether permissions that no service defines are refused.
    pub enforce: bool,
    /// How long it lives, in seconds; as all tokens of the environment when `None`.
    pub lifetime: Option<i64>,
}

/// A token of the manager with that e-mail address; the same subject for the same address.
///
/// # Errors
/// The caller may not, or an argument is out of bounds.
pub async fn dev_generate_user_access_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: Result<&Caller, MosaicError>,
    manager: DevManager,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let caller = caller?;
        record.authenticated_as(caller.token().client_id.clone());
        caller.require(ID_SERVICE, PERMISSION)?;
        check_permissions(environment, &manager.permissions, manager.enforce)?;
        let email = manager.email.unwrap_or_else(|| SOMEBODY.to_owned());
        if !is_text(&email, MAX_TEXT) {
            return Err(MosaicError::new(
                MosaicCode::ArgumentInvalid,
                "email is empty, too long or has control characters",
            ));
        }
        let lifetime = manager.lifetime.unwrap_or(environment.environment.access_token_lifetime);
        if lifetime < MIN_ACCESS_TOKEN_LIFETIME {
            return Err(MosaicCode::AccessTokenLifetimeInsufficient.into());
        }
        // Bounded by the environment, whose keys are kept for tokens of that age and no older.
        let lifetime = lifetime.min(environment.environment.access_token_lifetime).min(MAX_ACCESS_TOKEN_LIFETIME);
        let now = context.clock.now();
        let subject = subject_of(&environment.environment.id, &email);
        let audience = vec![EVERY_SERVICE.to_owned()];
        let mut order = TokenOrder::new(subject, SubjectType::UserAccount, audience, now, now.saturating_add(lifetime));
        order.permissions = Some(manager.permissions);
        for name in ["name", "email"] {
            order.claims.insert(name.to_owned(), email.as_str().into());
        }
        Ok(Ordered::to(caller, environment, order))
    })
    .await
}

/// A UUID that follows from the address: managers have no records here.
fn subject_of(environment_id: &str, email: &str) -> String {
    let hash = sha256(format!("tessera manager\0{environment_id}\0{email}").as_bytes());
    let bytes = hash.first_chunk::<16>().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}
