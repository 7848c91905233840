//! Whether those behind a token may still be served (law 8).

use std::sync::Arc;

use super::context::{Context, database_failed};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts, claims::SubjectType, exchange::Standing, revocation::RevocationKind,
        subject::SubjectToken,
    },
    oauth::error::OAuthError,
};

/// The standing of all who are behind `token`, as far as the catalog knows them; loads what it does not. These are its client,
/// application and subject, everybody of ours who acts in it, and those of the tokens that it came of. No token: nothing against
/// anybody.
pub async fn gather_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: Option<&SubjectToken>,
) -> Result<Standing, OAuthError> {
    let Some(token) = token else { return Ok(Standing::Good) };
    if let Some(kind) = revoked_by(context, environment, token)? {
        return Ok(Standing::Revoked(kind));
    }
    let own = own_standing(context, environment, token).await?;
    if own != Standing::Good {
        return Ok(own);
    }
    let ancestors = ancestors_standing(context, environment, &token.anc_facts).await?;
    if ancestors != Standing::Good {
        return Ok(ancestors);
    }
    actors_standing(context, environment, token).await
}

/// That of those whom the token itself names.
async fn own_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: &SubjectToken,
) -> Result<Standing, OAuthError> {
    // Tokens of users that are kept here have a profile; others speak of users that only somebody else knows.
    if token.profile_id.is_some() && is_enabled(context, environment, &token.sub).await? != Some(true) {
        return Ok(Standing::UserDisabled);
    }
    if token.application_id.iter().any(|id| !is_application_good(environment, id)) {
        return Ok(Standing::ApplicationDisabled);
    }
    let home = token.home_environment_id();
    if home.is_some() || token.subject_type == Some(SubjectType::ManagedServiceAccount) {
        // Never a client of that id here, who is somebody else.
        return managed_standing(context, environment, &token.client_id, home.unwrap_or_default()).await;
    }
    // Also the service account that the token stands for, which exchanges may have carried far from its own client id.
    let service_account = (token.subject_type == Some(SubjectType::ServiceAccount)).then_some(&token.sub);
    clients_standing(context, environment, std::iter::once(&token.client_id).chain(service_account)).await
}

/// That of those behind the tokens that it came of, who are named nowhere else: the user of an actor token, and the clients that
/// it went through.
async fn ancestors_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    facts: &AncestorFacts,
) -> Result<Standing, OAuthError> {
    for user_id in &facts.user_ids {
        if is_enabled(context, environment, user_id).await? != Some(true) {
            return Ok(Standing::UserDisabled);
        }
    }
    if facts.application_ids.iter().any(|id| !is_application_good(environment, id)) {
        return Ok(Standing::ApplicationDisabled);
    }
    clients_standing(context, environment, facts.client_ids.iter()).await
}

/// That of everybody of ours who acts. `act` does not say what they are, and a name that nobody has may be a workload's, or that of
/// a user whom only somebody else knows: those who were deleted are known by the token's ancestors.
async fn actors_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    token: &SubjectToken,
) -> Result<Standing, OAuthError> {
    let facts = &token.anc_facts;
    let is_asked =
        |name: &String| *name == token.client_id || facts.user_ids.contains(name) || facts.client_ids.contains(name);
    let actors = token.act.iter().flat_map(|actor| actor.ours(&environment.issuer)).map(|actor| &actor.sub);
    for name in actors.filter(|name| !is_asked(name)) {
        if environment.applications.get(name).is_some_and(|application| !application.enabled) {
            return Ok(Standing::ApplicationDisabled);
        }
        if context.client(environment, name).await?.is_some_and(|client| !client.enabled) {
            return Ok(Standing::ClientDisabled);
        }
        if is_enabled(context, environment, name).await? == Some(false) {
            return Ok(Standing::UserDisabled);
        }
    }
    Ok(Standing::Good)
}

/// That of clients by their ids. An application is one too: its users get tokens from it by signing in.
async fn clients_standing(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client_ids: impl Iterator<Item = &String>,
) -> Result<Standing, OAuthError> {
    for client_id in client_ids {
        if let Some(application) = environment.applications.get(client_id) {
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

fn is_application_good(environment: &EnvironmentSnapshot, id: &str) -> bool {
    environment.applications.get(id).is_some_and(|application| application.enabled)
}

/// Whether the user is enabled; `None` if there is no such user.
async fn is_enabled(
    context: &Context,
    environment: &EnvironmentSnapshot,
    user_id: &str,
) -> Result<Option<bool>, OAuthError> {
    let known = context.catalog.is_user_enabled(environment, user_id).await;
    known.map_err(|error| database_failed(&format!("user {user_id:?}"), &error))
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
