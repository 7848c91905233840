//! `POST /revoke` (RFC 7009).

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, environment::MAX_ACCESS_TOKEN_LIFETIME};

use super::{BILLING, FRONT, ORDERS, STORE, WATCHER, jti, own_token, pass_on, start, user_token};
use crate::{
    both_engines,
    support::{
        Answer, Engine, TestServer,
        forge::{Forge, with},
        tokens::peek,
    },
};

/// The record of a request for a revocation.
#[track_caller]
fn assert_record(server: &TestServer, answer: &Answer, expected: &Value) {
    let record = server.record_of(answer);
    for (name, value) in expected.as_object().expect("members") {
        assert_eq!(record.get(name).unwrap_or(&Value::Null), value, "{name} of {record}");
    }
}

both_engines! {
    // TE-114, TE-116.
    fn a_client_revokes_what_was_issued_to_it_and_all_that_came_of_that(engine) {
        let server = start(engine);
        let root = user_token(&server, "ada");
        let middle = pass_on(&server, FRONT, &root, "orders-api");
        let child = pass_on(&server, ORDERS, &middle, "store-api");
        let own = own_token(&server, FRONT);
        let answer = server.revoked(FRONT, &middle);
        assert_record(&server, &answer, &json!({
            "event": "token.revoked", "outcome": "success", "client_id": "front", "jti": jti(&middle),
            "parents": [jti(&root)], "subject": peek(&root)["sub"], "act": peek(&middle)["act"], "reason": null,
        }));
        for (token, lives) in [(&root, true), (&middle, false), (&child, false), (&own, true)] {
            assert_eq!(server.is_active(WATCHER, token), lives);
        }
        server.revoked(FRONT, &own);
        assert!(!server.is_active(WATCHER, &own));
        assert_eq!(server.revocations().len(), 2);
    }

    // TE-114: a resource server is shown others' tokens all day.
    fn a_token_of_another_client_is_refused_and_lives_on(engine) {
        let server = start(engine);
        let middle = pass_on(&server, FRONT, &user_token(&server, "ada"), "orders-api");
        let child = pass_on(&server, ORDERS, &middle, "store-api");
        for (client, token) in [(ORDERS, &middle), (STORE, &child), (FRONT, &child), (BILLING, &middle), (WATCHER, &middle)] {
            let answer = server.revoke(client, token);
            answer.assert_refused(400, "unauthorized_client", "token_of_another_client");
            assert_record(&server, &answer, &json!({
                "event": "revocation.refused", "outcome": "refused", "client_id": client.0, "jti": jti(token),
                "reason": "token_of_another_client",
            }));
        }
        assert!(server.is_active(WATCHER, &middle) && server.is_active(WATCHER, &child));
        assert_eq!(server.revocations(), [""; 0]);
        // Once it is dead it is like one that nobody knows.
        server.revoked(FRONT, &middle);
        let answer = server.revoked(ORDERS, &middle);
        assert_eq!(server.records_of(&answer), [Value::Null; 0]);
    }

    // TE-115: asked again, after an answer was lost.
    fn a_second_time_is_no_mistake_and_writes_nothing(engine) {
        let server = start(engine);
        let token = own_token(&server, FRONT);
        server.revoked(FRONT, &token);
        let versions = "SELECT CAST(revocations_version AS TEXT) AS value FROM environments";
        let before = server.database.value(versions);
        let answer = server.revoked(FRONT, &token);
        assert_record(&server, &answer, &json!({ "event": "token.revoked", "jti": jti(&token), "detail": "it was revoked already" }));
        assert_eq!(server.database.value(versions), before);
    }

    // What was derived from it may live on: a session goes on for weeks, and the owner has no other token to name it by.
    fn an_expired_token_takes_along_what_was_derived_from_it(engine) {
        let server = start(engine);
        let forge = Forge::of(&server);
        let claims = peek(&own_token(&server, FRONT));
        let expired = forge.token(&with(&claims, &json!({ "jti": "long-ago", "exp": server.clock.now() })));
        let derived = forge.token(&with(&claims, &json!({ "jti": "derived", "anc": ["long-ago"] })));
        let (other, forged) = (own_token(&server, FRONT), Forge::attacker().token(&peek(&expired)));
        assert!(server.is_active(WATCHER, &derived) && !server.is_active(WATCHER, &expired));
        // Neither a stranger's word nor another client's is enough.
        assert_eq!(server.records_of(&server.revoked(FRONT, &forged)), [Value::Null; 0]);
        server.revoke(ORDERS, &expired).assert_refused(400, "unauthorized_client", "token_of_another_client");
        assert!(server.is_active(WATCHER, &derived));
        let answer = server.revoked(FRONT, &expired);
        assert_record(&server, &answer, &json!({ "event": "token.revoked", "outcome": "success", "jti": "long-ago" }));
        assert!(!server.is_active(WATCHER, &derived) && server.is_active(WATCHER, &other));
        // For as long as anything of it may live.
        let kept = server.database.value("SELECT CAST(expires_at - revoked_at AS TEXT) AS value FROM revocations");
        assert_eq!(kept, MAX_ACCESS_TOKEN_LIFETIME.to_string());
    }

    // A 200 that revokes nothing is the worst answer to somebody who copied a token with what stood around it.
    fn a_token_with_what_was_copied_around_it_is_the_token(engine) {
        let server = start(engine);
        for (before, after) in [(" ", ""), ("", "\n"), ("Bearer ", ""), ("\tbearer  ", " \r\n")] {
            let token = own_token(&server, FRONT);
            let pasted = format!("{before}{token}{after}");
            assert!(server.is_active(WATCHER, &pasted), "{pasted:?}");
            server.revoked(FRONT, &pasted);
            assert!(!server.is_active(WATCHER, &token) && !server.is_active(WATCHER, &pasted), "{pasted:?}");
        }
        assert_eq!(server.revocations().len(), 4);
    }

    // TE-114.
    fn whoever_does_not_prove_who_it_is_revokes_nothing(engine) {
        let server = start(engine);
        let token = own_token(&server, FRONT);
        let anonymous = |form: &[(&str, &str)]| Answer::to(server.request(Method::POST, "/revoke").form(form));
        for answer in [
            server.revoke(("front", "not-the-secret-of-the-front-at-all"), &token),
            server.revoke(("nobody", "not-the-secret-of-anybody-at-all"), &token),
            anonymous(&[("token", &token)]),
            anonymous(&[("token", &token), ("client_id", "front")]),
        ] {
            answer.assert_refused(401, "invalid_client", "client_authentication_failed");
            assert_record(&server, &answer, &json!({ "event": "revocation.refused", "reason": "client_authentication_failed", "jti": null }));
        }
        assert!(server.is_active(WATCHER, &token));
        let post = [("token", token.as_str()), ("client_id", FRONT.0), ("client_secret", FRONT.1)];
        assert_eq!(anonymous(&post).status, 200);
        assert!(!server.is_active(WATCHER, &token));
    }
}

