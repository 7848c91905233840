//! The list of leaked passwords, a server on loopback.

use serde_json::json;

use super::*;
use crate::{
    both_engines,
    support::{
        NO_HANG,
        peer::{Peer, respond, stall},
    },
};

/// SHA-1 of [`SECOND`], in hexadecimal.
fn sha1(password: &str) -> String {
    openssl::sha::sha1(password.as_bytes()).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// A list that has [`SECOND`], and padding.
fn list() -> Peer {
    let leaked = sha1(SECOND);
    Peer::hearing(move |request, stream| {
        let wanted = request.split(' ').nth(1).unwrap_or_default();
        let (range, suffix) = leaked.split_at(5);
        let body = if wanted == format!("/list/range/{range}") { format!("{suffix}:3\r\n") } else { String::new() };
        let padding = format!("{}:0\r\n", "0".repeat(35));
        respond(stream, "200 OK", "Content-Type: text/plain\r\n", &format!("{padding}{body}"));
    })
}

fn world_asking(engine: Engine, peer: &Peer) -> (World, String) {
    let url = peer.url("/list");
    let settings = [("passwords.breach_list_url", url.as_str()), ("outbound.plain_http_to_loopback", "true")];
    let world = world_with(engine, &settings);
    let bob = world.user(STRICT, json!({ "username": "bob" }));
    (world, bob)
}

both_engines! {
    fn a_password_that_leaked_is_refused_and_the_list_does_not_learn_it(engine) {
        let list = list();
        let (world, bob) = world_asking(engine, &list);
        let path = format!("/v1/users/{bob}/password");
        refused(&world.post(STRICT, &path, &json!({ "password": SECOND })), 400, "auth_password_breached");
        assert_eq!(world.post(STRICT, &path, &json!({ "password": THIRD })).status, 201);
        let requests = list.requests();
        assert_eq!(requests.len(), 2, "{requests:?}");
        for (request, password) in requests.iter().zip([SECOND, THIRD]) {
            let (range, rest) = (sha1(password)[..5].to_owned(), sha1(password)[5..].to_owned());
            let request = request.to_uppercase();
            assert!(request.starts_with(&format!("GET /LIST/RANGE/{range} HTTP/1.1")), "{request}");
            assert!(request.contains("ADD-PADDING: TRUE"), "{request}");
            assert!(!request.contains(&rest[..8]), "{request}");
        }
        for (answer, count) in [("present", 1), ("absent", 1), ("failed", 0)] {
            let metric = format!("tessera_leaked_password_checks_total{{answer=\"{answer}\"}}");
            assert_eq!(world.counted(&metric), count, "{answer}");
        }
    }

    fn an_application_that_does_not_want_it_asks_nobody(engine) {
        let list = list();
        let (world, _) = world_asking(engine, &list);
        assert_eq!(world.replace(WEB, &world.ada, SECOND).status, 200);
        assert_eq!(list.requests().len(), 0);
    }

    fn a_list_that_gives_no_answer_keeps_nobody_from_a_new_password(engine) {
        let endless = "0123456789ABCDEF".repeat(64 * 1024);
        let peers = [
            Peer::start(|stream| respond(stream, "503 Away", "", "")),
            Peer::start(|stream| respond(stream, "302 Found", "Location: http://127.0.0.1/\r\n", "")),
            Peer::start(move |stream| respond(stream, "200 OK", "", &endless)),
            Peer::start(stall),
        ];
        for peer in &peers {
            let (world, bob) = world_asking(engine, peer);
            let path = format!("/v1/users/{bob}/password");
            let started = std::time::Instant::now();
            assert_eq!(world.post(STRICT, &path, &json!({ "password": SECOND })).status, 201);
            assert!(started.elapsed() < NO_HANG, "{:?}", started.elapsed());
            assert_eq!(world.counted("tessera_leaked_password_checks_total{answer=\"failed\"}"), 1);
        }
    }

    fn a_list_at_an_address_that_is_not_public_is_not_asked(engine) {
        let list = list();
        let url = list.url("/list");
        let world = world_with(engine, &[("passwords.breach_list_url", &url)]);
        let bob = world.user(STRICT, json!({ "username": "bob" }));
        world.password(STRICT, &bob, SECOND);
        assert_eq!(list.requests().len(), 0);
        assert_eq!(world.counted("tessera_leaked_password_checks_total{answer=\"failed\"}"), 1);
    }
}
