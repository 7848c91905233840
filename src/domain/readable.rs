//! Words of a request, fit for the log and the record.

use super::secret::SecretKind;

/// The most words that are kept of a text.
const MAX_WORDS: usize = 64;
/// The most characters of such a word: more than scopes and targets have, less than a token has.
const MAX_WORD: usize = 100;
/// The most characters of a text as a whole. A record does not grow with the request.
const MAX_TEXT: usize = 1000;
/// The most entries of a list.
const MAX_ENTRIES: usize = 16;
/// The most characters of an entry.
const MAX_ENTRY: usize = 200;
/// Every JWT begins so: `{"` in base64url.
const JWT: &str = "eyJ";
/// The characters after [`JWT`] that make it a token even without the dot between its parts.
const JWT_TAIL: usize = 40;
/// The digits of a telephone number with its country code (E.164; fewer than seven is no number).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A text with values of the request, fit for the log and the record. It is bounded, and has nothing that could forge a
/// second line. Long words are cut: scopes and targets are short, and a token that a client put in the wrong place must not
/// be kept (TE-138). Secrets, tokens, e-mail addresses and telephone numbers are left out. A text that went through once
/// comes out unchanged.
pub fn readable(text: &str) -> String {
    cut(&words(text, |word| without_phone(&without_email(&without_secrets(word)))), MAX_TEXT)
}

/// An identifier that a request claims, of a client, a user or a target. Only secrets and tokens are left out: the identifier
/// of a user of a foreign issuer may be an e-mail address, and the record is about that user.
pub fn readable_id(text: &str) -> String {
    cut(&words(text, without_secrets), MAX_ENTRY)
}

/// The first of some identifiers.
pub fn readable_ids<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut texts = texts.into_iter();
    let mut kept: Vec<String> = texts.by_ref().take(MAX_ENTRIES).map(readable_id).collect();
    kept.extend(texts.next().map(|_| "…".to_owned()));
    kept
}

fn words(text: &str, clean: impl Fn(&str) -> String) -> String {
    let mut words = text.split(' ');
    let mut kept: Vec<String> =
        words.by_ref().take(MAX_WORDS).map(|word| cut(&clean(&visible(word)), MAX_WORD)).collect();
    kept.extend(words.next().map(|_| "…".to_owned()));
    kept.join(" ")
}

fn visible(word: &str) -> String {
    word.chars().map(|c| if c.is_ascii_graphic() || c == '…' { c } else { '?' }).collect()
}

fn cut(text: &str, longest: usize) -> String {
    let mut characters = text.chars();
    let mut kept: String = characters.by_ref().take(longest).collect();
    if characters.next().is_some() && !kept.ends_with('…') {
        kept.push('…');
    }
    kept
}

/// A name as it is, unless it is a secret of ours or a token. Cut where no name is so long.
pub fn without_secrets(text: &str) -> String {
    if let Some(prefix) = SecretKind::found_in(text) {
        return format!("{prefix}…");
    }
    let text = &cut(text, MAX_TEXT);
    match text.split_once(JWT) {
        Some((before, after)) if is_token(after) => format!("{before}{JWT}…"),
        _ => text.to_owned(),
    }
}

/// Whether what follows [`JWT`] makes it a token.
fn is_token(after: &str) -> bool {
    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_'));
    end.map_or(after.len() >= JWT_TAIL, |end| {
        end >= JWT_TAIL || after.get(end..).is_some_and(|rest| rest.starts_with('.'))
    })
}

fn without_email(word: &str) -> String {
    // As it stands in the path of a URL.
    let word = word.replace("%40", "@");
    let Some((before, after)) = word.split_once('@') else { return word };
    let is_local = |c: char| c.is_ascii_alphanumeric() || "._%+-?'…".contains(c);
    let is_domain = |c: char| c.is_ascii_alphanumeric() || ".-?".contains(c);
    let rest = after.trim_start_matches(is_domain);
    let domain = after.strip_suffix(rest).unwrap_or(after);
    let start = before.trim_end_matches(is_local);
    if start.len() == before.len() || !domain.contains('.') {
        return word;
    }
    format!("{start}(e-mail){}", without_email(rest))
}

fn without_phone(word: &str) -> String {
    let word = word.replace("%2B", "+").replace("%2b", "+");
    let Some((before, after)) = word.split_once('+') else { return word };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || "-().".contains(c));
    let number = after.strip_suffix(rest).unwrap_or(after);
    if PHONE_DIGITS.contains(&number.chars().filter(char::is_ascii_digit).count()) {
        return format!("{before}(telephone){}", without_phone(rest));
    }
    format!("{before}+{}", without_phone(after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{random::SystemRandom, secret::Secret};

    #[test]
    fn what_is_kept_of_a_request_is_one_line_without_long_words() {
        assert_eq!(readable("calendar.read  x\ny\u{202e}"), "calendar.read  x?y?");
        let word = "w".repeat(MAX_WORD);
        assert_eq!(readable(&word), word);
        assert_eq!(readable(&format!("a {word}x b")), format!("a {word}… b"));
        let secret = Secret::generate_kind(SecretKind::RefreshToken, &SystemRandom).expect("random source");
        assert_eq!(readable(&format!("a ({:?})", secret.reveal())), "a tsr_…");
        let words = vec!["w"; MAX_WORDS].join(" ");
        assert_eq!(readable(&words), words);
        assert_eq!(readable(&format!("{words} x y")), format!("{words} …"));
    }

    #[test]
    fn tokens_and_personal_data_are_left_out_wherever_they_stand() {
        for (text, kept) in [
            ("token=eyJhbGciOiJIUzI1NiJ9.e30.AAAA failed", "token=eyJ… failed"),
            ("eyJ is no token, nor is eyJhbGci", "eyJ is no token, nor is eyJhbGci"),
            ("user \"ann.o'neil+x@mail.example\": unknown", "user \"(e-mail)\": unknown"),
            ("/users/ann%40mail.example/sessions", "/users/(e-mail)/sessions"),
            ("a@b.c,d@e.f", "(e-mail),(e-mail)"),
            ("scope@home", "scope@home"),
            ("to +49(151)123-45678.", "to (telephone)"),
            ("/users/%2B4915112345678/x", "/users/(telephone)/x"),
            ("1+1 +12", "1+1 +12"),
        ] {
            assert_eq!(readable(text), kept);
            assert_eq!(readable(kept), kept, "once more");
        }
    }

    #[test]
    fn an_identifier_may_be_an_address_but_no_secret() {
        assert_eq!(readable_id("ann@mail.example"), "ann@mail.example");
        assert_eq!(readable_id("eyJhbGciOiJIUzI1NiJ9.e30.AAAA"), "eyJ…");
        let secret = Secret::generate(&SystemRandom).expect("random source");
        assert!(!readable_id(secret.reveal()).contains(secret.reveal()));
    }

    #[test]
    fn nothing_grows_with_the_request() {
        let long = "word ".repeat(100_000);
        assert!(readable(&long).len() < 400);
        let long = format!("{} ", "w".repeat(90)).repeat(60);
        assert_eq!(readable(&long).chars().count(), MAX_TEXT + 1);
        assert_eq!(readable(&readable(&long)), readable(&long));
        let many = readable_ids(vec!["https://api.example"; 5000]);
        assert_eq!((many.len(), many.last().map(String::as_str)), (MAX_ENTRIES + 1, Some("…")));
        let again = readable_ids(many.iter().map(String::as_str));
        assert_eq!(again, many);
    }
}
