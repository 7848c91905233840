//! Magic links and one-time codes, sent to a real mail server and a real gateway on loopback.

mod flood;
mod guessing;
mod injection;
mod link;
mod link_attacks;
mod otp;
mod refusals;
mod reset;

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, TestServer,
    mails::MailServer,
    peer::{Peer, respond},
    tokens::peek,
};

/// Two applications; the first has two backends.
pub const ENVIRONMENT: &str = r##"
[environment]
name = "first"

[[application]]
name = "web"
platform = "WEB"
users_join = "at_once"
[application.login.email]
expiresIn = 15
linksPerUser = 5
message = { primaryColor = "#1a73e8" }
[application.login.email_otp]
expiresIn = 5
maxFailures = 3
lockoutDuration = 15
message = { primaryColor = "#1a73e8", from = "Web shop", subject = "Your code" }
[application.login.sms]
expiresIn = 5
maxFailures = 3
codeLength = 8
crossClientsAllowed = true
[application.login.password]
passwordMinLength = 8
passwordComplexity = 1
blockPreviousPasswords = 1
passwordExpiresIn = 90
resetValidityMinutes = 15
message = { primaryColor = "#1a73e8", subject = "Your new password" }

[[application]]
name = "other"
platform = "WEB"
users_join = "at_once"
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
resetValidityMinutes = 5
requireMFA = true
message = { primaryColor = "#1a73e8" }

[[application]]
name = "bare"
platform = "WEB"
users_join = "at_once"

[[client]]
id = "web"
application = "web"
redirect_uris = ["https://app.example/back", "https://app.example/back?tenant=1"]
grants = ["client_credentials"]
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_READ", "USERS_EDIT"] }
secret = "a-secret-of-the-web-backend-with-32-characters"

[[client]]
id = "web-2"
application = "web"
redirect_uris = ["https://two.example/back"]
grants = ["client_credentials"]
permissions = { userid-api = ["AUTH_EXECUTE"] }
secret = "a-secret-of-web-2-backend-with-32-characters"

[[client]]
id = "other"
application = "other"
redirect_uris = ["https://app.example/back"]
grants = ["client_credentials"]
permissions = { userid-api = ["AUTH_EXECUTE", "USERS_CREATE", "USERS_EDIT"] }
secret = "a-secret-of-another-backend-with-32-characters"

[[client]]
id = "bare"
application = "bare"
grants = ["client_credentials"]
permissions = { userid-api = ["AUTH_EXECUTE"] }
secret = "a-secret-of-the-bare-backend-with-32-characters"

[[client]]
id = "nobody"
application = "web"
grants = ["client_credentials"]
secret = "a-secret-of-nobody-at-all-with-32-characters"
"##;

/// A client's id and secret.
pub type Client = (&'static str, &'static str);
pub const WEB: Client = ("web", "a-secret-of-the-web-backend-with-32-characters");
pub const WEB_2: Client = ("web-2", "a-secret-of-web-2-backend-with-32-characters");
pub const OTHER: Client = ("other", "a-secret-of-another-backend-with-32-characters");
pub const BARE: Client = ("bare", "a-secret-of-the-bare-backend-with-32-characters");
pub const NOBODY: Client = ("nobody", "a-secret-of-nobody-at-all-with-32-characters");

pub const ADA: &str = "ada@mail.example";
pub const ADAS_NUMBER: &str = "+14155550100";
pub const BACK: &str = "https://app.example/back";

/// A server, what it sends to, and a user.
pub struct World {
    pub server: TestServer,
    pub mails: MailServer,
    pub texts: Peer,
    /// The id of the user [`ADA`].
    pub ada: String,
}

/// One with these settings besides.
pub fn world_with(engine: Engine, settings: &[(&str, &str)]) -> World {
    world_of(engine, ENVIRONMENT, settings)
}

