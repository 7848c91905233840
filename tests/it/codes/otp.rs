//! One-time codes as they are meant to be used.

use serde_json::json;

use super::{ADA, ADAS_NUMBER, BACK, WEB_2, assert_refused, digits, id_token, otp_of, with, world, wrong};
use crate::both_engines;

both_engines! {
    fn a_code_by_mail_signs_in_once_and_verifies_the_address(engine) {
        let world = world(engine);
        let sent = world.send_otp("email", json!({}));
        assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({ "message": "OTP sent" })));
        let record = &world.server.records_of(&sent)[0];
        assert_eq!((&record["event"], &record["outcome"], &record["subject"]), (&json!("code.sent"), &json!("success"), &json!(world.ada)));
        let code = world.mailed_code(1);
        let mail = world.mails.mails().remove(0);
        assert_eq!((mail.to.as_slice(), mail.subject().as_str()), (&[ADA.to_owned()][..], "Your code"));
        let claims = json!({ "claims": { "id_token": { "email_verified": null } } });
        let answer = world.try_otp(&code, claims);
        let token = id_token(&answer);
        assert_eq!((&token["amr"], &token["sub"]), (&json!(["eotp"]), &json!(world.ada)));
        assert_eq!(token["email_verified"], true);
        let record = world.server.record_of(&answer);
        assert_eq!((&record["event"], &record["subject"], &record["detail"]), (&json!("user.authenticated"), &json!(world.ada), &json!("eotp")));
        let verified = world.server.database.value(
            "SELECT CAST(COUNT(*) AS TEXT) AS value FROM user_identifiers WHERE verified_at IS NOT NULL AND kind = 'email'",
        );
        assert_eq!(verified, "1");
        // Replayed: it is gone.
        let again = world.try_otp(&code, json!({}));
        assert_refused(&again, 400, "auth_invalid_credentials");
        let record = world.server.record_of(&again);
        assert_eq!((&record["event"], &record["reason"]), (&json!("user.authentication_refused"), &json!("auth_invalid_credentials")));
        assert_eq!((world.sessions().as_str(), world.codes().as_str()), ("1", "0"));
    }

    fn a_code_by_sms_signs_in_and_is_a_second_factor(engine) {
        let world = world(engine);
        let custom = json!({ "custom_sms_input": { "custom_message": "{app}: {otp}", "sender_id": "Acme" } });
        assert_eq!(world.send_otp("sms", custom).status, 200);
        let text = world.text(1);
        assert_eq!((&text["to"], &text["from"]), (&json!(ADAS_NUMBER), &json!("Acme")));
        let code = digits(text["text"].as_str().expect("a text"), 8);
        assert_eq!(text["text"], format!("web: {code}"));
        world.send_otp("email", json!({}));
        let first = world.try_otp(&world.mailed_code(1), json!({}));
        assert_eq!(id_token(&first)["amr"], json!(["eotp"]));
        world.send_otp("sms", json!({ "identifier_type": "phone_number", "identifier": ADAS_NUMBER }));
        let text = world.text(2);
        let code = digits(text["text"].as_str().expect("a text"), 8);
        let session = json!({
            "session_id": first.json()["session_id"], "identifier_type": "phone_number", "identifier": ADAS_NUMBER,
        });
        let second = world.try_otp(&code, session);
        assert_eq!(id_token(&second)["amr"], json!(["eotp", "sms", "mfa"]));
        assert_eq!(second.json()["session_id"], first.json()["session_id"]);
    }

    fn a_direct_code_is_in_the_answer_and_shows_no_mailbox(engine) {
        let world = world(engine);
        let approval = json!({ "approval_data": { "amount": "10.50", "to": "Bob" } });
        let sent = world.send_otp("direct", approval);
        let body = sent.json();
        assert_eq!((&body["message"], &body["approval_data"]), (&json!("OTP sent"), &json!({ "amount": "10.50", "to": "Bob" })));
        let answer = world.try_otp(body["code"].as_str().expect("a code"), json!({}));
        let token = id_token(&answer);
        assert_eq!((&token["amr"], &token["approval_data"]), (&json!(["otp"]), &json!({ "amount": "10.50", "to": "Bob" })));
        let verified = world.server.database.value(
            "SELECT CAST(COUNT(*) AS TEXT) AS value FROM user_identifiers WHERE verified_at IS NOT NULL",
        );
        assert_eq!(verified, "0");
        assert!(world.mails.mails().is_empty() && world.texts.requests().is_empty());
    }

    fn an_address_that_is_named_for_this_once_is_not_verified(engine) {
        let world = world(engine);
        world.send_otp("email", json!({ "custom_email": "Elsewhere@mail.example" }));
        let code = world.mailed_code(1);
        assert_eq!(world.mails.mails()[0].to, ["Elsewhere@mail.example"]);
        // Whose mailbox that is only the client knows.
        assert_eq!(id_token(&world.try_otp(&code, json!({})))["amr"], json!(["otp"]));
        let verified = world.server.database.value(
            "SELECT CAST(COUNT(*) AS TEXT) AS value FROM user_identifiers WHERE verified_at IS NOT NULL",
        );
        assert_eq!(verified, "0");
    }

    fn a_code_ends_in_its_second(engine) {
        let world = world(engine);
        for (members, seconds) in [(json!({}), 300), (json!({ "expires_in": 1 }), 60)] {
            let code = world.direct_code(members.clone());
            world.server.clock.advance(seconds);
            assert_refused(&world.try_otp(&code, json!({})), 400, "auth_otp_passcode_expired");
            let code = world.direct_code(members);
            world.server.clock.advance(seconds - 1);
            assert_eq!(world.try_otp(&code, json!({})).status, 200);
        }
    }

    fn a_request_id_must_come_back_and_guesses_without_it_take_nothing_off(engine) {
        let world = world(engine);
        let sent = world.send_otp("direct", json!({ "generate_request_id": true })).json();
        let (code, request_id) = (sent["code"].as_str().expect("a code"), sent["request_id"].clone());
        assert!(request_id.as_str().is_some_and(|id| id.starts_with("tsq_")), "{sent}");
        for other in [json!({}), json!({ "request_id": "tsq_another" })] {
            for _ in 0..4 {
                assert_refused(&world.try_otp(code, other.clone()), 400, "auth_invalid_credentials");
            }
        }
        assert_eq!(world.try_otp(code, json!({ "request_id": request_id })).status, 200);
        // And where there is none, none may come.
        let code = world.direct_code(json!({}));
        assert_refused(&world.try_otp(&code, json!({ "request_id": "x" })), 400, "auth_invalid_credentials");
        assert_eq!(world.try_otp(&code, json!({})).status, 200);
    }

    fn other_clients_redeem_what_the_preferences_let_them(engine) {
        let world = world(engine);
        world.send_otp("email", json!({}));
        let mailed = world.mailed_code(1);
        assert_refused(&world.post(WEB_2, "/v1/auth/otp/authenticate", otp_of(&mailed, json!({}))), 400, "auth_invalid_credentials");
        world.send_otp("sms", json!({}));
        let code = digits(world.text(1)["text"].as_str().expect("a text"), 8);
        assert_eq!(world.post(WEB_2, "/v1/auth/otp/authenticate", otp_of(&code, json!({}))).status, 200);
    }

    fn what_is_wrong_before_the_code_is_looked_at_uses_nothing_up(engine) {
        let world = world(engine);
        let code = world.direct_code(json!({}));
        for members in [json!({ "resource": "unknown" }), json!({ "session_id": "tss_unknown" })] {
            assert_eq!(world.try_otp(&code, members).status, 400);
        }
        let bob = world.user(crate::codes::WEB, json!({ "email": "bob@mail.example" }));
        let of_bob = json!({ "channel": "direct", "identifier_type": "user_id", "identifier": bob });
        let bobs = world.post(crate::codes::WEB, "/v1/auth/otp/send", of_bob).json()["code"].as_str().expect("a code").to_owned();
        let bobs = world.try_otp(&bobs, json!({ "identifier_type": "user_id", "identifier": bob }));
        let session = json!({ "session_id": bobs.json()["session_id"] });
        for passcode in [code.clone(), wrong(&code)] {
            assert_refused(&world.try_otp(&passcode, session.clone()), 400, "session_not_found");
        }
        // Nor does it tell whether there is somebody.
        let unknown = with(session, json!({ "identifier": "nobody@mail.example" }));
        assert_refused(&world.try_otp(&code, unknown), 400, "session_not_found");
        assert_eq!(world.try_otp(&code, json!({})).status, 200);
        assert_eq!(world.sessions(), "2");
    }

    fn a_code_is_for_one_method_and_one_name(engine) {
        let world = world(engine);
        let code = world.direct_code(json!({}));
        for named in [json!({ "identifier_type": "username", "identifier": "ada" }), json!({ "identifier_type": "user_id", "identifier": world.ada })] {
            assert_refused(&world.try_otp(&code, named), 400, "auth_invalid_credentials");
        }
        let link = crate::codes::link_of(json!({ "redirect_uri": BACK, "channel": "direct" }));
        world.post(crate::codes::WEB, "/v1/auth/link/email/send", link);
        crate::codes::assert_link_refused(&world.try_link(crate::codes::WEB, &code, json!({})), 400, "Invalid magic link code");
        assert_eq!(world.try_otp(&code, json!({})).status, 200);
    }
}
