//! What users of the API try who mean ill.

use reqwest::Method;
use serde_json::{Value, json};

use super::{Api, ENVIRONMENT, MOBILE, UNKNOWN, WEB, WEB_BACKEND, WEB_READER, assert_refused, start, text, users_in};
use crate::{
    both_engines,
    support::{
        Answer, CLIENT_CREDENTIALS, TestServer,
        forge::{Forge, with},
        tokens::peek,
    },
};

/// Every operation of backends on a user: method, path and body, and the permission that it takes.
fn operations(id: &str) -> Vec<(Method, String, Option<Value>, &'static str)> {
    let at = |rest: &str| format!("/v1/users/{id}{rest}");
    let nothing = Some(json!({}));
    vec![
        (Method::POST, "/v1/users".into(), Some(json!({ "email": "new@mail.example" })), "USERS_CREATE"),
        (Method::GET, "/v1/users".into(), None, "USERS_READ"),
        (Method::GET, "/v1/users/count".into(), None, "USERS_READ"),
        (
            Method::GET,
            "/v1/users/identifier?identifier_name=email&identifier_value=ada@mail.example".into(),
            None,
            "USERS_READ",
        ),
        (Method::GET, "/v1/users/email/ada@mail.example".into(), None, "USERS_READ"),
        (Method::GET, "/v1/users/phone-number/+14155550100".into(), None, "USERS_READ"),
        (Method::GET, "/v1/users/username/ada".into(), None, "USERS_READ"),
        (Method::GET, "/v1/users/external-user-id/e1".into(), None, "USERS_READ"),
        (Method::GET, at(""), None, "USERS_READ"),
        (Method::PUT, at(""), nothing.clone(), "USERS_EDIT"),
        (Method::POST, at("/emails/ada@mail.example/verify"), nothing.clone(), "USERS_EDIT"),
        (Method::POST, at("/phone-numbers/+14155550100/verify"), nothing, "USERS_EDIT"),
        (Method::DELETE, at("/emails/ada@work.example"), None, "USERS_EDIT"),
        (Method::DELETE, at("/phone-numbers/+14155550101"), None, "USERS_EDIT"),
        (Method::DELETE, at("/apps"), None, "USERS_EDIT"),
        (Method::DELETE, format!("/v1/manage/users/{id}"), None, "USERS_DELETE"),
    ]
}

fn ada() -> Value {
    json!({
        "email": "ada@mail.example", "phone_number": "+14155550100", "username": "ada", "external_user_id": "e1",
        "secondary_emails": ["ada@work.example"], "secondary_phone_numbers": ["+14155550101"],
    })
}

fn as_it_is(server: &TestServer) -> Vec<String> {
    let mut all = server.database.texts("SELECT value || shown || user_id || CAST(verified_at IS NULL AS TEXT) AS text FROM user_identifiers ORDER BY value");
    all.extend(server.database.texts("SELECT id || details AS text FROM users ORDER BY id"));
    all.extend(server.database.texts("SELECT user_id || application_id || custom_data AS text FROM user_applications"));
    all
}

const PERMISSIONS: [&str; 4] = ["USERS_READ", "USERS_CREATE", "USERS_EDIT", "USERS_DELETE"];

