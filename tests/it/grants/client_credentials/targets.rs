//! For whom the token is (RFC 8707, RFC 9068 §3).

use serde_json::{Value, json};

use super::{ENVIRONMENT, request, server};
use crate::support::{Engine, TestServer, tokens::peek};

const STOCK: &str = "https://stock.example/api";

/// `aud` and the `scope` of the answer.
fn granted(server: &TestServer, client: &str, more: &[(&str, &str)]) -> (Value, Value) {
    let answer = request(server, client, more);
    (peek(&answer.access_token())["aud"].clone(), answer.json()["scope"].clone())
}

/// TE-118, TE-119.
#[test]
fn a_target_is_named_by_audience_or_by_resource() {
    let server = server();
    let expected = (json!("orders"), json!("orders.read"));
    assert_eq!(granted(&server, "several", &[("audience", "orders")]), expected);
    let expected = (json!(STOCK), json!("stock.read common"));
    for name in ["audience", "resource"] {
        assert_eq!(granted(&server, "several", &[(name, STOCK)]), expected);
    }
    for more in [[("audience", STOCK), ("resource", STOCK)], [("resource", STOCK), ("resource", STOCK)]] {
        assert_eq!(granted(&server, "several", &more), expected, "a target named twice is one target");
    }
}

/// TE-046, TE-119: what the targets have in common is what the token allows.
#[test]
fn several_targets_are_served_by_one_token() {
    let server = server();
    for more in [[("audience", "orders"), ("resource", STOCK)], [("resource", STOCK), ("audience", "orders")]] {
        let form = [more.as_slice(), &[("scope", "common")]].concat();
        assert_eq!(granted(&server, "several", &form), (json!(["orders", STOCK]), json!("common")));
    }
}

/// TE-046: never a part of them.
#[test]
fn all_targets_are_granted_or_none() {
    let server = server();
    for bad in ["plain", "closed", "nowhere", "Orders", "orders ", "order", "orders/"] {
        for more in [vec![("audience", bad)], vec![("audience", "orders"), ("audience", bad)]] {
            request(&server, "several", &more).assert_refused(400, "invalid_target", "target_not_allowed");
            let record = server.database.audit_records().pop().expect("a record");
            let asked: Vec<_> = more.iter().map(|(_, value)| *value).collect();
            assert_eq!(record["audience"], json!(asked));
        }
    }
    server.database.assert_nothing_issued();
}

/// TE-120: but for what RFC 3986 says of two spellings of one http or https URL.
#[test]
fn targets_are_compared_byte_by_byte() {
    let server = server();
    for other in [
        "https://stock.example/api/",
        "http://stock.example/api",
        "https://stock.example:80/api",
        "https://stock.example/API",
        "https://stock.example/%61pi",
        "https://stock.example/x/../api",
        "https://stock.example/api?",
        "https://stock.example",
    ] {
        request(&server, "several", &[("resource", other)]).assert_refused(400, "invalid_target", "target_not_allowed");
    }
    server.database.assert_nothing_issued();
}

/// TE-045, TE-118.
#[test]
fn a_resource_is_an_absolute_uri_without_a_fragment() {
    let server = server();
    for bad in [
        "https://stock.example/api#",
        "https://stock.example/api#x",
        "/api",
        "//stock.example/api",
        "orders",
        "stock.example/api",
        " https://stock.example/api",
        "https://stock.example/a pi",
        "https://stock.example\\api",
        "https://",
        "https://stock.example/%zz",
    ] {
        request(&server, "several", &[("resource", bad)]).assert_refused(400, "invalid_target", "malformed_resource");
        let form = [("resource", STOCK), ("resource", bad)];
        request(&server, "several", &form).assert_refused(400, "invalid_target", "malformed_resource");
    }
    request(&server, "several", &[("resource", "urn:orders")]).assert_refused(
        400,
        "invalid_target",
        "target_not_allowed",
    );
    server.database.assert_nothing_issued();
}

