//! Whom a DNS client asks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::failure::{DnsError, DnsFailure};

/// Whom a [`DnsClient`](super::DnsClient) asks, and for how long.
///
/// ```
/// use std::time::Duration;
/// use mta_sts_resolver::{DnsClient, DnsConfig};
///
/// let config = DnsConfig::new("127.0.0.53:53".parse()?)
///     .server("192.0.2.53:53".parse()?)
///     .timeout(Duration::from_secs(2));
/// let dns = DnsClient::new(config);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DnsConfig {
    pub(super) servers: Vec<SocketAddr>,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    pub(super) deadline: Duration,
    trust_ad_from_any_server: bool,
}

impl DnsConfig {
    /// One server, and the defaults.
    pub fn new(server: SocketAddr) -> Self {
        Self {
            servers: vec![server],
            timeout: Duration::from_secs(3),
            attempts: 2,
            deadline: Duration::from_secs(10),
            trust_ad_from_any_server: false,
        }
    }

    /// What `/etc/resolv.conf` says now: `nameserver`, and the options `timeout`, `attempts` and `trust-ad`.
    ///
    /// Without the file or a server in it, 127.0.0.1 is asked, as resolv.conf(5) has it. The file is read once.
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] when the file is there and cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        match std::fs::read("/etc/resolv.conf") {
            Ok(text) => Ok(Self::from_resolv_conf(&text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::from_resolv_conf(b"")),
            Err(error) => Err(DnsFailure::SystemConfiguration(error.kind()).into()),
        }
    }

    /// Lines that say nothing to us are passed over, as the system's own resolver does.
    fn from_resolv_conf(text: &[u8]) -> Self {
        let (mut file, _unknown_lines) = resolv_conf::Config::parse_with_errors(text);
        file.glibc_normalize();
        let mut servers: Vec<_> =
            file.nameservers.iter().map(|server| SocketAddr::new(IpAddr::from(server), DNS_PORT)).collect();
        if servers.is_empty() {
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), DNS_PORT));
        }
        let first = servers.remove(0);
        let mut config = Self::new(first)
            .timeout(Duration::from_secs(file.timeout.into()))
            .attempts(file.attempts)
            .danger_trust_ad_bit_of_any_server(file.trust_ad);
        config.servers.extend(servers);
        config
    }

    /// Adds a server, asked after those before it when they fail.
    #[must_use]
    pub fn server(mut self, server: SocketAddr) -> Self {
        self.servers.push(server);
        self
    }

    /// How long one server may take for one exchange over UDP, and again over TCP. By default 3 s; at 0 every exchange
    /// times out.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How often a server that stays silent is asked. By default 2; 0 counts as 1, and more than 5 as 5, as in
    /// resolv.conf(5).
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.clamp(1, 5);
        self
    }

    /// How long a lookup may take in all, with every server, attempt and CNAME. By default 10 s; at 0 every lookup
    /// times out.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Believes the AD bit (RFC 4035, 3.2.3) of servers that are not on loopback too. By default off.
    ///
    /// Whoever can alter packets between this host and such a server can then make any MX or address look
    /// authenticated by DNSSEC. It is for a path that is protected by other means, such as a tunnel or a private wire.
    #[must_use]
    pub fn danger_trust_ad_bit_of_any_server(mut self, trust: bool) -> Self {
        self.trust_ad_from_any_server = trust;
        self
    }

    pub(super) fn trusts(&self, server: SocketAddr) -> bool {
        self.trust_ad_from_any_server || server.ip().to_canonical().is_loopback()
    }
}

const DNS_PORT: u16 = 53;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolv_conf_is_read_as_the_system_reads_it() {
        let config = DnsConfig::from_resolv_conf(
            b"# comment\nsearch corp.test\nnameserver 192.0.2.1\nnameserver 2001:db8::1\nnonsense here\n\
              options ndots:3 timeout:4 attempts:900 trust-ad\n",
        );
        let servers: Vec<_> = config.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[2001:db8::1]:53"]);
        assert_eq!(config.timeout, Duration::from_secs(4));
        assert_eq!(config.attempts, 5);
        assert!(config.trust_ad_from_any_server);
    }

    #[test]
    fn without_a_server_the_local_host_is_asked() {
        let config = DnsConfig::from_resolv_conf(b"");
        assert_eq!(config.servers, ["127.0.0.1:53".parse().unwrap()]);
        assert!(!config.trust_ad_from_any_server);
    }
}
