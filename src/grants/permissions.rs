//! Permissions of a service account in the words of OAuth: each is the scope `serviceId:KEY` of the resource server
//! `serviceId`, so that a client can ask for fewer than it has.

use crate::{
    domain::{
        client::{Client, Permissions},
        permission::{as_scope, named_in},
    },
    oauth::{
        error::{OAuthError, Problem},
        scope::Scope,
    },
};

/// The part of a client's permissions that a request is about.
pub(super) struct Asked {
    /// The services, or the issuer, that the token is for.
    pub audience: Vec<String>,
    /// What it may do there.
    pub permissions: Permissions,
}

/// What the request asks of the client's permissions; `None` if it is not about them.
///
/// # Errors
/// It mixes them with scopes or targets of another kind: not every scope would mean something at every target
/// (RFC 9068 §3).
pub(super) fn asked(
    client: &Client,
    issuer: &str,
    targets: &[String],
    requested: Option<&Scope>,
) -> Result<Option<Asked>, OAuthError> {
    let held = &client.permissions;
    let is_service = |target: &String| held.contains_key(target) && client.access_to(target).is_none();
    let is_here = |target: &String| target == issuer;
    let (named, rest) = requested.map(|scope| named_in(scope, held)).unwrap_or_default();
    let by_target = targets.iter().any(|target| is_service(target) || is_here(target));
    if named.is_empty() && !by_target {
        return Ok(None);
    }
    if let Some(other) = targets.iter().find(|target| !held.contains_key(*target) && !is_here(target)) {
        let problem =
            if client.access_to(other).is_some() { Problem::TargetsDiffer } else { Problem::TargetNotAllowed };
        return Err(OAuthError::new(problem, format!("{other:?} is no service that the client has permissions at")));
    }
    if !rest.is_empty() {
        return Err(
            OAuthError::new(Problem::ScopeNotAllowed, format!("{rest} is no permission of the client")).about("scope")
        );
    }
    let everywhere = targets.is_empty() || targets.iter().any(is_here);
    let permissions = if requested.is_some() { named } else { held.clone() };
    let permissions: Permissions =
        permissions.into_iter().filter(|(service, _)| everywhere || targets.contains(service)).collect();
    if let Some(scope) = requested.filter(|scope| !scope.is_within(&as_scope(&permissions))) {
        let stray = scope.difference(&as_scope(&permissions));
        return Err(OAuthError::new(Problem::ScopeUnknownAtTarget, format!("no requested target knows {stray}")));
    }
    let mut audience: Vec<String> = Vec::new();
    for target in targets.iter().chain(permissions.keys().filter(|_| targets.is_empty())) {
        if !audience.contains(target) {
            audience.push(target.clone());
        }
    }
    Ok(Some(Asked { audience, permissions }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::client::{Access, ClientKind, ClientSignIn, ExchangeError};

    const ISSUER: &str = "https://id.example";

    fn client() -> Client {
        let permissions = [("media", vec!["VIEW", "EDIT"]), ("users", vec!["VIEW"])];
        let permissions = permissions.map(|(s, keys)| (s.to_owned(), keys.into_iter().map(str::to_owned).collect()));
        Client {
            id: "c".into(),
            name: "c".into(),
            kind: ClientKind::ServiceAccount,
            enabled: true,
            grants: vec![],
            access: vec![Access { audience: "api".into(), scopes: scope("read"), default_scopes: None }],
            permissions: permissions.into(),
            exchange_error: ExchangeError::default(),
            sign_in: ClientSignIn::default(),
            secrets: vec![],
        }
    }

    fn scope(text: &str) -> Scope {
        Scope::parse(text).expect("a scope")
    }

    fn ask(targets: &[&str], requested: Option<&str>) -> Result<Option<(Vec<String>, String)>, Problem> {
        let targets: Vec<String> = targets.iter().map(|&target| target.to_owned()).collect();
        let requested = requested.map(scope);
        let asked = asked(&client(), ISSUER, &targets, requested.as_ref()).map_err(|error| error.problem)?;
        Ok(asked.map(|asked| (asked.audience, as_scope(&asked.permissions).to_string())))
    }

    #[test]
    fn a_client_can_ask_for_fewer_permissions_than_it_has() {
        let granted = |audience: &[&str], scope: &str| {
            Ok(Some((audience.iter().map(|&a| a.to_owned()).collect(), scope.to_owned())))
        };
        assert_eq!(ask(&[], Some("media:VIEW")), granted(&["media"], "media:VIEW"));
        assert_eq!(ask(&[], Some("media:VIEW users:VIEW")), granted(&["media", "users"], "media:VIEW users:VIEW"));
        assert_eq!(ask(&["media"], None), granted(&["media"], "media:VIEW media:EDIT"));
        assert_eq!(ask(&["media", "media"], Some("media:EDIT")), granted(&["media"], "media:EDIT"));
        assert_eq!(ask(&[ISSUER], None), granted(&[ISSUER], "media:VIEW media:EDIT users:VIEW"));
        assert_eq!(ask(&[ISSUER], Some("users:VIEW")), granted(&[ISSUER], "users:VIEW"));
    }

    #[test]
    fn what_it_does_not_have_or_what_belongs_elsewhere_is_refused() {
        assert_eq!(ask(&["media"], Some("media:DELETE")), Err(Problem::ScopeNotAllowed));
        assert_eq!(ask(&["media"], Some("users:VIEW")), Err(Problem::ScopeUnknownAtTarget));
        assert_eq!(ask(&["media", "api"], None), Err(Problem::TargetsDiffer));
        assert_eq!(ask(&["media", "other"], None), Err(Problem::TargetNotAllowed));
        assert_eq!(ask(&[], Some("media:VIEW read")), Err(Problem::ScopeNotAllowed));
        assert_eq!(ask(&["api"], Some("media:VIEW")), Err(Problem::TargetsDiffer));
    }

    #[test]
    fn other_requests_are_none_of_its_business() {
        for (targets, requested) in [(&[][..], None), (&["api"][..], Some("read")), (&["other"][..], Some("x:Y"))] {
            assert_eq!(ask(targets, requested), Ok(None));
        }
    }
}
