//! Around every request: where it comes from, its id, its line in the access log.

use std::{
    net::{IpAddr, Ipv6Addr, SocketAddr},
    time::Instant,
};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::{EitherBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};

use super::{Site, respond};
use crate::{
    domain::{
        random::random_id,
        trace::{TRACEPARENT, Trace},
    },
    settings::BehindProxy,
};

/// Names the request in the answer, the log and the audit record. Always made here: an id chosen by the caller could be
/// somebody else's.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const FORWARDED_FOR: &str = "x-forwarded-for";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const METRICS: &str = "/metrics";

/// What is known of a request besides itself.
#[derive(Debug, Clone)]
pub(super) struct Observed {
    /// Its id.
    pub request_id: String,
    /// The trace that the caller says it belongs to.
    pub trace: Option<Trace>,
    /// Where it comes from.
    pub client_address: Option<IpAddr>,
}

impl Observed {
    /// What [`observe`] found out.
    pub fn of(request: &HttpRequest) -> Self {
        request.extensions().get::<Self>().cloned().unwrap_or_else(|| Self {
            request_id: String::new(),
            trace: None,
            client_address: None,
        })
    }
}

/// The middleware.
pub(super) async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let site = request.app_data::<web::Data<Site>>();
    let proxy = site.and_then(|site| site.behind_proxy.as_ref());
    let admitted = admit(&request, proxy, site.is_some_and(|site| site.probes_apart));
    around(request, next, admitted).await
}

/// The same on the listener for probes, where no proxy is in front.
pub(super) async fn observe_probes<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    around(request, next, Ok(())).await
}

async fn around<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
    admitted: Result<(), &'static str>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let started = Instant::now();
    let site = request.app_data::<web::Data<Site>>().cloned();
    let proxy = site.as_ref().and_then(|site| site.behind_proxy.as_ref());
    let request_id = site.as_ref().and_then(|site| random_id(&*site.context.random).ok()).unwrap_or_default();
    let client_address = client_address(request.peer_addr(), request.headers(), proxy);
    let trace = trace(request.headers());
    request.extensions_mut().insert(Observed { request_id: request_id.clone(), trace, client_address });

    let is_logged = log::log_enabled!(target: "access", log::Level::Info);
    let mut response = match admitted {
        Ok(()) => next.call(request).await?.map_into_left_body(),
        Err(description) => request.into_response(respond::forbidden(description)).map_into_right_body(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let time = started.elapsed();
    if let Some(site) = &site {
        if site.is_stopping() {
            // The next request goes to a node that stays.
            response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
        }
        site.counts.answered(response.request().path(), response.status(), time);
    }
    if is_logged {
        let line = route(response.request());
        let micros = time.as_micros();
        let status = response.status().as_u16();
        let address = client_address.map(|address| address.to_string()).unwrap_or_default();
        log::info!(target: "access", request_id = request_id.as_str(), trace_id = trace; "{line} {status} {micros}us {address}");
    }
    Ok(response)
}

/// The method and the route of a request, with `{name}` for the parts of the path that callers choose. Those hold addresses, telephone
/// numbers and session ids, which no log is to keep; and what matches no route may be a secret in the wrong place.
fn route(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().unwrap_or_else(|| "(no route)".to_owned());
    format!("{} {pattern}", request.method())
}

/// The trace that the caller names, if it names exactly one (Trace Context §3.2).
fn trace(headers: &HeaderMap) -> Option<Trace> {
    let mut values = headers.get_all(TRACEPARENT);
    let trace = Trace::parse(values.next()?.as_bytes());
    trace.filter(|_| values.next().is_none())
}

/// Whether a request may come in at all; `probes_apart` says that probes have a listener of their own.
fn admit(request: &ServiceRequest, proxy: Option<&BehindProxy>, probes_apart: bool) -> Result<(), &'static str> {
    // Probes come from the node itself and from Prometheus, past the proxy.
    let is_probe = !probes_apart && matches!(request.path(), "/health" | "/ready" | METRICS);
    if is_probe && request.path() == METRICS && is_forwarded(request.peer_addr(), request.headers(), proxy) {
        // How often which secret was wrong, and which client was looked up, is not for those outside.
        return Err("metrics are not for those behind the proxy");
    }
    check_transport(request.peer_addr(), request.headers(), proxy.filter(|_| !is_probe))
}

/// Whether the proxy passed it on from somebody.
fn is_forwarded(peer: Option<SocketAddr>, headers: &HeaderMap, proxy: Option<&BehindProxy>) -> bool {
    let through = proxy.is_some_and(|proxy| peer.is_some_and(|peer| is_trusted(peer.ip(), proxy)));
    through && (headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED_PROTO))
}

/// Behind a proxy the link to it is plain HTTP, so nobody but the proxy may use it (TE-001, TE-145).
fn check_transport(
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
fn client_address(peer: Option<SocketAddr>, headers: &HeaderMap, proxy: Option<&BehindProxy>) -> Option<IpAddr> {
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

    #[test]
    fn two_traces_are_none() {
        const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(trace(&headers(TRACEPARENT, &[GOOD])).is_some());
        assert!(trace(&headers(TRACEPARENT, &[GOOD, GOOD])).is_none());
        assert!(trace(&headers(TRACEPARENT, &["00", GOOD])).is_none());
        assert!(trace(&HeaderMap::new()).is_none());
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