/// The same with another environment, which must have the client [`WEB`].
pub fn world_of(engine: Engine, environment: &str, settings: &[(&str, &str)]) -> World {
    let (mails, texts) = (MailServer::start(), Peer::start(|stream| respond(stream, "202 Accepted", "", "{}")));
    let mut builder = TestServer::builder(engine)
        .environment(environment)
        .setting("email.host", "127.0.0.1")
        .setting("email.port", &mails.port().to_string())
        .setting("email.security", "none")
        .setting("email.from_address", "login@acme.example")
        .setting("sms.url", &texts.url("/send"))
        .setting("sms.body", r#"{"to":"{to}","text":"{text}","from":"{sender}"}"#)
        .setting("outbound.plain_http_to_loopback", "true")
        // The least that the settings allow: what a hash costs is not what is tested.
        .setting("passwords.memory_kib", "7168")
        .setting("passwords.iterations", "1");
    for (key, value) in settings {
        builder = builder.setting(key, value);
    }
    let mut world = World { server: builder.start(), mails, texts, ada: String::new() };
    world.ada = world.user(WEB, json!({ "email": ADA, "phone_number": ADAS_NUMBER, "username": "ada" }));
    world
}

/// One as most tests need it.
pub fn world(engine: Engine) -> World {
    world_with(engine, &[])
}

impl World {
    /// `POST` as a client.
    pub fn post(&self, client: Client, path: &str, body: Value) -> Answer {
        self.post_to(&self.server, client, path, body)
    }

    /// The same at some node.
    pub fn post_to(&self, node: &TestServer, client: Client, path: &str, body: Value) -> Answer {
        let token = self.server.token(client, &CLIENT_CREDENTIALS).access_token();
        Answer::to(node.request(Method::POST, path).bearer_auth(token).json(&body))
    }

    /// Makes a user, or lets one who is there sign in to the client's application; gives the id.
    pub fn user(&self, client: Client, body: Value) -> String {
        let answer = self.post(client, "/v1/users", body);
        assert_eq!(answer.status, 201, "{}", answer.text);
        let body = answer.json();
        let user = if body["result"].is_object() { &body["result"] } else { &body };
        user["user_id"].as_str().expect("an id").to_owned()
    }

    /// `POST /v1/auth/otp/send` for [`ADA`] with members besides.
    pub fn send_otp(&self, channel: &str, members: Value) -> Answer {
        self.post(
            WEB,
            "/v1/auth/otp/send",
            with(json!({ "channel": channel, "identifier_type": "email", "identifier": ADA }), members),
        )
    }

    /// `POST /v1/auth/otp/authenticate` for [`ADA`] with members besides.
    pub fn try_otp(&self, passcode: &str, members: Value) -> Answer {
        self.post(WEB, "/v1/auth/otp/authenticate", otp_of(passcode, members))
    }

    /// A code that the client gets.
    pub fn direct_code(&self, members: Value) -> String {
        let answer = self.send_otp("direct", members);
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json()["code"].as_str().expect("a code").to_owned()
    }

    /// `POST /v1/auth/link/email/send` for [`ADA`] with members besides.
    pub fn send_link(&self, members: Value) -> Answer {
        self.post(WEB, "/v1/auth/link/email/send", link_of(members))
    }

    /// `POST /v1/auth/link/email/authenticate` with members besides.
    pub fn try_link(&self, client: Client, code: &str, members: Value) -> Answer {
        self.post(client, "/v1/auth/link/email/authenticate", with(json!({ "code": code }), members))
    }

    /// A link that the client gets, and its code.
    pub fn direct_link(&self, members: Value) -> (String, String) {
        let answer = self.send_link(with(json!({ "channel": "direct" }), members));
        assert_eq!(answer.status, 200, "{}", answer.text);
        let link = answer.json()["link"].as_str().expect("a link").to_owned();
        let code = code_of(&link);
        (link, code)
    }

    /// The link of the last mail, when there are as many.
    pub fn mailed_link(&self, count: usize) -> String {
        let mail = self.mail(count);
        let link = mail.split_whitespace().find(|word| word.starts_with("https://")).expect("a link");
        link.to_owned()
    }

    /// The code of the last mail, when there are as many.
    pub fn mailed_code(&self, count: usize) -> String {
        digits(&self.mail(count), 6)
    }

    /// The plain text of the last mail, when there are as many.
    pub fn mail(&self, count: usize) -> String {
        self.server.eventually("a mail", || self.mails.mails().len() >= count);
        let mails = self.mails.mails();
        assert_eq!(mails.len(), count, "{mails:?}");
        mails[count - 1].text()
    }

    /// The body of the last text message, when there are as many.
    pub fn text(&self, count: usize) -> Value {
        self.server.eventually("a text message", || self.texts.requests().len() >= count);
        let requests = self.texts.requests();
        assert_eq!(requests.len(), count, "{requests:?}");
        let (_, body) = requests[count - 1].split_once("\r\n\r\n").expect("a body");
        serde_json::from_str(body).expect("JSON")
    }

    /// How many sessions there are: none where nothing was issued.
    pub fn sessions(&self) -> String {
        self.server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM login_sessions")
    }

    /// How many codes and links are kept.
    pub fn codes(&self) -> String {
        self.server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM one_time_codes")
    }
}

/// The body of `otp/authenticate` for [`ADA`].
pub fn otp_of(passcode: &str, members: Value) -> Value {
    with(json!({ "identifier_type": "email", "identifier": ADA, "passcode": passcode }), members)
}

/// The body of `link/email/send` for [`ADA`].
pub fn link_of(members: Value) -> Value {
    with(json!({ "identifier_type": "email", "identifier": ADA, "redirect_uri": BACK }), members)
}

/// `body` with further members, or others in place of its own; `null` takes one away.
pub fn with(mut body: Value, members: Value) -> Value {
    let own = body.as_object_mut().expect("an object");
    for (name, value) in members.as_object().expect("an object") {
        if value.is_null() {
            own.remove(name);
        } else {
            own.insert(name.clone(), value.clone());
        }
    }
    body
}

/// The parameter `code` of a link.
pub fn code_of(link: &str) -> String {
    let url = url::Url::parse(link).expect("a URL");
    let code = url.query_pairs().find(|(name, _)| name == "code").expect("a code");
    code.1.into_owned()
}

/// The only number of so many digits in a text.
pub fn digits(text: &str, length: usize) -> String {
    let found: Vec<&str> = text.split(|c: char| !c.is_ascii_digit()).filter(|word| word.len() == length).collect();
    assert_eq!(found.len(), 1, "{text}");
    found[0].to_owned()
}

/// Another code than this.
pub fn wrong(code: &str) -> String {
    let first = if code.starts_with('0') { "1" } else { "0" };
    format!("{first}{}", &code[1..])
}

/// The claims of the ID token of a good answer.
#[track_caller]
pub fn id_token(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text);
    peek(answer.json()["id_token"].as_str().expect("an ID token"))
}

/// Checks a refusal in the shape of one-time codes.
#[track_caller]
pub fn assert_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    assert_eq!(answer.json()["error_code"], code, "{}", answer.text);
    assert!(answer.json()["message"].is_string() && answer.json().get("access_token").is_none(), "{}", answer.text);
}

/// Checks a refusal in the shape of magic links.
#[track_caller]
pub fn assert_link_refused(answer: &Answer, status: u16, message: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["error_code"], &body["message"]), (&json!(status.to_string()), &json!(message)), "{body}");
}
