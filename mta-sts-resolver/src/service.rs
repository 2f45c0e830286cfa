//! Policies for a mail server: from memory, from a store, from their domains; fetched anew before they lapse.

mod config;
mod counts;
mod failed;
mod health;
mod keeping;
mod lapses;
mod news;
mod outcomes;
mod purge;
mod refresh;
mod turn;
mod uses;
mod waits;

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
use self::failed::Failed;
use self::health::StoreHealth;
pub use self::health::StoreState;
use self::lapses::Lapses;
pub use self::lapses::PolicyCounts;
use self::outcomes::{Cause, Outcomes, Telling};
pub use self::outcomes::{DomainEvent, DomainEventKind};
pub use self::purge::Purge;
pub use self::refresh::RefreshError;
use self::turn::Turn;
use self::uses::Uses;
use self::waits::Waits;
use crate::clock::Rfc3339;
use crate::driver::{Discovery, Resolver};
use crate::limiter::BusyWith;
use crate::store::StoreError;

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
/// entries and the number of lookups that wait, and no domain can keep the lookups of others waiting for long: see
/// [`Resolver::with_fetches_at_once`].
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
    /// Too many lookups wait, and nothing is known of the domain.
    #[error("{0}")]
    Busy(BusyWith),
    /// There is a policy, and it was not fetched, for a fault of this machine, its network or its proxy.
    #[error("The policy could not be fetched for a fault of this machine.")]
    LocalFault,
    /// The lookup takes longer than [`ServiceConfig::with_answer_within`], and goes on.
    #[error("The lookup takes long, and goes on.")]
    Slow,
}

impl WhyTemporary {
    /// Whether this machine is to blame, and not the domain or its DNS.
    pub const fn is_local_fault(self) -> bool {
        matches!(self, Self::Busy(_) | Self::LocalFault | Self::DnsFailed(TxtFailure::LocalFault))
    }

    /// The stable kebab-case word.
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
    waits: Waits,
    /// Whoever writes to the store holds the one of the domain from the look into the cache on, so that no older entry is
    /// written last.
    writing: [tokio::sync::Mutex<()>; 64],
    /// What a store failed to write.
    unsaved: Mutex<HashSet<PolicyDomain>>,
    lapses: Lapses,
    outcomes: Outcomes,
    failed: Failed,
    health: StoreHealth,
    uses: Uses,
    /// How many domains were purged.
    purges: AtomicU64,
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
        let cache_config = CacheConfig::new(RandomState::new().hash_one("seed"))
            .with_max_entries(config.max_entries)
            .with_max_octets(config.max_octets);
        Self {
            shared: Arc::new(Shared {
                cache: Mutex::new(PolicyCache::new(cache_config)),
                flights: Mutex::default(),
                waits: Waits::default(),
                writing: [const { tokio::sync::Mutex::const_new(()) }; 64],
                unsaved: Mutex::default(),
                lapses: Lapses::default(),
                outcomes: Outcomes::default(),
                failed: Failed::new(config.max_failed_discoveries),
                health: StoreHealth::default(),
                uses: Uses::default(),
                purges: AtomicU64::default(),
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
    /// It takes at most [`ServiceConfig::with_answer_within`], or [`ServiceConfig::with_answer_within_if_cached`] where a policy is
    /// cached and not expired, and microseconds where the answer needs nobody to be asked. A policy that was answered from is
    /// in the store, unless the store failed.
    pub async fn answer(&self, domain: &PolicyDomain) -> PolicyAnswer {
        let shared = &self.shared;
        let now = shared.now();
        let cached = shared.cache().get(domain, now);
        if let Some(answer) = shared.remembered(domain, cached.as_ref(), now) {
            count(&shared.counters.from_memory);
            if shared.config.store.is_some() && matches!(answer, PolicyAnswer::Policy(_)) {
                shared.uses.note(domain, now, shared.config.max_entries);
            }
            return answer;
        }
        let Some(mut flight) = self.join(domain) else { return shared.unasked(domain).await };
        let start = Instant::now();
        // Twice: in the meantime the lookup may have found the policy in the store.
        for within in [shared.config.answer_within_if_cached, shared.config.answer_within] {
            let left = within.min(shared.config.answer_within).saturating_sub(start.elapsed());
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

    /// Fetches policies anew before they lapse, for as long as the future is polled (RFC 8461, 3.3 and 10.2), and looks after
    /// the store: tries again every two seconds what it failed to do, and once a day has it forget what expired two days ago.
    // Meets S58, S82, S98.
    pub async fn refresh_for_ever(&self) {
        let shared = &self.shared;
        let at_once = shared.config.refreshes_at_once.clamp(1, Semaphore::MAX_PERMITS);
        let slots = Arc::new(Semaphore::new(at_once));
        let mut running = JoinSet::new();
        let mut housework = JoinSet::new();
        let mut tended_at: Option<Instant> = None;
        let mut cleaned_at: Option<Instant> = None;
        let mut surveyed_at: Option<Instant> = None;
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
                        // Others need not wait for a silent host.
                        drop(slot);
                        refresh.await;
                    }
                });
                continue;
            }
            drop(slot);
            let next = shared.cache().poll_timeout().map_or(MAX_SLEEP, |next| next.saturating_since(now));
            let lapse = shared.lapses.due_at().saturating_add(Duration::from_secs(1)).saturating_since(now);
            let next = next.min(lapse);
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
            lapsed_enforce: self.shared.lapses.counts().0,
            lapsed_testing: self.shared.lapses.counts().1,
            store: self.shared.config.store.as_ref().map(|store| store.counts()).unwrap_or_default(),
            waiting: self.shared.waiting(),
            busy: self.shared.busy(),
        }
    }

