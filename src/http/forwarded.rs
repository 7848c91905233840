//! What proxies in front say of a request, and which of it is believed.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::{HeaderMap, HeaderValue};

use crate::settings::BehindProxy;

const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";

/// Whether the proxy passed it on from somebody.
pub(super) fn is_forwarded(peer: Option<SocketAddr>, headers: &HeaderMap, proxy: Option<&BehindProxy>) -> bool {
    let through = proxy.is_some_and(|proxy| peer.is_some_and(|peer| is_trusted(peer.ip(), proxy)));
    through && (headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED_PROTO))
}

/// Behind a proxy the link to it is plain HTTP, so nobody but the proxy may use it (TE-001, TE-145).
pub(super) fn check_transport(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    proxy: Option<&BehindProxy>,
) -> Result<(), &'static str> {
    let Some(proxy) = proxy else { return Ok(()) };
    if !peer.is_some_and(|peer| is_trusted(peer.ip(), proxy)) {
        return Err("this server answers its proxy only");
    }
    // A list, in which each proxy of several has its word. Whoever wrote one, none may say otherwise: a client cannot put its own word
    // before the proxy's.
    let words = || headers.get_all(FORWARDED_PROTO).flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let mut said = words().map(<[u8]>::trim_ascii).filter(|word| !word.is_empty()).peekable();
    let says_nothing = words().next().is_some() && said.peek().is_none();
    if !says_nothing && said.all(|word| word.eq_ignore_ascii_case(b"https")) { Ok(()) } else { Err("use https") }
}

/// The nearest address that is not one of our proxies. What a client writes into the header itself stands further left
/// and is never reached. RFC 7239's `Forwarded` is not read: of two headers that say the same, a client could send the one
/// that the proxy does not know and passes on.
pub(super) fn client_address(
    peer: Option<SocketAddr>,
    headers: &HeaderMap,
    proxy: Option<&BehindProxy>,
) -> Option<IpAddr> {
    let peer = peer?.ip().to_canonical();
    let Some(proxy) = proxy.filter(|proxy| is_trusted(peer, proxy)) else { return Some(peer) };
    let values: Vec<&[u8]> = headers.get_all(FORWARDED_FOR).map(HeaderValue::as_bytes).collect();
    // Bytes and not text: what a client sends before the proxy's entry need not be text, and would hide that entry.
    let entries = values.iter().rev().flat_map(|value| value.rsplit(|&byte| byte == b','));
    let mut nearest = peer;
    // RFC 9110 §5.6.1: an empty element is none.
    for entry in entries.map(<[u8]>::trim_ascii).filter(|entry| !entry.is_empty()) {
        let Some(address) = forwarded_address(entry) else { break };
        nearest = address;
        if !is_trusted(address, proxy) {
            break;
        }
    }
    Some(nearest)
}

