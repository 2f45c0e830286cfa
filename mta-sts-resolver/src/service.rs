//! A policy service for mail servers: answers from memory, from a store, or by discovery, and refreshes policies before
//! they expire.

mod config;
mod counts;
mod events;
mod expirations;
mod failed;
mod lease;
mod persistence;
mod purge;
mod refresh;
mod replication;
mod store_health;
mod usage;
mod waiters;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mta_sts_core::{
    CacheConfig, CacheEntry, CacheUpdate, Lookup, NoPolicy, Outcome, Output, Policy, PolicyCache,
    PolicyDomain, Purpose, ResultType, TxtFailure, UnixTime,
};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

pub use self::config::ServiceConfig;
pub use self::counts::{BusyCounts, ServiceCounts, WaitingCounts};
use self::counts::{Counters, count};
use self::events::{Cause, EventLog, LogDecision};
pub use self::events::{DomainEvent, DomainEventKind};
use self::expirations::Expirations;
pub use self::expirations::PolicyCounts;
use self::failed::Failed;
use self::lease::FetchLease;
pub use self::purge::Purge;
pub use self::refresh::RefreshError;
use self::store_health::StoreHealth;
pub use self::store_health::StoreState;
use self::usage::DailyUsage;
use self::waiters::Waiters;
use crate::clock::Rfc3339;
use crate::driver::{Discovery, Resolver};
use crate::limiter::BusyWith;
use crate::store::StoreError;

/// Answers which policy applies to mail for a domain, and caches it.
///
/// ```no_run
/// use mta_sts_core::PolicyDomain;
/// use mta_sts_resolver::{DnsClient, PolicyAnswer, PolicyFetcher, PolicyService, Resolver, ServiceConfig, TrustStore};
///
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let resolver = Resolver::new(DnsClient::from_system()?, PolicyFetcher::new(TrustStore::platform()?));
/// let service = PolicyService::new(resolver, ServiceConfig::new());
/// tokio::spawn({
///     let service = service.clone();
///     async move { service.refresh_for_ever().await }
/// });
/// match service.answer(&PolicyDomain::parse("recipient.test")?).await {
///     PolicyAnswer::Policy(policy) => println!("mode {:?}", policy.mode()),
///     PolicyAnswer::None(why) => println!("no MTA-STS: {why}"),
///     PolicyAnswer::Temporary(why) => println!("try again later: {why}"),
/// }
/// # Ok(())
/// # }
/// ```
///
/// Clones are cheap and share everything. Concurrent requests for a domain share one lookup. A lookup continues after
/// its requesters have given up, so that the next request finds its result. Memory is bounded by the number of cache
/// entries and of waiting lookups, and no domain can delay the lookups of others for long: see
/// [`Resolver::with_fetches_at_once`].
#[derive(Clone)]
pub struct PolicyService {
    shared: Arc<Shared>,
}

/// The answer of a [`PolicyService`] about a domain.
///
/// It is closed: mail is sent under a policy, is sent without one, or waits. The reasons are in [`NoPolicy`] and [`WhyTemporary`],
/// which may grow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// This policy applies. Its mode may be testing or none.
    Policy(Policy),
    /// No policy applies: deliver as if the domain had no MTA-STS.
    None(NoPolicy),
    /// Whether a policy applies could not be determined; retry later.
    Temporary(WhyTemporary),
}

/// The reason why a service could not determine whether a policy applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WhyTemporary {
    /// DNS gave no answer about the record: a failure, or an attacker who suppresses it (RFC 8461, 10.2).
    #[error("DNS gave no answer about the policy. {0}")]
    DnsFailed(TxtFailure),
    /// Too many lookups are waiting, and nothing is cached for the domain.
    #[error("{0}")]
    Busy(BusyWith),
    /// There is a policy, but it was not fetched, because of a fault of this machine, its network, or its proxy.
    #[error("The policy could not be fetched because of a fault of this machine.")]
    LocalFault,
    /// The lookup takes longer than [`ServiceConfig::with_answer_within`]; it continues in the background.
    #[error("The lookup takes long, and continues.")]
    Slow,
}

