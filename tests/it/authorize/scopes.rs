//! Scopes beside `openid`: which count, what the answer says of them, and what a refresh may name.

use serde_json::json;

use super::*;
use crate::{
    both_engines,
    support::tokens::{peek, verify},
};

/// A world whose `ui` gets refresh tokens.
fn refreshing(engine: Engine) -> World {
    let provider = OpenIdProvider::start();
    let grants = ["[\"authorization_code\"]", "[\"authorization_code\", \"refresh_token\"]"];
    let environment = ENVIRONMENT.replacen(grants[0], grants[1], 1);
    let environment = format!("{environment}{}", provider.connection("idp", ""));
    World::with(engine, provider, &environment)
}

fn user_info(world: &World, token: &str) -> Answer {
    Answer::to(world.server.request(reqwest::Method::GET, "/userinfo").bearer_auth(token))
}

// OpenID Connect Core §3.1.2.1, §11: libraries ask everybody for `offline_access`, `address` and `phone`.
#[test]
fn beside_openid_scopes_that_nobody_knows_are_left_out_and_the_answer_says_what_was_given() {
    let world = World::new(Engine::Sqlite);
    for (asked, given, audience) in [
        ("openid profile phone calendar.read offline_access", "openid profile calendar.read", "bff-api"),
        ("offline_access openid address", "openid", &*world.server.url),
    ] {
        let answer = world.redeem(UI, &world.code(&[("scope", asked)]), &[]);
        assert_eq!((answer.status.as_u16(), &answer.json()["scope"]), (200, &json!(given)), "{}", answer.text);
        let claims = verify(&world.server, &answer.access_token(), audience);
        assert_eq!(claims["identityScope"], json!(given.replace(" calendar.read", "")));
        assert!(!claims.to_string().contains("offline_access"), "{claims}");
    }
}

#[test]
fn what_is_known_and_not_the_clients_is_refused_with_openid_too() {
    let world = World::new(Engine::Sqlite);
    for (changes, code, detail) in [
        (&[("scope", "openid calendar.edit")][..], "scope_not_allowed", "no single target"),
        (&[("scope", "openid calendar.edit"), ("audience", "bff-api")], "scope_not_allowed", "calendar.edit"),
        (&[("scope", "offline_access calendar.read")], "scope_not_allowed", "no single target"),
    ] {
        world.assert_sent_back(&world.begin(changes), "invalid_scope", code, detail);
    }
    assert_eq!(world.count("authorization_requests"), "0");
    world.assert_no_token();
}

both_engines! {
    fn a_refresh_may_name_exactly_what_was_given_and_less(engine) {
        let world = refreshing(engine);
        let first = world.redeem(UI, &world.code(&[("scope", "openid profile email calendar.read")]), &[]);
        let given = first.json()["scope"].as_str().expect("a scope").to_owned();
        assert_eq!(given, "openid profile email calendar.read");
        let mut token = first.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        for (asked, identity, scope) in [
            (&*given, "openid profile email", Some("calendar.read")),
            ("", "openid profile email", Some("calendar.read")),
            ("calendar.read email openid", "email openid", Some("calendar.read")),
            ("openid", "openid", None),
            ("calendar.read", "", Some("calendar.read")),
            // Less once is not less for ever (RFC 6749 §6).
            (&*given, "openid profile email", Some("calendar.read")),
        ] {
            let form = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", asked)];
            let answer = world.server.token(UI, &form);
            assert_eq!(answer.status, 200, "{asked:?}: {}", answer.text);
            let claims = peek(&answer.access_token());
            assert_eq!((&claims["identityScope"], claims["scope"].as_str()), (&json!(identity), scope), "{asked:?}");
            let said = format!("{identity} {}", scope.unwrap_or_default());
            assert_eq!(answer.json()["scope"], json!(said.trim()), "{asked:?}");
            let info = user_info(&world, &answer.access_token());
            if identity.contains("openid") {
                assert_eq!((info.status.as_u16(), info.json().get("name").is_some()), (200, identity.contains("profile")));
            } else {
                assert_eq!(info.status, 403, "{}", info.text);
            }
            token = answer.json()["refresh_token"].as_str().expect("the next one").to_owned();
        }
        let beyond = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", "openid offline_access")];
        world.server.token(UI, &beyond).assert_refused(400, "invalid_scope", "scope_not_allowed");
        let other = [("grant_type", "refresh_token"), ("refresh_token", &*token), ("scope", "calendar.edit")];
        world.server.token(UI, &other).assert_refused(400, "invalid_scope", "scope_not_allowed");
    }
}

#[test]
fn without_openid_the_scopes_about_the_user_give_nothing_and_the_answer_does_not_name_them() {
    let world = refreshing(Engine::Sqlite);
    let answer = world.redeem(UI, &world.code(&[("scope", "profile email calendar.read")]), &[]);
    assert_eq!((answer.status.as_u16(), &answer.json()["scope"]), (200, &json!("calendar.read")));
    // Nor does a token for this server pass for one of a backend's sign-in, which the UserInfo endpoint tells everything.
    let mut answer = world.redeem(UI, &world.code(&[("scope", "profile")]), &[]);
    for _ in 0..2 {
        assert_eq!(answer.status, 200, "{}", answer.text);
        assert_eq!((answer.json().get("scope"), answer.json().get("id_token")), (None, None));
        assert_eq!(user_info(&world, &answer.access_token()).status, 403);
        let token = answer.json()["refresh_token"].as_str().expect("a refresh token").to_owned();
        answer = world.server.token(UI, &[("grant_type", "refresh_token"), ("refresh_token", &token)]);
    }
}
