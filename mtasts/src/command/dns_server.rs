use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A DNS server; its port is 53 if none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DnsServer(pub(crate) SocketAddr);

impl FromStr for DnsServer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        server(text).map(Self)
    }
}

impl fmt::Display for DnsServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

fn server(text: &str) -> Result<SocketAddr, String> {
    let with_port = text.parse().or_else(|_| text.parse().map(|address| SocketAddr::new(address, 53)));
    with_port.ok().or_else(|| scoped_server(text)).ok_or_else(|| {
        "expected an address, or an address and a port: 192.0.2.1:53, [2001:db8::1]:53, fe80::1%eth0"
            .to_owned()
    })
}

/// A link-local address with its interface, as in resolv.conf.
fn scoped_server(text: &str) -> Option<SocketAddr> {
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once("]:")?,
        None => (text, "53"),
    };
    let (address, _) = host.split_once('%')?;
    // For a numeric address the system makes no query.
    address.parse::<Ipv6Addr>().ok()?;
    (host, port.parse().ok()?).to_socket_addrs().ok()?.next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dns_server_is_an_address_with_or_without_port_and_interface() {
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1:53"),
            ("192.0.2.1:5353", "192.0.2.1:5353"),
            ("2001:db8::1", "[2001:db8::1]:53"),
            ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
            ("fe80::1%lo", "[fe80::1%1]:53"),
            ("[fe80::1%lo]:5353", "[fe80::1%1]:5353"),
            ("[fe80::1%1]:5353", "[fe80::1%1]:5353"),
        ] {
            assert_eq!(server(text).unwrap().to_string(), expected, "{text}");
        }
        for text in [
            "",
            "localhost",
            "localhost%lo",
            "fe80::1%nowhere0",
            "[fe80::1%lo]",
            "192.0.2.1%lo",
            "192.0.2.1:99999",
        ] {
            assert!(server(text).is_err(), "{text}");
        }
    }
}