impl WhyTemporary {
    /// Returns whether this machine is at fault, as opposed to the domain or its DNS.
    pub const fn is_local_fault(self) -> bool {
        matches!(self, Self::Busy(_) | Self::LocalFault | Self::DnsFailed(TxtFailure::LocalFault))
    }

    /// The stable code: a kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Busy(with) => with.code(),
            Self::DnsFailed(_) => "dns-failed",
            Self::LocalFault => "local-fault",
            Self::Slow => "slow",
        }
    }
}

struct Shared {
    resolver: Resolver,
    config: ServiceConfig,
    cache: Mutex<PolicyCache>,
    flights: Mutex<HashMap<PolicyDomain, Flight>>,
    waiters: Waiters,
    /// The write locks of domains. The lock is held from reading the cache until the store is written, so that no older
    /// entry is written last.
    writing: [tokio::sync::Mutex<()>; 64],
    /// The domains whose entries the store failed to write.
    unsaved: Mutex<HashSet<PolicyDomain>>,
    expirations: Expirations,
    events: EventLog,
    failed: Failed,
    health: StoreHealth,
    usage: DailyUsage,
    /// The number of purges so far.
    purges: AtomicU64,
    /// Whether loading the store has failed before its end.
    load_failed: AtomicBool,
    /// Whether the store has recovered.
    has_recovered: AtomicBool,
    hasher: RandomState,
    /// Notified when the time of the next refresh may have changed.
    scheduled: Notify,
    counters: Counters,
}

/// A shared lookup in flight: all requests for a domain wait for its result.
type Flight = watch::Receiver<Option<PolicyAnswer>>;

