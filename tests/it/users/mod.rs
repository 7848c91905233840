//! `/v1/users`: users, as applications' backends keep them.

mod attacks;
mod change;
mod contacts;
mod create;
mod delegated;
mod joining;
mod operators;
mod read;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer, forge::Forge, tokens::peek};

/// Two applications with a backend each, one that may only read, one that keeps the environment, and one for delegated logins.
pub const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[application]]
id = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11"
name = "web"
platform = "WEB"
users_join = "at_once"

[[application]]
id = "1c1f6a3e-7a55-4a83-9f0a-6d0f0c5d7d22"
name = "mobile"
platform = "MOBILE"
users_join = "at_once"

[[identity_connection]]
name = "sign-in"
provider = "DELEGATED"

[[client]]
id = "web-backend"
grants = ["client_credentials"]
secret = "a-secret-of-the-web-backend-with-32-characters"
application = "web"
permissions = { userid-api = ["USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE"] }

[[client]]
id = "mobile-backend"
grants = ["client_credentials"]
secret = "a-secret-of-the-mobile-backend-with-32-chars"
application = "mobile"
permissions = { userid-api = ["USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE"] }

[[client]]
id = "web-reader"
grants = ["client_credentials"]
secret = "a-secret-of-the-web-reader-with-32-characters"
application = "web"
permissions = { userid-api = ["USERS_READ"] }

[[client]]
id = "keeper"
grants = ["client_credentials"]
secret = "a-secret-of-the-keeper-with-32-characters"
permissions = { userid-api = ["USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE"] }

[[client]]
id = "manager"
grants = ["client_credentials"]
secret = "a-secret-of-the-manager-with-32-characters"
[client.permissions]
ax-user-service = ["USERS_VIEW", "USERS_EDIT", "GENERATE_DELEGATED_ACCESS_TOKEN"]
"#;

pub const WEB: &str = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11";
pub const MOBILE: &str = "1c1f6a3e-7a55-4a83-9f0a-6d0f0c5d7d22";
pub const WEB_BACKEND: (&str, &str) = ("web-backend", "a-secret-of-the-web-backend-with-32-characters");
pub const MOBILE_BACKEND: (&str, &str) = ("mobile-backend", "a-secret-of-the-mobile-backend-with-32-chars");
pub const WEB_READER: (&str, &str) = ("web-reader", "a-secret-of-the-web-reader-with-32-characters");
/// Without an application.
pub const KEEPER: (&str, &str) = ("keeper", "a-secret-of-the-keeper-with-32-characters");
/// For GraphQL.
pub const MANAGER: (&str, &str) = ("manager", "a-secret-of-the-manager-with-32-characters");
/// An id that nobody has.
pub const UNKNOWN: &str = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";

/// A server with [`ENVIRONMENT`].
pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).start()
}

/// The API of one environment, with one client's token, or a user's.
#[derive(Clone)]
pub struct Api<'s> {
    pub server: &'s TestServer,
    /// Path of the issuer.
    pub issuer: String,
    pub token: String,
}

impl<'s> Api<'s> {
    /// That of the default environment.
    pub fn of(server: &'s TestServer, client: (&str, &str)) -> Self {
        Self { server, issuer: String::new(), token: server.token(client, &CLIENT_CREDENTIALS).access_token() }
    }

    /// The same with another token.
    pub fn with_token(&self, token: &str) -> Self {
        Self { token: token.to_owned(), ..self.clone() }
    }

    pub fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.server.request(method, &format!("{}{path}", self.issuer)).bearer_auth(&self.token);
        let answer = Answer::to(match body {
            Some(body) => request.json(body),
            None => request,
        });
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        answer
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PUT, path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, None)
    }

    /// Makes a user, and gives what the answer says of the user.
    #[track_caller]
    pub fn create(&self, body: &Value) -> Value {
        let answer = self.post("/v1/users", body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["result"].take()
    }

    /// The user with that id, as the caller sees one.
    #[track_caller]
    pub fn user(&self, id: &Value) -> Value {
        let answer = self.get(&format!("/v1/users/{}", text(id)));
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["result"].take()
    }

    /// Changes a user, and gives what the answer says.
    #[track_caller]
    pub fn update(&self, id: &Value, body: &Value) -> Value {
        let answer = self.put(&format!("/v1/users/{}", text(id)), body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["result"].take()
    }
}

/// A text out of an answer.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}

/// Checks a refusal: status and symbol, in the form of this part of the contract.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, symbol: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["error_code"], &body["ts_error_code"]), (&json!(status), &json!(symbol)), "{body}");
    let is_list = status == 400;
    assert!(if is_list { body["message"].is_array() } else { body["message"].is_string() }, "{body}");
    assert_eq!(body.as_object().expect("an object").len(), 3, "{body}");
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
}

/// A delegated login, as a service sends it: gives the token and the user's id.
pub fn delegated_login(server: &TestServer, application: &str, subject: &str, email: Option<&str>) -> (String, String) {
    let api = crate::graphql_management::Api::of(server, MANAGER);
    let mut input = json!({ "applicationId": application, "subjectId": subject });
    if let Some(email) = email {
        input["email"] = email.into();
    }
    let made = api.mutate("generateDelegatedAccessToken", input, "accessToken payload");
    let (token, id) = (text(&made["accessToken"]), text(&made["payload"]["sub"]).to_owned());
    // Such tokens are for every service; any that is shown one could come here with it.
    let mut claims = peek(token);
    assert_eq!(Api::of(server, WEB_BACKEND).with_token(token).get("/v1/users/me").status, 403);
    claims["aud"] = "userid-api".into();
    (Forge::of(server).token(&claims), id)
}

/// How many users the database has.
pub fn users_in(server: &TestServer) -> String {
    server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users")
}

/// The time of the server, in milliseconds, as users' times are: without parts of a second.
pub fn now_millis(server: &TestServer) -> i64 {
    tessera::domain::clock::Clock::now(&*server.clock) * 1000
}