    /// Whether the store works. While it does not, policies outlive neither the process nor, where it could not be read, its
    /// start: tell somebody.
    pub fn store_state(&self) -> StoreState {
        let shared = &self.shared;
        let fails = shared.health.is_failing(None) || shared.is_unread.load(Ordering::Relaxed);
        match shared.config.store {
            None => StoreState::None,
            Some(_) if fails => StoreState::Down,
            Some(_) => StoreState::Up,
        }
    }

    /// What went wrong with a domain lately, the latest first. Of all domains together the last 4096 events are kept.
    pub fn events(&self, domain: &PolicyDomain) -> Vec<DomainEvent> {
        self.shared.outcomes.of(domain)
    }

    /// What the last discovery for a domain came to, where it has failed and is kept
    /// ([`ServiceConfig::with_max_failed_discoveries`]): what a TLS report tells of (RFC 8460, 4.3.2.2).
    ///
    /// Nothing, where another machine has stored a policy since.
    pub fn failed_discovery(&self, domain: &PolicyDomain) -> Option<Arc<Outcome>> {
        let outcome = self.shared.failed.last(domain)?;
        let is_of_now = outcome.policy().is_some() || self.shared.cached_policy(domain).is_none();
        is_of_now.then_some(outcome)
    }

    /// What is remembered of a domain, in memory or in the store. It asks nobody else, and is no use of the domain.
    pub async fn entry(&self, domain: &PolicyDomain) -> Option<CacheEntry> {
        let held = self.shared.cache().peek(domain, self.shared.now());
        match held {
            Some(held) => Some(held),
            None => self.shared.read(domain).await,
        }
    }

    /// The domains in memory, in the order in which they would be evicted.
    pub fn domains(&self) -> Vec<PolicyDomain> {
        self.shared.cache().entries().map(|(domain, _)| domain).collect()
    }

    /// Forgets domains, in memory and in the store; how many were known. Other machines that share the store keep what
    /// they have in memory.
    ///
    /// Mail to a domain that was forgotten is without protection until its policy is fetched again.
    ///
    /// # Errors
    ///
    /// What the store says. Memory has forgotten then what the store may still hold.
    pub async fn purge(&self, purge: Purge) -> Result<u64, StoreError> {
        self.shared.purge(purge).await
    }

