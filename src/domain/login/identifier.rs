//! By what users are found: which texts can be such an identifier, and which two mean the same.
//!
//! Each kind has one form in which two that mean the same are equal, and the database keeps one user for each. So that nobody gets
//! a second account, or somebody else's, by writing a name another way: what only looks the same (letters of other scripts) is
//! refused, and upper case makes no difference (ADR 0037).

use super::IdentifierKind;
use crate::domain::user::{MAX_TEXT, is_text};

/// The longest local part of an e-mail address, in bytes (RFC 5321 §4.5.3.1.1).
const MAX_LOCAL_PART: usize = 64;
/// The longest label of a domain, in bytes (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
/// The fewest and the most digits of a telephone number, with the country code (E.164; the shortest that are given out have 7).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;
/// The longest user name, in bytes.
pub const MAX_USERNAME: usize = 64;
/// The longest external id, in bytes: what an index of both databases bears well.
pub const MAX_EXTERNAL_ID: usize = 255;
/// The longest id of a user. Ours are UUIDs.
const MAX_ID: usize = 64;

/// An identifier as somebody gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// What it is.
    pub kind: IdentifierKind,
    /// In the form in which two that mean the same are equal.
    pub value: String,
    /// As it was given.
    pub shown: String,
}

/// A text is no identifier of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be {}", rule(*.0))]
pub struct NoIdentifier(pub IdentifierKind);

impl Identifier {
    /// Reads one.
    ///
    /// # Errors
    /// It is none of that kind. The text says what would be, and does not repeat what was given.
    pub fn parse(kind: IdentifierKind, text: &str) -> Result<Self, NoIdentifier> {
        let value = normalized(kind, text).ok_or(NoIdentifier(kind))?;
        Ok(Self { kind, value, shown: text.to_owned() })
    }
}

/// What the texts of a kind are like, for people.
const fn rule(kind: IdentifierKind) -> &'static str {
    match kind {
        IdentifierKind::Email => "an e-mail address in ASCII, such as ada@example.org",
        IdentifierKind::PhoneNumber => "a telephone number in E.164 format, such as +14155550100",
        IdentifierKind::Username => {
            "1 to 64 visible ASCII characters, without @, quotes, <, > and \\, and not beginning with +"
        }
        IdentifierKind::UserId => "1 to 64 bytes of text without control characters",
        IdentifierKind::ExternalUserId => "1 to 255 bytes of text without control characters",
    }
}

/// The form in which two that mean the same are equal; `None` if it is none of that kind.
pub fn normalized(kind: IdentifierKind, text: &str) -> Option<String> {
    let fits = match kind {
        IdentifierKind::Email => is_email(text),
        IdentifierKind::PhoneNumber => is_phone_number(text),
        IdentifierKind::Username => is_username(text),
        IdentifierKind::UserId => is_text(text, MAX_ID),
        IdentifierKind::ExternalUserId => is_text(text, MAX_EXTERNAL_ID),
    };
    let folds = matches!(kind, IdentifierKind::Email | IdentifierKind::Username);
    fits.then(|| if folds { text.to_ascii_lowercase() } else { text.to_owned() })
}

/// A mailbox of RFC 5321 §4.1.2 without quoting and without address literals, which no user has, and with a domain of two labels or
/// more. Nothing in it can end a line or an address of a mail's header.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let is_atom = |part: &str| !part.is_empty() && part.bytes().all(is_atext);
    text.len() <= MAX_TEXT && local.len() <= MAX_LOCAL_PART && local.split('.').all(is_atom) && is_domain(domain)
}

/// RFC 5322 §3.2.3.
fn is_atext(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte)
}

