//! What a service has done.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Shared;
use super::lapses::PolicyCounts;
use crate::store::StoreCounts;

/// What a [`PolicyService`](super::PolicyService) has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCounts {
    /// Domains that are remembered now.
    pub entries: u64,
    /// How many octets their policies take in memory.
    pub policy_octets: u64,
    /// Answers from what was remembered, without asking anybody.
    pub from_memory: u64,
    /// Lookups for an answer.
    pub lookups: u64,
    /// Lookups to fetch a policy anew.
    pub refreshes: u64,
    /// Policies that were fetched.
    pub fetched: u64,
    /// Fetches of policies that failed, whatever the cause.
    pub fetch_failures: u64,
    /// Those of them that failed since the certificate of the Policy Host is not valid for it.
    pub invalid_certificates: u64,
    /// Those of them that failed since the body is no policy.
    pub invalid_policies: u64,
    /// Policies that could not be fetched anew, each time one could not.
    pub alerts: u64,
    /// Lookups that DNS did not answer.
    pub dns_failures: u64,
    /// Questions to DNS and to Policy Hosts that were not asked, for a fault of this machine, its network or its proxy.
    pub local_faults: u64,
    /// What a store failed to do.
    pub store_failures: u64,
    /// Domains whose entries wait until the store works again.
    pub unsaved: u64,
    /// The policies in memory, a minute ago at most.
    pub policies: PolicyCounts,
    /// Policies in mode enforce that lapsed, since they were not fetched anew in time.
    pub lapsed_enforce: u64,
    /// Policies in mode testing that did.
    pub lapsed_testing: u64,
    /// What the store has found and done.
    pub store: StoreCounts,
    /// Lookups that wait now.
    pub waiting: WaitingCounts,
    /// Lookups that were not made, since too many others waited.
    pub busy: BusyCounts,
}

/// What the lookups of a [`PolicyService`](super::PolicyService) wait for now, those for a refresh too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitingCounts {
    /// A turn to ask DNS.
    pub dns_place: u64,
    /// DNS.
    pub dns: u64,
    /// The lease of the domain, which another machine has.
    pub lease: u64,
    /// A turn at an address that has as many fetches as one may have.
    pub address: u64,
    /// A turn to fetch: all that go on at once are taken.
    pub fetch_place: u64,
    /// A Policy Host.
    pub policy_host: u64,
    /// The store.
    pub store: u64,
}

/// How often there was no turn for a lookup of a [`PolicyService`](super::PolicyService), by
/// [`BusyWith`](crate::BusyWith).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusyCounts {
    /// DNS was.
    pub dns: u64,
    /// The address of a Policy Host was, or Policy Hosts in all.
    pub policy_host: u64,
    /// The service was.
    pub lookups: u64,
}

/// The same, while it is counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) from_memory: AtomicU64,
    pub(super) lookups: AtomicU64,
    pub(super) refreshes: AtomicU64,
    pub(super) fetched: AtomicU64,
    pub(super) fetch_failures: AtomicU64,
    pub(super) invalid_certificates: AtomicU64,
    pub(super) invalid_policies: AtomicU64,
    pub(super) alerts: AtomicU64,
    pub(super) dns_failures: AtomicU64,
    pub(super) store_failures: AtomicU64,
    pub(super) busy_lookups: AtomicU64,
}

impl WaitingCounts {
    /// All of them.
    pub const fn sum(&self) -> u64 {
        let Self { dns_place, dns, lease, address, fetch_place, policy_host, store } = self;
        *dns_place + *dns + *lease + *address + *fetch_place + *policy_host + *store
    }
}

impl BusyCounts {
    /// All of them.
    pub const fn sum(&self) -> u64 {
        self.dns + self.policy_host + self.lookups
    }
}

impl Shared {
    pub(super) fn waiting(&self) -> WaitingCounts {
        let limiter = self.resolver.limiter();
        let (dns, fetches) = (limiter.dns_gauges(), limiter.fetch_gauges());
        WaitingCounts {
            dns_place: (dns.waiting_for_peer + dns.waiting_for_place) as u64,
            dns: dns.inside as u64,
            lease: self.waits.for_lease(),
            address: fetches.waiting_for_peer as u64,
            fetch_place: fetches.waiting_for_place as u64,
            policy_host: fetches.inside as u64,
            store: self.waits.for_store(),
        }
    }

    pub(super) fn busy(&self) -> BusyCounts {
        let limiter = self.resolver.limiter();
        BusyCounts {
            dns: limiter.dns_gauges().refused,
            policy_host: limiter.fetch_gauges().refused,
            lookups: self.counters.busy_lookups.load(Ordering::Relaxed),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
