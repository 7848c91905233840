//! `tessera explain`, and the same question over GraphQL: the answers name rule and condition, and nothing is issued.

use serde_json::{Value, json};

use crate::{
    both_engines,
    support::{
        CLIENT_CREDENTIALS, DEMO, Engine, TestServer,
        forge::{Forge, claims, with},
    },
};

const WEB: &str = "6f4b1a5e-0d3c-4b7e-9a21-5c8d7e6f4a3b";
const BFF_RULE: &str = "bff edits calendars for its users";
const REPORTS_RULE: &str = "calendar service reads reports for users";
const DESK_RULE: &str = "the desk serves staff";
const ADMIN: (&str, &str) = ("admin", "a-secret-of-the-admin-with-32-characters");
const QUERY: &str = "query ($input: ExplainExchangeInput!) { explainExchange(input: $input) { allowed rule claims ofAUser \
                     problem failed { condition law reason } rules { rule observes verdict failed { condition law reason } } } }";

fn start(engine: Engine) -> TestServer {
    let more = r#"
[[client]]
id = "desk"
grants = ["token_exchange"]
secret = "a-secret-of-the-desk-with-32-characters"

[[client]]
id = "admin"
grants = ["client_credentials"]
permissions = { ax-id-service = ["EXCHANGES_EXPLAIN"] }
secret = "a-secret-of-the-admin-with-32-characters"

[[exchange_rule]]
name = "the desk serves staff"
client = "desk"
subject = { audience = "bff-api" }
audience = ["resource-api"]
grant_scopes = ["calendar.edit"]
when = "subject.department == 'staff' && request.time > 0"

[[exchange_rule]]
name = "the desk may look, one day"
client = "desk"
mode_of_enforcement = "observe"
subject = { audience = "bff-api" }
audience = ["reports-api"]
grant_scopes = ["reports.read"]
"#;
    TestServer::builder(engine).environment(&format!("{DEMO}{more}")).start()
}

/// A question with a token. Claims and tokens go by file.
struct Question<'a> {
    client: &'a str,
    token: String,
    actor: Option<String>,
    audience: &'a str,
    scope: &'a str,
}

/// The answer of the command.
fn ask(server: &TestServer, question: &Question<'_>) -> Value {
    std::fs::write(server.database.folder().join("subject"), &question.token).expect("a file");
    let mut arguments = vec!["explain", "--json", "--client", question.client, "--subject-token-file", "subject"];
    arguments.extend(["--audience", question.audience, "--scope", question.scope]);
    if let Some(actor) = &question.actor {
        std::fs::write(server.database.folder().join("actor"), actor).expect("a file");
        arguments.extend(["--actor-token-file", "actor"]);
    }
    serde_json::from_str(&server.cli(&arguments).success()).expect("JSON")
}

/// What GraphQL answers.
fn query(server: &TestServer, client: (&str, &str), input: &Value) -> Value {
    let token = server.token(client, &CLIENT_CREDENTIALS).access_token();
    let request = server.request(reqwest::Method::POST, "/graphql-management").bearer_auth(token);
    crate::support::Answer::to(request.json(&json!({ "query": QUERY, "variables": { "input": input } }))).json()
}

/// Both answers, in the form of the command's; they must say the same.
fn ask_both(server: &TestServer, question: &Question<'_>) -> Value {
    let answer = ask(server, question);
    let input = json!({
        "clientId": question.client, "subjectToken": question.token, "actorToken": question.actor,
        "audience": [question.audience], "scope": question.scope,
    });
    let body = query(server, ADMIN, &input);
    let other = &body["data"]["explainExchange"];
    assert_eq!(other["allowed"], answer["allowed"], "{body}");
    for member in ["rule", "problem"] {
        assert_eq!(other[member], answer[member], "{body}");
    }
    for member in ["condition", "law", "reason"] {
        assert_eq!(other["failed"][member], answer[member], "{body}");
    }
    let rules = other["rules"].as_array().expect("rules");
    assert_eq!(rules.len(), answer["rules"].as_array().expect("rules").len());
    for (one, other) in answer["rules"].as_array().expect("rules").iter().zip(rules) {
        assert_eq!(one["rule"], other["rule"]);
        assert_eq!(one["verdict"], other["verdict"].as_str().expect("a verdict").to_lowercase());
        assert_eq!(one["condition"], other["failed"]["condition"]);
    }
    answer
}

