//! What a session gives today: never more than was granted, and never more than would be granted now.

use super::{Check, ExchangeRequest, Granted, Policy, Presented, Refused, Standing, decide, targets::common_form};
use crate::{
    domain::{
        client::Client,
        environment::{ResourceServer, TokenForm, resource_server},
        permission::BACKEND_SERVICE,
        session::{ExchangeBasis, GrantBasis, Session},
        subject::SubjectToken,
    },
    oauth::{error::Problem, resource::is_same_target, scope::Scope},
};

/// What is decided anew each time. The rest of the token is the session's grant, unchanged.
#[derive(Debug, Clone, PartialEq)]
pub struct Renewed {
    /// The targets.
    pub audience: Vec<String>,
    /// The scope.
    pub scope: Scope,
    /// The part of it that the rule added.
    pub widened: Scope,
    /// How the targets want their tokens.
    pub form: TokenForm,
    /// Seconds since 1970; not after the end of the session.
    pub expires_at: i64,
    /// The rule that allows it, where one does.
    pub rule: Option<String>,
}

/// Decides what an access token of `session` may be now. Without targets it is for all that were granted; `scope` is what it
/// shall have. `standing` is that of everybody behind the session.
///
/// # Errors
/// * [`Problem::TargetNotAllowed`], [`Problem::ScopeNotAllowed`]: more is asked for than was granted;
/// * [`Problem::RefreshTokenRefused`]: what was granted then would not be granted now.
pub fn renew(
    client: &Client,
    session: &Session,
    standing: Standing,
    targets: &[String],
    scope: &Scope,
    policy: &Policy<'_>,
) -> Result<Renewed, Refused> {
    let grant = &session.grant;
    if session.client_id != client.id || session.is_over(policy.now) {
        return Err(refused(Check::Client, "the session is over, or that of another client"));
    }
    if let Some(target) = targets.iter().find(|target| !is_among(&grant.audience, target)) {
        return Err(Refused::new(Problem::TargetNotAllowed, Check::Audience, format!("{target:?} was not granted")));
    }
    if !scope.is_within(&grant.scope) {
        let beyond = scope.difference(&grant.scope);
        return Err(Refused::new(Problem::ScopeNotAllowed, Check::Scope, format!("{beyond} was not granted")));
    }
    if let Some(reason) = standing.reason() {
        return Err(refused(Check::Standing, reason));
    }
    let targets = if targets.is_empty() { &grant.audience } else { targets };
    let renewed = match &grant.basis {
        GrantBasis::Exchange(basis) => exchange_again(client, session, basis, (targets, scope), policy),
        GrantBasis::SignIn(_) | GrantBasis::Login(_) => sign_in_again(client, session, targets, scope, policy),
    }?;
    // Nothing that was decided now may undo what was granted then.
    let is_within = renewed.scope.is_within(&grant.scope)
        && renewed.audience.iter().all(|target| is_among(&grant.audience, target))
        && renewed.expires_at <= session.expires_at;
    if is_within { Ok(renewed) } else { Err(refused(Check::Lifetime, "more would be given than was granted")) }
}

/// A target may be spelled otherwise now than when it was granted.
fn is_among(granted: &[String], target: &str) -> bool {
    granted.iter().any(|granted| is_same_target(granted, target))
}

fn refused(check: Check, reason: impl Into<String>) -> Refused {
    Refused::new(Problem::RefreshTokenRefused, check, reason)
}

/// The exchange that the session began with, decided again by the same rule, as it is now. The end of the session stands for
/// the expiry of the tokens, which may be long past.
fn exchange_again(
    client: &Client,
    session: &Session,
    basis: &ExchangeBasis,
    (targets, scope): (&[String], &Scope),
    policy: &Policy<'_>,
) -> Result<Renewed, Refused> {
    let rule = policy.rules.iter().find(|rule| rule.name == basis.rule && rule.refresh);
    let rule = rule.ok_or_else(|| {
        refused(
            Check::Client,
            format!("the rule {:?} is gone or disabled, or gives no refresh tokens any more", basis.rule),
        )
    })?;
    let outliving = |token: &SubjectToken| SubjectToken { exp: session.expires_at, ..token.clone() };
    let (subject, actor) = (outliving(&basis.subject), basis.actor.as_ref().map(outliving));
    let presented = |token, origin| Presented { token, origin, standing: Standing::Good };
    let actor = actor.as_ref().map(|token| presented(token, super::super::rule::ISSUER_SELF));
    let only = Policy { rules: std::slice::from_ref(rule), ..*policy };
    let asked = ExchangeRequest {
        targets,
        scope: Some(scope),
        requested_token_type: basis.requested_token_type.as_deref(),
        grant_type: basis.grant_type,
    };
    let decided = decide(client, presented(&subject, &basis.origin), actor, asked, &only);
    let granted =
        decided.map_err(|why| refused(why.check, format!("would not be granted now: {}", why.reason)).by(rule))?;
    check_unchanged(session, basis, &granted).map_err(|(check, reason)| refused(check, reason).by(rule))?;
    Ok(Renewed {
        audience: granted.audience,
        scope: granted.scope,
        widened: granted.widened,
        form: granted.form,
        expires_at: granted.expires_at,
        rule: Some(granted.rule),
    })
}

/// What cannot be made less must be the same. A rule that says something else now ends the refreshing: with the old words the
/// token would say what is not allowed any more, and with the new ones what was never granted.
fn check_unchanged(session: &Session, basis: &ExchangeBasis, granted: &Granted) -> Result<(), (Check, &'static str)> {
    if granted.act != session.grant.act {
        return Err((Check::Act, "the rule has another mode now, or the issuer another name"));
    }
    if granted.claims != basis.claims {
        return Err((Check::Client, "the rule gives other claims now"));
    }
    Ok(())
}

/// What the client may have at the targets for a user who signed in to it.
fn sign_in_again(
    client: &Client,
    session: &Session,
    targets: &[String],
    scope: &Scope,
    policy: &Policy<'_>,
) -> Result<Renewed, Refused> {
    let mut servers: Vec<&ResourceServer> = Vec::new();
    let is_other = |name: &str| name != policy.issuer && name != BACKEND_SERVICE;
    let mut audience: Vec<String> = Vec::new();
    for name in targets {
        if !is_other(name) {
            audience.push(name.clone());
            continue;
        }
        let server = resource_server(policy.resource_servers, name).filter(|server| server.enabled);
        let server = server.ok_or_else(|| refused(Check::Audience, format!("{name:?} is gone or disabled")))?;
        let allowed = client.ceiling(&server.audience).intersection(&server.scopes);
        if client.access_to(&server.audience).is_none() || !scope.is_within(&allowed) {
            return Err(refused(Check::Scope, format!("{name:?} gives this client less now")));
        }
        audience.push(server.audience.clone());
        servers.push(server);
    }
    let form = common_form(&servers).map_err(|differ| refused(differ.check, differ.reason))?;
    let lifetime = servers.iter().filter_map(|server| server.max_lifetime).fold(policy.lifetime, i64::min);
    Ok(Renewed {
        audience,
        scope: scope.clone(),
        widened: Scope::empty(),
        form,
        expires_at: policy.now.saturating_add(lifetime).min(session.expires_at),
        rule: None,
    })
}
