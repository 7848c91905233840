//! `GET /metrics`: what it says, to whom, and that the pages about it say the same.

mod format;
mod listener;
mod pages;
mod scrape;

use crate::support::TestServer;
use format::Scrape;

/// What a node says of itself, checked to be of the format.
pub fn scrape(server: &TestServer) -> Scrape {
    let answer = server.get("/metrics");
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    Scrape::parse(&answer.text)
}

/// How many tokens the node has signed by ES256.
pub fn signatures(server: &TestServer) -> f64 {
    scrape(server).value(r#"tessera_signatures_total{alg="ES256"}"#)
}
