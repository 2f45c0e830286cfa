use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use clap::Args;
use mta_sts_resolver::{DnsClient, PolicyFetcher, TrustStore};

use super::Exit;
use super::serve::DaemonConfiguration;

/// Which network to ask: the system's, or the daemon's, unless told otherwise.
#[derive(Args, Clone, Debug)]
pub(crate) struct Network {
    /// Ask as `mtasts serve` does with this configuration: its DNS servers, proxy, certificate authorities and ports
    /// [default: `mtasts.toml` in `$CONFIGURATION_DIRECTORY`, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Ask this DNS server instead of the system's
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = server)]
    dns: Option<SocketAddr>,
    /// Trust the certificates in this file only
    #[arg(long, value_name = "PEM")]
    ca_file: Option<String>,
    /// Ask policy hosts on this port [default: 443]
    #[arg(long, value_name = "N")]
    https_port: Option<u16>,
    /// Ask MX hosts on this port, and for their TLSA records at it
    #[arg(long, value_name = "N", default_value_t = 25)]
    pub(crate) smtp_port: u16,
}

/// What asks the network.
pub(crate) struct Clients {
    pub(crate) dns: DnsClient,
    pub(crate) fetcher: PolicyFetcher,
    pub(crate) trust_store: TrustStore,
}

impl Network {
    /// What asks it, or how the command ends and why.
    pub(crate) fn clients(&self) -> Result<Clients, (Exit, String)> {
        let mut configuration = DaemonConfiguration::read(self.config.as_deref())?;
        if let Some(server) = self.dns {
            configuration.set_dns(server);
        }
        if let Some(file) = &self.ca_file {
            configuration.set_ca_file(file);
        }
        if let Some(port) = self.https_port {
            configuration.set_https_port(port);
        }
        let trust_store = configuration.trust_store()?;
        Ok(Clients {
            dns: configuration.dns_client()?,
            fetcher: configuration.fetcher(trust_store.clone()),
            trust_store,
        })
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
