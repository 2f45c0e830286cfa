//! What a service has done.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a [`PolicyService`](super::PolicyService) has done since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceCounts {
    /// Domains that are remembered now.
    pub entries: u64,
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
    /// What a store failed to do.
    pub store_failures: u64,
    /// Domains whose entries wait until the store works again.
    pub unsaved: u64,
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
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}
