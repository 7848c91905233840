//! `POST /v1/users`.

use serde_json::{Value, json};

use super::{Api, MOBILE_BACKEND, WEB, WEB_BACKEND, assert_refused, now_millis, start, text, users_in};
use crate::both_engines;

fn ada() -> Value {
    json!({
        "email": "Ada@Mail.Example",
        "phone_number": "+14155550100",
        "username": "Countess",
        "external_user_id": "CRM-1815",
        "secondary_emails": ["ada@work.example"],
        "secondary_phone_numbers": ["+442071838750"],
        "name": { "title": "Lady", "first_name": "Ada", "last_name": "Lovelace" },
        "birthday": "1815-12-10T08:00:00Z",
        "picture": "https://cdn.example/ada.png",
        "language": "en-GB,en;q=0.9",
        "address": { "country": "UK", "city": "London", "street_address": "12 St James's Square", "type": "Home" },
        "external_account_id": "account-7",
        "custom_data": { "tier": "gold" },
        "custom_app_data": { "theme": "dark" },
    })
}

both_engines! {
    fn a_user_has_all_that_was_given_and_is_found_by_each_identifier(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let mut made = api.create(&ada());
        let id = made["user_id"].clone();
        for url in [
            format!("/v1/users/{}", text(&id)),
            "/v1/users/email/ada@mail.example".to_owned(),
            "/v1/users/email/ADA%40MAIL.example".to_owned(),
            "/v1/users/phone-number/%2B14155550100".to_owned(),
            "/v1/users/username/countess".to_owned(),
            "/v1/users/external-user-id/CRM-1815".to_owned(),
            "/v1/users/identifier?identifier_name=phoneNumber&identifier_value=%2B14155550100".to_owned(),
        ] {
            let found = api.get(&url);
            assert_eq!((found.status.as_u16(), &found.json()["result"]), (200, &made), "{url} {}", found.text);
        }
        let members = made.as_object_mut().expect("a user");
        for time in ["created_at", "updated_at"] {
            let time = members.remove(time).expect("a time");
            assert_eq!(time, now_millis(&server), "milliseconds");
        }
        members["address"].as_object_mut().expect("an address").remove("updated_at").expect("a time");
        assert_eq!(made, json!({
            "user_id": id,
            "status": "Active",
            "email": { "value": "Ada@Mail.Example", "email_verified": false },
            "secondary_emails": [{ "value": "ada@work.example", "email_verified": false }],
            "phone_number": { "value": "+14155550100", "phone_number_verified": false },
            "secondary_phone_numbers": [{ "value": "+442071838750", "phone_number_verified": false }],
            "username": "Countess",
            "external_user_id": "CRM-1815",
            "external_account_id": "account-7",
            "name": { "title": "Lady", "first_name": "Ada", "last_name": "Lovelace" },
            "birthday": "1815-12-10",
            "address": { "country": "UK", "city": "London", "street_address": "12 St James's Square", "type": "Home" },
            "picture": "https://cdn.example/ada.png",
            "language": "en-GB,en;q=0.9",
            "custom_data": { "tier": "gold" },
            "custom_app_data": { "theme": "dark" },
            "app_name": "web",
        }));
        // With an active profile, as users who come another way.
        let profiles = "SELECT COUNT(*) || '' AS value FROM users JOIN profiles ON profiles.id = users.active_profile_id";
        assert_eq!(server.database.value(profiles), "1");
    }

    fn the_record_names_who_made_whom_and_nothing_that_is_personal(engine) {
        let server = start(engine);
        let made = Api::of(&server, WEB_BACKEND).create(&ada());
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(
            json!([record["event"], record["outcome"], record["operation"], record["client_id"], record["subject"]]),
            json!(["management.changed", "success", "createUser", "web-backend", made["user_id"]])
        );
        assert_eq!((&record["after"]["enabled"], &record["after"]["applications"]), (&json!(true), &json!([WEB])));
        for member in ["email", "phone_number", "secondary email", "name", "birthday", "address", "custom_data"] {
            assert_eq!(record["after"][member], "…", "{member} {record}");
        }
        let text = record.to_string().to_lowercase();
        for personal in ["mail.example", "4155550100", "countess", "crm-1815", "lovelace", "london", "gold", "dark", "account-7"] {
            assert!(!text.contains(personal), "{personal} in {record}");
        }
    }

    fn a_user_who_is_there_joins_one_more_application_and_is_not_changed(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        let made = web.create(&ada());
        assert_refused(&mobile.get(&format!("/v1/users/{}", text(&made["user_id"]))), 404, "user_not_found");
        let again = json!({
            "email": "ada@MAIL.example", "phone_number": "+15005550006", "name": { "first_name": "Eve" },
            "custom_data": { "tier": "none" }, "custom_app_data": { "theme": "light" },
        });
        let joined = mobile.create(&again);
        assert_eq!(joined["user_id"], made["user_id"]);
        for member in ["name", "email", "phone_number", "custom_data", "updated_at"] {
            assert_eq!(joined[member], made[member], "{member}");
        }
        // What the other application keeps is its own.
        assert_eq!((&joined["custom_app_data"], &joined["app_name"]), (&json!({}), &json!("mobile")));
        for member in ["username", "external_account_id"] {
            assert_eq!(joined.get(member), None, "{member}");
        }
        assert_eq!(users_in(&server), "1");
        // A second time there is nothing left to do.
        assert_refused(&mobile.post("/v1/users", &again), 409, "identifier_is_taken");
        assert_refused(&web.post("/v1/users", &json!({ "phone_number": "+14155550100" })), 409, "identifier_is_taken");
        let record = server.database.audit_records().pop().expect("a record");
        assert_eq!(
            json!([record["event"], record["outcome"], record["reason"], record.get("after")]),
            json!(["management.refused", "refused", "identifier_is_taken", null])
        );
    }

    fn identifiers_of_two_users_make_no_third(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        web.create(&json!({ "email": "ada@mail.example" }));
        web.create(&json!({ "phone_number": "+14155550100" }));
        let both = json!({ "email": "ada@mail.example", "phone_number": "+14155550100" });
        assert_refused(&mobile.post("/v1/users", &both), 409, "identifier_is_taken");
        assert_eq!(users_in(&server), "2");
        assert_eq!(server.database.value("SELECT COUNT(*) || '' AS value FROM user_applications"), "2");
    }

    fn user_names_are_an_applications_own(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        let (one, other) = (web.create(&json!({ "username": "ada" })), mobile.create(&json!({ "username": "ADA" })));
        assert_ne!(one["user_id"], other["user_id"]);
        assert_eq!(mobile.get("/v1/users/username/ada").json()["result"]["user_id"], other["user_id"]);
        assert_refused(&web.post("/v1/users", &json!({ "username": "Ada" })), 409, "identifier_is_taken");
    }

    fn of_many_at_the_same_instant_one_makes_the_user(engine) {
        let server = start(engine);
        let apis = [Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND)];
        for round in 0..3 {
            let body = json!({ "email": format!("ada{round}@mail.example"), "username": format!("ada{round}") });
            let answers: Vec<(usize, u16, Value)> = std::thread::scope(|scope| {
                let calls: Vec<_> = (0..8).map(|number| {
                    let (api, body) = (&apis[number % 2], &body);
                    scope.spawn(move || {
                        let answer = api.post("/v1/users", body);
                        (number % 2, answer.status.as_u16(), answer.json())
                    })
                }).collect();
                calls.into_iter().map(|call| call.join().expect("an answer")).collect()
            });
            // One for each application, and both of the same user.
            let mut made: Vec<_> = answers.iter().filter(|(_, status, _)| *status == 201).collect();
            made.sort_by_key(|(application, ..)| *application);
            assert_eq!(made.iter().map(|(application, ..)| *application).collect::<Vec<_>>(), [0, 1], "{answers:?}");
            assert_eq!(made[0].2["result"]["user_id"], made[1].2["result"]["user_id"]);
            assert!(answers.iter().all(|(_, status, _)| [201, 409].contains(status)), "{answers:?}");
            assert_eq!(users_in(&server), (round + 1).to_string());
        }
    }

    fn an_address_that_nobody_verified_does_not_lead_into_the_account_that_has_it_besides(engine) {
        let server = start(engine);
        let (web, mobile) = (Api::of(&server, WEB_BACKEND), Api::of(&server, MOBILE_BACKEND));
        let mallory = web.create(&json!({ "email": "mallory@mail.example", "secondary_emails": ["ada@mail.example"] }));
        let ada = json!({ "email": "ada@mail.example" });
        assert_refused(&mobile.post("/v1/users", &ada), 409, "identifier_is_taken");
        assert_refused(&web.get("/v1/users/email/ada@mail.example"), 404, "user_not_found");
        let path = format!("/v1/users/{}/emails/ada@mail.example/verify", text(&mallory["user_id"]));
        assert_eq!(web.post(&path, &json!({})).status, 202);
        assert_eq!(mobile.create(&ada)["user_id"], mallory["user_id"], "now it is known to be the same person's");
    }

    fn who_cannot_be_found_is_not_made(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        for body in [json!({}), json!({ "name": { "first_name": "Ada" } }), json!({ "secondary_emails": [] })] {
            assert_refused(&api.post("/v1/users", &body), 400, "system_invalid_input");
        }
        assert_eq!(users_in(&server), "0");
    }
}
