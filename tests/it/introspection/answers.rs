//! What is said of a token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use tessera::domain::clock::Clock as _;

use crate::{
    both_engines,
    revocation::{BILLING, FRONT, ORDERS, WATCHER, builder, long_lived, own_token, pass_on, start, user_token},
    support::{
        Engine, TestServer,
        forge::{Forge, claims, unsigned, with},
        tokens::peek,
    },
};

/// The claims of a token as an answer repeats them.
fn expected(token: &str) -> Value {
    let mut claims = with(&peek(token), &json!({ "active": true, "token_type": "Bearer", "anc_of": null }));
    if let Some(list) = claims["scope"].as_array() {
        let words: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
        claims["scope"] = words.join(" ").into();
    }
    claims
}

both_engines! {
    // TE-112: for either profile, whoever asks.
    fn the_claims_are_repeated_with_their_meaning(engine) {
        let server = start(engine);
        let root = user_token(&server, "ada");
        let to_orders = pass_on(&server, FRONT, &root, "orders-api");
        let mosaic = pass_on(&server, ORDERS, &to_orders, "mail-api");
        let impersonated = pass_on(&server, FRONT, &root, "search-api");
        for token in [&root, &to_orders, &mosaic, &long_lived(&server, &impersonated), &own_token(&server, FRONT)] {
            assert_eq!(server.introspect(WATCHER, token), expected(token));
        }
        let said = server.introspect(ORDERS, &to_orders);
        assert_eq!(said["scope"], "all");
        assert_eq!(said["act"], json!({ "iss": server.url, "sub": "front" }));
        assert_eq!(said["anc"], json!([peek(&root)["jti"]]));
        assert_eq!(server.introspect(FRONT, &own_token(&server, FRONT))["permissions"]["ax-user-service"], json!(["GENERATE_DELEGATED_ACCESS_TOKEN"]));
        assert_eq!(server.introspect(WATCHER, &mosaic)["iss"], "ax-user-service");
    }
}

/// TE-112, RFC 9449 §6.2.
#[test]
fn what_a_token_is_bound_to_and_who_may_act_is_said() {
    let server = start(Engine::Sqlite);
    let base = claims(&server, "orders-api", "front", "all");
    let more = json!({
        "cnf": { "jkt": "thumbprint" }, "may_act": { "sub": "orders" }, "sessionId": "s", "nbf": server.clock.now(),
        "email": "ada@example.com", "name": "Ada", "aud": ["orders-api", "elsewhere"],
    });
    let said = server.introspect(ORDERS, &Forge::of(&server).token(&with(&base, &more)));
    for (name, value) in more.as_object().expect("an object") {
        assert_eq!(&said[name], value, "{name}");
    }
    assert_eq!((&said["token_type"], &said["username"]), (&json!("DPoP"), &json!("ada@example.com")));
}

/// A third party's JWT around a token of ours: what is inside is what is asked about, and nothing else in it is believed.
#[test]
fn of_an_embedded_token_what_is_inside_is_said_and_revoked() {
    let server = start(Engine::Sqlite);
    let root = user_token(&server, "ada");
    let outer = json!({ "iss": "https://third.example", "sub": "admin", "mosaic.end-user.accessToken": root });
    let envelope = unsigned(r#"{"alg":"RS256","kid":"theirs"}"#, &outer.to_string()) + ".c2lnbmF0dXJl";
    assert_eq!(server.introspect(FRONT, &envelope), expected(&root));
    assert!(!server.is_active(BILLING, &envelope));
    server.revoke(BILLING, &envelope).assert_refused(400, "unauthorized_client", "token_of_another_client");
    server.revoked(FRONT, &envelope);
    assert!(!server.is_active(FRONT, &envelope) && !server.is_active(FRONT, &root));
}

/// TE-110.
#[test]
fn of_what_is_no_token_in_force_nothing_is_said() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    let forge = Forge::of(&server);
    let changed = |changes: Value| forge.token(&with(&peek(&token), &changes));
    let now = server.clock.now();
    let long = "x".repeat(30_000);
    for dead in [
        "x".to_owned(),
        "a.b.c".to_owned(),
        long,
        format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#)),
        Forge::attacker().token(&peek(&token)),
        changed(json!({ "exp": now })),
        changed(json!({ "nbf": now + 11 })),
        changed(json!({ "iat": now + 11 })),
        changed(json!({ "iss": "https://elsewhere.example" })),
        changed(json!({ "jti": null })),
        forge.sign(&with(&forge.header(), &json!({ "typ": "JWT" })).to_string(), &peek(&token).to_string()),
        token[..token.len() - 2].to_owned(),
    ] {
        assert!(!server.is_active(WATCHER, &dead), "{dead:.80}");
    }
    assert!(server.is_active(WATCHER, &token) && server.is_active(WATCHER, &changed(json!({ "iat": now + 10 }))));
    server.clock.advance(4000);
    assert!(!server.is_active(WATCHER, &token), "its time is asked for each time");
}

/// TE-109.
#[test]
fn the_hint_changes_nothing() {
    let server = start(Engine::Sqlite);
    let token = own_token(&server, FRONT);
    for hint in ["access_token", "refresh_token", "id_token", "urn:x", ""] {
        let answer = server.post_as("/introspect", FRONT, &[("token", &token), ("token_type_hint", hint)]);
        assert_eq!((answer.status.as_u16(), &answer.json()["active"]), (200, &json!(true)), "{hint}");
    }
}

/// A hit costs no I/O: what was in memory is answered although the database is away, and what was not is not guessed.
#[test]
fn without_the_database_what_is_known_is_said_and_nothing_is_called_dead() {
    let server: TestServer = builder(Engine::Postgres).setting("database.acquire_timeout_ms", "500").start();
    let (known, unknown) = (own_token(&server, FRONT), own_token(&server, ORDERS));
    assert!(server.is_active(WATCHER, &known));
    // A further node knows no client at all but those that it is asked about.
    let node = server.another_node();
    assert!(node.is_active(WATCHER, &known));
    server.database.cut_off();
    assert!(node.is_active(WATCHER, &known));
    let answer = node.post_as("/introspect", WATCHER, &[("token", &unknown)]);
    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    // Nothing is called revoked that could not be (RFC 7009 §2.2.1).
    let answer = server.revoke(FRONT, &known);
    answer.assert_refused(503, "temporarily_unavailable", "temporarily_unavailable");
    assert_eq!(answer.header("retry-after"), Some("1"));
    server.database.restore();
    server.eventually("all to be told", || node.post_as("/introspect", WATCHER, &[("token", &unknown)]).status == 200);
    assert!(node.is_active(WATCHER, &unknown) && node.is_active(WATCHER, &known), "it is still in force");
    server.eventually("the revocation to be taken", || server.revoke(FRONT, &known).status == 200);
    node.eventually("the other node to hear of it", || !node.is_active(WATCHER, &known));
}
