//! What arrives.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tessera::{
    domain::message::EmailContent,
    operations::delivery::{
        Channel, DeliveryError, MessageKind, Parcel,
        content::{self, Branding, Letter},
    },
};

use super::{LINK, eventually, link_mail, message, to, world};
use crate::support::mails::MailServer;

#[test]
fn a_mail_arrives_with_its_headers_and_both_its_parts_and_is_recorded_without_them() {
    let server = MailServer::start();
    let world = to(&server);
    world.send(link_mail());
    eventually("a mail", || !server.mails().is_empty());
    let mail = server.mails().remove(0);
    assert_eq!((mail.from.as_str(), mail.to.as_slice()), ("login@acme.example", &["user@a.example".to_owned()][..]));
    assert_eq!(mail.header("From").as_deref(), Some("Acme <login@acme.example>"));
    assert_eq!(mail.header("To").as_deref(), Some("user@a.example"));
    assert_eq!(mail.subject(), "Sign in to Acme");
    assert_eq!(mail.header("Auto-Submitted").as_deref(), Some("auto-generated"));
    let id = mail.header("Message-ID").expect("an id");
    assert!(id.starts_with('<') && id.ends_with("@acme.example>"), "{id}");
    assert!(mail.header("Date").is_some() && mail.header("MIME-Version").is_some());
    assert!(mail.header("Content-Type").is_some_and(|t| t.starts_with("multipart/alternative")));
    assert!(mail.text().contains(&format!("Sign in:\n{LINK}\n")), "{}", mail.text());
    assert!(mail.html().contains(&format!("href=\"{}\"", LINK.replace('&', "&amp;"))), "{}", mail.html());
    let record = world.record();
    let expected = serde_json::json!({
        "event": "mail.sent", "outcome": "success", "operation": "sign_in_link", "environment_id": "env",
        "application_id": "app", "client_id": "bff", "subject": "user-1", "request_id": "request-1",
    });
    for (name, value) in expected.as_object().expect("an object") {
        assert_eq!(&record[name], value, "{record}");
    }
    assert!(!record.to_string().contains("a.example"), "the address is in the record: {record}");
}

#[test]
fn content_of_ones_own_arrives_in_any_alphabet_and_with_its_picture() {
    let server = MailServer::start();
    let world = to(&server);
    let custom = EmailContent {
        subject: "Пароль — ваш код".to_owned(),
        base64_logo: Some(STANDARD.encode(b"\x89PNG\r\n\x1a\nrest")),
        // As if it ended the mail and began another one.
        body_text: Some("Grüße\n.\nMAIL FROM:<evil@e.example>\n..".to_owned()),
        sender_name: Some("Äcme".to_owned()),
        ..EmailContent::default()
    };
    let letter = Letter::SignInCode("123456", 5);
    let parcel = content::mail("user@a.example", &letter, &Branding::default(), Some(&custom));
    world.send(message(MessageKind::SignInCode, parcel.unwrap_or_else(|error| panic!("{error}"))));
    world.record();
    let mails = server.mails();
    assert_eq!(mails.len(), 1, "{mails:?}");
    assert_eq!(mails[0].subject(), "Пароль — ваш код");
    assert!(mails[0].data.is_ascii());
    assert_eq!(mails[0].text(), "Grüße\n.\nMAIL FROM:<evil@e.example>\n..\n\n123456\n");
    assert!(mails[0].html().contains("Grüße<br>\n.<br>") && mails[0].html().contains("cid:logo"));
    for part in ["multipart/related", "Content-Type: image/png", "Content-ID: <logo>"] {
        assert!(mails[0].data.contains(part), "{part}: {}", mails[0].data);
    }
}

#[test]
fn nothing_that_a_caller_gives_becomes_a_header_or_a_recipient() {
    let server = MailServer::start();
    let evil = "x\r\nBcc: evil@e.example";
    let custom = EmailContent { subject: evil.to_owned(), ..EmailContent::default() };
    assert!(content::mail("u@a.example", &Letter::PasswordChanged, &Branding::default(), Some(&custom)).is_err());
    // What gets past that, by a mistake of ours, is refused where mails are made.
    for change in [0, 1, 2] {
        let world = to(&server);
        let mut mail = link_mail();
        if let Parcel::Mail(mail) = &mut mail.parcel {
            match change {
                0 => mail.subject = evil.to_owned(),
                1 => mail.sender_name = Some(evil.to_owned()),
                _ => mail.to = "user@a.example>\r\nRCPT TO:<evil@e.example".to_owned(),
            }
        }
        world.send(mail);
        world.assert_given_up("mail.sent");
    }
    assert_eq!(server.recipients(), 0);
}

#[test]
fn without_settings_nothing_is_taken() {
    let world = world(&[]);
    for channel in [Channel::Mail, Channel::Sms] {
        assert_eq!(world.context.delivery.ready(channel), Err(DeliveryError::NotConfigured));
    }
    assert_eq!(world.context.delivery.send(link_mail()), Err(DeliveryError::NotConfigured));
}
