//! Reading single claims, each taken out of the rest: right type, right range, or the token is refused.

use serde_json::{Map, Value};

use super::error::TokenError::{self, ClaimType, MissingClaim};
use crate::domain::party::ChainError;

/// The last second of the year 9999. No honest time lies beyond, and arithmetic on one cannot overflow.
const MAX_TIME: i64 = 253_402_300_799;

/// A text that has to be there and must not be empty: an empty name could match an empty setting.
pub(super) fn text(claims: &mut Map<String, Value>, name: &'static str) -> Result<String, TokenError> {
    match claims.remove(name) {
        None => Err(MissingClaim(name)),
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(_) => Err(ClaimType(name)),
    }
}

pub(super) fn optional_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(ClaimType(name)),
    }
}

/// A list of non-empty texts.
pub(super) fn texts(list: Vec<Value>, name: &'static str) -> Result<Vec<String>, TokenError> {
    let text = |item| match item {
        Value::String(text) if !text.is_empty() => Ok(text),
        _ => Err(ClaimType(name)),
    };
    list.into_iter().map(text).collect()
}

pub(super) fn audience(claims: &mut Map<String, Value>) -> Result<Vec<String>, TokenError> {
    match claims.remove("aud") {
        None => Err(MissingClaim("aud")),
        Some(Value::String(only)) if !only.is_empty() => Ok(vec![only]),
        Some(Value::Array(list)) if !list.is_empty() => texts(list, "aud"),
        Some(_) => Err(ClaimType("aud")),
    }
}

/// A NumericDate (RFC 7519 §2), which may have a fraction; `round` goes to the side that makes the token shorter.
pub(super) fn time(
    claims: &mut Map<String, Value>,
    name: &'static str,
    round: fn(f64) -> f64,
) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.remove(name) else { return Ok(None) };
    let seconds = match (value.as_i64(), value.as_f64()) {
        (Some(seconds), _) => seconds,
        // The cast saturates: 1e300 falls to the check of the range.
        (None, Some(seconds)) => round(seconds) as i64,
        (None, None) => return Err(ClaimType(name)),
    };
    if (0..=MAX_TIME).contains(&seconds) { Ok(Some(seconds)) } else { Err(ClaimType(name)) }
}

pub(super) fn chain<T>(
    claims: &mut Map<String, Value>,
    claim: &'static str,
    read: impl FnOnce(&Value) -> Result<T, ChainError>,
) -> Result<Option<T>, TokenError> {
    let value = claims.remove(claim);
    value.as_ref().map(read).transpose().map_err(|cause| TokenError::Chain { claim, cause })
}

pub(super) fn confirmation(claims: &mut Map<String, Value>) -> Result<Option<Value>, TokenError> {
    match claims.remove("cnf") {
        None => Ok(None),
        Some(key @ Value::Object(_)) => Ok(Some(key)),
        Some(_) => Err(ClaimType("cnf")),
    }
}
