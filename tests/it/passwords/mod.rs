//! Passwords of users.

mod enumeration;
mod leaked;
mod limits;
mod lockout;
mod newcomers;
mod notify;
mod overload;
mod races;
mod reset;
mod set;
mod sign_in;
mod times;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer};

/// Three applications with a backend each; the last one has no passwords.
pub const ENVIRONMENT: &str = r##"
[environment]
name = "first"

[[application]]
name = "web"
platform = "WEB"
users_join = "at_once"
[application.login.password]
passwordMinLength = 8
passwordComplexity = 3
blockPreviousPasswords = 3
passwordExpiresIn = 90
resetValidityMinutes = 15
message = { primaryColor = "#1a73e8" }

[[application]]
name = "strict"
platform = "WEB"
users_join = "at_once"
[application.login.password]
passwordMinLength = 8
passwordComplexity = 1
blockPreviousPasswords = 0
checkHibp = true
checkDictionary = true
passwordExpiresIn = 30
requireMFA = true
resetValidityMinutes = 5
lockoutTiers = [{ attempts = 2, duration = 5 }, { attempts = 4, duration = 10 }]
message = { primaryColor = "#1a73e8" }

[[application]]
name = "bare"
platform = "WEB"
users_join = "at_once"

[[client]]
id = "web"
application = "web"
grants = ["client_credentials", "refresh_token"]
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_READ", "USERS_EDIT"] }
secret = "a-secret-of-the-web-backend-with-32-characters"

[[client]]
id = "strict"
application = "strict"
grants = ["client_credentials", "refresh_token"]
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_EDIT"] }
secret = "a-secret-of-the-strict-backend-with-32-characters"

[[client]]
id = "bare"
application = "bare"
grants = ["client_credentials"]
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_EDIT"] }
secret = "a-secret-of-the-bare-backend-with-32-characters"

[[client]]
id = "keeper"
application = "web"
grants = ["client_credentials"]
permissions = { userid-api = ["SESSIONS_READ"] }
secret = "a-secret-of-the-web-keeper-with-32-characters"

[[client]]
id = "reader"
application = "web"
grants = ["client_credentials"]
permissions = { userid-api = ["USERS_READ"] }
secret = "a-secret-of-the-web-reader-with-32-characters"
"##;

/// A client's id and secret.
pub type Client = (&'static str, &'static str);
pub const WEB: Client = ("web", "a-secret-of-the-web-backend-with-32-characters");
pub const STRICT: Client = ("strict", "a-secret-of-the-strict-backend-with-32-characters");
pub const BARE: Client = ("bare", "a-secret-of-the-bare-backend-with-32-characters");
pub const KEEPER: Client = ("keeper", "a-secret-of-the-web-keeper-with-32-characters");
pub const READER: Client = ("reader", "a-secret-of-the-web-reader-with-32-characters");

pub const AUTHENTICATE: &str = "/v1/auth/password/authenticate";
pub const RESET: &str = "/v1/auth/password/reset";
pub const RESET_WITH_PASSWORD: &str = "/v1/auth/password/reset/password/validate";

/// Good passwords. Long enough for the tests to find them in a log.
pub const FIRST: &str = "Zebra-lamp-orbit-7-quill";
pub const SECOND: &str = "Quartz-fjord-9-blanket-hum";
pub const THIRD: &str = "Velvet-cactus-4-tram-ozone";
pub const FOURTH: &str = "Indigo-pepper-6-raft-glyph";
pub const WRONG: &str = "Nobody-knows-3-this-phrase";

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

/// A server, and a user of "web" with the password [`FIRST`].
pub struct World {
    pub server: TestServer,
    /// The id of the user.
    pub ada: String,
}

/// One with these settings besides.
pub fn world_with(engine: Engine, settings: &[(&str, &str)]) -> World {
    // The least that the settings allow: what a hash costs is not what is tested.
    let cheap = [("passwords.memory_kib", "7168"), ("passwords.iterations", "1")];
    let mut builder = TestServer::builder(engine).environment(ENVIRONMENT);
    for (key, value) in cheap.iter().chain(settings) {
        builder = builder.setting(key, value);
    }
    let mut world = World { server: builder.start(), ada: String::new() };
    let ada = json!({ "email": "ada@mail.example", "phone_number": "+14155550100", "username": "ada" });
    world.ada = world.user(WEB, ada);
    world.password(WEB, &world.ada, FIRST);
    world
}

