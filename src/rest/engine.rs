//! Finds the operation that a request is for, lets the caller in, runs it and records it.

use std::{collections::HashMap, net::IpAddr, sync::Arc};

use jsonschema::Validator;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::{
    answer::RestAnswer,
    body::{self, ContentType},
    endpoint::{Endpoint, Method},
    endpoints,
};
use crate::{
    audit::{AuditRecord, Event, Outcome},
    catalog::environment::EnvironmentSnapshot,
    domain::trace::Trace,
    operations::{
        backend::{
            call::{Call, Incoming},
            error::{ApiCode, ApiError},
        },
        context::Context,
    },
};

/// A request, as HTTP has it.
pub struct RestRequest {
    /// The path as it is in the table, with `{name}` for parts that are not fixed.
    pub pattern: &'static str,
    /// The method.
    pub method: Method,
    /// Those parts, decoded.
    pub path: HashMap<String, String>,
    /// The parameters of the URL; or why they could not be read.
    pub query: Result<Vec<(String, String)>, ApiCode>,
    /// What the body is said to be.
    pub content_type: ContentType,
    /// The body; or why it could not be read.
    pub body: Result<Vec<u8>, ApiCode>,
    /// The values of all `Authorization` headers.
    pub authorization: Vec<Vec<u8>>,
    /// The `X-Request-Id` of the answer.
    pub request_id: String,
    /// The trace that the caller says it belongs to.
    pub trace: Option<Trace>,
    /// The caller's address.
    pub client_address: Option<IpAddr>,
}

/// Runs operations. One per node.
pub struct Engine {
    context: Context,
    /// The schemas of bodies, by `operationId`.
    validators: HashMap<&'static str, Validator>,
}

impl Engine {
    /// One that works with `context`.
    ///
    /// # Errors
    /// The schema of an operation is none; the text says whose.
    pub fn new(context: Context) -> Result<Self, String> {
        let mut validators = HashMap::new();
        for (_, endpoint) in endpoints() {
            if let Some(validator) = validator(endpoint).map_err(|error| format!("{}: {error}", endpoint.id))? {
                validators.insert(endpoint.id, validator);
            }
        }
        Ok(Self { context, validators })
    }

    /// Answers one request, and records what is to be recorded of it.
    pub async fn answer(&self, environment: Arc<EnvironmentSnapshot>, request: RestRequest) -> RestAnswer {
        let mut found = endpoints().filter(|(_, one)| one.path == request.pattern && one.method == request.method);
        let Some((_, endpoint)) = found.next() else {
            // The routes are made of the same table.
            return RestAnswer::refused(super::answer::ErrorShape::Symbol, &ApiCode::ServerError.into());
        };
        let (request_id, trace) = (request.request_id.clone(), request.trace);
        let (record, outcome) = self.run(endpoint, environment, request).await;
        let outcome = match self.record(endpoint, record, &outcome).await {
            Ok(()) => outcome,
            Err(error) => Err(error),
        };
        match outcome {
            Ok(body) => RestAnswer::done(endpoint.success, (endpoint.success != 204).then_some(&body)),
            Err(error) => {
                let level = if error.code.status() < 500 { log::Level::Info } else { log::Level::Error };
                log::log!(level, request_id = request_id.as_str(), trace_id = trace; "{}: {error}", endpoint.id);
                RestAnswer::refused(endpoint.shape, &error)
            }
        }
    }

    async fn run(
        &self,
        endpoint: &'static Endpoint,
        environment: Arc<EnvironmentSnapshot>,
        request: RestRequest,
    ) -> (AuditRecord, Result<Value, ApiError>) {
        let record = self.new_record(endpoint, &environment, &request);
        let (query, unreadable) = match request.query {
            Ok(query) => (query, None),
            // Operations without parameters ignore whatever stands there.
            Err(code) => (Vec::new(), Some(code).filter(|_| !endpoint.query.is_empty())),
        };
        let incoming = Incoming {
            authorization: request.authorization,
            path: request.path,
            query,
            request_id: request.request_id,
            trace: request.trace,
            client_address: request.client_address,
        };
        // Before the body is looked at: whoever may not call learns nothing of what can be sent.
        let admitted = Call::admit(self.context.clone(), environment, endpoint.access, incoming, record).await;
        let mut call = match admitted {
            Ok(call) => call,
            Err(refused) => {
                let (record, error) = *refused;
                return (record, Err(error));
            }
        };
        let body = request
            .body
            .map_err(ApiError::from)
            .and_then(|bytes| body::read(endpoint, self.validators.get(endpoint.id), request.content_type, &bytes));
        let body = match unreadable {
            Some(code) => Err(ApiError::from(code)),
            None => body,
        };
        let outcome = match body {
            Ok(body) => (endpoint.run)(&mut call, body).await,
            Err(error) => Err(error),
        };
        if let Err(error) = &outcome {
            // The document is made of what the table says.
            let is_declared = endpoint.refusals().any(|code| code == error.code);
            debug_assert!(is_declared, "{} does not declare {}", endpoint.id, error.code.symbol());
        }
        (call.record, outcome)
    }

    fn new_record(&self, endpoint: &Endpoint, environment: &EnvironmentSnapshot, request: &RestRequest) -> AuditRecord {
        let event = endpoint.events.map_or(Event::ManagementRefused, |events| events.done);
        let now = self.context.clock.now_millis();
        AuditRecord {
            environment_id: Some(environment.environment.id.clone()),
            trace_id: request.trace.map(|trace| trace.to_string()),
            client_address: request.client_address.map(|address| address.to_string()),
            operation: Some(endpoint.id),
            ..AuditRecord::new(event, Outcome::Success, &request.request_id, now)
        }
    }

    /// What is done and not recorded is not told: an act that nobody can account for.
    async fn record(
        &self,
        endpoint: &Endpoint,
        mut record: AuditRecord,
        outcome: &Result<Value, ApiError>,
    ) -> Result<(), ApiError> {
        let Some(events) = endpoint.events else { return Ok(()) };
        if let Err(error) = outcome {
            // That a refresh token came back is what the record is looked for by.
            if record.event != Event::RefreshTokenReplayed {
                record.event = events.refused;
            }
            record.outcome = if error.code.status() < 500 { Outcome::Refused } else { Outcome::Failed };
            record.reason = Some(error.code.symbol());
            record.detail.clone_from(&error.detail);
        }
        let recorded = self.context.audit.commit(record).await;
        recorded.map_err(|error| ApiError::from(ApiCode::Unavailable).with_detail(error.to_string()))
    }
}

/// What holds bodies against the schema of `endpoint`; `None` where it reads none.
pub(super) fn validator(endpoint: &Endpoint) -> Result<Option<Validator>, String> {
    // Definitions inside, so that each schema stands by itself.
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let Some(schema) = (endpoint.body)(&mut generator) else { return Ok(None) };
    let mut schema = Value::from(schema);
    if let Some(object) = schema.as_object_mut() {
        object.insert("$defs".to_owned(), Value::Object(generator.take_definitions(true)));
    }
    jsonschema::draft202012::new(&schema).map(Some).map_err(|error| error.to_string())
}