impl PolicyService {
    /// A service that discovers policies with this resolver.
    pub fn new(resolver: Resolver, config: ServiceConfig) -> Self {
        // The keys of the standard library's hasher are random enough for a hash table.
        let cache_config = CacheConfig::new(RandomState::new().hash_one("seed"))
            .with_max_entries(config.max_entries)
            .with_max_octets(config.max_octets);
        Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(PolicyCache::new(cache_config)),
                flights: Mutex::default(),
                waiters: Waiters::default(),
                writing: [const { tokio::sync::Mutex::const_new(()) }; 64],
                unsaved: Mutex::default(),
                expirations: Expirations::default(),
                events: EventLog::default(),
                failed: Failed::new(config.max_failed_discoveries),
                health: StoreHealth::default(),
                usage: DailyUsage::default(),
                purges: AtomicU64::default(),
                load_failed: AtomicBool::default(),
                has_recovered: AtomicBool::default(),
                hasher: RandomState::new(),
                scheduled: Notify::new(),
                counters: Counters::default(),
                resolver,
                config,
            }),
        }
    }

    /// The policy that applies to mail for this domain now.
    ///
    /// It takes at most [`ServiceConfig::with_answer_within`], or [`ServiceConfig::with_answer_within_if_cached`] if an
    /// unexpired policy is cached, and microseconds if no query is needed. A policy that is returned is in the store,
    /// unless the store failed.
    pub async fn answer(&self, domain: &PolicyDomain) -> PolicyAnswer {
        self.answer_within(domain, self.shared.config.answer_within).await
    }

    /// The same as [`answer`](Self::answer), with this time limit in place of [`ServiceConfig::with_answer_within`].
    pub async fn answer_within(&self, domain: &PolicyDomain, limit: Duration) -> PolicyAnswer {
        let shared = &self.shared;
        let now = shared.now();
        let cached = shared.cache().get(domain, now);
        if let Some(answer) = shared.remembered(domain, cached.as_ref(), now) {
            count(&shared.counters.from_memory);
            if shared.config.store.is_some() && matches!(answer, PolicyAnswer::Policy(_)) {
                shared.usage.note(domain, now, shared.config.max_entries);
            }
            return answer;
        }
        let Some(mut flight) = self.join(domain) else {
            return shared.answer_without_lookup(domain, limit).await;
        };
        let start = Instant::now();
        // Twice, because the lookup may have found the policy in the store in the meantime.
        for within in [shared.config.answer_within_if_cached, limit] {
            let left = within.min(limit).saturating_sub(start.elapsed());
            if let Ok(Ok(answer)) = timeout(left, flight.wait_for(Option::is_some)).await
                && let Some(answer) = &*answer
            {
                return answer.clone();
            }
            if let Some(policy) = shared.cached_policy(domain) {
                return PolicyAnswer::Policy(policy);
            }
        }
        PolicyAnswer::Temporary(WhyTemporary::Slow)
    }

    /// Refreshes policies before they expire, for as long as the future is polled (RFC 8461, 3.3 and 10.2), and
    /// maintains the store: retries failed operations every two seconds, and once a day removes what expired more than
    /// two days ago.
    // Meets S58, S82, S98.
    pub async fn refresh_for_ever(&self) {
        let shared = &self.shared;
        let at_once = shared.config.refreshes_at_once.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(at_once));
        let mut running = JoinSet::new();
        let mut maintenance = JoinSet::new();
        let mut maintained_at: Option<Instant> = None;
        let mut cleaned_at: Option<Instant> = None;
        let mut surveyed_at: Option<Instant> = None;
        loop {
            let is_due = |at: Option<Instant>, interval| at.is_none_or(|at| at.elapsed() >= interval);
            let maintenance_interval =
                if shared.health.is_failing(None) { RETRY_INTERVAL } else { MAX_SLEEP };
            ended(maintenance.try_join_next());
            if maintenance.is_empty()
                && (shared.has_recovered.swap(false, Ordering::Relaxed)
                    || is_due(maintained_at, maintenance_interval))
            {
                let cleans = is_due(cleaned_at, CLEANING_INTERVAL);
                maintained_at = Some(Instant::now());
                cleaned_at = if cleans { maintained_at } else { cleaned_at };
                let shared = Arc::clone(shared);
                maintenance.spawn(async move { shared.maintain_store(cleans).await });
            }
            while running.len() >= at_once.saturating_mul(SLOW_REFRESHES) {
                ended(running.join_next().await);
            }
            let slot = tokio::select! {
                // Never closed.
                slot = Arc::clone(&slots).acquire_owned() => slot.ok(),
                refreshed = running.join_next(), if !running.is_empty() => {
                    ended(refreshed);
                    continue;
                }
            };
            if is_due(surveyed_at, MAX_SLEEP) {
                surveyed_at = Some(Instant::now());
                shared.survey();
            }
            shared.survey_if_due();
            let now = shared.now();
            let due = shared.cache().poll_refresh(now);
            if let Some(domain) = due {
                let shared = Arc::clone(shared);
                running.spawn(async move {
                    count(&shared.counters.refreshes);
                    let mut refresh = pin!(shared.look_up(&domain, Purpose::Refresh));
                    if timeout(BRIEF, refresh.as_mut()).await.is_err() {
                        // Other refreshes need not wait for an unresponsive host.
                        drop(slot);
                        refresh.await;
                    }
                });
                continue;
            }
            drop(slot);
            let next = shared.cache().poll_timeout().map_or(MAX_SLEEP, |next| next.saturating_since(now));
            let lapse =
                shared.expirations.due_at().saturating_add(Duration::from_secs(1)).saturating_since(now);
            let next = next.min(lapse);
            tokio::select! {
                // Wall-clock time may be adjusted in the meantime, so no sleep is long.
                () = sleep(next.clamp(MIN_SLEEP, maintenance_interval)) => {}
                () = shared.scheduled.notified() => {}
                refreshed = running.join_next(), if !running.is_empty() => ended(refreshed),
                maintained = maintenance.join_next(), if !maintenance.is_empty() => ended(maintained),
            }
        }
    }

    /// Loads entries from the store until memory is full; returns their number. The others are read on first use.
    ///
    /// Without this call every entry is read on first use, and unused ones are not refreshed. If the store fails,
    /// [`PolicyService::refresh_for_ever`] tries again.
    ///
    /// # Errors
    ///
    /// Returns the error of the store. Entries that were read before it remain in memory.
    pub async fn load(&self) -> Result<usize, StoreError> {
        self.shared.load().await
    }

    /// The counters since the start of the service.
    pub fn counts(&self) -> ServiceCounts {
        let counters = &self.shared.counters;
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (entries, policy_octets) = {
            let cache = self.shared.cache();
            (cache.len(), cache.octets())
        };
        ServiceCounts {
            entries: entries as u64,
            policy_octets: policy_octets as u64,
            from_memory: value(&counters.from_memory),
            lookups: value(&counters.lookups),
            refreshes: value(&counters.refreshes),
            fetched: value(&counters.fetched),
            fetch_failures: value(&counters.fetch_failures),
            invalid_certificates: value(&counters.invalid_certificates),
            invalid_policies: value(&counters.invalid_policies),
            alerts: value(&counters.alerts),
            dns_failures: value(&counters.dns_failures),
            local_faults: self.shared.resolver.local_faults(),
            store_failures: value(&counters.store_failures),
            unsaved: self.shared.unsaved().len() as u64,
            policies: self.shared.policy_counts(),
            lapsed_enforce: self.shared.expirations.counts().0,
            lapsed_testing: self.shared.expirations.counts().1,
            store: self.shared.config.store.as_ref().map(|store| store.counts()).unwrap_or_default(),
            waiting: self.shared.waiting(),
            busy: self.shared.busy(),
        }
    }

    /// The state of the store. While it is down, new policies do not survive a restart, and after a failed load stored
    /// ones are missing: alert an operator.
    pub fn store_state(&self) -> StoreState {
        let shared = &self.shared;
        let fails = shared.health.is_failing(None) || shared.load_failed.load(Ordering::Relaxed);
        match shared.config.store {
            None => StoreState::None,
            Some(_) if fails => StoreState::Down,
            Some(_) => StoreState::Up,
        }
    }

    /// The recent failures for a domain, the latest first. In all, the last 4096 events of all domains are kept.
    pub fn events(&self, domain: &PolicyDomain) -> Vec<DomainEvent> {
        self.shared.events.of(domain)
    }

    /// The outcome of the last discovery for a domain, if it failed and is kept
    /// ([`ServiceConfig::with_max_failed_discoveries`]), for TLS reports (RFC 8460, 4.3.2.2).
    ///
    /// `None` if another machine has stored a policy since.
    pub fn failed_discovery(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>> {
        let outcome = self.shared.failed.last(domain)?;
        let is_of_now = outcome.policy().is_some() || self.shared.cached_policy(domain).is_none();
        is_of_now.then_some(outcome)
    }

    /// The entry of a domain, from memory or from the store. It makes no other queries, and does not mark the domain as
    /// used.
    pub async fn entry(&self, domain: &PolicyDomain) -> Option<CacheEntry> {
        let held = self.shared.cache().peek(domain, self.shared.now());
        match held {
            Some(held) => Some(held),
            None => self.shared.read(domain).await,
        }
    }

    /// The policy of a domain in memory, if there is an unexpired one. It makes no queries, does not block, and does not
    /// mark the domain as used.
    pub fn cached_policy(&self, domain: &PolicyDomain) -> Option<Policy> {
        self.shared.cached_policy(domain)
    }

    /// The domains in memory, in the order in which they would be evicted.
    pub fn domains(&self) -> Vec<PolicyDomain> {
        self.shared.cache().entries().map(|(domain, _)| domain).collect()
    }

    /// Removes domains from memory and from the store; returns how many were known. Other machines that share the store
    /// keep what they have in memory.
    ///
    /// Mail to a removed domain is unprotected until its policy is fetched again.
    ///
    /// # Errors
    ///
    /// Returns the error of the store. In that case, entries are gone from memory but may still be in the store.
    pub async fn purge(&self, purge: Purge) -> Result<u64, StoreError> {
        self.shared.purge(purge).await
    }

    /// Fetches the policy of a domain now, on behalf of an operator, disregarding the cache and back-offs. It takes as
    /// long as [`Resolver::discover`]. If the fetch fails, the policy in force continues to apply.
    ///
    /// # Errors
    ///
    /// Returns why the policy was not fetched, and what applies now.
    pub async fn refresh(&self, domain: &PolicyDomain) -> Result<Policy, RefreshError> {
        self.shared.refresh(domain).await
    }

    /// The time of the service's clock.
    pub fn now(&self) -> UnixTime {
        self.shared.now()
    }

    /// Records in the [`events`](Self::events) of the domain that a client received a temporary answer, and logs it. A server that
    /// answers from this service calls it with the code and the text of the answer. If a lookup failed with this code, the event
    /// has the cause of that failure instead of the text.
    pub fn note_temporary(&self, domain: &PolicyDomain, code: &'static str, text: &str) {
        let shared = &self.shared;
        let lookup = shared.events.last_cause(domain, code, shared.now());
        let cause = lookup.unwrap_or_else(|| text.to_owned());
        tracing::debug!(%domain, code, %cause, "temporary answer");
        let event =
            DomainEvent { at: shared.now(), kind: DomainEventKind::Temporary, code, cause: cause.clone() };
        if let LogDecision::Log { suppressed } = shared.events.note(domain, event) {
            let domain = shared.config.log_domains.then(|| domain.as_str());
            tracing::info!(domain, code, %cause, suppressed, "temporary answer: mail waits");
        }
    }

    /// The resolver of the service.
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Joins the lookup in flight for this domain, or starts one, unless too many are waiting.
    fn join(&self, domain: &PolicyDomain) -> Option<Flight> {
        let mut flights = self.shared.flights();
        if let Some(flight) = flights.get(domain) {
            return Some(flight.clone());
        }
        if flights.len() >= self.shared.config.max_waiting {
            count(&self.shared.counters.busy_lookups);
            return None;
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(domain.clone(), flight.clone());
        let guard = FlightGuard { shared: Arc::clone(&self.shared), domain: domain.clone() };
        tokio::spawn(async move {
            let answer = guard.run().await;
            // Later requests find the answer in the cache.
            drop(guard);
            sender.send_replace(Some(answer));
        });
        Some(flight)
    }
}

impl fmt::Debug for PolicyService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PolicyService").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// Removes the flight of a domain when dropped.
struct FlightGuard {
    shared: Arc<Shared>,
    domain: PolicyDomain,
}

impl FlightGuard {
    async fn run(&self) -> PolicyAnswer {
        count(&self.shared.counters.lookups);
        self.shared.look_up(&self.domain, Purpose::Deliver).await
    }
}

impl Drop for FlightGuard {
    fn drop(&mut self) {
        self.shared.flights().remove(&self.domain);
    }
}

impl Shared {
    fn now(&self) -> UnixTime {
        (self.config.clock)()
    }

    fn cache(&self) -> MutexGuard<'_, PolicyCache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<PolicyDomain, Flight>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cached_policy(&self, domain: &PolicyDomain) -> Option<Policy> {
        let now = self.now();
        let cached = self.cache().peek(domain, now)?;
        cached.valid_policy(now).map(|cached| cached.policy().clone())
    }

    /// The answer if no lookup can be made: a policy from memory or the store.
    async fn answer_without_lookup(&self, domain: &PolicyDomain, limit: Duration) -> PolicyAnswer {
        let busy = PolicyAnswer::Temporary(WhyTemporary::Busy(BusyWith::Lookups));
        if let Some(policy) = self.cached_policy(domain) {
            return PolicyAnswer::Policy(policy);
        }
        let found = timeout(limit, self.find(domain, Purpose::Deliver)).await;
        let Ok((Some(entry), _)) = found else { return busy };
        entry.valid_policy(self.now()).map_or(busy, |cached| PolicyAnswer::Policy(cached.policy().clone()))
    }

    /// The answer, if it needs no query.
    fn remembered(
        &self,
        domain: &PolicyDomain,
        cached: Option<&CacheEntry>,
        now: UnixTime,
    ) -> Option<PolicyAnswer> {
        let cached = cached?;
        let lookup_config = self.resolver.lookup_config();
        let lookup = Lookup::new(domain.clone(), Purpose::Deliver, Some(cached), now, lookup_config);
        match lookup.poll_output() {
            Output::Done(outcome) => Some(answer(outcome)),
            Output::QueryTxt(_) | Output::FetchPolicy(_) => None,
        }
    }

    /// Looks up the domain, and caches the result.
    async fn look_up(self: &Arc<Self>, domain: &PolicyDomain, purpose: Purpose) -> PolicyAnswer {
        self.survey_if_due();
        let purges = self.purges();
        let finding = self.waiters.store();
        let (known, purpose) = self.find(domain, purpose).await;
        drop(finding);
        self.look_up_from(domain, purpose, known, purges).await.0
    }

    /// The same, starting from a known entry.
    async fn look_up_from(
        self: &Arc<Self>,
        domain: &PolicyDomain,
        purpose: Purpose,
        known: Option<CacheEntry>,
        purges: u64,
    ) -> (PolicyAnswer, Discovery) {
        let mut turn = FetchLease::new(self, domain, purpose, known.clone());
        let discovery =
            self.resolver.discover_with(domain.clone(), purpose, known.as_ref(), self.now(), &mut turn).await;
        self.record_lookup(domain, purpose, &discovery);
        self.failed.note(domain, &discovery.outcome);
        let update = &discovery.outcome.cache_update;
        let (mut writing, mut stored) = (None, None);
        if is_worth_storing(update) {
            let _writing = self.waiters.store();
            writing = Some(self.write_lock(domain).await);
            // Stored before it is cached: no answer is based on what would be lost with the process.
            stored = self.save(domain, update, turn.known(), purges).await;
        }
        let mut remembered = self.remember(domain, update, turn.known(), purges);
        // Another process may have stored a policy that was requested later.
        if let Some(stored) = stored.filter(|_| self.purges() == purges)
            && let Some(replicated) = self.adopt(domain, remembered.as_ref(), &stored)
        {
            remembered = Some(replicated.entry);
        }
        drop(writing);
        self.scheduled.notify_one();
        turn.end().await;
        if let Some(cached) = remembered.as_ref().and_then(|entry| entry.valid_policy(self.now())) {
            return (PolicyAnswer::Policy(cached.policy().clone()), discovery);
        }
        let answer = match (answer(&discovery.outcome), discovery.busy) {
            (PolicyAnswer::Temporary(why), Some(with)) if why.is_local_fault() => {
                PolicyAnswer::Temporary(WhyTemporary::Busy(with))
            }
            (answer, _) => answer,
        };
        (answer, discovery)
    }

    /// Records the outcome of a lookup in the metrics and the log.
    fn record_lookup(&self, domain: &PolicyDomain, purpose: Purpose, discovery: &Discovery) {
        let outcome = &discovery.outcome;
        let cause = Cause(discovery).to_string();
        let result = match &outcome.applied {
            Ok(_) => "policy",
            Err(why) => why.code(),
        };
        tracing::debug!(domain = %domain, ?purpose, result, %cause, "looked up");
        match outcome.cache_update {
            CacheUpdate::Store { ref policy, .. } => {
                count(&self.counters.fetched);
                self.expirations.expires_at(policy.expires_at());
            }
            CacheUpdate::BackOff { .. } => {
                self.record_failure(domain, outcome, &cause);
                count(&self.counters.fetch_failures);
                match outcome.failure.as_ref().map(|failure| failure.result_type) {
                    Some(ResultType::StsWebpkiInvalid) => count(&self.counters.invalid_certificates),
                    Some(ResultType::StsPolicyInvalid) => count(&self.counters.invalid_policies),
                    _ => {}
                }
            }
            _ => {}
        }
        if let Err(NoPolicy::DnsFailed(failure)) = outcome.applied {
            self.events.note_cause(domain, "dns-failed", &cause, self.now());
            if failure != TxtFailure::LocalFault {
                count(&self.counters.dns_failures);
            }
        }
    }

    /// Logs a failed fetch: always if a cached policy is at stake, otherwise rate-limited.
    fn record_failure(&self, domain: &PolicyDomain, outcome: &Outcome, cause: &str) {
        let now = self.now();
        let code = match (&outcome.alert, &outcome.applied) {
            (Some(alert), _) => alert.fault.code(),
            (None, Err(NoPolicy::FetchFailed(fault))) => fault.code(),
            (None, _) => "fetch-failed",
        };
        let event =
            DomainEvent { at: now, kind: DomainEventKind::FetchFailed, code, cause: cause.to_owned() };
        let decision = self.events.note(domain, event);
        let named = self.config.log_domains.then(|| domain.as_str());
        match (&outcome.alert, decision) {
            // If the clock jumped ahead during the fetch, no policy applies any more.
            (Some(alert), _) => {
                count(&self.counters.alerts);
                let expires_at = Rfc3339(alert.expires_at);
                let failures = alert.failures;
                if alert.expires_at >= now {
                    tracing::warn!(
                        domain = named, code, cause, failures, %expires_at,
                        "a policy could not be refreshed; the cached one applies until it expires"
                    );
                } else {
                    tracing::warn!(
                        domain = named,
                        code,
                        cause,
                        failures,
                        "a policy could not be refreshed, and has expired"
                    );
                }
            }
            (None, LogDecision::Log { suppressed }) => {
                tracing::info!(
                    domain = named,
                    code,
                    cause,
                    suppressed,
                    "a policy could not be fetched, and none is cached"
                );
            }
            (None, LogDecision::Suppress) => {}
        }
    }
}

fn answer(outcome: &Outcome) -> PolicyAnswer {
    match &outcome.applied {
        Ok(applied) => PolicyAnswer::Policy(applied.policy.clone()),
        Err(NoPolicy::DnsFailed(failure)) => PolicyAnswer::Temporary(WhyTemporary::DnsFailed(*failure)),
        Err(NoPolicy::LocalFault) => PolicyAnswer::Temporary(WhyTemporary::LocalFault),
        Err(why) => PolicyAnswer::None(*why),
    }
}

/// Absences last an hour at most, and the time of the last check is not worth a write.
fn is_worth_storing(update: &CacheUpdate) -> bool {
    matches!(update, CacheUpdate::Store { .. } | CacheUpdate::BackOff { .. })
}

fn ended(refresh: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = refresh {
        tracing::error!(%error, "a refresh ended early");
    }
}

/// A refresh occupies a slot for this long; this many times as many slower ones may continue.
const BRIEF: Duration = Duration::from_secs(3);
const SLOW_REFRESHES: usize = 8;
const MIN_SLEEP: Duration = Duration::from_millis(10);
const MAX_SLEEP: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
const CLEANING_INTERVAL: Duration = Duration::from_secs(86_400);
