//! How answers and refusals look.

use serde_json::{Map, Value, json};

use crate::operations::backend::error::{ApiCode, ApiError};

/// An answer, ready to be sent.
#[derive(Debug)]
pub struct RestAnswer {
    /// The HTTP status.
    pub status: u16,
    /// JSON; empty where there is none.
    pub body: Option<Vec<u8>>,
    /// `WWW-Authenticate`.
    pub challenge: Option<&'static str>,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<i64>,
}

/// How the refusals of an operation look: the contract has several forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorShape {
    /// `{"error_code": "user_not_found", "message": "…"}`.
    Symbol,
    /// `{"error_code": "404", "message": "…"}`, with the symbol as `ts_error_code`.
    Text,
    /// `{"error_code": 404, "message": "…"}`, with the symbol as `ts_error_code`. Of an invalid request `message` is a list.
    Number,
}

/// How long a caller should wait when the server cannot answer and does not know when it will, in seconds.
const RETRY_AFTER: i64 = 1;

impl ErrorShape {
    /// The body of a refusal.
    pub(super) fn body(self, error: &ApiError) -> Value {
        let (code, status) = (error.code.symbol(), error.code.status());
        let joined = error.messages.join("; ");
        let mut body: Map<String, Value> = error.members.as_deref().cloned().unwrap_or_default();
        let (error_code, message) = match self {
            ErrorShape::Symbol => (json!(code), json!(joined)),
            ErrorShape::Text => (json!(status.to_string()), json!(joined)),
            ErrorShape::Number if error.code == ApiCode::InvalidInput => (json!(status), json!(error.messages)),
            ErrorShape::Number => (json!(status), json!(joined)),
        };
        body.insert("error_code".to_owned(), error_code);
        body.insert("message".to_owned(), message);
        if self != ErrorShape::Symbol {
            body.insert("ts_error_code".to_owned(), code.into());
        }
        Value::Object(body)
    }

    /// The schema of its refusals with one status: those of `symbols`.
    pub(super) fn schema(self, status: u16, symbols: &[&str]) -> Value {
        let message = json!({ "description": "What is wrong, for people.", "type": "string" });
        let symbol = json!({ "description": "Which refusal it is.", "type": "string", "enum": symbols });
        match self {
            ErrorShape::Symbol => json!({
                "type": "object",
                "required": ["error_code", "message"],
                "properties": { "error_code": symbol, "message": message },
            }),
            ErrorShape::Text => json!({
                "type": "object",
                "required": ["error_code", "message", "ts_error_code"],
                "properties": { "error_code": { "const": status.to_string() }, "message": message, "ts_error_code": symbol },
            }),
            ErrorShape::Number => {
                let list = json!({ "type": "array", "items": { "type": "string" } });
                let message = if status == 400 { json!({ "anyOf": [message, list] }) } else { message };
                json!({
                    "type": "object",
                    "required": ["error_code", "message", "ts_error_code"],
                    "properties": { "error_code": { "const": status }, "message": message, "ts_error_code": symbol },
                })
            }
        }
    }
}

impl RestAnswer {
    /// What an operation answers.
    pub(super) fn done(status: u16, body: Option<&Value>) -> Self {
        let body = body.map(|body| body.to_string().into_bytes());
        Self { status, body, challenge: None, retry_after: None }
    }

    /// A refusal.
    pub(super) fn refused(shape: ErrorShape, error: &ApiError) -> Self {
        let status = error.code.status();
        let body = shape.body(error).to_string().into_bytes();
        Self {
            status,
            body: Some(body),
            // RFC 6750 §3.
            challenge: (status == 401).then_some("Bearer realm=\"tessera\""),
            retry_after: matches!(status, 429 | 503).then(|| error.retry_after.unwrap_or(RETRY_AFTER)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_have_the_three_forms_of_the_contract() {
        let error = ApiError::from(ApiCode::UserNotFound);
        let body = |shape: ErrorShape, error: &ApiError| shape.body(error);
        assert_eq!(
            body(ErrorShape::Symbol, &error),
            json!({ "error_code": "user_not_found", "message": "User not found" })
        );
        assert_eq!(
            body(ErrorShape::Text, &error),
            json!({ "error_code": "404", "message": "User not found", "ts_error_code": "user_not_found" })
        );
        assert_eq!(
            body(ErrorShape::Number, &error),
            json!({ "error_code": 404, "message": "User not found", "ts_error_code": "user_not_found" })
        );
        let invalid = ApiError::with_messages(ApiCode::InvalidInput, vec!["a".into(), "b".into()]);
        assert_eq!(body(ErrorShape::Number, &invalid)["message"], json!(["a", "b"]));
        assert_eq!(body(ErrorShape::Symbol, &invalid)["message"], "a; b");
    }
}
