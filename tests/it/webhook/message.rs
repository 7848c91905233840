//! What is sent, and what becomes of a good answer (contract §6).

use std::sync::Arc;

use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, timestamp::iso_8601};

use super::{SHOP, SIGN_IN, WEB, World, claims, login};
use crate::{
    both_engines,
    support::{
        ACCESS_TOKEN, EXCHANGE, Engine,
        clock::TestClock,
        hook::{Hook, payload},
        tokens::verify,
    },
};

fn is_uuid(text: &str) -> bool {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_digit() || ('a'..='f').contains(&c))
}

both_engines! {
    fn the_message_says_who_signed_in_where_and_is_signed(engine) {
        let world = World::new(engine);
        let answer = world.login("ada \"1815\" \\ é 🦀\u{202e}", &[
            ("email", "ada@example.com"),
            ("name", "Ada <b>Lovelace</b>"),
            ("unique_profile_identifier", "kids"),
        ]);
        let claims = claims(&world.server, &answer);
        let [message] = world.hook.messages().try_into().ok().expect("one message");
        assert_eq!(message.verdict, Ok(()));
        assert!(message.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", message.head);
        assert_eq!(message.header("content-type"), Some("application/json"));
        let signature = message.header("x-mosaic-signature").expect("a signature");
        assert!(signature.len() == 64 && signature.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')), "{signature}");

        let mut sent = message.json();
        let id = sent.as_object_mut().expect("an object").remove("message_id").expect("message_id");
        assert!(id.as_str().is_some_and(is_uuid), "{id}");
        let expected = json!({
            "message_type": "EndUserAccessTokenEnrichment",
            "message_version": "1.0",
            "timestamp": iso_8601(world.server.clock.now_millis()),
            "payload": {
                "tenant_id": claims["tenantId"],
                "environment_id": claims["environmentId"],
                "application_id": WEB,
                "user_id": claims["sub"],
                "profile_id": claims["profileId"],
                "subject_id": "ada \"1815\" \\ é 🦀\u{202e}",
                "email": "ada@example.com",
                "name": "Ada <b>Lovelace</b>",
                "session_id": claims["sessionId"],
            },
        });
        assert_eq!(sent, expected);
        assert_eq!(claims["extensions"], json!({ "plan": "gold" }));

        let records = world.server.records_of(&answer);
        let events: Vec<_> = records.iter().map(|record| (&record["event"], &record["outcome"])).collect();
        let success = json!("success");
        assert_eq!(events, [(&json!("webhook.called"), &success), (&json!("token.issued"), &success)]);
        let called = &records[0];
        assert_eq!((&called["subject"], &called["application_id"]), (&claims["sub"], &json!(WEB)));
        assert_eq!((&called["environment_id"], called.get("detail")), (&claims["environmentId"], None));
    }

    fn each_login_is_a_message_of_its_own_and_what_is_not_known_is_null(engine) {
        let world = World::new(engine);
        let (first, second) = (world.good("ada"), world.good("ada"));
        let sent: Vec<Value> = world.hook.messages().iter().map(|message| message.json()).collect();
        assert_eq!(sent.len(), 2);
        assert_ne!(sent[0]["message_id"], sent[1]["message_id"]);
        for (sent, claims) in sent.iter().zip([first, second]) {
            let payload = &sent["payload"];
            assert_eq!((payload.get("email"), payload.get("name")), (Some(&Value::Null), Some(&Value::Null)));
            assert_eq!((&payload["session_id"], &payload["user_id"]), (&claims["sessionId"], &claims["sub"]));
        }
    }
}

// The word of a webhook is the application's own: it must not become the server's.
#[test]
fn what_the_webhook_says_stays_inside_extensions() {
    let world = World::new(Engine::Sqlite);
    let said = json!({
        "iss": "https://evil.example", "sub": "admin", "aud": "*", "exp": 9_999_999_999_i64, "jti": "j", "scope": "admin",
        "client_id": "admin", "act": { "sub": "admin" }, "may_act": {}, "anc": [], "cnf": {}, "subjectType": "UserAccount",
        "permissions": { "ax-user-service": ["USERS_EDIT"] }, "tenantId": "t", "environmentId": "e", "profileId": "p",
        "applicationId": SHOP, "userId": "u", "sessionId": "s", "extensions": { "extensions": {} }, "email": "x", "name": "x",
        "mosaic.end-user.accessToken": "x.y.z", "payload": null, "": [],
    });
    let plain = world.good("ada");
    world.hook.set(payload(&said));
    let answer = world.login("ada", &[]);
    let claims = claims(&world.server, &answer);
    assert_eq!(claims["extensions"], said);
    for (name, value) in claims.as_object().expect("an object") {
        if !["extensions", "jti", "sessionId"].contains(&name.as_str()) {
            assert_eq!(value, &plain[name], "{name}");
        }
    }
    assert_eq!(claims.as_object().map(serde_json::Map::len), plain.as_object().map(serde_json::Map::len));

    let (token, audience) = (answer.access_token(), "bff-api");
    let form = [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)];
    let form = [&form[..], &[("audience", audience), ("scope", "read")]].concat();
    let exchanged = verify(&world.server, &world.server.token(SIGN_IN, &form).access_token(), audience);
    assert_eq!(exchanged["extensions"], said, "as it was when the session began");
    assert_eq!((&exchanged["sub"], &exchanged["scope"]), (&claims["sub"], &json!("read")));
    assert_eq!(exchanged.get("permissions"), None);
    assert_eq!(world.hook.messages().len(), 2, "only logins call it");
}

#[test]
fn the_largest_extensions_fit_into_tokens_that_can_still_be_exchanged() {
    let world = World::new(Engine::Sqlite);
    // In JSON: `{"x":"…"}`.
    world.hook.set(payload(&json!({ "x": "x".repeat(8192 - 8) })));
    let longest = "n".repeat(254);
    let token = world.login(&"s".repeat(255), &[("name", &longest), ("email", &longest)]).access_token();
    let form = [("grant_type", EXCHANGE), ("subject_token", &token), ("subject_token_type", ACCESS_TOKEN)];
    let form = [&form[..], &[("audience", "bff-api"), ("scope", "read")]].concat();
    world.server.token(SIGN_IN, &form).access_token();
}

#[test]
fn nobody_is_asked_where_there_is_no_token_anyway() {
    let world = World::new(Engine::Sqlite);
    for (subject_id, more) in [
        ("ada", ("audience", "nowhere")),
        ("ada", ("scope", "admin")),
        ("ada\r\nx-mosaic-signature: 0", ("name", "Ada")),
        ("ada", ("name", "Ada\r\nx-evil: 1")),
        ("ada", ("email", "ada@example.com\nx")),
        ("ada\0", ("name", "Ada")),
    ] {
        assert_eq!(world.login(subject_id, &[more]).status, 400, "{subject_id:?} {more:?}");
    }
    assert_eq!(world.server.token((SIGN_IN.0, "wrong"), &[("grant_type", EXCHANGE)]).status, 401);
    let other = login(&world.server, SHOP, "ada", &[]);
    assert_eq!(claims(&world.server, &other).get("extensions"), None, "another application's users");
    assert!(world.hook.messages().is_empty());
}

// What the other tests show is worth nothing if the receiver believes everybody.
#[test]
fn the_receiver_of_these_tests_believes_nobody_else() {
    let clock = Arc::new(TestClock::new());
    let hook = Hook::start(clock.clone());
    let http = reqwest::blocking::Client::new();
    let now = iso_8601(clock.now_millis());
    let forged = |signature: &str| {
        let request = http.post(hook.url()).header("x-mosaic-signature", signature);
        request.body(json!({ "timestamp": now }).to_string()).send().expect("an answer").status()
    };
    assert_eq!(forged(&"0".repeat(64)), 401);
    assert_eq!(forged(""), 401);

    let world = World::new(Engine::Sqlite);
    world.good("ada");
    let [genuine] = world.hook.messages().try_into().ok().expect("one message");
    let replay = |body: String| {
        let signature = genuine.header("x-mosaic-signature").expect("a signature");
        let request = http.post(world.hook.url()).header("x-mosaic-signature", signature);
        request.body(body).send().expect("an answer").status()
    };
    world.server.clock.advance(120);
    assert_eq!(replay(genuine.body.clone()), 200);
    assert_eq!(replay(format!("{} ", genuine.body)), 401, "one byte more");
    world.server.clock.advance(1);
    assert_eq!(replay(genuine.body.clone()), 401, "too old");
}
