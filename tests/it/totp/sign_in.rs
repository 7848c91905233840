use serde_json::json;

use super::*;
use crate::{both_engines, support::tokens::peek};

both_engines! {
    fn a_code_of_the_app_signs_the_user_in(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        let body = signed_in(&world, &world.sign_in(&app.code_at(world.now())));
        assert_eq!((&body["token_type"], &body["expires_in"]), (&json!("Bearer"), &json!(3600)));
        assert!(body["session_id"].as_str().is_some_and(|id| id.starts_with("tss_")));
        let id_token = peek(body["id_token"].as_str().expect("id_token"));
        assert_eq!((&id_token["sub"], &id_token["amr"]), (&json!(world.ada), &json!(["totp"])));
        assert_eq!(id_token.get("approval_data"), None);
        // What came of it is a user's token, which goes on to register another one.
        let token = body["access_token"].as_str().expect("access_token");
        let answer = post(&world.server, token, REGISTER, &json!({ "allow_override": true }));
        assert_eq!(answer.status, 201, "{}", answer.text);
    }

    fn the_user_is_named_in_four_ways(engine) {
        let world = World::new(engine);
        let user = json!({ "email": BOB, "phone_number": "+14155550100", "username": "bob" });
        let bob = world.user(WEB, &user);
        let (app, backend) = (world.app(&bob, WEB_ID), world.backend(WEB));
        let named = [("email", BOB), ("phone_number", "+14155550100"), ("username", "bob"), ("user_id", bob.as_str())];
        for (kind, name) in named {
            let body = json!({ "identifier_type": kind, "identifier": name, "token": app.code_at(world.now()) });
            signed_in(&world, &post(&world.server, &backend, AUTHENTICATE, &body));
            world.server.clock.advance(30);
        }
        let body = json!({ "identifier_type": "external_user_id", "identifier": "bob", "token": "123456" });
        refused(&world, &post(&world.server, &backend, AUTHENTICATE, &body), 400, "system_invalid_input");
    }

    fn a_code_is_good_to_the_last_second_of_the_window_and_no_more_than_one_step_before_its_first(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        world.begin_step(30);
        refused(&world, &world.sign_in(&app.code_at(world.now() + 60)), 400, "auth_invalid_credentials");
        let code = app.code_at(world.now());
        world.server.clock.advance(59);
        signed_in(&world, &world.sign_in(&code));
        let code = app.code_at(world.now());
        world.server.clock.advance(31);
        refused(&world, &world.sign_in(&code), 400, "auth_invalid_credentials");

        // A right one forgets the failure, which would count in the other application too.
        world.server.clock.advance(30);
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));

        // Another application: a window of nothing, SHA-256, eight digits and a minute.
        let (app, backend) = (world.app(&world.ada, OTHER_ID), world.backend(OTHER));
        assert_eq!(app.period, 60);
        world.begin_step(60);
        let first = app.code_at(world.now());
        assert_eq!(first.len(), 8);
        world.server.clock.advance(60);
        refused(&world, &sign_in_at(&world.server, &backend, ADA, &first), 400, "auth_invalid_credentials");
        let code = app.code_at(world.now());
        world.server.clock.advance(59);
        signed_in(&world, &sign_in_at(&world.server, &backend, ADA, &code));
    }

    fn a_device_whose_clock_is_a_step_ahead_signs_in_once(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        world.begin_step(30);
        let (present, next) = (app.code_at(world.now()), app.code_at(world.now() + 30));
        signed_in(&world, &world.sign_in(&next));
        // The step is used up, at once and when its time has come, and so is the one before it.
        for seconds in [0, 30] {
            world.server.clock.advance(seconds);
            refused(&world, &world.sign_in(&next), 400, "auth_invalid_credentials");
            refused(&world, &world.sign_in(&present), 400, "auth_invalid_credentials");
            world.server.database.execute("DELETE FROM authenticator_attempts");
        }
    }

    fn a_code_is_read_as_people_type_it(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        for between in ["", " ", "-", "\u{a0}", "\u{2011}", "\u{200b}"] {
            world.begin_step(30);
            let code = app.code_at(world.now());
            signed_in(&world, &world.sign_in(&format!(" {}{between}{}\r\n", &code[..3], &code[3..])));
            world.server.clock.advance(30);
        }
        let code: String = app.code_at(world.now()).bytes().filter_map(|b| char::from_u32(0xff10 + u32::from(b - b'0'))).collect();
        signed_in(&world, &world.sign_in(&code));
    }

    fn what_has_not_the_form_of_a_code_is_no_guess(engine) {
        let world = World::new(engine);
        let app = world.app(&world.ada, WEB_ID);
        let known = "SELECT CAST(COALESCE(SUM(failures), 0) AS TEXT) AS value FROM authenticator_attempts";
        for slip in ["1", "12345", "1234567", "123456789", "12345O", "ada@mail.example", "123.456", "-"] {
            for email in [ADA, "nobody@mail.example"] {
                let answer = sign_in_at(&world.server, &world.backend(WEB), email, slip);
                refused(&world, &answer, 400, "auth_invalid_credentials");
                let body = json!({ "identifier_type": "email", "identifier": email, "token": format!("654321{slip}") });
                if ![1, 2, 6, 8].contains(&slip.len()) {
                    let path = "/v1/auth/totp/transaction/authenticate";
                    let answer = post(&world.server, &world.backend(WEB), path, &body);
                    refused(&world, &answer, 400, "auth_invalid_credentials");
                }
            }
        }
        assert_eq!(world.server.database.value(known), "0");
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
    }

    fn nobody_learns_who_there_is(engine) {
        let world = World::new(engine);
        world.app(&world.ada, WEB_ID);
        let (disabled, backend) = (world.user(WEB, &json!({ "email": "eve@mail.example" })), world.backend(WEB));
        world.app(&disabled, WEB_ID);
        world.server.database.execute(&format!("UPDATE users SET enabled = {} WHERE id = '{disabled}'",
            if engine == Engine::Sqlite { "0" } else { "false" }));
        world.user(WEB, &json!({ "email": BOB }));
        world.user(OTHER, &json!({ "email": "elsewhere@mail.example" }));
        let mut answers = Vec::new();
        for email in [ADA, BOB, "eve@mail.example", "elsewhere@mail.example", "nobody@mail.example", "no address", "a\0b"] {
            let of_one: Vec<(u16, String)> = (0..5)
                .map(|_| {
                    let answer = sign_in_at(&world.server, &backend, email, "000000");
                    (answer.status.as_u16(), answer.text)
                })
                .collect();
            assert_eq!(of_one.iter().map(|(status, _)| *status).collect::<Vec<_>>(), [400, 400, 400, 403, 403], "{email:?}");
            answers.push(of_one);
        }
        assert!(answers.iter().all(|of_one| *of_one == answers[0]), "{answers:?}");
        let holders = world.server.database.texts("SELECT holder AS text FROM authenticator_attempts");
        assert!(holders.iter().all(|holder| !holder.contains("mail.example")), "{holders:?}");
    }

    fn a_second_factor_joins_the_users_own_session_and_nobody_elses(engine) {
        let world = World::new(engine);
        let backend = world.backend(WEB);
        let bob = world.user(WEB, &json!({ "email": BOB }));
        let (app, bobs) = (world.app(&world.ada, WEB_ID), world.app(&bob, WEB_ID));
        let session = signed_in(&world, &world.sign_in(&app.code_at(world.now())))["session_id"].clone();
        world.server.clock.advance(30);
        let join = |email: &str, code: String, session: &Value| {
            let body = json!({ "identifier": email, "token": code, "session_id": session });
            post(&world.server, &backend, AUTHENTICATE, &body)
        };
        let again = signed_in(&world, &join(ADA, app.code_at(world.now()), &session));
        assert_eq!(again["session_id"], session);
        let answer = join(BOB, bobs.code_at(world.now()), &session);
        refused(&world, &answer, 400, "session_not_found");
        let answer = join(BOB, bobs.code_at(world.now()), &json!("tss_nothing"));
        refused(&world, &answer, 400, "session_not_found");
    }

    fn only_backends_of_applications_with_authenticator_apps_may_ask(engine) {
        let world = World::new(engine);
        let body = json!({ "identifier": ADA, "token": "123456" });
        let ask = |token: &str| post(&world.server, token, AUTHENTICATE, &body);
        refused(&world, &ask(&world.backend(BARE)), 403, "auth_login_preferences_missing");
        refused(&world, &ask(&world.backend(NOBODY)), 403, "forbidden");
        refused(&world, &ask(&world.user_token(&world.ada, WEB_ID)), 403, "forbidden");
        refused(&world, &ask("nonsense"), 401, "unauthorized");
        for bad in [json!({ "token": "1" }), json!({ "identifier": ADA }), json!({ "identifier": ADA, "token": 123_456 })] {
            refused(&world, &post(&world.server, &world.backend(WEB), AUTHENTICATE, &bad), 400, "system_invalid_input");
        }
        assert_eq!(world.server.database.texts("SELECT holder AS text FROM authenticator_attempts"), [""; 0]);
    }
}
