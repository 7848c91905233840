//! How many guesses somebody has.

use std::thread;

use serde_json::json;

use super::*;
use crate::both_engines;

/// So many guesses at the same moment; gives how many were looked at.
fn guesses(world: &World, client: Client, name: &str, many: usize) -> usize {
    let token = world.server.token(client, &CLIENT_CREDENTIALS).access_token();
    let body = json!({ "username": name, "password": WRONG });
    let answers: Vec<Answer> = thread::scope(|scope| {
        let guess = || {
            let request = world.server.request(Method::POST, AUTHENTICATE).bearer_auth(&token).json(&body);
            Answer::to(request)
        };
        let all: Vec<_> = (0..many).map(|_| scope.spawn(guess)).collect();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    });
    answers
        .iter()
        .filter(|answer| match answer.json()["error_code"].as_str() {
            Some("auth_invalid_credentials") => true,
            Some("auth_locked") => {
                assert_eq!(answer.status, 403);
                false
            }
            other => panic!("{other:?}: {}", answer.text),
        })
        .count()
}

both_engines! {
    fn of_fifty_guesses_at_once_five_are_looked_at(engine) {
        let world = world_with(engine, &[("passwords.queue", "100"), ("database.statement_timeout_ms", "20000")]);
        for name in ["ada", "nobody"] {
            let before = world.compared();
            assert_eq!(guesses(&world, WEB, name, 50), 5, "{name}");
            assert_eq!(world.compared() - before, 5, "{name}: no other guess was compared");
        }
        let before = world.compared();
        // The right one neither, nor under another name of the same user.
        refused(&world.sign_in(WEB, "ada", FIRST), 403, "auth_locked");
        refused(&world.sign_in(WEB, "ada@mail.example", FIRST), 403, "auth_locked");
        refused_by_number(&world.token_by_password(WEB, FIRST, None), 403, "auth_locked");
        assert_eq!((world.compared(), world.sessions()), (before, "0".to_owned()));
        world.server.clock.advance(15 * MINUTE - 1);
        refused(&world.sign_in(WEB, "ada", FIRST), 403, "auth_locked");
        world.server.clock.advance(1);
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
        // Whoever was right begins anew.
        for _ in 0..4 {
            refused(&world.sign_in(WEB, "ada", WRONG), 400, "auth_invalid_credentials");
        }
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
        for _ in 0..4 {
            refused(&world.sign_in(WEB, "ada", WRONG), 400, "auth_invalid_credentials");
        }
    }

    fn locks_grow_by_the_tiers_of_the_application(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        let bob = world.user(STRICT, json!({ "username": "bob" }));
        world.password(STRICT, &bob, SECOND);
        for (looks, lock) in [(2, 5), (2, 10)] {
            assert_eq!(guesses(&world, STRICT, "bob", 6), looks);
            world.server.clock.advance(lock * MINUTE - 1);
            assert_eq!(guesses(&world, STRICT, "bob", 2), 0);
            world.server.clock.advance(1);
        }
        // Past the last tier the next failure locks for good.
        assert_eq!(guesses(&world, STRICT, "bob", 6), 1);
        world.server.clock.advance(400 * DAY);
        refused(&world.sign_in(STRICT, "bob", SECOND), 403, "auth_locked");
    }

    // Anybody who knows a name could keep its owner out for ever, with five calls each quarter of an hour.
    fn strangers_lock_themselves_out_and_not_the_user(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        for _ in 0..5 {
            refused_by_number(&world.token_by_password(WEB, WRONG, None), 400, "auth_invalid_credentials");
        }
        let before = world.compared();
        refused_by_number(&world.token_by_password(WEB, FIRST, None), 403, "auth_locked");
        assert_eq!(world.compared(), before, "nothing is compared any more");
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200, "the user does not notice");
        // The application's own guesses still count for themselves, and their lock holds for strangers too.
        world.server.clock.advance(15 * MINUTE);
        assert_eq!(guesses(&world, WEB, "ada", 8), 5);
        refused_by_number(&world.token_by_password(WEB, FIRST, None), 403, "auth_locked");
        world.server.clock.advance(15 * MINUTE);
        assert_eq!(world.token_by_password(WEB, FIRST, None).status, 200);
    }

    // The last of the tiers needs somebody to unlock.
    fn strangers_lock_nobody_for_good(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        let bob = world.user(STRICT, json!({ "username": "bob" }));
        world.password(STRICT, &bob, SECOND);
        let ask = |password: &str| {
            let body = json!({ "client_id": STRICT.0, "username": "bob", "password": password });
            world.post_publicly(RESET_WITH_PASSWORD, &body)
        };
        for _ in 0..8 {
            for _ in 0..6 {
                let answer = ask(WRONG);
                assert!(answer.status == 400 || answer.status == 403, "{}", answer.text);
            }
            world.server.clock.advance(HOUR);
        }
        assert_eq!(ask(SECOND).status, 200);
        // Two failures of the application's own are what the first tier needs: none of the strangers' counts among them.
        assert_eq!(guesses(&world, STRICT, "bob", 6), 2);
    }

    fn a_reset_opens_a_lock_that_would_open_by_itself(engine) {
        let world = world(engine);
        let token = world.token_by_password(WEB, FIRST, None).json()["result"].as_str().expect("a token").to_owned();
        assert_eq!(guesses(&world, WEB, "ada", 8), 5);
        assert_eq!(world.redeem(&token, SECOND).status, 200);
        assert_eq!(world.sign_in(WEB, "ada", SECOND).status, 200);
    }
}
