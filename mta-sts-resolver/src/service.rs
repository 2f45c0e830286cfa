//! Policies for a mail server: from memory, from a store, from their domains; fetched anew before they lapse.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::{
    CacheConfig, CacheEntry, CacheUpdate, Lookup, NoPolicy, Outcome, Output, Policy, PolicyCache,
    PolicyDomain, Purpose, ResultType, TxtFailure, UnixTime,
};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::driver::Resolver;
use crate::store::{EntryStore, StoreError};

/// Says which policy applies to mail for a domain, and remembers it.
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
/// Clones are cheap and share everything. However many ask for a domain at once, it is looked up once. A lookup
/// goes on when those who asked have left, so that the next finds its result. Memory is bounded by the cache's number of
/// entries and the number of lookups at once.
#[derive(Clone)]
pub struct PolicyService {
    shared: Arc<Shared>,
}

/// What a [`PolicyService`] says of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyAnswer {
    /// This policy applies. Its mode may be testing or none.
    Policy(Policy),
    /// No policy applies: deliver as to a domain without MTA-STS.
    None(NoPolicy),
    /// It is not known whether one applies: try again later.
    Temporary(WhyTemporary),
}

/// Why a service cannot tell whether a policy applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum WhyTemporary {
    /// DNS did not say whether the domain has a record: a fault, or an attacker who hides it (RFC 8461, 10.2).
    #[error("DNS did not say whether there is a policy. {0}")]
    DnsFailed(TxtFailure),
    /// The lookup takes longer than [`ServiceConfig::answer_within`], and goes on.
    #[error("The lookup takes long, and goes on.")]
    Slow,
}

impl WhyTemporary {
    /// The stable kebab-case word.
    pub const fn code(self) -> &'static str {
        match self {
            Self::DnsFailed(_) => "dns-failed",
            Self::Slow => "slow",
        }
    }
}

/// How a [`PolicyService`] goes about it.
#[derive(Clone)]
pub struct ServiceConfig {
    max_entries: usize,
    lookups_at_once: usize,
    refreshes_at_once: usize,
    answer_within: Duration,
    store: Option<Arc<dyn EntryStore>>,
    log_domains: bool,
    clock: Arc<dyn Fn() -> UnixTime + Send + Sync>,
}

impl ServiceConfig {
    /// Everything in memory, and the defaults.
    pub fn new() -> Self {
        Self {
            max_entries: 65_536,
            lookups_at_once: 512,
            refreshes_at_once: 16,
            answer_within: Duration::from_secs(80),
            store: None,
            log_domains: false,
            clock: Arc::new(system_time),
        }
    }

    /// How many domains are remembered in memory, with a policy or without: 65,536 by default. See
    /// [`CacheConfig::set_max_entries`].
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

