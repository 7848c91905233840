//! Texts of callers that would be headers, recipients or templates.

use serde_json::{Value, json};

use super::{ADA, digits, world};
use crate::both_engines;

const HEADER: &str = "x\r\nBcc: eve@evil.example";

both_engines! {
    fn nothing_of_a_mail_becomes_a_header_or_a_recipient(engine) {
        let world = world(engine);
        for field in ["subject", "senderName", "linkText", "primaryColor", "base64logo"] {
            for text in [HEADER, "x\nBcc: eve@evil.example", "x\rBcc: eve@evil.example", "x\u{0}"] {
                let mut content = json!({ "subject": "Code" });
                content[field] = json!(text);
                for (path, body) in [("otp", json!({ "channel": "email" })), ("link/email", json!({ "redirect_uri": crate::codes::BACK }))] {
                    let mut body = body;
                    body["identifier_type"] = json!("email");
                    body["identifier"] = json!(ADA);
                    body["email_content"] = content.clone();
                    let answer = world.post(crate::codes::WEB, &format!("/v1/auth/{path}/send"), body);
                    assert_eq!(answer.status, 400, "{field}: {}", answer.text);
                }
            }
        }
        assert_eq!((world.mails.recipients(), world.codes().as_str()), (0, "0"));
        // Where several lines are allowed they are text, and stay in their part.
        for field in ["headerText", "bodyText", "infoText", "footerText"] {
            let mut content = json!({ "subject": "Code" });
            content[field] = json!(HEADER);
            assert_eq!(world.send_otp("email", json!({ "email_content": content })).status, 200);
        }
        world.server.eventually("four mails", || world.mails.mails().len() == 4);
        for mail in world.mails.mails() {
            assert_eq!((mail.to.as_slice(), mail.header("Bcc")), (&[ADA.to_owned()][..], None));
        }
    }

    fn no_address_brings_another_recipient(engine) {
        let world = world(engine);
        for address in [
            "eve@evil.example\r\nBcc: x@evil.example",
            "eve@evil.example,x@evil.example",
            "<eve@evil.example>",
            "eve@evil.example>\r\nRCPT TO:<x@evil.example",
            "Eve <eve@evil.example>",
            "eve",
        ] {
            assert_eq!(world.send_otp("email", json!({ "custom_email": address })).status, 400, "{address}");
        }
        for number in ["14155550100", "+1415555010\r\n0", "+14155550100,+14155550101", "+14155550100\",\"text\":\"x"] {
            assert_eq!(world.send_otp("sms", json!({ "custom_phone_number": number })).status, 400, "{number}");
        }
        assert_eq!((world.mails.recipients(), world.texts.requests().len()), (0, 0));
    }

    fn a_text_message_fills_no_template_but_its_own(engine) {
        let world = world(engine);
        let custom = |text: &str, sender: Value| json!({ "custom_sms_input": { "custom_message": text, "sender_id": sender } });
        for (text, sender) in [
            ("no code {app}", Value::Null),
            ("no app {otp}", Value::Null),
            ("{otp} {app} \u{0}", Value::Null),
            ("{otp} {app}", json!("too long a name")),
            ("{otp} {app}", json!("a\",\"b")),
            ("{otp} {app}", json!("{to}")),
        ] {
            let mut body = custom(text, sender);
            if body["custom_sms_input"]["sender_id"].is_null() {
                body["custom_sms_input"].as_object_mut().expect("an object").remove("sender_id");
            }
            assert_eq!(world.send_otp("sms", body).status, 400, "{text}");
        }
        assert_eq!(world.texts.requests().len(), 0);
        let text = "{otp} {app} {to} {sender} {text} \",\"to\":\"+4930123456";
        assert_eq!(world.send_otp("sms", custom(text, json!("Acme"))).status, 200);
        let sent = world.text(1);
        let code = digits(sent["text"].as_str().expect("a text").split(' ').next().expect("a word"), 8);
        assert_eq!(sent["text"], format!("{code} web {{to}} {{sender}} {{text}} \",\"to\":\"+4930123456"));
        assert_eq!(sent["to"], crate::codes::ADAS_NUMBER);
    }
}