    /// Fetches the policy of a domain now, as an operator asks for it: neither what is remembered nor a back-off is in the
    /// way. It takes as long as [`Resolver::discover`]. The policy in force goes on to apply where the fetch fails.
    ///
    /// # Errors
    ///
    /// Why the policy was not fetched, and what applies.
    pub async fn refresh(&self, domain: &PolicyDomain) -> Result<Policy, RefreshError> {
        self.shared.refresh(domain).await
    }

    /// The time by the clock of the service.
    pub fn now(&self) -> UnixTime {
        self.shared.now()
    }

    /// Keeps among the [`events`](Self::events) of the domain that a client was told to wait, and logs it: whoever answers from
    /// this service calls it with the code and the text of the answer. Where a lookup went wrong for that code, the event has
    /// its cause, and not the text.
    pub fn note_temporary(&self, domain: &PolicyDomain, code: &'static str, text: &str) {
        let shared = &self.shared;
        let lookup = shared.outcomes.last_cause(domain, code, shared.now());
        let cause = lookup.unwrap_or_else(|| text.to_owned());
        tracing::debug!(%domain, code, %cause, "answered that it is temporary");
        let event =
            DomainEvent { at: shared.now(), kind: DomainEventKind::Temporary, code, cause: cause.clone() };
        if let Telling::Tell { untold } = shared.outcomes.note(domain, event) {
            let domain = shared.config.log_domains.then(|| domain.as_str());
            tracing::info!(domain, code, %cause, untold, "answered that it is temporary: mail waits");
        }
    }

    /// The resolver that the service asks.
    pub fn resolver(&self) -> &Resolver {
        &self.shared.resolver
    }

