//! Passwords of users who are made with one, and what is shown of a password.

use serde_json::{Value, json};

use super::*;
use crate::both_engines;

fn newcomer(credentials: Value) -> Value {
    json!({ "email": "bob@mail.example", "username": "bob", "credentials": credentials })
}

fn users(world: &World) -> String {
    world.server.database.value("SELECT CAST(count(*) AS text) AS value FROM users")
}

both_engines! {
    fn a_user_is_made_with_a_password(engine) {
        let world = world(engine);
        let made = world.post(WEB, "/v1/users", &newcomer(json!({ "password": SECOND, "force_replace": false })));
        assert_eq!(made.status, 201, "{}", made.text);
        let user = &made.json()["result"];
        let information = &user["password_information"];
        assert_eq!((&information["temporary"], &information["expired"]), (&json!(false), &json!(false)));
        assert_eq!(information["updated_at"], user["created_at"]);
        assert_eq!(world.sign_in(WEB, "bob", SECOND).status, 200);
        assert!(!world.server.record_of(&made).to_string().contains(SECOND));
        let path = format!("/v1/users/{}", user["user_id"].as_str().expect("an id"));
        for (moment, expired) in [(90 * DAY - 1, false), (1, true)] {
            world.server.clock.advance(moment);
            let read = world.call(Method::GET, WEB, &path, &Value::Null).json();
            assert_eq!(read["result"]["password_information"]["expired"], expired);
            let listed = world.call(Method::GET, WEB, "/v1/users", &Value::Null).json();
            let found = listed["result"].as_array().expect("users").iter().find(|one| one["username"] == "bob");
            assert_eq!(found.expect("bob")["password_information"], read["result"]["password_information"]);
        }
    }

    fn without_another_word_the_password_is_temporary(engine) {
        let world = world(engine);
        let made = world.post(WEB, "/v1/users", &newcomer(json!({ "password": SECOND })));
        assert_eq!((made.status.as_u16(), &made.json()["result"]["password_information"]["temporary"]), (201, &json!(true)));
        let answer = world.sign_in(WEB, "bob", SECOND);
        assert!(answer.status == 403 && answer.json()["reset_token"].is_string(), "{}", answer.text);
    }

    fn a_password_that_is_not_taken_makes_no_user(engine) {
        let world = world(engine);
        for (password, status, code) in [
            ("short", 400, "auth_password_weak"),
            ("bob@mail.example", 400, "auth_password_weak"),
            (&"x".repeat(1025)[..], 400, "system_invalid_input"),
        ] {
            let answer = world.post(WEB, "/v1/users", &newcomer(json!({ "password": password })));
            refused_by_number(&answer, status, code);
        }
        let unknown = world.post(WEB, "/v1/users", &newcomer(json!({ "password": SECOND, "hash": "x" })));
        assert_eq!(unknown.status, 400, "{}", unknown.text);
        refused_by_number(&world.post(BARE, "/v1/users", &newcomer(json!({ "password": SECOND }))), 400, "auth_password_policy_disabled");
        assert_eq!(users(&world), "1");
    }

    fn nobody_gets_a_new_password_by_being_made_again(engine) {
        let world = world(engine);
        // As the sign-up page of another application does for somebody who knows Ada's address.
        let body = json!({ "email": "ada@mail.example", "credentials": { "password": SECOND, "force_replace": false } });
        refused_by_number(&world.post(WEB, "/v1/users", &body), 409, "identifier_is_taken");
        let before = world.call(Method::GET, WEB, &format!("/v1/users/{}", world.ada), &Value::Null).json();
        world.server.clock.advance(MINUTE);
        let joined = world.post(STRICT, "/v1/users", &body);
        let information = &joined.json()["result"]["password_information"];
        assert_eq!((joined.status.as_u16(), &joined.json()["result"]["user_id"]), (201, &json!(world.ada)));
        assert_eq!(information["updated_at"], before["result"]["password_information"]["updated_at"]);
        for client in [WEB, STRICT] {
            refused(&world.sign_in(client, "ada@mail.example", SECOND), 400, "auth_invalid_credentials");
            assert_eq!(world.sign_in(client, "ada@mail.example", FIRST).status, 200);
        }
    }
}
