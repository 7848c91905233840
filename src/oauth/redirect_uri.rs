//! Redirect URIs (RFC 6749 §3.1.2, RFC 9700 §4.1): what one may be, and how an answer is put into it.

use url::{Host, Url, form_urlencoded};

use super::resource::has_only_uri_characters;

/// The longest redirect URI, in bytes.
pub const MAX_REDIRECT_URI: usize = 2048;

/// Whether `text` may be registered as a redirect URI: absolute, `https`, or `http` on this machine; without a fragment,
/// which would swallow the answer, and without a user name, which makes one host look like another.
///
/// Clients are confidential: they run on servers, where no other program can take a custom scheme or a loopback port for
/// itself. So there are no custom schemes, and no ports that vary (RFC 8252 §7).
pub fn is_redirect_uri(text: &str) -> bool {
    if text.len() > MAX_REDIRECT_URI || text.contains('#') || !has_only_uri_characters(text) {
        return false;
    }
    let Ok(url) = Url::parse(text) else { return false };
    // The parser follows browsers: it makes three slashes two, and takes a host from what has none.
    let begins = |scheme: &str| text.strip_prefix(scheme).is_some_and(|rest| !rest.starts_with(['/', '\\', '?']));
    if !url.username().is_empty() || url.password().is_some() || text.contains('@') {
        return false;
    }
    match url.host() {
        Some(_) if begins("https://") => true,
        Some(Host::Domain(name)) => begins("http://") && name == "localhost",
        Some(Host::Ipv4(address)) => begins("http://") && address.is_loopback(),
        Some(Host::Ipv6(address)) => begins("http://") && address.is_loopback(),
        None => false,
    }
}

/// `uri` with further parameters in its query. What was there stays as it was, to the byte.
pub fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(parameters);
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some((_, query)) if query.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{}", query.finish())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_leads_back_to_a_server_may_be_registered() {
        for good in [
            "https://app.example/back",
            "https://app.example",
            "https://app.example:8443/back?tenant=1",
            "http://localhost:3000/back",
            "http://127.0.0.1:3000/back",
            "http://[::1]:3000/",
        ] {
            assert!(is_redirect_uri(good), "{good}");
        }
    }

    #[test]
    fn what_could_lead_elsewhere_may_not() {
        let long = format!("https://app.example/{}", "a".repeat(MAX_REDIRECT_URI));
        for bad in [
            "",
            "/back",
            "app.example/back",
            "http://app.example/back",
            "http://localhost.app.example/back",
            "https://app.example/back#top",
            "https://app.example/back#",
            "https://user@app.example/back",
            "https://app.example@evil.example/",
            "https://app.example/@evil",
            "https:///app.example/back",
            "https:app.example/back",
            "https:\\\\app.example\\back",
            "https://app.example/a b",
            "https://app.example/\n",
            "https://app.example/%zz",
            "https://*.app.example/é",
            "com.example.app:/back",
            "javascript:alert(1)",
            "data:text/html,x",
            "urn:ietf:wg:oauth:2.0:oob",
            long.as_str(),
        ] {
            assert!(!is_redirect_uri(bad), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_added_to_the_query_and_changes_nothing_else() {
        let with = |uri| with_parameters(uri, &[("code", "a b&c"), ("state", "=é")]);
        let added = "code=a+b%26c&state=%3D%C3%A9";
        assert_eq!(with("https://app.example"), format!("https://app.example?{added}"));
        assert_eq!(with("https://APP.example/../x?a=%41"), format!("https://APP.example/../x?a=%41&{added}"));
        assert_eq!(with("https://app.example/?"), format!("https://app.example/?{added}"));
        assert_eq!(with("https://app.example/?a&"), format!("https://app.example/?a&{added}"));
    }

    proptest! {
        #[test]
        fn no_value_breaks_out_of_its_parameter(value in any::<String>()) {
            let uri = with_parameters("https://app.example/back?fixed=1", &[("state", &value)]);
            let url = Url::parse(&uri).expect("a URL");
            let pairs: Vec<_> = url.query_pairs().into_owned().collect();
            prop_assert_eq!(pairs, [("fixed".to_owned(), "1".to_owned()), ("state".to_owned(), value)]);
            prop_assert!(url.fragment().is_none());
            prop_assert!(uri.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}
