//! Actor tokens: a client that shows a token of its own for who acts.

use serde_json::json;

use super::{BFF_RULE, actor, bff_token, calendar_token, demo_claims, demo_token};
use crate::{
    both_engines,
    support::{
        Engine, TestServer,
        forge::{Forge, claims, with},
        tokens::{exchange, peek, verify},
    },
};

const NOT_OWN: &str = "the actor token was not issued to the calling client";

both_engines! {
    // TE-060, TE-066; law 1. The new token dies with either of the two that it came from.
    fn the_clients_own_token_names_it_as_the_actor(engine) {
        let server = TestServer::start(engine);
        let (subject, own) = (demo_token(&server), bff_token(&server));
        let answer = exchange(&server, &subject, &actor(&own));
        let claims = verify(&server, &answer.access_token(), "resource-api");
        assert_eq!(claims["act"], json!({ "iss": server.url, "sub": "bff" }));
        assert_eq!(claims["anc"], json!([peek(&subject)["jti"], peek(&own)["jti"]]));
        let record = server.record_of(&answer);
        assert_eq!((&record["rule"], &record["parents"]), (&json!(BFF_RULE), &claims["anc"]));
    }
}

// TE-066: otherwise a client could act in another one's name.
#[test]
fn somebody_elses_token_is_no_actor_token() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    for theirs in [calendar_token(&server), demo_token(&server)] {
        let record = server.assert_actor_refused(&exchange(&server, &subject, &actor(&theirs)), NOT_OWN);
        assert_eq!(record["parents"], json!([peek(&subject)["jti"]]));
    }
    // The name in another case, or with something around it, is another client.
    for name in ["BFF", "bff ", "b\u{444}f", "bff\u{0}"] {
        let theirs =
            Forge::of(&server).token(&with(&claims(&server, "resource-api", name, "x"), &json!({"sub": name})));
        let answer = exchange(&server, &subject, &actor(&theirs));
        server.assert_refused(&answer, "invalid_request", "actor_token_refused");
    }
}

// Law 4: the actor's own chain would be lost.
#[test]
fn a_delegated_token_is_no_actor_token() {
    let server = TestServer::start(Engine::Sqlite);
    let subject = demo_token(&server);
    let delegated = exchange(&server, &subject, &[]).access_token();
    let answer = exchange(&server, &subject, &actor(&delegated));
    server.assert_actor_refused(&answer, "the actor token is itself a delegated one (it has act)");
}

// Law 1.
#[test]
fn the_new_token_ends_with_the_actor_token_at_the_latest() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let own = claims(&server, "resource-api", "bff", "calendar.read");
    let own = with(&own, &json!({ "sub": "bff", "subjectType": "ServiceAccount" }));
    let end = own["iat"].as_i64().expect("iat") + 20;
    let actor_token = forge.token(&with(&own, &json!({ "exp": end })));
    let subject = demo_token(&server);
    let answer = exchange(&server, &subject, &actor(&actor_token));
    assert_eq!(peek(&answer.access_token())["exp"], end);
    assert_eq!(answer.json()["expires_in"], 20);

    server.clock.advance(20);
    server.assert_actor_refused(&exchange(&server, &subject, &actor(&actor_token)), "the token has expired");
}

// Laws 6 and 8 hold of actor tokens too.
#[test]
fn an_actor_token_is_checked_like_a_subject_token() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let subject = demo_token(&server);
    let own = claims(&server, "resource-api", "bff", "calendar.read");
    let own = with(&own, &json!({ "sub": "bff", "subjectType": "ServiceAccount" }));
    let now = own["iat"].as_i64().expect("iat");
    for (changes, detail) in [
        (json!({ "nbf": now + 60 }), "the token is not valid yet"),
        (json!({ "iat": now + 60 }), "the token is not valid yet"),
        (json!({ "exp": now }), "the token has expired"),
        (json!({ "cnf": { "jkt": "x" } }), "the token is bound to a key (cnf) that the caller has not proved"),
        (json!({ "iss": "https://elsewhere.example" }), "iss is another issuer"),
        (json!({ "exp": null }), "the claim exp is missing"),
        (json!({ "client_id": "calendar-service", "sub": "calendar-service" }), NOT_OWN),
        // A token of a service account that is gone, though in the caller's hands.
        (json!({ "sub": "nobody" }), "the client behind the token is disabled or gone"),
    ] {
        let answer = exchange(&server, &subject, &actor(&forge.token(&with(&own, &changes))));
        server.assert_actor_refused(&answer, detail);
    }
}

// One token in both places: there is one ancestor, not two.
#[test]
fn a_clients_token_can_be_subject_and_actor_at_once() {
    let server = TestServer::start(Engine::Sqlite);
    let own = bff_token(&server);
    let claims = peek(&exchange(&server, &own, &actor(&own)).access_token());
    assert_eq!(claims["anc"], json!([peek(&own)["jti"]]));
    assert_eq!((&claims["sub"], &claims["act"]["sub"]), (&json!("bff"), &json!("bff")));
}

// The actor's ancestors count: what came from them must die with them, and there is room for ten.
#[test]
fn the_ancestors_of_the_actor_token_are_ancestors_of_the_new_one() {
    let server = TestServer::start(Engine::Sqlite);
    let forge = Forge::of(&server);
    let own = claims(&server, "resource-api", "bff", "calendar.read");
    let own = with(&own, &json!({ "sub": "bff", "jti": "actor", "anc": ["root", "a-1", "a-2"] }));
    let user = |anc: &[&str]| forge.token(&with(&demo_claims(&server), &json!({ "jti": "user", "anc": anc })));
    let answer = exchange(&server, &user(&["root", "u-1"]), &actor(&forge.token(&own)));
    assert_eq!(peek(&answer.access_token())["anc"], json!(["root", "u-1", "user", "a-1", "a-2", "actor"]));

    let many = ["u-1", "u-2", "u-3", "u-4", "u-5", "u-6"];
    let answer = exchange(&server, &user(&many), &actor(&forge.token(&own)));
    server.assert_subject_refused(&answer, "the token has the most ancestors it may have");
}
