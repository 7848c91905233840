//! From bytes to a body that the operation's schema allows.

use std::collections::BTreeSet;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

use super::endpoint::{Endpoint, cut};
use crate::operations::backend::error::{ApiCode, ApiError};

/// The most mistakes that are told at once.
const MAX_MISTAKES: usize = 10;
/// The deepest nesting of values that is read. (The parser bounds itself at 128.)
const MAX_DEPTH: usize = 32;

/// What kind of body a request says it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    /// `application/json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Form,
    /// It does not say.
    Absent,
    /// Another one.
    Other,
}

/// Reads a body for `endpoint`, and checks it against its schema.
///
/// # Errors
/// All mistakes at once, in words for whoever sent it.
pub(super) fn read(
    endpoint: &Endpoint,
    validator: Option<&Validator>,
    content_type: ContentType,
    bytes: &[u8],
) -> Result<Value, ApiError> {
    let Some(validator) = validator else { return Ok(Value::Object(Map::new())) };
    let body = match content_type {
        ContentType::Json => json(bytes)?,
        ContentType::Form if endpoint.reads_forms => form(bytes)?,
        // No body at all is an empty one: the schema says whether that will do.
        ContentType::Absent if bytes.is_empty() => Value::Object(Map::new()),
        // A browser sends other types to any host without asking first: this is what keeps foreign pages out.
        _ => return Err(ApiCode::UnsupportedMediaType.into()),
    };
    let mut mistakes = BTreeSet::new();
    for error in validator.iter_errors(&body) {
        note(&error, &mut mistakes);
    }
    if mistakes.is_empty() {
        return Ok(body);
    }
    Err(ApiError::with_messages(ApiCode::InvalidInput, mistakes.into_iter().collect()))
}

/// Notes what is wrong. What may be absent is `null` or something in the schema: of the two the something is what is meant, so that
/// its mistakes are told instead of that it is neither.
fn note(error: &ValidationError<'_>, mistakes: &mut BTreeSet<String>) {
    if mistakes.len() >= MAX_MISTAKES {
        return;
    }
    let is_of_another_type = |inner: &ValidationError<'_>| {
        matches!(inner.kind(), ValidationErrorKind::Type { .. }) && inner.instance_path() == error.instance_path()
    };
    let meant = match error.kind() {
        ValidationErrorKind::AnyOf { context } => {
            context.iter().find(|branch| !branch.is_empty() && !branch.iter().any(is_of_another_type))
        }
        _ => None,
    };
    match meant {
        Some(branch) => branch.iter().for_each(|inner| note(inner, mistakes)),
        None => _ = mistakes.insert(mistake(error)),
    }
}

/// Never quotes the value: it may be a password, and messages get into the logs of backends.
fn mistake(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().to_string();
    let place = if path.is_empty() { "the body".to_owned() } else { path.trim_start_matches('/').replace('/', ".") };
    cut(&format!("{place}: {}", error.masked_with("the value")))
}

fn json(bytes: &[u8]) -> Result<Value, ApiError> {
    let body: Value = serde_json::from_slice(bytes).map_err(|error| {
        // Serde's own message may quote the body.
        let place = format!("the body is not JSON: line {}, column {}", error.line(), error.column());
        ApiError::new(ApiCode::InvalidInput, place)
    })?;
    if depth(&body) > MAX_DEPTH {
        return Err(ApiError::new(ApiCode::InvalidInput, "the body is nested too deeply"));
    }
    Ok(body)
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or_default(),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or_default(),
        _ => 0,
    }
}

/// Every value is a text.
fn form(bytes: &[u8]) -> Result<Value, ApiError> {
    let invalid = |message: &str| ApiError::new(ApiCode::InvalidInput, message);
    let pairs: Vec<(String, String)> =
        serde_urlencoded::from_bytes(bytes).map_err(|_| invalid("the body is not a form in UTF-8"))?;
    let mut body = Map::new();
    for (name, value) in pairs {
        if body.insert(name, value.into()).is_some() {
            return Err(invalid("a parameter is repeated"));
        }
    }
    Ok(Value::Object(body))
}
