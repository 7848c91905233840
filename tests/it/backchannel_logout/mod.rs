//! Clients that are told that a session has ended (OpenID Connect Back-Channel Logout 1.0).

mod delivery;
mod endings;

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    graphql_management::mutation,
    support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer, leaks, peer::Peer, server::Builder},
};

/// Lets a server call loopback.
const LOOPBACK: (&str, &str) = ("outbound.plain_http_to_loopback", "true");
const MANAGER: (&str, &str) = ("manager", "a-secret-of-the-manager-with-32-characters");
const SESSION: &str = "3c1b4a59-8e7d-4f5a-9b3c-2d1e0a6d7f2e";
const USER: &str = "9e8d7c6b-5a49-4382-a716-f5e4d3c2b1a0";

/// With two clients that want to be told at these addresses, and one that does not.
fn environment(web: &str, shop: &str) -> String {
    let client = |id: &str, more: &str| {
        format!(
            "[[client]]\nid = \"{id}\"\ngrants = [\"client_credentials\"]\n\
             secret = \"a-secret-of-{id}-with-more-than-32-characters\"\n{more}\n"
        )
    };
    let wants = |url: &str| format!("backchannel_logout_uri = \"{url}\"\nbackchannel_logout_session_required = true\n");
    format!(
        "[environment]\nname = \"left\"\n\n{}{}{}[[client]]\nid = \"manager\"\ngrants = [\"client_credentials\"]\n\
         secret = \"{}\"\n[client.permissions]\nax-id-service = [\"TOKENS_REVOKE\"]\n\
         ax-user-service = [\"USERS_EDIT\"]\n",
        client("web", &wants(web)),
        client("shop", &wants(shop)),
        client("quiet", ""),
        MANAGER.1,
    )
}

fn builder(engine: Engine, web: &str, shop: &str) -> Builder {
    TestServer::builder(engine).environment(&environment(web, shop)).setting(LOOPBACK.0, LOOPBACK.1)
}

fn start(engine: Engine, web: &Peer, shop: &Peer) -> TestServer {
    builder(engine, &web.url("/logout"), &shop.url("/logout")).start()
}

/// A user who is signed in to these clients. As the database has it: how one gets there is the business of other tests.
fn sign_in(server: &TestServer, session: &str, clients: &[&str]) {
    let environment = server.database.value("SELECT id AS value FROM environments");
    let users = server.database.texts("SELECT id AS text FROM users");
    if users.is_empty() {
        server.database.execute(&format!(
            "INSERT INTO users (id, environment_id, enabled, active_profile_id, created_at, updated_at)
             VALUES ('{USER}', '{environment}', true, '', 1, 1);
             INSERT INTO profiles (id, user_id, created_at) VALUES ('p', '{USER}', 1);
             UPDATE users SET active_profile_id = 'p'"
        ));
    }
    let hash = session.replace('-', "") + &session.replace('-', "");
    server.database.execute(&format!(
        "INSERT INTO login_sessions
             (id, environment_id, user_id, secret_hash, methods, created_at, idle_expires_at, expires_at)
         VALUES ('{session}', '{environment}', '{USER}', '{hash}', '[]', 1, 9999999999, 9999999999)"
    ));
    for client in clients {
        server.database.execute(&format!(
            "INSERT INTO login_session_clients (session_id, client_id, application_id, joined_at)
             VALUES ('{session}', '{client}', 'a', 1)"
        ));
    }
}

fn manage(server: &TestServer, operation: &str, input: &Value, fields: &str) {
    let token = server.token(MANAGER, &CLIENT_CREDENTIALS).access_token();
    let body = json!({ "query": mutation(operation, fields), "variables": { "input": input } });
    let request = server.request(Method::POST, "/graphql-management").bearer_auth(token).json(&body);
    let body = Answer::to(request).json();
    assert!(body.get("errors").is_none(), "{body}");
}

fn revoke_session(server: &TestServer, session: &str) {
    manage(server, "revokeSession", &json!({ "sessionId": session }), "revocation { kind }");
}

/// The claims of the logout token in a request, checked as a client has to (§2.6).
fn verified(server: &TestServer, request: &str, client: &str) -> Value {
    let (head, body) = request.split_once("\r\n\r\n").expect("a body");
    assert!(head.starts_with("POST /logout HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/x-www-form-urlencoded"), "{head}");
    let form: Vec<(String, String)> = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
    assert!(form.len() == 1 && form[0].0 == "logout_token", "{}", form.len());
    let token = &form[0].1;
    leaks::secrets_in(token);
    let header = decode_header(token).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("logout+jwt"));
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The test's clock may be ahead of the machine's.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(jwk).expect("a key");
    let claims = decode::<Value>(token, &key, &validation).expect("a valid token").claims;
    assert_eq!(claims["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
    let lives = claims["exp"].as_i64().expect("exp") - claims["iat"].as_i64().expect("iat");
    assert!((1..=120).contains(&lives), "{claims}");
    assert!(claims.get("nonce").is_none() && claims["jti"].is_string(), "{claims}");
    claims
}

/// Client, outcome and detail of each record of a notice, by client.
fn notices(server: &TestServer) -> Vec<Value> {
    let mut records = server.database.records_of_operators();
    records.retain(|record| record["event"] == "logout.delivered");
    leaks::recorded(&records.iter().map(ToString::to_string).collect::<Vec<_>>());
    let mut notices: Vec<Value> = records
        .into_iter()
        .map(|record| {
            assert_eq!((&record["subject"], &record["operator"]), (&json!(USER), &json!("server")), "{record}");
            json!([record["client_id"], record["outcome"], record["session_id"], record["detail"]])
        })
        .collect();
    notices.sort_by_key(ToString::to_string);
    notices
}

fn waiting(server: &TestServer) -> usize {
    server.database.texts("SELECT client_id AS text FROM logout_deliveries").len()
}
