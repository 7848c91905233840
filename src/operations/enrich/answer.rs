//! Reading what a webhook answered. It comes from outside: nothing in it is believed but its form is checked.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::outbound::Fetched;

/// The longest answer that is read, in bytes.
pub(super) const MAX_BYTES: usize = 16 * 1024;
/// The most bytes of `extensions`: the token goes along with every request, and must not be too long to be exchanged.
const MAX_EXTENSIONS: usize = 8 * 1024;
const VERSION: &str = "1.0";

#[derive(Deserialize)]
struct Answer {
    message_version: String,
    payload: Map<String, Value>,
    #[serde(default)]
    errors: Option<Value>,
}

/// The payload, which becomes `extensions`.
///
/// # Errors
/// Another status than 200, another form or version, or errors in it. The text never repeats the answer.
pub(super) fn extensions(answer: &Fetched) -> Result<Value, String> {
    if answer.status != 200 {
        return Err(format!("it answered with status {}", answer.status));
    }
    let read: Answer = serde_json::from_slice(&answer.body)
        .map_err(|error| format!("its answer is not readable at line {} column {}", error.line(), error.column()))?;
    if read.message_version != VERSION {
        return Err(format!("its answer is not of message_version {VERSION}"));
    }
    if !is_nothing(read.errors.as_ref()) {
        return Err("its answer has errors".to_owned());
    }
    let extensions = Value::Object(read.payload);
    if extensions.to_string().len() > MAX_EXTENSIONS {
        return Err(format!("its payload is longer than {MAX_EXTENSIONS} bytes"));
    }
    Ok(extensions)
}

fn is_nothing(errors: Option<&Value>) -> bool {
    match errors {
        None | Some(Value::Null) => true,
        Some(Value::Array(list)) => list.is_empty(),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(status: u16, body: &str) -> Result<Value, String> {
        let body = body.as_bytes().to_vec();
        extensions(&Fetched { status, content_type: None, cache_control: None, body })
    }

    #[test]
    fn a_good_answer_gives_its_payload() {
        for rest in ["", r#","errors":null"#, r#","errors":[],"warnings":["w"]"#] {
            let body = format!(r#"{{"message_version":"1.0","payload":{{"plan":"gold"}}{rest}}}"#);
            assert_eq!(said(200, &body), Ok(json!({ "plan": "gold" })), "{body}");
        }
    }

    #[test]
    fn everything_else_is_a_failure_whose_words_do_not_repeat_it() {
        let good = r#"{"message_version":"1.0","payload":{"secret":"word"}}"#;
        let long = format!(r#"{{"message_version":"1.0","payload":{{"secret":"{}"}}}}"#, "w".repeat(MAX_EXTENSIONS));
        for (status, body) in [
            (204, good),
            (500, good),
            (302, good),
            (200, ""),
            (200, "secret"),
            (200, r#"["secret"]"#),
            (200, r#"{"message_version":"2.0","payload":{"secret":1}}"#),
            (200, r#"{"message_version":"1.0","payload":["secret"]}"#),
            (200, r#"{"message_version":"1.0","payload":null}"#),
            (200, r#"{"message_version":"1.0","payload":{},"errors":["secret"]}"#),
            (200, r#"{"message_version":"1.0","payload":{},"errors":"secret"}"#),
            (200, r#"{"payload":{}}"#),
            (200, &long),
        ] {
            let error = said(status, body).expect_err(body);
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
