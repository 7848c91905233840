//! Rules with a condition, and rules that only observe, at the token endpoint.

use serde_json::json;

use super::{BFF_RULE, demo_claims};
use crate::{
    both_engines,
    support::{
        DEMO, Engine, NO_HANG, TestServer,
        forge::{Forge, with},
        tokens::{exchange, peek},
    },
};

const EDIT: [(&str, &str); 2] = [("audience", "resource-api"), ("scope", "calendar.edit")];

/// The demo, with more lines in the rule of the `bff` and without its tests.
fn start(engine: Engine, more: &str) -> TestServer {
    let demo = DEMO.split("# --- Tests").next().expect("a part");
    let toml = demo.replace("max_lifetime = 300 ", &format!("{more}\nmax_lifetime = 300 "));
    TestServer::builder(engine).environment(&toml).start()
}

both_engines! {
    fn a_rule_allows_only_where_its_condition_holds(engine) {
        let server = start(engine, "when = \"subject['user-fullname'].startsWith('Ada') && request.audience == ['resource-api'] && actor == null\"");
        let forge = Forge::of(&server);
        let claims = demo_claims(&server);
        let answer = exchange(&server, &forge.token(&claims), &EDIT);
        assert_eq!(peek(&answer.access_token())["scope"], json!(["calendar.edit"]));
        for (changes, detail) in [
            (json!({ "user-fullname": "Eve" }), "the condition is false"),
            (json!({ "user-fullname": null }), "the condition cannot be evaluated: there is no \"user-fullname\""),
            (json!({ "user-fullname": ["Ada"] }), "the condition cannot be evaluated: startsWith does not go with list and string"),
        ] {
            let answer = exchange(&server, &forge.token(&with(&claims, &changes)), &EDIT);
            let record = server.assert_refused(&answer, "unauthorized_client", "condition_not_met");
            assert_eq!((&record["rule"], &record["detail"]), (&json!(BFF_RULE), &json!(detail)));
        }
        // It looks at the target that is given, also where the request names none.
        let answer = exchange(&server, &forge.token(&claims), &[("scope", "calendar.edit")]);
        assert_eq!(peek(&answer.access_token())["aud"], json!("resource-api"));
    }

    // A condition on targets or scopes, asked of what the request names, holds of a request that names nothing.
    fn leaving_out_what_a_condition_looks_at_does_not_walk_around_it(engine) {
        let none = &[][..];
        let forms_of_targets = [&EDIT[..], &EDIT[..1], &EDIT[1..], none];
        let forms_of_scopes = [&[("scope", "calendar.read")][..], &EDIT[..1], none];
        for (when, forms) in [
            ("!('resource-api' in request.audience)", &forms_of_targets[..]),
            ("request.audience.all(a, a != 'resource-api')", &forms_of_targets[..]),
            ("!('calendar.read' in request.scope)", &forms_of_scopes[..]),
        ] {
            let server = start(engine, &format!("when = \"{when}\""));
            let token = Forge::of(&server).token(&demo_claims(&server));
            for form in forms {
                let answer = exchange(&server, &token, form);
                let record = server.assert_refused(&answer, "unauthorized_client", "condition_not_met");
                assert_eq!((&record["rule"], &record["detail"]), (&json!(BFF_RULE), &json!("the condition is false")), "{when}");
            }
            server.database.assert_nothing_issued();
        }
    }

    // Of two targets that could follow, one is kept out by the condition: the other one follows.
    fn a_target_that_a_condition_keeps_out_does_not_follow_from_the_request(engine) {
        let more = "when = \"!('archive-api' in request.audience)\"";
        let demo = DEMO.split("# --- Tests").next().expect("a part");
        let rule = demo.replace("max_lifetime = 300 ", &format!("{more}\nmax_lifetime = 300 "));
        let opened = rule.replacen("audience = [\"resource-api\"]", "audience = [\"resource-api\", \"archive-api\"]", 1);
        assert_ne!(opened, rule);
        let archive = "\n[[resource_server]]\naudience = \"archive-api\"\nscopes = [\"calendar.edit\"]\n";
        let server = TestServer::builder(engine).environment(&format!("{opened}{archive}")).start();
        let token = Forge::of(&server).token(&demo_claims(&server));
        let answer = exchange(&server, &token, &EDIT[1..]);
        assert_eq!(peek(&answer.access_token())["aud"], json!("resource-api"));
        let answer = exchange(&server, &token, &[("audience", "archive-api"), ("scope", "calendar.edit")]);
        server.assert_refused(&answer, "unauthorized_client", "condition_not_met");
    }

    // An attacker whose issuer writes what it likes into its tokens: more work than a condition may make.
    fn claims_without_bounds_cost_a_refusal_and_no_time(engine) {
        let server = start(engine, "when = \"subject.groups.exists(g, g.contains('x') && g.contains('y'))\"");
        let forge = Forge::of(&server);
        let many: Vec<u32> = (0..600).collect();
        for groups in [json!(many), json!((0..60).fold(json!("x"), |inner, _| json!([inner])))] {
            let token = forge.token(&with(&demo_claims(&server), &json!({ "groups": groups })));
            let started = std::time::Instant::now();
            let answer = exchange(&server, &token, &EDIT);
            assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());
            let record = server.assert_refused(&answer, "unauthorized_client", "condition_not_met");
            assert_eq!(record["detail"], "the claims are too large for conditions");
        }
    }

    fn a_condition_that_got_into_the_database_otherwise_never_holds(engine) {
        let server = start(engine, "when = \"subject.sub == 'user-1'\"");
        let token = Forge::of(&server).token(&demo_claims(&server));
        exchange(&server, &token, &EDIT).access_token();
        server.database.execute("UPDATE exchange_rules SET definition = REPLACE(definition, 'subject.sub ==', 'true || nobody ==')");
        let node = server.another_node();
        let answer = exchange(&node, &token, &EDIT);
        let record = node.assert_refused(&answer, "unauthorized_client", "condition_not_met");
        assert!(record["detail"].as_str().is_some_and(|detail| detail.starts_with("the condition cannot be used: ")), "{record}");
    }

    fn a_rule_that_only_observes_allows_nothing_and_the_record_says_what_it_would_have_done(engine) {
        let server = start(engine, "mode_of_enforcement = \"observe\"");
        let token = Forge::of(&server).token(&demo_claims(&server));
        let answer = exchange(&server, &token, &EDIT);
        let record = server.assert_refused(&answer, "unauthorized_client", "no_rule");
        let would = json!([{ "rule": BFF_RULE, "would": "allow", "audience": ["resource-api"], "scope": ["calendar.edit"] }]);
        assert_eq!(record["observed"], would, "{record}");
        // What it would refuse too is nothing to be told.
        let answer = exchange(&server, &token, &[("audience", "resource-api"), ("scope", "calendar.delete")]);
        assert!(server.record_of(&answer).get("observed").is_none());
        server.database.assert_nothing_issued();
    }

    fn a_rule_that_only_observes_changes_no_token_of_another_rule(engine) {
        let observing = "[[exchange_rule]]\nname = \"shorter\"\nclient = \"bff\"\nmode_of_enforcement = \"observe\"\n\
                         subject = { audience = \"bff-api\" }\naudience = [\"resource-api\"]\ngrant_scopes = [\"calendar.edit\"]\n\
                         max_lifetime = 5\n\n[[exchange_rule]]\nname = \"bff edits";
        let toml = DEMO.replace("[[exchange_rule]]\nname = \"bff edits", observing);
        let server = TestServer::builder(engine).environment(&toml).start();
        let token = Forge::of(&server).token(&demo_claims(&server));
        let answer = exchange(&server, &token, &EDIT);
        assert_eq!(answer.json()["expires_in"], 300);
        let record = server.record_of(&answer);
        assert_eq!((&record["rule"], &record["observed"][0]["rule"]), (&json!(BFF_RULE), &json!("shorter")), "{record}");
    }
}
