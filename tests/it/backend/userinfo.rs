//! `GET` and `POST /userinfo`.

use reqwest::Method;
use serde_json::{Value, json};
use tessera::domain::login::AuthMethod;

use crate::{
    both_engines,
    grants::token_exchange::demo_token,
    support::{
        Answer, BFF, TestServer,
        backend::{Backend, PORTAL, SignedIn, client_token, open_session, start},
        tokens::exchange_as,
    },
};

fn ask(server: &TestServer, method: Method, token: &str) -> Answer {
    Answer::to(server.request(method, "/userinfo").bearer_auth(token))
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.text);
    let challenge = answer.header("www-authenticate").expect("a challenge");
    assert!(challenge.starts_with("Bearer realm=\"tessera\""), "{challenge}");
    assert!(challenge.contains(&format!("error=\"{error}\"")), "{challenge}");
    assert_eq!(answer.json()["error"], error);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

both_engines! {
    fn a_backend_learns_of_its_user(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let user = portal.user(&json!({
            "email": "ada@example.com", "phone_number": "+4912345678", "name": { "first_name": "Ada", "last_name": "Lovelace" },
            "birthday": "1815-12-10", "custom_data": { "secret": "x" },
        }));
        let session = open_session(&server, &user, &[AuthMethod::Password]);
        let signed_in = SignedIn::of(user.clone(), &portal.authenticate(&session, json!({})));
        for method in [Method::GET, Method::POST] {
            let answer = ask(&server, method, &signed_in.access);
            assert_eq!(answer.status, 200, "{}", answer.text);
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("access-control-allow-origin"), None);
            let mut claims = answer.json();
            assert!(claims["updated_at"].is_i64(), "{claims}");
            claims.as_object_mut().expect("an object").remove("updated_at");
            assert_eq!(claims, json!({
                "sub": user, "email": "ada@example.com", "email_verified": false, "phone_number": "+4912345678",
                "phone_number_verified": false, "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
                "birthdate": "1815-12-10",
            }));
        }
        let answer = ask(&server, Method::DELETE, &signed_in.access);
        assert_eq!((answer.status.as_u16(), answer.header("allow")), (405, Some("GET, POST")));
    }

    fn nobody_else_learns_anything(engine) {
        let server = start(engine);
        let portal = Backend::portal(&server);
        let signed_in = portal.signed_in("ada@example.com");
        let answer = server.get("/userinfo");
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("www-authenticate"), Some("Bearer realm=\"tessera\""), "RFC 6750 §3.1: no error code");
        assert_refused(&ask(&server, Method::GET, "x"), 401, "invalid_token");
        assert_refused(&ask(&server, Method::GET, &signed_in.id_token), 401, "invalid_token");
        // In the address it would be logged.
        let answer = server.get(&format!("/userinfo?access_token={}", signed_in.access));
        assert_eq!(answer.status, 401);
        let refused = |token: &str, why: &str| {
            let answer = ask(&server, Method::GET, token);
            assert_refused(&answer, 403, "insufficient_scope");
            assert_eq!(answer.json()["error_description"], why, "its bearer is told");
        };
        refused(&client_token(&server, PORTAL), "The access token is not that of an end user");

        // Resource servers, and those who act for the user.
        let with_resource = portal.authenticate(&signed_in.session_id, json!({ "resource": "bff-api" })).access_token();
        refused(&with_resource, "The access token is addressed to others");
        let delegated = exchange_as(&server, BFF, &with_resource, &[("scope", "calendar.edit")]).access_token();
        refused(&delegated, "The access token is a delegated one");
        assert_refused(&ask(&server, Method::GET, &demo_token(&server)), 403, "insufficient_scope");
        assert_eq!(portal.post("/v1/auth/session/logout", &json!({ "session_id": signed_in.session_id })).status, 204);
        assert_refused(&ask(&server, Method::GET, &signed_in.access), 401, "invalid_token");

        for path in ["/v1/users/{}/apps", "/v1/manage/users/{}"] {
            let one = portal.signed_in(&format!("user{}@example.com", path.len()));
            assert_eq!(ask(&server, Method::GET, &one.access).status, 200);
            let answer = portal.plain(Method::DELETE, &path.replace("{}", &one.user_id));
            assert_eq!(answer.status, 204, "{}", answer.text);
            assert_refused(&ask(&server, Method::GET, &one.access), 401, "invalid_token");
        }
    }

    fn the_metadata_say_where_it_is(engine) {
        let server = start(engine);
        let openid = server.get("/.well-known/openid-configuration").json();
        assert_eq!(openid["userinfo_endpoint"], format!("{}/userinfo", server.url));
        let claims = openid["claims_supported"].as_array().expect("a list");
        for claim in ["sub", "amr", "email", "custom_data", "birthdate"] {
            assert!(claims.contains(&Value::from(claim)), "{claim}");
        }
    }
}
