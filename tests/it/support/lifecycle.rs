//! What becomes of tokens: introspection and revocation, as clients ask for them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Answer, TestServer, server::encoded};

impl TestServer {
    /// `POST` of a form with HTTP Basic.
    pub fn post_as(&self, path: &str, (id, secret): (&str, &str), form: &[(&str, &str)]) -> Answer {
        let request = self.request(Method::POST, path).basic_auth(encoded(id), Some(encoded(secret)));
        Answer::to(request.form(form))
    }

    /// What `client` is told of a token; the form of the answer is checked (RFC 7662 §2.2).
    #[track_caller]
    pub fn introspect(&self, client: (&str, &str), token: &str) -> Value {
        let answer = self.post_as("/introspect", client, &[("token", token)]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
        let body = answer.json();
        match body["active"] {
            Value::Bool(true) => {}
            // Nothing else is said of one that is not (TE-110).
            _ => assert_eq!(body, json!({ "active": false })),
        }
        body
    }

    /// Whether a token is in force, as `client` is told.
    #[track_caller]
    pub fn is_active(&self, client: (&str, &str), token: &str) -> bool {
        self.introspect(client, token)["active"] == true
    }

    /// `POST /revoke` of a token.
    pub fn revoke(&self, client: (&str, &str), token: &str) -> Answer {
        self.post_as("/revoke", client, &[("token", token)])
    }

    /// The same, which goes well (RFC 7009 §2.2).
    #[track_caller]
    pub fn revoked(&self, client: (&str, &str), token: &str) -> Answer {
        let answer = self.revoke(client, token);
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (200, ""));
        assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
        answer
    }

    /// How much is revoked, as the database has it: kind and value of each.
    pub fn revocations(&self) -> Vec<String> {
        self.database.texts("SELECT kind || ' ' || value AS text FROM revocations ORDER BY kind, value")
    }
}
