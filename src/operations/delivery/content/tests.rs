use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::*;

const LINK: &str = "https://app.example/back?code=abc&state=x%22y";
const BRANDING: Branding<'_> = Branding {
    application: "Acme <Web> & \"Co\"",
    primary_color: Some("#ffcc00"),
    sender_name: Some("Acme"),
    subject: None,
};

fn written(letter: &Letter<'_>, branding: &Branding<'_>, custom: Option<&EmailContent>) -> Mail {
    match mail("u@a.example", letter, branding, custom) {
        Ok(Parcel::Mail(mail)) => mail,
        Ok(Parcel::Sms(_)) => panic!("a text message"),
        Err(error) => panic!("{error}"),
    }
}

#[test]
fn every_letter_has_subject_text_and_html_with_what_the_user_needs() {
    for (letter, needed) in [
        (Letter::SignInLink(LINK, 5), LINK),
        (Letter::SignInCode("123456", 1), "123456"),
        (Letter::PasswordResetLink(LINK, 5), LINK),
        (Letter::PasswordResetCode("123456", 5), "123456"),
        (Letter::PasswordChanged, "changed"),
        (Letter::TemporaryPassword("correct horse", 24), "correct horse"),
        (Letter::Verification("123456", 5), "123456"),
    ] {
        let mail = written(&letter, &BRANDING, None);
        assert!(mail.text.contains(needed), "{}", mail.text);
        assert!(mail.html.contains(&needed.replace('&', "&amp;")), "{}", mail.html);
        assert!(!mail.subject.is_empty() && mail.subject.contains(BRANDING.application), "{}", mail.subject);
        assert_eq!(mail.sender_name.as_deref(), Some("Acme"));
        assert!(mail.html.contains("Acme &lt;Web&gt; &amp; &quot;Co&quot;") && !mail.html.contains("<Web>"));
        assert!(mail.text.contains("Acme <Web> & \"Co\"\n\n"), "{}", mail.text);
    }
    let mail = written(&Letter::SignInCode("1", 1), &Branding { subject: Some("Hello"), ..BRANDING }, None);
    assert!(mail.subject == "Hello" && mail.text.contains("1 minute,") && mail.html.contains("#ffcc00"));
}

#[test]
fn content_of_ones_own_replaces_everything_and_what_it_leaves_out_is_empty() {
    let custom = EmailContent { subject: "Mine".to_owned(), ..EmailContent::default() };
    let mail = written(&Letter::SignInLink(LINK, 5), &BRANDING, Some(&custom));
    assert_eq!((mail.subject.as_str(), mail.text.as_str()), ("Mine", &*format!("{LINK}\n")));
    assert!(mail.sender_name.is_none() && mail.logo.is_none());
    assert!(!mail.html.contains("Acme") && !mail.html.contains("<h1") && !mail.html.contains("<img"), "{}", mail.html);
    let custom = EmailContent {
        subject: "Mine".to_owned(),
        primary_color: Some("#012".to_owned()),
        base64_logo: Some(STANDARD.encode(b"GIF89a...")),
        header_text: Some("Header".to_owned()),
        body_text: Some("One\nTwo".to_owned()),
        link_text: Some("Here".to_owned()),
        info_text: Some("Info".to_owned()),
        footer_text: Some("Footer".to_owned()),
        sender_name: Some("Me".to_owned()),
    };
    let mail = written(&Letter::SignInLink(LINK, 5), &BRANDING, Some(&custom));
    assert_eq!(mail.text, format!("Header\n\nOne\nTwo\n\nHere:\n{LINK}\n\nInfo\n\n-- \nFooter\n"));
    for part in ["cid:logo", "<h1", "One<br>\nTwo", ">Here</a>", "Info", "Footer", "background:#001122;color:#ffffff"] {
        assert!(mail.html.contains(part), "{part}: {}", mail.html);
    }
    assert_eq!(mail.logo.map(|logo| logo.content_type), Some("image/gif"));
}

#[test]
fn no_text_of_a_caller_becomes_markup() {
    let evil = "</p><script>alert(1)</script><a href='https://evil.example'>\"&";
    let content = || Some(evil.to_owned());
    let custom = EmailContent {
        subject: evil.to_owned(),
        header_text: content(),
        body_text: content(),
        link_text: content(),
        info_text: content(),
        footer_text: content(),
        sender_name: content(),
        ..EmailContent::default()
    };
    let plain = EmailContent { subject: "s".to_owned(), ..EmailContent::default() };
    let tags = |html: &str| html.matches('<').count();
    let [with, without] =
        [&custom, &plain].map(|custom| written(&Letter::SignInLink(LINK, 5), &BRANDING, Some(custom)).html);
    // The heading and three paragraphs, each with its end.
    assert_eq!(tags(&with), tags(&without) + 8, "{with}");
    assert!(!with.contains("<script") && with.matches("href=\"").count() == 1, "{with}");
}

#[test]
fn a_link_is_one_of_the_web_and_stays_in_its_attribute() {
    for evil in
        ["javascript:alert(1)", "data:text/html,x", "//a.example", "https://a.example/\"><script>", "http://a b", ""]
    {
        assert!(mail("u@a.example", &Letter::SignInLink(evil, 5), &BRANDING, None).is_err(), "{evil}");
    }
}

#[test]
fn a_text_message_holds_the_code_and_the_callers_words() {
    let text = |custom: Option<&CustomSms>, application| match sms(
        "+1",
        &Letter::SignInCode("123456", 5),
        application,
        custom,
    ) {
        Ok(Parcel::Sms(message)) => (message.text, message.sender),
        Ok(Parcel::Mail(_)) => panic!("a mail"),
        Err(error) => panic!("{error}"),
    };
    assert_eq!(text(None, "Acme").0, "123456 is your code to sign in to Acme. It is good for 5 minutes.");
    let custom = CustomSms {
        custom_message: Some("{app}: {otp}. {unknown} {otp}".to_owned()),
        sender_id: Some("ACME".to_owned()),
    };
    // The name of an application is no template.
    let expected = ("{otp}: 123456. {unknown} 123456".to_owned(), Some("ACME".to_owned()));
    assert_eq!(text(Some(&custom), "{otp}"), expected);
    let bad = CustomSms { custom_message: Some("no places".to_owned()), sender_id: None };
    assert!(sms("+1", &Letter::SignInCode("1", 5), "Acme", Some(&bad)).is_err());
}
