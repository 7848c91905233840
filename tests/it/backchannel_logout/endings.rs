//! Whatever ends a session, its clients are told.

use serde_json::json;

use super::{SESSION, USER, builder, manage, notices, revoke_session, sign_in, start, verified, waiting};
use crate::{
    both_engines,
    support::{Engine, TestServer, peer::Peer},
};

both_engines! {
    fn both_clients_of_a_session_are_told_once_and_can_verify_it(engine) {
        let (web, shop) = (Peer::serving(""), Peer::serving(""));
        let server = start(engine, &web, &shop);
        sign_in(&server, SESSION, &["web", "shop", "quiet"]);
        revoke_session(&server, SESSION);
        server.eventually("both to be told", || notices(&server).len() == 2);
        for (peer, client) in [(&web, "web"), (&shop, "shop")] {
            let requests = peer.requests();
            assert_eq!(requests.len(), 1);
            let claims = verified(&server, &requests[0], client);
            assert_eq!((&claims["sub"], &claims["sid"]), (&json!(USER), &json!(SESSION)));
        }
        let expected = |client| json!([client, "success", SESSION, null]);
        assert_eq!(notices(&server), [expected("shop"), expected("web")]);
        server.eventually("nobody to be left", || waiting(&server) == 0);
        // It has ended already.
        revoke_session(&server, SESSION);
        assert_eq!(waiting(&server), 0);
        let page = server.get("/metrics").text;
        assert!(page.contains("tessera_logout_notices_total{outcome=\"success\"} 2"), "{page}");
    }
}

fn tells(server: &TestServer, web: &Peer, what: &str, sessions: usize) {
    server.eventually(what, || web.requests().len() == sessions && waiting(server) == 0);
    let requests = web.requests();
    let mut told: Vec<String> =
        requests.iter().map(|request| verified(server, request, "web")["sid"].to_string()).collect();
    told.sort();
    told.dedup();
    assert_eq!(told.len(), sessions, "{what}");
}

#[test]
fn every_session_of_a_user_who_is_revoked_disabled_or_deleted_ends_for_its_clients() {
    let sessions = [SESSION, "4c1b4a59-8e7d-4f5a-9b3c-2d1e0a6d7f2e"];
    let ways = [
        ("revokeSubject", json!({ "subject": USER }), "revocation { kind }"),
        ("updateUser", json!({ "id": USER, "patch": { "enabled": false } }), "user { id }"),
        ("deleteUser", json!({ "id": USER }), "user { id }"),
    ];
    for (operation, input, fields) in ways {
        let (web, shop) = (Peer::serving(""), Peer::serving(""));
        let server = start(Engine::Sqlite, &web, &shop);
        for session in sessions {
            sign_in(&server, session, &["web"]);
        }
        manage(&server, operation, &input, fields);
        tells(&server, &web, operation, 2);
        assert!(shop.requests().is_empty(), "{operation}: it had no part in the session");
    }
}

#[test]
fn a_client_whose_address_was_taken_out_is_not_called() {
    let web = Peer::serving("");
    // The first attempt fails, and the second never comes.
    let server = builder(Engine::Sqlite, "https://127.0.0.1:1/logout", &web.url("/logout")).start();
    sign_in(&server, SESSION, &["web"]);
    revoke_session(&server, SESSION);
    server.eventually("an attempt", || {
        server.database.texts("SELECT client_id AS text FROM logout_deliveries WHERE attempts = 1").len() == 1
    });
    let file = super::environment("https://a.example/", &web.url("/logout"));
    server.apply(&file.replacen(
        "backchannel_logout_uri = \"https://a.example/\"\nbackchannel_logout_session_required = true\n",
        "",
        1,
    ));
    server.eventually("it to be given up", || {
        server.clock.advance(5);
        notices(&server).len() == 1
    });
    let detail = notices(&server).remove(0)[3].to_string();
    assert!(detail.contains("has no backchannel_logout_uri any more"), "{detail}");
    assert!(web.requests().is_empty());
}
