//! Whose tokens can be made to live longer, and by whom.

use reqwest::Method;
use serde_json::{Value, json};

use super::{AUTH, assert_refused};
use crate::support::{
    Answer, CLIENT_CREDENTIALS, Engine, TestServer,
    forge::{Forge, claims, with},
};

const DESK: (&str, &str) = ("desk", "a-secret-of-the-desk-with-at-least-32-characters");
const ENVIRONMENT: &str = r#"
[environment]
name = "first"

[[resource_server]]
audience = "api"
scopes = ["read"]

[[client]]
id = "desk"
grants = ["client_credentials"]
secret = "a-secret-of-the-desk-with-at-least-32-characters"
permissions = { ax-id-service = ["ACCESS_TOKENS_GENERATE_LONG_LIVED_TOKEN"] }

[[client]]
id = "shop"
grants = ["client_credentials"]
"#;

fn lengthen(server: &TestServer, caller: &str, claims: &Value) -> Answer {
    let query = "mutation M($t: String!) { generateLongLivedToken(input: { userToken: $t }) { accessToken } }";
    let body = json!({ "query": query, "variables": { "t": Forge::of(server).token(claims) } });
    Answer::to(server.request(Method::POST, AUTH).bearer_auth(caller).json(&body))
}

// The new token is issued to whoever asks, and so could be exchanged by a service that was merely shown the old one.
#[test]
fn a_token_for_others_is_not_made_the_callers_own() {
    let server = TestServer::builder(Engine::Sqlite).environment(ENVIRONMENT).start();
    let caller = server.token(DESK, &CLIENT_CREDENTIALS).access_token();
    let user = claims(&server, "api", "shop", "read");
    let refused = lengthen(&server, &caller, &user);
    assert_refused(&refused, 401, "ACCESS_TOKEN_INVALID", &json!(["generateLongLivedToken"]));
    for ours in [json!({ "aud": server.url }), json!({ "aud": "*" }), json!({ "client_id": "desk" })] {
        let answer = lengthen(&server, &caller, &with(&user, &ours));
        assert!(answer.json()["data"]["generateLongLivedToken"]["accessToken"].is_string(), "{ours} {}", answer.text);
    }
}
