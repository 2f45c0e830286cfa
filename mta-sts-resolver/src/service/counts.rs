//! The counters of a service.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Shared;
use super::expirations::PolicyCounts;
use crate::store::StoreCounts;

/// The counters of a [`PolicyService`](super::PolicyService) since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCounts {
    /// Domains in memory now.
    pub entries: u64,
    /// The memory that policies take now, in octets.
    pub policy_octets: u64,
    /// Answers from memory, without a query.
    pub from_memory: u64,
    /// Lookups for an answer.
    pub lookups: u64,
    /// Lookups to refresh a policy.
    pub refreshes: u64,
    /// Policies that were fetched.
    pub fetched: u64,
    /// Failed fetches, whatever the cause.
    pub fetch_failures: u64,
    /// Fetches that failed because the certificate of the Policy Host is not valid for it.
    pub invalid_certificates: u64,
    /// Fetches that failed because the body is not a policy.
    pub invalid_policies: u64,
    /// Refreshes of a cached policy that failed.
    pub alerts: u64,
    /// Lookups without an answer from DNS.
    pub dns_failures: u64,
    /// Queries to DNS and to Policy Hosts that were not made because of a fault of this machine, its network, or its
    /// proxy.
    pub local_faults: u64,
    /// Failed operations of the store.
    pub store_failures: u64,
    /// Domains whose entries have not been written because the store fails.
    pub unsaved: u64,
    /// The policies in memory, as counted at most a minute ago.
    pub policies: PolicyCounts,
    /// Policies in mode enforce that expired because they were not refreshed in time.
    pub lapsed_enforce: u64,
    /// Policies in mode testing that expired because they were not refreshed in time.
    pub lapsed_testing: u64,
    /// The counters of the store.
    pub store: StoreCounts,
    /// Lookups that are waiting now.
    pub waiting: WaitingCounts,
    /// Lookups that were rejected because too many others were waiting.
    pub busy: BusyCounts,
}

/// What the lookups of a [`PolicyService`](super::PolicyService) are waiting for now, refreshes included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WaitingCounts {
    /// A slot for a DNS query.
    pub dns_place: u64,
    /// An answer of DNS.
    pub dns: u64,
    /// The lease of the domain, which another machine holds.
    pub lease: u64,
    /// A slot for the address of a Policy Host, which has its maximum number of fetches.
    pub address: u64,
    /// A slot for a fetch, of which all are taken.
    pub fetch_place: u64,
    /// A response of a Policy Host.
    pub policy_host: u64,
    /// The store.
    pub store: u64,
}

/// The number of rejected lookups of a [`PolicyService`](super::PolicyService), by the overloaded resource: see
/// [`BusyWith`](crate::BusyWith).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct BusyCounts {
    /// Rejected because of DNS.
    pub dns: u64,
    /// Rejected because of one address of Policy Hosts, or all Policy Hosts together.
    pub policy_host: u64,
    /// Rejected because of the number of lookups in all.
    pub lookups: u64,
}

/// The counters behind [`ServiceCounts`].
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
    /// The sum of all.
    pub const fn sum(&self) -> u64 {
        let Self { dns_place, dns, lease, address, fetch_place, policy_host, store } = self;
        *dns_place + *dns + *lease + *address + *fetch_place + *policy_host + *store
    }
}

impl BusyCounts {
    /// The sum of all.
    pub const fn sum(&self) -> u64 {
        self.dns + self.policy_host + self.lookups
    }
}

impl Shared {
    pub(super) fn waiting(&self) -> WaitingCounts {
        let limiter = self.resolver.limiter();
        let (dns, fetches) = (limiter.dns_gauges(), limiter.fetch_gauges());
        WaitingCounts {
            dns_place: (dns.waiting_for_peer + dns.waiting_for_permit) as u64,
            dns: dns.held as u64,
            lease: self.waiters.for_lease(),
            address: fetches.waiting_for_peer as u64,
            fetch_place: fetches.waiting_for_permit as u64,
            policy_host: fetches.held as u64,
            store: self.waiters.for_store(),
        }
    }

    pub(super) fn busy(&self) -> BusyCounts {
        let limiter = self.resolver.limiter();
        BusyCounts {
            dns: limiter.dns_gauges().rejected,
            policy_host: limiter.fetch_gauges().rejected,
            lookups: self.counters.busy_lookups.load(Ordering::Relaxed),
        }
    }
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
