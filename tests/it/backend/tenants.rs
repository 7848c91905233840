//! Two environments of two tenants, with equal names and secrets: what the one gave is nothing to the other.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both_engines,
    codes::{assert_link_refused, code_of, with},
    grants::refresh_token::one,
    passwords::{AUTHENTICATE, FIRST, RESET, RESET_WITH_PASSWORD, SECOND, refused_by_number},
    support::{
        Answer, Engine, TestServer,
        backend::{SignedIn, assert_refused},
        tokens::peek,
    },
};

const ENVIRONMENT: &str = r##"
[environment]
name = "first"

[[application]]
name = "web"
platform = "WEB"
[application.login.email]
expiresIn = 15
linksPerUser = 5
message = { primaryColor = "#1a73e8" }
[application.login.email_otp]
expiresIn = 5
maxFailures = 3
message = { primaryColor = "#1a73e8" }
[application.login.password]
passwordMinLength = 8
passwordComplexity = 1
blockPreviousPasswords = 0
passwordExpiresIn = 90
resetValidityMinutes = 15
message = { primaryColor = "#1a73e8" }

[[client]]
id = "web"
application = "web"
redirect_uris = ["https://app.example/back"]
grants = ["client_credentials", "refresh_token"]
secret = "a-secret-of-the-web-backend-with-32-characters"
[client.permissions]
userid-api = ["AUTH_EXECUTE", "SESSIONS_READ", "SESSIONS_DELETE", "USERS_CREATE", "USERS_EDIT"]
"##;

const WEB: (&str, &str) = ("web", "a-secret-of-the-web-backend-with-32-characters");
const ADA: &str = "ada@mail.example";
const SESSION: &str = "/v1/auth/session/authenticate";
const OTP: &str = "/v1/auth/otp/authenticate";
const LOGOUT: &str = "/v1/auth/session/logout";
const REFRESH: &str = "/v1/auth/token/refresh";
/// Tables of which the number of rows says enough.
const COUNTED: [&str; 5] =
    ["refresh_tokens", "login_session_clients", "one_time_codes", "password_resets", "revocations"];
/// What nobody is called by.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine)
        .environment(ENVIRONMENT)
        // The least that the settings allow: what a hash costs is not what is tested.
        .setting("passwords.memory_kib", "7168")
        .setting("passwords.iterations", "1")
        .start()
}

/// An environment as its own backend calls it, and its own user.
struct Place<'s> {
    server: &'s TestServer,
    path: String,
    token: String,
    ada: String,
}

/// Both environments.
fn places(server: &TestServer) -> [Place<'_>; 2] {
    server.apply(&ENVIRONMENT.replace("name = \"first\"", "name = \"second\"\ntenant = \"other\""));
    assert_eq!(one(server, "SELECT COUNT(DISTINCT tenant_id) FROM environments"), "2");
    let query = "SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'";
    let path = server.database.value(query);
    server.eventually("the second environment", || server.get(&format!("{path}/.well-known/jwks.json")).status == 200);
    [Place::of(server, String::new()), Place::of(server, path)]
}

impl<'s> Place<'s> {
    fn of(server: &'s TestServer, path: String) -> Self {
        let mut place = Self { server, path, token: String::new(), ada: String::new() };
        let form = [("grant_type", "client_credentials"), ("audience", "userid-api")];
        place.token = place.form("/token", &form).access_token();
        let made = place.post("/v1/users", &json!({ "email": ADA }));
        assert_eq!(made.status, 201, "{}", made.text);
        place.ada = made.json()["result"]["user_id"].as_str().expect("an id").to_owned();
        let password = json!({ "password": FIRST, "force_replace": false });
        let set = place.post(&format!("/v1/users/{}/password", place.ada), &password);
        assert_eq!(set.status, 201, "{}", set.text);
        place
    }

    /// A form as the client, with its secret.
    fn form(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let request = self.server.request(Method::POST, &format!("{}{path}", self.path));
        Answer::to(request.basic_auth(WEB.0, Some(WEB.1)).form(form))
    }

    /// Without a body.
    fn plain(&self, method: Method, path: &str) -> Answer {
        Answer::to(self.server.request(method, &format!("{}{path}", self.path)).bearer_auth(&self.token))
    }

    fn post(&self, path: &str, body: &Value) -> Answer {
        let request = self.server.request(Method::POST, &format!("{}{path}", self.path));
        Answer::to(request.bearer_auth(&self.token).json(body))
    }

    /// As anybody.
    fn post_publicly(&self, path: &str, body: &Value) -> Answer {
        Answer::to(self.server.request(Method::POST, &format!("{}{path}", self.path)).json(body))
    }

