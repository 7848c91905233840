//! Whether those behind a token may still be served (law 8).

use std::sync::Arc;

use super::context::{Context, database_failed};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, exchange::Standing, revocation::RevocationKind, subject::SubjectToken},
    oauth::error::OAuthError,
};

/// The standing of the clients, the application and the user behind `token`, as far as the catalog knows them; loads what it
/// does not. No token: nothing against anybody.
pub async fn gather_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: Option<&SubjectToken>,
) -> Result<Standing, OAuthError> {
    let Some(token) = token else { return Ok(Standing::Good) };
    if let Some(kind) = revoked_by(context, environment, token)? {
        return Ok(Standing::Revoked(kind));
    }
    let application = |id: &str| environment.applications.get(id);
    // Tokens of users that are kept here have a profile; others speak of users that only somebody else knows.
    if token.profile_id.is_some() {
        let good = context.catalog.is_user_good(environment, &token.sub).await;
        if !good.map_err(|error| database_failed(&format!("user {:?}", token.sub), &error))? {
            return Ok(Standing::UserDisabled);
        }
    }
    if let Some(id) = &token.application_id
        && !application(id).is_some_and(|application| application.enabled)
    {
        return Ok(Standing::ApplicationDisabled);
    }
    let home = token.home_environment_id();
    if home.is_some() || token.subject_type == Some(SubjectType::ManagedServiceAccount) {
        // Never a client of that id here, who is somebody else.
        return managed_standing(context, environment, &token.client_id, home.unwrap_or_default()).await;
    }
    // Also the service account that the token stands for, which exchanges may have carried far from its own client id.
    let service_account = (token.subject_type == Some(SubjectType::ServiceAccount)).then_some(token.sub.as_str());
    for client_id in std::iter::once(token.client_id.as_str()).chain(service_account) {
        if let Some(application) = application(client_id) {
            // A token that an application's user got by signing in.
            if application.enabled {
                continue;
            }
            return Ok(Standing::ApplicationDisabled);
        }
        let client = context.client(environment, client_id).await?;
        if !client.is_some_and(|client| client.enabled) {
            return Ok(Standing::ClientDisabled);
        }
    }
    Ok(Standing::Good)
}

/// What takes `token` out of force, if anything does that this node knows of.
///
/// # Errors
/// The node has not heard of revocations for so long that it does not want to say.
pub fn revoked_by(
    context: &Context,
    environment: &EnvironmentSnapshot,
    token: &SubjectToken,
) -> Result<Option<RevocationKind>, OAuthError> {
    context.catalog.check_fresh().map_err(|error| database_failed("what is revoked", &error))?;
    Ok(environment.revocations.revoked_by(token, &environment.issuer))
}

/// A managed service account is at home elsewhere: there it must be enabled, and here it must be let in.
async fn managed_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client_id: &str,
    home_environment_id: &str,
) -> Result<Standing, OAuthError> {
    if !environment.managed_services.iter().any(|service| service.lets_in(client_id, home_environment_id)) {
        return Ok(Standing::ManagedServiceDisabled);
    }
    let Some(home) = context.catalog.environment_by_id(home_environment_id) else {
        return Ok(Standing::ManagedServiceDisabled);
    };
    let client = context.client(&home, client_id).await?;
    let is_good = home.environment.is_active() && client.is_some_and(|client| client.enabled);
    Ok(if is_good { Standing::Good } else { Standing::ManagedServiceDisabled })
}
