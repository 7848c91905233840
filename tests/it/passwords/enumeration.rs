//! Nobody learns from an answer, or from the time that it takes, who there is.

use serde_json::json;

use super::*;
use crate::both_engines;

both_engines! {
    fn whoever_is_named_answer_and_work_are_the_same(engine) {
        let world = world(engine);
        world.user(WEB, json!({ "username": "bob" }));
        let eve = world.user(WEB, json!({ "username": "eve" }));
        world.password(WEB, &eve, SECOND);
        let disabled = world.call(Method::PUT, WEB, &format!("/v1/users/{eve}"), &json!({ "status": "Disabled" }));
        assert_eq!(disabled.status, 200, "{}", disabled.text);
        let elsewhere = world.user(STRICT, json!({ "email": "kim@mail.example" }));
        assert_ne!(elsewhere, eve);
        let tries = [
            ("nobody", FIRST, "there is no such user, or the user is disabled"),
            ("no\u{0}body", FIRST, "there is no such user, or the user is disabled"),
            ("bob", FIRST, "the user has no password"),
            ("ada", WRONG, "the password is wrong"),
            ("eve", SECOND, "there is no such user, or the user is disabled"),
            ("kim@mail.example", FIRST, "there is no such user, or the user is disabled"),
        ];
        for (name, password, why) in tries {
            let (compared, worked) = (world.compared(), world.worked());
            let answer = world.sign_in(WEB, name, password);
            let expected = json!({ "error_code": "auth_invalid_credentials", "message": "Invalid credentials" });
            assert_eq!((answer.status.as_u16(), answer.json()), (400, expected), "{name}");
            assert_eq!(answer.header("retry-after"), None);
            assert_eq!(world.compared() - compared, 1, "{name}: one comparison");
            assert_eq!(world.worked() - worked, 1, "{name}: and nothing else");
            let record = world.server.record_of(&answer);
            assert_eq!(
                (&record["event"], &record["reason"], &record["detail"]),
                (&json!("user.authentication_refused"), &json!("auth_invalid_credentials"), &json!(why))
            );
        }
        assert_eq!(world.sessions(), "0");
    }

    fn identifiers_that_are_nobodys_lock_like_those_of_users(engine) {
        let world = world(engine);
        for name in ["ada", "nobody", "NOBODY"] {
            let codes: Vec<String> = (0..7)
                .map(|_| world.sign_in(WEB, name, WRONG).json()["error_code"].as_str().expect("a code").to_owned())
                .collect();
            let looks = if name == "NOBODY" { 0 } else { 5 };
            let looked = codes.iter().filter(|code| *code == "auth_invalid_credentials").count();
            let locked = codes.iter().filter(|code| *code == "auth_locked").count();
            assert_eq!((looked, locked), (looks, 7 - looks), "{name}: {codes:?}");
        }
    }

    fn a_password_of_a_mebibyte_is_refused_without_a_hash(engine) {
        let world = world(engine);
        let before = world.worked();
        for (length, status) in [(1024 * 1024, 413), (1025, 400), (129, 400), (0, 400)] {
            let long = "x".repeat(length);
            let answer = world.sign_in(WEB, "ada", &long);
            assert_eq!(answer.status, status, "{length}");
            assert!(!answer.text.contains("xxxx"), "{}", answer.text);
            for (path, body) in [
                ("/v1/auth/password/validate".to_owned(), json!({ "password": long })),
                ("/v1/auth/password/register".to_owned(), json!({ "username": "ada", "password": long })),
                (format!("/v1/users/{}/password", world.ada), json!({ "password": long })),
            ] {
                let answer = world.post(WEB, &path, &body);
                // Of a user who has a password it is not even asked for.
                assert!([status, 409].contains(&answer.status.as_u16()), "{path}: {}", answer.text);
            }
            assert_eq!(world.replace(WEB, &world.ada, &long).status, status);
            assert_eq!(world.token_by_password(WEB, &long, None).status, status);
        }
        assert_eq!(world.worked(), before, "nothing was hashed, compared or judged");
        let tried = world.server.database.value("SELECT CAST(count(*) AS text) AS value FROM authenticator_attempts");
        assert_eq!(tried, "0", "and no guess was counted");
    }
}
