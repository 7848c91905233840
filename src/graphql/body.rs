//! The JSON body of a request: one document, its variables, and which of its operations to execute.

use async_graphql::{Request, Variables};
use serde::{Deserialize, de::IgnoredAny};

use super::document;
use crate::operations::mosaic_error::{MosaicCode, MosaicError};

/// What a body may have. A list of requests is refused: its items would share neither limits nor throttling.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Body {
    query: String,
    #[serde(default)]
    operation_name: Option<String>,
    #[serde(default)]
    variables: Variables,
    /// Some clients name themselves in it; nothing here uses it.
    #[serde(default, rename = "extensions")]
    _extensions: IgnoredAny,
}

/// The request of a body, its document parsed and within the limits of [`document`].
pub(super) fn read(body: &[u8]) -> Result<Request, MosaicError> {
    // The reader would take a list for an object whose members stand in this order.
    if body.trim_ascii_start().first() != Some(&b'{') {
        return Err(unreadable(1, 1));
    }
    let body: Body = serde_json::from_slice(body).map_err(|error| unreadable(error.line(), error.column()))?;
    let document = document::parse(&body.query)?;
    let mut request = Request::new(body.query).variables(body.variables);
    request.operation_name = body.operation_name;
    request.set_parsed_query(document);
    Ok(request)
}

/// Says where the mistake is. The reader's own text may quote the body, which may hold a secret.
fn unreadable(line: usize, column: usize) -> MosaicError {
    let expected = "a JSON object with query, and at most operationName, variables and extensions besides";
    let message = format!("The body is not {expected} (line {line}, column {column})");
    MosaicError::new(MosaicCode::GraphqlValidationFailed, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &str) -> MosaicCode {
        read(body.as_bytes()).expect_err("a refusal").code
    }

    #[test]
    fn a_body_is_one_object_with_these_members() {
        for good in [
            r#"{"query":"{a}"}"#,
            r#"{"operationName":null,"variables":null,"query":"{a}","extensions":{"client":{"name":"x"}}}"#,
            r#"{"operationName":"A","variables":{"x":[1]},"query":"query A($x:[Int]){a(x:$x)}","extensions":null}"#,
        ] {
            let request = read(good.as_bytes()).unwrap_or_else(|error| panic!("{good}: {error}"));
            assert!(!request.query.is_empty());
        }
        for bad in [
            "",
            "{a}",
            "null",
            "[]",
            r#"[{"query":"{a}"}]"#,
            r#"["{a}",null,{}]"#,
            r#"{}"#,
            r#"{"query":null}"#,
            r#"{"query":1}"#,
            r#"{"query":"{a}","query":"{b}"}"#,
            r#"{"query":"{a}","map":{}}"#,
            r#"{"query":"{a}","variables":[]}"#,
            r#"{"query":"{a}","variables":"{}"}"#,
            r#"{"query":"{a}","operationName":1}"#,
            r#"{"query":"{a}""#,
            r#"{"query":"{a}"}{"#,
        ] {
            assert_eq!(refused(bad), MosaicCode::GraphqlValidationFailed, "{bad}");
        }
        assert!(read(b"{\"query\":\"\xff\"}").is_err());
    }

    #[test]
    fn variables_nested_without_end_are_refused() {
        let deep = format!(r#"{{"query":"{{a}}","variables":{{"x":{}{}}}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        assert_eq!(refused(&deep), MosaicCode::GraphqlValidationFailed);
    }

    #[test]
    fn what_was_sent_is_not_repeated() {
        let error = read(br#"{"query":"{a}","tsk_secret":1}"#).expect_err("a refusal");
        assert!(!format!("{error:?}").contains("tsk_secret"), "{error:?}");
    }
}
