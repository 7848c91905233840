//! `generateLongLivedToken`: a user's token that lives for weeks. The one place where a derived token outlives what it
//! came from; the permission that allows it stands in the audit record as the rule.

use std::sync::Arc;

use super::{MosaicToken, OperationRequest, Ordered, issue};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        ancestry::AncestorFacts,
        claims::{MAX_ANCESTORS, RESERVED_CLAIMS, SubjectType, USER_CLAIMS},
        client::Permissions,
        environment::{MIN_ACCESS_TOKEN_LIFETIME, SigningAlg},
        exchange::Standing,
        order::TokenOrder,
        permission::{ID_SERVICE, as_rule},
        signing_key::KeyState,
        subject::SubjectToken,
    },
    jose::access_token::VerifiedToken,
    operations::{
        caller::{Caller, is_addressed_to, token_refused},
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
        standing::{gather_standing, revoked_by},
    },
    store::{Store, StoreError, environments, sessions, signing_keys},
};

/// What allows it.
pub const PERMISSION: &str = "ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN";
/// How long it lives when the caller does not say: 30 days, in seconds.
pub const DEFAULT_VALIDITY: i64 = 30 * DAY;
/// The longest that can be asked for: a year, in seconds.
const MAX_VALIDITY: i64 = 365 * DAY;
const DAY: i64 = 86_400;

/// The claim that is kept besides those of every user: guards of the platform's services read it.
const TAGS: &str = "tags";

/// A token that says of the user what `user_token` says, for `validity` seconds.
///
/// # Errors
/// The caller may not, the user's token is not acceptable, or the validity is out of bounds.
pub async fn generate_long_lived_token(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: Result<&Caller, MosaicError>,
    user_token: &str,
    validity: i64,
    request: &OperationRequest<'_>,
) -> Result<MosaicToken, MosaicError> {
    issue(context, environment, request, async |record| {
        let caller = caller?;
        record.authenticated_as(caller.token().client_id.clone());
        caller.require(ID_SERVICE, PERMISSION)?;
        check_validity(validity)?;
        let user = check_user(context, environment, user_token).await?;
        check_addressee(environment, caller.token(), &user)?;
        record.subject = Some(user.sub.clone());
        let now = context.clock.now();
        let order = order(&user, now, now.saturating_add(validity))?;
        let environment = keep(context, environment, &user, order.expires_at).await?;
        // Once more: a revocation from before the keys were told to live on does not reach as far as this token will.
        if revoked_by(context, &environment, &user)?.is_some() {
            return Err(MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail("userToken is revoked"));
        }
        Ok(Ordered::to(caller, &environment, order))
    })
    .await
}

fn check_validity(validity: i64) -> Result<(), MosaicError> {
    if validity < MIN_ACCESS_TOKEN_LIFETIME {
        return Err(MosaicCode::AccessTokenLifetimeInsufficient.into());
    }
    if validity > MAX_VALIDITY {
        let message = format!("validityDurationInSeconds is {MAX_VALIDITY} at most");
        return Err(MosaicError::new(MosaicCode::ArgumentInvalid, message));
    }
    Ok(())
}

async fn check_user(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    user_token: &str,
) -> Result<Arc<VerifiedToken>, MosaicError> {
    let invalid = |detail: &str| MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail(detail);
    let user = environment.verify(user_token, context.clock.now()).map_err(token_refused)?;
    if !matches!(user.subject_type, Some(SubjectType::UserAccount | SubjectType::EndUserAccount)) {
        return Err(invalid("userToken is not that of a user"));
    }
    if user.act.is_some() || user.may_act.is_some() || user.cnf.is_some() {
        // Who acts for a user for a moment must not get to do so for weeks; and what is bound stays bound.
        return Err(invalid("userToken is a delegated or a bound one"));
    }
    match gather_standing(context, environment, Some(&user)).await? {
        Standing::Good => Ok(user),
        Standing::UserDisabled => Err(MosaicCode::UserDisabled.into()),
        Standing::ApplicationDisabled => Err(MosaicCode::ApplicationNotActive.into()),
        _ => Err(invalid("whoever userToken was issued to is disabled or gone")),
    }
}