both_engines! {
    fn each_operation_takes_its_own_permission_and_no_other_one(engine) {
        let clients = PERMISSIONS.map(|key| format!(
            "[[client]]\nid = \"{key}\"\ngrants = [\"client_credentials\"]\nsecret = \"{}\"\napplication = \"web\"\n\
             permissions = {{ userid-api = [\"{key}\"] }}\n", WEB_BACKEND.1
        ));
        let server = TestServer::builder(engine).environment(&format!("{ENVIRONMENT}{}", clients.concat())).start();
        let id = Api::of(&server, WEB_BACKEND).create(&ada())["user_id"].clone();
        let before = as_it_is(&server);
        let apis = PERMISSIONS.map(|key| (key, Api::of(&server, (key, WEB_BACKEND.1))));
        let others = [("ax-user-service", Api::of(&server, super::super::MANAGER))];
        for (key, api) in apis.iter().chain(&others) {
            for (method, path, body, permission) in operations(text(&id)).into_iter().filter(|one| one.3 != *key) {
                let answer = api.send(method.clone(), &path, body.as_ref());
                assert_refused(&answer, 403, "forbidden");
                assert!(!answer.text.contains("ada"), "{}", answer.text);
                let record = server.database.audit_records().pop().expect("a record");
                if method != Method::GET {
                    assert_eq!(record["event"], "management.refused", "{method} {path} {permission}");
                }
            }
        }
        assert_eq!(as_it_is(&server), before);
    }

    fn nothing_is_open_without_a_good_token_of_the_clients_own(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&ada())["user_id"].clone();
        let (before, good, ours) = (as_it_is(&server), peek(&api.token), Forge::of(&server));
        let forged = |changes: Value| ours.token(&with(&good, &changes));
        for (token, status) in [
            ("nonsense".to_owned(), 401),
            (Forge::attacker().token(&good), 401),
            (forged(json!({ "exp": 1 })), 401),
            (forged(json!({ "act": { "sub": "bff", "iss": server.url } })), 403),
            (forged(json!({ "aud": "reports-api" })), 403),
            (forged(json!({ "permissions": null, "scope": "userid-api:USERS_EDIT" })), 403),
            (forged(json!({ "subjectType": "EndUserAccount" })), 403),
        ] {
            for (method, path, body, _) in operations(text(&id)) {
                let answer = api.with_token(&token).send(method.clone(), &path, body.as_ref());
                assert_eq!(answer.status, status, "{method} {path} {}", answer.text);
            }
        }
        for (method, path, body, _) in operations(text(&id)) {
            let request = server.request(method, &path);
            let answer = Answer::to(body.map_or(server.request(Method::GET, &path), |body| request.json(&body)));
            assert!([401, 405].contains(&answer.status.as_u16()), "{path} {}", answer.status);
        }
        assert_eq!(as_it_is(&server), before);
    }

    fn users_of_another_tenant_are_nobody(engine) {
        let server = start(engine);
        let second = ENVIRONMENT.replace("name = \"first\"", "name = \"second\"\ntenant = \"other\"");
        let second = second.replace(&format!("id = \"{WEB}\"\n"), "").replace(&format!("id = \"{MOBILE}\"\n"), "");
        server.apply(&second);
        let path = "SELECT '/' || tenant_id || '/' || id AS value FROM environments WHERE name = 'second'";
        let issuer = server.database.value(path);
        server.eventually("the second environment", || server.get(&format!("{issuer}/.well-known/jwks.json")).status == 200);
        let request = server.request(Method::POST, &format!("{issuer}/token"));
        let token = Answer::to(request.basic_auth(WEB_BACKEND.0, Some(WEB_BACKEND.1)).form(&CLIENT_CREDENTIALS));
        let here = Api::of(&server, WEB_BACKEND);
        let there = Api { server: &server, token: token.access_token(), issuer };
        let id = here.create(&ada())["user_id"].clone();
        let before = as_it_is(&server);
        for (method, path, body, _) in operations(text(&id)).into_iter().filter(|(_, path, ..)| path.contains(text(&id))) {
            let answer = there.send(method.clone(), &path, body.as_ref());
            assert_refused(&answer, 404, "user_not_found");
            let unknown = there.send(method.clone(), &path.replace(text(&id), UNKNOWN), body.as_ref());
            assert_eq!(answer.text, unknown.text, "{method} {path}");
            assert_eq!(here.with_token(&there.token).send(method, &path, body.as_ref()).status, 401, "the wrong issuer");
        }
        assert_eq!(there.get("/v1/users").json()["total_count"], 0);
        assert_eq!(as_it_is(&server), before);
        // The same address is another one there.
        assert_ne!(there.create(&ada())["user_id"], id);
        assert_eq!(users_in(&server), "2");
    }

    fn an_address_written_another_way_makes_no_second_account(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        api.create(&json!({ "email": "kate.ada@mail.example", "username": "kate" }));
        for same in ["KATE.ADA@mail.example", "kate.ada@MAIL.EXAMPLE"] {
            assert_refused(&api.post("/v1/users", &json!({ "email": same })), 409, "identifier_is_taken");
        }
        assert_refused(&api.post("/v1/users", &json!({ "username": "KATE" })), 409, "identifier_is_taken");
        for look_alike in [
            "k\u{430}te.ada@mail.example", "\u{212a}ate.ada@mail.example", "kate.ada@m\u{430}il.example", "kate.ada\u{ff20}mail.example",
            "kate.\u{200b}ada@mail.example", " kate.ada@mail.example", "kate.ada@mail.example ", "\"kate.ada\"@mail.example",
            "kate.ada@mail.example.", "Kate <kate.ada@mail.example>",
        ] {
            assert_refused(&api.post("/v1/users", &json!({ "email": look_alike })), 400, "system_invalid_input");
            let besides = json!({ "email": "free@mail.example", "secondary_emails": [look_alike] });
            assert_refused(&api.post("/v1/users", &besides), 400, "system_invalid_input");
        }
        assert_refused(&api.post("/v1/users", &json!({ "username": "k\u{430}te" })), 400, "system_invalid_input");
        // A name that reads as somebody's address.
        assert_refused(&api.post("/v1/users", &json!({ "username": "kate.ada@mail.example" })), 400, "system_invalid_input");
        assert_eq!(users_in(&server), "1");
    }

    fn control_characters_are_kept_nowhere(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({ "email": "ada@mail.example" }))["user_id"].clone();
        let before = as_it_is(&server);
        for evil in ["a\r\nBcc: eve@evil.example", "a\u{0}b", "a\u{1b}[2Jb", "a\nb"] {
            for member in ["email", "phone_number", "username", "external_user_id", "birthday", "picture", "language", "external_account_id"] {
                assert_refused(&api.put(&format!("/v1/users/{}", text(&id)), &json!({ member: evil })), 400, "system_invalid_input");
            }
            for body in [
                json!({ "email": format!("x@mail.example{evil}") }),
                json!({ "secondary_emails": [evil] }),
                json!({ "secondary_phone_numbers": [evil] }),
                json!({ "name": { "first_name": evil } }),
                json!({ "name": { "title": evil } }),
                json!({ "address": { "city": evil } }),
                json!({ "address": { "street_address": evil } }),
                json!({ "custom_data": { evil: 1 } }),
                json!({ "custom_app_data": { "a": { evil: 1 } } }),
            ] {
                let answer = api.put(&format!("/v1/users/{}", text(&id)), &body);
                assert_refused(&answer, 400, "system_invalid_input");
                assert!(!answer.text.contains("evil.example"), "{}", answer.text);
            }
        }
        let nul = json!({ "custom_data": { "a": ["x\u{0}"] } });
        assert_refused(&api.put(&format!("/v1/users/{}", text(&id)), &nul), 400, "system_invalid_input");
        assert_eq!(as_it_is(&server), before);
    }

    fn custom_data_is_bounded_however_it_grows(engine) {
        let server = TestServer::builder(engine).environment(ENVIRONMENT).setting("server.max_body", "1048576").start();
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({ "email": "ada@mail.example" }))["user_id"].clone();
        let put = |body: Value| api.put(&format!("/v1/users/{}", text(&id)), &body);
        assert_refused(&put(json!({ "custom_data": { "a": "x".repeat(102_400) } })), 400, "system_invalid_input");
        // In two steps, and in two objects.
        assert_eq!(put(json!({ "custom_data": { "a": "x".repeat(60_000) } })).status, 200);
        assert_refused(&put(json!({ "custom_data": { "b": "x".repeat(60_000) } })), 400, "system_invalid_input");
        assert_refused(&put(json!({ "custom_app_data": { "b": "x".repeat(60_000) } })), 400, "system_invalid_input");
        assert_eq!(put(json!({ "custom_app_data": { "b": "x".repeat(30_000) } })).status, 200);
        let nested = |levels: usize| (1..levels).fold(json!({}), |inside, _| json!({ "a": inside }));
        assert_eq!(put(json!({ "custom_data": { "a": null, "deep": nested(9) } })).status, 200);
        for levels in [10, 40, 5000] {
            // By hand: what writes JSON here has bounds of its own.
            let deep = format!("{{\"custom_data\":{}{}}}", "{\"a\":".repeat(levels), "1".to_owned() + &"}".repeat(levels));
            let request = server.request(Method::PUT, &format!("/v1/users/{}", text(&id))).bearer_auth(&api.token);
            let answer = Answer::to(request.header("content-type", "application/json").body(deep));
            if levels > 10 {
                assert_refused(&answer, 400, "system_invalid_input");
            } else {
                assert_eq!(answer.status, 200, "{}", answer.text);
            }
        }
        let huge = Answer::to(server.request(Method::PUT, &format!("/v1/users/{}", text(&id))).bearer_auth(&api.token)
            .json(&json!({ "custom_data": { "a": "x".repeat(2_000_000) } })));
        assert_eq!(huge.status, 413);
        assert_eq!(api.user(&id)["custom_app_data"]["b"].as_str().map(str::len), Some(30_000));
    }

    fn nobody_sets_what_is_not_theirs_to_set(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        for body in [
            json!({ "email": "ada@mail.example", "email_verified": true }),
            json!({ "email": { "value": "ada@mail.example", "email_verified": true } }),
            json!({ "email": "ada@mail.example", "verified_at": 1 }),
            json!({ "email": "ada@mail.example", "user_id": UNKNOWN }),
            json!({ "email": "ada@mail.example", "status": "Active" }),
            json!({ "email": "ada@mail.example", "created_at": 1 }),
            json!({ "email": "ada@mail.example", "environment_id": "x" }),
            json!({ "email": "ada@mail.example", "name": { "first_name": "Ada", "admin": true } }),
            json!({ "email": "ada@mail.example", "delegated_access": { "actor_id": "x", "permissions": [] } }),
            json!([{ "email": "ada@mail.example" }]),
            json!("ada@mail.example"),
        ] {
            assert_refused(&api.post("/v1/users", &body), 400, "system_invalid_input");
        }
        assert_eq!(users_in(&server), "0");
        let id = api.create(&json!({ "email": "ada@mail.example" }))["user_id"].clone();
        for body in [json!({ "email_verified": true }), json!({ "user_id": UNKNOWN }), json!({ "password": "x" }), json!({ "enabled": false })] {
            assert_refused(&api.put(&format!("/v1/users/{}", text(&id)), &body), 400, "system_invalid_input");
        }
        // That an address is verified is for those who may edit users, not for those who read them.
        let path = format!("/v1/users/{}/emails/ada@mail.example/verify", text(&id));
        assert_refused(&Api::of(&server, WEB_READER).post(&path, &json!({})), 403, "forbidden");
        assert_eq!(api.user(&id)["email"]["email_verified"], false);
    }

    fn only_json_is_read(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let request = || server.request(Method::POST, "/v1/users").bearer_auth(&api.token);
        let form = Answer::to(request().form(&[("email", "ada@mail.example")]));
        assert_refused(&form, 415, "unsupported_media_type");
        let plain = Answer::to(request().header("content-type", "text/plain").body("{\"email\":\"ada@mail.example\"}"));
        assert_refused(&plain, 415, "unsupported_media_type");
        let broken = Answer::to(request().header("content-type", "application/json").body("{\"email\":\"ada@mail.example\""));
        assert_refused(&broken, 400, "system_invalid_input");
        assert_eq!(users_in(&server), "0");
    }
}
