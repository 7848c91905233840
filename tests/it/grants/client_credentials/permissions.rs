//! Permissions as scopes: `serviceId:KEY` of the resource server `serviceId`, of which a client may ask for fewer than it has.

use std::collections::BTreeSet;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{Answer, CLIENT_CREDENTIALS, Engine, TestServer, tokens::verify},
};

const SECRET: &str = "a-secret-for-all-clients-of-this-test";

const ENVIRONMENT: &str = r#"
[environment]
name = "permissions"

[[resource_server]]
audience = "orders"
scopes = ["orders.read", "media:VIEW"]

[[resource_server]]
audience = "guarded"
scopes = ["guarded.read"]
token_profile = "mosaic"

[[resource_server]]
audience = "short"
max_lifetime = 60
scope_claim = "array"

[[resource_server]]
audience = "closed"
enabled = false

[[resource_server]]
audience = "guarded-service"
token_profile = "mosaic"
signing_alg = "ES256"

[[client]]
id = "backend"
name = "The backend"
grants = ["client_credentials"]
permissions = { media = ["VIEW", "EDIT"], users = ["VIEW"] }
secret = "a-secret-for-all-clients-of-this-test"

[[client]]
id = "mixed"
name = "Both kinds"
grants = ["client_credentials"]
access = [{ audience = "orders", scopes = ["orders.read", "media:VIEW"] }, { audience = "guarded", scopes = ["guarded.read"] }]
permissions = { media = ["VIEW"], short = ["VIEW"], closed = ["VIEW"], guarded-service = ["VIEW", "EDIT"] }
secret = "a-secret-for-all-clients-of-this-test"
"#;

fn server(engine: Engine) -> TestServer {
    TestServer::builder(engine).environment(ENVIRONMENT).start()
}

fn request(server: &TestServer, client: &str, more: &[(&str, &str)]) -> Answer {
    server.token((client, SECRET), &[&CLIENT_CREDENTIALS[..], more].concat())
}

/// The scopes that a token's `permissions` are in other words.
fn in_scopes(permissions: &Value) -> BTreeSet<String> {
    let services = permissions.as_object().expect("an object").iter();
    let of_service = |(service, keys): (&String, &Value)| {
        let keys = keys.as_array().expect("a list").clone();
        let service = service.clone();
        keys.into_iter().map(move |key| format!("{service}:{}", key.as_str().expect("a text")))
    };
    services.flat_map(of_service).collect()
}

/// The claims of a token for `audience` with exactly this scope; `permissions` say the same.
#[track_caller]
fn granted(server: &TestServer, answer: &Answer, audience: &str, scope: &str) -> Value {
    let claims = verify(server, &answer.access_token(), audience);
    let expected: BTreeSet<String> = scope.split(' ').map(str::to_owned).collect();
    assert_eq!(in_scopes(&claims["permissions"]), expected, "{claims}");
    let claimed: BTreeSet<String> = claims["scope"].as_str().expect("a text").split(' ').map(str::to_owned).collect();
    assert_eq!(claimed, expected, "{claims}");
    assert_eq!(answer.json()["scope"], claims["scope"], "the answer says what the token has");
    assert_eq!(server.record_of(answer)["scope_granted"], claims["scope"]);
    claims
}

/// The claims of a token as the guard of a Mosaic service reads it: RS256 and a known `kid`, or nothing.
fn guarded(server: &TestServer, token: &str) -> Value {
    let header = decode_header(token).expect("a header");
    assert_eq!(header.alg, Algorithm::RS256);
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_issuer(&["ax-id-service"]);
    validation.validate_aud = false;
    decode(token, &DecodingKey::from_jwk(jwk).expect("a key"), &validation).expect("a valid token").claims
}

both_engines! {
    fn a_client_gets_the_permissions_that_it_names_and_no_others(engine) {
        let server = server(engine);
        let ask = |more: &[(&str, &str)]| request(&server, "backend", more);
        let claims = granted(&server, &ask(&[("scope", "media:VIEW")]), "media", "media:VIEW");
        assert_eq!((&claims["aud"], &claims["subjectType"]), (&json!("media"), &json!("ServiceAccount")));
        let both = granted(&server, &ask(&[("scope", "users:VIEW media:EDIT")]), "users", "media:EDIT users:VIEW");
        assert_eq!(both["aud"], json!(["media", "users"]));
        granted(&server, &ask(&[("audience", "media")]), "media", "media:VIEW media:EDIT");
        granted(&server, &ask(&[("audience", "media"), ("scope", "media:EDIT")]), "media", "media:EDIT");
        let issuer = server.url.as_str();
        granted(&server, &ask(&[("audience", issuer)]), issuer, "media:VIEW media:EDIT users:VIEW");
        granted(&server, &ask(&[("resource", issuer), ("scope", "users:VIEW")]), issuer, "users:VIEW");
        let everywhere = granted(&server, &ask(&[("audience", issuer), ("audience", "media")]), issuer, "media:VIEW media:EDIT users:VIEW");
        assert_eq!(everywhere["aud"], json!([issuer, "media"]));
    }

    fn a_permission_that_is_taken_away_is_not_granted_any_more(engine) {
        let server = server(engine);
        let ask = |more: &[(&str, &str)]| request(&server, "backend", more);
        granted(&server, &ask(&[("scope", "media:EDIT")]), "media", "media:EDIT");
        server.apply(&ENVIRONMENT.replacen("media = [\"VIEW\", \"EDIT\"]", "media = [\"VIEW\"]", 1));
        server.eventually("the permission is gone", || ask(&[("scope", "media:EDIT")]).status == 400);
        server.assert_refused(&ask(&[("scope", "media:EDIT")]), "invalid_scope", "scope_not_allowed");
        granted(&server, &ask(&[("audience", "media")]), "media", "media:VIEW");
    }
}