// TE-115.
#[test]
fn what_is_no_token_in_force_needs_no_revocation_and_leaves_no_trace() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    let forged = Forge::attacker().token(&peek(&token));
    let forge = Forge::of(&server);
    let id_token = forge.sign(&with(&forge.header(), &json!({ "typ": "JWT" })).to_string(), &peek(&token).to_string());
    let cut = &token[..token.len() - 2];
    for dead in ["x", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", &forged, &id_token, cut] {
        let answer = server.revoked(FRONT, dead);
        assert_eq!(server.records_of(&answer), [Value::Null; 0]);
    }
    assert_eq!(server.revocations(), [""; 0]);
    assert!(server.is_active(WATCHER, &token));
}

// TE-115.
#[test]
fn the_hint_changes_nothing() {
    let server = start(Engine::Sqlite);
    for hint in ["access_token", "refresh_token", "pop", "\u{fc}", ""] {
        let token = own_token(&server, FRONT);
        let answer = server.post_as("/revoke", FRONT, &[("token", &token), ("token_type_hint", hint)]);
        assert_eq!(answer.status, 200, "{hint}");
        assert!(!server.is_active(WATCHER, &token), "{hint}");
    }
}

#[test]
fn a_request_is_read_as_strictly_as_one_for_a_token() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    for path in ["/revoke", "/introspect"] {
        let missing = server.post_as(path, FRONT, &[("token", "")]);
        missing.assert_refused(400, "invalid_request", "missing_parameter");
        let twice = server.post_as(path, FRONT, &[("token", &token), ("token", "x")]);
        twice.assert_refused(400, "invalid_request", "repeated_parameter");
        for name in ["token", "token_type_hint"] {
            let in_query = server.post_as(&format!("{path}?{name}=x"), FRONT, &[("token", &token)]);
            in_query.assert_refused(400, "invalid_request", "parameters_in_query");
        }
        let both = [("token", token.as_str()), ("client_id", FRONT.0), ("client_secret", FRONT.1)];
        server.post_as(path, FRONT, &both).assert_refused(400, "invalid_request", "several_authentication_methods");
        let json =
            server.request(Method::POST, path).basic_auth(FRONT.0, Some(FRONT.1)).json(&json!({ "token": token }));
        Answer::to(json).assert_refused(400, "invalid_request", "content_type");
        let get = server.get(path);
        assert_eq!((get.status.as_u16(), get.header("allow")), (405, Some("POST")));
    }
    assert!(server.is_active(WATCHER, &token));
}

// TE-117.
#[test]
fn guessing_is_slowed_down_here_as_at_the_token_endpoint() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    let guess = ("front", "not-the-secret-of-the-front-at-all");
    for number in 0..30 {
        let path = if number % 2 == 0 { "/revoke" } else { "/introspect" };
        assert_eq!(server.post_as(path, guess, &[("token", &token)]).status, 401);
    }
    for path in ["/revoke", "/introspect", "/token"] {
        let answer = server.post_as(path, FRONT, &[("token", &token)]);
        answer.assert_refused(429, "temporarily_unavailable", "too_many_failures");
        assert!(answer.header("retry-after").is_some());
    }
    assert!(server.is_active(WATCHER, &token), "others go on");
}
