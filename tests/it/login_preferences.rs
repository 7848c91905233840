//! `/loginPreferences/…`: read, replaced, refused; and what the environment file says of them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Answer, BFF, DEMO, Engine, TestServer},
};

/// The demo's application.
const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
/// The backend of it.
const BACKEND: (&str, &str) = ("web-backend", "demo-secret-of-the-web-backend-do-not-use-elsewhere");
/// Keeps the environment, and is no backend.
const KEEPER: (&str, &str) = ("keeper", "a-secret-of-the-keeper-with-32-characters");
/// May only look.
const VIEWER: (&str, &str) = ("viewer", "a-secret-of-the-viewer-with-32-characters");
/// An application that the file says little of.
const OTHER: &str = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";

const MORE: &str = r#"
[[application]]
id = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f"
name = "other"
platform = "WEB"

[[client]]
id = "keeper"
grants = ["client_credentials"]
secret = "a-secret-of-the-keeper-with-32-characters"
permissions = { userid-api = ["AUTHENTICATION_METHODS_READ", "AUTHENTICATION_METHODS_EDIT"] }

[[client]]
id = "viewer"
grants = ["client_credentials"]
secret = "a-secret-of-the-viewer-with-32-characters"
permissions = { userid-api = ["AUTHENTICATION_METHODS_READ"] }
"#;

fn environment() -> String {
    format!("{DEMO}{MORE}")
}

fn start(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(&environment()).start()
}

fn send(server: &TestServer, client: (&str, &str), method: Method, path: &str, body: Option<&Value>) -> Answer {
    // Whoever has no permission at the API gets no token for it; the token that they do get must open nothing.
    let form = [("grant_type", "client_credentials"), ("audience", "userid-api")];
    let form = if client == BFF { &form[..1] } else { &form[..] };
    let token = server.token(client, form).access_token();
    let request = server.request(method, &format!("/loginPreferences/{path}")).bearer_auth(token);
    Answer::to(match body {
        Some(body) => request.json(body),
        None => request,
    })
}

fn get(server: &TestServer, client: (&str, &str), id: &str) -> Answer {
    send(server, client, Method::GET, id, None)
}

fn put(server: &TestServer, client: (&str, &str), id: &str, methods: &Value) -> Answer {
    send(server, client, Method::PUT, &format!("{id}/authMethods"), Some(methods))
}

/// What an application has, as the API shows it.
#[track_caller]
fn methods(server: &TestServer, id: &str) -> Value {
    let answer = get(server, KEEPER, id);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"]["auth_methods"].take()
}

/// A refusal in the form of this part of the contract.
#[track_caller]
fn refused(answer: &Answer, status: u16, symbol: &str) -> Value {
    assert_eq!(answer.status, status, "{}", answer.text);
    let body = answer.json();
    assert_eq!((&body["error_code"], &body["ts_error_code"]), (&json!(status), &json!(symbol)), "{body}");
    body["message"].clone()
}

