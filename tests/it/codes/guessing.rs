//! Whoever tries codes out, from as many connections as they like.

use std::{sync::Barrier, thread};

use reqwest::Method;
use serde_json::json;

use super::{ADA, WEB, assert_refused, otp_of, world, wrong};
use crate::{
    both_engines,
    support::{Answer, CLIENT_CREDENTIALS, TestServer},
};

/// Sends `bodies` to `nodes` in turn, all at once: the `error_code` of each answer, or its status.
fn at_once(nodes: &[&TestServer], token: &str, passcodes: &[String]) -> Vec<String> {
    let barrier = Barrier::new(passcodes.len());
    thread::scope(|scope| {
        let threads: Vec<_> = passcodes
            .iter()
            .enumerate()
            .map(|(place, passcode)| {
                let (node, barrier) = (nodes[place % nodes.len()], &barrier);
                scope.spawn(move || {
                    let request = node.request(Method::POST, "/v1/auth/otp/authenticate").bearer_auth(token);
                    let request = request.json(&otp_of(passcode, json!({})));
                    barrier.wait();
                    let answer = Answer::to(request);
                    let code = answer.json()["error_code"].as_str().map(str::to_owned);
                    code.unwrap_or_else(|| answer.status.as_u16().to_string())
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

fn count(answers: &[String], of: &str) -> usize {
    answers.iter().filter(|answer| *answer == of).count()
}

both_engines! {
    fn sixty_four_connections_to_two_nodes_get_exactly_three_guesses(engine) {
        let world = world(engine);
        let second = world.server.another_node();
        let code = world.direct_code(json!({}));
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        let guesses = vec![wrong(&code); 64];
        let answers = at_once(&[&world.server, &second], &token, &guesses);
        assert_eq!(count(&answers, "auth_invalid_credentials"), 3, "{answers:?}");
        assert_eq!(count(&answers, "auth_locked"), 61, "{answers:?}");
        // The right one comes too late.
        let late = world.try_otp(&code, json!({}));
        assert_refused(&late, 403, "auth_locked");
        assert_eq!(late.json()["message"], "One time code invalid due to multiple failed attempts");
        // No other code is sent while the user is locked out, and none is good: the lock is the user's.
        assert_refused(&world.send_otp("direct", json!({})), 403, "auth_locked");
        assert_eq!(world.send_otp("sms", json!({})).status, 200, "of another channel");
        world.server.clock.advance(15 * 60 - 1);
        assert_refused(&world.send_otp("direct", json!({})), 403, "auth_locked");
        world.server.clock.advance(1);
        let code = world.direct_code(json!({}));
        assert_eq!(world.try_otp(&code, json!({})).status, 200);
        assert_eq!(world.sessions(), "1");
    }

    fn a_code_is_read_as_people_type_it_and_what_has_not_its_form_is_no_guess(engine) {
        let world = world(engine);
        // Codes by mail have six digits, those by text message eight.
        for slip in ["1", "12345", "1234567", "123456789", "12345O", "123.456", ADA, "-"] {
            world.direct_code(json!({}));
            for _ in 0..4 {
                assert_refused(&world.try_otp(slip, json!({})), 400, "auth_invalid_credentials");
            }
            world.server.clock.advance(3600);
        }
        let full_width = |code: &str| code.bytes().filter_map(|b| char::from_u32(0xff10 + u32::from(b - b'0'))).collect();
        for (place, between) in ["", " ", "-", "\u{a0}", "\u{2011}", "\u{200b}"].into_iter().enumerate() {
            let code = world.direct_code(json!({}));
            let typed = format!(" {}{between}{}\r\n", &code[..3], &code[3..]);
            let typed = if place == 0 { full_width(&code) } else { typed };
            let answer = world.try_otp(&typed, json!({}));
            assert_eq!(answer.status, 200, "{typed:?} {}", answer.text);
            world.server.clock.advance(3600);
        }
    }

    fn the_same_code_at_the_same_instant_signs_in_once(engine) {
        let world = world(engine);
        let second = world.server.another_node();
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        for round in 1..=10 {
            let code = world.direct_code(json!({}));
            let answers = at_once(&[&world.server, &second], &token, &[code.clone(), code]);
            assert_eq!(count(&answers, "200"), 1, "{answers:?}");
            assert_eq!(count(&answers, "auth_invalid_credentials"), 1, "{answers:?}");
            assert_eq!(world.sessions(), round.to_string());
        }
    }

    fn new_codes_bring_no_new_guesses(engine) {
        let world = world(engine);
        for _ in 0..2 {
            let code = world.direct_code(json!({}));
            assert_refused(&world.try_otp(&wrong(&code), json!({})), 400, "auth_invalid_credentials");
        }
        let code = world.direct_code(json!({}));
        assert_refused(&world.try_otp(&wrong(&code), json!({})), 400, "auth_invalid_credentials");
        assert_refused(&world.try_otp(&code, json!({})), 403, "auth_locked");
    }

    fn nobody_and_somebody_without_a_code_are_answered_alike(engine) {
        let world = world(engine);
        world.user(crate::codes::OTHER, json!({ "email": "eve@mail.example" }));
        let mut texts = Vec::new();
        for identifier in [ADA, "nobody@mail.example", "eve@mail.example", "no address"] {
            for _ in 0..4 {
                let answer = world.try_otp("123456", json!({ "identifier": identifier }));
                assert_refused(&answer, 400, "auth_invalid_credentials");
                texts.push(answer.text);
            }
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        assert_eq!(world.sessions(), "0");
    }

    fn a_code_is_kept_as_something_that_the_database_alone_does_not_give_away(engine) {
        let world = world(engine);
        let code = world.direct_code(json!({}));
        let kept = world.server.database.texts("SELECT secret_hash AS text FROM one_time_codes");
        let plain: String = openssl::sha::sha256(code.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(kept.len() == 1 && kept[0].len() == 64 && kept[0] != plain, "{kept:?}");
        // A hash that is copied from one row to another one is good for nothing there.
        world.user(WEB, json!({ "email": "bob@mail.example" }));
        let body = json!({ "channel": "direct", "identifier_type": "email", "identifier": "bob@mail.example" });
        assert_eq!(world.post(WEB, "/v1/auth/otp/send", body).status, 200);
        world.server.database.execute(&format!("UPDATE one_time_codes SET secret_hash = '{}'", kept[0]));
        let bob = json!({ "identifier": "bob@mail.example" });
        assert_refused(&world.try_otp(&code, bob), 400, "auth_invalid_credentials");
        assert_eq!(world.try_otp(&code, json!({})).status, 200);
    }
}
