//! The access-token enrichment webhook: an application's own word on its users, as the claim `extensions`.

mod answer;
mod breaker;
mod calls;

use std::{sync::Arc, time::Duration};

use serde::Serialize;
use serde_json::Value;

use super::{context::Context, delegate::DelegateError};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::{EnvironmentSnapshot, OpenedWebhook},
    domain::{
        application::OnFailure,
        random::random_uuid,
        timestamp::iso_8601,
        trace::{TRACEPARENT, Trace},
        user::User,
    },
    jose::mac::hmac_sha256_hex,
    outbound::Limits,
};
pub use calls::{HookCalls, HookCounters};

/// What a call may cost. The caller of the token endpoint waits for it.
const LIMITS: Limits =
    Limits { connect: Duration::from_secs(1), total: Duration::from_secs(3), max_body: answer::MAX_BYTES };
const MESSAGE_TYPE: &str = "EndUserAccessTokenEnrichment";
const MESSAGE_VERSION: &str = "1.0";
/// HMAC-SHA256 over the exact body, lower-case hexadecimal.
const SIGNATURE: &str = "x-mosaic-signature";

/// Whom a token is about to be made for.
pub(super) struct Subject<'a> {
    pub application_id: &'a str,
    pub user: &'a User,
    pub profile_id: &'a str,
    pub subject_id: &'a str,
    pub session_id: &'a str,
}

#[derive(Serialize)]
struct Message<'a> {
    message_id: String,
    message_type: &'static str,
    message_version: &'static str,
    timestamp: String,
    payload: Payload<'a>,
}

#[derive(Serialize)]
struct Payload<'a> {
    tenant_id: &'a str,
    environment_id: &'a str,
    application_id: &'a str,
    user_id: &'a str,
    profile_id: &'a str,
    subject_id: &'a str,
    email: Option<&'a str>,
    name: Option<&'a str>,
    session_id: &'a str,
}

/// What the application's webhook says of the user; `None` if it has no webhook, or a failing one that it can do without.
///
/// # Errors
/// The webhook failed, and the application wants no token then.
pub(super) async fn extensions(
    context: &Context,
    environment: &Arc<EnvironmentSnapshot>,
    subject: &Subject<'_>,
    request_id: &str,
    trace: Option<Trace>,
) -> Result<Option<Value>, DelegateError> {
    let Some(hook) = environment.webhooks.get(subject.application_id) else { return Ok(None) };
    let said = call(context, environment, hook, subject, trace).await;
    record(context, environment, subject, request_id, trace, &said).await?;
    match said {
        Ok(extensions) => Ok(Some(extensions)),
        Err(reason) if hook.on_failure == OnFailure::IssueWithoutExtensions => {
            log::warn!(request_id, trace_id = trace; "a token without extensions: the webhook of application {} failed: {reason}", subject.application_id);
            Ok(None)
        }
        Err(reason) => Err(DelegateError::Enrichment(reason)),
    }
}

async fn call(
    context: &Context,
    environment: &EnvironmentSnapshot,
    hook: &OpenedWebhook,
    subject: &Subject<'_>,
    trace: Option<Trace>,
) -> Result<Value, String> {
    let admitted = context.hook_calls.admit(subject.application_id, context.clock.now_millis())?;
    let said = ask(context, environment, hook, subject, trace).await;
    admitted.ended(said.is_ok(), context.clock.now_millis());
    said
}

async fn ask(
    context: &Context,
    environment: &EnvironmentSnapshot,
    hook: &OpenedWebhook,
    subject: &Subject<'_>,
    trace: Option<Trace>,
) -> Result<Value, String> {
    let body =
        message(context, environment, subject).map_err(|error| format!("the message cannot be made: {error}"))?;
    let secret = hook.secret.as_ref().ok_or_else(|| "its secret cannot be opened with this master key".to_owned())?;
    let signature = hmac_sha256_hex(secret.reveal().as_bytes(), &body).map_err(|error| error.to_string())?;
    let mut headers = vec![(SIGNATURE, signature)];
    if let Some(trace) = trace {
        headers.push((TRACEPARENT, trace.onward(&*context.random).map_err(|error| error.to_string())?));
    }
    let answer = context.outbound.post_json(&hook.url, body, &headers, LIMITS).await;
    answer::extensions(&answer.map_err(|error| error.to_string())?)
}

fn message(
    context: &Context,
    environment: &EnvironmentSnapshot,
    subject: &Subject<'_>,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let Subject { application_id, user, profile_id, subject_id, session_id } = *subject;
    let message = Message {
        message_id: random_uuid(&*context.random)?,
        message_type: MESSAGE_TYPE,
        message_version: MESSAGE_VERSION,
        // Receivers refuse what is older than two minutes: a recorded message cannot be sent again for long.
        timestamp: iso_8601(context.clock.now_millis()),
        payload: Payload {
            tenant_id: &environment.environment.tenant_id,
            environment_id: &environment.environment.id,
            application_id,
            user_id: &user.id,
            profile_id,
            subject_id,
            email: user.email.as_deref(),
            name: user.name.as_deref(),
            session_id,
        },
    };
    Ok(serde_json::to_vec(&message)?)
}

/// One record for each call: what an answer added to a token must be traceable to it.
async fn record(
    context: &Context,
    environment: &EnvironmentSnapshot,
    subject: &Subject<'_>,
    request_id: &str,
    trace: Option<Trace>,
    said: &Result<Value, String>,
) -> Result<(), DelegateError> {
    let outcome = if said.is_ok() { Outcome::Success } else { Outcome::Failed };
    let mut record = AuditRecord::new(Event::WebhookCalled, outcome, request_id, context.clock.now_millis());
    record.trace_id = trace.map(|trace| trace.to_string());
    record.environment_id = Some(environment.environment.id.clone());
    record.subject = Some(subject.user.id.clone());
    record.application_id = Some(subject.application_id.to_owned());
    record.detail = said.as_ref().err().cloned();
    let committed = context.audit.commit(record).await;
    committed.map_err(|error| DelegateError::Store(crate::store::StoreError::Unavailable(error.to_string())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_has_the_names_of_the_contract() {
        let message = Message {
            message_id: "m".to_owned(),
            message_type: MESSAGE_TYPE,
            message_version: MESSAGE_VERSION,
            timestamp: iso_8601(0),
            payload: Payload {
                tenant_id: "t",
                environment_id: "e",
                application_id: "a",
                user_id: "u",
                profile_id: "p",
                subject_id: "s",
                email: None,
                name: Some("n"),
                session_id: "i",
            },
        };
        let expected = serde_json::json!({
            "message_id": "m",
            "message_type": "EndUserAccessTokenEnrichment",
            "message_version": "1.0",
            "timestamp": "1970-01-01T00:00:00.000Z",
            "payload": {
                "tenant_id": "t", "environment_id": "e", "application_id": "a", "user_id": "u", "profile_id": "p",
                "subject_id": "s", "email": null, "name": "n", "session_id": "i",
            },
        });
        assert_eq!(serde_json::to_value(message).expect("JSON"), expected);
    }
}
