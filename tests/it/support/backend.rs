//! Applications' backends: an environment with two of them, their tokens, their users, and users who are signed in.

use reqwest::Method;
use serde_json::{Value, json};
use tessera::{
    app,
    domain::{
        clock::Clock as _,
        login::{
            AuthMethod,
            session::{Authentication, LoginSession},
        },
        random::{SystemRandom, random_uuid},
        secret::{Secret, SecretKind},
    },
    store::{Conn, StoreError, login_sessions},
};

use super::{Answer, DEMO, Engine, TestServer, leaks, server::load};

/// Id and secret of the backend of the application `portal`: it has all permissions, and access to `bff-api`.
pub const PORTAL: (&str, &str) = ("portal-backend", "a-secret-of-the-portal-with-32-characters");
/// Id and secret of the backend of the application `shop`: it has all permissions, and no access.
pub const SHOP: (&str, &str) = ("shop-backend", "a-secret-of-the-shop-with-32-characters-or-so");
/// Id and secret of a client of the portal that may read sessions and nothing else.
pub const READER: (&str, &str) = ("portal-reader", "a-secret-of-the-reader-with-32-characters");

/// UUID of the application `portal`.
pub const PORTAL_APP: &str = "2c1f0a63-51a5-4a51-8f7e-6f1b9be60001";
/// UUID of the application `shop`.
pub const SHOP_APP: &str = "2c1f0a63-51a5-4a51-8f7e-6f1b9be60002";

/// What the demo has besides.
pub const ENVIRONMENT: &str = r#"
[[application]]
id = "2c1f0a63-51a5-4a51-8f7e-6f1b9be60001"
users_join = "at_once"
name = "portal"
platform = "WEB"

[[application]]
id = "2c1f0a63-51a5-4a51-8f7e-6f1b9be60002"
users_join = "at_once"
name = "shop"
platform = "WEB"

[[client]]
id = "portal-backend"
application = "portal"
grants = ["client_credentials", "refresh_token"]
access = [{ audience = "bff-api", scopes = ["calendar.read", "profile"] }]
secret = "a-secret-of-the-portal-with-32-characters"
[client.permissions]
userid-api = [
    "AUTH_EXECUTE", "SESSIONS_READ", "SESSIONS_DELETE", "USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE",
    "AUTHENTICATORS_READ", "AUTHENTICATORS_EDIT", "AUTHENTICATORS_DELETE", "AUTHENTICATION_METHODS_READ",
    "AUTHENTICATION_METHODS_EDIT",
]

[[client]]
id = "shop-backend"
application = "shop"
grants = ["client_credentials", "refresh_token"]
secret = "a-secret-of-the-shop-with-32-characters-or-so"
[client.permissions]
userid-api = [
    "AUTH_EXECUTE", "SESSIONS_READ", "SESSIONS_DELETE", "USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE",
    "AUTHENTICATORS_READ", "AUTHENTICATORS_EDIT", "AUTHENTICATORS_DELETE", "AUTHENTICATION_METHODS_READ",
    "AUTHENTICATION_METHODS_EDIT",
]

[[client]]
id = "portal-reader"
application = "portal"
grants = ["client_credentials"]
secret = "a-secret-of-the-reader-with-32-characters"
[client.permissions]
userid-api = ["SESSIONS_READ"]
"#;

/// The environment file: the demo's with [`ENVIRONMENT`].
pub fn environment() -> String {
    format!("{DEMO}\n{ENVIRONMENT}")
}

/// A server with that environment.
pub fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&environment()).start()
}

/// A token of a backend for the backend authentication API.
pub fn client_token(server: &TestServer, client: (&str, &str)) -> String {
    let form = [("grant_type", "client_credentials"), ("audience", "userid-api")];
    server.token(client, &form).access_token()
}

/// One backend that calls, with its token.
pub struct Backend<'s> {
    server: &'s TestServer,
    token: String,
}

impl<'s> Backend<'s> {
    /// With a token of its own.
    pub fn of(server: &'s TestServer, client: (&str, &str)) -> Self {
        Self { server, token: client_token(server, client) }
    }

    /// The portal's.
    pub fn portal(server: &'s TestServer) -> Self {
        Self::of(server, PORTAL)
    }

    /// The shop's.
    pub fn shop(server: &'s TestServer) -> Self {
        Self::of(server, SHOP)
    }

    /// A call with a JSON body.
    pub fn call(&self, method: Method, path: &str, body: &Value) -> Answer {
        call_with(self.server, method, path, &self.token, body)
    }

