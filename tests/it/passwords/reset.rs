//! Resets.

use std::thread;

use serde_json::json;

use super::*;
use crate::both_engines;

fn token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].as_str().expect("a reset token").to_owned()
}

both_engines! {
    fn a_reset_token_may_have_been_pasted(engine) {
        let world = world(engine);
        let token = token(&world.token_by_password(WEB, FIRST, None));
        let done = world.redeem(&format!(" {token}\r\n"), SECOND);
        assert_eq!(done.status, 200, "{}", done.text);
    }

    fn whoever_knows_the_password_sets_another_one_and_every_session_ends(engine) {
        let world = world(engine);
        let session = world.sign_in(WEB, "ada", FIRST);
        let given = world.token_by_password(WEB, FIRST, None);
        let token = token(&given);
        assert_eq!(given.json()["mfa_required"], false);
        let body = json!({
            "reset_token": token, "new_password": SECOND, "redirect_uri": "https://app.example/done", "resource": "x",
        });
        let done = world.post_publicly(RESET, &body);
        let expected = json!({
            "message": "Password changed successfully", "url": "https://app.example/done", "email": "ada@mail.example",
        });
        assert_eq!((done.status.as_u16(), done.json()), (200, expected));
        let record = world.server.record_of(&done);
        assert_eq!(
            (&record["event"], &record["subject"], &record["operation"]),
            (&json!("credential.changed"), &json!(world.ada), &json!("resetPassword"))
        );
        assert_eq!(world.refresh(&session).json()["error"], "invalid_grant");
        refused(&world.sign_in(WEB, "ada", FIRST), 400, "auth_invalid_credentials");
        assert_eq!(world.sign_in(WEB, "ada", SECOND).status, 200);
    }

    fn a_reset_says_nothing_of_who_there_is(engine) {
        let world = world(engine);
        for name in ["ada", "nobody"] {
            let before = world.compared();
            let body = json!({ "client_id": "web", "username": name, "password": WRONG });
            refused_by_number(&world.post_publicly(RESET_WITH_PASSWORD, &body), 400, "auth_invalid_credentials");
            assert_eq!(world.compared() - before, 1, "{name}");
        }
        for (client, status, code) in [("nobody", 404, "app_not_found"), ("bare", 403, "auth_login_preferences_missing")] {
            let body = json!({ "client_id": client, "username": "ada", "password": FIRST });
            refused_by_number(&world.post_publicly(RESET_WITH_PASSWORD, &body), status, code);
        }
    }

    fn a_reset_token_is_good_once_in_its_time_and_for_the_password_that_it_replaces(engine) {
        let world = world(engine);
        let (used, late, overtaken) = (
            token(&world.token_by_password(WEB, FIRST, None)),
            token(&world.token_by_password(WEB, FIRST, None)),
            token(&world.token_by_password(WEB, FIRST, None)),
        );
        // What is not taken does not use it up.
        for (password, code) in [("short", "auth_password_weak"), (FIRST, "auth_password_recently_used")] {
            refused_by_number(&world.redeem(&used, password), 400, code);
        }
        let answers: Vec<Answer> = thread::scope(|scope| {
            let all: Vec<_> = (0..8).map(|_| scope.spawn(|| world.redeem(&used, SECOND))).collect();
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let done = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(done, 1, "{answers:?}");
        answers.iter().filter(|answer| answer.status != 200).for_each(|answer| {
            refused_by_number(answer, 403, "invalid_reset_token");
        });
        refused_by_number(&world.redeem(&overtaken, THIRD), 403, "invalid_reset_token");
        world.server.clock.advance(15 * MINUTE);
        refused_by_number(&world.redeem(&late, THIRD), 403, "invalid_reset_token");
        let before = world.worked();
        for wrong in ["x", "tsp_x", &used.replace("tsp_", "tsl_"), &format!("{used}\u{0}")] {
            refused_by_number(&world.redeem(wrong, THIRD), 403, "invalid_reset_token");
        }
        assert_eq!(world.worked(), before, "without a token nobody makes the server hash");
        assert_eq!(world.sign_in(WEB, "ada", SECOND).status, 200);
    }

    fn where_two_factors_are_wanted_one_is_not_enough_and_the_same_twice_neither(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        let bob = world.user(STRICT, json!({ "username": "ada" }));
        world.password(STRICT, &bob, FIRST);
        let given = world.token_by_password(STRICT, FIRST, None);
        let first = token(&given);
        assert_eq!(given.json()["mfa_required"], true);
        refused_by_number(&world.redeem(&first, SECOND), 403, "mfa_required");
        refused_by_number(&world.token_by_password(STRICT, FIRST, Some(&first)), 403, "invalid_reset_token");
        // As if the first one had come by mail.
        world.server.database.execute("UPDATE password_resets SET methods = '[\"email_link\"]'");
        let given = world.token_by_password(STRICT, FIRST, Some(&first));
        let both = token(&given);
        assert_eq!(given.json()["mfa_required"], false);
        refused_by_number(&world.token_by_password(STRICT, FIRST, Some(&first)), 403, "invalid_reset_token");
        assert_eq!(world.redeem(&both, SECOND).status, 200);
        assert_eq!(world.sign_in(STRICT, "ada", SECOND).status, 200);
    }

    fn a_page_may_want_two_factors_where_the_application_does_not(engine) {
        let world = world(engine);
        let given = token(&world.token_by_password(WEB, FIRST, None));
        let body = json!({ "reset_token": given, "new_password": SECOND, "require_mfa": true });
        refused_by_number(&world.post_publicly(RESET, &body), 403, "mfa_required");
        assert_eq!(world.redeem(&given, SECOND).status, 200);
    }

    fn the_token_of_one_user_or_application_is_no_first_factor_for_another(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        let given = token(&world.token_by_password(WEB, FIRST, None));
        let bob = world.user(STRICT, json!({ "username": "ada" }));
        world.password(STRICT, &bob, FIRST);
        world.server.database.execute("UPDATE password_resets SET methods = '[\"email_link\"]'");
        refused_by_number(&world.token_by_password(STRICT, FIRST, Some(&given)), 403, "invalid_reset_token");
        assert_eq!(world.redeem(&given, SECOND).status, 200, "and it is not used up");
    }

    fn a_user_who_was_disabled_meanwhile_sets_no_password(engine) {
        let world = world(engine);
        let given = token(&world.token_by_password(WEB, FIRST, None));
        let change = |status: &str| {
            let path = format!("/v1/users/{}", world.ada);
            assert_eq!(world.call(Method::PUT, WEB, &path, &json!({ "status": status })).status, 200);
        };
        change("Disabled");
        refused_by_number(&world.redeem(&given, SECOND), 403, "user_not_active");
        change("Active");
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
    }
}
