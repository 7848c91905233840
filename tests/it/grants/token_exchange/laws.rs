//! The eight laws of the exchange, on the wire. The eighth is in `standing`, the third in `targets`.

use serde_json::{Value, json};

use super::{
    BFF_RULE, actor, calendar_token, demo_claims, demo_token,
    environments::{GATE, MASK, TARGETS, WORKER},
};
use crate::support::{
    Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, DEMO, Engine, TestServer,
    forge::{Forge, claims, with},
    tokens::{exchange, exchange_as, peek},
};

const NOT_ADDRESSED: &str = "the subject token is not addressed to the caller";

fn targets() -> (TestServer, Forge) {
    let server = TestServer::builder(Engine::Sqlite).environment(TARGETS).start();
    let forge = Forge::of(&server);
    (server, forge)
}

/// A demo user's token that differs in `changes`, exchanged by the demo's `bff`.
fn changed(server: &TestServer, changes: &Value) -> Answer {
    exchange(server, &Forge::of(server).token(&with(&demo_claims(server), changes)), &[])
}

// Law 1, TE-070: rule (300), resource server (600), environment (3600), subject token.
#[test]
fn the_new_token_never_outlives_what_it_comes_from() {
    let server = TestServer::start(Engine::Sqlite);
    let now = demo_claims(&server)["iat"].as_i64().expect("iat");
    for (ends_in, lives) in [(json!(3600), 300), (json!(300), 300), (json!(299), 299), (json!(1), 1), (json!(50.9), 50)]
    {
        let answer = changed(&server, &json!({ "exp": now as f64 + ends_in.as_f64().expect("seconds") }));
        assert_eq!(answer.json()["expires_in"], lives, "{ends_in}");
        assert_eq!(peek(&answer.access_token())["exp"], now + lives);
    }
    let no_rule_limit = DEMO.replace("max_lifetime = 300 ", "# max_lifetime = 300 ");
    let server = TestServer::builder(Engine::Sqlite).environment(&no_rule_limit).start();
    assert_eq!(exchange(&server, &demo_token(&server), &[]).json()["expires_in"], 600);
    // No parameter asks for more.
    let form = [("expires_in", "99999"), ("lifetime", "99999"), ("requested_expires_in", "99999")];
    assert_eq!(exchange(&server, &demo_token(&server), &form).json()["expires_in"], 600);
}

// Law 2, TE-058, TE-071.
#[test]
fn a_scope_needs_the_subject_the_client_the_rule_and_the_target() {
    let (server, forge) = targets();
    let subject = |scope: &str| forge.token(&claims(&server, "front-api", "front", scope));
    let everything = subject("read write report admin");
    let a = ("audience", "api-a");
    for (subject, scope, code, detail) in [
        // Not of the subject, of the rule, of the client, of the target.
        (subject("read"), "write", "scope_not_allowed", "write"),
        (everything.clone(), "admin", "scope_not_allowed", "admin"),
        (everything.clone(), "read admin write", "scope_not_allowed", "admin"),
        (everything.clone(), "report", "scope_unknown_at_target", "api-a does not know report"),
        (everything.clone(), "READ", "scope_unknown_at_target", "api-a does not know READ"),
        (everything.clone(), "read*", "scope_unknown_at_target", "api-a does not know read*"),
        (everything.clone(), "*", "scope_unknown_at_target", "api-a does not know *"),
        (everything.clone(), "read,write", "scope_unknown_at_target", "api-a does not know read,write"),
        (subject(""), "read", "scope_not_allowed", "read"),
    ] {
        let answer = exchange_as(&server, GATE, &subject, &[a, ("scope", scope)]);
        let record = server.assert_refused(&answer, "invalid_scope", code);
        assert!(record["detail"].as_str().is_some_and(|text| text.starts_with(detail)), "{record}");
        assert_eq!((&record["rule"], &record["scope_requested"]), (&json!("gate passes users on"), &json!(scope)));
    }
    // Left to the server, the scope is narrowed; where nothing is left, it is refused (TE-035).
    assert_eq!(exchange_as(&server, GATE, &everything, &[a]).json()["scope"], "read write");
    let answer = exchange_as(&server, GATE, &subject("report"), &[a]);
    server.assert_refused(&answer, "invalid_scope", "no_default_scope");
    // The client's own ceiling, which leaves out "write" here.
    let narrow = TARGETS.replace("\"api-a\", scopes = [\"read\", \"write\"]", "\"api-a\", scopes = [\"read\"]");
    let server = TestServer::builder(Engine::Sqlite).environment(&narrow).start();
    let subject = Forge::of(&server).token(&claims(&server, "front-api", "front", "read write"));
    let answer = exchange_as(&server, GATE, &subject, &[a, ("scope", "write")]);
    server.assert_refused(&answer, "invalid_scope", "scope_not_allowed");
}

