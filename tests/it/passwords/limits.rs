//! How often passwords are looked at for whoever shows nothing else.

use serde_json::json;

use super::*;
use crate::both_engines;

const VALIDATE: &str = "/v1/auth/password/validate";

#[track_caller]
fn held_back(answer: &Answer) {
    assert_eq!(answer.status, 429, "{}", answer.text);
    assert!(answer.headers.contains_key("retry-after") && answer.json().get("result").is_none(), "{}", answer.text);
}

both_engines! {
    fn whether_a_password_is_the_present_one_is_said_no_more_often_than_at_the_sign_in(engine) {
        let world = world(engine);
        let ask = |password: &str| world.post(WEB, VALIDATE, &json!({ "username": "ada", "password": password }));
        for password in [SECOND, THIRD, FOURTH, WRONG, FIRST] {
            assert_eq!(ask(password).json()["result"]["valid_password"], password != FIRST);
        }
        let before = world.compared();
        held_back(&ask(FIRST));
        assert_eq!(world.compared(), before, "nothing is looked at");
        // What cannot be a password of the user says nothing of the present one, and whoever names nobody learns nothing.
        assert_eq!(ask("short").json()["result"]["valid_password"], false);
        assert_eq!(world.post(WEB, VALIDATE, &json!({ "password": FIRST })).json()["result"]["valid_password"], true);
        world.server.clock.advance(15 * MINUTE);
        assert_eq!(ask(FIRST).json()["result"]["valid_password"], false);
    }

    fn without_a_token_a_network_has_so_many_passwords_a_minute(engine) {
        let world = world(engine);
        // After five she is locked, and nothing is hashed.
        for _ in 0..300 {
            let answer = world.token_by_password(WEB, WRONG, None);
            assert!(answer.status == 400 || answer.status == 403, "{}", answer.text);
        }
        held_back(&world.token_by_password(WEB, FIRST, None));
        world.server.clock.advance(20 * MINUTE);
        assert_eq!(world.token_by_password(WEB, FIRST, None).status, 200);
    }
}
