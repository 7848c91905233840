//! TE-079: each decision, whichever it is, leaves one record that says who asked for what, and why it got it or not.

use serde_json::{Value, json};
use tessera::{app, audit, domain::clock::Clock as _};

use super::{BFF_RULE, WEB, actor, bff_token, demo_claims, demo_token};
use crate::{
    both_engines,
    support::{
        Answer, BFF, TestServer,
        forge::{Forge, with},
        server::load,
        tokens::{exchange, peek},
    },
};

/// Everything in a record that does not depend on this very request.
fn comparable(server: &TestServer, answer: &Answer) -> Value {
    let record = server.record_of(answer);
    assert_eq!(record["time_ms"], server.clock.now_millis());
    assert!(record["environment_id"].is_string());
    let times = json!({ "time_ms": null, "environment_id": null, "request_id": null });
    let mut comparable = with(&record, &times);
    for token in ["subject", "actor"] {
        if let Some(kept) = comparable["request"].get_mut(token) {
            *kept = with(kept, &json!({ "iat": null, "exp": null }));
        }
    }
    comparable
}

both_engines! {
    fn a_permitted_exchange_is_recorded_in_full(engine) {
        let server = TestServer::start(engine);
        let (subject, own) = (demo_token(&server), bff_token(&server));
        let form = [&actor(&own)[..], &[("audience", "resource-api"), ("scope", "calendar.edit calendar.read")]].concat();
        let answer = exchange(&server, &subject, &form);
        let claims = peek(&answer.access_token());
        assert_eq!(comparable(&server, &answer), json!({
            "event": "token.issued",
            "outcome": "success",
            "grant": "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_id": "bff",
            "subject": "user-1",
            "act": { "iss": server.url, "sub": "bff" },
            "audience": ["resource-api"],
            "scope_requested": "calendar.edit calendar.read",
            "scope_granted": "calendar.edit calendar.read",
            "scope_widened": "calendar.edit",
            "rule": BFF_RULE,
            "jti": claims["jti"],
            "parents": [peek(&subject)["jti"], peek(&own)["jti"]],
            "request": {
                "subject_issuer": "self",
                "subject": {
                    "iss": server.url, "sub": "user-1", "aud": ["bff-api"], "client_id": WEB, "scope": "calendar.read profile",
                    "ancestors": 0, "has_id": true, "is_bound": false, "subject_type": "EndUserAccount",
                },
                "actor": {
                    "iss": server.url, "sub": "bff", "aud": ["resource-api"], "client_id": "bff", "scope": "calendar.read",
                    "ancestors": 0, "has_id": true, "is_bound": false, "subject_type": "ServiceAccount",
                },
                "audience": ["resource-api"],
            },
            "client_address": "127.0.0.1",
        }));
    }

    fn a_refused_exchange_is_recorded_in_full(engine) {
        let server = TestServer::start(engine);
        let act = json!({ "iss": server.url, "sub": "front" });
        let claims = with(&demo_claims(&server), &json!({ "act": act, "anc": ["root"] }));
        let subject = Forge::of(&server).token(&claims);
        let answer = exchange(&server, &subject, &[("audience", "resource-api"), ("scope", "calendar.delete")]);
        assert_eq!(comparable(&server, &answer), json!({
            "event": "token.refused",
            "outcome": "refused",
            "grant": "urn:ietf:params:oauth:grant-type:token-exchange",
            "client_id": "bff",
            "subject": "user-1",
            "act": act,
            "audience": ["resource-api"],
            "scope_requested": "calendar.delete",
            "rule": BFF_RULE,
            "parents": ["root", claims["jti"]],
            "request": {
                "subject_issuer": "self",
                "subject": {
                    "iss": server.url, "sub": "user-1", "aud": ["bff-api"], "client_id": WEB, "scope": "calendar.read profile",
                    "act": act, "ancestors": 1, "has_id": true, "is_bound": false, "subject_type": "EndUserAccount",
                },
                "audience": ["resource-api"],
            },
            "reason": "scope_unknown_at_target",
            "detail": "resource-api does not know calendar.delete",
            "client_address": "127.0.0.1",
        }));
    }

    // What was asked for is recorded, forbidden or not; nothing in it can forge a line of its own.
    fn the_targets_of_a_refusal_are_recorded_as_they_were_asked_for(engine) {
        let server = TestServer::start(engine);
        let form = [("audience", "reports-api\nINFO granted"), ("resource", "https://x.example/"), ("scope", "a\nb")];
        let answer = exchange(&server, &demo_token(&server), &form);
        let record = server.record_of(&answer);
        assert_eq!(record["audience"], json!(["reports-api?INFO granted", "https://x.example/"]));
        assert_eq!(record["scope_requested"], "a?b");
    }

    fn records_form_chains(engine) {
        let server = TestServer::start(engine);
        let subject = demo_token(&server);
        for round in 0..20 {
            let answer = exchange(&server, if round % 2 == 0 { &subject } else { "rubbish" }, &[]);
            server.record_of(&answer);
        }
        server.token((BFF.0, "wrong"), &[]).assert_refused(401, "invalid_client", "client_authentication_failed");

        let store = app::open_store(&load(server.variables())).expect("the database");
        let report = audit::verify(&store, None).expect("a report");
        // Those of the node, and of the file that was applied.
        assert_eq!((report.chains, report.without_beginning, report.broken), (2, 0, Vec::new()));
        let commands = server.database.records_of_operators().len() as u64;
        assert_eq!(report.records, 21 + commands);
    }
}
