//! `kill -9` under load: what was handed out is on record, and what was handed out before goes on to work.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    both_engines,
    support::{ACCESS_TOKEN, BFF, EXCHANGE, Installation, Process, eventually, tokens::peek},
};

fn exchange(server: &Process, subject: &str) -> crate::support::Answer {
    let form = [
        ("grant_type", EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", "resource-api"),
    ];
    server.token(BFF, &form)
}

/// Asks for tokens from four threads until the server is gone; gives the `jti` of every token that was answered.
fn load_until_killed(server: &mut Process) -> BTreeSet<String> {
    let issued = std::sync::Mutex::new(BTreeSet::new());
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Ok(answer) = server.try_token(BFF, &[("grant_type", "client_credentials")]) {
                    let jti = peek(&answer.access_token())["jti"].as_str().expect("jti").to_owned();
                    issued.lock().expect("no panic").insert(jti);
                }
                assert!(killed.load(Ordering::SeqCst), "no answer, although the server runs");
            });
        }
        eventually("some load", Duration::from_secs(20), || issued.lock().expect("no panic").len() > 40);
        killed.store(true, Ordering::SeqCst);
        server.signal("KILL");
    });
    server.wait();
    issued.into_inner().expect("no panic")
}

both_engines! {
    fn after_a_crash_every_answered_request_is_on_record_and_old_tokens_work(engine) {
        let mut installation = Installation::demo(engine).with("audit.commit", "before_response");
        let mut server = installation.serve();
        let subject = installation.user_token();
        exchange(&server, &subject).access_token();
        let keys = server.get("/.well-known/jwks.json").json();

        let issued = load_until_killed(&mut server);

        let records = installation.database.audit_records();
        let recorded: BTreeSet<String> =
            records.iter().filter_map(|record| record["jti"].as_str().map(str::to_owned)).collect();
        let missing: Vec<_> = issued.difference(&recorded).collect();
        assert!(missing.is_empty(), "{} of {} answered requests have no record", missing.len(), issued.len());

        let server = installation.serve();
        assert_eq!(server.get("/.well-known/jwks.json").json(), keys);
        exchange(&server, &subject).access_token();
        assert_eq!(server.get("/ready").status, 200);
    }

    fn after_a_crash_records_that_were_flushed_are_there(engine) {
        let mut installation = Installation::demo(engine).with("audit.commit", "after_response");
        let mut server = installation.serve();
        let token = server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
        // Twice the time that is promised, on a busy machine.
        eventually("the record of the token", Duration::from_secs(5), || {
            installation.database.audit_records().iter().any(|record| record["jti"] == peek(&token)["jti"])
        });
        load_until_killed(&mut server);
        let server = installation.serve();
        server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
    }
}
