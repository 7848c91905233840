//! The question as it is put from outside: tokens are verified as at the token endpoint, plain claims are taken at their word.
//! Nothing is issued, recorded, made or changed, and no webhook is called.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{
    answer::{Answer, RuleAnswer},
    explain, grant_type_of, plain,
};
use crate::{
    catalog::environment::EnvironmentSnapshot,
    domain::{
        client::Client,
        exchange::{Check, ExchangeRequest, Explanation, Presented, Refused, Standing, refused_by_all},
        order::TokenOrder,
        rule::ISSUER_SELF,
        subject::SubjectToken,
    },
    grants::{self, PresentedSubject, identity},
    oauth::{
        error::{OAuthError, Problem},
        params::{Limits, Params},
        token_type::TokenType,
    },
    operations::{
        context::Context,
        issue::{Place, preview},
        standing::gather_standing,
        subject::{Subject, gather_subject},
    },
};

/// An exchange that nobody asks for, but somebody asks about.
pub struct Question {
    /// The client that would ask. It need not be the one that asks why.
    pub client_id: String,
    /// The subject.
    pub subject: Given,
    /// `subject_token_type`; an access token when absent. For tokens only.
    pub subject_token_type: Option<String>,
    /// Who vouches for plain claims: `self` when absent, or an identity connection.
    pub subject_issuer: Option<String>,
    /// The actor token.
    pub actor: Option<Given>,
    /// `audience`.
    pub audience: Vec<String>,
    /// `resource`.
    pub resource: Vec<String>,
    /// `scope`.
    pub scope: Option<String>,
    /// `requested_token_type`.
    pub requested_token_type: Option<String>,
    /// `application_id`, where the subject signed in elsewhere.
    pub application_id: Option<String>,
}

/// A token, or what one would say.
pub enum Given {
    /// It.
    Token(String),
    /// The claims of one that nobody has.
    Claims(Map<String, Value>),
}

/// Explains one exchange in `environment`.
///
/// # Errors
/// The question is no exchange request (a parameter is missing or malformed in a way that no rule is asked about), or the server
/// cannot find out what it needs.
pub async fn ask(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    question: &Question,
) -> Result<Answer, OAuthError> {
    let refuse = |refused: &Refused| answer(refused_by_all(refused, &question.client_id, &environment.rules));
    if !environment.environment.is_active() {
        let reason = "the environment or its tenant is disabled";
        return Ok(refuse(&Refused::new(Problem::ClientAuthenticationFailed, Check::Standing, reason)));
    }
    let Some(client) = context.client(environment, &question.client_id).await? else {
        let reason = "there is no such client";
        return Ok(refuse(&Refused::new(Problem::ClientAuthenticationFailed, Check::Standing, reason)));
    };
    match gather(context, environment, &client, question).await {
        Ok(gathered) => Ok(decide(context, environment, &client, &gathered)),
        Err(error) => {
            let check = check_of(error.problem).ok_or(error.clone())?;
            Ok(refuse(&Refused::new(error.problem, check, error.detail)))
        }
    }
}

/// Everything that the rules look at.
struct Gathered {
    params: Params,
    subject: SubjectToken,
    origin: String,
    standing: Standing,
    of_a_user: bool,
    actor: Option<(SubjectToken, Standing)>,
    targets: Vec<String>,
    issued: TokenType,
}

async fn gather(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    client: &Client,
    question: &Question,
) -> Result<Gathered, OAuthError> {
    let params = params(question)?;
    let setting = plain::Setting { issuer: &environment.issuer, client_id: &client.id, now: context.clock.now() };
    let claimed = |error: String| OAuthError::new(Problem::InvalidParameter, error);
    let issued = grants::issued_token_type(&params)?;
    let targets = grants::requested_targets(&params, environment)?;
    let (subject, origin, standing, of_a_user) = match &question.subject {
        Given::Token(token) => {
            let presented = PresentedSubject { text: token, kind: subject_token_type(question)? };
            let subject = gather_subject(context, environment, client, presented, &params, None).await?;
            let standing = match &subject {
                Subject::Own(token) => gather_standing(context, environment, Some(token)).await?,
                Subject::Vouched(_) => Standing::Good,
            };
            let of_a_user = matches!(&subject, Subject::Vouched(vouched) if vouched.user.is_some());
            let presented = subject.presented(standing);
            (presented.token.clone(), presented.origin.to_owned(), standing, of_a_user)
        }
        Given::Claims(claims) => {
            let name = question.subject_issuer.as_deref().unwrap_or(ISSUER_SELF);
            let token = claimed_subject(environment, claims, name, setting)?;
            (token, name.to_owned(), Standing::Good, false)
        }
    };
    let actor = match &question.actor {
        None => None,
        Some(Given::Claims(claims)) => {
            let token = plain::actor(claims, setting).map_err(|error| claimed(format!("the actor token: {error}")))?;
            Some((token, Standing::Good))
        }
        Some(Given::Token(token)) => {
            let verified = environment.verify(token, context.clock.now());
            let verified = verified.map_err(|error| OAuthError::new(Problem::ActorTokenRefused, error.to_string()))?;
            let standing = gather_standing(context, environment, Some(&verified)).await?;
            Some(((**verified).clone(), standing))
        }
    };
    Ok(Gathered { params, subject, origin, standing, of_a_user, actor, targets, issued })
}