/// What the rule with this name says, as `condition` and `law`.
fn verdict<'a>(answer: &'a Value, rule: &str) -> (&'a Value, &'a Value) {
    let rules = answer["rules"].as_array().expect("rules");
    let found = rules.iter().find(|said| said["rule"] == rule).unwrap_or_else(|| panic!("{rule:?} in {answer:#}"));
    (&found["condition"], &found["law"])
}

both_engines! {
    // One refusal for each law, and two that are a matter of the single rule.
    fn each_refusal_names_rule_and_condition(engine) {
        let server = start(engine);
        let forge = Forge::of(&server);
        let good = claims(&server, "bff-api", WEB, "calendar.read profile");
        let own = claims(&server, &server.url, "calendar-service", "");
        let token = |changes: Value| forge.token(&with(&good, &changes));
        let ask = |client, changes, actor: Option<String>, audience, scope| {
            ask_both(&server, &Question { client, token: token(changes), actor, audience, scope })
        };
        let bff = |changes, actor, audience, scope| ask("bff", changes, actor, audience, scope);
        let (calendars, edit) = ("resource-api", "calendar.edit");

        let answers = [
            (2, "scope", BFF_RULE, "scope_unknown_at_target", bff(json!({}), None, calendars, "calendar.delete")),
            (3, "audience", BFF_RULE, "target_not_allowed", bff(json!({}), None, "reports-api", "reports.read")),
            (4, "act", BFF_RULE, "actor_token_refused", bff(json!({}), Some(forge.token(&own)), calendars, edit)),
            (5, "may_act", BFF_RULE, "subject_token_refused", bff(json!({ "may_act": { "sub": "other" } }), None, calendars, edit)),
            (6, "cnf", BFF_RULE, "subject_token_refused", bff(json!({ "cnf": { "jkt": "x" } }), None, calendars, edit)),
            (7, "addressee", REPORTS_RULE, "subject_token_refused", ask("calendar-service", json!({}), None, "reports-api", "reports.read")),
            (8, "standing", BFF_RULE, "subject_token_refused", bff(json!({ "iat": 1, "exp": 2 }), None, calendars, edit)),
            (0, "when", DESK_RULE, "condition_not_met", ask("desk", json!({ "department": "guests" }), None, calendars, edit)),
        ];
        for (law, condition, rule, problem, answer) in &answers {
            let law = if *law == 0 { Value::Null } else { json!(law) };
            assert_eq!((&answer["allowed"], &answer["problem"]), (&json!(false), &json!(problem)), "{answer:#}");
            assert_eq!((&answer["condition"], &answer["law"]), (&json!(condition), &law), "{answer:#}");
            assert_eq!(verdict(answer, rule), (&json!(condition), &law), "{answer:#}");
            assert!(answer["reason"].as_str().is_some_and(|reason| reason.len() > 10), "{answer:#}");
            let of_others = if *rule == DESK_RULE { BFF_RULE } else { DESK_RULE };
            assert_eq!(verdict(answer, of_others), (&json!("client"), &Value::Null), "{answer:#}");
        }

        // No file can say so, but a row that was changed by hand can: law 1, and a client that lost its grant.
        server.database.execute(
            "UPDATE exchange_rules SET definition = REPLACE(definition, '\"max_lifetime\":120', '\"max_lifetime\":0'); \
             UPDATE clients SET grants = '[\"client_credentials\"]' WHERE client_id = 'bff'",
        );
        let node = server.another_node();
        let subject = forge.token(&claims(&server, "resource-api", "desk", "calendar.edit"));
        let (audience, scope) = ("reports-api", "reports.read");
        let answer = ask_both(&node, &Question { client: "calendar-service", token: subject, actor: None, audience, scope });
        assert_eq!((&answer["condition"], &answer["law"], &answer["rule"]), (&json!("lifetime"), &json!(1), &json!(REPORTS_RULE)));
        assert_eq!(verdict(&answer, REPORTS_RULE), (&json!("lifetime"), &json!(1)), "{answer:#}");
        let question = Question { client: "bff", token: token(json!({})), actor: None, audience: calendars, scope: edit };
        let answer = ask_both(&node, &question);
        assert_eq!((&answer["condition"], &answer["problem"]), (&json!("grant"), &json!("grant_not_allowed")), "{answer:#}");
        assert_eq!(verdict(&answer, BFF_RULE), (&json!("grant"), &Value::Null), "{answer:#}");

        // The only tokens are those that the questions over GraphQL were asked with.
        for record in server.database.audit_records() {
            assert_eq!((&record["grant"], &record["client_id"]), (&json!("client_credentials"), &json!("admin")), "{record}");
        }
    }

    fn what_is_allowed_is_shown_with_its_claims_and_not_issued(engine) {
        let server = start(engine);
        let good = with(&claims(&server, "bff-api", WEB, "calendar.read"), &json!({ "user-id": "7", "applicationId": WEB }));
        let token = Forge::of(&server).token(&good);
        let question = Question { client: "bff", token: token.clone(), actor: None, audience: "resource-api", scope: "calendar.edit" };
        let answer = ask(&server, &question);
        assert_eq!((&answer["allowed"], &answer["rule"]), (&json!(true), &json!(BFF_RULE)), "{answer:#}");
        let held = &answer["claims"];
        assert_eq!((&held["aud"], &held["sub"], &held["client_id"]), (&json!("resource-api"), &json!("user-1"), &json!("bff")));
        assert_eq!((&held["scope"], &held["user-id"]), (&json!(["calendar.edit"]), &json!("7")));
        assert_eq!(held["act"], json!({ "iss": server.url, "sub": "bff" }));
        assert_eq!(held["anc"], json!([good["jti"]]));
        assert!(held.get("jti").is_none(), "{held}");
        server.database.assert_nothing_issued();
        // The endpoint gives what was said.
        let given = crate::support::tokens::exchange(&server, &token, &[("audience", "resource-api"), ("scope", "calendar.edit")]);
        let given = crate::support::tokens::peek(&given.access_token());
        for member in ["iss", "sub", "aud", "scope", "act", "anc", "client_id", "user-id", "user-access", "applicationId", "tenantId"] {
            assert_eq!(given[member], held[member], "{member}");
        }
    }

    fn plain_claims_stand_in_for_tokens_that_nobody_has(engine) {
        let server = start(engine);
        let explain = |more: &[&str]| server.cli(&[&["explain", "--client", "desk"], more].concat()).success();
        let staff = r#"{"sub":"u","aud":"bff-api","department":"staff"}"#;
        let said = explain(&["--subject-claims", staff, "--audience", "resource-api", "--scope", "calendar.edit"]);
        assert!(said.starts_with("allowed by \"the desk serves staff\"\n"), "{said}");
        assert!(said.contains("  sub: \"u\"\n") && said.contains("  \"the desk serves staff\": allows\n"), "{said}");
        assert!(said.contains("\"bff edits calendars for its users\": client: the rule is for the client \"bff\""), "{said}");
        std::fs::write(server.database.folder().join("claims.json"), r#"{"sub":"u","aud":"bff-api"}"#).expect("a file");
        let said = explain(&["--subject-claims", "@claims.json", "--audience", "resource-api"]);
        assert!(said.starts_with("refused by \"the desk serves staff\": condition_not_met\n  when: "), "{said}");
        assert!(said.contains("there is no \"department\""), "{said}");
        // A rule that only observes allows nothing, and says that it would.
        let said = explain(&["--subject-claims", staff, "--audience", "reports-api", "--scope", "reports.read"]);
        assert!(said.starts_with("refused: target_not_allowed\n  audience (law 3): "), "{said}");
        assert!(said.contains("\"the desk may look, one day\" (only observes): would allow\n"), "{said}");
        // Vouched for by the client itself: no rule is needed to say who a user is.
        let said = server.cli(&["explain", "--client", "bff", "--subject-issuer", "our own sign-in", "--subject-claims", r#"{"sub":"42"}"#]);
        let said = said.success();
        assert!(said.starts_with("allowed by \"permission ax-user-service:GENERATE_DELEGATED_ACCESS_TOKEN\"\n"), "{said}");
        // So by a name in place of a token, as at the endpoint; the user is not made.
        std::fs::write(server.database.folder().join("subject"), "42").expect("a file");
        let named = ["explain", "--json", "--client", "bff", "--subject-token-file", "subject", "--subject-token-type", "subject-id"];
        let answer = server.cli(&[&named[..], &["--application-id", WEB, "--audience", "bff-api", "--scope", "profile"]].concat());
        let answer: Value = serde_json::from_str(&answer.success()).expect("JSON");
        assert_eq!((&answer["rule"], &answer["of_a_user"]), (&json!("bff signs in its own users"), &json!(true)), "{answer:#}");
        assert!(answer["claims"].get("sub").is_none(), "{answer:#}");
        let said = server.cli(&["explain", "--client", "nobody", "--subject-claims", staff]).success();
        assert!(said.starts_with("refused: client_authentication_failed\n  standing (law 8): there is no such client\n"), "{said}");
        server.database.assert_nothing_issued();
        assert!(server.database.audit_records().is_empty(), "asking leaves no record");
        assert_eq!(server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM users"), "0");
    }

    fn what_is_no_question_is_refused_and_no_token_is_repeated(engine) {
        let server = start(engine);
        let failure = |arguments: &[&str], code| server.cli(&[&["explain"], arguments].concat()).failure(code);
        failure(&["--client", "bff"], 2);
        failure(&["--client", "bff", "--subject-claims", "{}", "--subject-token-file", "x"], 2);
        assert!(failure(&["--client", "bff", "--subject-token-file", "missing"], 5).contains("missing cannot be read"));
        assert!(failure(&["--client", "bff", "--subject-claims", "[1]"], 5).contains("no JSON object"));
        assert!(failure(&["--client", "bff", "--subject-claims", "{}"], 5).contains("sub is missing"));
        let typed = ["--client", "bff", "--subject-token-type", "saml2", "--subject-token-file", "claims"];
        std::fs::write(server.database.folder().join("claims"), "secret-looking-token").expect("a file");
        let said = failure(&typed, 5);
        assert!(said.contains("subject_token_type") && !said.contains("secret-looking-token"), "{said}");
        // Rubbish in place of a token is a refusal like any other.
        let said = server.cli(&["explain", "--client", "bff", "--subject-token-file", "claims"]).success();
        assert!(said.contains("standing (law 8)") && !said.contains("secret-looking-token"), "{said}");
    }

    fn over_graphql_it_takes_the_permission(engine) {
        let server = start(engine);
        let input = json!({ "clientId": "desk", "subjectClaims": { "sub": "u", "aud": "bff-api", "department": "staff" }, "scope": "calendar.edit" });
        let body = query(&server, crate::support::BFF, &input);
        assert_eq!(body["errors"][0]["code"], "USER_NOT_AUTHORIZED", "{body}");
        assert!(!body.to_string().contains(DESK_RULE), "{body}");
        let body = query(&server, ADMIN, &input);
        let explained = &body["data"]["explainExchange"];
        assert_eq!((&explained["rule"], &explained["claims"]["sub"]), (&json!(DESK_RULE), &json!("u")), "{body}");
        for (changes, said) in [
            (json!({ "subjectToken": "x" }), "not both"),
            (json!({ "subjectClaims": null }), "is missing"),
            (json!({ "subjectClaims": { "sub": 1 } }), "sub"),
            (json!({ "subjectClaims": null, "subjectToken": "x", "subjectTokenType": "y" }), "subject_token_type"),
        ] {
            let body = query(&server, ADMIN, &with(&input, &changes));
            assert_eq!(body["errors"][0]["code"], "ARGUMENT_INVALID", "{body}");
            assert!(body["errors"][0]["message"].as_str().is_some_and(|message| message.contains(said)), "{body}");
        }
    }
}
