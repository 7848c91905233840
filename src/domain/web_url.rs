//! What a URL or an origin that is kept may be, wherever it comes from.

use url::Url;

/// The longest URL that is kept, in bytes.
pub const MAX_URL: usize = 2048;
/// The most of them in a list.
pub const MAX_URLS: usize = 100;

/// Reads an absolute URL of a bearable length. Without credentials: they would be shown wherever the URL is.
pub fn parse(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL && !text.chars().any(char::is_control))?;
    (url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// Whether it is an absolute URL of the web: `http` or `https`. Browsers follow it, and `javascript:` is one too.
pub fn is_web_url(text: &str) -> bool {
    parse(text).is_some_and(|url| ["http", "https"].contains(&url.scheme()))
}

/// How libraries write the URL, where that is not how `text` writes it: a default port, zeros before a port, an address such as
/// `0x7f.1` and dots in a path are rewritten before they are called. One spelling is shown, logged and compared, so it must be the one
/// that counts. An origin may stand without a slash.
pub fn rewritten(text: &str) -> Option<String> {
    let url = parse(text)?;
    let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && !text.ends_with('/');
    let usual = if is_bare { url.as_str().trim_end_matches('/') } else { url.as_str() };
    (usual != text).then(|| usual.to_owned())
}

/// Whether it is the origin of web pages (RFC 6454 §6.2), such as `https://app.example`.
pub fn is_origin(text: &str) -> bool {
    is_web_url(text) && parse(text).is_some_and(|url| url.origin().ascii_serialization() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_have_no_path_no_credentials_and_a_web_scheme() {
        for good in ["http://localhost", "https://app.example", "https://app.example:8443", "http://[::1]:3000"] {
            assert!(is_origin(good), "{good}");
        }
        for bad in
            ["", "null", "https://app.example/", "https://u@app.example", "https://app.example:443", "ftp://a", "a\nb"]
        {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn a_spelling_that_libraries_rewrite_is_told_from_the_usual_one() {
        for usual in [
            "https://a.example",
            "https://a.example/",
            "https://a.example:8443/x?y=%41",
            "http://127.0.0.1:1",
            "http://[::1]",
        ] {
            assert_eq!(rewritten(usual), None, "{usual}");
        }
        for (text, usual) in [
            ("https://a.example:443", "https://a.example"),
            ("https://a.example:08443", "https://a.example:8443"),
            ("https://a.example:", "https://a.example"),
            ("http://0x7f.1/x", "http://127.0.0.1/x"),
            ("http://2130706433", "http://127.0.0.1"),
            ("http://[0:0::1]:80", "http://[::1]"),
            ("HTTPS://A.example/x", "https://a.example/x"),
            ("https://a.example/a/../b", "https://a.example/b"),
            ("https://a.example\\b", "https://a.example/b"),
        ] {
            assert_eq!(rewritten(text).as_deref(), Some(usual), "{text}");
        }
    }

    #[test]
    fn a_url_that_browsers_would_run_or_that_has_a_password_is_none_of_the_web() {
        assert!(is_web_url("https://cdn.example/a.png?size=2"));
        let long = format!("https://cdn.example/{}", "a".repeat(MAX_URL));
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//cdn.example/a",
            "https://u:p@cdn.example/",
            "a",
            long.as_str(),
        ] {
            assert!(!is_web_url(bad), "{bad}");
        }
    }
}
