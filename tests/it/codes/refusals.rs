//! One-time codes that are not sent, and why.

use serde_json::json;

use super::{BARE, NOBODY, WEB, assert_refused, with, world};
use crate::{both_engines, support::TestServer};

both_engines! {
    fn what_cannot_be_sent_is_refused_as_the_contract_says(engine) {
        let world = world(engine);
        world.user(WEB, json!({ "username": "without-address" }));
        let named = json!({ "identifier_type": "username", "identifier": "without-address" });
        for (channel, members, status, code) in [
            ("email", json!({ "identifier": "nobody@mail.example" }), 404, "user_not_found"),
            ("email", named.clone(), 404, "user_email_address_missing"),
            ("sms", named.clone(), 404, "user_phone_number_missing"),
            ("pigeon", json!({}), 400, "system_invalid_input"),
            ("email", json!({ "identifier_type": "shoe_size" }), 400, "system_invalid_input"),
            ("email", json!({ "expires_in": 0 }), 400, "system_invalid_input"),
            ("email", json!({ "expires_in": 1441 }), 400, "system_invalid_input"),
            ("email", json!({ "approval_data": { "a": "<script>" } }), 400, "system_invalid_input"),
            ("email", json!({ "approval_data": { "a": { "b": "c" } } }), 400, "system_invalid_input"),
        ] {
            let answer = world.send_otp(channel, members);
            assert_refused(&answer, status, code);
            let record = world.server.record_of(&answer);
            assert_eq!((&record["event"], &record["reason"]), (&json!("code.refused"), &json!(code)));
        }
        let body = json!({ "channel": "email", "identifier_type": "email", "identifier": crate::codes::ADA });
        assert_refused(&world.post(BARE, "/v1/auth/otp/send", body.clone()), 403, "auth_login_preferences_missing");
        assert_refused(&world.post(BARE, "/v1/auth/otp/authenticate", with(body.clone(), json!({ "passcode": "1" }))), 403, "auth_login_preferences_missing");
        assert_refused(&world.post(NOBODY, "/v1/auth/otp/send", body), 403, "forbidden");
        // It needs no address where it goes elsewhere.
        assert_eq!(world.send_otp("direct", named.clone()).status, 200);
        assert_eq!(world.send_otp("email", with(named, json!({ "custom_email": "x@mail.example" }))).status, 200);
        assert!(world.texts.requests().is_empty());
    }

    fn without_a_provider_nothing_is_kept_and_everybody_is_answered_alike(engine) {
        let server = TestServer::builder(engine).environment(crate::codes::ENVIRONMENT).start();
        let token = server.token(WEB, &crate::support::CLIENT_CREDENTIALS).access_token();
        for channel in ["email", "sms"] {
            let body = json!({ "channel": channel, "identifier_type": "email", "identifier": "nobody@mail.example" });
            let request = server.request(reqwest::Method::POST, "/v1/auth/otp/send").bearer_auth(&token);
            assert_refused(&crate::support::Answer::to(request.json(&body)), 400, "external_provider_configuration_error");
        }
        let kept = server.database.value("SELECT CAST(COUNT(*) AS TEXT) AS value FROM one_time_codes");
        assert_eq!(kept, "0");
    }
}