/// TE-084: a default that does not depend on luck.
#[test]
fn without_a_target_the_scopes_single_it_out() {
    let server = server();
    for (scope, audience) in
        [("orders.read", "orders"), ("stock.read common", STOCK), ("common reports.read", "reports")]
    {
        assert_eq!(granted(&server, "several", &[("scope", scope)]), (json!(audience), json!(scope)));
    }
    assert_eq!(granted(&server, "single", &[]), (json!("orders"), json!("orders.read common")));
    assert_eq!(granted(&server, "single", &[("scope", "common")]), (json!("orders"), json!("common")));
    assert_eq!(granted(&server, "scopeless", &[]), (json!("plain"), Value::Null));
}

/// TE-084: `invalid_scope` where the scopes belong to different targets (RFC 9068 §3).
#[test]
fn what_singles_nothing_out_is_refused() {
    let server = server();
    for more in [vec![], vec![("scope", "common")]] {
        request(&server, "several", &more).assert_refused(400, "invalid_target", "target_ambiguous");
    }
    for scope in ["orders.read stock.read", "unknown", "orders.write", "closed.read"] {
        request(&server, "several", &[("scope", scope)]).assert_refused(400, "invalid_scope", "scope_not_allowed");
    }
    server.database.assert_nothing_issued();
}

/// TE-035, TE-083: a scope that one of the targets does not know could mean anything there.
#[test]
fn a_scope_is_granted_at_all_targets_or_refused() {
    let server = server();
    let both = [("audience", "orders"), ("audience", STOCK)];
    let with = |scope| [both.as_slice(), &[("scope", scope)]].concat();
    request(&server, "several", &with("orders.read")).assert_refused(400, "invalid_scope", "scope_unknown_at_target");
    request(&server, "several", &with("common orders.read")).assert_refused(
        400,
        "invalid_scope",
        "scope_unknown_at_target",
    );
    let beyond = [("audience", "orders"), ("scope", "orders.read orders.write")];
    request(&server, "several", &beyond).assert_refused(400, "invalid_scope", "scope_not_allowed");
    // The defaults are orders.read here, stock.read and common there: nothing is the default of both.
    request(&server, "several", &both).assert_refused(400, "invalid_scope", "no_default_scope");
    request(&server, "scopeless", &[("scope", "x")]).assert_refused(400, "invalid_scope", "scope_unknown_at_target");
    server.database.assert_nothing_issued();
}

#[test]
fn targets_that_read_different_tokens_do_not_share_one() {
    let server = server();
    let form = [("audience", "orders"), ("audience", "reports"), ("scope", "common")];
    request(&server, "several", &form).assert_refused(400, "invalid_target", "targets_differ");
    server.database.assert_nothing_issued();
}

/// A disabled target is as good as none, and no other takes its place.
#[test]
fn a_client_whose_only_target_is_disabled_gets_nothing() {
    let server = server();
    for more in [vec![], vec![("scope", "closed.read")], vec![("audience", "closed")]] {
        request(&server, "locked-out", &more).assert_refused(400, "invalid_target", "target_not_allowed");
    }
    server.database.assert_nothing_issued();
    server.apply(&ENVIRONMENT.replace("enabled = false", "enabled = true"));
    server.eventually("the target is open", || request(&server, "locked-out", &[]).status == 200);
    server.apply(ENVIRONMENT);
    server.eventually("the target is closed", || request(&server, "locked-out", &[]).status == 400);
}

/// TE-084: never a token without `aud`.
#[test]
fn a_client_without_any_target_gets_a_token_for_this_server() {
    let server = server();
    assert_eq!(granted(&server, "permitted", &[]), (json!(server.url), Value::Null));
    request(&server, "permitted", &[("scope", "common")]).assert_refused(400, "invalid_scope", "scope_not_allowed");
    request(&server, "permitted", &[("audience", "orders")]).assert_refused(
        400,
        "invalid_target",
        "target_not_allowed",
    );
}

/// The access of a client survives either database.
#[test]
fn targets_are_the_same_on_either_engine() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).start();
        assert_eq!(granted(&server, "several", &[("scope", "stock.read")]), (json!(STOCK), json!("stock.read")));
        request(&server, "several", &[]).assert_refused(400, "invalid_target", "target_ambiguous");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["client_id"], &record["reason"]), (&json!("several"), &json!("target_ambiguous")));
        assert!(record.get("jti").is_none());
    }
}
