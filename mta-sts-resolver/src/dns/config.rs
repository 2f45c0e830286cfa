//! The configuration of a DNS client.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failure::{DnsError, DnsFailure};
use super::resolv_conf::{DNS_PORT, ResolvConf};

/// The servers that a [`DnsClient`](super::DnsClient) queries, and its time limits.
///
/// ```
/// use std::time::Duration;
/// use mta_sts_resolver::{DnsClient, DnsConfig};
///
/// let config = DnsConfig::new("127.0.0.53:53".parse()?)
///     .with_server("192.0.2.53:53".parse()?)
///     .with_timeout(Duration::from_secs(2));
/// let dns = DnsClient::new(config);
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
///
/// Values set here override those in `resolv.conf`.
#[derive(Clone, Debug)]
pub struct DnsConfig {
    told_servers: Vec<SocketAddr>,
    resolv_conf: Option<ResolvConf>,
    timeout: Option<Duration>,
    attempts: Option<u32>,
    deadline: Duration,
    sockets_at_once: usize,
    trust_ad_from_any_server: Option<bool>,
}

impl DnsConfig {
    /// A configuration with one server, and defaults otherwise.
    pub fn new(server: SocketAddr) -> Self {
        Self { told_servers: vec![server], ..Self::without_servers() }
    }

    /// The configuration in `/etc/resolv.conf`: `nameserver`, and the options `timeout`, `attempts`, and `trust-ad`.
    ///
    /// Without the file or a server in it, 127.0.0.1 is used, as described in resolv.conf(5). A client of this
    /// configuration reads the file again when it changes; see [`DnsClient::reload`](super::DnsClient::reload).
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] if the file exists but cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        Self::from_resolv_conf("/etc/resolv.conf")
    }

    /// The configuration in another file of this form, such as that of a jail; otherwise the same as
    /// [`DnsConfig::from_system`].
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] if the file exists but cannot be read.
    pub fn from_resolv_conf(path: impl AsRef<Path>) -> Result<Self, DnsError> {
        Ok(Self { resolv_conf: Some(ResolvConf::read(path.as_ref())?), ..Self::without_servers() })
    }

    fn without_servers() -> Self {
        Self {
            told_servers: Vec::new(),
            resolv_conf: None,
            timeout: None,
            attempts: None,
            deadline: Duration::from_secs(10),
            sockets_at_once: 1024,
            trust_ad_from_any_server: None,
        }
    }

    /// Adds a server, which is queried when those before it fail.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr) -> Self {
        self.told_servers.push(server);
        self
    }

    /// Sets the time for one exchange with one server, over UDP before the next server is queried, and over TCP.
    /// Default: 3 s. With 0 every exchange times out. A late answer is accepted while other servers are being queried.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sets the number of queries to a server that does not respond, and to an only server that responds with SERVFAIL.
    /// Default: 2. 0 counts as 1, and more than 5 as 5, as in resolv.conf(5).
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// Sets the time limit of a lookup in all, with every server, attempt, and CNAME. Default: 10 s. With 0 every
    /// lookup times out.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the maximum number of open sockets of a client and its clones. Default: 1024; 0 counts as 1. Further
    /// queries wait.
    #[must_use]
    pub fn with_sockets_at_once(mut self, sockets: usize) -> Self {
        self.sockets_at_once = sockets;
        self
    }

    /// Trusts the AD bit (RFC 4035, 3.2.3) also of servers that are not on loopback. Default: off.
    ///
    /// Anyone who can alter packets between this host and such a server can then make any MX record or address look
    /// authenticated by DNSSEC. This is meant for a path that is protected by other means, such as a tunnel or a
    /// private link.
    #[must_use]
    pub fn with_danger_trust_ad_bit_of_any_server(mut self, trust: bool) -> Self {
        self.trust_ad_from_any_server = Some(trust);
        self
    }

    /// The servers to query, in order; at least one.
    pub(super) fn servers(&self) -> Vec<SocketAddr> {
        let read = self.resolv_conf.iter().flat_map(|file| &file.servers);
        let servers: Vec<_> = read.chain(&self.told_servers).copied().collect();
        if servers.is_empty() { vec![(Ipv4Addr::LOCALHOST, DNS_PORT).into()] } else { servers }
    }

    pub(super) fn timeout_of_server(&self) -> Duration {
        let read = self.resolv_conf.as_ref().map(|file| file.timeout);
        self.timeout.or(read).unwrap_or(Duration::from_secs(3))
    }

    pub(super) fn attempts_at_server(&self) -> u32 {
        let read = self.resolv_conf.as_ref().map(|file| file.attempts);
        self.attempts.or(read).unwrap_or(2).clamp(1, 5)
    }

    pub(super) fn deadline_of_lookup(&self) -> Duration {
        self.deadline
    }

    pub(super) fn max_sockets(&self) -> usize {
        self.sockets_at_once.clamp(1, Semaphore::MAX_PERMITS)
    }

    pub(super) fn trusts(&self, server: SocketAddr) -> bool {
        let read = self.resolv_conf.as_ref().is_some_and(|file| file.trusts_ad);
        self.trust_ad_from_any_server.unwrap_or(read) || server.ip().to_canonical().is_loopback()
    }

    pub(super) fn has_changed(&self) -> bool {
        self.resolv_conf.as_ref().is_some_and(ResolvConf::has_changed)
    }

    /// The same configuration with `resolv.conf` as it is now; `None` if no file was read.
    pub(super) fn read_again(&self) -> Option<Result<Self, DnsFailure>> {
        let read = self.resolv_conf.as_ref()?.read_again();
        Some(read.map(|file| Self { resolv_conf: Some(file), ..self.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_counts_more_than_what_the_file_says() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("resolv.conf");
        std::fs::write(&path, "nameserver 192.0.2.1\noptions timeout:4 attempts:900 trust-ad\n").unwrap();
        let read = DnsConfig::from_resolv_conf(&path).unwrap();
        assert_eq!((read.timeout_of_server(), read.attempts_at_server()), (Duration::from_secs(4), 5));
        assert!(read.trusts("192.0.2.1:53".parse().unwrap()));
        let told = read
            .with_server("192.0.2.9:53".parse().unwrap())
            .with_timeout(Duration::from_secs(1))
            .with_attempts(0)
            .with_danger_trust_ad_bit_of_any_server(false);
        std::fs::write(&path, "nameserver 192.0.2.2\noptions timeout:5 trust-ad\n").unwrap();
        let told = told.read_again().unwrap().unwrap();
        let servers: Vec<_> = told.servers().iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.2:53", "192.0.2.9:53"]);
        assert_eq!((told.timeout_of_server(), told.attempts_at_server()), (Duration::from_secs(1), 1));
        assert!(!told.trusts("192.0.2.2:53".parse().unwrap()));
    }

    #[test]
    fn without_a_server_the_local_host_is_asked() {
        let directory = tempfile::tempdir().unwrap();
        let config = DnsConfig::from_resolv_conf(directory.path().join("resolv.conf")).unwrap();
        assert_eq!(config.servers(), ["127.0.0.1:53".parse().unwrap()]);
        assert!(!config.trusts("192.0.2.1:53".parse().unwrap()));
    }
}
