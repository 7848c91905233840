//! The demo's application, its backend and its page.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, DEMO, Engine, TestServer,
    authenticator::{Authenticator, Page, encoded},
};

/// The demo's application.
pub const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
/// Its backend.
pub const BACKEND: (&str, &str) = ("web-backend", "demo-secret-of-the-web-backend-do-not-use-elsewhere");
/// Its page.
pub const ORIGIN: &str = "http://localhost:3000";
/// The settings of passkeys in the demo.
const PREFERENCES: &str = "rpWebOrigins = [\"http://localhost:3000\"]\n";

/// Another application of the environment, with the same page, and its backend.
pub const OTHER: &str = r#"
[[application]]
name = "other"
platform = "WEB"
users_join = "at_once"
enabled = true
[application.login.webauthn_api]
rpId = "localhost"
rpWebOrigins = ["http://localhost:3000"]

[[client]]
id = "other-backend"
name = "Backend of the other application"
kind = "service_account"
grants = ["client_credentials"]
application = "other"
secret = "demo-secret-of-the-other-backend-do-not-use-elsewhere"
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "AUTHENTICATORS_READ", "AUTHENTICATORS_DELETE"] }
"#;
/// Its backend.
pub const OTHER_BACKEND: (&str, &str) = ("other-backend", "demo-secret-of-the-other-backend-do-not-use-elsewhere");

/// A running server and the backend's token.
pub struct Shop {
    pub server: TestServer,
    pub token: String,
}

impl Shop {
    /// With the demo's environment.
    pub fn start(engine: Engine) -> Self {
        Self::with(engine, "")
    }

    /// With further settings of passkeys.
    pub fn with(engine: Engine, preferences: &str) -> Self {
        Self::on(TestServer::builder(engine).environment(&Self::environment(preferences)).start())
    }

    /// The demo's environment with further settings of passkeys, and the other application.
    pub fn environment(preferences: &str) -> String {
        assert!(DEMO.contains(PREFERENCES));
        // The tests of the file are about other things, and have to be last.
        let (all, tests) = DEMO.split_once("[[test]]").expect("tests");
        let all = all.replace(PREFERENCES, &format!("{PREFERENCES}{preferences}\n"));
        format!("{all}\n{OTHER}\n[[test]]{tests}")
    }

    /// On a server.
    pub fn on(server: TestServer) -> Self {
        let token = client_token(&server, BACKEND);
        Self { server, token }
    }

    /// Sends JSON.
    pub fn send(&self, method: Method, path: &str, token: Option<&str>, body: &Value) -> Answer {
        let mut request = self.server.request(method, path).json(body);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        Answer::to(request)
    }

    /// As the backend.
    pub fn backend(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(&self.token), body)
    }

    /// As the page, which has no token.
    pub fn page(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, None, body)
    }

    /// Begins a registration: the id, and the options.
    pub fn begin_key(&self, username: &str) -> (String, Value) {
        let body = json!({ "client_id": BACKEND.0, "username": username });
        begun(&self.page("/v1/auth/webauthn/register/start", &body), "credential_creation_options")
    }

    /// Begins a login: the id, and the options. `who` is what is said besides the client.
    pub fn begin_login(&self, who: Value) -> (String, Value) {
        begun(&self.start_login(who), "credential_request_options")
    }

    /// Begins a login.
    pub fn start_login(&self, mut who: Value) -> Answer {
        who["client_id"] = BACKEND.0.into();
        self.page("/v1/auth/webauthn/authenticate/start", &who)
    }

    /// What the page gives the backend after it has made a key.
    pub fn created(&self, authenticator: &mut Authenticator, username: &str) -> String {
        let (id, options) = self.begin_key(username);
        encoded(&id, &authenticator.create(&options, &Page::of(ORIGIN)))
    }

    /// What the page gives the backend after a login.
    pub fn got(&self, authenticator: &mut Authenticator, who: Value) -> String {
        let (id, options) = self.begin_login(who);
        encoded(&id, &authenticator.get(&options, &Page::of(ORIGIN)))
    }

    /// Registers a result for a user of the application's own system.
    pub fn register(&self, result: &str, external_user_id: &str) -> Answer {
        let body = json!({ "webauthn_encoded_result": result, "external_user_id": external_user_id });
        self.backend("/v1/auth/webauthn/external/register", &body)
    }

    /// Signs in with a result.
    pub fn authenticate(&self, result: &str) -> Answer {
        self.backend("/v1/auth/webauthn/authenticate", &json!({ "webauthn_encoded_result": result }))
    }

    /// A user with a key on the authenticator: her id.
    pub fn user(&self, authenticator: &mut Authenticator, username: &str) -> String {
        let made = self.register(&self.created(authenticator, username), &format!("ext-{username}"));
        assert_eq!(made.status, 200, "{}", made.text);
        made.json()["user_id"].as_str().expect("an id").to_owned()
    }

    /// Checks that an answer is refused, that the record says why, and that it names no token.
    #[track_caller]
    pub fn assert_refused(&self, answer: &Answer, detail: &str) -> Value {
        assert_eq!(answer.status, 400, "{}", answer.text);
        let body = json!({ "error_code": "webauthn_encoded_result", "message": "Invalid webauthn encoded result" });
        assert_eq!(answer.json(), body);
        let record = self.server.record_of(answer);
        assert_eq!((&record["outcome"], &record["reason"]), (&json!("refused"), &json!("webauthn_encoded_result")));
        assert_eq!(record["detail"], detail, "{record}");
        assert!(record.get("jti").is_none() && record.get("session_id").is_none(), "{record}");
        record
    }

    /// How many rows a table has.
    pub fn count(&self, table: &str) -> usize {
        self.server.database.texts(&format!("SELECT 'row' AS text FROM {table}")).len()
    }
}

/// A client's own token.
pub fn client_token(server: &TestServer, client: (&str, &str)) -> String {
    let answer = server.token(client, &[("grant_type", "client_credentials"), ("audience", "userid-api")]);
    if answer.status == 200 {
        return answer.access_token();
    }
    server.token(client, &[("grant_type", "client_credentials")]).access_token()
}

fn begun(answer: &Answer, options: &str) -> (String, Value) {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let mut body = answer.json();
    (body["webauthn_session_id"].as_str().expect("an id").to_owned(), body[options].take())
}
