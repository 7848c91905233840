//! Sessions: shown, extended, listed and ended.

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::{clock::Clock as _, login::AuthMethod};

use crate::{
    both_engines,
    grants::refresh_token::{assert_dead_of, one},
    support::{
        Answer, BFF, CALENDAR, TestServer,
        backend::{
            Backend, PORTAL, SignedIn, assert_refused, call_with, client_token, environment, open_session, start,
        },
        tokens::{exchange_as, peek, verify},
    },
};

const AUTHENTICATE: &str = "/v1/auth/session/authenticate";
const LOGOUT: &str = "/v1/auth/session/logout";

/// Whether a token is in force, as the client that it was issued to is told.
pub fn is_active(server: &TestServer, token: &str) -> bool {
    let request = server.request(Method::POST, "/introspect").basic_auth(PORTAL.0, Some(PORTAL.1));
    let answer = Answer::to(request.form(&[("token", token)]));
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.json()["active"].as_bool().expect("active")
}

#[track_caller]
fn assert_unknown(server: &TestServer, answer: &Answer) {
    let record = assert_refused(server, answer, 400, "session_not_found");
    assert_eq!(answer.json()["message"], "Session not found");
    assert_eq!(record["event"], "user.authentication_refused");
}

fn sid(signed_in: &SignedIn) -> String {
    peek(&signed_in.access)["sid"].as_str().expect("sid").to_owned()
}

