//! Answers in the shape that Mosaic's clients read: each error has its code, path and time at its top level.

use std::fmt::Display;

use async_graphql::{Name, PathSegment, Response, ServerError, Value, indexmap::IndexMap};
use serde::Serialize;

use crate::{
    domain::{timestamp::iso_8601, trace::Trace},
    operations::{
        counts::Counts,
        mosaic_error::{MosaicCode, MosaicError},
    },
};

/// The text of the only limit that the executor alone counts (see `schema::limited`).
const TOO_COMPLEX: &str = "Query is too complex.";
/// How long to wait when nothing better is known, in seconds.
const RETRY_AFTER: i64 = 1;
/// The most errors that are sent: a document of nothing but mistakes has hundreds.
const MAX_ERRORS: usize = 50;
/// The most characters of a path that the log keeps.
const MAX_PATH: usize = 100;

/// What an answer is to.
pub(super) struct About<'a> {
    /// Names the request in the log.
    pub request_id: &'a str,
    /// The trace that it says it belongs to.
    pub trace: Option<Trace>,
    /// The time, in milliseconds since 1970.
    pub now_millis: i64,
    /// Where errors are counted.
    pub counts: &'a Counts,
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlAnswer {
    /// The HTTP status: that of the worst error.
    pub status: u16,
    /// JSON.
    pub body: Vec<u8>,
    /// `WWW-Authenticate`, where the access token is the cause (RFC 6750 §3).
    pub challenge: Option<&'static str>,
    /// `Retry-After` in seconds, where the same request may succeed later.
    pub retry_after: Option<i64>,
}

#[derive(Serialize)]
struct Body {
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<ErrorBody>,
}

#[derive(Serialize)]
struct ErrorBody {
    message: String,
    code: &'static str,
    /// Empty where no field is at fault.
    path: Vec<PathSegment>,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<Box<serde_json::Value>>,
}

/// The answer to an executed document.
pub(super) fn of(mut response: Response, about: &About<'_>) -> GraphQlAnswer {
    // Where nothing was executed there is no data, not even none (GraphQL §7.1).
    let executed = response.errors.is_empty() || response.errors.iter().any(|error| !error.path.is_empty());
    for error in &response.errors {
        put_null(&mut response.data, &error.path);
    }
    response.errors.truncate(MAX_ERRORS);
    let errors = response.errors.into_iter().map(|error| (refusal_of(&error), error.path)).collect();
    let data = executed.then_some(response.data);
    answer(None, data, errors, about)
}

/// The executor leaves out a field that failed; it has to be there, as none (GraphQL §6.4.4).
fn put_null(data: &mut Value, path: &[PathSegment]) {
    if *data == Value::Null && path.len() == 1 {
        *data = Value::Object(IndexMap::new());
    }
    match (data, path) {
        (Value::Object(fields), [PathSegment::Field(name)]) => {
            fields.entry(Name::new(name)).or_insert(Value::Null);
        }
        (Value::Object(fields), [PathSegment::Field(name), below @ ..]) => {
            if let Some(field) = fields.get_mut(name.as_str()) {
                put_null(field, below);
            }
        }
        (Value::List(items), [PathSegment::Index(index), below @ ..]) => {
            if let Some(item) = items.get_mut(*index) {
                put_null(item, below);
            }
        }
        _ => {}
    }
}

/// The answer to a request that came to nothing.
pub(super) fn refusal(status: u16, error: MosaicError, about: &About<'_>) -> GraphQlAnswer {
    answer(Some(status), None, vec![(error, Vec::new())], about)
}

/// What an error of the executor is to the caller.
fn refusal_of(error: &ServerError) -> MosaicError {
    if let Some(refusal) = error.source::<MosaicError>() {
        return refusal.clone();
    }
    if error.source.is_some() {
        // An error that a resolver passed on by mistake: its text is not for the caller.
        return MosaicError::from(MosaicCode::InternalError).with_detail(&*error.message);
    }
    match error.message.as_str() {
        TOO_COMPLEX => MosaicCode::QueryTooComplex.into(),
        message => MosaicError::new(MosaicCode::GraphqlValidationFailed, message),
    }
}

fn answer(
    status: Option<u16>,
    data: Option<Value>,
    errors: Vec<(MosaicError, Vec<PathSegment>)>,
    about: &About<'_>,
) -> GraphQlAnswer {
    errors.iter().for_each(|(error, path)| say(error, path, about));
    let worst = errors.iter().map(|(error, _)| error).max_by_key(|error| severity(error.code.status()));
    let status = status.or_else(|| worst.map(|error| error.code.status())).unwrap_or(200);
    let retry_after =
        worst.filter(|_| matches!(status, 429 | 503)).map(|error| error.retry_after.unwrap_or(RETRY_AFTER));
    let challenge = worst.filter(|_| status == 401).map(|error| match error.code {
        // RFC 6750 §3.1: who sent no token is told of no error.
        MosaicCode::AccessTokenRequired => "Bearer",
        _ => "Bearer error=\"invalid_token\"",
    });
    let timestamp = iso_8601(about.now_millis);
    let errors = errors.into_iter().map(|(error, path)| body_of(error, path, &timestamp)).collect();
    match serde_json::to_vec(&Body { data, errors }) {
        Ok(body) => GraphQlAnswer { status, body, challenge, retry_after },
        Err(error) => broken(&error, about),
    }
}

fn body_of(error: MosaicError, path: Vec<PathSegment>, timestamp: &str) -> ErrorBody {
    let is_internal = error.code == MosaicCode::InternalError;
    ErrorBody {
        message: if is_internal { error.code.message().to_owned() } else { error.message },
        code: error.code.as_str(),
        path,
        timestamp: timestamp.to_owned(),
        details: error.details.filter(|_| !is_internal),
    }
}

/// Which of several errors gives the answer its status.
fn severity(status: u16) -> usize {
    [200, 400, 401, 429, 503, 500].iter().position(|known| *known == status).unwrap_or_default()
}

/// The line under which the operator finds the reason. What the caller was told of a mistake of his own may quote what he
/// sent, and is left out.
fn say(error: &MosaicError, path: &[PathSegment], about: &About<'_>) {
    about.counts.graphql_refusal(error.code);
    let level = if error.code.status() < 500 { log::Level::Info } else { log::Level::Error };
    let path: Vec<String> = path.iter().map(segment).collect();
    // Its names may be aliases, which the caller chose.
    let path: String = path.join(".").chars().take(MAX_PATH).collect();
    let (code, detail) = (error.code.as_str(), error.detail.as_deref().unwrap_or("-"));
    log::log!(level, request_id = about.request_id, trace_id = about.trace; "{path}: {code}: {detail}");
}

fn segment(segment: &PathSegment) -> String {
    match segment {
        PathSegment::Field(name) => name.clone(),
        PathSegment::Index(index) => index.to_string(),
    }
}

fn broken(error: &dyn Display, about: &About<'_>) -> GraphQlAnswer {
    log::error!(request_id = about.request_id, trace_id = about.trace; "an answer cannot be written: {error}");
    GraphQlAnswer { status: 500, body: b"{}".to_vec(), challenge: None, retry_after: None }
}
