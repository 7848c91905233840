//! Answers as JWTs (RFC 9701), verified with a library that is not ours.

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use crate::{
    metrics::signatures,
    revocation::{FRONT, ORDERS, WATCHER, own_token, pass_on, start, user_token},
    support::{
        Answer, Engine, TestServer,
        forge::{Forge, with},
        tokens::{exchange_as, peek},
    },
};

const SIGNED: &str = "application/token-introspection+jwt";

fn ask(server: &TestServer, client: (&str, &str), token: &str, accept: &str) -> Answer {
    let request = server.request(Method::POST, "/introspect").basic_auth(client.0, Some(client.1));
    Answer::to(request.header("accept", accept).form(&[("token", token)]))
}

/// The claims of a signed answer to `client`.
#[track_caller]
fn verify(server: &TestServer, client: &str, answer: &Answer) -> Value {
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, Some(SIGNED)), "{}", answer.text);
    assert_eq!((answer.header("cache-control"), answer.header("pragma")), (Some("no-store"), Some("no-cache")));
    let header = decode_header(&answer.text).expect("a header");
    assert_eq!((header.typ.as_deref(), header.alg), (Some("token-introspection+jwt"), Algorithm::ES256));
    let jwks: JwkSet = serde_json::from_value(server.get("/.well-known/jwks.json").json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[client]);
    validation.set_issuer(&[&server.url]);
    validation.set_required_spec_claims(&["iss", "aud"]);
    let claims: Value =
        decode(&answer.text, &DecodingKey::from_jwk(jwk).expect("a key"), &validation).expect("valid").claims;
    let members: Vec<&String> = claims.as_object().expect("an object").keys().collect();
    // Neither `sub` nor `exp`: what takes it for an access token in spite of its type finds nothing (RFC 9701 §5, §8.1).
    assert_eq!(members, ["iss", "aud", "iat", "token_introspection"]);
    assert_eq!(claims["iat"], server.clock.now());
    claims["token_introspection"].clone()
}

#[test]
fn whoever_asks_for_it_gets_the_same_answer_signed_for_it_alone() {
    let server = start(Engine::Sqlite);
    let to_orders = pass_on(&server, FRONT, &user_token(&server, "ada"), "orders-api");
    let before = signatures(&server);
    let signed = verify(&server, "orders", &ask(&server, ORDERS, &to_orders, SIGNED));
    assert_eq!(signatures(&server) - before, 1.0, "it is counted");
    assert_eq!(signed, server.introspect(ORDERS, &to_orders));
    assert_eq!(signed["act"]["sub"], "front");
    for dead in ["x", &own_token(&server, FRONT)] {
        assert_eq!(verify(&server, "orders", &ask(&server, ORDERS, dead, SIGNED)), json!({ "active": false }));
    }
    for accept in
        ["*/*", "application/json", "application/*", "application/json, application/token-introspection+jwt;q=0.9"]
    {
        let plain = ask(&server, ORDERS, &to_orders, accept);
        assert_eq!(
            (plain.header("content-type"), plain.json()),
            (Some("application/json"), signed.clone()),
            "{accept}"
        );
    }
    verify(
        &server,
        "orders",
        &ask(&server, ORDERS, &to_orders, "application/json;q=0.5, application/token-introspection+jwt"),
    );
    // Refusals are what they always are.
    let refused = ask(&server, ("orders", "not-the-secret-of-the-orders-at-all"), &to_orders, SIGNED);
    refused.assert_refused(401, "invalid_client", "client_authentication_failed");
}

#[test]
fn an_answer_is_no_token_and_a_token_no_answer() {
    let server = start(Engine::Sqlite);
    let root = user_token(&server, "ada");
    let answer = ask(&server, FRONT, &root, SIGNED).text;
    let to_orders = [("audience", "orders-api"), ("scope", "all")];
    server.assert_subject_refused(&exchange_as(&server, FRONT, &answer, &to_orders), "typ is not at+jwt");
    assert!(!server.is_active(WATCHER, &answer));
    server.revoked(FRONT, &answer);
    assert!(server.is_active(WATCHER, &root), "what it speaks of is not what it is");
    let bearer = server.request(Method::POST, "/graphql-management").bearer_auth(&answer);
    let bearer = Answer::to(bearer.json(&json!({ "query": "{ currentCaller { subject } }" })));
    assert_eq!(bearer.status, 401, "{}", bearer.text);
    // With the claims of a good token and the type of an answer: it is the type that decides.
    let forge = Forge::of(&server);
    let header = with(&forge.header(), &json!({ "typ": "token-introspection+jwt" }));
    assert!(!server.is_active(WATCHER, &forge.sign(&header.to_string(), &peek(&root).to_string())));
    assert_eq!(decode_header(&root).expect("a header").typ.as_deref(), Some("at+jwt"));
}
