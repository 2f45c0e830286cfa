//! Addresses that belong to no public server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns whether an address is not on the public Internet: special-purpose in the IANA registries (RFC 6890), or an
/// IPv6 address that embeds such an IPv4 address.
///
/// If a client connects to addresses from untrusted DNS, these let an attacker reach what he otherwise cannot: this
/// machine and its network.
pub(crate) fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private_ipv4(address),
        IpAddr::V6(address) => is_private_ipv6(address),
    }
}

fn is_private_ipv4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        // "This network" (RFC 791, 3.2); the addresses reserved since RFC 1112, 4, among them the broadcast one.
        || a == 0
        || a >= 240
        // Shared by the customers of a carrier's NAT (RFC 6598).
        || (a == 100 && b & 0xc0 == 64)
        // Protocol assignments (RFC 6890), anycast relays of 6to4 (RFC 7526), benchmarks (RFC 2544).
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && b & 0xfe == 18)
}

fn is_private_ipv6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    if let Some(ipv4) = embedded_ipv4(segments) {
        return is_private_ipv4(ipv4);
    }
    // Only addresses of 2000::/3 are assigned as public unicast addresses (RFC 4291, 2.4): the others are loopback,
    // unspecified, link-local, unique-local, multicast, discard-only, and the NAT64 prefix for local use (RFC 8215).
    segments[0] & 0xe000 != 0x2000
        // Protocol assignments (RFC 2928), including Teredo, benchmarks, and ORCHID; the anycast addresses in it are
        // not Policy Hosts.
        || (segments[0] == 0x2001 && segments[1] < 0x200)
        // Documentation (RFC 3849, RFC 9637).
        || (segments[0] == 0x2001 && segments[1] == 0xdb8)
        || (segments[0] == 0x3fff && segments[1] < 0x1000)
}

/// The IPv4 address to which packets for this address are forwarded.
fn embedded_ipv4(segments: [u16; 8]) -> Option<Ipv4Addr> {
    // Mapped (RFC 4291, 2.5.5.2), translated by NAT64 (RFC 6052, 2.1), 6to4 (RFC 3056, 2).
    let ([0, 0, 0, 0, 0, 0xffff, high, low]
    | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
    | [0x2002, high, low, ..]) = segments
    else {
        return None;
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_told_from_public_ones() {
        for address in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "10.255.255.255",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.0.70",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
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
            "::7f00:1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:0:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "100::1",
            "2001::1",
            "2001:2::1",
            "2001:10::1",
            "2001:db8::1",
            "2002:a00:1::1",
            "2002:7f00:1::1",
            "2002:c0a8:1::",
            "3fff::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
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
            "191.255.255.255",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.101.0",
            "203.0.112.255",
            "223.255.255.255",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
            "2001:200::1",
            "2001:4860::1",
            "2002:101:101::1",
            "2400::1",
            "2600::1",
            "2a00::1",
            "3ffe::1",
            "3fff:1000::1",
        ] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }
}
