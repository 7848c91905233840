//! Which URLs may be called.

use std::net::IpAddr;

use url::{Host, Url};

use super::{OutboundError, OutboundOptions};
use crate::domain::address::is_public;

/// The longest URL that is called, in bytes.
const MAX_LENGTH: usize = 2048;

/// How far a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Over TLS to every allowed address.
    Tls,
    /// In the clear, to loopback.
    Loopback,
}

/// A URL that may be called.
pub(super) struct Target {
    /// Handed on parsed: a second parser could understand its text differently.
    pub url: Url,
    pub reach: Reach,
}

impl Target {
    /// Reads a URL and checks all that needs no look-up.
    pub fn parse(text: &str, options: &OutboundOptions) -> Result<Self, OutboundError> {
        let refused = |why| Err(OutboundError::UrlRefused(why));
        if text.len() > MAX_LENGTH {
            return refused("is longer than 2048 bytes");
        }
        // `0x7f.1`, `2130706433` and other spellings of an address are one `Host::Ipv4` from here on.
        let Ok(url) = Url::parse(text) else { return refused("cannot be read") };
        let reach = match url.scheme() {
            "https" => Reach::Tls,
            "http" if options.plain_http_to_loopback => Reach::Loopback,
            _ => return refused("must begin with https://"),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refused("must not hold a user name or password");
        }
        match url.host() {
            None => return refused("has no host"),
            Some(Host::Domain("localhost")) => {}
            Some(Host::Domain(_)) if reach == Reach::Loopback => return refused("must begin with https://"),
            Some(Host::Domain(_)) => {}
            Some(Host::Ipv4(address)) => options.check(address.into(), reach)?,
            Some(Host::Ipv6(address)) => options.check(address.into(), reach)?,
        }
        Ok(Self { url, reach })
    }
}

impl OutboundOptions {
    /// Whether an address may be connected to.
    pub(super) fn check(&self, address: IpAddr, reach: Reach) -> Result<(), OutboundError> {
        // `::ffff:10.0.0.1` is in the network 10.0.0.0/8.
        let canonical = address.to_canonical();
        let allowed = match reach {
            Reach::Loopback => canonical.is_loopback(),
            Reach::Tls => {
                is_public(address)
                    || self.allowed_networks.iter().any(|network| network.contains(&canonical))
                    || (self.plain_http_to_loopback && canonical.is_loopback())
            }
        };
        if allowed { Ok(()) } else { Err(OutboundError::AddressRefused) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, plain_http_to_loopback: bool) -> Option<OutboundError> {
        Target::parse(url, &OutboundOptions { plain_http_to_loopback, ..OutboundOptions::default() }).err()
    }

    #[test]
    fn https_urls_with_a_name_or_a_public_address_are_good() {
        for url in
            ["https://a.example", "HTTPS://a.example:8443/keys?x=1", "https://8.8.8.8/", "https://[2620:fe::fe]/"]
        {
            assert_eq!(refusal(url, false), None, "{url}");
        }
    }

    #[test]
    fn every_spelling_of_an_inner_address_is_refused() {
        for url in [
            "https://127.0.0.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://0/",
            "https://%31%32%37.0.0.1/",
            "https://\u{ff11}27.0.0.1/",
            "https://127\u{3002}0.0.1/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0xa9fea9fe/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[64:ff9b::10.0.0.1]/",
            "https://[fd00::1]/",
        ] {
            assert_eq!(refusal(url, false), Some(OutboundError::AddressRefused), "{url}");
        }
        // An address is what follows the last `@`, and a user name is refused in any case.
        assert!(matches!(refusal("https://a.example@127.0.0.1/", false), Some(OutboundError::UrlRefused(_))));
    }

    #[test]
    fn other_schemes_and_user_names_are_refused() {
        for url in [
            "http://a.example/",
            "http://127.0.0.1/",
            "http://localhost/",
            "ftp://a.example/",
            "file:///etc/passwd",
            "gopher://a.example/",
            "data:text/plain,x",
            "unix:/run/docker.sock",
            "//a.example/",
            "a.example",
            "",
            "https://",
            "https://user@a.example/",
            "https://user:pass@a.example/",
            "https://:pass@a.example/",
            "https://[fe80::1%25eth0]/",
            "https://a b.example/",
        ] {
            assert!(matches!(refusal(url, false), Some(OutboundError::UrlRefused(_))), "{url}");
        }
        let long = format!("https://a.example/{}", "a".repeat(MAX_LENGTH));
        assert_eq!(refusal(&long, false), Some(OutboundError::UrlRefused("is longer than 2048 bytes")));
    }

    #[test]
    fn plain_http_is_for_loopback_alone() {
        for url in
            ["http://localhost:1/", "http://127.0.0.1:1/", "http://127.9.9.9/", "http://[::1]/", "https://[::1]/"]
        {
            assert_eq!(refusal(url, true), None, "{url}");
        }
        for url in ["http://a.example/", "http://localhost.a.example/", "http://localhost./"] {
            assert!(matches!(refusal(url, true), Some(OutboundError::UrlRefused(_))), "{url}");
        }
        for url in ["http://8.8.8.8/", "http://169.254.169.254/", "http://10.0.0.1/", "https://10.0.0.1/"] {
            assert_eq!(refusal(url, true), Some(OutboundError::AddressRefused), "{url}");
        }
    }
}
