//! What came back.

use reqwest::{StatusCode, blocking::RequestBuilder, header::HeaderMap};
use serde_json::Value;

use super::leaks;

/// An answer, all of it.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
}

impl Answer {
    /// Sends `request`.
    pub fn to(request: RequestBuilder) -> Self {
        Self::try_to(request).expect("an answer")
    }

    /// Sends `request`, to a server that may be gone.
    pub fn try_to(request: RequestBuilder) -> Result<Self, reqwest::Error> {
        let (client, request) = request.build_split();
        let request = request?;
        leaks::sent(&request);
        let response = client.execute(request)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text()?;
        leaks::secrets_in(&text);
        Ok(Self { status, headers, text })
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error} in {:?}", self.text))
    }

    /// A header, if it is there.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().expect("a text header"))
    }

    /// The token of a good answer, whose form is checked (RFC 6749 §5.1).
    pub fn access_token(&self) -> String {
        assert_eq!(self.status, 200, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("pragma"), Some("no-cache"));
        let body = self.json();
        assert_eq!(body["token_type"], "Bearer");
        assert!(body["expires_in"].is_i64(), "{body}");
        body["access_token"].as_str().expect("access_token").to_owned()
    }

    /// Checks a refusal (RFC 6749 §5.2): status, `error` and our own `error_code`, and that nothing else was said.
    pub fn assert_refused(&self, status: u16, error: &str, error_code: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("content-type"), Some("application/json"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("pragma"), Some("no-cache"));
        assert!(self.header("x-request-id").is_some_and(|id| id.len() == 22), "a request id");
        let body = self.json();
        assert_eq!((&body["error"], &body["error_code"]), (&Value::from(error), &Value::from(error_code)), "{body}");
        let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["error", "error_description", "error_code"]);
        assert_eq!(self.header("www-authenticate").is_some(), status == 401);
    }
}
