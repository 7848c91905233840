//! What a URL in the file may be.

use url::Host;

use super::{
    findings::Findings,
    table::{Table, item_path},
};
use crate::domain::web_url::{MAX_URLS, is_origin, is_web_url, parse};

/// Whether what is sent to or read from that URL is safe from others on the way: `https`, or `http` on this machine.
pub(super) fn is_safe_url(text: &str) -> bool {
    let Some(url) = parse(text) else { return false };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

/// Refuses a list that has anything but origins of web pages (RFC 6454 §6.2).
pub(super) fn check_origins(list: &str, texts: &[String], findings: &mut Findings<'_>) {
    check(list, texts, is_origin, "must be an origin such as \"https://app.example\", without a path", findings);
}

/// Refuses a list that has anything but absolute URLs of the web.
pub(super) fn check_web_urls(list: &str, texts: &[String], findings: &mut Findings<'_>) {
    check(list, texts, is_web_url, "must be an absolute http or https URL", findings);
}

/// A URL of an outgoing request, if it is a safe one.
pub(super) fn safe_url(
    table: &Table<'_, '_>,
    key: &str,
    url: Option<String>,
    why: &str,
    findings: &mut Findings<'_>,
) -> Option<String> {
    if url.as_deref().is_some_and(|url| !is_safe_url(url)) {
        findings.error(&table.path(key), format_args!("must be an https:// URL, or an http:// one on loopback: {why}"));
    }
    url
}

fn check(list: &str, texts: &[String], is_right: impl Fn(&str) -> bool, message: &str, findings: &mut Findings<'_>) {
    if texts.len() > MAX_URLS {
        findings.error(list, format_args!("may have {MAX_URLS} items at most"));
    }
    for text in texts.iter().filter(|text| !is_right(text)) {
        findings.error(&item_path(list, text), message);
    }
}