    /// `POST`.
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.call(Method::POST, path, body)
    }

    /// Without a body.
    pub fn plain(&self, method: Method, path: &str) -> Answer {
        Answer::to(self.server.request(method, path).bearer_auth(&self.token))
    }

    /// `GET`.
    pub fn get(&self, path: &str) -> Answer {
        self.plain(Method::GET, path)
    }

    /// Makes a user of the application, with what the contract has for that; gives the id.
    #[track_caller]
    pub fn user(&self, body: &Value) -> String {
        let answer = self.post("/v1/users", body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        answer.json()["result"]["user_id"].as_str().expect("a user id").to_owned()
    }

    /// Tokens of a session.
    pub fn authenticate(&self, session_id: &str, more: Value) -> Answer {
        let mut body = more;
        body["session_id"] = json!(session_id);
        self.post("/v1/auth/session/authenticate", &body)
    }

    /// A user of that address who is signed in by a password, with the tokens of it.
    #[track_caller]
    pub fn signed_in(&self, email: &str) -> SignedIn {
        let user_id = self.user(&json!({ "email": email }));
        let session_id = open_session(self.server, &user_id, &[AuthMethod::Password]);
        SignedIn::of(user_id, &self.authenticate(&session_id, json!({})))
    }
}

/// A call with any token.
pub fn call_with(server: &TestServer, method: Method, path: &str, token: &str, body: &Value) -> Answer {
    Answer::to(server.request(method, path).bearer_auth(token).json(body))
}

/// A user who is signed in, and what the backend got.
#[derive(Debug, Clone)]
pub struct SignedIn {
    pub user_id: String,
    pub session_id: String,
    pub access: String,
    pub id_token: String,
    pub refresh: String,
}

impl SignedIn {
    /// The answer to a sign-in, whose form is checked.
    #[track_caller]
    pub fn of(user_id: String, answer: &Answer) -> Self {
        let access = answer.access_token();
        let body = answer.json();
        let text = |name: &str| body[name].as_str().unwrap_or_else(|| panic!("{name} in {body}")).to_owned();
        let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["access_token", "id_token", "refresh_token", "token_type", "expires_in", "session_id"]);
        let (session_id, refresh) = (text("session_id"), text("refresh_token"));
        assert!(session_id.starts_with("tss_") && refresh.starts_with("tsr_"), "{session_id} {refresh}");
        Self { user_id, session_id, access, id_token: text("id_token"), refresh }
    }
}

/// Opens a session of a user who was authenticated by these methods just now, as a sign-in does; gives the `session_id`.
pub fn open_session(server: &TestServer, user_id: &str, methods: &[AuthMethod]) -> String {
    let settings = load(server.variables());
    let store = app::open_store(&settings).expect("the database");
    let now = server.clock.now();
    let secret = Secret::generate_kind(SecretKind::LoginSession, &SystemRandom).expect("random source");
    leaks::secret_is(secret.reveal());
    let expires_at = now + i64::try_from(settings.sessions.absolute_lifetime.as_secs()).expect("seconds");
    let session = LoginSession {
        id: random_uuid(&SystemRandom).expect("random source"),
        environment_id: server.database.value("SELECT id AS value FROM environments"),
        user_id: user_id.to_owned(),
        secret: secret.hash(),
        methods: methods.iter().map(|&method| Authentication { method, at: now }).collect(),
        created_at: now,
        idle_expires_at: now + i64::try_from(settings.sessions.idle_lifetime.as_secs()).expect("seconds"),
        expires_at,
        ended_at: None,
    };
    let work = |conn: &mut Conn<'_>| -> Result<(), StoreError> { login_sessions::insert(conn, &session) };
    store.transact(work).expect("the database");
    secret.reveal().to_owned()
}

/// Checks a refusal in the contract's usual form, and that its record says the same and that nothing was issued. Gives the record,
/// or `null` where the operation keeps none.
#[track_caller]
pub fn assert_refused(server: &TestServer, answer: &Answer, status: u16, symbol: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["error_code"], symbol, "{body}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
    let members: Vec<&String> = body.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["error_code", "message"]);
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401);
    let records = server.records_of(answer);
    let Some(record) = records.last() else { return Value::Null };
    assert_eq!((&record["outcome"], &record["reason"]), (&json!("refused"), &json!(symbol)), "{record}");
    assert!(record.get("jti").is_none(), "{record}");
    record.clone()
}
