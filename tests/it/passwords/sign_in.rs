//! Signing in.

use serde_json::json;

use super::*;
use crate::{both_engines, support::tokens::peek};

both_engines! {
    fn a_user_signs_in_under_each_name(engine) {
        let world = world(engine);
        for (name, kind) in [
            ("ada", None),
            ("ADA", Some("username")),
            ("ada@mail.example", None),
            ("Ada@Mail.Example", Some("email")),
            ("+14155550100", Some("phone_number")),
            (&world.ada.clone(), Some("user_id")),
        ] {
            let mut body = json!({ "username": name, "password": FIRST });
            if let Some(kind) = kind {
                body["username_type"] = kind.into();
            }
            let answer = world.post(WEB, AUTHENTICATE, &body);
            let claims = peek(&answer.access_token());
            assert_eq!((&claims["sub"], &claims["amr"]), (&json!(world.ada), &json!(["pwd"])), "{name}");
            let record = world.server.record_of(&answer);
            assert_eq!((&record["event"], &record["subject"]), (&json!("user.authenticated"), &json!(world.ada)));
            assert_eq!(record["detail"], "pwd");
        }
        assert_eq!(world.sessions(), "6");
    }

    fn the_same_text_typed_in_another_way_is_the_same_password(engine) {
        let world = world(engine);
        let composed = "Cr\u{e8}me-br\u{fb}l\u{e9}e-7-orbit";
        let decomposed = "Cre\u{300}me-bru\u{302}le\u{301}e-7-orbit";
        assert_eq!(world.replace(WEB, &world.ada, composed).status, 200);
        assert_eq!(world.sign_in(WEB, "ada", decomposed).status, 200);
        refused(&world.sign_in(WEB, "ada", "Creme-brulee-7-orbit"), 400, "auth_invalid_credentials");
    }

    fn an_application_without_passwords_signs_nobody_in_with_one(engine) {
        let world = world(engine);
        world.joined_by(BARE);
        let before = world.worked();
        let answer = world.post(BARE, AUTHENTICATE, &json!({ "username": "ada@mail.example", "password": FIRST }));
        refused(&answer, 403, "auth_login_preferences_missing");
        assert_eq!((world.worked(), world.sessions()), (before, "0".to_owned()));
    }

    fn a_client_without_the_permission_is_refused_before_anything(engine) {
        let world = world(engine);
        let before = world.worked();
        refused(&world.sign_in(READER, "ada", FIRST), 403, "forbidden");
        assert_eq!((world.worked(), world.sessions()), (before, "0".to_owned()));
    }

    fn a_user_of_two_applications_has_one_password(engine) {
        let world = world(engine);
        world.joined_by(STRICT);
        let answer = world.sign_in(STRICT, "ada@mail.example", FIRST);
        assert_eq!(answer.status, 200, "{}", answer.text);
        // The user name is the first application's own.
        refused(&world.sign_in(STRICT, "ada", FIRST), 400, "auth_invalid_credentials");
    }

    fn a_session_of_another_user_takes_no_password(engine) {
        let world = world(engine);
        let bob = world.user(WEB, json!({ "username": "bob" }));
        world.password(WEB, &bob, SECOND);
        let session = world.sign_in(WEB, "ada", FIRST).json()["session_id"].clone();
        let body = json!({ "username": "bob", "password": SECOND, "session_id": session });
        refused(&world.post(WEB, AUTHENTICATE, &body), 400, "session_not_found");
        let body = json!({ "username": "ada", "password": FIRST, "session_id": session });
        assert_eq!(world.post(WEB, AUTHENTICATE, &body).status, 200);
        assert_eq!(world.sessions(), "1");
    }

    fn a_password_is_hashed_anew_at_the_next_sign_in_when_the_settings_have_changed(engine) {
        let world = world(engine);
        let kept = || world.server.database.value("SELECT hash AS value FROM passwords");
        let first = kept();
        assert!(first.starts_with("$argon2id$v=19$m=7168,t=1,p=1$"), "{first}");
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200);
        assert_eq!(kept(), first);
        let changed = world.server.another_node_with(&[("passwords.iterations", "2")]);
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        let sign_in = |password: &str| {
            let body = json!({ "username": "ada", "password": password });
            Answer::to(changed.request(Method::POST, AUTHENTICATE).bearer_auth(&token).json(&body))
        };
        refused(&sign_in(WRONG), 400, "auth_invalid_credentials");
        assert_eq!(kept(), first, "a wrong password changes nothing");
        assert_eq!(sign_in(FIRST).status, 200);
        let second = kept();
        assert!(second.starts_with("$argon2id$v=19$m=7168,t=2,p=1$"), "{second}");
        assert_eq!(sign_in(FIRST).status, 200);
        assert_eq!(kept(), second);
        assert_eq!(world.server.database.value("SELECT CAST(count(*) AS text) AS value FROM password_history"), "0");
    }
}
