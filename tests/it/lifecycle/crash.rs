//! `kill -9` under load: what was handed out is on record, and what was handed out before goes on to work.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crate::{
    both_engines,
    support::{
        ACCESS_TOKEN, BFF, CLIENT_CREDENTIALS, EXCHANGE, Installation, NO_HANG, Process, eventually, tokens::peek,
    },
};

fn exchange_form(subject: &str) -> [(&str, &str); 4] {
    [
        ("grant_type", EXCHANGE),
        ("subject_token", subject),
        ("subject_token_type", ACCESS_TOKEN),
        ("audience", "resource-api"),
    ]
}

fn exchange(server: &Process, subject: &str) -> crate::support::Answer {
    server.token(BFF, &exchange_form(subject))
}

/// Checks that the audit log verifies, and that nothing of it is missing as far as it can tell.
fn verify(installation: &Installation) {
    let said = installation.cli(&["audit", "verify"]).success();
    assert!(said.contains("records in") && said.lines().count() == 1, "{said}");
}

/// Asks for tokens and exchanges them from four threads until the server is gone; gives the `jti` of every token that was answered.
fn load_until_killed(server: &mut Process, subject: &str) -> BTreeSet<String> {
    let exchange = exchange_form(subject);
    let issued = std::sync::Mutex::new(BTreeSet::new());
    let killed = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for form in [&CLIENT_CREDENTIALS[..], &exchange, &CLIENT_CREDENTIALS, &exchange] {
            let (issued, killed, server) = (&issued, &killed, &*server);
            scope.spawn(move || {
                while let Ok(answer) = server.try_token(BFF, form) {
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

        let issued = load_until_killed(&mut server, &subject);

        verify(&installation);
        let records = installation.database.audit_records();
        for grant in ["client_credentials", EXCHANGE] {
            let count = records.iter().filter(|record| record["grant"] == grant && record["jti"].is_string()).count();
            assert!(count > 5, "{grant} was part of the load: {count}");
        }
        let recorded: BTreeSet<String> =
            records.iter().filter_map(|record| record["jti"].as_str().map(str::to_owned)).collect();
        let missing: Vec<_> = issued.difference(&recorded).collect();
        assert!(missing.is_empty(), "{} of {} answered requests have no record", missing.len(), issued.len());

        let server = installation.serve();
        assert_eq!(server.get("/.well-known/jwks.json").json(), keys);
        let token = exchange(&server, &subject).access_token();
        assert_eq!(server.get("/ready").status, 200);
        verify(&installation);
        let records = installation.database.audit_records();
        assert!(records.iter().any(|record| record["jti"] == peek(&token)["jti"]), "the log goes on");
        assert!(records.iter().filter(|record| record["jti"].is_string()).count() > issued.len());
    }

    fn after_a_crash_records_that_were_flushed_are_there(engine) {
        let mut installation = Installation::demo(engine).with("audit.commit", "after_response");
        let mut server = installation.serve();
        let token = server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
        // Twice the time that is promised, on a busy machine.
        eventually("the record of the token", NO_HANG, || {
            installation.database.audit_records().iter().any(|record| record["jti"] == peek(&token)["jti"])
        });
        let subject = installation.user_token();
        load_until_killed(&mut server, &subject);
        // What was lost is the end of a chain, and no gap in it.
        verify(&installation);
        let server = installation.serve();
        server.token(BFF, &[("grant_type", "client_credentials")]).access_token();
        verify(&installation);
    }
}