    /// How long an answer may take: 80 s by default, which is more than DNS and a fetch may take, and less than the 100 s
    /// that Postfix waits. After it, the answer is the cached policy, or [`WhyTemporary::Slow`].
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

/// What a [`PolicyService`] has done since its start.
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

#[derive(Debug, Default)]
struct Counters {
    from_memory: AtomicU64,
    lookups: AtomicU64,
    refreshes: AtomicU64,
    fetched: AtomicU64,
    fetch_failures: AtomicU64,
    invalid_certificates: AtomicU64,
    invalid_policies: AtomicU64,
    alerts: AtomicU64,
    dns_failures: AtomicU64,
    store_failures: AtomicU64,
}

struct Shared {
    resolver: Resolver,
    config: ServiceConfig,
    cache: Mutex<PolicyCache>,
    flights: Mutex<HashMap<PolicyDomain, Flight>>,
    lookups: Semaphore,
    /// Whoever writes to the store holds the one of the domain from the look into the cache on, so that no older entry is
    /// written last.
    writing: [tokio::sync::Mutex<()>; 64],
    /// What a store failed to write.
    unsaved: Mutex<HashSet<PolicyDomain>>,
    hasher: RandomState,
    /// The next refresh may have moved.
    scheduled: Notify,
    counters: Counters,
}

/// Where those who ask for a domain wait for the one lookup.
type Flight = watch::Receiver<Option<PolicyAnswer>>;

impl PolicyService {
    /// A service that finds policies with this resolver.
    pub fn new(resolver: Resolver, config: ServiceConfig) -> Self {
        // Random enough for a hash table: the standard library's own keys.
        let mut cache_config = CacheConfig::new(RandomState::new().hash_one("seed"));
        cache_config.set_max_entries(config.max_entries);
        Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(PolicyCache::new(cache_config)),
                flights: Mutex::default(),
                lookups: Semaphore::new(config.lookups_at_once.clamp(1, Semaphore::MAX_PERMITS)),
                writing: [const { tokio::sync::Mutex::const_new(()) }; 64],
                unsaved: Mutex::default(),
                hasher: RandomState::new(),
                scheduled: Notify::new(),
                counters: Counters::default(),
                resolver,
                config,
            }),
        }
    }

    /// Which policy applies to mail for this domain, now.
    ///
    /// It takes at most [`ServiceConfig::answer_within`], and microseconds where the answer is remembered. A policy that was
    /// answered from is in the store, unless the store failed.
    pub async fn answer(&self, domain: &PolicyDomain) -> PolicyAnswer {
        let shared = &self.shared;
        let now = shared.now();
        let cached = shared.cache().get(domain, now);
        if let Some(answer) = shared.remembered(domain, cached.as_ref(), now) {
            count(&shared.counters.from_memory);
            return answer;
        }
        let mut flight = self.join(domain);
        let landed = timeout(shared.config.answer_within, flight.wait_for(Option::is_some)).await;
        if let Ok(Ok(answer)) = landed
            && let Some(answer) = &*answer
        {
            return answer.clone();
        }
        cached
            .as_ref()
            .and_then(|entry| entry.valid_policy(now))
            .map_or(PolicyAnswer::Temporary(WhyTemporary::Slow), |cached| {
                PolicyAnswer::Policy(cached.policy().clone())
            })
    }

    /// Fetches policies anew before they lapse, for as long as the future is polled (RFC 8461, 3.3 and 10.2), and tries again
    /// once a minute what a store failed to write.
    // Meets S58, S82, S98.
    pub async fn refresh_for_ever(&self) {
        let shared = &self.shared;
        let at_once = shared.config.refreshes_at_once.max(1);
        let mut running = JoinSet::new();
        let mut saved_at: Option<tokio::time::Instant> = None;
        loop {
            if saved_at.is_none_or(|at| at.elapsed() >= MAX_SLEEP) {
                shared.save_unsaved().await;
                saved_at = Some(tokio::time::Instant::now());
            }
            while running.len() >= at_once {
                ended(running.join_next().await);
            }
            let now = shared.now();
            let due = shared.cache().poll_refresh(now);
            if let Some(domain) = due {
                let shared = Arc::clone(shared);
                running.spawn(async move {
                    count(&shared.counters.refreshes);
                    shared.look_up(&domain, Purpose::Refresh).await;
                });
                continue;
            }
            let next = shared.cache().poll_timeout().map_or(MAX_SLEEP, |next| next.saturating_since(now));
            tokio::select! {
                // The clock of the wall may be set meanwhile, so no sleep is long.
                () = tokio::time::sleep(next.clamp(MIN_SLEEP, MAX_SLEEP)) => {}
                () = shared.scheduled.notified() => {}
                refreshed = running.join_next(), if !running.is_empty() => ended(refreshed),
            }
        }
    }

    /// Reads entries from the store into memory, until memory is full; how many.
    ///
    /// Without it the service reads each when it is first asked for, and refreshes none that nobody has asked for.
    ///
    /// # Errors
    ///
    /// What the store says. What was read until then stays.
    pub async fn load(&self) -> Result<usize, StoreError> {
        let shared = &self.shared;
        let Some(store) = &shared.config.store else { return Ok(0) };
        let mut loaded = 0;
        let mut after = None;
        loop {
            let page = store.page(after.as_ref(), PAGE).await?;
            let now = shared.now();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut cache = shared.cache();
            for (domain, entry) in page {
                let counts = entry.valid_policy(now).is_some()
                    || entry.back_offs().iter().any(|back_off| back_off.until > now);
                if counts && cache.len() < shared.config.max_entries {
                    cache.insert(&domain, entry, now);
                    loaded += 1;
                }
            }
            if cache.len() >= shared.config.max_entries {
                break;
            }
        }
        shared.scheduled.notify_one();
        Ok(loaded)
    }

    /// What the service has done since its start.
    pub fn counts(&self) -> ServiceCounts {
        let counters = &self.shared.counters;
        let value = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServiceCounts {
            entries: self.shared.cache().len() as u64,
            from_memory: value(&counters.from_memory),
            lookups: value(&counters.lookups),
            refreshes: value(&counters.refreshes),
            fetched: value(&counters.fetched),
            fetch_failures: value(&counters.fetch_failures),
            invalid_certificates: value(&counters.invalid_certificates),
            invalid_policies: value(&counters.invalid_policies),
            alerts: value(&counters.alerts),
            dns_failures: value(&counters.dns_failures),
            store_failures: value(&counters.store_failures),
            unsaved: self.shared.unsaved().len() as u64,
        }
    }

    /// The resolver that the service asks.
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Waits with those who already wait for this domain, or begins its lookup.
    fn join(&self, domain: &PolicyDomain) -> Flight {
        let mut flights = self.shared.flights();
        if let Some(flight) = flights.get(domain) {
            return flight.clone();
        }
        let (sender, flight) = watch::channel(None);
        flights.insert(domain.clone(), flight.clone());
        let landing = Landing { shared: Arc::clone(&self.shared), domain: domain.clone() };
        tokio::spawn(async move {
            let answer = landing.fly().await;
            // Who comes after this finds the answer in the cache.
            drop(landing);
            sender.send_replace(Some(answer));
        });
        flight
    }
}

