//! Setting passwords.

use serde_json::json;

use super::*;
use crate::both_engines;

fn path(user_id: &str) -> String {
    format!("/v1/users/{user_id}/password")
}

both_engines! {
    fn a_user_gets_a_first_password_once(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "email": "bob@mail.example" }));
        let body = json!({ "password": SECOND, "force_replace": false, "username": "bob" });
        let set = world.post(WEB, &path(&bob), &body);
        assert_eq!(set.status, 201, "{}", set.text);
        let record = world.server.record_of(&set);
        assert_eq!(
            (&record["event"], &record["operation"], &record["subject"], &record["client_id"]),
            (&json!("credential.changed"), &json!("createPasswordAuthenticator"), &json!(bob), &json!("web"))
        );
        assert_eq!(world.sign_in(WEB, "bob", SECOND).status, 200, "under the name that came with it");
        refused(&world.post(WEB, &path(&bob), &json!({ "password": THIRD })), 409, "auth_password_already_configured");
        assert_eq!(world.sign_in(WEB, "bob", SECOND).status, 200);
        refused(&world.post(WEB, &path(&bob.replace('-', "0")), &json!({ "password": THIRD })), 404, "user_not_found");
    }

    fn of_ten_who_set_a_first_password_at_once_one_does(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "username": "bob" }));
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        let (path, body) = (path(&bob), json!({ "password": SECOND }));
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let set = || Answer::to(world.server.request(Method::POST, &path).bearer_auth(&token).json(&body));
            let all: Vec<_> = (0..10).map(|_| scope.spawn(set)).collect();
            all.into_iter().map(|one| one.join().expect("no panic").status.as_u16()).collect()
        });
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 409).count(), 9, "{statuses:?}");
    }

    fn what_is_not_good_enough_is_refused_and_nothing_is_kept(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "email": "bob.marley@mail.example" }));
        for (password, words) in [
            ("Zx-7", "8 characters"),
            ("zebralamporbitquill", "of these kinds"),
            ("Password1", "too easy to guess"),
            ("Bob.Marley7", "your name"),
        ] {
            let answer = world.post(WEB, &path(&bob), &json!({ "password": password }));
            refused(&answer, 400, "auth_password_weak");
            let message = answer.json()["message"].as_str().expect("a message").to_owned();
            assert!(message.contains(words) && !message.contains(password), "{message}");
            let record = world.server.record_of(&answer);
            assert_eq!((&record["event"], &record["reason"]), (&json!("credential.refused"), &json!("auth_password_weak")));
        }
        assert_eq!(world.server.database.value("SELECT CAST(count(*) AS text) AS value FROM passwords"), "1");
        // Unless the application says that it knows better.
        let body = json!({ "password": "Zx-7", "enforce_complexity": false, "force_replace": false });
        assert_eq!(world.post(WEB, &path(&bob), &body).status, 201);
        assert_eq!(world.sign_in(WEB, "bob.marley@mail.example", "Zx-7").status, 200);
    }

    fn an_application_without_passwords_sets_none(engine) {
        let world = world(engine);
        let bob = world.user(BARE, json!({ "username": "bob" }));
        refused(&world.post(BARE, &path(&bob), &json!({ "password": SECOND })), 400, "auth_password_policy_disabled");
        refused(&world.post(READER, &path(&world.ada), &json!({ "password": SECOND })), 403, "forbidden");
        // Nor one of a user of somebody else's.
        refused(&world.post(STRICT, &path(&world.ada), &json!({ "password": SECOND })), 404, "user_not_found");
        refused(&world.replace(STRICT, &world.ada, SECOND), 404, "user_not_found");
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
    }

    fn earlier_passwords_do_not_come_back_before_their_time(engine) {
        let world = world(engine);
        refused(&world.replace(WEB, &world.ada, FIRST), 400, "auth_password_recently_used");
        assert_eq!(world.replace(WEB, &world.ada, SECOND).status, 200);
        assert_eq!(world.replace(WEB, &world.ada, THIRD).status, 200);
        for used in [FIRST, SECOND, THIRD] {
            refused(&world.replace(WEB, &world.ada, used), 400, "auth_password_recently_used");
        }
        assert_eq!(world.sign_in(WEB, "ada", THIRD).status, 200);
        assert_eq!(world.replace(WEB, &world.ada, FOURTH).status, 200);
        assert_eq!(world.replace(WEB, &world.ada, FIRST).status, 200, "three others were in between");
    }

    fn a_replaced_password_ends_every_session(engine) {
        let world = world(engine);
        let sessions = [world.sign_in(WEB, "ada", FIRST), world.sign_in(WEB, "ada", FIRST)];
        let renewed = world.refresh(&sessions[0]);
        assert_eq!(renewed.status, 200, "{}", renewed.text);
        let replaced = world.replace(WEB, &world.ada, SECOND);
        assert_eq!(replaced.json(), json!({ "result": { "message": "Password updated" } }));
        for session in [&renewed, &sessions[1]] {
            assert_eq!(world.refresh(session).json()["error"], "invalid_grant");
        }
        let shown = json!({ "session_id": sessions[1].json()["session_id"] });
        refused(&world.post(WEB, "/v1/auth/session/authenticate", &shown), 400, "session_not_found");
        refused(&world.sign_in(WEB, "ada", FIRST), 400, "auth_invalid_credentials");
        assert_eq!(world.sign_in(WEB, "ada", SECOND).status, 200);
    }

    fn what_is_not_there_cannot_be_replaced(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "username": "bob" }));
        refused(&world.replace(WEB, &bob, SECOND), 400, "auth_not_active");
        let nothing = world.call(Method::PUT, WEB, &path(&world.ada), &json!({}));
        refused(&nothing, 400, "auth_password_incomplete_credentials");
    }

    fn a_user_gives_oneself_a_first_password_and_no_other(engine) {
        let world = world(engine);
        let token = world.sign_in(WEB, "ada", FIRST).access_token();
        let own = |body: &Value| {
            let path = "/v1/users/me/password-credentials";
            Answer::to(world.server.request(Method::POST, path).bearer_auth(&token).json(body))
        };
        // Whoever has stolen a token gets no password by it.
        refused(&own(&json!({ "password": SECOND })), 409, "auth_password_already_configured");
        world.server.database.execute("DELETE FROM passwords");
        refused(&own(&json!({ "password": "short" })), 400, "auth_password_weak");
        let set = own(&json!({ "password": SECOND, "username": "countess" }));
        assert_eq!(set.json(), json!({ "result": { "message": "Password registered" } }));
        assert_eq!(world.sign_in(WEB, "countess", SECOND).status, 200, "and it is not temporary");
    }

    fn registering_gives_a_temporary_password(engine) {
        let world = world(engine);
        world.user(WEB, json!({ "email": "bob@mail.example" }));
        let register = |name: &str| {
            world.post(WEB, "/v1/auth/password/register", &json!({ "username": name, "password": SECOND }))
        };
        assert_eq!(register("bob@mail.example").json(), json!({ "message": "Password registered" }));
        reset_token(&world.sign_in(WEB, "bob@mail.example", SECOND), "temporary_password");
        refused(&register("ada"), 409, "auth_password_already_configured");
        refused(&register("nobody"), 404, "user_not_found");
    }

    fn a_password_is_judged_without_being_set(engine) {
        let world = world_with(engine, &[("passwords.breach_list_url", "")]);
        let judged = |client: Client, body: Value| {
            let answer = world.post(client, "/v1/auth/password/validate", &body);
            assert_eq!(answer.status, 200, "{}", answer.text);
            let result = answer.json()["result"].clone();
            let codes: Vec<String> =
                result["errors"].as_array().expect("errors").iter().map(|one| one["code"].as_str().expect("a code").to_owned()).collect();
            assert_eq!(result["valid_password"], codes.is_empty());
            codes
        };
        assert_eq!(judged(WEB, json!({ "password": SECOND })), [""; 0]);
        let short = ["password_too_short", "password_too_few_kinds_of_characters", "password_too_easy_to_guess"];
        assert_eq!(judged(WEB, json!({ "password": "zebra" })), short);
        assert_eq!(judged(WEB, json!({ "password": FIRST, "username": "ada" })), ["password_recently_used"]);
        assert_eq!(judged(WEB, json!({ "password": FIRST })), [""; 0]);
        assert_eq!(judged(WEB, json!({ "password": FIRST, "email": "nobody@mail.example" })), [""; 0]);
        assert_eq!(judged(STRICT, json!({ "password": "dictionary7!" })), ["password_in_dictionary"]);
        assert!(judged(WEB, json!({ "password": "+14155550100", "username": "ada" })).contains(&"password_contains_identifier".to_owned()));
        let bare = world.post(BARE, "/v1/auth/password/validate", &json!({ "password": SECOND }));
        refused(&bare, 403, "auth_login_preferences_missing");
    }
}
