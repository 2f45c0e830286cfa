//! The configuration of a `PolicyService`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::UnixTime;

use crate::clock::system_time;
use crate::store::EntryStore;

/// The configuration of a [`PolicyService`](super::PolicyService).
#[derive(Clone)]
pub struct ServiceConfig {
    pub(super) max_entries: usize,
    pub(super) max_octets: usize,
    pub(super) max_waiting: usize,
    pub(super) refreshes_at_once: usize,
    pub(super) answer_within: Duration,
    pub(super) answer_within_if_cached: Duration,
    pub(super) store: Option<Arc<dyn EntryStore>>,
    pub(super) log_domains: bool,
    pub(super) max_failed_discoveries: usize,
    pub(super) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
}

impl ServiceConfig {
    /// The defaults, without a store.
    pub fn new() -> Self {
        Self {
            max_entries: 65_536,
            max_octets: 256 << 20,
            max_waiting: 4096,
            refreshes_at_once: 16,
            answer_within: Duration::from_secs(10),
            answer_within_if_cached: Duration::from_secs(1),
            store: None,
            log_domains: false,
            max_failed_discoveries: 0,
            clock: Arc::new(system_time),
        }
    }

    /// Sets the maximum number of domains in memory, with or without a policy. Default: 65,536. See
    /// [`CacheConfig::with_max_entries`](mta_sts_core::CacheConfig::with_max_entries).
    #[must_use]
    pub fn with_max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// Sets the maximum memory for policies, in octets. Default: 256 MiB. See
    /// [`CacheConfig::with_max_octets`](mta_sts_core::CacheConfig::with_max_octets).
    #[must_use]
    pub fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }

    /// Sets the maximum number of lookups waiting for anything, besides those in the background. Default: 4096; each
    /// takes some kilobytes. Beyond it, a domain with a cached policy is answered from the cache, and others with a
    /// temporary answer: [`WhyTemporary::Busy`](super::WhyTemporary::Busy). With 0 nothing is looked up.
    ///
    /// The number of lookups that query DNS and Policy Hosts at once is limited by the resolver:
    /// [`Resolver`](crate::Resolver).
    #[must_use]
    pub fn with_max_waiting(mut self, lookups: usize) -> Self {
        self.max_waiting = lookups;
        self
    }

    /// Sets the maximum number of concurrent background refreshes. Default: 16; 0 counts as 1. A refresh that takes
    /// longer than 3 s is no longer counted; up to seven times as many of those may continue.
    #[must_use]
    pub fn with_refreshes_at_once(mut self, refreshes: usize) -> Self {
        self.refreshes_at_once = refreshes;
        self
    }

    /// Sets the time limit of an answer. Default: 10 s, since a process of the mail server is waiting for it. After
    /// that the answer is [`WhyTemporary::Slow`](super::WhyTemporary::Slow); the lookup continues, and the next request
    /// finds its result.
    #[must_use]
    pub fn with_answer_within(mut self, answer_within: Duration) -> Self {
        self.answer_within = answer_within;
        self
    }

    /// Sets the time limit of an answer if an unexpired policy is cached. Default: 1 s. After that the answer is the
    /// cached policy (RFC 8461, 5.1); the lookup continues, and a newer policy that it finds applies from then on.
    #[must_use]
    pub fn with_answer_within_if_cached(mut self, answer_within: Duration) -> Self {
        self.answer_within_if_cached = answer_within;
        self
    }

    /// Sets the store in which entries survive a restart. Default: none, so mail is unprotected for a moment after each
    /// start (RFC 8461, 10.2).
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn EntryStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Includes domain names in log events of every level; by default only in those of level debug and trace. Recipient
    /// domains are personal data of your users.
    #[must_use]
    pub fn with_log_domains(mut self, log_domains: bool) -> Self {
        self.log_domains = log_domains;
        self
    }

    /// Of how many domains [`PolicyService::failed_discovery`](super::PolicyService::failed_discovery) is kept: 0 by default. They take
    /// 8 MiB at most.
    #[must_use]
    pub fn with_max_failed_discoveries(mut self, domains: usize) -> Self {
        self.max_failed_discoveries = domains;
        self
    }

    /// Where the time comes from: the system's clock by default.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for ServiceConfig {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for ServiceConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ServiceConfig")
            .field("max_entries", &self.max_entries)
            .field("max_octets", &self.max_octets)
            .field("max_waiting", &self.max_waiting)
            .field("refreshes_at_once", &self.refreshes_at_once)
            .field("answer_within", &self.answer_within)
            .field("answer_within_if_cached", &self.answer_within_if_cached)
            .field("store", &self.store)
            .field("log_domains", &self.log_domains)
            .field("max_failed_discoveries", &self.max_failed_discoveries)
            .finish_non_exhaustive()
    }
}
