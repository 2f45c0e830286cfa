//! The identity of a peer for the purpose of limits.

use std::net::{IpAddr, Ipv6Addr};

/// A peer: everything whose addresses or names one party can have in any number counts as one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Peer {
    /// An IPv4 address, or the first address of a /64 of IPv6, the smallest network that a customer
    /// is given.
    Network(IpAddr),
    /// The last two labels of a name.
    Zone(Box<str>),
}

impl Peer {
    pub(crate) fn of_address(address: IpAddr) -> Self {
        Self::Network(match address.to_canonical() {
            IpAddr::V6(address) => {
                let [first, second, third, fourth, ..] = address.segments();
                Ipv6Addr::new(first, second, third, fourth, 0, 0, 0, 0).into()
            }
            address @ IpAddr::V4(_) => address,
        })
    }

    pub(crate) fn of_name(name: &str) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name);
        let start = name.rmatch_indices('.').nth(1).map_or(0, |(dot, _)| dot + 1);
        Self::Zone(name[start..].to_ascii_lowercase().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_to_one_customer_counts_as_one() {
        let of_address = |text: &str| Peer::of_address(text.parse().unwrap());
        assert_eq!(of_address("2001:db8:1:2::1"), of_address("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(of_address("2001:db8:1:2::1"), of_address("2001:db8:1:3::1"));
        assert_eq!(of_address("::ffff:192.0.2.1"), of_address("192.0.2.1"));
        assert_ne!(of_address("192.0.2.1"), of_address("192.0.2.2"));
        assert_ne!(of_address("::ffff:192.0.2.1"), of_address("::ffff:192.0.2.2"));
        assert_eq!(Peer::of_name("_mta-sts.a.b.Example.TEST."), Peer::of_name("example.test"));
        assert_ne!(Peer::of_name("one.test"), Peer::of_name("two.test"));
        assert_eq!(Peer::of_name("test"), Peer::of_name("test."));
    }
}
