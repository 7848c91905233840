//! The JSON body of a request: one document, its variables, and which of its operations to execute.

use async_graphql::{Name, Request, Variables, parser::types::ExecutableDocument};
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
    fill_in_defaults(&document, &mut request);
    request.set_parsed_query(document);
    Ok(request)
}

/// The executor decides what `@skip` and `@include` leave out before it thinks of the defaults of variables.
fn fill_in_defaults(document: &ExecutableDocument, request: &mut Request) {
    let is_chosen = |name: Option<&Name>| match &request.operation_name {
        Some(chosen) => name.is_some_and(|name| name == chosen.as_str()),
        None => true,
    };
    // Without a name there is one operation, or the request will be refused.
    let Some((_, operation)) = document.operations.iter().find(|(name, _)| is_chosen(*name)) else { return };
    for variable in &operation.node.variable_definitions {
        if let Some(default) = &variable.node.default_value {
            let name = variable.node.name.node.clone();
            request.variables.entry(name).or_insert_with(|| default.node.clone());
        }
    }
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
    fn a_variable_that_is_not_given_has_its_default() {
        let body = r#"{"operationName":"A","variables":{"x":null,"y":3},"query":
            "query B($z:Int=9){a} query A($x:Int=1,$y:Int=2,$z:Int=4,$none:Int){a}"}"#;
        let request = read(body.replace('\n', " ").as_bytes()).expect("a request");
        let variables = serde_json::to_value(&request.variables).expect("JSON");
        assert_eq!(variables, serde_json::json!({ "x": null, "y": 3, "z": 4 }));
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