impl fmt::Debug for PolicyService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PolicyService").field("counts", &self.counts()).finish_non_exhaustive()
    }
}

/// Ends the flight of a domain, whatever happens on the way.
struct Landing {
    shared: Arc<Shared>,
    domain: PolicyDomain,
}

impl Landing {
    async fn fly(&self) -> PolicyAnswer {
        // Never closed.
        let _permit = self.shared.lookups.acquire().await;
        count(&self.shared.counters.lookups);
        self.shared.look_up(&self.domain, Purpose::Deliver).await
    }
}

impl Drop for Landing {
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

    /// The answer that needs nobody to be asked.
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

    /// Asks the domain, and remembers what it says.
    async fn look_up(&self, domain: &PolicyDomain, purpose: Purpose) -> PolicyAnswer {
        let cached = self.recall(domain).await;
        let discovery = self.resolver.discover(domain.clone(), purpose, cached.as_ref(), self.now()).await;
        self.tell(domain, purpose, &discovery.outcome);
        let now = self.now();
        let evicted = self.cache().apply(domain, &discovery.outcome.cache_update, now);
        if evicted.is_some() {
            tracing::debug!(domain = %domain, "an entry was evicted: the cache is full");
        }
        self.scheduled.notify_one();
        if is_worth_storing(&discovery.outcome.cache_update) {
            self.save(domain, &discovery.outcome.cache_update).await;
        }
        answer(&discovery.outcome)
    }

    /// What memory, or else the store, holds of a domain.
    async fn recall(&self, domain: &PolicyDomain) -> Option<CacheEntry> {
        let now = self.now();
        let cached = self.cache().peek(domain, now);
        let Some(store) = self.config.store.as_ref().filter(|_| cached.is_none()) else { return cached };
        match store.get(domain).await {
            Ok(Some(entry)) => {
                self.cache().insert(domain, entry, now);
                self.cache().peek(domain, now)
            }
            Ok(None) => None,
            Err(error) => {
                self.store_failed(&error);
                None
            }
        }
    }

