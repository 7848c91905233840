//! Tokens as their receivers see them: verified with a library that is not ours, against the published keys.

use jsonwebtoken::{DecodingKey, Validation, decode, decode_header, jwk::JwkSet};
use serde_json::Value;

use super::{ACCESS_TOKEN, Answer, BFF, EXCHANGE, TestServer};

/// The token type of subject ids.
pub const SUBJECT_ID: &str = "urn:tessera:params:oauth:token-type:subject-id";

/// The claims of a token that is good for `audience`.
pub fn verify(server: &TestServer, token: &str, audience: &str) -> Value {
    verify_of(server, "", token, audience)
}

/// The same for the environment whose issuer has that path.
pub fn verify_of(server: &TestServer, issuer_path: &str, token: &str, audience: &str) -> Value {
    let header = decode_header(token).expect("a header");
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let jwks: JwkSet =
        serde_json::from_value(server.get(&format!("{issuer_path}/.well-known/jwks.json")).json()).expect("a key set");
    let jwk = jwks.find(header.kid.as_deref().expect("kid")).expect("a published key");
    let mut validation = Validation::new(header.alg);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[format!("{}{issuer_path}", server.url)]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // The test's clock may be ahead of the machine's.
    validation.validate_exp = false;
    decode(token, &DecodingKey::from_jwk(jwk).expect("a key"), &validation).expect("a valid token").claims
}

/// The claims of a token, unverified.
pub fn peek(token: &str) -> Value {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).expect("a payload");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64url")).expect("JSON")
}

/// A user's token for `bff-api`, as `tessera demo-token` prints it.
pub fn user_token(server: &TestServer) -> String {
    server.cli(&["demo-token"]).success().trim().to_owned()
}

/// Exchanges `subject` as the demo's `bff`.
pub fn exchange(server: &TestServer, subject: &str, more: &[(&str, &str)]) -> Answer {
    exchange_as(server, BFF, subject, more)
}

/// Says as `client` that the user `subject_id` signed in to an application.
pub fn delegate(
    server: &TestServer,
    client: (&str, &str),
    (application_id, subject_id): (&str, &str),
    more: &[(&str, &str)],
) -> Answer {
    let mut form = vec![("grant_type", EXCHANGE), ("subject_token", subject_id), ("subject_token_type", SUBJECT_ID)];
    form.push(("application_id", application_id));
    form.extend_from_slice(more);
    server.token(client, &form)
}

/// Exchanges `subject` as some client.
pub fn exchange_as(server: &TestServer, client: (&str, &str), subject: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("grant_type", EXCHANGE), ("subject_token", subject), ("subject_token_type", ACCESS_TOKEN)];
    form.extend_from_slice(more);
    server.token(client, &form)
}
