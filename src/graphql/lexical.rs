//! The first look at a document, before a parser sees it.
//!
//! The parser calls itself for every bracket inside a bracket and checks its own bound only afterwards: thousands of them
//! would overflow the stack, and that ends the process, not the request.

use crate::operations::mosaic_error::{MosaicCode, MosaicError};

/// The longest document, in bytes. The introspection query of GraphiQL has 2 KiB.
pub(super) const MAX_LENGTH: usize = 32 * 1024;
/// How deep brackets of any kind may nest. The introspection query of GraphiQL needs 10 levels, and 15 without fragments.
pub(super) const MAX_NESTING: usize = 32;

/// Refuses documents that are too long or nested too deep.
pub(super) fn check(document: &str) -> Result<(), MosaicError> {
    if document.len() > MAX_LENGTH {
        return Err(too_complex(format!("The document is longer than {MAX_LENGTH} bytes")));
    }
    let mut rest = document;
    let mut nesting: usize = 0;
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '#' => behind_comment(rest),
            '"' => behind_string(rest).ok_or_else(|| {
                MosaicError::new(MosaicCode::GraphqlValidationFailed, "Syntax error: a string has no end")
            })?,
            _ => rest.get(next.len_utf8()..).unwrap_or_default(),
        };
        match next {
            '{' | '[' | '(' => nesting += 1,
            '}' | ']' | ')' => nesting = nesting.saturating_sub(1),
            _ => {}
        }
        if nesting > MAX_NESTING {
            return Err(too_complex(format!("Brackets nest deeper than {MAX_NESTING} levels")));
        }
    }
    Ok(())
}

/// A refusal for the size of a document.
pub(super) fn too_complex(message: String) -> MosaicError {
    MosaicError::new(MosaicCode::QueryTooComplex, message)
}

/// A comment ends with its line (GraphQL §2.1.4).
fn behind_comment(text: &str) -> &str {
    text.find(['\n', '\r']).and_then(|end| text.get(end..)).unwrap_or_default()
}

/// What follows the string that begins here (GraphQL §2.9.4); `None` if it does not end.
fn behind_string(text: &str) -> Option<&str> {
    if let Some(block) = text.strip_prefix("\"\"\"") {
        return behind_block_string(block);
    }
    let mut characters = text.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return text.get(at + 1..),
            '\\' => drop(characters.next()),
            '\n' | '\r' => return None,
            _ => {}
        }
    }
    None
}

fn behind_block_string(mut text: &str) -> Option<&str> {
    loop {
        let end = text.find("\"\"\"")?;
        let (inside, rest) = text.split_at(end);
        text = rest.strip_prefix("\"\"\"")?;
        // Only these four characters together are an escape.
        if !inside.ends_with('\\') {
            return Some(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(open: &str, close: &str, levels: usize) -> String {
        format!("{}{}", open.repeat(levels), close.repeat(levels))
    }

    #[test]
    fn brackets_of_every_kind_count_together() {
        for (open, close) in [("{a", "}"), ("[", "]"), ("(", ")"), ("{a(b:[", "])}")] {
            let per_level = open.chars().filter(|c| "{[(".contains(*c)).count();
            let fits = MAX_NESTING / per_level;
            assert_eq!(check(&nested(open, close, fits)), Ok(()), "{open}");
            let refused = check(&nested(open, close, fits + 1)).map_err(|error| error.code);
            assert_eq!(refused, Err(MosaicCode::QueryTooComplex), "{open}");
        }
        assert_eq!(check(&"{}".repeat(1000)), Ok(()), "side by side they are not nested");
        assert_eq!(check(&"}".repeat(1000)), Ok(()), "the parser will refuse it");
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_count_and_nothing_hides_behind_them() {
        let many = "[".repeat(100);
        for harmless in [
            format!("\"{many}\""),
            format!("\"\\\"{many}\""),
            format!("\"\\\\\" \"{many}\""),
            format!("\"\"\"\n{many}\"{many}\"\" \\\"\"\"{many}\n\"\"\""),
            format!("# {many}"),
            format!("# \" {many}\n a"),
        ] {
            assert_eq!(check(&harmless), Ok(()), "{harmless}");
        }
        for hidden in [
            format!("\"\"{many}\"\""),
            format!("\"\\\\\"{many}\""),
            format!("\"\"\"\"\"\"{many}\"\"\"\"\"\""),
            format!("\"\"\"a\"\"\"{many}"),
            format!("# \"\n{many}"),
            format!("# \"\r{many}"),
            format!("\"#\"{many}"),
            format!("\"\"\"#\"\"\"{many}"),
        ] {
            assert_eq!(check(&hidden).map_err(|error| error.code), Err(MosaicCode::QueryTooComplex), "{hidden}");
        }
    }

    #[test]
    fn a_string_without_end_is_refused() {
        for open in ["\"", "\"a\n\"", "\"\\\"", "\"\"\"", "\"\"\"a\"\"", "\"\"\"a\\\"\"\"", "\"\"\"a\"\"\\\"\"\""] {
            let refused = check(open).map_err(|error| error.code);
            assert_eq!(refused, Err(MosaicCode::GraphqlValidationFailed), "{open}");
        }
    }

    #[test]
    fn a_document_of_the_greatest_length_is_read_and_a_longer_one_is_not() {
        assert_eq!(check(&"a".repeat(MAX_LENGTH)), Ok(()));
        let refused = check(&"a".repeat(MAX_LENGTH + 1)).map_err(|error| error.code);
        assert_eq!(refused, Err(MosaicCode::QueryTooComplex));
    }
}
