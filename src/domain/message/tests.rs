use super::*;

fn with(change: impl FnOnce(&mut EmailContent)) -> Result<(), ContentError> {
    let mut content = EmailContent { subject: "Sign in".to_owned(), ..EmailContent::default() };
    change(&mut content);
    content.check()
}

#[test]
fn a_line_break_or_any_control_character_in_what_becomes_a_header_is_refused() {
    assert_eq!(with(|_| {}), Ok(()));
    for evil in ["x\r\nBcc: b@a.example", "x\nBcc: b", "x\rBcc: b", "x\0", "x\u{85}Bcc: b", "x\u{7f}", "a\tb"] {
        assert!(with(|content| content.subject = evil.to_owned()).is_err(), "{evil:?}");
        assert!(with(|content| content.sender_name = Some(evil.to_owned())).is_err(), "{evil:?}");
        assert!(with(|content| content.link_text = Some(evil.to_owned())).is_err(), "{evil:?}");
    }
    assert!(with(|content| content.subject = "  ".to_owned()).is_err());
    assert_eq!(with(|content| content.body_text = Some("two\nlines".to_owned())), Ok(()));
    assert!(with(|content| content.body_text = Some("x\0".to_owned())).is_err());
}

#[test]
fn each_text_has_its_longest() {
    assert_eq!(with(|content| content.subject = "ä".repeat(200)), Ok(()));
    assert!(with(|content| content.subject = "ä".repeat(201)).is_err());
    assert_eq!(with(|content| content.footer_text = Some("ä".repeat(4000))), Ok(()));
    assert!(with(|content| content.footer_text = Some("ä".repeat(4001))).is_err());
}

#[test]
fn a_colour_is_six_digits_and_nothing_that_a_style_sheet_would_read() {
    let css = |text| Colour::parse(text).map(Colour::css);
    assert_eq!(css("#1A73e8").as_deref(), Some("#1a73e8"));
    assert_eq!(css("#fa0").as_deref(), Some("#ffaa00"));
    for bad in ["", "#", "1a73e8", "red", "#12345", "#1a73e8;background:url(https://evil.example)", "#+1+1+1", "#äö"]
    {
        assert_eq!(css(bad), None, "{bad}");
        assert!(with(|content| content.primary_color = Some(bad.to_owned())).is_err(), "{bad}");
    }
    assert_eq!(Colour::parse("#ffff00").map(Colour::readable_on), Some(Colour::BLACK));
    assert_eq!(Colour::DEFAULT.readable_on(), Colour::WHITE);
}

#[test]
fn a_logo_is_a_picture_whatever_it_says_it_is() {
    let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nrest");
    assert_eq!(Logo::parse(&png).map(|logo| logo.content_type), Some("image/png"));
    let as_url = format!("data:image/png;base64,{png}");
    assert!(Logo::parse(&as_url).is_some() && with(|content| content.base64_logo = Some(as_url)).is_ok());
    let svg = STANDARD.encode("<svg onload=alert(1)>");
    for bad in [svg.as_str(), "data:image/svg+xml,<svg>", "%%%", "https://a.example/logo.png"] {
        assert!(with(|content| content.base64_logo = Some(bad.to_owned())).is_err(), "{bad}");
    }
    let large = STANDARD.encode([b"\x89PNG\r\n\x1a\n".as_slice(), &[0; 15_000]].concat());
    assert!(large.len() > MAX_LOGO && Logo::parse(&large).is_none());
}

#[test]
fn a_text_message_of_ones_own_names_code_and_application() {
    let check = |text: Option<&str>, sender: Option<&str>| {
        CustomSms { custom_message: text.map(str::to_owned), sender_id: sender.map(str::to_owned) }.check()
    };
    assert_eq!(check(Some("{otp} for {app}"), Some("Acme & Co")), Ok(()));
    assert_eq!(check(None, None), Ok(()));
    for bad in ["{otp}", "{app}", "", "{otp} {app}\r", &format!("{{otp}} {{app}} {}", "x".repeat(140))] {
        assert!(check(Some(bad), None).is_err(), "{bad}");
    }
    for bad in ["", " ", "twelve chars", "a\nb", "Äcme", "\"}"] {
        assert!(check(None, Some(bad)).is_err(), "{bad}");
    }
}
