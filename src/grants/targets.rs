//! Which resource servers a client gets a token for by its own `access`, with which scope, and in which form.

use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::{Access, Client},
        environment::{ResourceServer, TokenForm},
        order::TokenOrder,
    },
    oauth::{
        error::{OAuthError, Problem},
        scope::Scope,
    },
};

/// A target that the client may ask for, and what it may have there.
pub(super) type Target<'a> = (&'a Access, &'a ResourceServer);

/// The entries of the client's `access` that the request is about: all the named targets, or the one that its scopes
/// single out, or the only one.
pub(super) fn allowed<'a>(
    client: &'a Client,
    environment: &'a EnvironmentSnapshot,
    targets: &[String],
    requested: Option<&Scope>,
) -> Result<Vec<Target<'a>>, OAuthError> {
    let allowed: Vec<Target<'a>> = client
        .access
        .iter()
        .filter_map(|access| Some((access, environment.resource_server(&access.audience)?)))
        .filter(|(_, server)| server.enabled)
        .collect();
    if allowed.is_empty() && !client.access.is_empty() {
        // Not a client without any target: a token for something else than it ever gets would be no help.
        return Err(OAuthError::new(Problem::TargetNotAllowed, "every target of the client is disabled"));
    }
    if targets.is_empty() {
        return infer(allowed, requested);
    }
    let mut chosen: Vec<Target<'a>> = Vec::new();
    for name in targets {
        let target = allowed.iter().find(|(_, server)| server.audience == *name).ok_or_else(|| {
            OAuthError::new(Problem::TargetNotAllowed, format!("the client has no access to {name:?}"))
        })?;
        if !chosen.iter().any(|(_, server)| server.audience == *name) {
            chosen.push(*target);
        }
    }
    Ok(chosen)
}

fn infer<'a>(allowed: Vec<Target<'a>>, requested: Option<&Scope>) -> Result<Vec<Target<'a>>, OAuthError> {
    if allowed.len() <= 1 {
        return Ok(allowed);
    }
    let Some(requested) = requested else {
        return Err(OAuthError::new(Problem::TargetAmbiguous, "neither target nor scope was requested"));
    };
    let mut fitting = allowed.into_iter().filter(|(access, _)| requested.is_within(&access.scopes));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(vec![only]),
        (Some(_), Some(_)) => {
            Err(OAuthError::new(Problem::TargetAmbiguous, "no target was requested, and several have the scopes"))
        }
        // RFC 9068 §3: `invalid_scope` where the scopes belong to different resources.
        (None, _) => {
            Err(OAuthError::new(Problem::ScopeNotAllowed, "no single target of the client has all of the scopes")
                .about("scope"))
        }
    }
}

/// The scope that every target allows and knows (RFC 9068 §3); `negotiate` says which one target allows.
pub(super) fn negotiated_scope(
    access: &[Target<'_>],
    requested: Option<&Scope>,
    negotiate: impl Fn(&Access) -> Result<Scope, OAuthError>,
) -> Result<Scope, OAuthError> {
    let mut granted: Option<Scope> = None;
    for (access, server) in access {
        if let Some(unknown) = requested.map(|scope| scope.difference(&server.scopes)).filter(|s| !s.is_empty()) {
            let detail = format!("{} does not know {unknown}", server.audience);
            return Err(OAuthError::new(Problem::ScopeUnknownAtTarget, detail));
        }
        let here = negotiate(access)?.intersection(&server.scopes);
        let before = granted.unwrap_or_else(|| here.clone());
        let both = before.intersection(&here);
        if both.is_empty() && !(before.is_empty() && here.is_empty()) {
            return Err(OAuthError::new(
                Problem::NoDefaultScope,
                "the default scopes of the targets have none in common",
            )
            .about("scope"));
        }
        granted = Some(both);
    }
    Ok(granted.unwrap_or_default())
}

/// One token has one form (see `TargetsDiffer` in `docs/errors.md`).
pub(super) fn take_form(order: &mut TokenOrder, forms: impl Iterator<Item = TokenForm>) -> Result<(), OAuthError> {
    let form = TokenForm::of_all(forms);
    order.form = form.ok_or_else(|| OAuthError::new(Problem::TargetsDiffer, TokenForm::DIFFER))?;
    Ok(())
}

/// No token outlives the bound of one of its targets.
pub(super) fn shorten(order: &mut TokenOrder, servers: &[&ResourceServer]) {
    let lifetimes = servers.iter().filter_map(|server| server.max_lifetime);
    order.expires_at = lifetimes.map(|lifetime| order.issued_at + lifetime).fold(order.expires_at, i64::min);
}
