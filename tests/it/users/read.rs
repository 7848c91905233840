//! Reading users: one by one, and in lists.

use serde_json::{Value, json};

use super::{Api, KEEPER, MOBILE_BACKEND, UNKNOWN, WEB_BACKEND, WEB_READER, assert_refused, start, text};
use crate::both_engines;

fn emails(list: &Value) -> Vec<String> {
    let users = list["result"].as_array().expect("users").iter();
    users.map(|user| user["email"]["value"].as_str().unwrap_or("-").to_owned()).collect()
}

both_engines! {
    fn a_list_is_that_of_the_application_page_by_page(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        for (number, name) in ["cleo", "ada", "bea"].iter().enumerate() {
            server.clock.advance(1);
            let phone = format!("+1415555010{number}");
            web.create(&json!({ "email": format!("{name}@mail.example"), "phone_number": phone }));
        }
        server.clock.advance(1);
        web.create(&json!({ "external_user_id": "nameless" }));
        mobile.create(&json!({ "email": "zoe@mail.example" }));

        let api = Api::of(&server, WEB_READER);
        let list = |query: &str| {
            let answer = api.get(&format!("/v1/users{query}"));
            assert_eq!(answer.status, 200, "{}", answer.text);
            answer.json()
        };
        let all = list("");
        assert_eq!(emails(&all), ["cleo@mail.example", "ada@mail.example", "bea@mail.example", "-"]);
        assert_eq!(
            (&all["total_count"], &all["page_info"]),
            (&json!(4), &json!({ "has_next_page": false, "has_previous_page": false }))
        );
        let page = list("?page_limit=2&page_offset=1");
        assert_eq!(emails(&page), ["ada@mail.example", "bea@mail.example"]);
        assert_eq!(page["page_info"], json!({ "has_next_page": true, "has_previous_page": true }));
        assert_eq!(page["total_count"], 4);
        assert_eq!(emails(&list("?page_offset=4")), Vec::<String>::new());
        let by = |field: &str, order: &str| emails(&list(&format!("?sort_field={field}&sort_order={order}")));
        assert_eq!(by("email", "asc"), ["ada@mail.example", "bea@mail.example", "cleo@mail.example", "-"]);
        assert_eq!(by("email", "desc"), ["cleo@mail.example", "bea@mail.example", "ada@mail.example", "-"]);
        assert_eq!(by("phone_number", "desc"), ["bea@mail.example", "ada@mail.example", "cleo@mail.example", "-"]);
        assert_eq!(by("created_at", "desc"), ["-", "bea@mail.example", "ada@mail.example", "cleo@mail.example"]);
        assert_eq!(by("last_auth", "asc").len(), 4);
        assert_eq!(emails(&list("?search_prefix=AD")), ["ada@mail.example"]);
        assert_eq!(emails(&list("?search_prefix=%2B14155550102")), ["bea@mail.example"]);
        assert_eq!(list("?search_prefix=ad")["total_count"], 1);
        // Of another application, and what LIKE takes for more than itself.
        for nobody in ["zoe", "%25", "_da", "a%25", "%5C", "%00", "a%0Ab"] {
            assert_eq!(emails(&list(&format!("?search_prefix={nobody}"))), Vec::<String>::new(), "{nobody}");
        }
        assert_eq!(api.get("/v1/users/count").json(), json!({ "result": { "user_count": 4 } }));
        assert_eq!(api.get("/v1/users/count?search_prefix=bea").json(), json!({ "result": { "user_count": 1 } }));
        // A filter that cannot be read must not become no filter at all.
        for path in ["/v1/users/count", "/v1/users"] {
            let answer = api.get(&format!("{path}?search_prefix={}", "x".repeat(5000)));
            assert_eq!((answer.status.as_u16(), &answer.json()["ts_error_code"]), (400, &json!("system_invalid_input")), "{}", answer.text);
        }
        for wrong in ["page_limit=0", "page_limit=101", "page_limit=x", "page_offset=-1", "sort_field=name", "sort_order=up",
            "search=email%20eq%20%22a%22"]
        {
            assert_refused(&api.get(&format!("/v1/users?{wrong}")), 400, "system_invalid_input");
        }
        // Whoever keeps the environment sees the users of all applications.
        assert_eq!(Api::of(&server, KEEPER).get("/v1/users").json()["total_count"], 5);
    }

    fn who_is_not_there_and_who_is_in_another_application_look_alike(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        let body = json!({ "email": "ada@mail.example", "phone_number": "+14155550100", "external_user_id": "e1" });
        let id = web.create(&body)["user_id"].clone();
        let mut bodies = Vec::new();
        for path in [
            format!("/v1/users/{}", text(&id)),
            format!("/v1/users/{UNKNOWN}"),
            "/v1/users/email/ada@mail.example".to_owned(),
            "/v1/users/email/eve@mail.example".to_owned(),
            "/v1/users/phone-number/+14155550100".to_owned(),
            "/v1/users/external-user-id/e1".to_owned(),
            "/v1/users/username/ada".to_owned(),
        ] {
            let answer = mobile.get(&path);
            assert_refused(&answer, 404, "user_not_found");
            bodies.push(answer.text);
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1);
        let body = json!({ "picture": "https://cdn.example/x" });
        assert_refused(&mobile.put(&format!("/v1/users/{}", text(&id)), &body), 404, "user_not_found");
        assert_refused(&mobile.delete(&format!("/v1/users/{}/apps", text(&id))), 404, "user_not_found");
        assert_refused(&mobile.delete(&format!("/v1/manage/users/{}", text(&id))), 404, "user_not_found");
        assert_eq!(web.user(&id)["status"], "Active");
    }

    fn what_is_no_identifier_is_refused_before_the_database_is_asked(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        for path in [
            "/v1/users/email/ada",
            "/v1/users/email/ada%00@mail.example",
            "/v1/users/phone-number/0123",
            "/v1/users/username/a%20b",
            "/v1/users/%00",
            "/v1/users/identifier?identifier_name=idpIdentifier&identifier_value=x",
            "/v1/users/identifier?identifier_name=email",
            "/v1/users/identifier",
        ] {
            assert_refused(&api.get(path), 400, "system_invalid_input");
        }
    }
}
