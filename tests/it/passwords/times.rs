//! Passwords that are too old, and temporary ones.

use serde_json::json;

use super::*;
use crate::both_engines;

both_engines! {
    fn a_password_expires_at_its_second_and_leads_to_another_one(engine) {
        let world = world(engine);
        world.server.clock.advance(90 * DAY - 1);
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
        world.server.clock.advance(1);
        let answer = world.sign_in(WEB, "ada", FIRST);
        let token = reset_token(&answer, "password_expired");
        assert_eq!(answer.json()["mfa_required"], false);
        assert!(token.starts_with("tsp_"), "{token}");
        assert_eq!(world.sessions(), "1", "only that of before");
        assert_eq!(world.server.record_of(&answer)["reason"], "password_expired");
        // It is for whoever knows the password alone.
        refused(&world.sign_in(WEB, "ada", WRONG), 400, "auth_invalid_credentials");
        assert_eq!(world.redeem(&token, SECOND).status, 200);
        assert_eq!(world.sign_in(WEB, "ada", SECOND).status, 200);
        refused(&world.sign_in(WEB, "ada", FIRST), 400, "auth_invalid_credentials");
    }

    fn how_old_a_password_may_be_says_the_application_that_asks(engine) {
        let world = world(engine);
        world.joined_by(STRICT);
        world.server.clock.advance(30 * DAY);
        let answer = world.sign_in(STRICT, "ada@mail.example", FIRST);
        reset_token(&answer, "password_expired");
        assert_eq!(answer.json()["mfa_required"], true);
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
    }

    fn a_temporary_password_is_good_for_another_one_and_for_a_day(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "username": "bob" }));
        let set = world.post(WEB, &format!("/v1/users/{bob}/password"), &json!({ "password": SECOND }));
        assert_eq!(set.status, 201, "{}", set.text);
        let token = reset_token(&world.sign_in(WEB, "bob", SECOND), "temporary_password");
        world.server.clock.advance(DAY - 1);
        let last = reset_token(&world.sign_in(WEB, "bob", SECOND), "temporary_password");
        refused_by_number(&world.redeem(&token, THIRD), 403, "invalid_reset_token");
        world.server.clock.advance(1);
        let late = world.sign_in(WEB, "bob", SECOND);
        refused(&late, 400, "auth_invalid_credentials");
        assert_eq!(late.json().get("reset_token"), None);
        assert_eq!(world.server.record_of(&late)["detail"], "the temporary password is too old");
        // What was given out in time is good for its quarter of an hour.
        assert_eq!(world.redeem(&last, THIRD).status, 200);
        assert_eq!(world.sign_in(WEB, "bob", THIRD).status, 200);
    }

    fn a_password_may_be_good_for_ever(engine) {
        let world = world(engine);
        let forever = ENVIRONMENT.replace("passwordExpiresIn = 90", "passwordExpiresIn = 90\nignoreExpiration = true");
        world.server.apply(&forever);
        world.server.clock.advance(1000 * DAY);
        world.server.eventually("the change is known", || world.sign_in(WEB, "ada", FIRST).status == 200);
    }
}
