use serde_json::json;

use super::*;
use crate::both_engines;

fn count(world: &World) -> usize {
    world.server.database.texts("SELECT id AS text FROM totp_authenticators").len()
}

both_engines! {
    fn the_secret_is_shown_once_and_kept_sealed(engine) {
        let world = World::new(engine);
        let token = world.user_token(&world.ada, WEB_ID);
        let answer = post(&world.server, &token, REGISTER, &json!({ "device_id": "a phone" }));
        assert_eq!(answer.status, 201, "{}", answer.text);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let body = answer.json();
        let (secret, uri) = (body["secret"].as_str().expect("secret"), body["uri"].as_str().expect("uri"));
        assert_eq!(secret.len(), 32, "160 bits in base 32");
        assert!(uri.starts_with("otpauth://totp/Web%20%26%20Co:ada%40mail.example?secret="), "{uri}");
        assert!(uri.contains(&format!("secret={secret}&issuer=Web%20%26%20Co")), "{uri}");
        let record = world.server.record_of(&answer);
        assert_eq!((&record["event"], &record["subject"]), (&json!("credential.changed"), &json!(world.ada)), "{record}");
        assert!(!record.to_string().contains(secret));
        let column = if engine == Engine::Sqlite { "hex(secret)" } else { "upper(encode(secret, 'hex'))" };
        let kept = world.server.database.value(&format!("SELECT {column} AS value FROM totp_authenticators"));
        assert_eq!(kept.len(), 2 * (1 + 12 + 20 + 16), "version, nonce, secret, tag");
    }

    fn the_label_is_what_was_asked_for_or_the_first_name_that_there_is(engine) {
        let world = World::new(engine);
        let users = [
            (json!({ "email": "a@mail.example", "username": "a", "phone_number": "+14155550101" }), "a@mail.example"),
            (json!({ "username": "b", "phone_number": "+14155550102" }), "b"),
            (json!({ "phone_number": "+14155550103" }), "+14155550103"),
        ];
        for (user, label) in users {
            let id = world.user(WEB, &user);
            assert_eq!(world.app(&id, WEB_ID).label, label);
        }
        let token = world.user_token(&world.ada, WEB_ID);
        let answer = post(&world.server, &token, REGISTER, &json!({ "label": "My phone & I" }));
        let app = AuthenticatorApp::of_uri(answer.json()["uri"].as_str().expect("uri"));
        assert_eq!((app.label.as_str(), app.issuer.as_str()), ("My phone & I", "Web & Co"));
        for bad in ["", "Bank:ada", "a\nb", "a\u{0}b", &"x".repeat(255), &"ö".repeat(200)] {
            let answer = post(&world.server, &token, REGISTER, &json!({ "label": bad, "allow_override": true }));
            refused(&world, &answer, 400, "system_invalid_input");
        }
    }

    fn a_second_one_replaces_the_first_only_if_that_was_said(engine) {
        let world = World::new(engine);
        let (first, token) = (world.app(&world.ada, WEB_ID), world.user_token(&world.ada, WEB_ID));
        // The alias is the same operation.
        let answer = post(&world.server, &token, "/v1/users/me/totp", &json!({}));
        refused(&world, &answer, 409, "auth_totp_already_registered");
        let answer = post(&world.server, &token, "/v1/users/me/totp", &json!({ "allow_override": true }));
        assert_eq!(answer.status, 201, "{}", answer.text);
        let second = AuthenticatorApp::of_uri(answer.json()["uri"].as_str().expect("uri"));
        assert_eq!(count(&world), 1);
        refused(&world, &world.sign_in(&first.code_at(world.now())), 400, "auth_invalid_credentials");
        signed_in(&world, &world.sign_in(&second.code_at(world.now())));
    }

    fn with_room_for_several_each_of_them_signs_in_and_then_there_is_no_room(engine) {
        let world = World::new(engine);
        let (backend, token) = (world.backend(OTHER), world.user_token(&world.ada, OTHER_ID));
        let apps = [world.app(&world.ada, OTHER_ID), world.app(&world.ada, OTHER_ID)];
        for override_it in [false, true] {
            let answer = post(&world.server, &token, REGISTER, &json!({ "allow_override": override_it }));
            refused(&world, &answer, 409, "auth_totp_already_registered");
        }
        for app in &apps {
            signed_in(&world, &sign_in_at(&world.server, &backend, ADA, &app.code_at(world.now())));
        }
        assert_eq!(count(&world), 2);
    }

    fn of_those_who_register_at_once_no_more_get_through_than_there_is_room(engine) {
        let world = World::new(engine);
        let token = world.user_token(&world.ada, OTHER_ID);
        let nodes = [world.server.another_node(), world.server.another_node()];
        let created: usize = std::thread::scope(|scope| {
            let all: Vec<_> = (0..8)
                .map(|number| {
                    let (node, token) = (&nodes[number % 2], &token);
                    scope.spawn(move || usize::from(post(node, token, REGISTER, &json!({})).status == 201))
                })
                .collect();
            all.into_iter().map(|one| one.join().expect("no panic")).sum()
        });
        assert_eq!((created, count(&world)), (2, 2));
    }

    fn nobody_registers_for_a_user_but_that_user(engine) {
        let world = World::new(engine);
        let good = json!({ "sub": world.ada, "applicationId": WEB_ID });
        let register = |token: &str| post(&world.server, token, REGISTER, &json!({}));
        for (changes, status, code) in [
            // A service that was given a delegated token could otherwise add a way to sign in as the user.
            (json!({ "act": { "sub": "calendar-service", "iss": world.server.url } }), 403, "forbidden"),
            (json!({ "aud": "resource-api" }), 403, "forbidden"),
            // There is no such service account.
            (json!({ "subjectType": "ServiceAccount" }), 401, "unauthorized"),
            (json!({ "iss": "https://id.example.com" }), 401, "unauthorized"),
            (json!({ "exp": 1 }), 401, "unauthorized"),
            (json!({ "applicationId": null }), 404, "app_not_found"),
            (json!({ "applicationId": "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f" }), 401, "unauthorized"),
        ] {
            let token = world.user_token_with(&with(&good, &changes));
            refused(&world, &register(&token), status, code);
        }
        refused(&world, &register(&world.backend(WEB)), 403, "forbidden");
        let claims = with(&claims(&world.server, "userid-api", "web", ""), &good);
        refused(&world, &register(&Forge::attacker().token(&claims)), 401, "unauthorized");
        // A user of this environment, at the issuer of another one.
        world.server.apply("[environment]\nname = \"second\"\n");
        let second = "SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'";
        let path = format!("{}{REGISTER}", world.server.database.value(second));
        let token = world.user_token(&world.ada, WEB_ID);
        let mut status = 0;
        world.server.eventually("the new environment to be known", || {
            status = post(&world.server, &token, &path, &json!({})).status.as_u16();
            status != 404
        });
        assert_eq!(status, 401);
        // A user who is not of this application.
        let bob = world.user(WEB, &json!({ "email": BOB }));
        refused(&world, &register(&world.user_token(&bob, OTHER_ID)), 404, "user_not_found");
        assert_eq!(count(&world), 0);
    }
}
