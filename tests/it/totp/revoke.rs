use super::*;
use crate::both_engines;

both_engines! {
    fn a_revoked_app_signs_nobody_in(engine) {
        let world = World::new(engine);
        let (app, at_other) = (world.app(&world.ada, WEB_ID), world.app(&world.ada, OTHER_ID));
        let token = world.user_token(&world.ada, WEB_ID);
        for _ in 0..2 {
            let answer = post_nothing(&world.server, &token, "/v1/users/me/totp/revoke");
            assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
            assert_eq!(world.server.record_of(&answer)["event"], "credential.changed");
        }
        refused(&world, &world.sign_in(&app.code_at(world.now())), 400, "auth_invalid_credentials");
        let backend = world.backend(OTHER);
        signed_in(&world, &sign_in_at(&world.server, &backend, ADA, &at_other.code_at(world.now())));
        // There is room again.
        let app = world.app(&world.ada, WEB_ID);
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
    }

    fn a_backend_revokes_one_or_all_of_its_users(engine) {
        let world = World::new(engine);
        let ((app, id), backend) = (world.registered(&world.ada, WEB_ID), world.backend(WEB));
        let revoke = |user: &str, body: &Value| post(&world.server, &backend, &format!("/v1/users/{user}/totp/revoke"), body);
        let unknown = "5f0c8d1e-3b4a-4c6d-8e9f-0a1b2c3d4e5f";
        refused(&world, &revoke(unknown, &json!({})), 404, "user_not_found");
        refused(&world, &revoke(&world.ada, &json!({ "authenticator_id": unknown })), 404, "authenticator_not_found");
        let bob = world.user(WEB, &json!({ "email": BOB }));
        refused(&world, &revoke(&bob, &json!({ "authenticator_id": id })), 404, "authenticator_not_found");
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
        assert_eq!(revoke(&world.ada, &json!({ "authenticator_id": id })).status, 204);
        world.server.clock.advance(30);
        refused(&world, &world.sign_in(&app.code_at(world.now())), 400, "auth_invalid_credentials");
        let app = world.app(&world.ada, WEB_ID);
        let answer = post_nothing(&world.server, &backend, &format!("/v1/users/{}/totp/revoke", world.ada));
        assert_eq!(answer.status, 204, "{}", answer.text);
        refused(&world, &world.sign_in(&app.code_at(world.now())), 400, "auth_invalid_credentials");
        // Not without the permission, and not with a user's token.
        let path = format!("/v1/users/{}/totp/revoke", world.ada);
        for token in [world.backend(OTHER), world.user_token(&world.ada, WEB_ID)] {
            refused(&world, &post(&world.server, &token, &path, &json!({})), 403, "forbidden");
        }
    }

    fn a_locked_user_is_unlocked_by_a_backend(engine) {
        let world = World::new(engine);
        let (app, backend) = (world.app(&world.ada, WEB_ID), world.backend(WEB));
        for _ in 0..3 {
            refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
        }
        refused(&world, &world.sign_in(&app.code_at(world.now())), 403, "auth_locked");
        let path = format!("/v1/users/{}/totp/unlock", world.ada);
        refused(&world, &post_nothing(&world.server, &world.backend(BARE), &path), 403, "forbidden");
        let answer = post_nothing(&world.server, &backend, &path);
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        let record = world.server.record_of(&answer);
        assert_eq!((&record["subject"], &record["detail"]), (&json!(world.ada), &json!("totp unlocked")), "{record}");
        signed_in(&world, &world.sign_in(&app.code_at(world.now())));
    }

    fn a_deleted_user_takes_everything_along(engine) {
        let world = World::new(engine);
        let (app, backend) = (world.app(&world.ada, WEB_ID), world.backend(WEB));
        refused(&world, &world.sign_in(&app.wrong_code_at(world.now())), 400, "auth_invalid_credentials");
        let path = format!("/v1/manage/users/{}", world.ada);
        let deleted = Answer::to(world.server.request(Method::DELETE, &path).bearer_auth(&backend));
        assert_eq!(deleted.status, 204, "{}", deleted.text);
        for table in ["totp_authenticators", "authenticator_attempts"] {
            assert_eq!(world.server.database.texts(&format!("SELECT 'x' AS text FROM {table}")), [""; 0], "{table}");
        }
        let answer = sign_in_at(&world.server, &backend, ADA, &app.code_at(world.now()));
        refused(&world, &answer, 400, "auth_invalid_credentials");
    }
}
