//! Policies for a mail server: from memory, from a store, from their domains; fetched anew before they lapse.

mod health;
mod turn;

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use mta_sts_core::{
    BackOff, CacheConfig, CacheEntry, CacheUpdate, CachedPolicy, Lookup, NoPolicy, Outcome, Output, Policy,
    PolicyCache, PolicyDomain, Purpose, ResultType, TxtFailure, UnixTime,
};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use self::health::{Recovery, StoreHealth, Work};
use self::turn::Turn;
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
            answer_within: Duration::from_secs(70),
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

    /// How long an answer may take: 70 s by default, as long as DNS and a fetch may take. With what may come after it, DANE and
    /// MX records, that is less than the 100 s that Postfix waits. After it, the answer is the cached policy, or
    /// [`WhyTemporary::Slow`].
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
    health: StoreHealth,
    /// The store could not be read to its end.
    is_unread: AtomicBool,
    /// The store does again what it failed to do.
    is_back: AtomicBool,
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
                health: StoreHealth::default(),
                is_unread: AtomicBool::default(),
                is_back: AtomicBool::default(),
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

    /// Fetches policies anew before they lapse, for as long as the future is polled (RFC 8461, 3.3 and 10.2), and looks after
    /// the store: tries again every two seconds what it failed to do, and once a day has it forget what expired two days ago.
    // Meets S58, S82, S98.
    pub async fn refresh_for_ever(&self) {
        let shared = &self.shared;
        let at_once = shared.config.refreshes_at_once.max(1);
        let mut running = JoinSet::new();
        let mut housework = JoinSet::new();
        let mut tended_at: Option<Instant> = None;
        let mut cleaned_at: Option<Instant> = None;
        loop {
            let is_due = |at: Option<Instant>, interval| at.is_none_or(|at| at.elapsed() >= interval);
            let tending_interval = if shared.health.is_failing(None) { RETRY_INTERVAL } else { MAX_SLEEP };
            ended(housework.try_join_next());
            if housework.is_empty()
                && (shared.is_back.swap(false, Ordering::Relaxed) || is_due(tended_at, tending_interval))
            {
                let cleans = is_due(cleaned_at, CLEANING_INTERVAL);
                tended_at = Some(Instant::now());
                cleaned_at = if cleans { tended_at } else { cleaned_at };
                let shared = Arc::clone(shared);
                housework.spawn(async move { shared.tend_store(cleans).await });
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
                () = sleep(next.clamp(MIN_SLEEP, tending_interval)) => {}
                () = shared.scheduled.notified() => {}
                refreshed = running.join_next(), if !running.is_empty() => ended(refreshed),
                tended = housework.join_next(), if !housework.is_empty() => ended(tended),
            }
        }
    }

    /// Reads entries from the store into memory, until memory is full; how many. The others are read when they are first
    /// asked for.
    ///
    /// Without it the service reads each when it is first asked for, and refreshes none that nobody has asked for. Where the
    /// store fails, [`PolicyService::refresh_for_ever`] tries again.
    ///
    /// # Errors
    ///
    /// What the store says. What was read until then stays.
    pub async fn load(&self) -> Result<usize, StoreError> {
        self.shared.load().await
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
    async fn look_up(self: &Arc<Self>, domain: &PolicyDomain, purpose: Purpose) -> PolicyAnswer {
        let (known, purpose) = self.recall(domain, purpose).await;
        let mut turn = Turn::new(self, domain, purpose, known.clone());
        let discovery =
            self.resolver.discover_with(domain.clone(), purpose, known.as_ref(), self.now(), &mut turn).await;
        self.tell(domain, purpose, &discovery.outcome);
        let update = &discovery.outcome.cache_update;
        if is_worth_storing(update) {
            let _turn = self.turn_to_write(domain).await;
            // Before it is remembered: nobody is answered from what would be lost with the process.
            self.save(domain, update, turn.known()).await;
            self.remember(domain, update, turn.known());
        } else {
            self.remember(domain, update, turn.known());
        }
        self.scheduled.notify_one();
        turn.end().await;
        answer(&discovery.outcome)
    }

    /// Applies an update to what memory holds of a domain, or to what is known of it where memory is too full for it; what
    /// came of it.
    fn remember(
        &self,
        domain: &PolicyDomain,
        update: &CacheUpdate,
        known: Option<&CacheEntry>,
    ) -> Option<CacheEntry> {
        let now = self.now();
        let mut cache = self.cache();
        if cache.peek(domain, now).is_none()
            && let Some(known) = known
        {
            cache.insert(domain, known.clone(), now);
        }
        if cache.apply(domain, update, now).is_some() {
            tracing::debug!(domain = %domain, "an entry was evicted: the cache is full");
        }
        cache.peek(domain, now).or_else(|| update.apply_to(known.cloned(), now))
    }

    /// What memory, or else the store, holds of a domain, and what is left to find out. A store that machines share is read
    /// before a refresh too, and where memory holds no policy: another machine may have fetched it.
    async fn recall(&self, domain: &PolicyDomain, purpose: Purpose) -> (Option<CacheEntry>, Purpose) {
        let now = self.now();
        let held = self.cache().peek(domain, now);
        let is_shared = self.config.store.as_ref().is_some_and(|store| store.leases().is_some());
        let is_enough = held.as_ref().is_some_and(|held| {
            !is_shared || (purpose != Purpose::Refresh && held.valid_policy(now).is_some())
        });
        if is_enough {
            return (held, purpose);
        }
        let Some(stored) = self.read(domain).await else { return (held, purpose) };
        match self.adopt(domain, held.as_ref(), &stored) {
            // Another machine has refreshed it.
            Some(news) if news.has_policy && held.is_some() => (Some(news.entry), Purpose::Deliver),
            Some(news) => (Some(news.entry), purpose),
            None => (held, purpose),
        }
    }

    /// What the store holds of a domain.
    async fn read(&self, domain: &PolicyDomain) -> Option<CacheEntry> {
        let store = self.config.store.as_ref()?;
        let stored = store.get(domain).await;
        let stored = self.done(Work::Reading, stored).flatten()?;
        Some(by_our_clock(stored, self.now(), self.resolver.lookup_config().back_off()))
    }

    /// Takes over what is stored of a domain, if it says more than what is known of it.
    fn adopt(&self, domain: &PolicyDomain, known: Option<&CacheEntry>, stored: &CacheEntry) -> Option<News> {
        let now = self.now();
        let Some(known) = known else {
            self.cache().insert(domain, stored.clone(), now);
            let has_policy = stored.valid_policy(now).is_some();
            return Some(News { entry: stored.clone(), has_policy });
        };
        let updates = updates(known, stored, now);
        let has_policy = matches!(updates.first(), Some(CacheUpdate::Store { .. }));
        let mut entry = None;
        for update in &updates {
            entry = self.remember(domain, update, entry.as_ref().or(Some(known)));
        }
        entry.map(|entry| News { entry, has_policy })
    }

    /// Writes to the store what is known of a domain by now and with this update. The caller has the turn to write.
    async fn save(&self, domain: &PolicyDomain, update: &CacheUpdate, known: Option<&CacheEntry>) {
        let Some(store) = &self.config.store else { return };
        let now = self.now();
        let remembered = self.cache().peek(domain, now).or_else(|| known.cloned());
        let Some(entry) = update.apply_to(remembered, now) else { return };
        let put = store.put(domain, &entry).await;
        if self.done(Work::Writing, put).is_none() {
            let mut unsaved = self.unsaved();
            if unsaved.len() < self.config.max_entries {
                unsaved.insert(domain.clone());
            }
        }
    }

    /// See [`PolicyService::load`].
    async fn load(&self) -> Result<usize, StoreError> {
        let loaded = self.load_pages().await;
        self.is_unread.store(loaded.is_err(), Ordering::Relaxed);
        loaded
    }

    async fn load_pages(&self) -> Result<usize, StoreError> {
        let Some(store) = &self.config.store else { return Ok(0) };
        let mut loaded = 0;
        let mut after = None;
        loop {
            let page = store.page(after.as_ref(), PAGE).await;
            self.done(Work::Reading, page.as_ref().map(|_| ()).map_err(StoreError::clone));
            let page = page?;
            let now = self.now();
            let Some((last, _)) = page.last() else { break };
            after = Some(last.clone());
            let mut cache = self.cache();
            for (domain, entry) in page {
                let entry = by_our_clock(entry, now, self.resolver.lookup_config().back_off());
                let counts = entry.valid_policy(now).is_some()
                    || entry.back_offs().iter().any(|back_off| back_off.until > now);
                // What memory holds by now is newer.
                if counts && cache.len() < self.config.max_entries && cache.peek(&domain, now).is_none() {
                    cache.insert(&domain, entry, now);
                    loaded += 1;
                }
            }
            if cache.len() >= self.config.max_entries {
                tracing::info!(
                    entries = cache.len(),
                    "memory is full: the rest of the store is read when asked for"
                );
                break;
            }
        }
        self.scheduled.notify_one();
        Ok(loaded)
    }

    /// Looks after the store: what could not be read, what could not be written, what has expired.
    async fn tend_store(&self, cleans: bool) {
        let Some(store) = &self.config.store else { return };
        if self.health.is_failing(Some(Work::Reading)) {
            let first = store.page(None, 1).await;
            if self.done(Work::Reading, first).is_none() {
                return;
            }
        }
        if self.is_unread.load(Ordering::Relaxed)
            && let Ok(entries) = self.load().await
        {
            tracing::info!(entries, "the store could be read");
        }
        self.save_unsaved().await;
        if cleans {
            let before = self.now().as_secs().saturating_sub(CLEANING_GRACE.as_secs());
            let removed = store.remove_expired(UnixTime::from_secs(before)).await;
            if let Some(removed @ 1..) = self.done(Work::Writing, removed) {
                tracing::debug!(removed, "entries that had expired were taken out of the store");
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
            if let Some(entry) = entry {
                let put = store.put(&domain, &entry).await;
                if self.done(Work::Writing, put).is_none() {
                    return;
                }
            }
            self.unsaved().remove(&domain);
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

    /// Takes note of how the store did some work.
    fn done<T>(&self, work: Work, result: Result<T, StoreError>) -> Option<T> {
        match result {
            Ok(value) => {
                let recovery = self.health.succeeded(work);
                if recovery == Recovery::Whole {
                    self.save_all_again();
                }
                if recovery != Recovery::None {
                    self.is_back.store(true, Ordering::Relaxed);
                    self.scheduled.notify_one();
                }
                Some(value)
            }
            Err(error) => {
                count(&self.counters.store_failures);
                self.health.failed(work, &error);
                None
            }
        }
    }

    /// A store that is reached over a network may have come back empty: every policy that memory holds is written again.
    fn save_all_again(&self) {
        if self.config.store.as_ref().is_none_or(|store| store.leases().is_none()) {
            return;
        }
        let now = self.now();
        let cache = self.cache();
        let policies = cache.entries().filter(|(_, entry)| entry.valid_policy(now).is_some());
        self.unsaved().extend(policies.map(|(domain, _)| domain));
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

/// What a store says that was not known.
struct News {
    entry: CacheEntry,
    /// A policy that was fetched later than the known one.
    has_policy: bool,
}

/// An entry of a machine whose clock is a little ahead. A lookup takes a back-off that is further ahead than it sets one
/// itself for a trace of a clock that has stepped back, and would fetch at once.
fn by_our_clock(stored: CacheEntry, now: UnixTime, back_off: Duration) -> CacheEntry {
    let latest = now.saturating_add(back_off);
    let is_ahead = |until: UnixTime| until > latest && until.saturating_since(latest) <= CLOCK_SKEW;
    if !stored.back_offs().iter().any(|back_off| is_ahead(back_off.until)) {
        return stored;
    }
    let checked_until = stored.checked_until();
    let policy = stored.policy().map(|policy| CacheUpdate::Store { policy: policy.clone(), checked_until });
    let back_offs = stored.back_offs().iter().map(|&BackOff { id, until }| {
        CacheUpdate::BackOff(BackOff { id, until: if is_ahead(until) { latest } else { until } })
    });
    let updates = policy.into_iter().chain(back_offs);
    updates.fold(None, |entry, update| update.apply_to(entry, now)).unwrap_or_default()
}

/// What makes known what is stored besides: a later fetch, and fetches that failed.
fn updates(known: &CacheEntry, stored: &CacheEntry, now: UnixTime) -> Vec<CacheUpdate> {
    let mut updates = Vec::new();
    let fetched_at = known.valid_policy(now).map(CachedPolicy::fetched_at);
    if let Some(policy) = stored.valid_policy(now).filter(|policy| Some(policy.fetched_at()) > fetched_at) {
        updates.push(CacheUpdate::Store { policy: policy.clone(), checked_until: stored.checked_until() });
    }
    // Without a failure they are ids of policies that gave way, and say nothing of other machines' fetches.
    if stored.policy().is_none() || stored.fetch_failures() > 0 {
        let is_known = |new: &BackOff| {
            known.back_offs().iter().any(|back_off| back_off.id == new.id && back_off.until >= new.until)
        };
        let new = stored.back_offs().iter().filter(|back_off| back_off.until > now && !is_known(back_off));
        updates.extend(new.copied().map(CacheUpdate::BackOff));
    }
    updates
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
/// How far apart the clocks of machines may be that share a store.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
const CLEANING_INTERVAL: Duration = Duration::from_secs(86_400);
/// The clock may be a day ahead, and step back.
const CLEANING_GRACE: Duration = Duration::from_secs(2 * 86_400);