both_engines! {
    fn what_is_no_session_here_gets_nothing(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let sessions = one(&server, "SELECT COUNT(*) FROM sessions");
        let unknown = format!("tss_{}", &signed_in.refresh[4..]);
        let mistyped = format!("{}x", signed_in.session_id);
        for id in ["x", "tss_", unknown.as_str(), mistyped.as_str(), signed_in.refresh.as_str(), &sid(&signed_in), "\u{0}", "' OR 1=1"] {
            assert_unknown(&server, &portal.authenticate(id, json!({})));
        }
        for body in [json!({}), json!({ "session_id": "" }), json!({ "session_id": 1 }), json!({ "session_id": "x".repeat(300) })] {
            let answer = portal.post(AUTHENTICATE, &body);
            assert_refused(&server, &answer, 400, "system_invalid_input");
        }
        assert_eq!(one(&server, "SELECT COUNT(*) FROM sessions"), sessions, "nothing was issued");
        SignedIn::of(signed_in.user_id, &portal.authenticate(&signed_in.session_id, json!({})));
    }

    fn a_session_lives_on_while_it_is_used_up_to_its_longest_life(engine) {
        let server = TestServer::builder(engine)
            .environment(&environment())
            .setting("sessions.idle_lifetime", "1000")
            .setting("sessions.absolute_lifetime", "2500")
            .start();
        let portal = Backend::portal(&server);
        let user = portal.user(&json!({ "email": "ada@example.com" }));
        let late = open_session(&server, &user, &[AuthMethod::Password]);
        let session = open_session(&server, &user, &[AuthMethod::Password]);
        for _ in 0..2 {
            server.clock.advance(999);
            SignedIn::of(user.clone(), &portal.authenticate(&session, json!({})));
        }
        assert_unknown(&server, &portal.authenticate(&late, json!({})));
        // 1998 seconds are over, and it would be good for 1000 more.
        server.clock.advance(501);
        let last = SignedIn::of(user, &portal.authenticate(&session, json!({})));
        let claims = peek(&last.access);
        assert_eq!(claims["exp"], server.clock.now() + 1, "no token outlives the session");
        server.clock.advance(1);
        assert_unknown(&server, &portal.authenticate(&session, json!({})));
        assert_refused(&server, &portal.post("/v1/auth/token/refresh", &json!({ "refresh_token": last.refresh })), 400, "invalid_refresh_token");
    }

    fn logging_out_ends_everything_that_came_of_the_session_on_all_nodes(engine) {
        let server = start(engine);
        let node = server.another_node();
        let portal = Backend::portal(&server);
        let user = portal.user(&json!({ "email": "ada@example.com" }));
        let session = open_session(&server, &user, &[AuthMethod::Password]);
        let resource = json!({ "resource": "bff-api" });
        let signed_in = SignedIn::of(user.clone(), &portal.authenticate(&session, resource.clone()));
        let other = open_session(&server, &user, &[AuthMethod::Totp]);
        let other = SignedIn::of(user, &portal.authenticate(&other, resource));

        // Both are exchanged on, twice: by the BFF, and by the calendar service behind it.
        let chain = |access: &str| {
            let edited = exchange_as(&server, BFF, access, &[("scope", "calendar.edit")]).access_token();
            let reports = exchange_as(&server, CALENDAR, &edited, &[("scope", "reports.read")]).access_token();
            (edited, reports)
        };
        let (edited, reports) = chain(&signed_in.access);
        let (other_edited, _) = chain(&other.access);
        let original = verify(&server, &signed_in.access, "bff-api");
        assert_eq!(verify(&server, &reports, "reports-api")["sid"], original["sid"]);

        let answer = portal.post(LOGOUT, &json!({ "session_id": signed_in.session_id }));
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        let record = server.record_of(&answer);
        assert_eq!(
            (&record["event"], &record["outcome"], &record["subject"], &record["session_id"], &record["client_id"]),
            (&json!("session.ended"), &json!("success"), &json!(signed_in.user_id), &original["sid"], &json!(PORTAL.0)),
        );
        assert!(!is_active(&server, &signed_in.access) && is_active(&server, &other.access));
        assert_eq!(exchange_as(&server, BFF, &signed_in.access, &[("scope", "calendar.edit")]).status, 400);
        assert_eq!(exchange_as(&server, CALENDAR, &edited, &[("scope", "reports.read")]).status, 400);
        exchange_as(&server, CALENDAR, &other_edited, &[("scope", "reports.read")]).access_token();
        node.eventually("the end at the other node", || !is_active(&node, &signed_in.access));
        let elsewhere = call_with(&node, Method::POST, AUTHENTICATE, &client_token(&node, PORTAL),
            &json!({ "session_id": signed_in.session_id }));
        assert_unknown(&node, &elsewhere);
        assert_dead_of(&server, PORTAL, &signed_in.refresh);
        assert_unknown(&server, &portal.authenticate(&signed_in.session_id, json!({})));
        let again = assert_refused(&server, &portal.post(LOGOUT, &json!({ "session_id": signed_in.session_id })), 400, "session_not_found");
        assert_eq!(again["event"], "revocation.refused");
        SignedIn::of(String::new(), &portal.authenticate(&other.session_id, json!({})));
    }

    fn the_list_has_public_ids_which_end_sessions_too(engine) {
        let server = start(engine);
        let (portal, shop) = (Backend::portal(&server), Backend::shop(&server));
        let first = portal.signed_in("ada@example.com");
        let path = format!("/v1/auth/users/{}/sessions", first.user_id);
        server.clock.advance(10);
        let second = open_session(&server, &first.user_id, &[AuthMethod::Totp]);
        let second = SignedIn::of(first.user_id.clone(), &portal.authenticate(&second, json!({})));
        let other = portal.signed_in("bob@example.com");

        let answer = portal.get(&path);
        assert_eq!(answer.status, 200, "{}", answer.text);
        let list = answer.json();
        let ids: Vec<&Value> = list.as_array().expect("a list").iter().map(|item| &item["session_id"]).collect();
        assert_eq!(ids, [&json!(sid(&first)), &json!(sid(&second))]);
        let members: Vec<&String> = list[0].as_object().expect("an object").keys().collect();
        assert_eq!(members, ["session_id", "start_time", "expiration_time"]);
        assert!(list[0]["start_time"].as_str().is_some_and(|time| time.ends_with('Z')), "{list}");
        assert!(!answer.text.contains("tss_"), "what signs in is not told");

        // Of another application's users nobody learns anything, and ends nothing.
        assert_refused(&server, &shop.get(&path), 404, "user_not_found");
        assert_refused(&server, &shop.plain(Method::DELETE, &path), 404, "user_not_found");
        assert_refused(&server, &shop.post(LOGOUT, &json!({ "session_id": sid(&first) })), 400, "session_not_found");
        assert_refused(&server, &portal.get("/v1/auth/users/nobody/sessions"), 404, "user_not_found");

        assert_eq!(portal.post(LOGOUT, &json!({ "session_id": sid(&first) })).status, 204);
        assert_unknown(&server, &portal.authenticate(&first.session_id, json!({})));
        assert_eq!(portal.get(&path).json().as_array().map(Vec::len), Some(1));

        let third = open_session(&server, &first.user_id, &[AuthMethod::Password]);
        let answer = portal.plain(Method::DELETE, &path);
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
        let record = server.record_of(&answer);
        assert_eq!((&record["event"], &record["subject"], &record["detail"]), (&json!("session.ended"), &json!(first.user_id), &json!("2 sessions")));
        for session in [&second.session_id, &third] {
            assert_unknown(&server, &portal.authenticate(session, json!({})));
        }
        assert!(!is_active(&server, &second.access));
        assert_dead_of(&server, PORTAL, &second.refresh);
        assert_eq!(portal.get(&path).json(), json!([]));
        assert_eq!(portal.plain(Method::DELETE, &path).status, 204, "none is left, and that is no mistake");
        SignedIn::of(String::new(), &portal.authenticate(&other.session_id, json!({})));
    }

    fn nothing_is_given_for_a_user_who_is_disabled_or_left_the_application(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let (disabled, left) = (portal.signed_in("ada@example.com"), portal.signed_in("bob@example.com"));
        let change = portal.call(Method::PUT, &format!("/v1/users/{}", disabled.user_id), &json!({ "status": "Disabled" }));
        assert_eq!(change.status, 200, "{}", change.text);
        let answer = portal.plain(Method::DELETE, &format!("/v1/users/{}/apps", left.user_id));
        assert_eq!(answer.status, 204, "{}", answer.text);
        for signed_in in [&disabled, &left] {
            assert_eq!(portal.authenticate(&signed_in.session_id, json!({})).status.as_u16() / 100, 4);
            assert!(!is_active(&server, &signed_in.access), "{}", signed_in.user_id);
            assert_dead_of(&server, PORTAL, &signed_in.refresh);
            let answer = portal.post("/v1/auth/token/refresh", &json!({ "refresh_token": signed_in.refresh }));
            assert_refused(&server, &answer, 400, "invalid_refresh_token");
        }
    }
}
