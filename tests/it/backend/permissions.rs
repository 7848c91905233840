//! Every operation, as the document that is served has it: who is turned away.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both_engines,
    grants::refresh_token::one,
    support::{
        Answer, CLIENT_CREDENTIALS, TestServer,
        backend::{Backend, PORTAL, PORTAL_APP, call_with, client_token, environment},
        forge::{Forge, with},
        tokens::peek,
    },
};

/// A client of the portal that may do something elsewhere, and nothing here.
const STRANGER: (&str, &str) = ("portal-stranger", "a-secret-of-the-stranger-with-32-characters");
const STRANGERS_BLOCK: &str = r#"
[[client]]
id = "portal-stranger"
application = "portal"
grants = ["client_credentials"]
secret = "a-secret-of-the-stranger-with-32-characters"
[client.permissions]
ax-user-service = ["USERS_VIEW"]
"#;

/// An id that nobody has.
const UNKNOWN: &str = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";

/// What browsers call without a token. Whatever else has no token is a hole.
const PUBLIC: [&str; 4] =
    ["resetPassword", "startWebauthnAuthentication", "startWebauthnRegistration", "validatePasswordForReset"];

/// An operation of the document.
struct Operation {
    id: String,
    method: Method,
    path: String,
    /// The security schemes that let somebody in.
    schemes: Vec<String>,
    /// The permissions of which one is needed.
    permissions: Vec<String>,
}

/// All of them, and how many there are by another count.
fn documented(server: &TestServer) -> (Vec<Operation>, usize) {
    let answer = server.get("/v1/openapi.json");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let document = answer.json();
    let mut all = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let schemes = operation["security"].as_array().expect("security").iter();
            let names = operation["description"].as_str().unwrap_or_default().split('`').skip(1).step_by(2);
            all.push(Operation {
                id: operation["operationId"].as_str().expect("an id").to_owned(),
                method: Method::from_bytes(method.to_uppercase().as_bytes()).expect("a method"),
                path: path.clone(),
                schemes: schemes.flat_map(|one| one.as_object().expect("a scheme").keys().cloned()).collect(),
                permissions: names.filter(|name| *name != "userid-api").map(str::to_owned).collect(),
            });
        }
    }
    (all, answer.text.matches("\"operationId\"").count())
}

impl Operation {
    /// Its path for a user: whoever got in would meet somebody, and with some operations change something.
    fn path_for(&self, user_id: &str) -> String {
        let value = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            None => part.to_owned(),
            Some("user_id") => user_id.to_owned(),
            Some("app_id") => PORTAL_APP.to_owned(),
            Some("email") => "ada@work.example".to_owned(),
            Some("phone_number") => "+14155550101".to_owned(),
            Some("username") => "countess".to_owned(),
            Some("external_user_id") => "CRM-1815".to_owned(),
            Some("authenticator_type") => "password".to_owned(),
            Some("authenticator_id") => UNKNOWN.to_owned(),
            Some("credentialId") => "AAAA".to_owned(),
            Some(other) => panic!("what is {other} in {}?", self.path),
        };
        self.path.split('/').map(value).collect::<Vec<_>>().join("/")
    }

    /// Calls it with a token, or without one.
    fn call(&self, server: &TestServer, user_id: &str, token: Option<&str>) -> Answer {
        let (method, path, body) = (self.method.clone(), self.path_for(user_id), json!({}));
        match token {
            Some(token) => call_with(server, method, &path, token, &body),
            None => Answer::to(server.request(method, &path).json(&body)),
        }
    }
}

/// The symbol of a refusal, wherever its form has it.
fn symbol(answer: &Answer) -> String {
    let body: Value = serde_json::from_str(&answer.text).unwrap_or_default();
    let found = body["ts_error_code"].as_str().or(body["error_code"].as_str());
    found.unwrap_or_default().to_owned()
}