    /// A sign-in of the environment's own user.
    #[track_caller]
    fn signed_in(&self) -> SignedIn {
        SignedIn::of(self.ada.clone(), &self.post(AUTHENTICATE, &by_password()))
    }

    /// The session still gives tokens.
    #[track_caller]
    fn goes_on(&self, before: &SignedIn) {
        let after = SignedIn::of(self.ada.clone(), &self.post(SESSION, &json!({ "session_id": before.session_id })));
        assert_eq!((sid(&after), &peek(&after.access)["sub"]), (sid(before), &json!(self.ada)));
    }

    /// A code that the backend gets.
    fn code(&self) -> String {
        let body = json!({ "channel": "direct", "identifier_type": "email", "identifier": ADA });
        let answer = self.post("/v1/auth/otp/send", &body);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["code"].as_str().expect("a code").to_owned()
    }

    /// The code of a link that the backend gets, which is named `member` in the answer.
    fn link(&self, path: &str, member: &str, body: Value) -> String {
        let answer = self.post(path, &with(body, json!({ "redirect_uri": "https://app.example/back" })));
        assert_eq!(answer.status, 200, "{}", answer.text);
        code_of(answer.json()[member].as_str().expect("a link"))
    }

    fn is_active(&self, token: &str) -> bool {
        let answer = self.form("/introspect", &[("token", token)]);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["active"].as_bool().expect("active")
    }
}

fn by_password() -> Value {
    json!({ "username": ADA, "password": FIRST })
}

fn by_code(passcode: &str) -> Value {
    json!({ "identifier_type": "email", "identifier": ADA, "passcode": passcode })
}

fn sid(signed_in: &SignedIn) -> String {
    peek(&signed_in.access)["sid"].as_str().expect("sid").to_owned()
}

/// Everything that a sign-in, a logout or a reset would leave behind, of both environments.
fn stored(server: &TestServer) -> Vec<String> {
    let mut rows = server.database.texts(
        "SELECT id || methods || CAST(idle_expires_at AS TEXT) || COALESCE(CAST(ended_at AS TEXT), '-') AS text \
         FROM login_sessions ORDER BY id",
    );
    rows.extend(server.database.texts("SELECT hash AS text FROM passwords ORDER BY user_id"));
    rows.extend(server.database.texts("SELECT id || COALESCE(end_reason, '-') AS text FROM sessions ORDER BY id"));
    rows.extend(COUNTED.map(|table| one(server, &format!("SELECT COUNT(*) FROM {table}"))));
    rows
}

