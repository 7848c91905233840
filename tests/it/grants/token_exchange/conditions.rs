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
        // What the condition does not allow is not opened by leaving out what it looks at.
        let answer = exchange(&server, &forge.token(&claims), &[("scope", "calendar.edit")]);
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
