//! The access-token enrichment webhook: what it is sent, what becomes of its answer, and what a bad one can do.

mod breaker;
mod failures;
mod message;
mod secrecy;
mod urls;

use serde_json::Value;
use tessera::domain::application::OnFailure;

use crate::support::{
    Answer, Engine, TestServer,
    hook::{self, Hook},
    tokens::{self, verify},
};

/// Id and secret of the client that says who a user is.
const SIGN_IN: (&str, &str) = ("sign-in", "a-secret-of-sign-in-with-more-than-32-characters");
/// The application with the webhook.
const WEB: &str = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e";
/// Another one.
const SHOP: &str = "3d9a0c5b-6f4e-4d8c-9b0a-9c8d7e6f5a4b";
/// Lets a server call loopback.
const LOOPBACK: (&str, &str) = ("outbound.plain_http_to_loopback", "true");

const ENVIRONMENT: &str = r#"
[environment]
name = "hooked"

[[resource_server]]
audience = "bff-api"
scopes = ["read"]

[[client]]
id = "sign-in"
grants = ["client_credentials", "token_exchange"]
permissions = { ax-user-service = ["GENERATE_DELEGATED_ACCESS_TOKEN"] }
secret = "a-secret-of-sign-in-with-more-than-32-characters"

[[application]]
id = "0a6d7f2e-3c1b-4a59-8e7d-6f5a4b3c2d1e"
name = "web"
platform = "WEB"

[[application]]
id = "3d9a0c5b-6f4e-4d8c-9b0a-9c8d7e6f5a4b"
name = "shop"
platform = "WEB"

[[identity_connection]]
name = "our sign-in"
provider = "DELEGATED"

[[exchange_rule]]
name = "users may read"
client = "sign-in"
audience = ["bff-api"]
grant_scopes = ["read"]
"#;

/// A server, and the webhook of its application `web`.
struct World {
    server: TestServer,
    hook: Hook,
}

impl World {
    /// The application wants no token when its webhook fails.
    fn new(engine: Engine) -> Self {
        Self::with(engine, OnFailure::Refuse)
    }

    fn with(engine: Engine, on_failure: OnFailure) -> Self {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).setting(LOOPBACK.0, LOOPBACK.1).start();
        let world = Self { hook: Hook::start(server.clock.clone()), server };
        world.hook_up(WEB, &world.hook, on_failure);
        world
    }

    /// Gives an application a webhook, and waits until the server calls it.
    fn hook_up(&self, application_id: &str, hook: &Hook, on_failure: OnFailure) {
        hook::install(self.server.variables(), application_id, &hook.url(), on_failure);
        self.server.eventually("the server hears of the webhook", || {
            login(&self.server, application_id, "nobody", &[]).access_token();
            !hook.messages().is_empty()
        });
        hook.forget();
    }

    /// The user signed in to `web`.
    fn login(&self, subject_id: &str, more: &[(&str, &str)]) -> Answer {
        login(&self.server, WEB, subject_id, more)
    }

    /// A login that must go well, with `extensions`.
    fn good(&self, subject_id: &str) -> Value {
        let claims = claims(&self.server, &self.login(subject_id, &[]));
        assert!(claims["extensions"].is_object(), "{claims}");
        claims
    }

    /// Checks that there is no token because the webhook failed, and what the operator hears of it.
    #[track_caller]
    fn assert_failed(&self, answer: &Answer, why: &str) {
        assert_failed(&self.server, answer, why);
    }
}

fn login(server: &TestServer, application_id: &str, subject_id: &str, more: &[(&str, &str)]) -> Answer {
    tokens::delegate(server, SIGN_IN, (application_id, subject_id), more)
}

/// The claims of a user's token for the server itself.
fn claims(server: &TestServer, answer: &Answer) -> Value {
    verify(server, &answer.access_token(), &server.url)
}

#[track_caller]
fn assert_failed(server: &TestServer, answer: &Answer, why: &str) {
    answer.assert_refused(503, "temporarily_unavailable", "enrichment_failed");
    assert!(answer.header("retry-after").is_some());
    let records = server.records_of(answer);
    let [called, refused] = records.as_slice() else {
        panic!("one record for the call and one for the request: {records:?}")
    };
    assert_call_failed(called, why);
    assert_eq!((&refused["event"], &refused["outcome"]), (&"token.refused".into(), &"failed".into()), "{refused}");
    assert_eq!((&refused["reason"], refused.get("jti")), (&"enrichment_failed".into(), None), "{refused}");
}

/// Checks the record of a call that failed.
#[track_caller]
fn assert_call_failed(called: &Value, why: &str) {
    assert_eq!((&called["event"], &called["outcome"]), (&"webhook.called".into(), &"failed".into()), "{called}");
    assert!(called["detail"].as_str().is_some_and(|detail| detail.starts_with(why)), "{called} is not: {why}");
}