fn claimed_subject(
    environment: &EnvironmentSnapshot,
    claims: &Map<String, Value>,
    name: &str,
    setting: plain::Setting<'_>,
) -> Result<SubjectToken, OAuthError> {
    let claimed = |error: String| OAuthError::new(Problem::InvalidParameter, format!("the subject token: {error}"));
    if name == ISSUER_SELF {
        return plain::own_subject(claims, setting).map_err(claimed);
    }
    match environment.identity_connection(name) {
        Some(connection) if connection.enabled => plain::vouched_subject(claims, setting, connection).map_err(claimed),
        Some(_) => Err(OAuthError::new(Problem::ConnectionNotActive, "the identity connection is disabled")),
        None => Err(OAuthError::new(Problem::ConnectionNotActive, format!("there is no identity connection {name:?}"))),
    }
}

fn decide(context: &Context, environment: &EnvironmentSnapshot, client: &Client, gathered: &Gathered) -> Answer {
    // As at the endpoint: gathering may have taken a while.
    let now = context.clock.now();
    let policy = grants::policy(environment, now);
    let scope = grants::requested_scope(&gathered.params).ok().flatten();
    let request = ExchangeRequest {
        targets: &gathered.targets,
        scope: scope.as_ref(),
        requested_token_type: gathered.params.get("requested_token_type"),
        grant_type: grant_type_of(client),
    };
    let subject = Presented { token: &gathered.subject, origin: &gathered.origin, standing: gathered.standing };
    let actor = gathered.actor.as_ref();
    let actor = actor.map(|(token, standing)| Presented { token, origin: ISSUER_SELF, standing: *standing });
    let explanation = explain(client, subject, actor, request, &policy);
    let is_fit =
        explanation.decision.as_ref().err().is_none_or(|refused| refused.check != Check::Grant && client.enabled);
    let order = if is_fit && identity::is_all_that_is_wanted(client, subject, &request, actor.is_some()) {
        Some(identity::order(environment, now, subject, gathered.issued))
    } else {
        let granted = explanation.decision.as_ref().ok();
        granted.map(|granted| grants::order(&gathered.subject, granted.clone(), now, gathered.issued))
    };
    match order {
        Some(order) => allowed(environment, client, gathered.of_a_user, order, &explanation),
        None => answer(explanation),
    }
}

fn allowed(
    environment: &EnvironmentSnapshot,
    client: &Client,
    of_a_user: bool,
    order: TokenOrder,
    explanation: &Explanation<'_>,
) -> Answer {
    let mut claims = preview(Place::of(environment), &client.id, &order);
    if of_a_user {
        claims.remove("sub");
    }
    Answer {
        allowed: true,
        rule: order.rule,
        claims: Some(claims),
        of_a_user,
        problem: None,
        failed: None,
        rules: explanation.rules.iter().map(RuleAnswer::from).collect(),
    }
}

/// Of a refusal; what is allowed has claims besides.
fn answer(explanation: Explanation<'_>) -> Answer {
    let rules = explanation.rules.iter().map(RuleAnswer::from).collect();
    match explanation.decision {
        Err(refused) => Answer::refused(&refused, rules),
        Ok(granted) => Answer {
            allowed: true,
            rule: Some(granted.rule),
            claims: None,
            of_a_user: false,
            problem: None,
            failed: None,
            rules,
        },
    }
}

/// The condition that a refusal before the rules stands for; `None` where it is no answer to the question.
fn check_of(problem: Problem) -> Option<Check> {
    match problem {
        Problem::SubjectTokenRefused
        | Problem::ActorTokenRefused
        | Problem::ApplicationNotActive
        | Problem::ConnectionNotActive => Some(Check::Standing),
        Problem::DelegationNotAllowed => Some(Check::Grant),
        Problem::MalformedScope => Some(Check::Scope),
        Problem::MalformedResource => Some(Check::Audience),
        _ => None,
    }
}

fn subject_token_type(question: &Question) -> Result<TokenType, OAuthError> {
    let Some(kind) = &question.subject_token_type else { return Ok(TokenType::AccessToken) };
    TokenType::from_parameter(kind)
        .ok_or_else(|| OAuthError::new(Problem::UnsupportedTokenType, "unknown").about("subject_token_type"))
}

/// The question as the form that the endpoint would read, tokens left out: bounds and grammar are the same.
fn params(question: &Question) -> Result<Params, OAuthError> {
    let some = |name, value: &Option<String>| value.clone().map(|value| (name, value));
    let all = |name, values: &[String]| values.iter().map(|value| (name, value.clone())).collect::<Vec<_>>();
    let mut form = all("audience", &question.audience);
    form.extend(all("resource", &question.resource));
    form.extend(some("scope", &question.scope));
    form.extend(some("requested_token_type", &question.requested_token_type));
    form.extend(some("application_id", &question.application_id));
    let body =
        serde_urlencoded::to_string(form).map_err(|error| OAuthError::new(Problem::ServerError, error.to_string()))?;
    let params = Params::parse(body.as_bytes(), &Limits::default())?;
    grants::requested_scope(&params)?;
    Ok(params)
}