/// One as most tests need it.
pub fn world(engine: Engine) -> World {
    world_with(engine, &[])
}

impl World {
    /// Calls as a client.
    pub fn call(&self, method: Method, client: Client, path: &str, body: &Value) -> Answer {
        let token = self.server.token(client, &CLIENT_CREDENTIALS).access_token();
        Answer::to(self.server.request(method, path).bearer_auth(token).json(body))
    }

    /// `POST` as a client.
    pub fn post(&self, client: Client, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, client, path, body)
    }

    /// `POST` as anybody.
    pub fn post_publicly(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.server.request(Method::POST, path).json(body))
    }

    /// Makes a user, and gives the id.
    pub fn user(&self, client: Client, user: Value) -> String {
        let made = self.post(client, "/v1/users", &user);
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["result"]["user_id"].as_str().expect("an id").to_owned()
    }

    /// Gives a user a password of the user's own choice.
    pub fn password(&self, client: Client, user_id: &str, password: &str) {
        let body = json!({ "password": password, "force_replace": false });
        let set = self.post(client, &format!("/v1/users/{user_id}/password"), &body);
        assert_eq!((set.status.as_u16(), set.json()), (201, json!({ "result": { "message": "Password registered" } })));
    }

    /// Replaces a password by one that the user has chosen.
    pub fn replace(&self, client: Client, user_id: &str, password: &str) -> Answer {
        let body = json!({ "password": password, "force_replace": false });
        self.call(Method::PUT, client, &format!("/v1/users/{user_id}/password"), &body)
    }

    /// Lets the user sign in at another client's application.
    pub fn joined_by(&self, client: Client) {
        assert_eq!(self.user(client, json!({ "email": "ada@mail.example" })), self.ada);
    }

    /// Signs in by user name.
    pub fn sign_in(&self, client: Client, username: &str, password: &str) -> Answer {
        self.post(client, AUTHENTICATE, &json!({ "username": username, "password": password }))
    }

    /// Says the present password in order to set another one.
    pub fn token_by_password(&self, client: Client, password: &str, previous: Option<&str>) -> Answer {
        let mut body = json!({ "client_id": client.0, "username": "ada", "password": password });
        if let Some(previous) = previous {
            body["prev_reset_token"] = previous.into();
        }
        self.post_publicly(RESET_WITH_PASSWORD, &body)
    }

    /// Sets a new password.
    pub fn redeem(&self, token: &str, password: &str) -> Answer {
        self.post_publicly(RESET, &json!({ "reset_token": token, "new_password": password }))
    }

    /// Renews the tokens of an answer to "web".
    pub fn refresh(&self, answer: &Answer) -> Answer {
        let token = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        self.server.token(WEB, &[("grant_type", "refresh_token"), ("refresh_token", &token)])
    }

    /// How often a metric says that something happened.
    pub fn counted(&self, metric: &str) -> u64 {
        let page = self.server.get("/metrics").text;
        let line = page.lines().find_map(|line| line.strip_prefix(metric)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {metric} in {page}")).parse().expect("a number")
    }

    /// How many passwords were compared.
    pub fn compared(&self) -> u64 {
        self.counted("tessera_password_jobs_total{kind=\"verify\",outcome=\"done\"}")
    }

    /// How many passwords were worked on in any way.
    pub fn worked(&self) -> u64 {
        let of = |kind| self.counted(&format!("tessera_password_jobs_total{{kind=\"{kind}\",outcome=\"done\"}}"));
        ["verify", "hash", "judge"].map(of).iter().sum()
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> String {
        self.server.database.value("SELECT CAST(count(*) AS text) AS value FROM login_sessions")
    }
}

/// Checks a refusal with a symbol.
#[track_caller]
pub fn refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.json()["error_code"], code, "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

/// Checks a refusal with a number.
#[track_caller]
pub fn refused_by_number(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["error_code"], &body["ts_error_code"]), (&json!(status), &json!(code)), "{body}");
}

/// The reset token of an answer that asks for another password.
pub fn reset_token(answer: &Answer, code: &str) -> String {
    refused(answer, 403, code);
    answer.json()["reset_token"].as_str().expect("a reset token").to_owned()
}
