//! Who may read them, and where.

use std::{collections::BTreeMap, net::TcpListener};

use reqwest::Method;

use super::Scrape;
use crate::support::{Answer, BFF, CLIENT_CREDENTIALS, Engine, TestServer, server::Builder};

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
        assert_eq!(request("/ready").status, 200, "which says no more than before");
    }
}

#[test]
fn an_address_that_cannot_be_listened_on_is_refused_with_the_name_of_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let installation = crate::support::Installation::demo(Engine::Sqlite).with("server.internal_listen", &address);
    let said = installation.cli(&["serve"]).failure(3);
    assert!(said.contains("server.internal_listen") && said.contains(&address), "{said}");

    let settings = BTreeMap::from([("server.internal_listen", "9090"), ("server.listen", "127.0.0.1:0")]);
    let with = |installation: crate::support::Installation, (key, value)| installation.with(key, value);
    let installation = settings.into_iter().fold(crate::support::Installation::demo(Engine::Sqlite), with);
    let said = installation.cli(&["check-config"]).failure(3);
    assert!(said.contains("server.internal_listen") && said.contains("an IP address and a port"), "{said}");
}