/// Whether the user's token is for this server, or the caller's own. The new one is issued to the caller, who may exchange
/// it: a service that was merely shown a token for others must not make it its own here (confused deputy).
fn check_addressee(
    environment: &EnvironmentSnapshot,
    caller: &SubjectToken,
    user: &SubjectToken,
) -> Result<(), MosaicError> {
    let is_own = user.client_id == caller.client_id && user.home_environment_id() == caller.home_environment_id();
    if is_own || is_addressed_to(user, &environment.issuer, ID_SERVICE) {
        return Ok(());
    }
    let said = format!("userToken is addressed to others: its aud must have {ID_SERVICE} or {}", environment.issuer);
    Err(MosaicError::new(MosaicCode::AccessTokenInvalid, said).with_detail("userToken is addressed to others"))
}

fn order(user: &SubjectToken, now: i64, expires_at: i64) -> Result<TokenOrder, MosaicError> {
    let mut anc = user.anc.clone();
    anc.push(user.jti.clone());
    if anc.len() > MAX_ANCESTORS {
        let refusal = MosaicError::from(MosaicCode::AccessTokenInvalid);
        return Err(refusal.with_detail("userToken has the most ancestors that a token may have"));
    }
    let kind = user.subject_type.unwrap_or(SubjectType::EndUserAccount);
    let kept = |name: &str| USER_CLAIMS.contains(&name) || name == TAGS || !RESERVED_CLAIMS.contains(&name);
    let claims = user.other.iter().filter(|(name, _)| kept(name)).map(|(name, value)| (name.clone(), value.clone()));
    let permissions = user.other.get("permissions").map(|claim| serde_json::from_value::<Permissions>(claim.clone()));
    let unreadable = |_| MosaicError::from(MosaicCode::AccessTokenInvalid).with_detail("permissions are not readable");
    Ok(TokenOrder {
        scope: user.scope.clone(),
        anc,
        anc_facts: AncestorFacts::of(user),
        permissions: permissions.transpose().map_err(unreadable)?,
        claims: claims.collect(),
        rule: Some(as_rule(ID_SERVICE, PERMISSION)),
        ..TokenOrder::new(&user.sub, kind, user.aud.clone(), now, expires_at)
    })
}

/// Makes sure that the keys, and the sessions that the token comes of, stay known for as long as it lives: whoever revokes one of those
/// sessions means the token too. By the day, so that not each token writes.
async fn keep(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    user: &SubjectToken,
    expires_at: i64,
) -> Result<Arc<EnvironmentSnapshot>, MosaicError> {
    let until = expires_at.div_euclid(DAY).saturating_add(1).saturating_mul(DAY);
    let (id, now) = (environment.environment.id.clone(), context.clock.now());
    // Postgres keeps no NUL, and no session of ours has one in its id.
    let all = user.sessions().chain(user.anc_facts.sids.iter().map(String::as_str)).filter(|id| !id.contains('\0'));
    let of_sessions: Vec<String> = all.map(str::to_owned).collect();
    let kept = context.catalog.change(move |store| {
        lengthen(store, &id, until, now)?;
        if of_sessions.is_empty() {
            return Ok(());
        }
        store.transact(|conn| sessions::keep(conn, &id, &of_sessions, until))
    });
    let kept = kept.await;
    kept.map_err(|error| super::failed(crate::operations::context::database_failed("keys and sessions", &error)))?;
    let id = &environment.environment.id;
    context.catalog.environment_by_id(id).ok_or_else(|| MosaicCode::EnvironmentNotFound.into())
}

fn lengthen(store: &Store, environment_id: &str, until: i64, now: i64) -> Result<(), StoreError> {
    let signs = |key: &signing_keys::StoredKey| {
        let state = key.schedule.state(now);
        key.alg == SigningAlg::RS256 && matches!(state, KeyState::Active | KeyState::Published)
    };
    let is_short = |key: &signing_keys::StoredKey| signs(key) && key.schedule.tokens_until < until;
    if !store.read(|conn| signing_keys::list(conn, environment_id))?.iter().any(is_short) {
        return Ok(());
    }
    store.transact(|conn| {
        environments::touch(conn, environment_id, now)?;
        for key in signing_keys::list(conn, environment_id)?.into_iter().filter(is_short) {
            let schedule = key.schedule.with_token_until(until);
            signing_keys::update_schedule(conn, environment_id, &key.kid, &schedule)?;
        }
        Ok(())
    })
}
