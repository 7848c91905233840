//! The one place that mints a token and says so in the record.

use super::context::Context;
use crate::{
    audit::record::AuditRecord,
    catalog::environment::EnvironmentSnapshot,
    domain::{claims::AccessTokenClaims, client::Client, order::TokenOrder, random::random_id},
    oauth::{
        error::{OAuthError, Problem},
        response::TokenResponse,
    },
};

/// Signs the token that `order` describes and fills in `record`.
///
/// # Errors
/// There is no key to sign with, or OpenSSL failed.
pub fn issue(
    context: &Context,
    environment: &EnvironmentSnapshot,
    client: &Client,
    order: &TokenOrder,
    record: &mut AuditRecord,
) -> Result<TokenResponse, OAuthError> {
    let failed = |cause: String| OAuthError::new(Problem::ServerError, cause);
    let now = context.clock.now();
    let jti = random_id(&*context.random).map_err(|error| failed(error.to_string()))?;
    let claims = AccessTokenClaims {
        iss: &environment.issuer,
        sub: &order.subject,
        aud: &order.audience,
        client_id: &client.id,
        iat: now,
        exp: order.expires_at,
        jti: &jti,
        scope: &order.scope,
        scope_claim: order.scope_claim,
        act: order.act.as_ref(),
        may_act: order.may_act.as_ref(),
        anc: &order.anc,
        tenant_id: &environment.environment.tenant_id,
        environment_id: &environment.environment.id,
        subject_type: order.subject_type,
        permissions: order.permissions.as_ref(),
        extra: &order.claims,
    };
    let alg = order.signing_alg.unwrap_or(context.signing_alg);
    let signer = environment.keyring.signer(alg, now).ok_or_else(|| failed(format!("no active {} key", alg.as_str())))?;
    let payload = serde_json::to_vec(&claims).map_err(|error| failed(error.to_string()))?;
    let token = signer.sign(&payload).map_err(|error| failed(error.to_string()))?;
    record.issue(order, &jti);
    Ok(TokenResponse::bearer(token, order.issued_token_type, order.expires_at - now, &order.scope))
}