both_engines! {
    fn a_session_id_opens_nothing_in_another_environment(engine) {
        let server = start(engine);
        let [first, second] = places(&server);
        let signed_in = first.signed_in();
        let code = second.code();
        let before = stored(&server);
        server.clock.advance(10);
        let unknown = format!("tss_{}", &signed_in.refresh[4..]);
        // Alone, and as the session that a right password, or a right code, is to be added to.
        for (path, body) in [(SESSION, json!({})), (AUTHENTICATE, by_password()), (OTP, by_code(&code)), (LOGOUT, json!({}))] {
            let show = |id: &str| second.post(path, &with(body.clone(), json!({ "session_id": id })));
            let foreign = show(&signed_in.session_id);
            let record = assert_refused(&server, &foreign, 400, "session_not_found");
            assert!(record["event"] != "user.authenticated" && record.get("session_id").is_none(), "{path}: {record}");
            assert_eq!(foreign.text, show(&unknown).text, "{path}: like one that nobody has");
        }
        assert_eq!(stored(&server), before);
        assert!(first.is_active(&signed_in.access));
        first.goes_on(&signed_in);
        // What was shown with it was right, and is not used up.
        let own = SignedIn::of(second.ada.clone(), &second.post(OTP, &by_code(&code)));
        assert_ne!(sid(&own), sid(&signed_in));
    }

    fn a_sid_and_a_user_id_end_nothing_in_another_environment(engine) {
        let server = start(engine);
        let [first, second] = places(&server);
        let (signed_in, own) = (first.signed_in(), second.signed_in());
        assert_ne!(first.ada, second.ada);
        let before = stored(&server);
        let log_out = |id: &str| second.post(LOGOUT, &json!({ "session_id": id }));
        let foreign = log_out(&sid(&signed_in));
        assert_refused(&server, &foreign, 400, "session_not_found");
        assert_eq!(foreign.text, log_out(NOBODY).text);
        for method in [Method::GET, Method::DELETE] {
            let of = |user: &str| second.plain(method.clone(), &format!("/v1/auth/users/{user}/sessions"));
            let foreign = of(&first.ada);
            assert_refused(&server, &foreign, 404, "user_not_found");
            assert_eq!(foreign.text, of(NOBODY).text, "{method}");
        }
        assert_eq!(stored(&server), before);
        assert!(first.is_active(&signed_in.access) && !second.is_active(&signed_in.access));

        // The same calls do end what is there.
        assert_eq!(second.plain(Method::DELETE, &format!("/v1/auth/users/{}/sessions", second.ada)).status, 204);
        assert!(!second.is_active(&own.access));
        assert_refused(&server, &second.post(SESSION, &json!({ "session_id": own.session_id })), 400, "session_not_found");
        first.goes_on(&signed_in);
        assert_eq!(first.post(LOGOUT, &json!({ "session_id": sid(&signed_in) })).status, 204);
        assert!(!first.is_active(&signed_in.access));
    }

    fn a_refresh_token_gives_nothing_in_another_environment_and_is_not_used_by_that(engine) {
        let server = start(engine);
        let [first, second] = places(&server);
        let signed_in = first.signed_in();
        let before = stored(&server);
        let token = signed_in.refresh.as_str();
        // Twice, as that would be a replay at home.
        for _ in 0..2 {
            let refused = second.post(REFRESH, &json!({ "refresh_token": token }));
            let record = assert_refused(&server, &refused, 400, "invalid_refresh_token");
            assert_eq!(record["event"], "token.refused");
            let refused = second.form("/token", &[("grant_type", "refresh_token"), ("refresh_token", token)]);
            server.assert_refused(&refused, "invalid_grant", "refresh_token_refused");
            for shown in [token, signed_in.access.as_str()] {
                assert_eq!(second.form("/revoke", &[("token", shown)]).status, 200, "as for anything that is unknown");
                assert!(!second.is_active(shown));
            }
        }
        assert_eq!(stored(&server), before);
        assert!(first.is_active(&signed_in.access) && first.is_active(token));
        let renewed = first.post(REFRESH, &json!({ "refresh_token": token }));
        assert_eq!(peek(&renewed.access_token())["sid"], json!(sid(&signed_in)));
        first.goes_on(&signed_in);
    }

    fn links_codes_and_reset_tokens_are_good_in_their_own_environment_alone(engine) {
        let server = start(engine);
        let [first, second] = places(&server);
        let named = json!({ "identifier_type": "email", "identifier": ADA, "channel": "direct" });
        let link_code = first.link("/v1/auth/link/email/send", "link", named);
        let link = json!({ "code": link_code });
        let code = first.code();
        let token = first.link("/v1/auth/password/reset/link", "reset_link", json!({ "email": ADA }));
        let before = stored(&server);

        let by_link = "/v1/auth/link/email/authenticate";
        assert_link_refused(&second.post(by_link, &link), 400, "Invalid magic link code");
        assert_refused(&server, &second.post(OTP, &by_code(&code)), 400, "auth_invalid_credentials");
        let reset = json!({ "reset_token": token, "new_password": SECOND });
        let refused = second.post_publicly(RESET, &reset);
        refused_by_number(&refused, 403, "invalid_reset_token");
        let made_up = with(reset.clone(), json!({ "reset_token": format!("tsp_{}", &link_code[4..]) }));
        assert_eq!(refused.text, second.post_publicly(RESET, &made_up).text);
        // Nor is it the first of two factors there, for whoever knows the password of the user there.
        let known = json!({ "client_id": WEB.0, "email": ADA, "password": FIRST, "prev_reset_token": token });
        refused_by_number(&second.post_publicly(RESET_WITH_PASSWORD, &known), 403, "invalid_reset_token");
        assert_eq!(stored(&server), before);

        for answer in [first.post(by_link, &link), first.post(OTP, &by_code(&code))] {
            assert_eq!(peek(&answer.access_token())["sub"], json!(first.ada));
        }
        let done = first.post_publicly(RESET, &reset);
        assert_eq!(done.status, 200, "{}", done.text);
        let with_new = with(by_password(), json!({ "password": SECOND }));
        SignedIn::of(first.ada.clone(), &first.post(AUTHENTICATE, &with_new));
        assert_refused(&server, &first.post(AUTHENTICATE, &by_password()), 400, "auth_invalid_credentials");
        // The user of the same name has the password of before.
        assert_refused(&server, &second.post(AUTHENTICATE, &with_new), 400, "auth_invalid_credentials");
        second.signed_in();
    }
}
