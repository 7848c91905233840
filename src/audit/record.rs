//! What is recorded of one event.

use serde::Serialize;
use serde_json::Value;

use super::{counted::Counted, request::RecordedRequest};
use crate::domain::{
    exchange::Observed,
    readable::{readable, readable_ids, without_secrets},
};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// An access token was made.
    TokenIssued,
    /// A request for one was refused.
    TokenRefused,
    /// An access token was made with a refresh token.
    TokenRefreshed,
    /// A used refresh token came back: the request is refused, and the session is ended.
    RefreshTokenReplayed,
    /// A session was ended before its time.
    SessionEnded,
    /// Something that an environment consists of was made, changed or deleted.
    ManagementChanged,
    /// A request for that was refused.
    ManagementRefused,
    /// A client took a token of its own out of force.
    TokenRevoked,
    /// A client wanted to, and was refused.
    RevocationRefused,
    /// An enrichment webhook was called.
    WebhookCalled,
    /// A client was told that a session has ended, or given up.
    LogoutDelivered,
    /// A mail was sent to a user, or given up.
    MailSent,
    /// A text message was.
    TextMessageSent,
    /// A user was sent to an identity provider, to sign in to a client.
    AuthorizationStarted,
    /// A user signed in, and the client got a code.
    AuthorizationGranted,
    /// An authorization request was refused, or the user could not be signed in.
    AuthorizationRefused,
    /// A code came a second time; what the first use gave was revoked.
    AuthorizationReplayed,
    /// A user was signed in behind an application's backend.
    UserAuthenticated,
    /// A user could not be, or a call on the way there was refused.
    UserAuthenticationRefused,
    /// What a user is authenticated by was added, changed or removed.
    CredentialChanged,
    /// A request for that was refused.
    CredentialRefused,
    /// A code or a link was sent, or handed to the application for that.
    CodeSent,
    /// It was refused.
    CodeRefused,
    /// Requests without valid credentials were refused, and have no records of their own.
    RefusalsCounted,
}

impl Event {
    /// The name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::TokenIssued => "token.issued",
            Event::TokenRefused => "token.refused",
            Event::TokenRefreshed => "token.refreshed",
            Event::RefreshTokenReplayed => "refresh_token.replayed",
            Event::SessionEnded => "session.ended",
            Event::ManagementChanged => "management.changed",
            Event::ManagementRefused => "management.refused",
            Event::TokenRevoked => "token.revoked",
            Event::RevocationRefused => "revocation.refused",
            Event::WebhookCalled => "webhook.called",
            Event::LogoutDelivered => "logout.delivered",
            Event::MailSent => "mail.sent",
            Event::TextMessageSent => "text_message.sent",
            Event::AuthorizationStarted => "authorization.started",
            Event::AuthorizationGranted => "authorization.granted",
            Event::AuthorizationRefused => "authorization.refused",
            Event::AuthorizationReplayed => "authorization.replayed",
            Event::UserAuthenticated => "user.authenticated",
            Event::UserAuthenticationRefused => "user.authentication_refused",
            Event::CredentialChanged => "credential.changed",
            Event::CredentialRefused => "credential.refused",
            Event::CodeSent => "code.sent",
            Event::CodeRefused => "code.refused",
            Event::RefusalsCounted => "refusals.counted",
        }
    }
}

impl Serialize for Event {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Success,
    /// Policy or protocol said no.
    Refused,
    /// The server could not.
    Failed,
}

impl Outcome {
    /// The name in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Outcome::Success => "success",
            Outcome::Refused => "refused",
            Outcome::Failed => "failed",
        }
    }
}

/// One event. There is no member for a token or a secret: a token is named by its `jti`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditRecord {
    /// When: milliseconds since 1970.
    pub time_ms: i64,
    /// The `X-Request-Id` of the answer.
    pub request_id: String,
    /// The trace that the caller says the request belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<String>,
    /// Where; `None` outside any environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment_id: Option<String>,
    /// What happened.
    pub event: Event,
    /// How it ended.
    pub outcome: Outcome,
    /// The operation that was called, where it was not a grant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<&'static str>,
    /// The grant that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<&'static str>,
    /// Who asked: the client as it named itself, authenticated or not (`reason` says).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// `sub` of the token; or what was managed, by its id or name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// The application that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application_id: Option<String>,
    /// `act` of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub act: Option<Value>,
    /// `aud` of the token, or the targets asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// The scopes asked for.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope_requested: String,
    /// The scopes given.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope_granted: String,
    /// The scopes given that the subject token did not have: each use of `grant_scopes` shows here.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub scope_widened: String,
    /// The exchange rule that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What was asked for, where the rules were asked: for trying other rules on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Box<RecordedRequest>>,
    /// What rules that only observe would have done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub observed: Vec<Observed>,
    /// The token that was made, or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jti: Option<String>,
    /// The session of the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The tokens it came from, root first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Why it was refused: a machine code of `docs/errors.md`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Why, in words, for the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_address: Option<String>,
    /// Who made a change without a request: `cli:` and the name of somebody at the command line, or `server`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// What was changed, as it was; only the members that differ. Never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What was changed, as it is now; only the members that differ. Never a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
    /// The requests that this record stands for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counted: Option<Box<Counted>>,
    /// Whether the caller proved who it is. Not part of the record: it decides whether a refusal gets one of its own.
    #[serde(skip)]
    pub is_authenticated: bool,
}

impl AuditRecord {
    /// A record that so far says only what, when and in which request.
    pub fn new(event: Event, outcome: Outcome, request_id: impl Into<String>, time_ms: i64) -> Self {
        Self {
            time_ms,
            request_id: request_id.into(),
            trace_id: None,
            environment_id: None,
            event,
            outcome,
            operation: None,
            grant: None,
            client_id: None,
            subject: None,
            application_id: None,
            act: None,
            audience: Vec::new(),
            scope_requested: String::new(),
            scope_granted: String::new(),
            scope_widened: String::new(),
            rule: None,
            request: None,
            observed: Vec::new(),
            jti: None,
            session_id: None,
            parents: Vec::new(),
            reason: None,
            detail: None,
            client_address: None,
            operator: None,
            before: None,
            after: None,
            counted: None,
            is_authenticated: false,
        }
    }

    /// The caller has proved to be this client.
    pub fn authenticated_as(&mut self, client_id: impl Into<String>) {
        (self.client_id, self.is_authenticated) = (Some(client_id.into()), true);
    }

    /// The record without secrets and tokens in the places that a caller can write to. The last of the ways out of a request
    /// that each operation would have to mind by itself otherwise (TE-138).
    pub(super) fn cleaned(mut self) -> Self {
        for id in [&mut self.client_id, &mut self.subject, &mut self.application_id] {
            clean(id, without_secrets);
        }
        clean(&mut self.detail, readable);
        self.scope_requested = readable(&self.scope_requested);
        if self.outcome != Outcome::Success {
            self.audience = readable_ids(self.audience.iter().map(String::as_str));
        }
        self
    }
}

fn clean(text: &mut Option<String>, cleaner: impl Fn(&str) -> String) {
    *text = text.take().map(|text| cleaner(&text));
}
