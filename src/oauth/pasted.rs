//! Tokens as people paste them.

/// The token in a text that somebody copied: without white space around it, and without the word `Bearer` of a copied header. No token
/// of ours holds a space, so nothing else can be meant.
pub fn token(text: &str) -> &str {
    let text = text.trim();
    match text.split_once(char::is_whitespace) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim_start(),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::token;

    #[test]
    fn what_is_pasted_around_a_token_is_left_out() {
        for pasted in ["a.b.c", " a.b.c\n", "Bearer a.b.c", "\tbearer  a.b.c\r\n", "BEARER\u{a0}a.b.c"] {
            assert_eq!(token(pasted), "a.b.c", "{pasted:?}");
        }
        for other in ["", "Bearer", "Basic a.b.c", "a.b.c d"] {
            assert_eq!(token(other), other);
        }
    }
}
