//! Codes of digits, as people type and paste them.

/// The digits in what somebody typed in as a code: without the spaces and hyphens that people and messages put between groups, and
/// without what is copied along and cannot be seen; full-width digits of Asian keyboards are digits. `None` where anything else stands
/// there, or no digit: that has not the form of a code, and is no guess at one.
pub fn typed_digits(text: &str) -> Option<String> {
    let digits: Option<String> = text.chars().filter(|c| !is_between(*c)).map(digit).collect();
    digits.filter(|digits| !digits.is_empty())
}

fn digit(c: char) -> Option<char> {
    match c {
        '0'..='9' => Some(c),
        '\u{ff10}'..='\u{ff19}' => char::from_digit(u32::from(c) - 0xff10, 10),
        _ => None,
    }
}

fn is_between(c: char) -> bool {
    c.is_whitespace() || is_hyphen(c) || is_invisible(c)
}

fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}')
}

/// Soft hyphens, marks of the direction of writing, joiners, variation selectors, and the mark at the beginning of a text.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::typed_digits;

    #[test]
    fn a_code_is_its_digits_however_it_was_typed() {
        for typed in [
            "123456",
            " 123 456\r\n",
            "123-456",
            "12\u{2011}34\u{2013}56",
            "123\u{a0}456",
            "\u{feff}123456\u{200b}",
            "\u{202a}123456\u{202c}",
            "\u{ff11}\u{ff12}\u{ff13}\u{3000}\u{ff14}\u{ff15}\u{ff16}",
            "1\u{fe0f}2\u{ad}3\u{2060}456",
        ] {
            assert_eq!(typed_digits(typed).as_deref(), Some("123456"), "{typed:?}");
        }
    }

    #[test]
    fn anything_else_has_not_the_form_of_a_code() {
        for typed in ["", " - ", "12345O", "123.456", "+123456", "1\u{0}23456", "\u{661}\u{662}\u{663}", "\u{b2}3456"] {
            assert_eq!(typed_digits(typed), None, "{typed:?}");
        }
    }
}
