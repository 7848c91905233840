//! `grant_type=authorization_code`: once, soon, and only for whom the code was made.

use serde_json::json;

use super::*;
use crate::{
    both_engines,
    support::tokens::{exchange_as, peek},
};

const BFF: (&str, &str) = ("bff", "a-secret-of-the-bff-with-more-than-32-characters");
const EDIT: [(&str, &str); 1] = [("scope", "calendar.edit")];

both_engines! {
    // Of two who present a code one has stolen it, and nobody knows which.
    fn a_code_that_comes_twice_takes_back_what_it_gave_on_every_node(engine) {
        let world = World::new(engine);
        let node = world.server.another_node();
        let (code, other) = (world.code(&[]), world.code(&[]));
        let token = world.redeem(UI, &code, &[]).access_token();
        let untouched = world.redeem(UI, &other, &[]).access_token();
        let derived = exchange_as(&world.server, BFF, &token, &EDIT).access_token();
        let session = peek(&token)["sessionId"].as_str().expect("a session").to_owned();
        exchange_as(&node, BFF, &token, &EDIT).access_token();

        let replay = world.redeem(UI, &code, &[]);
        world.assert_code_refused(&replay, "the code was used before");
        let records = world.server.records_of(&replay);
        assert_eq!(records.len(), 2, "{records:?}");
        for (name, value) in [("event", json!("authorization.replayed")), ("client_id", json!("ui")), ("subject", peek(&token)["sub"].clone()),
            ("detail", json!(format!("a code of client ui came twice; session {session} is revoked")))] {
            assert_eq!(records[0][name], value, "{records:?}");
        }
        let refused = exchange_as(&world.server, BFF, &token, &EDIT);
        world.server.assert_subject_refused(&refused, "the session of the token is revoked");
        // What came of it carries the session along.
        assert_eq!(peek(&derived)["sessionId"], session.as_str());
        world.server.eventually("the other node has heard of it", || exchange_as(&node, BFF, &token, &EDIT).status == 400);
        exchange_as(&world.server, BFF, &untouched, &EDIT).access_token();
        world.assert_code_refused(&world.redeem(UI, &code, &[]), "the code was used before");
    }

    fn of_many_who_present_a_code_at_once_at_most_one_gets_a_token_and_it_is_dead(engine) {
        let world = World::new(engine);
        let node = world.server.another_node();
        let code = world.code(&[]);
        let answers: Vec<Answer> = std::thread::scope(|scope| {
            let form = |at: &'static str| [("grant_type", "authorization_code"), ("code", at), ("redirect_uri", BACK), ("code_verifier", VERIFIER)];
            let code: &'static str = Box::leak(code.clone().into_boxed_str());
            let callers: Vec<_> = (0..8)
                .map(|number| (if number % 2 == 0 { &world.server } else { &node }, form(code)))
                .map(|(server, form)| scope.spawn(move || server.token(UI, &form)))
                .collect();
            callers.into_iter().map(|caller| caller.join().expect("no panic")).collect()
        });
        let (given, refused): (Vec<&Answer>, Vec<&Answer>) = answers.iter().partition(|answer| answer.status == 200);
        assert!(given.len() <= 1, "{given:?}");
        refused.iter().for_each(|answer| answer.assert_refused(400, "invalid_grant", "code_refused"));
        if let Some(given) = given.first() {
            let token = given.access_token();
            world.server.eventually("it is dead", || exchange_as(&world.server, BFF, &token, &EDIT).status == 400);
        }
    }
}

#[test]
fn a_code_is_for_its_client_its_address_and_its_verifier_and_used_up_by_the_first_try() {
    let world = World::new(Engine::Sqlite);
    let long = "a".repeat(129);
    for (client, changes, detail) in [
        (SHOP, &[][..], "the code was given to another client"),
        (SHOP, &[("redirect_uri", "https://shop.example/back")], "the code was given to another client"),
        (UI, &[("redirect_uri", "https://app.example/back")], "redirect_uri is not that of the authorization request"),
        (
            UI,
            &[("redirect_uri", "https://APP.example/back?tenant=1")],
            "redirect_uri is not that of the authorization request",
        ),
        (
            UI,
            &[("redirect_uri", "https://app.example:443/back?tenant=1")],
            "redirect_uri is not that of the authorization request",
        ),
        (
            UI,
            &[("code_verifier", "another-code-verifier-of-more-than-43-characters")],
            "code_verifier is not what the challenge was made of",
        ),
        (UI, &[("code_verifier", "short")], "code_verifier is not what the challenge was made of"),
        (UI, &[("code_verifier", &long)], "code_verifier is not what the challenge was made of"),
        (UI, &[("code_verifier", &challenge())], "code_verifier is not what the challenge was made of"),
    ] {
        let code = world.code(&[]);
        world.assert_code_refused(&world.redeem(client, &code, changes), detail);
        // A verifier cannot be tried out, and a code that somebody else has seen is good for nobody.
        world.assert_code_refused(&world.redeem(UI, &code, &[]), "the code was used before");
    }
    for (changes, parameter) in [("redirect_uri", "redirect_uri"), ("code_verifier", "code_verifier"), ("code", "code")]
        .map(|(name, parameter)| ([(name, "")], parameter))
    {
        let code = world.code(&[]);
        let answer = world.redeem(UI, &code, &changes);
        world.server.assert_refused(&answer, "invalid_request", "missing_parameter");
        assert!(answer.json()["error_description"].as_str().is_some_and(|text| text.starts_with(parameter)));
    }
    world.assert_no_token();
}

#[test]
fn a_code_is_good_for_a_minute_and_made_up_ones_never() {
    let world = World::new(Engine::Sqlite);
    let code = world.code(&[]);
    world.server.clock.advance(60);
    world.assert_code_refused(&world.redeem(UI, &code, &[]), "the code has expired");
    let code = world.code(&[]);
    world.server.clock.advance(59);
    world.redeem(UI, &code, &[]).access_token();
    let made_up = "it is no code of ours: mistyped, cut off or made up";
    for text in ["x", "tsc_", &code[..code.len() - 1], "tsk_0000000000000000000000000000000000000000000000000"] {
        world.assert_code_refused(&world.redeem(UI, text, &[]), made_up);
    }
    let unknown = tessera::domain::secret::Secret::generate_kind(
        tessera::domain::secret::SecretKind::Code,
        &tessera::domain::random::SystemRandom,
    );
    let unknown = unknown.expect("randomness");
    world.assert_code_refused(&world.redeem(UI, unknown.reveal(), &[]), "there is no such code");
}

#[test]
fn a_client_that_does_not_authenticate_uses_no_code_up() {
    let world = World::new(Engine::Sqlite);
    let code = world.code(&[]);
    let answer = world.redeem(("ui", "a wrong secret"), &code, &[]);
    answer.assert_refused(401, "invalid_client", "client_authentication_failed");
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", "ui"),
        ("code", &code),
        ("redirect_uri", BACK),
        ("code_verifier", VERIFIER),
    ];
    world.server.token_without_header(&form).assert_refused(401, "invalid_client", "client_authentication_failed");
    let answer = world.redeem(BFF, &code, &[]);
    world.server.assert_refused(&answer, "unauthorized_client", "grant_not_allowed");
    world.redeem(UI, &code, &[]).access_token();
}
