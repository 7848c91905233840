//! What browsers may ask, and how much.

use reqwest::Method;
use serde_json::json;

use super::shop::{BACKEND, ORIGIN, Shop};
use crate::{
    both_engines,
    support::{Answer, Engine, TestServer},
};

const START: &str = "/v1/auth/webauthn/authenticate/start";

fn from(shop: &Shop, method: Method, path: &str, origin: &str) -> Answer {
    let request = shop.server.request(method, path).header("origin", origin);
    let request = request.header("access-control-request-method", "POST");
    Answer::to(
        request.header("access-control-request-headers", "content-type").json(&json!({ "client_id": BACKEND.0 })),
    )
}

#[test]
fn pages_of_applications_may_read_what_they_begin() {
    let environment = Shop::environment("").replace(
        "name = \"other\"\nplatform = \"WEB\"",
        "name = \"other\"\nplatform = \"WEB\"\nallowed_origins = [\"https://app.example\"]",
    );
    let shop = Shop::on(TestServer::builder(Engine::Sqlite).environment(&environment).start());
    for origin in [ORIGIN, "https://app.example"] {
        let asked = from(&shop, Method::OPTIONS, START, origin);
        assert_eq!((asked.status.as_u16(), asked.text.as_str()), (204, ""));
        assert_eq!(asked.header("access-control-allow-origin"), Some(origin));
        assert_eq!(asked.header("access-control-allow-methods"), Some("POST"));
        assert_eq!(
            asked.header("access-control-allow-headers"),
            Some("content-type, traceparent, tracestate, baggage")
        );
        assert_eq!(asked.header("access-control-max-age"), Some("600"));
        assert_eq!(asked.header("vary"), Some("origin"));
        let begun = from(&shop, Method::POST, START, origin);
        assert_eq!((begun.status.as_u16(), begun.header("access-control-allow-origin")), (200, Some(origin)));
        assert!(begun.header("access-control-allow-credentials").is_none());
        // Refusals can be read too.
        let request = shop.server.request(Method::POST, START).header("origin", origin);
        let refused = Answer::to(request.json(&json!({ "client_id": BACKEND.0, "username": "nobody" })));
        assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (401, Some(origin)));
    }
    for origin in ["https://evil.example", "null", "http://localhost:3001", "https://app.example.evil.example"] {
        for method in [Method::OPTIONS, Method::POST] {
            let answer = from(&shop, method, START, origin);
            assert!(answer.header("access-control-allow-origin").is_none(), "{origin}");
            assert!(answer.header("access-control-allow-methods").is_none(), "{origin}");
        }
    }
    // What backends call is not for browsers.
    for path in ["/v1/auth/webauthn/authenticate", "/v1/auth/webauthn/register", "/v1/users"] {
        let answer = from(&shop, Method::OPTIONS, path, ORIGIN);
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.header("access-control-allow-origin").is_none(), "{path}");
    }
    // A form is sent by any page without asking: it begins nothing.
    let request = shop.server.request(Method::POST, START).header("content-type", "text/plain");
    assert_eq!(Answer::to(request.body("{}")).status, 415);
}

both_engines! {
    fn one_network_cannot_fill_the_table(engine) {
        let shop = Shop::start(engine);
        shop.begin_login(json!({}));
        let copy = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)
            INSERT INTO webauthn_ceremonies (id_hash, environment_id, application_id, ceremony, network, expires_at)
            SELECT 'copy-' || i, environment_id, application_id, ceremony, network, expires_at FROM webauthn_ceremonies, n";
        shop.server.database.execute(copy);
        let refused = shop.start_login(json!({}));
        assert_eq!((refused.status.as_u16(), refused.json()["error_code"].clone()), (429, json!("too_many_requests")));
        assert_eq!((refused.header("retry-after"), shop.count("webauthn_ceremonies")), (Some("30"), 2000));
        // They do not stay for ever.
        shop.server.clock.advance(300);
        assert_eq!(shop.start_login(json!({})).status, 200);
        assert_eq!(shop.count("webauthn_ceremonies"), 1);
    }
}
