//! `resource`: a target named by its location (RFC 8707 §2, RFC 8693 §2.1), and when two names are one target.

use std::borrow::Cow;

use url::Url;

use super::error::{OAuthError, Problem};

/// Checks that `text` is an absolute URI without a fragment, and gives it back unchanged: [`registered`] finds the target that it
/// names.
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

/// The one of `names` that `name` means: itself, or the only other spelling of it. Where there are several, it means none of them:
/// guessing would take one target for another.
pub fn registered<'n>(names: impl Iterator<Item = &'n str> + Clone, name: &str) -> Option<&'n str> {
    let same = names.clone().find(|known| *known == name);
    same.or_else(|| {
        let mut others = names.filter(|known| is_same_target(known, name));
        others.next().filter(|first| others.all(|other| other == *first))
    })
}

/// Whether two names are one target: two spellings of one http or https URL (RFC 3986 §6.2.3), or the same bytes (TE-120).
pub fn is_same_target(one: &str, other: &str) -> bool {
    one == other || normal_form(one) == normal_form(other)
}

/// An http or https URL with its scheme and host in lower case, without its default port and with the slash of an empty path
/// (RFC 3986 §6.2.2.1, §6.2.3). Nothing else of it is touched: dots, escapes and queries may mean something to who reads them.
/// Everything that is no such URL is its own normal form.
pub fn normal_form(name: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = name.split_once("://") else { return Cow::Borrowed(name) };
    let default_port = match scheme.to_ascii_lowercase().as_str() {
        "http" => "80",
        "https" => "443",
        _ => return Cow::Borrowed(name),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, server) = authority.split_at(authority.rfind('@').map_or(0, |at| at + 1));
    // Of `[::1]` no colon begins a port.
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => (host, port),
        _ => (server, ""),
    };
    if host.is_empty() {
        return Cow::Borrowed(name);
    }
    let port = if port.is_empty() || port == default_port { String::new() } else { format!(":{port}") };
    let slash = if path.starts_with('/') { "" } else { "/" };
    Cow::Owned(format!("{}://{user}{}{port}{slash}{path}", scheme.to_ascii_lowercase(), host.to_ascii_lowercase()))
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

    #[test]
    fn spellings_of_one_url_are_one_target_and_nothing_else_is() {
        for (one, other) in [
            ("https://api.example", "https://api.example/"),
            ("https://api.example", "HTTPS://API.Example:443/"),
            ("https://api.example:/a", "https://api.example/a"),
            ("http://api.example:80?q=1", "http://api.example/?q=1"),
            ("https://u:P@Api.example:443", "https://u:P@api.example/"),
            ("https://[::A]:443", "https://[::a]/"),
            ("urn:a:b", "urn:a:b"),
        ] {
            assert!(is_same_target(one, other) && is_same_target(other, one), "{one} {other}");
        }
        for (one, other) in [
            ("https://api.example/a", "https://api.example/a/"),
            ("https://api.example/a", "https://api.example/A"),
            ("https://api.example/?q=a", "https://api.example/?q=A"),
            ("https://api.example", "http://api.example"),
            ("https://api.example", "https://api.example:80"),
            ("https://api.example", "https://api.example:0443"),
            ("https://api.example", "https://api.example."),
            ("https://api.example/a/../b", "https://api.example/b"),
            ("https://api.example/%41", "https://api.example/A"),
            ("https://a@api.example/", "https://A@api.example/"),
            ("https://api.example", "https://api.example\\"),
            ("https://[::1]", "https://[::1]:1"),
            ("https://[::1]", "https://[::]:1"),
            ("https://", "https:///"),
            ("https://:443", "https://:443/"),
            ("urn:A:b", "urn:a:b"),
            ("api", "API"),
            ("custom://Api", "custom://api"),
            ("api.example", "api.example/"),
        ] {
            assert!(!is_same_target(one, other) && !is_same_target(other, one), "{one} {other}");
        }
    }

    #[test]
    fn a_name_means_the_target_that_is_registered_so_or_the_only_other_spelling_of_it() {
        let find = |names: &[&'static str], name: &str| registered(names.iter().copied(), name);
        assert_eq!(find(&["api", "https://a.example"], "https://A.example/"), Some("https://a.example"));
        assert_eq!(find(&["https://a.example/", "https://a.example"], "https://a.example"), Some("https://a.example"));
        assert_eq!(find(&["https://a.example/", "https://a.example"], "https://A.example"), None);
        assert_eq!(find(&["https://a.example"], "https://b.example"), None);
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own(name in "(http|HTTPS)://[A-Za-z.:@\\[\\]0-9]{0,12}[/?#]?\\PC{0,10}|\\PC{0,20}") {
            let normal = normal_form(&name).into_owned();
            prop_assert_eq!(normal_form(&normal), normal.as_str());
        }

        #[test]
        fn nothing_makes_it_panic_and_what_it_accepts_is_unchanged(text in "\\PC{0,40}|[a-z]{1,4}:[!-~]{0,30}") {
            if let Ok(kept) = parse_resource(&text) {
                prop_assert_eq!(kept, &text);
                prop_assert!(!kept.contains('#'));
            }
        }
    }
}