// Law 2: widening is named by a rule, has to be asked for, and shows in the audit log.
#[test]
fn widening_is_only_what_the_rule_grants_and_is_recorded() {
    let server = TestServer::start(Engine::Sqlite);
    let answer = exchange(&server, &demo_token(&server), &[("scope", "calendar.edit calendar.read")]);
    assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.edit", "calendar.read"]));
    let record = server.record_of(&answer);
    assert_eq!((&record["rule"], &record["scope_widened"]), (&json!(BFF_RULE), &json!("calendar.edit")));
    let unasked = exchange(&server, &demo_token(&server), &[]);
    assert_eq!(unasked.json()["scope"], "calendar.read");
    assert!(server.record_of(&unasked).get("scope_widened").is_none());
}

// Law 4, TE-062.
// Law 2: a rule made for users is no way for a client to get what its own access denies it.
#[test]
fn a_client_does_not_widen_its_own_token() {
    let only_read = DEMO.replace(
        "scopes = [\"calendar.read\", \"calendar.edit\"], default_scopes",
        "scopes = [\"calendar.read\"], default_scopes",
    );
    assert_ne!(only_read, DEMO);
    let server = TestServer::builder(Engine::Sqlite).environment(&only_read).start();
    let own = server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    let refused = exchange(&server, &own, &[("audience", "resource-api"), ("scope", "calendar.edit")]);
    refused.assert_refused(400, "invalid_scope", "scope_not_allowed");
    let users = exchange(&server, &demo_token(&server), &[("audience", "resource-api"), ("scope", "calendar.edit")]);
    assert_eq!(peek(&users.access_token())["scope"], json!(["calendar.edit"]));
}

#[test]
fn impersonation_needs_a_subject_token_without_act_and_no_actor() {
    let (server, forge) = targets();
    let base = claims(&server, "front-api", "front", "read");
    let plain = forge.token(&base);
    let answer = exchange_as(&server, MASK, &plain, &[]);
    let after = peek(&answer.access_token());
    assert!(after.get("act").is_none());
    assert_eq!((&after["sub"], &after["client_id"]), (&json!("user-1"), &json!("mask")));
    assert_eq!(after["anc"], json!([base["jti"]]), "who asked does not show; where it came from does");
    assert_eq!(server.record_of(&answer)["client_id"], "mask");

    let acted = forge.token(&with(&base, &json!({ "act": { "iss": server.url, "sub": "front" } })));
    let answer = exchange_as(&server, MASK, &acted, &[]);
    let record =
        server.assert_subject_refused(&answer, "the rule impersonates, which would drop the subject token's act");
    assert_eq!(record["rule"], "mask looks like the user");

    let own = forge.token(&with(&base, &json!({ "sub": "mask", "client_id": "mask" })));
    let answer = exchange_as(&server, MASK, &plain, &actor(&own));
    server.assert_actor_refused(&answer, "the rule impersonates; there is no place for an actor");
}

// Law 5, TE-063, TE-064.
#[test]
fn may_act_names_the_only_party_that_may() {
    let server = TestServer::start(Engine::Sqlite);
    let url = &server.url;
    for mine in [json!({ "sub": "bff" }), json!({ "iss": url, "sub": "bff" }), json!({ "client_id": "bff" })] {
        let answer = changed(&server, &json!({ "may_act": mine }));
        assert_eq!(peek(&answer.access_token())["may_act"], mine, "it goes on to bind the next one");
    }
    for theirs in [
        json!({ "sub": "calendar-service" }),
        json!({ "sub": "BFF" }),
        json!({ "sub": "bff", "iss": "https://elsewhere.example" }),
        json!({ "sub": "bff", "email": "bff@example.com" }),
        json!({ "sub": ["bff"] }),
        json!({ "client_id": "calendar-service", "sub": "bff" }),
    ] {
        let answer = changed(&server, &json!({ "may_act": theirs }));
        let record = server.assert_subject_refused(&answer, "may_act of the subject token does not name this actor");
        assert_eq!(record["rule"], BFF_RULE);
    }
    for malformed in [json!("bff"), json!({}), json!([]), json!({ "sub": "bff", "exp": 1 })] {
        let answer = changed(&server, &json!({ "may_act": malformed }));
        server.assert_refused(&answer, "invalid_request", "subject_token_refused");
    }
}

