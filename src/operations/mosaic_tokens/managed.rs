//! Managed service accounts: at home in one environment, let in by others.
//!
//! Nothing of an environment can be had from another one, except what an environment itself opens: it names the service
//! account and what it may do (`[[managed_service]]`). Everything else is answered like an environment that does not exist.

use std::sync::Arc;

use super::{
    MosaicToken, OperationRequest, Ordered, issue,
    service_account::{authenticated, order},
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        claims::{MAX_ANCESTORS, SubjectType},
        client::{Client, Permissions},
        exchange::Standing,
        order::TokenOrder,
        permission,
    },
    jose::{access_token::VerifiedToken, unverified::UnverifiedToken},
    oauth::credentials::ClientCredentials,
    operations::{
        caller::{check_active, token_refused},
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
        standing::gather_standing,
    },
};

/// Which environment a token is for.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// UUID of its tenant.
    pub tenant_id: Option<String>,
    /// Its UUID.
    pub environment_id: Option<String>,
}

/// A token of the managed service account for the target environment; for its own where none is named.
///
/// # Errors
/// The credentials are wrong, or the target does not let the account in.
pub async fn authenticate_managed_service_account(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
    target: &Target,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let client = authenticated(context, environment, credentials, request, record).await?;
        let now = context.clock.now();
        let (target, permissions) = match (&target.tenant_id, &target.environment_id) {
            (None, None) => (Arc::clone(environment), client.permissions.clone()),
            (Some(tenant), Some(id)) => let_in(context.catalog.environment(tenant, id), environment, &client)?,
            _ => {
                let message = "targetTenantId and targetEnvironmentId are given together or not at all";
                return Err(MosaicError::new(MosaicCode::ArgumentInvalid, message));
            }
        };
        Ok(managed_order(&client, target, environment, &permissions, now))
    })
    .await
}

/// The same for the environment of a management token, for as long as that token lives at most.
///
/// # Errors
/// The credentials or the token are wrong, or the token's environment does not let the account in.
pub async fn authenticate_managed_service_account_for(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    credentials: &ClientCredentials,
    management_jwt: &str,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let client = authenticated(context, environment, credentials, request, record).await?;
        let (target, scope) = environment_of(context, management_jwt).await?;
        let (target, permissions) = let_in(Some(target), environment, &client)?;
        let ordered = managed_order(&client, target, environment, &permissions, context.clock.now());
        let mut anc = scope.anc.clone();
        anc.push(scope.jti.clone());
        if anc.len() > MAX_ANCESTORS {
            let refusal = MosaicError::from(MosaicCode::AccessTokenInvalid);
            return Err(refusal.with_detail("managementJWT has the most ancestors that a token may have"));
        }
        let order = TokenOrder {
            expires_at: ordered.order.expires_at.min(scope.exp),
            anc,
            anc_facts: AncestorFacts::of(&scope),
            ..ordered.order
        };
        Ok(Ordered { order, ..ordered })
    })
    .await
}

fn managed_order(
    client: &Client,
    target: Arc<EnvironmentSnapshot>,
    home: &Arc<EnvironmentSnapshot>,
    permissions: &Permissions,
    now: i64,
) -> Ordered {
    // At home it is a service account like any other, so that what holds of those holds of it.
    let is_home = target.environment.id == home.environment.id;
    let kind = if is_home { SubjectType::ServiceAccount } else { SubjectType::ManagedServiceAccount };
    let mut order = order(client, kind, permissions, &target, now);
    // The record is that of the home's request.
    order.rule = (!is_home).then(|| format!("managed_service of environment {}", target.environment.id));
    let home_environment_id = (!is_home).then(|| home.environment.id.clone());
    Ordered { client_id: client.id.clone(), home_environment_id, environment: target, order }
}

/// The target and what the client may do there, if the target lets it in.
fn let_in(
    target: Option<Arc<EnvironmentSnapshot>>,
    home: &Arc<EnvironmentSnapshot>,
    client: &Client,
) -> Result<(Arc<EnvironmentSnapshot>, Permissions), MosaicError> {
    let unknown = || MosaicError::from(MosaicCode::EnvironmentNotFound);
    let target = target.ok_or_else(unknown)?;
    if target.environment.id == home.environment.id {
        return Ok((target, client.permissions.clone()));
    }
    let permissions = permission::let_in(&target.managed_services, &client.id, &home.environment.id);
    let permissions =
        permissions.ok_or_else(|| unknown().with_detail("the environment does not let the service account in"))?;
    check_active(&target)?;
    Ok((target, permissions))
}

/// The environment that made a management token, which must be good.
async fn environment_of(
    context: &Context,
    token: &str,
) -> Result<(Arc<EnvironmentSnapshot>, Arc<VerifiedToken>), MosaicError> {
    // What the token says of itself picks the environment whose keys check it, and nothing else.
    let claims = UnverifiedToken::parse(token).map_err(token_refused)?.claims().unwrap_or_default();
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).unwrap_or_default();
    let not_ours = || MosaicError::from(MosaicCode::JwtIsNotMosaicToken);
    let environment = context.catalog.environment(text("tenantId"), text("environmentId")).ok_or_else(not_ours)?;
    let verified = environment.verify(token, context.clock.now()).map_err(token_refused)?;
    let manages = [SubjectType::ServiceAccount, SubjectType::UserAccount];
    if !verified.subject_type.is_some_and(|kind| manages.contains(&kind)) || verified.cnf.is_some() {
        return Err(MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail("not a management token"));
    }
    if gather_standing(context, &environment, Some(&verified)).await? != Standing::Good {
        return Err(MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail("its owner is disabled or gone"));
    }
    Ok((environment, verified))
}
