use super::*;
use crate::both_engines;

fn list(world: &World, client: (&str, &str), user: &str) -> Answer {
    let request = world.server.request(Method::GET, &format!("/v1/users/{user}/authenticators"));
    Answer::to(request.bearer_auth(world.backend(client)))
}

fn items(world: &World, client: (&str, &str)) -> Vec<Value> {
    let answer = list(world, client, &world.ada);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["result"].as_array().expect("result").clone()
}

both_engines! {
    fn what_a_user_can_sign_in_with_is_listed_with_its_locks(engine) {
        let world = World::new(engine);
        let (app, id) = world.registered(&world.ada, WEB_ID);
        let found = items(&world, WEB);
        let types: Vec<&str> = found.iter().filter_map(|item| item["type"].as_str()).collect();
        assert_eq!(types, ["totp", "email_otp"]);
        let totp = &found[0];
        assert_eq!((&totp["id"], &totp["user_id"], &totp["status"]), (&json!(id), &json!(world.ada), &json!("Active")));
        assert_eq!(
            totp["extra_data"],
            json!({ "digits": 6, "period": 30, "algorithm": "sha1", "issuer": "Web & Co", "email": ADA })
        );
        assert_eq!(totp.get("last_successful_authentication"), None);
        assert_eq!(found[1]["extra_data"], json!({ "email": ADA, "verified": false }));

        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
        for _ in 0..3 {
            refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
        }
        let found = items(&world, WEB);
        assert_eq!((&found[0]["status"], &found[1]["status"]), (&json!("Locked"), &json!("Active")));
        assert_eq!(found[0]["last_accessed_app_id"], WEB_ID);
        for stamp in ["registered_at", "last_successful_authentication", "last_failed_authentication"] {
            assert!(found[0][stamp].as_str().is_some_and(|text| text.ends_with('Z')), "{stamp} in {}", found[0]);
        }
        // The other application has none of its own.
        assert_eq!(items(&world, OTHER).len(), 1);
    }

    fn one_is_unlocked_by_its_id(engine) {
        let world = World::new(engine);
        let ((app, id), backend) = (world.registered(&world.ada, WEB_ID), world.backend(WEB));
        for _ in 0..3 {
            refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
        }
        let path = |id: &str| format!("/v1/users/{}/authenticators/{id}/unlock", world.ada);
        for unknown in ["5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f", "face:x"] {
            refused(&world, &post_nothing(&world.server, &backend, &path(unknown)), 404, "authenticator_not_found");
        }
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        let other_kind = path(&format!("email_otp:{}", world.ada));
        assert_eq!(post_nothing(&world.server, &backend, &other_kind).status, 204);
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        let answer = post_nothing(&world.server, &backend, &path(&id));
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        assert_eq!(world.server.record_of(&answer)["event"], "credential.changed");
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
    }

    fn only_those_who_may_and_only_users_of_their_application(engine) {
        let world = World::new(engine);
        let bob = world.user(WEB, &json!({ "email": BOB }));
        let token = world.user_token(&world.ada, WEB_ID);
        assert_eq!(list(&world, NOBODY, &world.ada).status, 403);
        assert_eq!(list(&world, OTHER, &bob).status, 404, "a user of another application");
        assert_eq!(list(&world, WEB, "nobody").status, 404);
        let unlock = |token: &str, path: &str, body: &Value| {
            post(&world.server, token, &format!("/v1/users/{bob}/authenticators/{path}"), body)
        };
        let (web, any) = (world.backend(WEB), json!({ "unlock_type": "any" }));
        refused(&world, &unlock(&token, "types/totp/unlock", &any), 403, "forbidden");
        refused(&world, &unlock(&world.backend(OTHER), "types/totp/unlock", &any), 404, "user_not_found");
        refused(&world, &unlock(&web, "types/face/unlock", &any), 400, "system_invalid_input");
        refused(&world, &unlock(&web, "types/totp/unlock", &json!({ "unlock_type": "some" })), 400, "system_invalid_input");
        assert_eq!(unlock(&web, "types/totp/unlock", &any).status, 204, "there is nothing to unlock");
    }
}