/// An entry as proxies write them: an address, some with brackets around IPv6, and some with the port of the connection.
/// Were such a port a reason not to read the entry, all clients of the proxy would be one, and share their failures.
fn forwarded_address(entry: &[u8]) -> Option<IpAddr> {
    let entry = str::from_utf8(entry).ok()?;
    let bare = || entry.parse::<IpAddr>().ok();
    let with_port = || entry.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare().or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

fn is_trusted(address: IpAddr, proxy: &BehindProxy) -> bool {
    // A listener on [::] sees IPv4 peers as ::ffff:a.b.c.d.
    let address = address.to_canonical();
    proxy.trusted.iter().any(|network| network.contains(&address))
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn proxy() -> BehindProxy {
        BehindProxy { trusted: vec!["10.0.0.0/8".parse().expect("a network")] }
    }

    fn headers(name: &'static str, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    fn peer(address: &str) -> Option<SocketAddr> {
        Some(SocketAddr::new(address.parse().expect("an address"), 1234))
    }

    #[test]
    fn metrics_are_for_those_on_this_side_of_the_proxy() {
        let forwarded = headers(FORWARDED_FOR, &["198.51.100.1"]);
        assert!(is_forwarded(peer("10.1.1.1"), &forwarded, Some(&proxy())));
        assert!(is_forwarded(peer("10.1.1.1"), &headers(FORWARDED_PROTO, &["https"]), Some(&proxy())));
        assert!(!is_forwarded(peer("10.1.1.1"), &HeaderMap::new(), Some(&proxy())));
        assert!(!is_forwarded(peer("192.0.2.7"), &forwarded, Some(&proxy())), "no proxy of ours");
        assert!(!is_forwarded(peer("10.1.1.1"), &forwarded, None));
    }

    fn seen(from: &str, forwarded: &[&'static str], proxy: Option<&BehindProxy>) -> String {
        client_address(peer(from), &headers(FORWARDED_FOR, forwarded), proxy).expect("an address").to_string()
    }

    #[test]
    fn forwarded_addresses_are_believed_from_a_trusted_proxy_only() {
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], Some(&proxy())), "203.0.113.9");
        assert_eq!(seen("203.0.113.9", &["198.51.100.1"], None), "203.0.113.9");
        assert_eq!(seen("10.1.1.1", &["198.51.100.1"], Some(&proxy())), "198.51.100.1");
    }

    #[test]
    fn a_forged_entry_left_of_the_real_one_is_not_reached() {
        assert_eq!(seen("10.1.1.1", &["1.2.3.4, 198.51.100.1, 10.2.2.2"], Some(&proxy())), "198.51.100.1");
        assert_eq!(seen("10.1.1.1", &["1.2.3.4", "198.51.100.1"], Some(&proxy())), "198.51.100.1");
        assert_eq!(seen("10.1.1.1", &["198.51.100.1, rubbish"], Some(&proxy())), "10.1.1.1");
    }

    #[test]
    fn an_entry_is_read_in_every_form_in_which_proxies_write_it() {
        for (entry, address) in [
            ("198.51.100.1:54321", "198.51.100.1"),
            ("2001:db8::1", "2001:db8::1"),
            ("[2001:db8::1]", "2001:db8::1"),
            ("[2001:db8::1]:54321", "2001:db8::1"),
            ("::ffff:198.51.100.1", "198.51.100.1"),
            ("[::ffff:198.51.100.1]:1", "198.51.100.1"),
            ("::ffff:10.9.9.9", "10.9.9.9"),
            (" 198.51.100.1\t", "198.51.100.1"),
            ("198.51.100.1,", "198.51.100.1"),
            ("198.51.100.1, ,, 10.2.2.2:80 ,", "198.51.100.1"),
            ("", "10.1.1.1"),
            (",", "10.1.1.1"),
        ] {
            assert_eq!(seen("10.1.1.1", &[entry], Some(&proxy())), address, "{entry:?}");
        }
        assert_eq!(seen("10.1.1.1", &["198.51.100.1", "", "[::ffff:10.2.2.2]"], Some(&proxy())), "198.51.100.1");
        assert_eq!(seen("::ffff:10.1.1.1", &["198.51.100.1"], Some(&proxy())), "198.51.100.1");
        assert_eq!(seen("::ffff:203.0.113.9", &["198.51.100.1"], Some(&proxy())), "203.0.113.9");
    }

    #[test]
    fn what_is_no_address_ends_the_search_at_the_proxy_that_wrote_it() {
        for entry in [
            "unknown",
            "_hidden",
            "198.51.100.1:",
            "198.51.100.1:99999",
            "198.51.100.1:-1",
            "198.51.100",
            "0x7f.1",
            "010.0.0.1",
            "[198.51.100.1]",
            "[198.51.100.1]:80",
            "[2001:db8::1",
            "2001:db8::1]",
            "[2001:db8::1]80",
            "fe80::1%eth0",
            "198.51.100.1 198.51.100.2",
            "for=198.51.100.1",
            "\"198.51.100.1\"",
            "localhost",
        ] {
            let header: &'static str = format!("1.2.3.4, {entry}, 10.2.2.2").leak();
            assert_eq!(seen("10.1.1.1", &[header], Some(&proxy())), "10.2.2.2", "{entry:?}");
        }
    }

    #[test]
    fn what_a_client_writes_before_the_proxys_entry_cannot_hide_it() {
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"\xff\xfe, 198.51.100.1").expect("a header value");
        headers.append(HeaderName::from_static(FORWARDED_FOR), value);
        assert_eq!(client_address(peer("10.1.1.1"), &headers, Some(&proxy())), "198.51.100.1".parse().ok());
        let many: &'static str = format!("{}198.51.100.1", "1.2.3.4,".repeat(10_000)).leak();
        assert_eq!(seen("10.1.1.1", &[many], Some(&proxy())), "198.51.100.1");
        let mut both = self::headers("forwarded", &["for=1.2.3.4"]);
        both.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_static("198.51.100.1"));
        assert_eq!(client_address(peer("10.1.1.1"), &both, Some(&proxy())), "198.51.100.1".parse().ok());
    }

    #[test]
    fn behind_a_proxy_only_the_proxy_is_answered_and_only_for_https() {
        let none = HeaderMap::new();
        assert!(check_transport(peer("203.0.113.9"), &none, Some(&proxy())).is_err());
        assert!(check_transport(peer("10.1.1.1"), &none, Some(&proxy())).is_ok());
        assert!(check_transport(peer("::ffff:10.1.1.1"), &none, Some(&proxy())).is_ok());
        assert!(check_transport(peer("10.1.1.1"), &headers(FORWARDED_PROTO, &["http"]), Some(&proxy())).is_err());
        assert!(check_transport(peer("10.1.1.1"), &headers(FORWARDED_PROTO, &["HTTPS"]), Some(&proxy())).is_ok());
        for list in ["https, HTTPS", "https,https ,", " https"] {
            assert!(
                check_transport(peer("10.1.1.1"), &headers(FORWARDED_PROTO, &[list]), Some(&proxy())).is_ok(),
                "{list}"
            );
        }
        for several in [
            &["https", "http"] as &[&'static str],
            &["http", "https"],
            &["https, http"],
            &["http,https"],
            &[""],
            &[" ,"],
        ] {
            let headers = headers(FORWARDED_PROTO, several);
            assert!(check_transport(peer("10.1.1.1"), &headers, Some(&proxy())).is_err(), "{several:?}");
        }
        assert!(check_transport(peer("203.0.113.9"), &none, None).is_ok());
    }
}
