//! Addresses and telephone numbers.

use serde_json::json;

use super::{Api, MOBILE_BACKEND, WEB_BACKEND, WEB_READER, assert_refused, start, text};
use crate::both_engines;

both_engines! {
    fn an_application_says_what_it_has_verified(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({
            "email": "ada@mail.example", "secondary_emails": ["ada@work.example"], "phone_number": "+14155550100",
        }))["user_id"].clone();
        let at = |rest: &str| format!("/v1/users/{}/{rest}", text(&id));
        let path = at("emails/ADA@work.example/verify");
        assert_refused(&Api::of(&server, WEB_READER).post(&path, &json!({})), 403, "forbidden");
        assert_refused(&Api::of(&server, MOBILE_BACKEND).post(&path, &json!({})), 404, "user_not_found");
        assert_eq!(api.user(&id)["secondary_emails"][0]["email_verified"], false);

        assert_eq!(api.post(&path, &json!({})).status, 202);
        let user = api.user(&id);
        assert_eq!(user["secondary_emails"][0]["email_verified"], true);
        assert!(text(&user["secondary_emails"][0]["verified_at"]).ends_with('Z'));
        assert_eq!(user["email"]["email_verified"], false);
        assert_eq!(api.post(&path, &json!({ "change_to_primary": true })).status, 202);
        let user = api.user(&id);
        assert_eq!((&user["email"]["value"], &user["email"]["email_verified"]), (&json!("ada@work.example"), &json!(true)));
        assert_eq!(user["secondary_emails"], json!([{ "value": "ada@mail.example", "email_verified": false }]));
        assert_eq!(api.post(&at("phone-numbers/+14155550100/verify"), &json!({})).status, 202);
        assert_eq!(api.user(&id)["phone_number"]["phone_number_verified"], true);
        for path in ["emails/eve@mail.example/verify", "phone-numbers/+14155550199/verify"] {
            assert_refused(&api.post(&at(path), &json!({})), 404, "identifier_not_found");
        }
        assert_refused(&api.post(&at("emails/nothing/verify"), &json!({})), 400, "system_invalid_input");
        let wrong = json!({ "change_to_primary": "yes" });
        assert_refused(&api.post(&path, &wrong), 400, "system_invalid_input");
    }

    fn secondary_ones_are_added_and_removed_and_the_primary_one_stays(engine) {
        let server = start(engine);
        let api = Api::of(&server, WEB_BACKEND);
        let id = api.create(&json!({ "email": "ada@mail.example", "phone_number": "+14155550100" }))["user_id"].clone();
        let more = json!({
            "secondary_emails": ["a@mail.example", "A@mail.example", "ada@mail.example"],
            "secondary_phone_numbers": ["+14155550101"],
        });
        let user = api.update(&id, &more);
        assert_eq!(user["secondary_emails"], json!([{ "value": "a@mail.example", "email_verified": false }]), "each once");
        assert_eq!(user["email"]["value"], "ada@mail.example");
        // Beside what is there.
        api.update(&id, &json!({ "secondary_emails": ["b@mail.example"] }));
        let at = |rest: &str| format!("/v1/users/{}/{rest}", text(&id));
        assert_eq!(api.delete(&at("emails/a@MAIL.example")).status, 204);
        assert_eq!(api.user(&id)["secondary_emails"][0]["value"], "b@mail.example");
        assert_refused(&api.delete(&at("emails/a@mail.example")), 404, "identifier_not_found");
        assert_refused(&api.delete(&at("emails/ada@mail.example")), 400, "system_invalid_input");
        assert_eq!(api.delete(&at("phone-numbers/%2B14155550101")).status, 204);
        assert_refused(&api.delete(&at("phone-numbers/%2B14155550100")), 400, "system_invalid_input");

        let nine: Vec<String> = (0..9).map(|number| format!("n{number}@mail.example")).collect();
        api.update(&id, &json!({ "secondary_emails": nine }));
        let one = json!({ "secondary_emails": ["eleventh@mail.example"] });
        assert_refused(&api.put(&format!("/v1/users/{}", text(&id)), &one), 400, "system_invalid_input");
    }
}
