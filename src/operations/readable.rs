//! Words of a request, fit for the log and the record.

use crate::domain::secret::SecretKind;

/// The most words that the log and the record keep of a text with values of the request in it.
const MAX_WORDS: usize = 64;
/// The most characters of such a word: more than scopes and targets have, less than a token has.
const MAX_WORD: usize = 100;

/// A text that holds values of the request, fit for the log and the record: bounded, and without anything that could
/// forge a second line. Long words are cut: scopes and targets are short, and a token that a client put in the wrong
/// place must not be kept (TE-138).
pub fn readable(text: &str) -> String {
    let mut words = text.split(' ');
    let mut kept: Vec<String> = words.by_ref().take(MAX_WORDS).map(readable_word).collect();
    kept.extend(words.next().map(|_| "…".to_owned()));
    kept.join(" ")
}

fn readable_word(word: &str) -> String {
    // One of our own secrets in the wrong place: short enough to be kept whole, and good for as long as nobody knows it.
    if let Some(prefix) = SecretKind::found_in(word) {
        return format!("{prefix}…");
    }
    let mut characters = word.chars().map(|c| if c.is_ascii_graphic() { c } else { '?' });
    let mut kept: String = characters.by_ref().take(MAX_WORD).collect();
    kept.extend(characters.next().map(|_| '…'));
    kept
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
}