both_engines! {
    fn preferences_are_shown_and_replaced_whole(engine) {
        let server = start(engine);
        let demo = methods(&server, WEB);
        let names: Vec<&String> = demo.as_object().expect("an object").keys().collect();
        assert_eq!(names, ["email", "email_otp", "sms", "password", "totp", "webauthn_api"]);
        assert_eq!(demo["password"]["passwordMinLength"], 8);
        assert_eq!(demo["webauthn_api"]["rpWebOrigins"], json!(["http://localhost:3000"]));

        let wanted = json!({
            "totp": { "digits": 8 },
            "webauthn_api": { "rpId": "app.example", "rpOrigins": ["https://app.example"] },
        });
        let answer = put(&server, BACKEND, WEB, &wanted);
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let now = methods(&server, WEB);
        assert_eq!(answer.json(), json!({ "result": { "auth_methods": now } }));
        assert_eq!(now.as_object().map(serde_json::Map::len), Some(2), "what is left out is no longer allowed");
        assert_eq!((&now["totp"]["digits"], &now["totp"]["period"]), (&json!(8), &json!(30)));
        assert_eq!(now["webauthn_api"]["rpWebOrigins"], json!(["https://app.example"]), "under the name of today");
        assert_eq!(get(&server.another_node(), KEEPER, WEB).json()["result"]["auth_methods"], now);

        let record = server.record_of(&answer);
        assert_eq!((&record["event"], &record["operation"]), (&json!("management.changed"), &json!("replaceAuthMethods")));
        assert_eq!((&record["subject"], &record["client_id"]), (&json!(WEB), &json!("web-backend")));
        assert_eq!((&record["before"]["login.totp.digits"], &record["after"]["login.totp.digits"]), (&json!(6), &json!(8)));
        assert_eq!(record["before"]["login.password"], "allowed");
        assert!(record["after"].get("login.password").is_none(), "{record}");
        assert!(record["after"].get("login.totp.period").is_none(), "it did not change: {record}");

        // The same again, as it is shown, changes nothing.
        let again = put(&server, BACKEND, WEB, &now);
        assert_eq!(again.json(), answer.json());
        assert_eq!(server.record_of(&again).get("before"), None);
        assert_eq!(put(&server, BACKEND, WEB, &json!({})).json(), json!({ "result": { "auth_methods": {} } }));
    }

    fn what_is_refused_changes_nothing(engine) {
        let server = start(engine);
        let before = methods(&server, WEB);
        let good = json!({ "totp": {} });
        let bad = json!({
            "password": { "passwordMinLength": 4, "passwordComplexity": 6 },
            "google": { "clientId": "a" },
            "sms": { "expiresIn": 5 },
        });
        let answer = put(&server, KEEPER, WEB, &bad);
        let messages = refused(&answer, 400, "system_invalid_input");
        let text = messages.as_array().expect("a list").iter().map(|one| one.as_str().expect("a text")).collect::<Vec<_>>();
        for part in ["passwordMinLength", "passwordComplexity", "passwordExpiresIn", "google", "maxFailures"] {
            assert!(text.iter().any(|one| one.contains(part)), "{part}: {text:#?}");
        }
        let record = server.record_of(&answer);
        assert_eq!((&record["event"], &record["reason"]), (&json!("management.refused"), &json!("system_invalid_input")));

        // What no schema shows: mistakes of the second look.
        let tiers = json!([{ "attempts": 3, "duration": 1 }, { "attempts": 3, "duration": 2 }]);
        let answer = put(&server, KEEPER, WEB, &json!({ "totp": { "lockoutTiers": tiers, "issuer": "a:b" } }));
        let messages = refused(&answer, 400, "system_invalid_input");
        assert_eq!(messages.as_array().map(Vec::len), Some(2), "{messages}");
        assert_eq!(server.record_of(&answer)["subject"], WEB);

        for client in [BFF, VIEWER] {
            refused(&put(&server, client, WEB, &good), 403, "forbidden");
        }
        refused(&get(&server, BFF, WEB), 403, "forbidden");
        assert_eq!(get(&server, VIEWER, WEB).status, 200);
        let path = format!("/loginPreferences/{WEB}");
        refused(&Answer::to(server.request(Method::GET, &path)), 401, "unauthorized");

        // A backend has no say over applications of others: it could allow what they do not.
        for id in [OTHER, "7a0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f", "%00", "web"] {
            let status = if id == "%00" { 400 } else { 404 };
            let symbol = if id == "%00" { "system_invalid_input" } else { "app_not_found" };
            refused(&put(&server, BACKEND, id, &good), status, symbol);
            refused(&get(&server, BACKEND, id), status, symbol);
        }
        refused(&put(&server, KEEPER, "7a0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f", &good), 404, "app_not_found");
        assert_eq!((methods(&server, WEB), methods(&server, OTHER)), (before, json!({})));
        assert_eq!(put(&server, KEEPER, OTHER, &good).status, 200);
    }

    fn an_application_of_another_environment_is_not_there(engine) {
        let server = start(engine);
        let changes = server.apply(
            "[environment]\nid = \"0b0f6a3e-7a55-4a83-9f0a-6d0f0c5d7d11\"\nname = \"second\"\n[[application]]\n\
             id = \"3c0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f\"\nname = \"web\"\nplatform = \"WEB\"\n",
        );
        assert!(!changes.is_empty());
        let id = "3c0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";
        refused(&put(&server, KEEPER, id, &json!({ "totp": {} })), 404, "app_not_found");
        refused(&get(&server, KEEPER, id), 404, "app_not_found");
    }

    fn a_file_restores_what_it_says_and_leaves_the_rest(engine) {
        let server = start(engine);
        let demo = methods(&server, WEB);
        assert_eq!(put(&server, KEEPER, WEB, &json!({ "totp": {} })).status, 200);
        assert_eq!(put(&server, KEEPER, OTHER, &json!({ "sms": { "expiresIn": 5, "maxFailures": 3 } })).status, 200);
        let changes = server.apply(&environment());
        let [change] = &changes[..] else { panic!("one change: {changes:?}") };
        assert_eq!(change.what(), "application web");
        assert!(change.details.contains(&"login.sms: none -> \"allowed\"".to_owned()), "{:?}", change.details);
        assert!(change.details.contains(&"login.sms.codeLength: none -> 6".to_owned()), "{:?}", change.details);
        assert_eq!(methods(&server, WEB), demo);
        assert_eq!(methods(&server, OTHER)["sms"]["expiresIn"], 5, "the file says nothing of it");
        assert!(server.apply(&environment()).is_empty());

        let changed = environment().replace("codeLength = 6\n\n[application.login.password]", "codeLength = 4\n\n[application.login.password]");
        let changes = server.apply(&changed);
        assert_eq!(changes[0].details, ["login.sms.codeLength: 6 -> 4"], "{changes:?}");
        let none = environment().replace("platform = \"WEB\"\n\n[[client]]\nid = \"keeper\"", "platform = \"WEB\"\nlogin = {}\n\n[[client]]\nid = \"keeper\"");
        server.apply(&none);
        assert_eq!(methods(&server, OTHER), json!({}));
    }
}
