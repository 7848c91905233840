//! The GraphQL endpoints.

mod bearer;
mod frame;
mod graphiql;
mod lengthened;
mod limits;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, TestServer};

/// Authentication and tokens.
const AUTH: &str = "/graphql";
/// The management API.
const MANAGEMENT: &str = "/graphql-management";

/// Sends a document.
fn ask(server: &TestServer, path: &str, query: &str) -> Answer {
    send(server, path, &json!({ "query": query }))
}

/// Sends any body.
fn send(server: &TestServer, path: &str, body: &Value) -> Answer {
    Answer::to(server.request(Method::POST, path).json(body))
}

/// Checks that the answer is one error in the platform's shape, at `path`, and gives its message.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str, path: &Value) -> String {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert!(answer.header("x-request-id").is_some_and(|id| id.len() == 22), "a request id");
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    let body = answer.json();
    let errors = body["errors"].as_array().expect("errors");
    assert_eq!(errors.len(), 1, "{body}");
    let members: Vec<&String> = errors[0].as_object().expect("an object").keys().collect();
    assert_eq!(members, ["message", "code", "path", "timestamp"], "nothing of the executor's own shape");
    assert_eq!((&errors[0]["code"], &errors[0]["path"]), (&json!(code), path), "{body}");
    errors[0]["message"].as_str().expect("a message").to_owned()
}