#[track_caller]
fn assert_turned_away(answer: &Answer, status: u16, whose: &str, operation: &Operation) {
    let (expected, what) =
        (if status == 401 { "unauthorized" } else { "forbidden" }, format!("{} with {whose}", operation.id));
    assert_eq!((answer.status.as_u16(), symbol(answer).as_str()), (status, expected), "{what}: {}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("www-authenticate").is_some(), status == 401, "{what}");
    for known in ["ada@", "countess", "CRM-1815", "access_token"] {
        assert!(!answer.text.contains(known), "{what}: {}", answer.text);
    }
}

/// Everything that the operations could change.
fn as_it_is(server: &TestServer) -> Vec<String> {
    let queries = [
        "SELECT id || CAST(enabled AS TEXT) || details AS text FROM users ORDER BY id",
        "SELECT value || user_id || CAST(is_primary AS TEXT) || CAST(verified_at IS NULL AS TEXT) AS text \
         FROM user_identifiers ORDER BY value",
        "SELECT user_id || application_id || custom_data AS text FROM user_applications ORDER BY user_id",
        "SELECT id || login_preferences AS text FROM applications ORDER BY id",
        "SELECT id || methods || CAST(idle_expires_at AS TEXT) || CAST(ended_at IS NULL AS TEXT) AS text \
         FROM login_sessions ORDER BY id",
    ];
    let mut all: Vec<String> = queries.into_iter().flat_map(|query| server.database.texts(query)).collect();
    for table in [
        "sessions",
        "refresh_tokens",
        "revocations",
        "passwords",
        "password_resets",
        "one_time_codes",
        "sendings",
        "authenticator_attempts",
        "totp_authenticators",
        "totp_transactions",
        "webauthn_credentials",
        "webauthn_ceremonies",
    ] {
        all.push(format!("{table}: {}", one(server, &format!("SELECT COUNT(*) FROM {table}"))));
    }
    all
}

both_engines! {
    fn every_operation_turns_away_whoever_may_not_call_it(engine) {
        let server = TestServer::builder(engine).environment(&format!("{}{STRANGERS_BLOCK}", environment())).start();
        let portal = Backend::portal(&server);
        let ada = portal.signed_in("ada@mail.example");
        let more = json!({
            "username": "countess", "external_user_id": "CRM-1815", "secondary_emails": ["ada@work.example"],
            "secondary_phone_numbers": ["+14155550101"],
        });
        let changed = portal.call(Method::PUT, &format!("/v1/users/{}", ada.user_id), &more);
        assert_eq!(changed.status, 200, "{}", changed.text);
        let backend = client_token(&server, PORTAL);
        let stranger = server.token(STRANGER, &CLIENT_CREDENTIALS).access_token();
        let (good, forge) = (peek(&backend), Forge::of(&server));
        let held: BTreeSet<&str> =
            good["permissions"]["userid-api"].as_array().expect("permissions").iter().filter_map(Value::as_str).collect();
        let (operations, count) = documented(&server);
        let (before, records) = (as_it_is(&server), server.database.audit_records().len());

        let (mut public, mut checked) = (Vec::new(), 0);
        for operation in &operations {
            let try_with = |token: Option<&str>| operation.call(&server, &ada.user_id, token);
            checked += 1;
            let schemes: Vec<&str> = operation.schemes.iter().map(String::as_str).collect();
            match schemes.as_slice() {
                ["ClientAccessToken"] => {
                    let needed: BTreeSet<&str> = operation.permissions.iter().map(String::as_str).collect();
                    assert!(!needed.is_empty() && needed.is_subset(&held), "{}: {needed:?}", operation.id);
                    assert_turned_away(&try_with(Some(&stranger)), 403, "a token for elsewhere", operation);
                    // All permissions but those.
                    let others: Vec<&str> = held.difference(&needed).copied().collect();
                    let token = forge.token(&with(&good, &json!({ "permissions": { "userid-api": others } })));
                    assert_turned_away(&try_with(Some(&token)), 403, "all other permissions", operation);
                    assert_turned_away(&try_with(Some(&ada.access)), 403, "a user's token", operation);
                }
                ["UserAccessToken"] => {
                    assert_turned_away(&try_with(Some(&stranger)), 403, "a token for elsewhere", operation);
                    assert_turned_away(&try_with(Some(&backend)), 403, "a backend's token", operation);
                }
                [] => {
                    public.push(operation.id.as_str());
                    let answer = try_with(None);
                    assert_eq!((answer.status.as_u16(), symbol(&answer).as_str()), (400, "system_invalid_input"), "{}", operation.id);
                    continue;
                }
                _ => panic!("{schemes:?} of {}", operation.id),
            }
            assert_turned_away(&try_with(None), 401, "no token", operation);
            assert_turned_away(&try_with(Some("no-token")), 401, "garbage", operation);
            assert_turned_away(&try_with(Some(&ada.id_token)), 401, "an ID token", operation);
        }
        public.sort_unstable();
        assert_eq!((public.as_slice(), checked), (&PUBLIC[..], count));
        assert!(count > 60, "{count} operations");

        assert_eq!(as_it_is(&server), before);
        let all = server.database.audit_records();
        assert!(all.len() > records, "what is refused is recorded");
        for record in &all[records..] {
            assert!(record["outcome"] == "refused" && record.get("jti").is_none(), "{record}");
        }
    }

    fn every_operation_lets_in_whoever_may_call_it(engine) {
        let server = TestServer::builder(engine).environment(&environment()).start();
        let ada = Backend::portal(&server).signed_in("ada@mail.example");
        let (backend, (operations, count)) = (client_token(&server, PORTAL), documented(&server));
        let mut checked = PUBLIC.len();
        for operation in operations.iter().filter(|operation| !operation.schemes.is_empty()) {
            let token: &str = if operation.schemes == ["UserAccessToken"] { &ada.access } else { &backend };
            // For nobody, so that nothing of Ada's is gone before the last one has been called.
            let answer = operation.call(&server, UNKNOWN, Some(token));
            let is_let_in = answer.status.as_u16() < 500 && !["unauthorized", "forbidden"].contains(&symbol(&answer).as_str());
            assert!(is_let_in, "{}: {} {}", operation.id, answer.status, answer.text);
            checked += 1;
        }
        assert_eq!(checked, count);
    }
}
