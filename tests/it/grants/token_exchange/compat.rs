//! Clients that were built against servers which answer `invalid_grant` for refused tokens (TE-054).

use super::{actor, bff_token, demo_token};
use crate::support::{
    BFF, CALENDAR, DEMO, EXCHANGE, Engine, TestServer,
    tokens::{exchange, exchange_as},
};

fn server() -> TestServer {
    let id = "id = \"bff\"\n";
    let file = DEMO.replacen(id, &format!("{id}exchange_error = \"invalid_grant\"\n"), 1);
    TestServer::builder(Engine::Sqlite).environment(&file).start()
}

#[test]
fn refused_tokens_are_invalid_grant_for_a_client_that_wants_it_so() {
    let server = server();
    let subject = demo_token(&server);
    let expired = demo_token(&server);
    for (code, answer) in [
        ("subject_token_refused", exchange(&server, "rubbish", &[])),
        ("subject_token_refused", server.token(BFF, &[("grant_type", "delegation"), ("token", "rubbish")])),
        ("actor_token_refused", exchange(&server, &subject, &actor("rubbish"))),
        ("actor_token_refused", exchange(&server, &subject, &actor(&subject))),
    ] {
        server.assert_refused(&answer, "invalid_grant", code);
    }
    server.clock.advance(3600);
    server.assert_refused(&exchange(&server, &expired, &[]), "invalid_grant", "subject_token_refused");
}

#[test]
fn everything_else_stays_as_it_is() {
    let server = server();
    let (subject, own) = (demo_token(&server), bff_token(&server));
    for (error, code, form) in [
        ("invalid_request", "missing_parameter", vec![("actor_token", own.as_str())]),
        ("invalid_request", "unsupported_token_type", vec![("requested_token_type", "urn:x")]),
        ("invalid_request", "unexpected_parameter", vec![("actor_token_type", "urn:x")]),
        ("invalid_target", "target_not_allowed", vec![("audience", "reports-api")]),
        ("invalid_target", "malformed_resource", vec![("resource", "reports-api")]),
        ("invalid_scope", "malformed_scope", vec![("scope", "\"")]),
        ("invalid_scope", "scope_unknown_at_target", vec![("audience", "resource-api"), ("scope", "x")]),
    ] {
        server.assert_refused(&exchange(&server, &subject, &form), error, code);
    }
    let answer = server.token(BFF, &[("grant_type", EXCHANGE)]);
    server.assert_refused(&answer, "invalid_request", "missing_parameter");
}

#[test]
fn another_client_gets_the_answer_of_the_specification() {
    let server = server();
    let answer = exchange_as(&server, CALENDAR, "rubbish", &[]);
    server.assert_subject_refused(&answer, "the token does not have three parts");
}
