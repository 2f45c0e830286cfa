use alloc::vec::Vec;
use core::time::Duration;

use crate::name::DnsName;

/// What DNS and the Policy Host look like now, and how long others keep what they have seen of it.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::DnsName;
/// use mta_sts_core::publish::Facts;
///
/// let hosts = vec![DnsName::parse("mx1.example.com")?, DnsName::parse("mx2.example.com")?];
/// let facts = Facts::new(hosts).with_record_ttl(Duration::from_secs(300));
/// assert_eq!(facts.record_ttl(), Duration::from_secs(300));
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// A TTL is the one that resolvers have seen: where it is about to be lowered, pass the old one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub(super) hosts: Vec<DnsName>,
    pub(super) policy_host: Option<DnsName>,
    pub(super) record_ttl: Duration,
    pub(super) mx_ttl: Duration,
    pub(super) policy_host_ttl: Duration,
    pub(super) policy_cache: Duration,
    pub(super) retry: Duration,
    pub(super) queue_lifetime: Duration,
}

impl Facts {
    /// A domain with these MX hosts in DNS, or its own name if there are no MX records; else the defaults of each setter.
    pub const fn new(hosts: Vec<DnsName>) -> Self {
        Self {
            hosts,
            policy_host: None,
            record_ttl: HOUR,
            mx_ttl: DAY,
            policy_host_ttl: HOUR,
            policy_cache: Duration::from_secs(60),
            retry: Duration::from_secs(300),
            queue_lifetime: Duration::from_secs(5 * DAY.as_secs()),
        }
    }

    /// Sets the name that the Policy Host is an alias of (RFC 8461, 8.2). Default: none.
    #[must_use]
    pub fn with_policy_host(mut self, name: DnsName) -> Self {
        self.policy_host = Some(name);
        self
    }

    /// Sets the TTL of the TXT record. Default: an hour.
    #[must_use]
    pub const fn with_record_ttl(mut self, ttl: Duration) -> Self {
        self.record_ttl = ttl;
        self
    }

    /// Sets the TTL of the MX records. Default: a day.
    #[must_use]
    pub const fn with_mx_ttl(mut self, ttl: Duration) -> Self {
        self.mx_ttl = ttl;
        self
    }

    /// Sets the TTL of the addresses, or of the alias, of the Policy Host. Default: an hour. It counts only where the Policy
    /// Host changes.
    #[must_use]
    pub const fn with_policy_host_ttl(mut self, ttl: Duration) -> Self {
        self.policy_host_ttl = ttl;
        self
    }

    /// Sets the time for which a reverse proxy, a CDN, or one of several servers may go on serving the old policy. Default:
    /// a minute, as RFC 8461, 8.2, recommends.
    #[must_use]
    pub const fn with_policy_cache(mut self, time: Duration) -> Self {
        self.policy_cache = time;
        self
    }

    /// Sets the time after which senders ask a Policy Host again that did not respond. Default: 5 minutes (RFC 8461, 3.3).
    #[must_use]
    pub const fn with_retry(mut self, time: Duration) -> Self {
        self.retry = time;
        self
    }

    /// Sets the time for which senders keep a message in their queues. Default: 5 days (RFC 5321, 4.5.4.1).
    #[must_use]
    pub const fn with_queue_lifetime(mut self, time: Duration) -> Self {
        self.queue_lifetime = time;
        self
    }

    /// The MX hosts in DNS.
    pub fn hosts(&self) -> &[DnsName] {
        &self.hosts
    }

    /// The name that the Policy Host is an alias of.
    pub const fn policy_host(&self) -> Option<&DnsName> {
        self.policy_host.as_ref()
    }

    /// The TTL of the TXT record.
    pub const fn record_ttl(&self) -> Duration {
        self.record_ttl
    }

    /// The TTL of the MX records.
    pub const fn mx_ttl(&self) -> Duration {
        self.mx_ttl
    }

    /// The TTL of the addresses of the Policy Host.
    pub const fn policy_host_ttl(&self) -> Duration {
        self.policy_host_ttl
    }

    /// The time for which caches may go on serving the old policy.
    pub const fn policy_cache(&self) -> Duration {
        self.policy_cache
    }

    /// The time after which senders ask a Policy Host again that did not respond.
    pub const fn retry(&self) -> Duration {
        self.retry
    }

    /// The time for which senders keep a message in their queues.
    pub const fn queue_lifetime(&self) -> Duration {
        self.queue_lifetime
    }
}

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);
