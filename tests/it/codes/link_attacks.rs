//! Links that are slipped in, led elsewhere, or used twice.

use std::thread;

use reqwest::Method;
use serde_json::json;

use super::{BACK, OTHER, WEB, WEB_2, assert_link_refused, id_token, link_of, world};
use crate::{both_engines, support::Answer};

const INVALID: &str = "Invalid magic link code";

both_engines! {
    fn a_link_leads_nowhere_but_to_where_the_client_said_to_the_byte(engine) {
        let world = world(engine);
        let message = "redirect_uri is not one of the allowed redirect URIs configured for this app";
        for uri in [
            "https://app.example/back/",
            "https://app.example/back/../evil",
            "https://app.example/backdoor",
            "https://app.example/back?x=1",
            "https://app.example/back#x",
            "https://app.example/BACK",
            "https://APP.example/back",
            "https://app.example:443/back",
            "http://app.example/back",
            "https://app.example.evil.example/back",
            "https://app.example@evil.example/back",
            "https://evil.example/https://app.example/back",
            "//app.example/back",
            "https:/app.example/back",
            "https://app.example\\@evil.example/back",
            "javascript:alert(1)//https://app.example/back",
            "data:text/html,x",
            "app://back",
            " https://app.example/back",
            "https://app.example/back ",
            "https://app.example/back\n",
            "https://app.example/%62ack",
            // Of the other client of the application.
            "https://two.example/back",
        ] {
            assert_link_refused(&world.send_link(json!({ "redirect_uri": uri })), 400, message);
        }
        assert!(world.mails.mails().is_empty());
        assert_eq!(world.codes(), "0");
    }

    fn the_state_stays_one_parameter(engine) {
        let world = world(engine);
        for state in ["https://evil.example", "&code=tsl_of_eve", "#", "a=b&redirect_uri=//evil.example", "%0d%0aX: y", "\"><script>", "", "ä 名"] {
            // A user gets so many links in a minute.
            world.server.clock.advance(60);
            let (link, code) = world.direct_link(json!({ "state": state }));
            let url = url::Url::parse(&link).expect("a URL");
            assert_eq!((url.host_str(), url.path(), url.fragment()), (Some("app.example"), "/back", None), "{link}");
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            assert_eq!(pairs, [("code".to_owned(), code), ("state".to_owned(), state.to_owned())]);
        }
        for state in ["a\r\nBcc: eve@evil.example", "a\u{0}b"] {
            assert_eq!(world.send_link(json!({ "state": state })).json()["ts_error_code"], "system_invalid_input");
        }
    }

    fn a_link_of_another_caller_or_request_signs_nobody_in(engine) {
        let world = world(engine);
        world.user(OTHER, json!({ "email": crate::codes::ADA }));
        let (_, code) = world.direct_link(json!({}));
        for client in [WEB_2, OTHER] {
            assert_link_refused(&world.try_link(client, &code, json!({})), 400, INVALID);
        }
        assert_link_refused(&world.try_link(WEB, &code, json!({ "request_id": "tsq_x" })), 400, INVALID);
        assert_eq!(world.try_link(WEB, &code, json!({})).status, 200, "nobody has used it up");
        // With a request id it is good in the browser's own session at the backend alone.
        let sent = world.send_link(json!({ "channel": "direct", "generate_request_id": true })).json();
        let code = crate::codes::code_of(sent["link"].as_str().expect("a link"));
        assert_link_refused(&world.try_link(WEB, &code, json!({})), 400, INVALID);
        let others = world.send_otp("direct", json!({ "generate_request_id": true })).json()["request_id"].clone();
        assert_link_refused(&world.try_link(WEB, &code, json!({ "request_id": others })), 400, INVALID);
        assert_eq!(world.try_link(WEB, &code, json!({ "request_id": sent["request_id"] })).status, 200);
        for code in ["", "tsl_", "tsl_0000000000000000000000000000000000000000000000000", "' OR 1=1 --", "a\u{0}b"] {
            let answer = world.try_link(WEB, code, json!({}));
            assert_eq!(answer.status, 400, "{}", answer.text);
        }
    }

    fn a_link_of_one_user_changes_nothing_in_the_session_of_another(engine) {
        let world = world(engine);
        world.user(WEB, json!({ "email": "bob@mail.example" }));
        let link = world.post(WEB, "/v1/auth/link/email/send", link_of(json!({ "identifier": "bob@mail.example", "channel": "direct" })));
        let bobs = world.try_link(WEB, &crate::codes::code_of(link.json()["link"].as_str().expect("a link")), json!({}));
        let session = bobs.json()["session_id"].clone();
        let rows = || world.server.database.texts("SELECT id || methods || CAST(idle_expires_at AS TEXT) AS text FROM login_sessions");
        let (before, (_, code)) = (rows(), world.direct_link(json!({})));
        world.server.clock.advance(10);
        let refused = world.try_link(WEB, &code, json!({ "session_id": session }));
        assert_link_refused(&refused, 400, "Session not found");
        assert_eq!(rows(), before);
        assert_eq!(world.server.record_of(&refused)["outcome"], "refused");
        assert_eq!(id_token(&world.try_link(WEB, &code, json!({})))["sub"], json!(world.ada));
    }

    fn a_link_that_went_to_an_address_that_was_changed_is_dead(engine) {
        let world = world(engine);
        world.send_link(json!({}));
        let code = crate::codes::code_of(&world.mailed_link(1));
        world.server.database.execute("UPDATE user_identifiers SET value = 'new@mail.example' WHERE kind = 'email'");
        assert_link_refused(&world.try_link(WEB, &code, json!({})), 400, INVALID);
        assert_eq!(world.sessions(), "0");
    }

    fn a_link_is_good_in_its_own_environment_alone(engine) {
        let world = world(engine);
        let second = crate::codes::ENVIRONMENT.replace("name = \"first\"", "name = \"second\"");
        world.server.apply(&second);
        let path = world.server.database.texts("SELECT '/' || tenant_id || '/' || id AS text FROM environments WHERE name = 'second'").remove(0);
        world.server.eventually("the second environment", || world.server.get(&format!("{path}/.well-known/openid-configuration")).status == 200);
        let (_, code) = world.direct_link(json!({}));
        let form = [("grant_type", "client_credentials")];
        let token = Answer::to(world.server.request(Method::POST, &format!("{path}/token")).basic_auth(WEB.0, Some(WEB.1)).form(&form)).access_token();
        let there = |token: &str| {
            let request = world.server.request(Method::POST, &format!("{path}/v1/auth/link/email/authenticate"));
            Answer::to(request.bearer_auth(token).json(&json!({ "code": code })))
        };
        assert_link_refused(&there(&token), 400, INVALID);
        // Nor is a token of the first one good there.
        let own = world.server.token(WEB, &crate::support::CLIENT_CREDENTIALS).access_token();
        assert_eq!(there(&own).status, 401);
        assert_eq!(world.try_link(WEB, &code, json!({})).status, 200);
    }

    fn of_those_who_redeem_a_link_at_once_on_two_nodes_one_is_signed_in(engine) {
        let world = world(engine);
        let second = world.server.another_node();
        for round in 1..=4 {
            let (_, code) = world.direct_link(json!({}));
            world.server.clock.advance(60);
            let statuses: Vec<u16> = thread::scope(|scope| {
                let at = |node| { let (world, code) = (&world, &code); move || {
                    let body = json!({ "code": code });
                    world.post_to(node, WEB, "/v1/auth/link/email/authenticate", body).status.as_u16()
                } };
                let threads: Vec<_> = [&world.server, &second, &world.server, &second, &world.server, &second].map(at).into_iter().map(|work| scope.spawn(work)).collect();
                threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
            });
            assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
            assert!(statuses.iter().all(|status| [200, 400].contains(status)), "{statuses:?}");
            assert_eq!(world.sessions(), round.to_string());
        }
    }
}

#[test]
fn the_allowed_uri_itself_is_allowed() {
    let world = world(crate::support::Engine::Sqlite);
    assert!(world.direct_link(json!({})).0.starts_with(BACK));
}
