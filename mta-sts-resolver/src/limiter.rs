//! Limits concurrent queries, so that no unresponsive peer can delay the lookups of others.

mod busy;
mod fair_semaphore;
mod peer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::{CacheEntry, PolicyDomain, UnixTime};
use quick_cache::sync::Cache;
use tokio::time::Instant;

pub use self::busy::BusyWith;
pub(crate) use self::fair_semaphore::{
    Aborted, Busy, FairSemaphore, Gauges, PeerResult, Permit, Rejected, Requester,
};
pub(crate) use self::peer::Peer;

/// The limits for lookups: one for DNS and one for Policy Hosts. Clones share them.
///
/// A lookup holds a permit only during a query: it holds none while it waits for another permit, for a lease, or for
/// the store. Unknown domains never delay a domain with a policy in memory: that has limits of its own.
#[derive(Clone)]
pub(crate) struct Limiter {
    unknown: Limits,
    known: Limits,
    /// Domains whose lookup was rejected, and when.
    rejected: Arc<Cache<PolicyDomain, (Instant, BusyWith)>>,
}

/// The limits of one class of domains.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    pub(crate) dns: FairSemaphore,
    pub(crate) fetches: FairSemaphore,
}

/// The class of the domain that a lookup is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DomainClass {
    /// Nothing is known of the domain.
    Unknown,
    /// A valid policy of the domain is known.
    Known,
}

impl DomainClass {
    pub(crate) fn of(entry: Option<&CacheEntry>, now: UnixTime) -> Self {
        match entry.and_then(|entry| entry.valid_policy(now)) {
            Some(_) => Self::Known,
            None => Self::Unknown,
        }
    }
}

impl Limiter {
    pub(crate) fn new() -> Self {
        let limits = || Limits {
            dns: Self::dns_semaphore(DNS_LOOKUPS_AT_ONCE),
            fetches: FairSemaphore::new(KNOWN_FETCHES_AT_ONCE, FETCHES_FROM_ONE_ADDRESS, MAX_WAITING),
        };
        let rejected = Arc::new(Cache::new(MAX_REJECTED));
        let mut limiter = Self { unknown: limits(), known: limits(), rejected };
        limiter.set_fetches_at_once(FETCHES_FROM_ONE_ADDRESS, FETCHES_AT_ONCE);
        limiter
    }

    /// Sets the maximum number of concurrent DNS lookups.
    pub(crate) fn set_dns_lookups_at_once(&mut self, in_all: usize) {
        self.unknown.dns = Self::dns_semaphore(in_all);
        self.known.dns = Self::dns_semaphore(in_all);
    }

    pub(crate) fn set_fetches_at_once(&mut self, from_one_address: usize, in_all: usize) {
        self.unknown.fetches = FairSemaphore::new(in_all, from_one_address, MAX_WAITING);
        self.known.fetches =
            FairSemaphore::new(KNOWN_FETCHES_AT_ONCE.min(in_all), from_one_address, MAX_WAITING);
    }

    pub(crate) fn limits(&self, rank: DomainClass) -> &Limits {
        match rank {
            DomainClass::Unknown => &self.unknown,
            DomainClass::Known => &self.known,
        }
    }

    pub(crate) fn reject(&self, domain: &PolicyDomain, with: BusyWith) {
        self.rejected.insert(domain.clone(), (Instant::now(), with));
    }

    /// The reason why the lookup of a domain should not be retried yet.
    pub(crate) fn recent_rejection(&self, domain: &PolicyDomain) -> Option<BusyWith> {
        let (at, with) = self.rejected.get(domain)?;
        (at.elapsed() < PAUSE).then_some(with)
    }

    /// The requester for queries on behalf of a domain.
    pub(crate) fn requester(&self, domain: &PolicyDomain) -> Requester {
        Requester { is_retry: self.rejected.get(domain).is_some(), ..Requester::of_name(domain.as_str()) }
    }

    pub(crate) fn found(&self, domain: &PolicyDomain) {
        self.rejected.remove(domain);
    }

    pub(crate) fn dns_gauges(&self) -> Gauges {
        self.unknown.dns.gauges() + self.known.dns.gauges()
    }

    pub(crate) fn fetch_gauges(&self) -> Gauges {
        self.unknown.fetches.gauges() + self.known.fetches.gauges()
    }

    /// A limit for DNS lookups, an eighth of it for the names below one domain.
    pub(crate) fn dns_semaphore(in_all: usize) -> FairSemaphore {
        FairSemaphore::new(in_all, in_all.div_ceil(8), MAX_WAITING)
    }
}

impl fmt::Debug for Limiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Limiter")
            .field("dns", &self.dns_gauges())
            .field("fetches", &self.fetch_gauges())
            .finish_non_exhaustive()
    }
}

/// The time that a rejected domain has to wait for its next lookup.
const PAUSE: Duration = Duration::from_secs(3);
/// The maximum number of remembered domains.
const MAX_REJECTED: usize = 16_384;
const DNS_LOOKUPS_AT_ONCE: usize = 512;
const FETCHES_AT_ONCE: usize = 256;
const FETCHES_FROM_ONE_ADDRESS: usize = 8;
/// As many as there are concurrent background refreshes, plus those on request.
const KNOWN_FETCHES_AT_ONCE: usize = 64;
/// The maximum number of waiting lookups for each limit.
const MAX_WAITING: usize = 2048;