#[test]
fn what_is_not_held_or_belongs_elsewhere_is_refused() {
    let server = server(Engine::Sqlite);
    for (client, more, error, error_code) in [
        ("backend", &[("scope", "media:DELETE")][..], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media:VIEW media:DELETE")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media:view")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media:")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media:VIEW:VIEW")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("scope", "media:*")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("audience", "media"), ("scope", "users:VIEW")], "invalid_scope", "scope_unknown_at_target"),
        ("backend", &[("audience", "media"), ("scope", "media:DELETE")], "invalid_scope", "scope_not_allowed"),
        ("backend", &[("audience", "nowhere")], "invalid_target", "target_not_allowed"),
        ("backend", &[("audience", "MEDIA")], "invalid_target", "target_not_allowed"),
        ("backend", &[("audience", "media"), ("audience", "nowhere")], "invalid_target", "target_not_allowed"),
        // Somebody else's.
        ("mixed", &[("scope", "media:EDIT")], "invalid_scope", "scope_not_allowed"),
        ("mixed", &[("scope", "users:VIEW")], "invalid_scope", "scope_not_allowed"),
        // Not every scope would mean something at every target.
        ("mixed", &[("audience", "media"), ("audience", "orders")], "invalid_target", "targets_differ"),
        ("mixed", &[("audience", "media"), ("scope", "orders.read")], "invalid_scope", "scope_not_allowed"),
        ("mixed", &[("scope", "media:VIEW orders.read")], "invalid_scope", "scope_not_allowed"),
        ("mixed", &[("audience", "orders"), ("scope", "short:VIEW")], "invalid_target", "targets_differ"),
    ] {
        let answer = request(&server, client, more);
        assert_eq!(answer.status, 400, "{client} {more:?}: {}", answer.text);
        server.assert_refused(&answer, error, error_code);
    }
    server.database.assert_nothing_issued();
}

// Whoever names what is wanted at a resource server gets that, and no permissions besides.
#[test]
fn a_token_for_a_resource_server_brings_no_permissions_along() {
    let server = server(Engine::Sqlite);
    let answer = request(&server, "mixed", &[("audience", "orders"), ("scope", "orders.read")]);
    let claims = verify(&server, &answer.access_token(), "orders");
    assert_eq!((&claims["scope"], claims.get("permissions")), (&json!("orders.read"), None));
}

#[test]
fn a_service_that_is_a_resource_server_gets_tokens_as_that_one_does() {
    let server = server(Engine::Sqlite);
    let answer = request(&server, "mixed", &[("audience", "short")]);
    let claims = verify(&server, &answer.access_token(), "short");
    assert_eq!((&answer.json()["expires_in"], &claims["scope"]), (&json!(60), &json!(["short:VIEW"])));
    assert_eq!(claims["permissions"], json!({ "short": ["VIEW"] }));
    let answer = request(&server, "mixed", &[("scope", "short:VIEW media:VIEW")]);
    server.assert_refused(&answer, "invalid_target", "targets_differ");
    for more in [("audience", "closed"), ("scope", "closed:VIEW")] {
        server.assert_refused(&request(&server, "mixed", &[more]), "invalid_target", "target_not_allowed");
    }
}

/// The default algorithm of the tests is ES256, and one of the resource servers asks for it.
#[test]
fn tokens_of_the_mosaic_profile_are_such_as_a_guard_accepts() {
    let server = server(Engine::Sqlite);
    for (more, permissions, scope) in [
        (
            &[("audience", "guarded-service")][..],
            json!({ "guarded-service": ["VIEW", "EDIT"] }),
            "guarded-service:VIEW guarded-service:EDIT",
        ),
        (&[("scope", "guarded-service:EDIT")], json!({ "guarded-service": ["EDIT"] }), "guarded-service:EDIT"),
        (&[("audience", "guarded")], json!({}), "guarded.read"),
        (&[("audience", "guarded"), ("scope", "guarded.read")], json!({}), "guarded.read"),
    ] {
        let answer = request(&server, "mixed", more);
        let claims = guarded(&server, &answer.access_token());
        assert_eq!((&claims["permissions"], &claims["scope"]), (&permissions, &json!(scope)), "{more:?}");
        assert_eq!((&claims["sub"], &claims["name"]), (&json!("mixed"), &json!("Both kinds")));
        assert_eq!(claims["subjectType"], "ServiceAccount");
        for name in ["tenantId", "environmentId", "iat", "exp", "jti", "client_id"] {
            assert!(claims.get(name).is_some(), "{name} is missing in {claims}");
        }
    }
    let plain = verify(&server, &request(&server, "mixed", &[("audience", "orders")]).access_token(), "orders");
    assert_eq!(plain.get("name"), None, "RFC 9068 has no such claim");
}