/// Host names (RFC 1123 §2.1). One whose last label is a number is an IP address.
fn is_domain(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MAX_LABEL).contains(&label.len())
            && label.bytes().all(|byte| byte == b'-' || byte.is_ascii_alphanumeric())
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let last = text.rsplit_once('.').map(|(_, last)| last);
    text.split('.').all(is_label) && last.is_some_and(|last| !last.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_phone_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('+') else { return false };
    PHONE_DIGITS.contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// Not one that reads as somebody's e-mail address or telephone number: applications ask "e-mail or user name" in one field.
fn is_username(text: &str) -> bool {
    let is_fit = |byte: u8| byte.is_ascii_graphic() && !b"@\"<>\\".contains(&byte);
    (1..=MAX_USERNAME).contains(&text.len()) && text.bytes().all(is_fit) && !text.starts_with('+')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn email(text: &str) -> Option<String> {
        normalized(IdentifierKind::Email, text)
    }

    #[test]
    fn addresses_are_compared_without_regard_to_case() {
        assert_eq!(email("Ada.Lovelace+x@Mail.Example"), Some("ada.lovelace+x@mail.example".into()));
        assert_eq!(email("o'hara@xn--bcher-kva.example"), Some("o'hara@xn--bcher-kva.example".into()));
        let parsed = Identifier::parse(IdentifierKind::Email, "Ada@Mail.Example").expect("an address");
        assert_eq!((parsed.value.as_str(), parsed.shown.as_str()), ("ada@mail.example", "Ada@Mail.Example"));
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let (long_local, long_label) =
            (format!("{}@a.example", "x".repeat(65)), format!("a@{}.example", "x".repeat(64)));
        let long = format!("{}@{}example", "x".repeat(64), "abcdefg.".repeat(24));
        for wrong in [
            "",
            "@",
            "ada",
            "ada@",
            "@mail.example",
            "ada@localhost",
            "ada@mail.example.",
            "ada@.example",
            "ada@-a.example",
            "ada@a-.example",
            "ada@127.0.0.1",
            "ada@[127.0.0.1]",
            ".ada@mail.example",
            "ada.@mail.example",
            "a..da@mail.example",
            "\"ada\"@mail.example",
            "ada@mail.example\r\nBcc: eve@evil.example",
            "ada\r\n@mail.example",
            "ada\u{0}@mail.example",
            " ada@mail.example",
            "ada@mail.example ",
            "a da@mail.example",
            "Ada <ada@mail.example>",
            "ada@mail.example,eve@evil.example",
            "eve@evil.example@mail.example",
            // Letters that look like those of ASCII: Cyrillic а, dotless ı, full width.
            "\u{430}da@mail.example",
            "ad\u{131}@mail.example",
            "ada@m\u{430}il.example",
            "ada\u{ff20}mail.example",
            // The Kelvin sign becomes a k in lower case.
            "\u{212a}ate@mail.example",
            &long_local,
            &long_label,
            &long,
        ] {
            assert_eq!(email(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn telephone_numbers_are_those_of_e_164() {
        let phone = |text| normalized(IdentifierKind::PhoneNumber, text);
        assert_eq!(phone("+14155550100").as_deref(), Some("+14155550100"));
        for wrong in [
            "14155550100",
            "+04155550100",
            "+1 415 555 0100",
            "+123456",
            "+1234567890123456",
            "+1415555010a",
            "+",
            "+１4155550100",
            "+14155550100\n",
        ] {
            assert_eq!(phone(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn user_names_are_visible_and_read_as_nothing_else() {
        let username = |text| normalized(IdentifierKind::Username, text);
        assert_eq!(username("Ada_L.1815-x").as_deref(), Some("ada_l.1815-x"));
        let long = "x".repeat(65);
        for wrong in [
            "",
            " ada",
            "ada ",
            "a b",
            "ada@mail.example",
            "+14155550100",
            "\u{430}da",
            "ada\n",
            "a\u{0}",
            "<b>",
            &long,
        ] {
            assert_eq!(username(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn external_ids_are_kept_as_they_are() {
        let external = |text| normalized(IdentifierKind::ExternalUserId, text);
        assert_eq!(external("CRM/Ä 7").as_deref(), Some("CRM/Ä 7"));
        assert_eq!(external("a\u{0}"), None);
        assert_eq!(external(&"x".repeat(256)), None);
    }

    #[test]
    fn a_refusal_says_what_would_be_right_and_does_not_repeat_what_was_given() {
        let refused = Identifier::parse(IdentifierKind::Email, "secret").expect_err("no address");
        assert_eq!(refused.to_string(), "must be an e-mail address in ASCII, such as ada@example.org");
    }

    proptest! {
        #[test]
        fn what_is_normalized_stays_as_it_is(text in "\\PC{0,80}|[a-zA-Z+.@-]{0,40}@[a-zA-Z.-]{0,30}") {
            for kind in [
                IdentifierKind::Email,
                IdentifierKind::PhoneNumber,
                IdentifierKind::Username,
                IdentifierKind::ExternalUserId,
            ] {
                if let Some(value) = normalized(kind, &text) {
                    prop_assert_eq!(normalized(kind, &value), Some(value.clone()));
                    prop_assert!(!value.chars().any(char::is_control));
                }
            }
        }
    }
}
