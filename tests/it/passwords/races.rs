//! A password that is changed while others use it.

use std::thread;

use super::*;
use crate::both_engines;

/// Does the same as often at once, while `change` is made; gives the answers.
fn while_changing(times: usize, act: impl Fn() -> Answer + Sync, change: impl FnOnce()) -> Vec<Answer> {
    thread::scope(|scope| {
        let all: Vec<_> = (0..times).map(|_| scope.spawn(&act)).collect();
        change();
        all.into_iter().map(|one| one.join().expect("no panic")).collect()
    })
}

both_engines! {
    fn no_session_of_the_password_before_outlives_its_change(engine) {
        let world = world(engine);
        let mut opened = 0;
        for (before, after) in [(FIRST, SECOND), (SECOND, THIRD), (THIRD, FOURTH)] {
            let sign_in = || world.sign_in(WEB, "ada", before);
            let answers = while_changing(4, sign_in, || {
                assert_eq!(world.replace(WEB, &world.ada, after).status, 200);
            });
            for answer in answers.iter().filter(|answer| answer.status == 200) {
                opened += 1;
                assert_eq!(world.refresh(answer).json()["error"], "invalid_grant");
            }
            answers.iter().filter(|answer| answer.status != 200).for_each(|answer| {
                refused(answer, 400, "auth_invalid_credentials");
            });
            let path = format!("/v1/auth/users/{}/sessions", world.ada);
            let open = world.call(Method::GET, KEEPER, &path, &Value::Null);
            assert_eq!((open.status.as_u16(), open.json()), (200, json!([])));
        }
        assert_eq!(world.sessions(), opened.to_string(), "nothing is stored of those that were refused");
        assert_eq!(world.sign_in(WEB, "ada", FOURTH).status, 200);
    }

    fn nobody_resets_a_new_password_by_the_one_before(engine) {
        let world = world(engine);
        for (before, after) in [(FIRST, SECOND), (SECOND, THIRD), (THIRD, FOURTH)] {
            let ask = || world.token_by_password(WEB, before, None);
            let answers = while_changing(4, ask, || {
                assert_eq!(world.replace(WEB, &world.ada, after).status, 200);
            });
            for answer in answers.iter().filter(|answer| answer.status == 200) {
                let token = answer.json()["result"].as_str().expect("a token").to_owned();
                refused_by_number(&world.redeem(&token, WRONG), 403, "invalid_reset_token");
            }
        }
        assert_eq!(world.sign_in(WEB, "ada", FOURTH).status, 200);
    }
}