    /// Waits with those who already wait for this domain, or begins its lookup, unless too many wait.
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
        let landing = Landing { shared: Arc::clone(&self.shared), domain: domain.clone() };
        tokio::spawn(async move {
            let answer = landing.fly().await;
            // Who comes after this finds the answer in the cache.
            drop(landing);
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

/// Ends the flight of a domain, whatever happens on the way.
struct Landing {
    shared: Arc<Shared>,
    domain: PolicyDomain,
}

impl Landing {
    async fn fly(&self) -> PolicyAnswer {
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

    fn cached_policy(&self, domain: &PolicyDomain) -> Option<Policy> {
        let now = self.now();
        let cached = self.cache().peek(domain, now)?;
        cached.valid_policy(now).map(|cached| cached.policy().clone())
    }

    /// The answer where no lookup can be made: a policy that memory or the store holds.
    async fn unasked(&self, domain: &PolicyDomain) -> PolicyAnswer {
        let busy = PolicyAnswer::Temporary(WhyTemporary::Busy(BusyWith::Lookups));
        if let Some(policy) = self.cached_policy(domain) {
            return PolicyAnswer::Policy(policy);
        }
        let recalled = timeout(self.config.answer_within, self.recall(domain, Purpose::Deliver)).await;
        let Ok((Some(entry), _)) = recalled else { return busy };
        entry.valid_policy(self.now()).map_or(busy, |cached| PolicyAnswer::Policy(cached.policy().clone()))
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
        self.survey_if_due();
        let purges = self.purges();
        let recalling = self.waits.store();
        let (known, purpose) = self.recall(domain, purpose).await;
        drop(recalling);
        self.look_up_from(domain, purpose, known, purges).await.0
    }

    /// The same, going out from what is known.
    async fn look_up_from(
        self: &Arc<Self>,
        domain: &PolicyDomain,
        purpose: Purpose,
        known: Option<CacheEntry>,
        purges: u64,
    ) -> (PolicyAnswer, Discovery) {
        let mut turn = Turn::new(self, domain, purpose, known.clone());
        let discovery =
            self.resolver.discover_with(domain.clone(), purpose, known.as_ref(), self.now(), &mut turn).await;
        self.tell(domain, purpose, &discovery);
        self.failed.note(domain, &discovery.outcome);
        let update = &discovery.outcome.cache_update;
        let (mut writing, mut stored) = (None, None);
        if is_worth_storing(update) {
            let _writing = self.waits.store();
            writing = Some(self.turn_to_write(domain).await);
            // Before it is remembered: nobody is answered from what would be lost with the process.
            stored = self.save(domain, update, turn.known(), purges).await;
        }
        let mut remembered = self.remember(domain, update, turn.known(), purges);
        // Another process may have stored a policy that was asked for later.
        if let Some(stored) = stored.filter(|_| self.purges() == purges)
            && let Some(news) = self.adopt(domain, remembered.as_ref(), &stored)
        {
            remembered = Some(news.entry);
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

    /// Counts and logs what a lookup came to.
    fn tell(&self, domain: &PolicyDomain, purpose: Purpose, discovery: &Discovery) {
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
                self.lapses.expires_at(policy.expires_at());
            }
            CacheUpdate::BackOff { .. } => {
                self.tell_of_failure(domain, outcome, &cause);
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
            self.outcomes.note_cause(domain, "dns-failed", &cause, self.now());
            if failure != TxtFailure::LocalFault {
                count(&self.counters.dns_failures);
            }
        }
    }

    /// Tells of a fetch that failed: each time where a policy in use is at stake, else now and then.
    fn tell_of_failure(&self, domain: &PolicyDomain, outcome: &Outcome, cause: &str) {
        let now = self.now();
        let code = match (&outcome.alert, &outcome.applied) {
            (Some(alert), _) => alert.fault.code(),
            (None, Err(NoPolicy::FetchFailed(fault))) => fault.code(),
            (None, _) => "fetch-failed",
        };
        let event =
            DomainEvent { at: now, kind: DomainEventKind::FetchFailed, code, cause: cause.to_owned() };
        let telling = self.outcomes.note(domain, event);
        let named = self.config.log_domains.then(|| domain.as_str());
        match (&outcome.alert, telling) {
            // A clock that jumped ahead during the fetch leaves none that applies.
            (Some(alert), _) => {
                count(&self.counters.alerts);
                let expires_at = Rfc3339(alert.expires_at);
                let failures = alert.failures;
                if alert.expires_at >= now {
                    tracing::warn!(
                        domain = named, code, cause, failures, %expires_at,
                        "a policy could not be fetched anew; the cached one applies until it expires"
                    );
                } else {
                    tracing::warn!(
                        domain = named,
                        code,
                        cause,
                        failures,
                        "a policy could not be fetched anew, and has expired"
                    );
                }
            }
            (None, Telling::Tell { untold }) => {
                tracing::info!(
                    domain = named,
                    code,
                    cause,
                    untold,
                    "a policy could not be fetched, and none is remembered"
                );
            }
            (None, Telling::Skip) => {}
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

/// Absences live for an hour at most, and when a record was last looked at matters less than a write.
fn is_worth_storing(update: &CacheUpdate) -> bool {
    matches!(update, CacheUpdate::Store { .. } | CacheUpdate::BackOff { .. })
}

fn ended(refresh: Option<Result<(), tokio::task::JoinError>>) {
    if let Some(Err(error)) = refresh {
        tracing::error!(%error, "a refresh ended early");
    }
}

/// How long a refresh counts as one of those at once, and how many times as many there may be of others.
const BRIEF: Duration = Duration::from_secs(3);
const SLOW_REFRESHES: usize = 8;
const MIN_SLEEP: Duration = Duration::from_millis(10);
const MAX_SLEEP: Duration = Duration::from_secs(60);
const RETRY_INTERVAL: Duration = Duration::from_secs(2);
const CLEANING_INTERVAL: Duration = Duration::from_secs(86_400);
