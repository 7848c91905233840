//! Who may call what.

use reqwest::Method;
use serde_json::json;

use super::sessions::is_active;
use crate::{
    both_engines,
    grants::token_exchange::demo_token,
    support::{
        Answer, BFF, TestServer,
        backend::{Backend, PORTAL, READER, assert_refused, call_with, client_token, environment, start},
        tokens::exchange_as,
    },
};

/// Every operation of this area: method, path, permission.
fn operations(user: &str) -> [(Method, String, &'static str); 5] {
    let sessions = format!("/v1/auth/users/{user}/sessions");
    [
        (Method::POST, "/v1/auth/session/authenticate".into(), "AUTH_EXECUTE"),
        (Method::POST, "/v1/auth/token/refresh".into(), "AUTH_EXECUTE"),
        (Method::POST, "/v1/auth/session/logout".into(), "SESSIONS_DELETE"),
        (Method::GET, sessions.clone(), "SESSIONS_READ"),
        (Method::DELETE, sessions, "SESSIONS_DELETE"),
    ]
}

both_engines! {
    fn each_operation_needs_its_permission(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let reader = client_token(&server, READER);
        let body = json!({ "session_id": signed_in.session_id, "refresh_token": signed_in.refresh });
        for (method, path, permission) in operations(&signed_in.user_id) {
            let answer = Answer::to(server.request(method.clone(), &path).json(&body));
            assert_refused(&server, &answer, 401, "unauthorized");
            let answer = call_with(&server, method.clone(), &path, "no-token", &body);
            assert_refused(&server, &answer, 401, "unauthorized");
            if permission != "SESSIONS_READ" {
                let answer = call_with(&server, method.clone(), &path, &reader, &body);
                assert_refused(&server, &answer, 403, "forbidden");
            }
            // Who may not call learns nothing of what can be sent.
            let answer = call_with(&server, method, &path, &signed_in.access, &json!({ "x": 1 }));
            assert_refused(&server, &answer, 403, "forbidden");
        }
        assert_eq!(call_with(&server, Method::GET, &format!("/v1/auth/users/{}/sessions", signed_in.user_id), &reader, &json!({})).status, 200);
        assert!(is_active(&server, &signed_in.access), "nothing has happened");
    }

    fn a_token_for_others_or_of_others_is_of_no_use_here(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let path = "/v1/auth/session/authenticate";
        let body = json!({ "session_id": signed_in.session_id });
        let form = [("grant_type", "client_credentials"), ("audience", "bff-api")];
        let for_others = server.token(PORTAL, &form).access_token();
        let delegated = exchange_as(&server, BFF, &demo_token(&server), &[("scope", "calendar.edit")]).access_token();
        let audience = format!("The access token is addressed to others: its aud must have userid-api or {}", server.url);
        let lacks = "The access token lacks the permission userid-api:AUTH_EXECUTE".to_owned();
        for (token, said) in [
            (&for_others, audience),
            (&delegated, "The access token is a delegated one".to_owned()),
            (&client_token(&server, READER), lacks),
        ] {
            let answer = call_with(&server, Method::POST, path, token, &body);
            assert_refused(&server, &answer, 403, "forbidden");
            assert_eq!(answer.json()["message"], said, "its bearer is told");
        }
        // Another environment has other keys.
        let elsewhere = TestServer::builder(engine).environment(&environment()).start();
        let foreign = client_token(&elsewhere, PORTAL);
        let answer = call_with(&server, Method::POST, path, &foreign, &body);
        assert_refused(&server, &answer, 401, "unauthorized");
        assert_eq!(answer.json()["message"], "A valid access token is required", "nobody else is told anything");
        // A client's token at what is for users.
        let answer = call_with(&server, Method::GET, "/v1/users/me", &client_token(&server, PORTAL), &json!({}));
        assert_eq!(answer.status, 403, "{}", answer.text);
        assert_eq!(answer.json()["message"], "The access token is not that of an end user");
    }

    fn a_permission_that_was_taken_away_and_a_client_that_was_disabled_count_at_once(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let file = environment().replace("\"AUTH_EXECUTE\", ", "");
        server.apply(&file);
        server.eventually("the change", || portal.authenticate(&signed_in.session_id, json!({})).status == 403);
        let answer = portal.authenticate(&signed_in.session_id, json!({}));
        let said = "The permission userid-api:AUTH_EXECUTE was taken away since the access token was issued";
        assert_eq!(answer.json()["message"], said);
        let off = environment().replacen("id = \"portal-backend\"", "id = \"portal-backend\"\nenabled = false", 1);
        server.apply(&off);
        server.eventually("the change", || portal.authenticate(&signed_in.session_id, json!({})).status == 401);
        let no_application = environment().replacen("application = \"portal\"\ngrants = [\"client_credentials\", \"refresh_token\"]", "grants = [\"client_credentials\", \"refresh_token\"]", 1);
        server.apply(&no_application);
        server.eventually("the change", || portal.authenticate(&signed_in.session_id, json!({})).status == 404);
        let answer = portal.authenticate(&signed_in.session_id, json!({}));
        assert_refused(&server, &answer, 404, "app_not_found");
        let answer = portal.post("/v1/auth/token/refresh", &json!({ "refresh_token": signed_in.refresh }));
        assert_refused(&server, &answer, 400, "invalid_refresh_token");
    }
}
