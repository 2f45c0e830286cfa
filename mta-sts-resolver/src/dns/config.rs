//! Whom a DNS client asks.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::failure::{DnsError, DnsFailure};
use super::resolv_conf::{DNS_PORT, ResolvConf};

/// Whom a [`DnsClient`](super::DnsClient) asks, and for how long.
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
/// What is told here counts more than what `resolv.conf` says.
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
    /// One server, and the defaults.
    pub fn new(server: SocketAddr) -> Self {
        Self { told_servers: vec![server], ..Self::without_servers() }
    }

    /// What `/etc/resolv.conf` says: `nameserver`, and the options `timeout`, `attempts` and `trust-ad`.
    ///
    /// Without the file or a server in it, 127.0.0.1 is asked, as resolv.conf(5) has it. A client of this configuration
    /// reads the file again when it has changed; see [`DnsClient::reload`](super::DnsClient::reload).
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] when the file is there and cannot be read.
    pub fn from_system() -> Result<Self, DnsError> {
        Self::from_resolv_conf("/etc/resolv.conf")
    }

    /// What another file of this kind says, such as that of a jail; all else as for [`DnsConfig::from_system`].
    ///
    /// # Errors
    ///
    /// [`DnsFailure::SystemConfiguration`] when the file is there and cannot be read.
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

    /// Adds a server, asked after those before it when they fail.
    #[must_use]
    pub fn with_server(mut self, server: SocketAddr) -> Self {
        self.told_servers.push(server);
        self
    }

    /// How long one server may take for one exchange over UDP before the next is asked, and for one over TCP. By default 3 s;
    /// at 0 every exchange times out. What comes later, while others are asked, counts too.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// How often a server that stays silent is asked, and the only one when it answers SERVFAIL. By default 2; 0 counts as 1,
    /// and more than 5 as 5, as in resolv.conf(5).
    #[must_use]
    pub fn with_attempts(mut self, attempts: u32) -> Self {
        self.attempts = Some(attempts);
        self
    }

    /// How long a lookup may take in all, with every server, attempt and CNAME. By default 10 s; at 0 every lookup
    /// times out.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How many sockets a client and its clones have open at once: 1024 by default; 0 counts as 1. Further queries wait.
    #[must_use]
    pub fn with_sockets_at_once(mut self, sockets: usize) -> Self {
        self.sockets_at_once = sockets;
        self
    }

    /// Believes the AD bit (RFC 4035, 3.2.3) of servers that are not on loopback too. By default off.
    ///
    /// Whoever can alter packets between this host and such a server can then make any MX or address look
    /// authenticated by DNSSEC. It is for a path that is protected by other means, such as a tunnel or a private wire.
    #[must_use]
    pub fn with_danger_trust_ad_bit_of_any_server(mut self, trust: bool) -> Self {
        self.trust_ad_from_any_server = Some(trust);
        self
    }

    /// Whom to ask, in turn; at least one.
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

    /// The same with `resolv.conf` as it is now; `None` where no file was read.
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
