//! Whether those behind a token may still be served (law 8).

use std::sync::Arc;

use super::context::Context;
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::SubjectType, exchange::Standing, subject::SubjectToken},
    oauth::error::OAuthError,
};

/// The standing of the clients and the application behind `token`, as far as the catalog knows them; loads what it does
/// not. No token: nothing against anybody.
pub async fn gather_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: Option<&SubjectToken>,
) -> Result<Standing, OAuthError> {
    let Some(token) = token else { return Ok(Standing::Good) };
    let application = |id: &str| environment.applications.get(id);
    if let Some(id) = &token.application_id
        && !application(id).is_some_and(|application| application.enabled)
    {
        return Ok(Standing::ApplicationDisabled);
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
