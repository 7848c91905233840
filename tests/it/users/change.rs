//! Changing users, and users who go.

use serde_json::{Value, json};

use super::{
    Api, MANAGER, MOBILE_BACKEND, WEB, WEB_BACKEND, WEB_READER, assert_refused, delegated_login, now_millis, start,
    text, users_in,
};
use crate::{both_engines, graphql_management};

both_engines! {
    fn what_is_left_out_stays_and_null_takes_away(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({
            "email": "ada@mail.example", "username": "ada", "name": { "first_name": "Ada", "last_name": "Byron" },
            "custom_data": { "a": 1, "b": { "c": 2 } }, "custom_app_data": { "x": 1 }, "picture": "https://cdn.example/a",
        }))["user_id"].clone();
        server.clock.advance(5);
        let changed = api.update(&id, &json!({
            "name": { "last_name": "Lovelace" }, "picture": null, "language": "en",
            "custom_data": { "a": null, "b": { "d": 3 }, "e": [] }, "custom_app_data": { "y": 2 },
            "username": "countess", "external_account_id": "7",
        }));
        // Objects are replaced whole, and custom data member by member.
        assert_eq!(changed["name"], json!({ "last_name": "Lovelace" }));
        assert_eq!(changed["custom_data"], json!({ "b": { "d": 3 }, "e": [] }));
        assert_eq!(changed["custom_app_data"], json!({ "x": 1, "y": 2 }));
        assert_eq!(
            json!([changed.get("picture"), changed["language"], changed["username"], changed["external_account_id"]]),
            json!([null, "en", "countess", "7"])
        );
        assert_eq!(changed["updated_at"], now_millis(&server));
        assert_eq!(changed, api.user(&id));
        assert_refused(&api.get("/v1/users/username/ada"), 404, "user_not_found");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!((&record["operation"], &record["subject"]), (&json!("updateUser"), &id));
        assert_eq!(record["before"]["picture"], "…");
        assert_eq!(record["after"].get("picture"), None, "{record}");
        assert_eq!((record["before"].get("language"), &record["after"]["language"]), (None, &json!("…")));
        assert_eq!(api.update(&id, &json!({}))["name"], json!({ "last_name": "Lovelace" }));
    }

    fn another_address_is_not_verified_and_one_that_is_there_becomes_the_first(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let body = json!({ "email": "old@mail.example", "secondary_emails": ["second@mail.example"] });
        let id = api.create(&body)["user_id"].clone();
        let path = format!("/v1/users/{}/emails/old@mail.example/verify", text(&id));
        assert_eq!(api.post(&path, &json!({})).status, 202);
        // Written another way it is the same one.
        let same = api.update(&id, &json!({ "email": "Old@Mail.Example" }));
        assert_eq!((&same["email"]["value"], &same["email"]["email_verified"]), (&json!("Old@Mail.Example"), &json!(true)));
        let raised = api.update(&id, &json!({ "email": "second@mail.example" }));
        assert_eq!(raised["email"], json!({ "value": "second@mail.example", "email_verified": false }));
        assert_eq!(raised["secondary_emails"][0]["value"], "Old@Mail.Example");
        assert_eq!(raised["secondary_emails"][0]["email_verified"], true);
        let other = api.update(&id, &json!({ "email": "new@mail.example" }));
        assert_eq!(other["email"], json!({ "value": "new@mail.example", "email_verified": false }));
        assert_eq!(other["secondary_emails"].as_array().expect("a list").len(), 1);
        assert_refused(&api.get("/v1/users/email/second@mail.example"), 404, "user_not_found");
        // The one that went is free for others.
        api.create(&json!({ "email": "second@mail.example" }));
        let gone = api.update(&id, &json!({ "email": null }));
        assert_eq!(gone.get("email"), None);
    }

    fn nobody_gets_what_somebody_else_has(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        api.create(&json!({
            "email": "ada@mail.example", "phone_number": "+14155550100", "username": "ada", "external_user_id": "e1",
            "secondary_emails": ["ada@work.example"],
        }));
        let eve = api.create(&json!({ "email": "eve@mail.example" }))["user_id"].clone();
        let before = api.user(&eve);
        for body in [
            json!({ "email": "ADA@mail.example" }),
            json!({ "email": "ada@work.example" }),
            json!({ "phone_number": "+14155550100" }),
            json!({ "username": "Ada" }),
            json!({ "external_user_id": "e1" }),
            json!({ "secondary_emails": ["ada@mail.example"] }),
            // All or nothing.
            json!({ "picture": "https://cdn.example/x", "secondary_emails": ["free@mail.example", "ada@mail.example"] }),
        ] {
            assert_refused(&api.put(&format!("/v1/users/{}", text(&eve)), &body), 409, "identifier_is_taken");
            assert_eq!(api.user(&eve), before, "{body}");
        }
    }

    fn who_is_disabled_is_refused_everywhere_until_enabled_again(engine) {
        let server = start(engine);
        let other = server.another_node();
        let api = Api::of(&server, WEB_BACKEND);
        let (token, id) = delegated_login(&server, WEB, "ada", None);
        let manager = graphql_management::Api::of(&server, MANAGER);
        manager.mutate("addUserToApplication", json!({ "userId": id, "applicationId": WEB }), "user { id }");
        let (here, there) = (api.with_token(&token), Api { server: &other, ..api.with_token(&token) });
        assert_eq!((here.get("/v1/users/me").status, there.get("/v1/users/me").status), (200.try_into().expect("OK"), 200.try_into().expect("OK")));
        let id = Value::from(id);
        let disabled = api.update(&id, &json!({ "status": "Disabled" }));
        assert_eq!(disabled["status"], "Disabled");
        assert!(text(&disabled["status_changed_at"]).ends_with('Z'));
        assert_eq!(here.get("/v1/users/me").status, 401, "at once");
        server.eventually("the other node refuses the token", || there.get("/v1/users/me").status == 401);
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(record["event"], "management.changed");
        assert_eq!((&record["before"], &record["after"]), (&json!({ "enabled": true }), &json!({ "enabled": false })));
        assert_eq!(api.update(&id, &json!({ "status": "Active" }))["status"], "Active");
        assert_eq!(here.get("/v1/users/me").status, 200);
        assert_refused(&api.put(&format!("/v1/users/{}", text(&id)), &json!({ "status": "Pending" })), 400, "system_invalid_input");
    }

    fn a_user_leaves_one_application_and_stays_in_the_other(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        let body = json!({ "email": "ada@mail.example", "username": "ada", "custom_app_data": { "x": 1 } });
        let id = web.create(&body)["user_id"].clone();
        mobile.create(&body);
        let path = format!("/v1/users/{}/apps", text(&id));
        let left = web.delete(&path);
        assert_eq!((left.status.as_u16(), left.text.as_str()), (204, ""));
        assert_refused(&web.get(&format!("/v1/users/{}", text(&id))), 404, "user_not_found");
        assert_refused(&web.delete(&path), 404, "user_not_found");
        assert_eq!(mobile.user(&id)["user_id"], id);
        // What the application kept is gone, and its name for the user is free.
        web.create(&json!({ "username": "ada" }));
        let again = web.create(&json!({ "email": "ada@mail.example" }));
        assert_eq!((&again["user_id"], &again["custom_app_data"], again.get("username")), (&id, &json!({}), None));
    }

    fn who_is_deleted_is_gone_with_all_and_the_address_is_free(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({ "email": "ada@mail.example", "username": "ada" }))["user_id"].clone();
        assert_refused(&Api::of(&server, WEB_READER).delete(&format!("/v1/manage/users/{}", text(&id))), 403, "forbidden");
        assert_eq!(users_in(&server), "1");
        let gone = api.delete(&format!("/v1/manage/users/{}", text(&id)));
        assert_eq!((gone.status.as_u16(), gone.text.as_str()), (204, ""));
        assert_eq!(users_in(&server), "0");
        for table in ["user_identifiers", "user_applications", "profiles"] {
            assert_eq!(server.database.value(&format!("SELECT COUNT(*) || '' AS value FROM {table}")), "0", "{table}");
        }
        assert_refused(&api.delete(&format!("/v1/manage/users/{}", text(&id))), 404, "user_not_found");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(json!([record["event"], record["subject"]]), json!(["management.refused", id]));
        assert_ne!(api.create(&json!({ "email": "ada@mail.example" }))["user_id"], id);
    }
}
