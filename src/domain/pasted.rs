//! What people paste, and what programs write into files and variables.

/// The text without what nobody meant to give: white space, line breaks of either kind, and the mark that some editors put at the beginning
/// of a file. For secrets, codes and tokens, which never begin or end so.
pub fn pasted(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\u{feff}' | '\u{200b}'))
}

/// The token in a text that somebody copied: the same, and without the word `Bearer` of a copied header. No token of ours holds a space,
/// so nothing else can be meant.
pub fn pasted_token(text: &str) -> &str {
    let text = pasted(text);
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => pasted(token),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_around_is_left_out_and_nothing_within() {
        for text in ["a b", " a b\n", "\u{feff}a b\r\n", "\u{a0}\ta b\u{200b}", "\n\na b\n\n"] {
            assert_eq!(pasted(text), "a b", "{text:?}");
        }
        assert_eq!(pasted(" \u{feff}\r\n"), "");
    }

    #[test]
    fn what_is_pasted_around_a_token_is_left_out() {
        for text in
            ["a.b.c", " a.b.c\n", "Bearer a.b.c", "\tbearer  a.b.c\r\n", "BEARER\u{a0}a.b.c", "\u{feff}a.b.c\r\n"]
        {
            assert_eq!(pasted_token(text), "a.b.c", "{text:?}");
        }
        for other in ["", "Bearer", "Basic a.b.c", "a.b.c d"] {
            assert_eq!(pasted_token(other), other);
        }
    }
}
