//! Taking tokens out of force: one, those of a session, of a subject or of a client, with everything that came of them.

use std::sync::Arc;

use super::{
    checks::{self, invalid},
    recorded::{Permission, Subject},
};
use crate::{
    catalog::{environment::EnvironmentSnapshot, revocations::Revocations},
    domain::{
        permission::{ID_SERVICE, TOKENS_REVOKE},
        revocation::{Revocation, RevocationKind},
    },
    operations::{
        caller::{Caller, token_refused},
        context::Context,
        mosaic_error::{MosaicCode, MosaicError},
        revoke::{MAX_NAME, revoke},
    },
};

/// Revoke tokens.
pub const REVOKE_TOKENS: Permission = (ID_SERVICE, TOKENS_REVOKE);

/// What is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What it is.
    pub kind: RevocationKind,
    /// Its name.
    pub value: String,
    /// When the last token that it concerns expires, where that is known: seconds since 1970.
    pub expires_at: Option<i64>,
}

/// What was revoked.
#[derive(Debug)]
pub struct Revoked {
    /// What it is.
    pub kind: RevocationKind,
    /// Its name.
    pub value: String,
    /// Whether the token of the caller is among those that are dead now.
    pub own_token: bool,
}

impl Subject for Revoked {
    fn subject(&self) -> &str {
        &self.value
    }
}

/// The token that is given as `jti`, or whole.
///
/// # Errors
/// Both are given or neither is, or the token is none of this environment, or not any more.
pub fn token_target(
    context: &Context,
    environment: &EnvironmentSnapshot,
    jti: Option<String>,
    token: Option<String>,
) -> Result<Target, MosaicError> {
    let kind = RevocationKind::Token;
    match (jti, token) {
        (Some(jti), None) => Ok(Target { kind, value: jti, expires_at: None }),
        (None, Some(token)) => {
            let verified = environment.verify(&token, context.clock.now()).map_err(|error| {
                // Not with the code of a caller who shows a bad token: that of this caller is a good one.
                let refusal = invalid("token", "is not a token of this environment that is in force");
                refusal.with_detail(token_refused(error).detail.unwrap_or_default())
            })?;
            Ok(Target { kind, value: verified.jti.clone(), expires_at: Some(verified.exp) })
        }
        _ => Err(invalid("jti", "or token must be given, and not both")),
    }
}

/// Revokes it in the environment, whether or not there is such a thing: tokens leave no row by which that could be told.
///
/// # Errors
/// Nothing can have that name; the caller would take its own token out of force and does not say so (`even_own`); or the
/// database fails.
pub async fn revoke_target(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    caller: &Caller,
    target: Target,
    even_own: bool,
) -> Result<Revoked, MosaicError> {
    let Target { kind, value, expires_at } = target;
    checks::text("the name", &value, MAX_NAME)?;
    let now = context.clock.now();
    let own_token = concerns(environment, caller, kind, &value, now);
    if own_token && !even_own {
        let message = "this would take the caller's own token out of force; say alsoOwnToken: true if that is meant";
        return Err(MosaicError::new(MosaicCode::ArgumentInvalid, message));
    }
    revoke(context, environment, kind, value.clone(), expires_at).await?;
    Ok(Revoked { kind, value, own_token })
}

/// Whether the caller's token would be dead.
fn concerns(environment: &EnvironmentSnapshot, caller: &Caller, kind: RevocationKind, value: &str, now: i64) -> bool {
    let alone = Revocation { kind, value: value.to_owned(), revoked_at: now, expires_at: i64::MAX };
    Revocations::from_iter([alone]).revoked_by(caller.token(), &environment.issuer).is_some()
}
