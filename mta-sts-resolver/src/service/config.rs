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
    pub(super) lookups_at_once: usize,
    pub(super) refreshes_at_once: usize,
    pub(super) answer_within: Duration,
    pub(super) store: Option<Arc<dyn EntryStore>>,
    pub(super) log_domains: bool,
    pub(super) clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
}

impl ServiceConfig {
    /// Everything in memory, and the defaults.
    pub fn new() -> Self {
        Self {
            max_entries: 65_536,
            lookups_at_once: 512,
            refreshes_at_once: 16,
            answer_within: Duration::from_secs(70),
            store: None,
            log_domains: false,
            clock: Arc::new(system_time),
        }
    }

    /// How many domains are remembered in memory, with a policy or without: 65,536 by default. See
    /// [`CacheConfig::set_max_entries`](mta_sts_core::CacheConfig::set_max_entries).
    #[must_use]
    pub fn max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// How many domains are looked up at once: 512 by default; 0 counts as 1. The others wait. Each may take some sockets.
    #[must_use]
    pub fn lookups_at_once(mut self, lookups: usize) -> Self {
        self.lookups_at_once = lookups;
        self
    }

    /// How many policies are fetched anew at once, in the background: 16 by default; 0 counts as 1.
    #[must_use]
    pub fn refreshes_at_once(mut self, refreshes: usize) -> Self {
        self.refreshes_at_once = refreshes;
        self
    }

    /// How long an answer may take: 70 s by default, as long as DNS and a fetch may take. With what may come after it, DANE and
    /// MX records, that is less than the 100 s that Postfix waits. After it, the answer is the cached policy, or
    /// [`WhyTemporary::Slow`](super::WhyTemporary::Slow).
    #[must_use]
    pub fn answer_within(mut self, answer_within: Duration) -> Self {
        self.answer_within = answer_within;
        self
    }

    /// Where entries outlive the process. By default nowhere: then mail is without protection for a moment after each
    /// start (RFC 8461, 10.2).
    #[must_use]
    pub fn store(mut self, store: Arc<dyn EntryStore>) -> Self {
        self.store = Some(store);
        self
    }

    /// Names domains in log events of every level; by default in those of level debug and trace alone. Whom you write to is
    /// your users' business.
    #[must_use]
    pub fn log_domains(mut self, log_domains: bool) -> Self {
        self.log_domains = log_domains;
        self
    }

    /// Where the time comes from: the system's clock by default.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
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
            .field("lookups_at_once", &self.lookups_at_once)
            .field("refreshes_at_once", &self.refreshes_at_once)
            .field("answer_within", &self.answer_within)
            .field("store", &self.store)
            .field("log_domains", &self.log_domains)
            .finish_non_exhaustive()
    }
}
