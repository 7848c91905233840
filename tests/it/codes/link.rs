//! Magic links as they are meant to be used.

use serde_json::json;

use super::{ADA, BACK, WEB, assert_link_refused, code_of, id_token, link_of, world};
use crate::both_engines;

both_engines! {
    fn a_link_by_mail_signs_in_once_and_verifies_the_address(engine) {
        let world = world(engine);
        let sent = world.send_link(json!({ "state": "a b&c=d#e" }));
        assert_eq!((sent.status.as_u16(), sent.json()), (200, json!({ "message": "Email sent successfully" })));
        let link = world.mailed_link(1);
        let mail = world.mails.mails().remove(0);
        assert_eq!(mail.to, [ADA]);
        assert!(link.starts_with(&format!("{BACK}?code=tsl_")) && link.ends_with("&state=a+b%26c%3Dd%23e"), "{link}");
        assert!(mail.html().contains(&format!("href=\"{}\"", link.replace('&', "&amp;"))));
        let claims = json!({ "claims": { "id_token": { "email_verified": null } } });
        let answer = world.try_link(WEB, &code_of(&link), claims);
        let token = id_token(&answer);
        assert_eq!((&token["amr"], &token["sub"], &token["email_verified"]), (&json!(["eml"]), &json!(world.ada), &json!(true)));
        let record = world.server.record_of(&answer);
        assert_eq!((&record["event"], &record["subject"]), (&json!("user.authenticated"), &json!(world.ada)));
        let again = world.try_link(WEB, &code_of(&link), json!({}));
        assert_link_refused(&again, 400, "Invalid magic link code");
        assert_eq!(world.server.record_of(&again)["reason"], "invalid_magic_link_code");
        assert_eq!((world.sessions().as_str(), world.codes().as_str()), ("1", "0"));
    }

    fn the_user_is_named_in_the_older_way_or_by_another_identifier(engine) {
        let world = world(engine);
        for named in [
            json!({ "identifier": null, "identifier_type": null, "email": "ADA@mail.example" }),
            json!({ "identifier_type": "username", "identifier": "Ada" }),
            json!({ "identifier_type": "user_id", "identifier": world.ada }),
            json!({ "identifier_type": "phone_number", "identifier": crate::codes::ADAS_NUMBER }),
        ] {
            assert_eq!(world.send_link(named).status, 200);
        }
        world.server.eventually("four mails", || world.mails.mails().len() == 4);
        assert!(world.mails.mails().iter().all(|mail| mail.to == [ADA]));
        for named in [json!({ "email": ADA }), json!({ "identifier": null })] {
            assert_eq!(world.send_link(named).json()["ts_error_code"], "system_invalid_input");
        }
    }

    fn a_direct_link_is_in_the_answer_and_shows_no_mailbox(engine) {
        let world = world(engine);
        let (link, code) = world.direct_link(json!({ "redirect_uri": "https://app.example/back?tenant=1", "state": "s" }));
        assert_eq!(link, format!("https://app.example/back?tenant=1&code={code}&state=s"));
        assert_eq!(id_token(&world.try_link(WEB, &code, json!({})))["amr"], json!(["otp"]));
        assert!(world.mails.mails().is_empty());
    }

    fn a_code_of_a_link_and_a_request_id_may_have_been_pasted(engine) {
        let world = world(engine);
        let sent = world.send_link(json!({ "channel": "direct", "generate_request_id": true })).json();
        let code = code_of(sent["link"].as_str().expect("a link"));
        let request_id = format!(" {}\n", sent["request_id"].as_str().expect("a request id"));
        let answer = world.try_link(WEB, &format!("\u{a0}{code}\r\n"), json!({ "request_id": request_id }));
        assert_eq!(answer.status, 200, "{}", answer.text);
    }

    fn a_link_ends_in_its_second(engine) {
        let world = world(engine);
        for (members, seconds) in [(json!({}), 900), (json!({ "email_expiration": 2 }), 120)] {
            let (_, code) = world.direct_link(members.clone());
            world.server.clock.advance(seconds);
            assert_link_refused(&world.try_link(WEB, &code, json!({})), 400, "Invalid magic link code");
            let (_, code) = world.direct_link(members);
            world.server.clock.advance(seconds - 1);
            assert_eq!(world.try_link(WEB, &code, json!({})).status, 200);
        }
    }

    fn a_newer_link_takes_the_place_of_the_older(engine) {
        let world = world(engine);
        let (_, older) = world.direct_link(json!({}));
        let (_, newer) = world.direct_link(json!({}));
        assert_link_refused(&world.try_link(WEB, &older, json!({})), 400, "Invalid magic link code");
        assert_eq!(world.try_link(WEB, &newer, json!({})).status, 200);
    }

    fn refusals_are_those_of_the_contract(engine) {
        let world = world(engine);
        let unknown = world.send_link(json!({ "identifier": "nobody@mail.example" }));
        assert_link_refused(&unknown, 404, "User not found");
        assert_eq!(world.server.record_of(&unknown)["event"], "code.refused");
        // Of the other application alone.
        world.user(crate::codes::OTHER, json!({ "email": "eve@mail.example" }));
        assert_link_refused(&world.send_link(json!({ "identifier": "eve@mail.example" })), 404, "User not found");
        let bare = world.post(crate::codes::BARE, "/v1/auth/link/email/send", link_of(json!({})));
        assert_eq!(bare.json()["ts_error_code"], "auth_login_preferences_missing");
        assert_eq!(world.post(crate::codes::NOBODY, "/v1/auth/link/email/send", link_of(json!({}))).status, 403);
        let (_, code) = world.direct_link(json!({}));
        let token = world.server.token(WEB, &crate::support::CLIENT_CREDENTIALS).access_token();
        let disable = world.server.request(reqwest::Method::PUT, &format!("/v1/users/{}", world.ada)).bearer_auth(token);
        let disabled = crate::support::Answer::to(disable.json(&json!({ "status": "Disabled" })));
        assert_eq!(disabled.status, 200, "{}", disabled.text);
        assert_link_refused(&world.send_link(json!({})), 403, "User is not active");
        assert_link_refused(&world.try_link(WEB, &code, json!({})), 403, "User is not active");
        assert!(world.mails.mails().is_empty());
        assert_eq!(world.sessions(), "0");
    }
}
