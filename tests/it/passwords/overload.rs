//! More sign-ins than the threads for passwords can take.

use std::thread;

use serde_json::json;

use super::*;
use crate::both_engines;

both_engines! {
    fn who_finds_the_queue_full_is_told_to_come_back_and_tokens_are_issued_all_the_same(engine) {
        // One thread, two places, and hashes that take a while.
        let slow = [
            ("passwords.hash_threads", "1"),
            ("passwords.queue", "2"),
            ("passwords.memory_kib", "65536"),
            ("passwords.iterations", "6"),
        ];
        let world = world_with(engine, &slow);
        let token = world.server.token(WEB, &CLIENT_CREDENTIALS).access_token();
        let before = world.compared();
        let answers: Vec<Answer> = thread::scope(|scope| {
            let sign_in = |number: usize| {
                let body = json!({ "username": format!("nobody-{number}"), "password": WRONG });
                Answer::to(world.server.request(Method::POST, AUTHENTICATE).bearer_auth(&token).json(&body))
            };
            let all: Vec<_> = (0..24).map(|number| scope.spawn(move || sign_in(number))).collect();
            for _ in 0..5 {
                assert_eq!(world.server.token(WEB, &CLIENT_CREDENTIALS).status, 200);
            }
            all.into_iter().map(|one| one.join().expect("no panic")).collect()
        });
        let (looked, sent_away): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 400);
        assert!(!looked.is_empty() && !sent_away.is_empty(), "{} and {}", looked.len(), sent_away.len());
        for answer in sent_away {
            refused(answer, 503, "temporarily_unavailable");
            let seconds: i64 = answer.header("retry-after").expect("when").parse().expect("a number");
            assert!((1..=60).contains(&seconds), "{seconds}");
            assert_eq!(world.server.record_of(answer)["outcome"], "failed");
        }
        assert_eq!(world.compared() - before, looked.len() as u64);
        assert_eq!(world.sign_in(WEB, "ada", FIRST).status, 200, "when all are done there is a place");
    }
}