// Law 5: it goes on through the chain, so a later client cannot escape it.
#[test]
fn may_act_still_binds_the_next_client() {
    let server = TestServer::start(Engine::Sqlite);
    let token = changed(&server, &json!({ "may_act": { "sub": "bff" } })).access_token();
    let answer = exchange_as(&server, CALENDAR, &token, &[("scope", "reports.read")]);
    server.assert_subject_refused(&answer, "may_act of the subject token does not name this actor");
    // Nor with an actor token, which must be its own.
    let own = calendar_token(&server);
    let answer = exchange_as(&server, CALENDAR, &token, &actor(&own));
    server.assert_subject_refused(&answer, "may_act of the subject token does not name this actor");
}

// Law 6, TE-075.
#[test]
fn a_token_bound_to_a_key_is_not_unbound() {
    let server = TestServer::start(Engine::Sqlite);
    for cnf in [json!({ "jkt": "thumbprint" }), json!({ "x5t#S256": "hash" }), json!({}), json!({ "kid": "x" })] {
        let answer = changed(&server, &json!({ "cnf": cnf }));
        server.assert_subject_refused(&answer, "the token is bound to a key (cnf) that the caller has not proved");
    }
    let answer = changed(&server, &json!({ "cnf": "thumbprint" }));
    server.assert_subject_refused(&answer, "the claim cnf has the wrong type, is empty or out of range");
}

// Law 7, TE-073: the confused deputy. Whoever was shown a token could otherwise trade it in.
#[test]
fn a_token_for_somebody_else_cannot_be_exchanged() {
    let server = TestServer::start(Engine::Sqlite);
    let users = demo_token(&server);
    let answer = exchange_as(&server, CALENDAR, &users, &[("scope", "reports.read")]);
    let record = server.assert_subject_refused(&answer, NOT_ADDRESSED);
    assert_eq!(record["rule"], "calendar service reads reports for users");
    for aud in [json!("bff-api/"), json!("BFF-API"), json!(["resource-api", "reports-api"]), json!("bff"), json!("*")] {
        server.assert_subject_refused(&changed(&server, &json!({ "aud": aud })), NOT_ADDRESSED);
    }
    for aud in [json!(["x", "bff-api"]), json!(["bff-api", "bff-api"])] {
        assert_eq!(changed(&server, &json!({ "aud": aud })).json()["scope"], "calendar.read");
    }

    // Without subject.audience, it is the resource servers that name the caller.
    let (server, forge) = targets();
    let subject = forge.token(&claims(&server, "front-api", "front", "read"));
    server.assert_subject_refused(&exchange_as(&server, WORKER, &subject, &[]), NOT_ADDRESSED);
}

// Law 7, the other half: what was issued to the caller is the caller's to exchange, whatever its `aud`. Nothing grows by it.
#[test]
fn a_client_may_exchange_its_own_results_and_gains_nothing() {
    let server = TestServer::start(Engine::Sqlite);
    let first = exchange(&server, &demo_token(&server), &[("scope", "calendar.edit")]).access_token();
    server.clock.advance(100);
    let answer = exchange(&server, &first, &[("scope", "calendar.edit")]);
    let (before, after) = (peek(&first), peek(&answer.access_token()));
    let me = json!({ "iss": server.url, "sub": "bff" });
    assert_eq!(after["act"], with(&me, &json!({ "act": me })));
    assert_eq!((&after["exp"], &after["aud"], &after["scope"]), (&before["exp"], &before["aud"], &before["scope"]));
    assert_eq!(server.record_of(&answer)["scope_widened"], "calendar.edit", "widening is recorded each time");
}

// A file that lets a rule write what only the server may say is refused as a whole.
#[test]
fn no_rule_can_set_or_pass_a_reserved_claim() {
    let server = TestServer::start(Engine::Sqlite);
    let file = server.database.folder().join("reserved.toml");
    for name in tessera::domain::claims::RESERVED_CLAIMS {
        for bad in [
            DEMO.replacen("set = { user-access", &format!("set = {{ \"{name}\" = \"x\", user-access"), 1),
            DEMO.replacen("pass = [", &format!("pass = [\"{name}\", "), 1),
        ] {
            std::fs::write(&file, bad).expect("a file");
            let ended = server.cli(&["apply", "--dry-run", file.to_str().expect("UTF-8")]);
            assert!(!ended.0.status.success(), "{name}");
            assert!(
                ended.stderr().contains(&format!("\"{name}\" is written by the server only")),
                "{}",
                ended.stderr()
            );
        }
    }
}
