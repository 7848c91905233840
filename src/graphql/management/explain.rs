//! Why an exchange is allowed or refused.

use async_graphql::{Context, Enum, InputObject, Json, Object, SimpleObject};
use serde_json::{Map, Value};

use super::manager;
use crate::{
    domain::rule::Enforcement,
    oauth::error::{OAuthError, Problem},
    operations::{
        explain::{Answer, Failed, Given, Question, RuleAnswer, ask},
        management::recorded::EXPLAIN_EXCHANGES,
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// An exchange that nobody asks for. Subject and actor are each given as a token, or as the claims that one would have.
#[derive(InputObject)]
pub(super) struct ExplainExchangeInput {
    /// The client that would ask.
    client_id: String,
    /// The subject token. It is verified as at the token endpoint.
    subject_token: Option<String>,
    /// Its type; an access token when absent.
    subject_token_type: Option<String>,
    /// The claims of a subject token that nobody has.
    subject_claims: Option<Json<Map<String, Value>>>,
    /// Who vouches for these claims: `self` when absent, or an identity connection.
    subject_issuer: Option<String>,
    /// The actor token.
    actor_token: Option<String>,
    /// The claims of an actor token that nobody has; `{}` for the client's own.
    actor_claims: Option<Json<Map<String, Value>>>,
    /// `audience`.
    audience: Option<Vec<String>>,
    /// `resource`.
    resource: Option<Vec<String>>,
    /// `scope`.
    scope: Option<String>,
    /// `requested_token_type`.
    requested_token_type: Option<String>,
    /// The application that a user signed in to elsewhere.
    application_id: Option<String>,
}

/// What the token endpoint would answer, and why.
#[derive(SimpleObject)]
pub(super) struct ExchangeExplanation {
    /// Whether there would be a token.
    allowed: bool,
    /// The rule that allows it; or that came closest, if one did.
    rule: Option<String>,
    /// What the token would hold, but for `jti`.
    claims: Option<Json<Map<String, Value>>>,
    /// Whether `sub` and more claims come from a user who is found or made only when the token is issued.
    of_a_user: bool,
    /// The machine code of the refusal.
    problem: Option<&'static str>,
    /// The condition that failed.
    failed: Option<FailedCondition>,
    /// Every rule, those that name the client first.
    rules: Vec<RuleExplanation>,
}

/// A condition that failed.
#[derive(SimpleObject)]
pub(super) struct FailedCondition {
    /// Its fixed name.
    condition: &'static str,
    /// The law behind it, 1 to 8.
    law: Option<u8>,
    /// How it failed.
    reason: String,
}

/// What one rule says.
#[derive(SimpleObject)]
pub(super) struct RuleExplanation {
    /// Its name.
    rule: String,
    /// Whether it only observes.
    observes: bool,
    /// What it says.
    verdict: RuleVerdict,
    /// The first condition that failed.
    failed: Option<FailedCondition>,
}

/// What a rule says to an exchange.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleVerdict {
    /// It allows it. The first that does decides.
    Allows,
    /// It would, if it did not only observe.
    WouldAllow,
    /// A condition fails.
    Fails,
}

impl From<Failed> for FailedCondition {
    fn from(failed: Failed) -> Self {
        Self { condition: failed.condition, law: failed.law, reason: failed.reason }
    }
}

impl From<RuleAnswer> for RuleExplanation {
    fn from(answer: RuleAnswer) -> Self {
        let observes = answer.mode_of_enforcement == Enforcement::Observe;
        let verdict = match (&answer.failed, observes) {
            (Some(_), _) => RuleVerdict::Fails,
            (None, true) => RuleVerdict::WouldAllow,
            (None, false) => RuleVerdict::Allows,
        };
        Self { rule: answer.rule, observes, verdict, failed: answer.failed.map(Into::into) }
    }
}

impl From<Answer> for ExchangeExplanation {
    fn from(answer: Answer) -> Self {
        Self {
            allowed: answer.allowed,
            rule: answer.rule,
            claims: answer.claims.map(Json),
            of_a_user: answer.of_a_user,
            problem: answer.problem,
            failed: answer.failed.map(Into::into),
            rules: answer.rules.into_iter().map(Into::into).collect(),
        }
    }
}

/// A token or claims, and not both.
fn given(
    name: &str,
    token: Option<String>,
    claims: Option<Json<Map<String, Value>>>,
) -> Result<Option<Given>, MosaicError> {
    match (token, claims) {
        (Some(token), None) => Ok(Some(Given::Token(token))),
        (None, Some(Json(claims))) => Ok(Some(Given::Claims(claims))),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            Err(MosaicError::new(MosaicCode::ArgumentInvalid, format!("{name}: give a token or claims, not both")))
        }
    }
}

fn question(input: ExplainExchangeInput) -> Result<Question, MosaicError> {
    let subject = given("subject", input.subject_token, input.subject_claims)?;
    Ok(Question {
        client_id: input.client_id,
        subject: subject
            .ok_or_else(|| MosaicError::new(MosaicCode::ArgumentInvalid, "subjectToken or subjectClaims is missing"))?,
        subject_token_type: input.subject_token_type,
        subject_issuer: input.subject_issuer,
        actor: given("actor", input.actor_token, input.actor_claims)?,
        audience: input.audience.unwrap_or_default(),
        resource: input.resource.unwrap_or_default(),
        scope: input.scope,
        requested_token_type: input.requested_token_type,
        application_id: input.application_id,
    })
}

/// A question that is no exchange request is the caller's mistake here, not the server's.
fn unanswered(error: OAuthError) -> MosaicError {
    if error.problem.status() >= 500 {
        return error.into();
    }
    // With what the claims lack; the caller wrote them.
    let said = if error.problem == Problem::InvalidParameter { error.detail.clone() } else { error.description() };
    MosaicError::new(MosaicCode::ArgumentInvalid, said).with_detail(error.detail)
}

/// What can be asked about exchanges.
#[derive(Default)]
pub(super) struct ExchangeQuery;

#[Object]
impl ExchangeQuery {
    /// What the token endpoint would answer to an exchange, and what each rule says to it. Nothing is issued. Needs
    /// `ax-id-service: EXCHANGES_EXPLAIN`.
    async fn explain_exchange(
        &self,
        ctx: &Context<'_>,
        input: ExplainExchangeInput,
    ) -> Result<Option<ExchangeExplanation>, MosaicError> {
        let manager = manager(ctx).await?;
        manager.check(EXPLAIN_EXCHANGES)?;
        let answer = ask(manager.context, manager.environment, &question(input)?).await.map_err(unanswered)?;
        Ok(Some(answer.into()))
    }
}
