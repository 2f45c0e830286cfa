//! How a service goes about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mta_sts_core::UnixTime;

use crate::clock::system_time;
use crate::store::EntryStore;

/// How a [`PolicyService`](super::PolicyService) goes about it.
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
    /// Everything in memory, and the defaults.
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

    /// How many domains are remembered in memory, with a policy or without: 65,536 by default. See
    /// [`CacheConfig::with_max_entries`](mta_sts_core::CacheConfig::with_max_entries).
    #[must_use]
    pub fn with_max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// How much memory the policies may take, in octets: 256 MiB by default. See
    /// [`CacheConfig::with_max_octets`](mta_sts_core::CacheConfig::with_max_octets).
    #[must_use]
    pub fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }

    /// How many lookups may wait at once, for whatever it is, besides those in the background: 4096 by default, of some
    /// kilobytes each. Beyond it, domains with a cached policy are answered from it, and others that it is temporary:
    /// [`WhyTemporary::Busy`](super::WhyTemporary::Busy). At 0 nothing is looked up.
    ///
    /// How many ask DNS and Policy Hosts at once, the resolver bounds: [`Resolver`](crate::Resolver).
    #[must_use]
    pub fn with_max_waiting(mut self, lookups: usize) -> Self {
        self.max_waiting = lookups;
        self
    }

    /// How many policies are fetched anew at once, in the background: 16 by default; 0 counts as 1. What takes longer than
    /// 3 s is not counted among them; of that, seven times as many may go on.
    #[must_use]
    pub fn with_refreshes_at_once(mut self, refreshes: usize) -> Self {
        self.refreshes_at_once = refreshes;
        self
    }

    /// How long an answer may take: 10 s by default, since a mail server has a process that waits for it. After it, the answer
    /// is [`WhyTemporary::Slow`](super::WhyTemporary::Slow); the lookup goes on, and the next question finds its result.
    #[must_use]
    pub fn with_answer_within(mut self, answer_within: Duration) -> Self {
        self.answer_within = answer_within;
        self
    }

    /// How long an answer may take where there is a cached policy that has not expired: 1 s by default. After it, that
    /// policy is the answer (RFC 8461, 5.1); the lookup goes on, and a newer policy that it finds counts from then on.
    #[must_use]
    pub fn with_answer_within_if_cached(mut self, answer_within: Duration) -> Self {
        self.answer_within_if_cached = answer_within;
        self
    }

    /// Where entries outlive the process. By default nowhere: then mail is without protection for a moment after each
    /// start (RFC 8461, 10.2).
    #[must_use]
    pub fn with_store(mut self, store: Arc<dyn EntryStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Names domains in log events of every level; by default in those of level debug and trace alone. Whom you write to is
    /// your users' business.
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
