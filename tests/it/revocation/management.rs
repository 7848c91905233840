//! Revocation over the management API.

use reqwest::Method;
use serde_json::{Value, json};

use super::{ENVIRONMENT, FRONT, MANAGER, WATCHER, jti, own_token, pass_on, start, user_token};
use crate::{
    both_engines,
    graphql_management::mutation,
    support::{Answer, TestServer, tokens::peek},
};

fn send(server: &TestServer, issuer: &str, token: &str, operation: &str, input: &Value) -> Answer {
    let query = mutation(operation, "revocation { kind value ownToken }");
    let request = server.request(Method::POST, &format!("{issuer}/graphql-management")).bearer_auth(token);
    Answer::to(request.json(&json!({ "query": query, "variables": { "input": input } })))
}

#[track_caller]
fn revoke(server: &TestServer, operation: &str, input: &Value) -> Value {
    let answer = send(server, "", &own_token(server, MANAGER), operation, input);
    let mut body = answer.json();
    assert!(body.get("errors").is_none(), "{body}");
    let record = server.record_of(&answer);
    let revoked = body["data"][operation]["revocation"].take();
    assert_eq!(
        json!([record["event"], record["operation"], record["subject"], record["client_id"]]),
        json!(["management.changed", operation, revoked["value"], "manager"])
    );
    revoked
}

#[track_caller]
fn refused(server: &TestServer, answer: &Answer, code: &str) {
    let body = answer.json();
    assert_eq!(body["errors"][0]["code"], code, "{body}");
    let record = server.record_of(answer);
    assert_eq!((&record["event"], &record["reason"]), (&json!("management.refused"), &json!(code)), "{record}");
}

both_engines! {
    fn one_token_a_session_a_subject_and_a_client_can_be_revoked(engine) {
        let server = start(engine);
        let root = user_token(&server, "ada");
        let middle = pass_on(&server, FRONT, &root, "orders-api");
        let other = pass_on(&server, FRONT, &root, "search-api");
        let expected = |kind: &str, value: &str| json!({ "kind": kind, "value": value, "ownToken": false });
        // Dead when the answer is there, where it was asked for.
        let id = jti(&middle);
        assert_eq!(revoke(&server, "revokeToken", &json!({ "jti": id })), expected("TOKEN", &id));
        assert!(!server.is_active(WATCHER, &middle) && server.is_active(WATCHER, &other));
        let id = jti(&other);
        assert_eq!(revoke(&server, "revokeToken", &json!({ "token": other })), expected("TOKEN", &id));
        assert!(!server.is_active(WATCHER, &other) && server.is_active(WATCHER, &root));
        let user = peek(&root)["sub"].as_str().expect("sub").to_owned();
        assert_eq!(revoke(&server, "revokeSubject", &json!({ "subject": user })), expected("SUBJECT", &user));
        assert!(!server.is_active(WATCHER, &root));
        let own = own_token(&server, FRONT);
        assert_eq!(revoke(&server, "revokeClient", &json!({ "clientId": "front" })), expected("CLIENT", "front"));
        assert!(!server.is_active(WATCHER, &own));
        assert_eq!(revoke(&server, "revokeSession", &json!({ "sessionId": "s" })), expected("SESSION", "s"));
        assert_eq!(server.revocations().len(), 5);
    }

    fn it_takes_the_permission_and_a_name_that_can_be_one(engine) {
        let server = start(engine);
        let (front, manager) = (own_token(&server, FRONT), own_token(&server, MANAGER));
        for (operation, input) in [
            ("revokeToken", json!({ "jti": "x" })),
            ("revokeSession", json!({ "sessionId": "x" })),
            ("revokeSubject", json!({ "subject": "x" })),
            ("revokeClient", json!({ "clientId": "x" })),
        ] {
            refused(&server, &send(&server, "", &front, operation, &input), "USER_NOT_AUTHORIZED");
        }
        let long = "x".repeat(1025);
        for (operation, input) in [
            ("revokeToken", json!({})),
            ("revokeToken", json!({ "jti": "x", "token": front })),
            ("revokeToken", json!({ "token": "no token" })),
            ("revokeToken", json!({ "jti": "" })),
            ("revokeSession", json!({ "sessionId": "a\u{0}b" })),
            ("revokeSubject", json!({ "subject": long })),
        ] {
            let answer = send(&server, "", &manager, operation, &input);
            refused(&server, &answer, "ARGUMENT_INVALID");
            assert!(!server.record_of(&answer).to_string().contains(&front), "no token is kept");
        }
        assert_eq!(server.revocations(), [""; 0]);
    }

    fn nobody_locks_himself_out_without_saying_so(engine) {
        let server = start(engine);
        let manager = own_token(&server, MANAGER);
        for (operation, name, value) in [
            ("revokeToken", "jti", jti(&manager)),
            ("revokeToken", "token", manager.clone()),
            ("revokeSubject", "subject", "manager".to_owned()),
            ("revokeClient", "clientId", "manager".to_owned()),
        ] {
            let answer = send(&server, "", &manager, operation, &json!({ name: value }));
            refused(&server, &answer, "ARGUMENT_INVALID");
            assert!(answer.text.contains("alsoOwnToken: true"), "{}", answer.text);
        }
        assert!(server.is_active(WATCHER, &manager));
        let input = json!({ "clientId": "manager", "alsoOwnToken": true });
        let answer = send(&server, "", &manager, "revokeClient", &input).json();
        assert_eq!(answer["data"]["revokeClient"]["revocation"]["ownToken"], true, "{answer}");
        assert_eq!(send(&server, "", &manager, "revokeToken", &json!({ "jti": "x" })).status, 401);
        server.clock.advance(2);
        let again = own_token(&server, MANAGER);
        assert_eq!(send(&server, "", &again, "revokeToken", &json!({ "jti": "x" })).status, 200);
    }

    fn what_is_revoked_in_one_environment_goes_on_in_the_others(engine) {
        let server = start(engine);
        let second = ENVIRONMENT.replace("name = \"tree\"", "name = \"second\"\ntenant = \"other\"");
        server.apply(&second.replace("id = \"6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b\"\n", ""));
        let issuer = server.database.value("SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'");
        server.eventually("it to be served", || server.get(&format!("{issuer}/.well-known/jwks.json")).status == 200);
        let at = |path: &str, client, form: &[(&str, &str)]| server.post_as(&format!("{issuer}{path}"), client, form);
        let theirs = at("/token", FRONT, &[("grant_type", "client_credentials")]).access_token();
        let is_active = || at("/introspect", WATCHER, &[("token", &theirs)]).json()["active"] == true;
        assert!(is_active());
        revoke(&server, "revokeToken", &json!({ "jti": jti(&theirs) }));
        revoke(&server, "revokeClient", &json!({ "clientId": "front" }));
        revoke(&server, "revokeSubject", &json!({ "subject": "front" }));
        assert!(is_active(), "the names are those of the manager's own environment");
        let manager = own_token(&server, MANAGER);
        refused(&server, &send(&server, "", &manager, "revokeToken", &json!({ "token": theirs })), "ARGUMENT_INVALID");
        assert_eq!(send(&server, &issuer, &manager, "revokeClient", &json!({ "clientId": "front" })).status, 401);
        // Nor does a client of one revoke or see a token of the other.
        assert_eq!(server.revoke(FRONT, &theirs).status, 200);
        assert!(is_active() && !server.is_active(WATCHER, &theirs));
        server.cli(&["revoke", "client", "front", "--environment", "second"]).success();
        server.eventually("it to die", || !is_active());
    }
}
