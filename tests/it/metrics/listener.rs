//! Who may read them, and where.

use std::{collections::BTreeMap, net::TcpListener};

use reqwest::Method;
use serde_json::json;

use super::Scrape;
use crate::support::{
    Answer, BFF, CLIENT_CREDENTIALS, Engine, Installation, TestServer, certificate::put_certificate, server::Builder,
};

const PROBES: [&str; 3] = ["/health", "/ready", "/metrics"];

/// A server with a listener of its own for probes, and where that is.
fn apart(builder: Builder) -> (TestServer, impl Fn(&str) -> Answer) {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").to_string();
    let server = builder.setting("server.internal_listen", &address).start();
    let http = reqwest::blocking::Client::new();
    (server, move |path: &str| Answer::to(http.get(format!("http://{address}{path}"))))
}

#[test]
fn with_a_listener_of_their_own_probes_are_nowhere_else() {
    let (server, internal) = apart(TestServer::builder(Engine::Sqlite));
    server.token(BFF, &CLIENT_CREDENTIALS).access_token();
    for path in PROBES {
        assert_eq!(server.get(path).status, 404, "{path}");
        let answer = internal(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        assert!(answer.header("x-request-id").is_some());
    }
    let page = Scrape::parse(&internal("/metrics").text);
    assert_eq!(page.value(r#"tessera_signatures_total{alg="ES256"}"#), 1.0, "it is the same node");
    for path in ["/token", "/graphql", "/graphql-management", "/.well-known/jwks.json", "/graphiql", "/"] {
        assert_eq!(internal(path).status, 404, "{path}");
    }
}

#[test]
fn the_listener_for_probes_knows_no_proxy_and_the_other_one_makes_no_exception_for_them() {
    let builder = TestServer::builder(Engine::Sqlite).setting("server.public_url", "https://auth.example.com");
    let (server, internal) = apart(builder.setting("server.behind_proxy.trusted", "10.0.0.0/8"));
    for path in PROBES {
        assert_eq!(internal(path).status, 200, "{path}");
        assert_eq!(server.get(path).status, 403, "{path}: only the proxy is answered there");
    }
}

/// Prometheus comes past the proxy; the world comes through it.
#[test]
fn behind_a_proxy_metrics_are_for_those_on_this_side() {
    let behind = |trusted: &str| {
        let builder = TestServer::builder(Engine::Sqlite).setting("server.behind_proxy.trusted", trusted);
        builder.setting("server.public_url", "https://auth.example.com").start()
    };
    let past = behind("10.0.0.0/8");
    assert_eq!(past.get("/metrics").status, 200);
    let through = behind("127.0.0.0/8");
    assert_eq!(through.get("/metrics").status, 200, "the network of the proxy itself");
    for (name, value) in [("x-forwarded-for", "198.51.100.7"), ("x-forwarded-proto", "https"), ("x-forwarded-for", "")]
    {
        let request = |path| Answer::to(through.request(Method::GET, path).header(name, value));
        let answer = request("/metrics");
        assert_eq!(answer.status, 403, "{name}: {value}");
        assert!(!answer.text.contains("tessera_"), "{}", answer.text);
        let ready = request("/ready");
        assert_eq!((ready.status.as_u16(), ready.json()), (200, json!({ "status": "ready" })), "and no part of it");
    }
    assert_eq!(through.get("/ready").json()["database"], "ok");
}

/// Everybody comes to a listener with TLS of its own.
#[test]
fn on_a_public_listener_nobody_reads_metrics_and_how_the_node_is() {
    let mut installation = Installation::demo(Engine::Sqlite)
        .with("server.listen", "0.0.0.0:0")
        .with("server.public_url", "https://localhost")
        .with("server.tls.certificate_file", "tls.crt")
        .with("server.tls.private_key_file", "tls.key");
    put_certificate(&installation);
    let server = installation.serve();
    let port = server.address().port();
    let http = reqwest::blocking::Client::builder().danger_accept_invalid_certs(true).build().expect("a client");
    let get = |path: &str| Answer::to(http.get(format!("https://127.0.0.1:{port}{path}")));
    let metrics = get("/metrics");
    assert_eq!(metrics.status, 403);
    assert!(metrics.text.contains("server.internal_listen") && !metrics.text.contains("tessera_"), "{}", metrics.text);
    assert_eq!((get("/ready").status.as_u16(), get("/ready").json()), (200, json!({ "status": "ready" })));
    assert_eq!(get("/health").status, 200);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused_with_the_name_of_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let installation = Installation::demo(Engine::Sqlite).with("server.internal_listen", &address);
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("server.internal_listen") && said.contains(&address), "{said}");

    let settings = BTreeMap::from([("server.internal_listen", "9090"), ("server.listen", "127.0.0.1:0")]);
    let with = |installation: Installation, (key, value)| installation.with(key, value);
    let installation = settings.into_iter().fold(Installation::demo(Engine::Sqlite), with);
    let said = installation.cli(&["check-config"]).failure(3);
    assert!(said.contains("server.internal_listen") && said.contains("an IP address and a port"), "{said}");
}
