//! `[[test]]`, `when` and `mode_of_enforcement`.

use super::*;
use crate::domain::rule::Enforcement;

/// One rule and one test; `rule` and `test` are more lines of each. The test begins on line 18.
fn file(rule: &str, test: &str) -> String {
    with_api_and_client(&format!(
        "[[exchange_rule]]\nname = \"r\"\nclient = \"svc\"\naudience = [\"api\"]\npass_scopes = [\"read\"]\n{rule}\n\
         [[test]]\nname = \"t\"\nclient = \"svc\"\n{test}"
    ))
}

const SUBJECT: &str = "subject = { sub = \"u\", aud = \"api\", scope = \"read\", level = 3 }\n";

fn passes(rule: &str, test: &str) {
    let text = file(rule, &format!("{SUBJECT}{test}"));
    assert_eq!(parse(&text).tests.len(), 1);
}

#[track_caller]
fn fails(rule: &str, test: &str, message: &str) {
    refused(&file(rule, &format!("{SUBJECT}{test}")), "18:1", message);
}

#[test]
fn a_condition_and_a_mode_are_read_and_refused_where_they_stand() {
    let good =
        file("when = \"subject.level > 2\"\nmode_of_enforcement = \"observe\"", &format!("{SUBJECT}refuse = {{}}"));
    let rule = &parse(&good).exchange_rules[0].rule;
    assert_eq!(rule.when.as_ref().map(|when| when.text()), Some("subject.level > 2"));
    assert_eq!(rule.mode_of_enforcement, Enforcement::Observe);
    let allow = format!("{SUBJECT}allow = {{}}");
    refused(&file("when = \"subject.level >\"", &allow), "17:8", "exchange_rule.when: it is no CEL expression");
    refused(&file("when = \"subjct.level > 1\"", &allow), "17:8", "there is no \"subjct\"");
    refused(&file("when = 3", &allow), "17:8", "must be a text");
    refused(&file("mode_of_enforcement = \"off\"", &allow), "17:23", "must be one of \"enforce\", \"observe\"");
}

// A typo in what a condition keeps out would let it in, and one in what it lets in is found out by the first who is refused.
#[test]
fn a_condition_on_what_the_rule_never_gives_is_a_mistake() {
    let test = format!("{SUBJECT}refuse = {{ condition = \"when\" }}");
    for (when, message) in [
        (
            "!('apj' in request.audience)",
            "compares request.audience with \"apj\", which the rule does not open (the nearest one is \"api\")",
        ),
        ("request.audience.all(a, a != 'API')", "compares request.audience with \"API\""),
        ("request.audience == []", "an empty list, which it never is"),
        (
            "!('raed' in request.scope)",
            "compares request.scope with \"raed\", which the rule neither passes nor grants (the nearest one is \"read\")",
        ),
    ] {
        refused(&file(&format!("when = \"{when}\""), &test), "17:8", message);
    }
    passes("when = \"request.audience == ['api'] && request.scope == ['read']\"", "allow = { audience = [\"api\"] }");
    passes("when = \"!('api' in request.audience)\"", "refuse = { rule = \"r\", condition = \"when\" }");
    passes("when = \"!('read' in request.scope)\"", "refuse = { rule = \"r\", condition = \"when\" }");
}

#[test]
fn a_test_says_how_an_exchange_must_end() {
    passes("", "allow = {}");
    passes(
        "",
        "audience = [\"api\"]\nscope = [\"read\"]\nallow = { rule = \"r\", audience = [\"api\"], scope = [\"read\"] }",
    );
    passes(
        "",
        "allow = { claims = { sub = \"u\", client_id = \"svc\", act = { iss = \"self\", sub = \"svc\" }, exp = 1800003600 } }",
    );
    passes(
        "",
        "scope = [\"write\"]\nrefuse = { rule = \"r\", condition = \"scope\", problem = \"scope_not_allowed\" }",
    );
    passes(
        "when = \"subject.level > 3\"",
        "refuse = { rule = \"r\", condition = \"when\", problem = \"condition_not_met\" }",
    );
    passes("when = \"request.time == 5\"", "time = 5\nallow = {}");
    passes("when = \"actor.sub == 'svc'\"", "actor = {}\nallow = {}");
    passes("mode_of_enforcement = \"observe\"", "refuse = { problem = \"no_rule\" }");
    passes("enabled = false", "refuse = { condition = \"client\" }");
    passes("", "actor = { client_id = \"somebody\" }\nrefuse = { condition = \"act\" }");
}

// A client that was found out is disabled in a hurry; the tests of what it may do must not be in the way.
#[test]
fn a_test_is_about_rules_and_not_about_who_is_in_force() {
    let text = file("", &format!("{SUBJECT}allow = {{}}")).replace("id = \"svc\"\n", "id = \"svc\"\nenabled = false\n");
    assert!(!parse(&text).clients[0].client.enabled);
}

#[test]
fn a_test_that_ends_otherwise_is_a_mistake_that_says_what_differs() {
    fails("", "refuse = {}", "\"t\" fails: it must be refused, and is allowed by the rule \"r\"");
    fails(
        "",
        "scope = [\"write\"]\nallow = {}",
        "it must be allowed, and is refused: scope_not_allowed (condition scope, rule \"r\")",
    );
    fails(
        "",
        "scope = [\"write\"]\nrefuse = { condition = \"may_act\" }",
        "refused otherwise than it must be: refused: scope_not",
    );
    fails("", "allow = { audience = [] }", "audience must be [], and is [\"api\"]");
    fails("", "allow = { scope = [\"write\"] }", "scope must be \"write\", and is \"read\"");
    fails("", "allow = { claims = { sub = \"x\" } }", "the claim \"sub\" must be \"x\", and is \"u\"");
    fails("", "allow = { claims = { email = \"x\" } }", "the claim \"email\" must be \"x\", and is not there");
    fails("", "allow = { rule = \"q\" }", "there is no enabled rule \"q\" (the nearest one is \"r\")");
    fails(
        "when = \"subject.email == ''\"",
        "allow = {}",
        "condition_not_met (condition when, rule \"r\"): the condition cannot be evaluated: there is no \"email\"",
    );
    fails("", "subject_issuer = \"partner\"\nallow = {}", "there is no \"partner\"");
    refused(
        &file("", "subject = { aud = \"api\" }\nallow = {}"),
        "18:1",
        "the subject token: the claim sub is missing",
    );
    refused(&file("", "subject = { sub = 1, aud = \"api\" }\nallow = {}"), "18:1", "the subject token: ");
}

#[test]
fn a_test_that_says_nothing_or_nonsense_is_a_mistake() {
    fails("", "", "must have allow or refuse, and not both");
    fails("", "allow = {}\nrefuse = {}", "must have allow or refuse, and not both");
    refused(&file("", "allow = {}"), "18:1", "test.subject: is missing");
    let with_subject = |line: &str| file("", &format!("{SUBJECT}{line}"));
    refused(
        &with_subject("refuse = { condition = \"scpe\" }"),
        "22:24",
        "there is no \"scpe\" (the nearest one is \"scope\")",
    );
    refused(&with_subject("refuse = { problem = \"no_rulez\" }"), "22:22", "the nearest one is \"no_rule\"");
    refused(&with_subject("allow = { scopes = [] }"), "22:11", "there is no such key");
    refused(&with_subject("refuse = {}\ntime = -1"), "23:8", "must be a whole number");
}
