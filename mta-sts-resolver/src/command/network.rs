use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;
use mta_sts_resolver::{DnsClient, DnsError, PolicyFetcher, Resolver, TrustStore, TrustStoreError};

/// Which network to ask: the system's, unless told otherwise.
#[derive(Args, Clone, Debug)]
pub(crate) struct Network {
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = server)]
    pub(crate) dns: Option<SocketAddr>,
    /// Trust the certificates in this file only
    #[arg(long, value_name = "PEM")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Ask policy hosts on this port
    #[arg(long, value_name = "N", default_value_t = 443)]
    pub(crate) https_port: u16,
    /// Ask MX hosts on this port
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) smtp_port: u16,
}

impl Network {
    pub(crate) fn dns_client(&self) -> Result<DnsClient, DnsError> {
        self.dns.map_or_else(DnsClient::from_system, |server| Ok(DnsClient::with_server(server)))
    }

    pub(crate) fn trust_store(&self) -> Result<TrustStore, TrustStoreError> {
        self.ca_file.as_ref().map_or_else(TrustStore::platform, TrustStore::from_pem_file)
    }

    pub(crate) fn resolver(&self, dns: DnsClient, trust_store: TrustStore) -> Resolver {
        Resolver::new(dns, self.fetcher(trust_store))
    }

    pub(crate) fn fetcher(&self, trust_store: TrustStore) -> PolicyFetcher {
        PolicyFetcher::new(trust_store).port(self.https_port)
    }
}

/// An address with its port, 53 if none is given.
pub(crate) fn server(text: &str) -> Result<SocketAddr, String> {
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
    // The system asks nobody for an address that is written in numbers.
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
