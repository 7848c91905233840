//! Words of token introspection: the form of the answer that a request asks for (RFC 9701 §4, RFC 9110 §12.5.1).

/// The media type of a signed answer, and with `application/` taken away the `typ` of its header (RFC 9701 §5).
pub const SIGNED_ANSWER: &str = "application/token-introspection+jwt";

/// Whether a request with these `Accept` headers wants a signed answer: it names the media type itself, and no
/// plain answer better. Ranges such as `*/*` are what libraries send without a thought, and get the plain answer.
pub fn wants_signed_answer<'a>(accept: impl IntoIterator<Item = &'a str>) -> bool {
    let ranges: Vec<(String, u16)> =
        accept.into_iter().flat_map(|header| header.split(',')).filter_map(media_range).collect();
    let quality = |wanted: &str| ranges.iter().find(|(range, _)| range == wanted).map(|(_, quality)| *quality);
    let signed = quality(SIGNED_ANSWER).unwrap_or_default();
    // The narrowest range that fits decides.
    let plain = ["application/json", "application/*", "*/*"].into_iter().find_map(quality).unwrap_or_default();
    signed > 0 && signed >= plain
}

/// A media range in lower case, and its weight in thousandths; `None` for what is none.
fn media_range(text: &str) -> Option<(String, u16)> {
    let mut parts = text.split(';').map(str::trim);
    let range = parts.next().filter(|range| range.contains('/'))?;
    let mut weights = parts.filter_map(|part| part.split_once('=')).filter(|(name, _)| {
        // Parameters of the media type itself change nothing here.
        name.trim().eq_ignore_ascii_case("q")
    });
    let weight = match weights.next() {
        None => 1000,
        Some((_, weight)) => thousandths(weight.trim())?,
    };
    Some((range.to_ascii_lowercase(), weight))
}

/// `0` to `1` with at most three decimals.
fn thousandths(weight: &str) -> Option<u16> {
    let (whole, decimals) = weight.split_once('.').unwrap_or((weight, ""));
    let is_number = decimals.len() <= 3 && decimals.bytes().all(|byte| byte.is_ascii_digit());
    let decimals: u16 = format!("{decimals:0<3}").parse().ok()?;
    match (whole, decimals) {
        _ if !is_number => None,
        ("0", decimals) => Some(decimals),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_those_who_name_it_and_prefer_nothing_else_get_a_signed_answer() {
        for yes in [
            &["application/token-introspection+jwt"] as &[&str],
            &["Application/Token-Introspection+JWT"],
            &["application/token-introspection+jwt, */*;q=0.1"],
            &["application/token-introspection+jwt, */*"],
            &["application/json;q=0.5, application/token-introspection+jwt;q=0.7"],
            &["application/json;q=0", "application/token-introspection+jwt;q=0.001"],
            &["text/html", "application/token-introspection+jwt ; profile=x ; Q=1.000"],
        ] {
            assert!(wants_signed_answer(yes.iter().copied()), "{yes:?}");
        }
        for no in [
            &[] as &[&str],
            &[""],
            &["*/*"],
            &["application/*"],
            &["application/json"],
            &["application/jwt"],
            &["token-introspection+jwt"],
            &["application/token-introspection+jwt;q=0"],
            &["application/token-introspection+jwt;q=0.5, application/json"],
            &["application/token-introspection+jwt;q=0.5, application/*;q=0.6"],
            &["application/token-introspection+jwt;q=0.5", "*/*"],
            &["application/token-introspection+jwt;q=2"],
            &["application/token-introspection+jwt;q=1.5"],
            &["application/token-introspection+jwt;q=0.12345"],
            &["application/token-introspection+jwt;q=+1"],
            &["application/token-introspection+jwt;q=NaN"],
            &["application/token-introspection+jwtx"],
        ] {
            assert!(!wants_signed_answer(no.iter().copied()), "{no:?}");
        }
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(header in "[a-z*/;=,.q0-9é ]{0,60}") {
            wants_signed_answer([header.as_str()]);
        }
    }
}
