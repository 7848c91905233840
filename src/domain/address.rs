//! Which IP addresses belong to the public Internet, and so may be called on the word of a stranger; and which of them are one
//! sender.
//!
//! A URL that somebody else wrote or redirects to can point into our own network: at the metadata service of the cloud
//! (169.254.169.254), at a database, at this server (server-side request forgery).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 networks that are not public (IANA special-purpose registry, RFC 6890).
const SPECIAL_V4: [Ipv4Net; 15] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    // Behind the network address translation of a provider (RFC 6598).
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    // Link-local: the metadata services of clouds are here.
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    // The former relays of 6to4 (RFC 7526).
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    // Reserved, and broadcast.
    v4(240, 0, 0, 0, 4),
];

/// All of IPv6 that is given out for the public Internet (RFC 4291 §2.4).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0], 3);
/// Parts of it that are not: protocol assignments (benchmarking and ORCHID among them), documentation twice.
const SPECIAL_V6: [Ipv6Net; 3] = [v6([0x2001, 0, 0], 23), v6([0x2001, 0xdb8, 0], 32), v6([0x3fff, 0, 0], 20)];
/// Well-known prefix of NAT64 (RFC 6052 §2.1); the IPv4 address is at the end.
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0], 96);
/// 6to4 (RFC 3056); the IPv4 address follows the prefix.
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0], 16);
/// Teredo (RFC 4380 §4): the server's IPv4 address follows the prefix, the client's is at the end, inverted.
const TEREDO: Ipv6Net = v6([0x2001, 0, 0], 32);

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6([a, b, c]: [u16; 3], prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// Whether an address is one of the public Internet. An IPv6 address that stands for an IPv4 address is judged by that
/// one: `::ffff:127.0.0.1` is loopback.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|network| network.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    // The 32 bits that stand `shift` bits before the end.
    let v4_at = |shift: u32| is_public_v4(Ipv4Addr::from_bits((bits >> shift) as u32));
    // `::a.b.c.d` is compatible and `::ffff:a.b.c.d` mapped (RFC 4291 §2.5.5); `::` and `::1` read as 0.0.0.0 and 0.0.0.1.
    if matches!(bits >> 32, 0 | 0xffff) || NAT64.contains(&address) {
        v4_at(0)
    } else if SIX_TO_FOUR.contains(&address) {
        v4_at(80)
    } else if TEREDO.contains(&address) {
        v4_at(64) && is_public_v4(Ipv4Addr::from_bits(!bits as u32))
    } else {
        GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|network| network.contains(&address))
    }
}

/// The network that an address counts for. An IPv4 address is one by itself, however it is written. Of IPv6 a whole /64
/// counts as one: it is what a single machine is given, which could otherwise fail from another address each time.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        // Behind a translator all of IPv4 would be one /64.
        IpAddr::V6(address) if NAT64.contains(&address) => IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() as u32)),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(address: &str) -> bool {
        is_public(address.parse().expect("an address"))
    }

    #[test]
    fn addresses_of_the_public_internet_may_be_called() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2a00:1450:4001::200e",
            "2001:4860:4860::8888",
            "2620:fe::fe",
        ] {
            assert!(public(address), "{address}");
        }
    }

    #[test]
    fn addresses_of_our_own_networks_and_of_none_may_not() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "100::1",
            "2001:2::1",
            "2001:10::1",
            "2001:20::1",
            "2001:db8::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "64:ff9b:1::7f00:1",
            "::ffff:0:127.0.0.1",
            "::1:0:0:0",
            "::5:8.8.8.8",
        ] {
            assert!(!public(address), "{address}");
        }
    }

    #[test]
    fn an_ipv6_address_that_stands_for_an_ipv4_address_is_judged_by_it() {
        // 7f00:1 is 127.0.0.1, a9fe:a9fe is 169.254.169.254, 808:808 is 8.8.8.8.
        for (address, expected) in [
            ("::ffff:127.0.0.1", false),
            ("::ffff:a9fe:a9fe", false),
            ("::ffff:8.8.8.8", true),
            ("::10.0.0.1", false),
            ("::8.8.8.8", true),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b::8.8.8.8", true),
            ("2002:7f00:1::", false),
            ("2002:a9fe:a9fe::1", false),
            ("2002:808:808::1", true),
            // Teredo: the client's address is inverted, 80ff:fffe is 127.0.0.1 and f7f7:f7f7 is 8.8.8.8.
            ("2001:0:808:808::80ff:fffe", false),
            ("2001:0:7f00:1::f7f7:f7f7", false),
            ("2001:0:808:808::f7f7:f7f7", true),
        ] {
            assert_eq!(public(address), expected, "{address}");
        }
    }

    #[test]
    fn an_address_counts_as_one_however_it_is_written_and_a_64_as_a_whole() {
        for (address, network) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("64:ff9b:1::192.0.2.1", "64:ff9b:1::"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::1", "::"),
        ] {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(network_of(address).to_string(), network);
        }
    }
}
