//! Which targets the new token is for (RFC 8693 §2.1, RFC 8707): law 3.

use serde_json::json;

use super::environments::{GATE, TARGETS, WORKER};
use crate::support::{
    Answer, Engine, TestServer,
    forge::{Forge, claims},
    tokens::{exchange_as, peek, verify},
};

const URL: &str = "https://api.example/v1";

struct World {
    server: TestServer,
    subject: String,
}

impl World {
    fn new() -> Self {
        let server = TestServer::builder(Engine::Sqlite).environment(TARGETS).start();
        let subject = Forge::of(&server).token(&claims(&server, "front-api", "front", "read write report"));
        Self { server, subject }
    }

    fn exchange(&self, form: &[(&str, &str)]) -> Answer {
        exchange_as(&self.server, GATE, &self.subject, form)
    }

    #[track_caller]
    fn refuses(&self, form: &[(&str, &str)], error: &str, code: &str) -> Answer {
        let answer = self.exchange(form);
        self.server.assert_refused(&answer, error, code);
        answer
    }
}

// TE-084.
#[test]
fn the_target_follows_from_scopes_that_exactly_one_target_has_all_of() {
    let world = World::new();
    for (scope, target) in [("write", "api-a"), ("read write", "api-a"), ("read report", "api-b"), ("fetch", URL)] {
        let token = world.exchange(&[("scope", scope)]).access_token();
        assert_eq!(verify(&world.server, &token, target)["aud"], target, "{scope}");
    }
    // Known at several, at none, and at no single one together.
    for scope in ["read", "delete", "write report"] {
        world.refuses(&[("scope", scope)], "invalid_target", "target_ambiguous");
    }
    // No scope either: the subject token's decide, and no target has all three of them.
    world.refuses(&[], "invalid_target", "target_ambiguous");
}

// TE-046.
#[test]
fn a_token_for_several_targets_is_good_for_all_of_them() {
    let world = World::new();
    let answer = world.exchange(&[("audience", "api-a"), ("audience", "api-b"), ("scope", "read")]);
    let token = answer.access_token();
    for target in ["api-a", "api-b"] {
        assert_eq!(verify(&world.server, &token, target)["aud"], json!(["api-a", "api-b"]));
    }
    // Without a scope: what all of them can do.
    let answer = world.exchange(&[("audience", "api-a"), ("audience", "api-b")]);
    assert_eq!(answer.json()["scope"], "read");
}

// TE-083: RFC 9068 §3. "write" at api-b would mean whatever api-b makes of it.
#[test]
fn a_scope_that_one_of_the_targets_does_not_know_is_refused() {
    let world = World::new();
    for scope in ["write", "read write"] {
        let form = [("audience", "api-a"), ("audience", "api-b"), ("scope", scope)];
        world.refuses(&form, "invalid_scope", "scope_unknown_at_target");
    }
}

#[test]
fn targets_that_want_tokens_of_different_forms_are_refused_together() {
    let world = World::new();
    let form = [("audience", "api-a"), ("audience", "api-array"), ("scope", "read")];
    world.refuses(&form, "invalid_target", "targets_differ");
    assert_eq!(peek(&world.exchange(&form[1..]).access_token())["scope"], json!(["read"]));
}

#[test]
fn targets_named_twice_count_once() {
    let world = World::new();
    let token = world.exchange(&[("audience", "api-a"), ("audience", "api-a")]).access_token();
    assert_eq!(peek(&token)["aud"], "api-a");
    let token = world.exchange(&[("audience", URL), ("resource", URL), ("scope", "fetch")]).access_token();
    assert_eq!(peek(&token)["aud"], URL);
    let form = [("audience", "api-a"), ("audience", "api-b"), ("audience", "api-a"), ("scope", "read")];
    assert_eq!(peek(&world.exchange(&form).access_token())["aud"], json!(["api-a", "api-b"]));
}

// TE-045, TE-118, TE-119.
#[test]
fn a_resource_is_an_absolute_uri_without_a_fragment() {
    let world = World::new();
    let token = world.exchange(&[("resource", URL), ("scope", "fetch")]).access_token();
    assert_eq!(peek(&token)["aud"], URL);
    for resource in ["api-a", "/v1", "https://api.example/v1#", "https://api.example/v1#x", "https://api.example/ v1"] {
        let answer = world.refuses(&[("resource", resource)], "invalid_target", "malformed_resource");
        assert!(answer.text.contains("resource: resource must be"), "{}", answer.text);
    }
    // One that is well-formed and one that is not: none.
    world.refuses(&[("resource", URL), ("resource", "x")], "invalid_target", "malformed_resource");
}

// TE-046: audience and resource together; one closed door closes all.
#[test]
fn all_requested_targets_or_none() {
    let world = World::new();
    for bad in ["api-closed", "api-off", "api-nowhere"] {
        world.refuses(&[("audience", "api-a"), ("audience", bad)], "invalid_target", "target_not_allowed");
        world.refuses(&[("audience", bad), ("audience", "api-a")], "invalid_target", "target_not_allowed");
        world.refuses(&[("audience", bad), ("resource", URL)], "invalid_target", "target_not_allowed");
    }
}

// What does not exist, what is off and what is forbidden look alike: a client cannot feel its way around.
#[test]
fn an_unknown_target_and_a_forbidden_one_get_the_same_answer() {
    let world = World::new();
    let mut texts: Vec<String> = ["api-nowhere", "api-closed", "api-off", "front-api"]
        .iter()
        .map(|target| world.refuses(&[("audience", target)], "invalid_target", "target_not_allowed").text)
        .collect();
    texts.dedup();
    assert_eq!(texts.len(), 1, "{texts:?}");
}

// TE-120, TE-038.
#[test]
fn a_target_is_compared_byte_by_byte_and_never_repeated_to_the_caller() {
    let world = World::new();
    for target in [
        "API-A",
        "api-a ",
        " api-a",
        "api-a/",
        "api-a\n",
        "api-a\u{200b}",
        "\u{430}pi-a",
        "api\u{2010}a",
        "api-a,api-b",
        "api-a api-b",
        "*",
        "gate",
        "worker",
        &world.server.url,
    ] {
        let answer = world.refuses(&[("audience", target), ("scope", "read")], "invalid_target", "target_not_allowed");
        assert_eq!(answer.json()["error_description"], "a requested target does not exist or is not allowed here");
    }
    for resource in [
        "https://api.example/v1/",
        "https://api.example/V1",
        "https://api.example:80/v1",
        "https://api.example/v1?",
        "https://api.example/%761",
        "https://api.example/x/../v1",
        "http://api.example/v1",
    ] {
        world.refuses(&[("resource", resource)], "invalid_target", "target_not_allowed");
    }
}

// What a client may reach on its own account opens nothing in an exchange, and the other way round.
#[test]
fn a_rule_opens_its_own_targets_only() {
    let world = World::new();
    let token = world.exchange(&[("audience", "api-a"), ("scope", "read")]).access_token();
    let answer = exchange_as(&world.server, WORKER, &token, &[("audience", "api-a")]);
    world.server.assert_refused(&answer, "invalid_target", "target_not_allowed");
    let answer = exchange_as(&world.server, WORKER, &token, &[("audience", "api-b")]);
    assert_eq!(peek(&answer.access_token())["scope"], "read");
}