    /// Writes to the store what the cache holds by now; where the cache was too full for it, the update itself.
    async fn save(&self, domain: &PolicyDomain, update: &CacheUpdate) {
        let Some(store) = &self.config.store else { return };
        let _turn = self.turn_to_write(domain).await;
        let now = self.now();
        let entry = self.cache().peek(domain, now).or_else(|| update.apply_to(None, now));
        let Some(entry) = entry else { return };
        if let Err(error) = store.put(domain, &entry).await {
            self.store_failed(&error);
            let mut unsaved = self.unsaved();
            if unsaved.len() < self.config.max_entries {
                unsaved.insert(domain.clone());
            }
        }
    }

    /// Tries again what a store failed to write, until it fails again.
    async fn save_unsaved(&self) {
        let Some(store) = &self.config.store else { return };
        loop {
            let Some(domain) = self.unsaved().iter().next().cloned() else { return };
            let _turn = self.turn_to_write(&domain).await;
            let entry = self.cache().peek(&domain, self.now());
            if let Some(entry) = entry
                && let Err(error) = store.put(&domain, &entry).await
            {
                self.store_failed(&error);
                return;
            }
            let mut unsaved = self.unsaved();
            unsaved.remove(&domain);
            if unsaved.is_empty() {
                tracing::info!("the store works again, and has what it missed");
            }
        }
    }

    fn unsaved(&self) -> MutexGuard<'_, HashSet<PolicyDomain>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn turn_to_write(&self, domain: &PolicyDomain) -> tokio::sync::MutexGuard<'_, ()> {
        // The remainder fits.
        #[allow(clippy::cast_possible_truncation)]
        let number = self.hasher.hash_one(domain) as usize % self.writing.len();
        self.writing[number].lock().await
    }

    fn store_failed(&self, error: &StoreError) {
        count(&self.counters.store_failures);
        tracing::error!(code = error.code(), %error, "a store failed; answers go on from memory");
    }

    /// Counts and logs what a lookup came to.
    fn tell(&self, domain: &PolicyDomain, purpose: Purpose, outcome: &Outcome) {
        let result = match &outcome.applied {
            Ok(_) => "policy",
            Err(why) => why.code(),
        };
        tracing::debug!(domain = %domain, ?purpose, result, "looked up");
        match outcome.cache_update {
            CacheUpdate::Store { .. } => count(&self.counters.fetched),
            CacheUpdate::BackOff(_) => {
                count(&self.counters.fetch_failures);
                match outcome.failure.as_ref().map(|failure| failure.result_type) {
                    Some(ResultType::StsWebpkiInvalid) => count(&self.counters.invalid_certificates),
                    Some(ResultType::StsPolicyInvalid) => count(&self.counters.invalid_policies),
                    _ => {}
                }
            }
            _ => {}
        }
        if let Err(NoPolicy::DnsFailed(_)) = outcome.applied {
            count(&self.counters.dns_failures);
        }
        if let Some(alert) = &outcome.alert {
            count(&self.counters.alerts);
            let named = self.config.log_domains.then(|| domain.as_str());
            tracing::warn!(
                domain = named,
                code = alert.fault.code(),
                failures = alert.failures,
                expires_at = alert.expires_at.as_secs(),
                "a policy could not be fetched anew; the cached one applies until it expires"
            );
        }
    }
}

fn answer(outcome: &Outcome) -> PolicyAnswer {
    match &outcome.applied {
        Ok(applied) => PolicyAnswer::Policy(applied.policy.clone()),
        Err(NoPolicy::DnsFailed(failure)) => PolicyAnswer::Temporary(WhyTemporary::DnsFailed(*failure)),
        Err(why) => PolicyAnswer::None(*why),
    }
}

/// Absences live for an hour at most, and when a record was last looked at matters less than a write.
fn is_worth_storing(update: &CacheUpdate) -> bool {
    matches!(update, CacheUpdate::Store { .. } | CacheUpdate::BackOff(_))
}

fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

fn ended(refresh: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = refresh {
        tracing::error!(%error, "a refresh ended early");
    }
}

fn system_time() -> UnixTime {
    UnixTime::from_secs(UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()))
}

const PAGE: usize = 1000;
const MIN_SLEEP: Duration = Duration::from_millis(10);
const MAX_SLEEP: Duration = Duration::from_secs(60);
