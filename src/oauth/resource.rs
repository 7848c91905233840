//! `resource`: a target named by its location (RFC 8707 §2, RFC 8693 §2.1).

use url::Url;

use super::error::{OAuthError, Problem};

/// Checks that `text` is an absolute URI without a fragment, and gives it back unchanged: targets are compared byte by
/// byte (TE-120), because a reader that normalises and one that does not would take one name for two targets.
///
/// # Errors
/// [`Problem::MalformedResource`].
pub fn parse_resource(text: &str) -> Result<&str, OAuthError> {
    let refused = |why: &str| Err(OAuthError::new(Problem::MalformedResource, why).about("resource"));
    if text.contains('#') {
        return refused("resource has a fragment");
    }
    // The parser below follows browsers: it drops tabs, line breaks and outer spaces, and takes `\` for `/`.
    if !has_only_uri_characters(text) {
        return refused("resource has a character that RFC 3986 does not allow");
    }
    match Url::parse(text) {
        Ok(_) => Ok(text),
        Err(_) => refused("resource is not an absolute URI"),
    }
}

/// RFC 3986 §2: unreserved and reserved characters but `#`, and `%` only before two hexadecimal digits.
pub(super) fn has_only_uri_characters(text: &str) -> bool {
    let escapes_are_whole = text
        .split('%')
        .skip(1)
        .all(|rest| rest.as_bytes().first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)));
    escapes_are_whole
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn absolute_uris_are_kept_as_they_are() {
        for uri in [
            "https://api.example",
            "https://API.example:443/a/../b/",
            "https://api.example/?q=%41+b",
            "https://[::1]:8443/",
            "urn:example:calendar",
            "api://0c1a/x",
        ] {
            assert_eq!(parse_resource(uri), Ok(uri));
        }
    }

    #[test]
    fn everything_else_is_an_invalid_target() {
        for text in [
            "",
            "resource-api",
            "/calendar",
            "//api.example/",
            "https://api.example/#top",
            "https://api.example#",
            "urn:a#b",
            "https://",
            " https://api.example",
            "https://api.example ",
            "https://api.\texample",
            "https:\\\\api.example",
            "https://api.example/é",
            "https://api.example/%zz",
            "https://api.example/%4",
            "https://api.example/<a>",
        ] {
            let error = parse_resource(text).expect_err(text);
            assert_eq!((error.problem, error.parameter), (Problem::MalformedResource, Some("resource")));
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic_and_what_it_accepts_is_unchanged(text in "\\PC{0,40}|[a-z]{1,4}:[!-~]{0,30}") {
            if let Ok(kept) = parse_resource(&text) {
                prop_assert_eq!(kept, &text);
                prop_assert!(!kept.contains('#'));
            }
        }
    }
}
