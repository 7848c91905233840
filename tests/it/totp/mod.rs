//! Authenticator apps, transactions that are approved with them, and what is listed and unlocked.

mod authenticators;
mod guessing;
mod register;
mod replay;
mod revoke;
mod sign_in;
mod transaction;

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, TestServer,
    authenticator_app::AuthenticatorApp,
    forge::{Forge, claims, with},
};

/// Two applications with a backend each, and one without authenticator apps.
const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[application]]
id = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11"
name = "web"
platform = "WEB"
users_join = "at_once"
[application.login.totp]
issuer = "Web & Co"
maxFailures = 3
lockoutDuration = 15

[[application]]
id = "1c1f6a3e-7a55-4a83-9f0a-6d0f0c5d7d22"
name = "other"
platform = "WEB"
users_join = "at_once"
[application.login.totp]
algorithm = "sha256"
digits = 8
period = 60
window = 0
maxTotpPerUser = 2
lockoutTiers = [{ attempts = 2, duration = 1 }, { attempts = 3, duration = 5 }]

[[application]]
name = "bare"
platform = "WEB"
users_join = "at_once"

[[client]]
id = "web"
application = "web"
grants = ["client_credentials"]
secret = "a-secret-of-the-web-backend-with-32-characters"
[client.permissions]
userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE", "AUTHENTICATORS_READ", "AUTHENTICATORS_EDIT", "AUTHENTICATORS_DELETE"]

[[client]]
id = "other"
application = "other"
grants = ["client_credentials"]
secret = "a-secret-of-another-backend-with-32-characters"
[client.permissions]
userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "AUTHENTICATORS_READ", "AUTHENTICATORS_EDIT"]

[[client]]
id = "bare"
application = "bare"
grants = ["client_credentials"]
secret = "a-secret-of-the-bare-backend-with-32-characters"
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE"] }

[[client]]
id = "nobody"
application = "web"
grants = ["client_credentials"]
secret = "a-secret-of-nobody-at-all-with-32-characters"
permissions = { userid-api = ["USERS_READ"] }
"#;

const WEB: (&str, &str) = ("web", "a-secret-of-the-web-backend-with-32-characters");
const OTHER: (&str, &str) = ("other", "a-secret-of-another-backend-with-32-characters");
const BARE: (&str, &str) = ("bare", "a-secret-of-the-bare-backend-with-32-characters");
const NOBODY: (&str, &str) = ("nobody", "a-secret-of-nobody-at-all-with-32-characters");
const WEB_ID: &str = "0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11";
const OTHER_ID: &str = "1c1f6a3e-7a55-4a83-9f0a-6d0f0c5d7d22";
const ADA: &str = "ada@mail.example";
const BOB: &str = "bob@mail.example";

const REGISTER: &str = "/v1/auth/totp/register";
const AUTHENTICATE: &str = "/v1/auth/totp/authenticate";

/// A server, and a user who may sign in to both applications.
struct World {
    server: TestServer,
    /// The id of the user [`ADA`].
    ada: String,
}

impl World {
    fn new(engine: Engine) -> Self {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        let mut world = Self { server, ada: String::new() };
        world.ada = world.user(WEB, &json!({ "email": ADA }));
        assert_eq!(world.user(OTHER, &json!({ "email": ADA })), world.ada);
        world
    }

    fn now(&self) -> i64 {
        self.server.clock.now()
    }

    /// Moves to the first second of a step of `period` seconds.
    fn begin_step(&self, period: i64) {
        self.server.clock.advance(period - self.now() % period);
    }

    /// A client's token.
    fn backend(&self, client: (&str, &str)) -> String {
        self.server.token(client, &CLIENT_CREDENTIALS).access_token()
    }

    /// Makes a user, and gives the id.
    fn user(&self, client: (&str, &str), body: &Value) -> String {
        let answer = post(&self.server, &self.backend(client), "/v1/users", body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["result"]["user_id"].as_str().expect("user_id").to_owned()
    }

    /// What a sign-in to an application gives a user.
    fn user_token(&self, user_id: &str, application_id: &str) -> String {
        self.user_token_with(&json!({ "sub": user_id, "applicationId": application_id }))
    }

    /// The same with other claims.
    fn user_token_with(&self, changes: &Value) -> String {
        let base = claims(&self.server, "userid-api", "web", "");
        Forge::of(&self.server).token(&with(&base, changes))
    }

    /// An authenticator app of a user.
    fn app(&self, user_id: &str, application_id: &str) -> AuthenticatorApp {
        self.registered(user_id, application_id).0
    }

    /// The same, with its id.
    fn registered(&self, user_id: &str, application_id: &str) -> (AuthenticatorApp, String) {
        let token = self.user_token(user_id, application_id);
        let answer = post(&self.server, &token, REGISTER, &json!({}));
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        let app = AuthenticatorApp::of_uri(body["uri"].as_str().expect("uri"));
        (app, body["authenticator_id"].as_str().expect("authenticator_id").to_owned())
    }

    /// A sign-in of [`ADA`] behind the web application.
    fn sign_in(&self, code: &str) -> Answer {
        sign_in_at(&self.server, &self.backend(WEB), ADA, code)
    }
}

fn sign_in_at(server: &TestServer, backend: &str, email: &str, code: &str) -> Answer {
    post(server, backend, AUTHENTICATE, &json!({ "identifier": email, "token": code }))
}

fn post(server: &TestServer, token: &str, path: &str, body: &Value) -> Answer {
    Answer::to(server.request(Method::POST, path).bearer_auth(token).json(body))
}

fn post_nothing(server: &TestServer, token: &str, path: &str) -> Answer {
    Answer::to(server.request(Method::POST, path).bearer_auth(token))
}

/// Checks a refusal, all of it, and gives its audit record.
#[track_caller]
fn refused(world: &World, answer: &Answer, status: u16, code: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["error_code"], code, "{body}");
    assert_eq!(body.as_object().expect("an object").len(), 2, "{body}");
    let record = world.server.record_of(answer);
    assert_eq!((&record["outcome"], &record["reason"]), (&json!("refused"), &json!(code)), "{record}");
    assert!(record.get("jti").is_none(), "{record}");
    record
}

/// Checks a sign-in, and gives its body.
#[track_caller]
fn signed_in(world: &World, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let record = world.server.record_of(answer);
    assert_eq!((&record["event"], &record["outcome"]), (&json!("user.authenticated"), &json!("success")), "{record}");
    answer.json()
}
