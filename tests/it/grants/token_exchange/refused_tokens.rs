//! Whoever presents tokens that are refused is slowed down, for its own requests only.

use super::{WEB, actor, demo_claims, demo_token};
use crate::support::{
    Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer,
    forge::Forge,
    tokens::{delegate, exchange, exchange_as},
};

fn server() -> TestServer {
    TestServer::builder(Engine::Sqlite)
        .setting("limits.refused_tokens_per_client", "5")
        .setting("limits.refused_tokens_per_address", "8")
        .start()
}

fn assert_slowed_down(answer: &Answer) {
    answer.assert_refused(429, "temporarily_unavailable", "too_many_refused_tokens");
    let seconds: i64 = answer.header("retry-after").expect("when to come back").parse().expect("seconds");
    assert!((1..=12).contains(&seconds), "{seconds}");
}

/// A token under a key that is not ours.
fn forged(server: &TestServer) -> String {
    Forge::attacker().token(&demo_claims(server))
}

#[test]
fn a_client_whose_tokens_are_refused_waits_and_nobody_else_does() {
    let server = server();
    let (seen, good) = (demo_token(&server), demo_token(&server));
    exchange(&server, &seen, &[]).access_token();
    for _ in 0..2 {
        exchange(&server, &forged(&server), &[]).assert_refused(400, "invalid_request", "subject_token_refused");
        exchange(&server, &seen, &actor(&forged(&server))).assert_refused(
            400,
            "invalid_request",
            "actor_token_refused",
        );
    }
    exchange(&server, "no.token.at-all", &[]).assert_refused(400, "invalid_request", "subject_token_refused");
    for token in [&forged(&server), &good] {
        let issued = server.database.audit_records().iter().filter(|record| record.get("jti").is_some()).count();
        assert_slowed_down(&exchange(&server, token, &[]));
        let records = server.database.audit_records();
        assert_eq!(records.iter().filter(|record| record.get("jti").is_some()).count(), issued, "nothing was issued");
        let record = records.last().expect("a record");
        assert_eq!((&record["reason"], &record["client_id"]), (&"too_many_refused_tokens".into(), &BFF.0.into()));
        assert_eq!(record["detail"], "limits.refused_tokens_per_client is used up");
    }
    assert_slowed_down(&exchange(&server, &seen, &actor(&forged(&server))));

    // What costs nothing to check, and what holds no token, goes on: who sends rubbish through a client does not stop it.
    exchange(&server, &seen, &[]).access_token();
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    delegate(&server, BFF, (WEB, "somebody"), &[]).access_token();
    // Others have their own limit, also at this address.
    let other = exchange_as(&server, CALENDAR, &forged(&server), &[]);
    other.assert_refused(400, "invalid_request", "subject_token_refused");

    server.clock.advance(12);
    exchange(&server, &good, &[]).access_token();
    exchange(&server, &forged(&server), &[]).assert_refused(400, "invalid_request", "subject_token_refused");
    assert_slowed_down(&exchange(&server, &forged(&server), &[]));
}

#[test]
fn an_address_of_refused_tokens_slows_down_those_whose_tokens_are_refused() {
    let server = server();
    for client in [BFF, CALENDAR, BFF, CALENDAR, BFF, CALENDAR, BFF, CALENDAR] {
        assert_eq!(exchange_as(&server, client, &forged(&server), &[]).status, 400);
    }
    for client in [BFF, CALENDAR] {
        assert_slowed_down(&exchange_as(&server, client, &forged(&server), &[]));
    }
    let record = server.database.audit_records().pop().expect("a record");
    assert_eq!(record["detail"], "limits.refused_tokens_per_address is used up");
}

#[test]
fn refusals_that_no_token_is_to_blame_for_do_not_count() {
    let server = server();
    for _ in 0..8 {
        exchange(&server, &demo_token(&server), &[("audience", "nowhere")]).assert_refused(
            400,
            "invalid_target",
            "target_not_allowed",
        );
    }
    exchange(&server, &demo_token(&server), &[]).access_token();
}
