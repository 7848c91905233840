//! What is counted, and what is not a label.

use reqwest::Method;
use serde_json::json;

use super::scrape;
use crate::{
    both_engines,
    support::{Answer, BFF, CALENDAR, CLIENT_CREDENTIALS, Engine, TestServer},
};

both_engines! {
    fn requests_are_counted_by_grant_outcome_and_refusal(engine) {
        let server = TestServer::start(engine);
        let before = scrape(&server);
        for _ in 0..3 {
            server.token(BFF, &CLIENT_CREDENTIALS).access_token();
        }
        server.token((BFF.0, "wrong"), &CLIENT_CREDENTIALS);
        server.token(BFF, &[("grant_type", "made-up-by-the-caller")]);
        server.token(BFF, &[("grant_type", "delegation")]);
        Answer::to(server.request(Method::POST, "/token").body("x=%zz"));
        let after = scrape(&server);
        for (series, more) in [
            (r#"tessera_token_requests_total{grant="client_credentials",outcome="success"}"#, 3.0),
            (r#"tessera_token_requests_total{grant="client_credentials",outcome="refused"}"#, 1.0),
            (r#"tessera_token_requests_total{grant="client_credentials",outcome="failed"}"#, 0.0),
            (r#"tessera_token_requests_total{grant="delegation",outcome="refused"}"#, 1.0),
            (r#"tessera_token_requests_total{grant="unknown",outcome="refused"}"#, 2.0),
            (r#"tessera_token_refusals_total{error_code="client_authentication_failed"}"#, 1.0),
            (r#"tessera_token_refusals_total{error_code="unsupported_grant_type"}"#, 1.0),
            (r#"tessera_token_refusals_total{error_code="content_type"}"#, 1.0),
            (r#"tessera_token_refusals_total{error_code="missing_parameter"}"#, 1.0),
            (r#"tessera_token_refusals_total{error_code="no_rule"}"#, 0.0),
            (r#"tessera_signatures_total{alg="ES256"}"#, 3.0),
            (r#"tessera_signatures_total{alg="RS256"}"#, 0.0),
            (r#"tessera_cache_hits_total{cache="clients"}"#, 5.0),
            (r#"tessera_cache_misses_total{cache="clients"}"#, 1.0),
            (r#"tessera_http_responses_total{endpoint="token",status="2xx"}"#, 3.0),
            (r#"tessera_http_responses_total{endpoint="token",status="4xx"}"#, 4.0),
            (r#"tessera_http_request_duration_seconds_count{endpoint="token"}"#, 7.0),
            // The unreadable one was no decision.
            ("tessera_audit_batch_records_sum", 6.0),
        ] {
            assert_eq!(after.value(series) - before.value(series), more, "{series}");
        }
        // Counted down a moment after the answer.
        server.eventually("all records to be written", || scrape(&server).value("tessera_audit_unwritten_records") == 0.0);
        assert_eq!(after.value("tessera_audit_outage_seconds"), 0.0);
        assert!(after.value("tessera_audit_commit_duration_seconds_count") > 0.0);
        assert!(after.value("tessera_catalog_lag_seconds") < 10.0);
        assert_eq!(after.value("tessera_database_connections_max"), 8.0);
    }

    fn signing_keys_are_shown_by_state_and_age(engine) {
        let server = TestServer::start(engine);
        let id = server.database.value("SELECT id AS value FROM environments");
        let key = |state: &str| format!(r#"{{environment="{id}",alg="ES256",state="{state}"}}"#);
        server.clock.advance(100);
        let page = scrape(&server);
        assert_eq!(page.value(&format!("tessera_signing_keys{}", key("active"))), 1.0);
        assert_eq!(page.value(&format!("tessera_signing_keys{}", key("published"))), 0.0);
        let age = page.value(&format!("tessera_signing_key_age_seconds{}", key("active")));
        assert!((100.0..200.0).contains(&age), "{age}");
        server.cli(&["keys", "rotate"]).success();
        server.eventually("the new key to show", || {
            scrape(&server).value(&format!("tessera_signing_keys{}", key("published"))) == 1.0
        });
    }
}

/// Who may invent label values fills the memory of whoever keeps the metrics, and reads there what is nobody's business.
#[test]
fn nothing_that_a_caller_chooses_is_in_the_metrics() {
    let server = TestServer::start(Engine::Sqlite);
    let series = scrape(&server).series("").len();
    for number in 0..20 {
        let marker = format!("marker{number}");
        server.token((&marker, "a-marker-secret"), &[("grant_type", &marker), ("scope", &marker)]);
        server.token(BFF, &[("grant_type", &marker), ("audience", &marker)]);
        for path in [format!("/{marker}"), format!("/{marker}/{marker}/token"), format!("/.well-known/{marker}")] {
            server.get(&path);
            Answer::to(server.request(Method::from_bytes(marker.to_uppercase().as_bytes()).expect("a method"), &path));
        }
        let query = json!({ "query": format!("{{ {marker} }}"), "operationName": marker });
        Answer::to(server.request(Method::POST, "/graphql").header("authorization", &marker).json(&query));
    }
    server.token(CALENDAR, &CLIENT_CREDENTIALS).access_token();
    let answer = server.get("/metrics");
    assert_eq!(scrape(&server).series("").len(), series, "as many series as before");
    for word in ["marker", "MARKER", "bff", "calendar", "127.0.0.1"] {
        assert!(!answer.text.contains(word), "{word} is in the metrics");
    }
}

#[test]
fn metrics_are_read_and_nothing_else() {
    let server = TestServer::start(Engine::Sqlite);
    let answer = Answer::to(server.request(Method::POST, "/metrics"));
    assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, HEAD")));
    let head = Answer::to(server.request(Method::HEAD, "/metrics"));
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    for elsewhere in ["/metrics/", "/t/e/metrics", "/metrics/x"] {
        assert_eq!(server.get(elsewhere).status, 404, "{elsewhere}");
    }
}

#[test]
fn an_outage_of_the_audit_log_shows() {
    let server = TestServer::builder(Engine::Postgres).setting("database.acquire_timeout_ms", "300").start();
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    assert_eq!(scrape(&server).value("tessera_audit_outage_seconds"), 0.0);
    server.database.cut_off();
    server.eventually("an outage", || server.token(BFF, &CLIENT_CREDENTIALS).status == 503);
    let page = scrape(&server);
    assert!(page.value("tessera_audit_write_failures_total") > 0.0);
    server.eventually("it to last", || scrape(&server).value("tessera_audit_outage_seconds") > 0.1);
    server.database.restore();
    server.eventually("its end", || server.token(BFF, &CLIENT_CREDENTIALS).status == 200);
    assert_eq!(scrape(&server).value("tessera_audit_outage_seconds"), 0.0);
}
