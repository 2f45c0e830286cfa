//! An in-memory cache of policies: bounded, with a schedule for refreshing policies before they expire.
//!
//! # Theory of operation
//!
//! A cache maps Policy Domains to entries. [`CacheUpdate::apply_to`] decides what an update makes of an entry. The
//! cache decides two things of its own.
//!
//! **Eviction when it is full.** Senders of spam choose domains as they like, so age alone would let them flush a
//! policy that protects mail. Entries are evicted in this order:
//!
//! | order | entry | among equals |
//! |---|---|---|
//! | 1 | expired: its policy, or if it has none all that is in it | the first to expire |
//! | 2 | without a policy, absent | the least recently used |
//! | 3 | without a policy, backing off | the least recently used |
//! | 4 | with a policy of mode none | the least recently used |
//! | 5 | with a policy of mode testing | the least recently used |
//! | 6 | with a policy of mode enforce | the least recently used |
//!
//! A domain that ranks below everything cached is not admitted.
//!
//! **Eviction when the policies take too much memory.** Owners of domains choose how long their policies are. Policies
//! are sorted into size classes, each twice as large as the one before. A policy is evicted, with all its domains, from
//! the class that takes the most memory: first an expired one, then one whose domains were not used again, then one
//! whose domains were used again on one day only, and among equals in the order above. So a flood of large policies
//! evicts large ones, and the small ones that nearly all domains have stay. Each time this happens, a sixteenth of the
//! bound is freed.
//!
//! The back-offs of whatever is evicted or not admitted are kept in a small separate table until they end, so that a
//! full cache does not cause a query to a failing host for every message.
//!
//! **Refresh.** RFC 8461, 3.3 and 10.2, require a policy to be fetched again while it still protects mail, since DNS
//! alone cannot be trusted to say that nothing has changed.
//!
//! | event | next refresh |
//! |---|---|
//! | a policy is stored | as [`CachedPolicy::refresh_at`](crate::CachedPolicy::refresh_at) says, spread by domain |
//! | [`PolicyCache::poll_refresh`] names the domain | [`PolicyCache::RETRY_INTERVAL`] later, should nothing come of it |
//! | the refresh failed | the same, and not before the back-off ends |
//! | the refresh found its id in back-off | when the back-off ends |
//! | the policy lapsed, or its domain went unused for long | none, until it is used again |
//!
//! The retry interval, half an hour, is half of the shortest life that is refreshed: so a host that responds for longer
//! than that, in the second half of a policy's life, is queried in time. Refresh times are spread by a hash of the
//! domain under the caller's seed: this spreads the load of a server that started with many domains at once, and nobody
//! else can predict the times.
//!
//! **Monotonic.** Lookups may end in another order than they began. [`PolicyCache::apply`] changes what is cached by
//! then, and an older fetch never replaces a newer one. A clock that steps back makes no policy older, and does not
//! delay the refresh of a domain in use: its next use schedules the refresh again. A clock that jumps ahead lets
//! policies expire, and they apply again once the clock is corrected, unless they were evicted in the meantime.
//!
//! **Sharing.** The customers of a provider publish the same policy. Its text is kept once, with a reference count;
//! entries that are returned share it.
//!
//! **Loading and saving.** [`PolicyCache::entries`] returns everything in the order of eviction, and
//! [`PolicyCache::insert`] takes it in that order. The time of the last use of each domain is not saved: loading counts
//! as a use.
//!
//! # Costs
//!
//! The entries are kept in slots, which a hash table keyed by the caller's seed finds by name: a lookup waits for two
//! memory accesses, one in the table and one in the slot. Linked lists give the order of use, one heap the order of
//! expiry, another that of refreshes. So looking up and marking a use take constant time, and a change takes time
//! logarithmic in the number of entries, whatever names attackers choose. Two operations cost more, and seldom enough
//! that the amortized cost stays: an insertion that grows or rehashes the tables visits all entries, and
//! [`PolicyCache::poll_refresh`] visits all that expired or went unused since the last call.
//!
//! An attacker who owns domains with real policies, each with a host and its certificate, can evict others, the least
//! recently used first: choose a generous bound.

mod eviction_rank;
mod heap;
mod left_alone;
mod name_index;
mod policies;
mod size_class;
mod slot;
mod use_order;

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use siphasher::sip::SipHasher13;

use self::eviction_rank::{EvictionRank, expires_at};
use self::heap::SlotHeap;
use self::left_alone::LeftAlone;
use self::name_index::NameIndex;
use self::policies::Policies;
use self::size_class::{Candidate, SizeClasses};
use self::slot::{Refresh, Reuse, Slot};
use self::use_order::UseOrder;
use crate::entry::{CacheEntry, CacheUpdate, MAX_REFRESH_INTERVAL};
use crate::name::PolicyDomain;
use crate::policy::Policy;
use crate::time::UnixTime;

/// An in-memory cache of entries by Policy Domain, bounded in number and in memory.
///
/// ```
/// use mta_sts_core::*;
/// # use core::time::Duration;
/// # let now = UnixTime::from_secs(1_700_000_000);
/// # let seed = 7;
/// # fn run(mut lookup: Lookup, now: UnixTime) -> Outcome {
/// #     loop {
/// #         let body = b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n";
/// #         let answer = match lookup.poll_output() {
/// #             Output::QueryTxt(_) => Input::txt(&[b"v=STSv1; id=1"], Duration::from_secs(300)),
/// #             Output::FetchPolicy(_) => {
/// #                 Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain"))
/// #             }
/// #             Output::Done(outcome) => return outcome.clone(),
/// #         };
/// #         lookup.handle_input(answer, now).unwrap();
/// #     }
/// # }
/// let mut cache = PolicyCache::new(CacheConfig::new(seed));
/// let config = LookupConfig::new();
///
/// // For each message:
/// let domain = PolicyDomain::of_recipient("alice@example.com")?;
/// let cached = cache.get(&domain, now);
/// let outcome = run(Lookup::new(domain.clone(), Purpose::Deliver, cached.as_ref(), now, &config), now);
/// let evicted = cache.apply(&domain, &outcome.cache_update, now);
/// assert!(evicted.is_empty());
///
/// // In the background, at `poll_timeout` and after each change:
/// # let now = cache.poll_timeout().unwrap();
/// while let Some(domain) = cache.poll_refresh(now) {
///     let cached = cache.peek(&domain, now);
///     let refresh = Lookup::new(domain.clone(), Purpose::Refresh, cached.as_ref(), now, &config);
///     cache.apply(&domain, &run(refresh, now).cache_update, now);
/// }
/// # assert!(cache.poll_timeout() > Some(now));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// When it is full, the entry with the lowest rank is evicted: expired ones first, then absences, entries with only
/// back-offs, policies of mode none, of mode testing, and last the least recently used of mode enforce. So made-up
/// domains cannot flush a policy that protects mail. Every evicted entry is returned.
///
/// It holds the results of finished lookups, and nothing about running ones: see [`Lookup`](crate::Lookup) about
/// concurrent lookups of one domain.
///
/// A policy is due for a refresh once a day, or after half of its `max_age` if that is shorter, and up to a quarter of
/// that earlier, to spread the load. If refreshes are run when they are due, no policy in use expires as long as its
/// host responds without interruption for longer than [`PolicyCache::RETRY_INTERVAL`] in the second half of its life. A
/// policy with a `max_age` of less than an hour is not refreshed in the background.
///
/// There are four kinds of methods. [`PolicyCache::peek`], [`PolicyCache::entries`], and the like only read.
/// [`PolicyCache::get`] reads and marks the use. [`PolicyCache::apply`], [`PolicyCache::insert`], and
/// [`PolicyCache::remove`] change the contents. [`PolicyCache::poll_refresh`] says what to do.
///
/// It is a single value without locks. Policies with the same text are kept in memory once.
pub struct PolicyCache {
    config: CacheConfig,
    hasher: SipHasher13,
    slots: Vec<Slot>,
    // The time at which the policy of each slot is to be refreshed; [`NEVER`] if it is not.
    refresh_at: Vec<UnixTime>,
    // The latest time at which one of them was set: if the time is earlier now, the clock has stepped back.
    latest: UnixTime,
    vacant: Vec<u32>,
    by_name: NameIndex,
    policies: Policies,
    use_order: UseOrder,
    ends: SlotHeap,
    refreshes: SlotHeap,
    left_alone: LeftAlone,
}

/// An entry that was evicted from the cache.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::*;
///
/// # let (seed, now) = (7, UnixTime::from_secs(1_700_000_000));
/// let config = CacheConfig::new(seed).with_max_entries(1);
/// let mut cache = PolicyCache::new(config);
/// let absent = CacheUpdate::Absent(Absence {
///     reason: RecordErrorKind::NoRecord,
///     until: now.saturating_add(Duration::from_secs(300)),
/// });
/// assert!(cache.apply(&PolicyDomain::parse("a.example")?, &absent, now).is_empty());
/// let evicted = cache.apply(&PolicyDomain::parse("b.example")?, &absent, now);
/// assert_eq!(evicted[0].domain.as_str(), "a.example");
/// # Ok::<(), NameError>(())
/// ```
///
/// If it had a policy in force, write it to a slower store, or count it: the bound is too low.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// The domain of the entry.
    pub domain: PolicyDomain,
    /// The entry.
    pub entry: CacheEntry,
}

/// The bounds and the schedule of a cache.
///
/// ```
/// use core::time::Duration;
/// use mta_sts_core::{CacheConfig, PolicyCache};
///
/// # let seed = 7;
/// let config = CacheConfig::new(seed)
///     .with_max_entries(1_000_000)
///     .with_unused_for(Duration::from_secs(90 * 86_400));
/// let cache = PolicyCache::new(config);
/// assert!(cache.is_empty());
/// ```
#[derive(Clone)]
pub struct CacheConfig {
    seed: u64,
    max_entries: usize,
    max_octets: usize,
    unused_for: Duration,
}

impl CacheConfig {
    /// The defaults: 65,536 entries, 256 MiB of policies, and no refresh after 180 days without use.
    ///
    /// Take the seed from a source of random numbers, and keep it secret: it keys the hash of the names, which
    /// attackers choose, and spreads the refreshes.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            max_entries: 65_536,
            max_octets: 256 << 20,
            unused_for: Duration::from_secs(180 * 86_400),
        }
    }

    /// Sets the maximum number of domains, with or without a policy. Default: 65,536.
    ///
    /// An entry takes about 110 octets, and three times as much with a back-off or a very long name; the policies come
    /// on top ([`CacheConfig::with_max_octets`]). With 0 nothing is cached: then nothing protects mail from an attacker
    /// who suppresses DNS answers (RFC 8461, 10.2). More than 2^31 counts as 2^31.
    // Meets S104.
    #[must_use]
    pub const fn with_max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// Sets the maximum memory for policies, in octets, each counted once however many domains share it. Default: 256
    /// MiB. A policy takes at most 2.5 times the size of its text plus 200 octets; one that takes more than fifteen
    /// sixteenths of this bound is not cached.
    #[must_use]
    pub const fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }

    /// Sets the time after the last [`PolicyCache::get`] of a domain from which its policy is no longer refreshed, and
    /// so eventually expires. Default: 180 days. With 0 nothing is refreshed.
    #[must_use]
    pub const fn with_unused_for(mut self, unused_for: Duration) -> Self {
        self.unused_for = unused_for;
        self
    }

    /// The maximum number of domains.
    pub const fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// The maximum memory for policies, in octets.
    pub const fn max_octets(&self) -> usize {
        self.max_octets
    }

    /// The time without use after which a domain is no longer refreshed.
    pub const fn unused_for(&self) -> Duration {
        self.unused_for
    }
}

impl fmt::Debug for CacheConfig {
    /// The seed is omitted: it must not leak.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("CacheConfig")
            .field("max_entries", &self.max_entries)
            .field("max_octets", &self.max_octets)
            .field("unused_for", &self.unused_for)
            .finish_non_exhaustive()
    }
}

impl PolicyCache {
    /// After a refresh without success, the next one follows 30 minutes after its start, or at the end of the back-off
    /// if that is later. So a host that responds for longer than this is queried in time.
    pub const RETRY_INTERVAL: Duration = Duration::from_secs(1800);

    /// An empty cache. It allocates memory as entries come.
    pub fn new(mut config: CacheConfig) -> Self {
        config.max_entries = config.max_entries.min(MAX_SLOTS);
        let hasher = |purpose| SipHasher13::new_with_keys(config.seed, purpose);
        Self {
            hasher: hasher(HASH_OF_NAME),
            slots: Vec::new(),
            refresh_at: Vec::new(),
            latest: UnixTime::default(),
            vacant: Vec::new(),
            by_name: NameIndex::new(),
            policies: Policies::new(hasher(HASH_OF_POLICY)),
            use_order: UseOrder::new(),
            ends: SlotHeap::default(),
            refreshes: SlotHeap::default(),
            left_alone: LeftAlone::new(hasher(HASH_FOR_LEFT_ALONE)),
            config,
        }
    }

    /// The number of cached domains.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Returns whether no domain is cached.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory that the policies take, in octets.
    pub const fn octets(&self) -> usize {
        self.policies.octets()
    }

    /// The configuration.
    pub const fn config(&self) -> &CacheConfig {
        &self.config
    }

    /// ```
    /// use mta_sts_core::{CacheConfig, CacheEntry, PolicyCache, PolicyDomain, UnixTime};
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let text = "mta-sts-entry 2\ndomain: example.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
    /// #     version: STSv1\nmode: none\nmax_age: 604800\n";
    /// # let mut cache = PolicyCache::new(CacheConfig::new(7));
    /// # let domain = PolicyDomain::parse("example.test")?;
    /// cache.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain)?, now);
    /// let entry = cache.get(&domain, now).expect("it was remembered");
    /// assert!(entry.valid_policy(now).is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The entry of a domain, for a delivery; `None` if nothing in it is current. Marks the domain as used in either
    /// case.
    pub fn get(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let Some(slot) = self.find(domain) else {
            return self.left_alone.get(domain.as_str(), now);
        };
        // An expired entry is marked too: there was mail for its domain, and a lookup is about to renew it. Marking
        // comes first, so that its memory is loaded together with that of the slot.
        let held = &mut self.slots[slot as usize];
        let on_another_day = self.use_order.renew(slot, held.rank, now);
        if held.reuse != Reuse::OnAnotherDay {
            held.reuse = if on_another_day { Reuse::OnAnotherDay } else { Reuse::OnTheSameDay };
        }
        let entry = (held.ends_at(&self.policies) > now).then(|| held.entry(&self.policies));
        let let_go = held.refresh == Refresh::LetGo;
        if (let_go || now < self.latest) && entry.is_some() {
            self.take_up(slot, now);
        }
        entry
    }

    /// The same entry as [`PolicyCache::get`], without marking a use: for a refresh, or for inspection.
    pub fn peek(&self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let Some(slot) = self.find(domain) else {
            return self.left_alone.get(domain.as_str(), now);
        };
        (self.slots[slot as usize].ends_at(&self.policies) > now).then(|| self.entry(slot))
    }

    /// ```
    /// use mta_sts_core::{CacheConfig, CacheEntry, PolicyCache, PolicyDomain, UnixTime};
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let text = "mta-sts-entry 2\ndomain: example.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
    /// #     version: STSv1\nmode: none\nmax_age: 604800\n";
    /// # let mut cache = PolicyCache::new(CacheConfig::new(7));
    /// # let domain = PolicyDomain::parse("example.test")?;
    /// # cache.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain)?, now);
    /// let mut saved = Vec::new();
    /// for (domain, entry) in cache.entries() {
    ///     saved.push((entry.to_text(&domain), domain));
    /// }
    /// assert_eq!(saved, [(text.to_owned(), domain)]);
    ///
    /// let mut loaded = PolicyCache::new(CacheConfig::new(8));
    /// for (text, domain) in saved {
    ///     // What cannot be read was not remembered.
    ///     if let Ok(entry) = CacheEntry::parse(text.as_bytes(), &domain) {
    ///         loaded.insert(&domain, entry, now);
    ///     }
    /// }
    /// assert_eq!(loaded.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// All domains and their entries, in the order in which they would be evicted, disregarding expiry. To save them,
    /// use [`CacheEntry::to_text`]; to load them in the same order, [`PolicyCache::insert`].
    pub fn entries(&self) -> impl Iterator<Item = (PolicyDomain, CacheEntry)> {
        EvictionRank::ALL
            .into_iter()
            .flat_map(|rank| self.use_order.oldest_first(rank))
            .filter_map(|slot| Some((self.slots[slot as usize].domain()?, self.entry(slot))))
    }

    /// Applies the update of a lookup to the cached entry ([`CacheUpdate::apply_to`]), and returns what was evicted for
    /// it: another entry, or this one, if it ranks below all others; several if the policies took too much memory.
    ///
    /// It does not mark a use of a domain that is already cached: a refresh must not keep a domain in use.
    pub fn apply(&mut self, domain: &PolicyDomain, update: &CacheUpdate, now: UnixTime) -> Vec<Evicted> {
        let evicted = self.apply_one(domain, update, now);
        self.evict_for_memory(evicted, now)
    }

    fn apply_one(&mut self, domain: &PolicyDomain, update: &CacheUpdate, now: UnixTime) -> Option<Evicted> {
        let Some(slot) = self.find(domain) else {
            let known = self.left_alone.get(domain.as_str(), now);
            let updated = update.apply_to(known.clone(), now);
            return updated
                .filter(|updated| known.as_ref() != Some(updated))
                .and_then(|entry| self.admit(domain, entry, now));
        };
        match update.apply_to(Some(self.entry(slot)), now) {
            Some(entry) => {
                self.replace(slot, domain, entry);
                self.reschedule(slot, update, now);
            }
            None => drop(self.take(slot)),
        }
        None
    }

    /// Replaces the cached entry of the domain, and returns what was evicted for it. It is meant for loading saved
    /// entries, and counts as a use.
    pub fn insert(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Vec<Evicted> {
        if let Some(slot) = self.find(domain) {
            self.take(slot);
        }
        let evicted = self.admit(domain, entry, now);
        self.evict_for_memory(evicted, now)
    }

    /// ```
    /// use mta_sts_core::{CacheConfig, CacheEntry, PolicyCache, PolicyDomain, UnixTime};
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let text = "mta-sts-entry 2\ndomain: example.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
    /// #     version: STSv1\nmode: none\nmax_age: 604800\n";
    /// # let mut cache = PolicyCache::new(CacheConfig::new(7));
    /// # let domain = PolicyDomain::parse("example.test")?;
    /// # cache.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain)?, now);
    /// assert!(cache.remove(&domain).is_some());
    /// assert!(cache.remove(&domain).is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Removes a domain.
    pub fn remove(&mut self, domain: &PolicyDomain) -> Option<CacheEntry> {
        self.left_alone.remove(domain.as_str());
        self.find(domain).and_then(|slot| self.take(slot)).map(|taken| taken.entry)
    }

    /// ```
    /// use mta_sts_core::{CacheConfig, CacheEntry, PolicyCache, PolicyDomain, UnixTime};
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let text = "mta-sts-entry 2\ndomain: example.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
    /// #     version: STSv1\nmode: none\nmax_age: 604800\n";
    /// # let mut cache = PolicyCache::new(CacheConfig::new(7));
    /// # let domain = PolicyDomain::parse("example.test")?;
    /// # cache.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain)?, now);
    /// assert_eq!(cache.remove_expired(now), None);
    /// let next_week = UnixTime::from_secs(1_700_604_801);
    /// assert_eq!(cache.remove_expired(next_week).map(|expired| expired.domain), Some(domain));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// Removes the entry that expired first, and returns it; `None` if none has expired.
    ///
    /// There is no need to call it: expired entries are harmless, and evicted first.
    pub fn remove_expired(&mut self, now: UnixTime) -> Option<Evicted> {
        self.first_expired(now).and_then(|slot| self.evict(slot, now))
    }

    /// A domain whose policy is due for a refresh, the longest overdue first. Run a [`Lookup`] with
    /// [`Purpose::Refresh`] on the entry from [`PolicyCache::peek`], and [`PolicyCache::apply`] its update.
    ///
    /// Call it until it returns `None`, or for as many lookups as you can run: the others stay due. A domain is not
    /// returned again until the update is applied or [`PolicyCache::RETRY_INTERVAL`] has passed, so an abandoned
    /// refresh is repeated.
    ///
    /// [`Lookup`]: crate::Lookup
    /// [`Purpose::Refresh`]: crate::Purpose::Refresh
    // Meets S58, S82.
    pub fn poll_refresh(&mut self, now: UnixTime) -> Option<PolicyDomain> {
        loop {
            let slot = self.refreshes.first().filter(|&slot| self.refresh_at[slot as usize] <= now)?;
            let held = &mut self.slots[slot as usize];
            let unused = now.saturating_since(self.use_order.last_used(slot)) >= self.config.unused_for;
            if unused || held.entry(&self.policies).valid_policy(now).is_none() {
                held.refresh = Refresh::LetGo;
                self.set_refresh(slot, NEVER, now);
                continue;
            }
            held.refresh = Refresh::Running;
            let domain = held.domain();
            self.set_refresh(slot, now.saturating_add(Self::RETRY_INTERVAL), now);
            if domain.is_some() {
                return domain;
            }
        }
    }

    /// ```
    /// use mta_sts_core::{CacheConfig, CacheEntry, PolicyCache, PolicyDomain, UnixTime};
    ///
    /// # let now = UnixTime::from_secs(1_700_000_000);
    /// # let text = "mta-sts-entry 2\ndomain: example.test\nid: 1\nfetched-at: 1700000000\npolicy-length: 42\n\n\
    /// #     version: STSv1\nmode: none\nmax_age: 604800\n";
    /// # let mut cache = PolicyCache::new(CacheConfig::new(7));
    /// # let domain = PolicyDomain::parse("example.test")?;
    /// assert_eq!(cache.poll_timeout(), None);
    /// # cache.insert(&domain, CacheEntry::parse(text.as_bytes(), &domain)?, now);
    /// let due = cache.poll_timeout().expect("a policy of a week is refreshed");
    /// assert_eq!(cache.poll_refresh(due), Some(domain));
    /// assert_eq!(cache.poll_timeout(), Some(due.saturating_add(PolicyCache::RETRY_INTERVAL)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The time at which [`PolicyCache::poll_refresh`] next has something to do; a time in the past means now.
    ///
    /// It may change with every call of [`PolicyCache::get`], [`PolicyCache::apply`], [`PolicyCache::insert`],
    /// [`PolicyCache::remove`], and [`PolicyCache::poll_refresh`].
    pub fn poll_timeout(&self) -> Option<UnixTime> {
        self.refreshes.first().map(|slot| self.refresh_at[slot as usize])
    }

    fn find(&self, domain: &PolicyDomain) -> Option<u32> {
        let name = domain.as_str().as_bytes();
        self.by_name.find(self.hasher.hash(name), |slot| self.slots[slot as usize].name() == name)
    }

    fn entry(&self, slot: u32) -> CacheEntry {
        self.slots[slot as usize].entry(&self.policies)
    }

    /// Admits an entry of a domain that has none, unless it ranks below all others.
    fn admit(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Option<Evicted> {
        self.left_alone.remove(domain.as_str());
        let mut evicted = None;
        if self.len() >= self.config.max_entries {
            let rank = (expires_at(&entry) > now).then(|| EvictionRank::of(&entry));
            match self.lowest_ranked(now) {
                Some((least, slot)) if least <= rank => evicted = self.evict(slot, now),
                _ => {
                    self.left_alone.put(domain.as_str(), &entry, now);
                    return Some(Evicted { domain: domain.clone(), entry });
                }
            }
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            push_bounded(&mut self.slots, Slot::vacant(), self.config.max_entries);
            push_bounded(&mut self.refresh_at, NEVER, self.config.max_entries);
            // There are at most `MAX_SLOTS`.
            #[allow(clippy::cast_possible_truncation)]
            {
                (self.slots.len() - 1) as u32
            }
        });
        self.fill(slot, domain, entry);
        self.use_order.push(slot, self.slots[slot as usize].rank, now, self.config.max_entries);
        let Self { hasher, slots, by_name, config, .. } = self;
        let hash = |slot: u32| hasher.hash(slots[slot as usize].name());
        by_name.insert(hash(slot), slot, config.max_entries, hash);
        self.schedule(slot, now);
        evicted
    }

    /// Replaces the entry in a slot. If its rank changes, it counts as just used.
    fn replace(&mut self, slot: u32, domain: &PolicyDomain, entry: CacheEntry) {
        let rank = self.slots[slot as usize].rank;
        self.fill(slot, domain, entry);
        let new_rank = self.slots[slot as usize].rank;
        if new_rank != rank {
            self.use_order.move_to(slot, new_rank);
        }
    }

    fn fill(&mut self, slot: u32, domain: &PolicyDomain, mut entry: CacheEntry) {
        let bound = self.config.max_entries;
        let held = &mut self.slots[slot as usize];
        let old = held.policy();
        let new = entry.policy().map(|cached| self.policies.acquire(cached.policy(), old, bound + 1));
        if let Some(shared) = new.and_then(|new| self.policies.policy(new)) {
            entry.share_policy(shared);
        }
        held.fill(domain.as_str(), entry, new);
        if let Some(old) = old {
            self.policies.release(old);
        }
        let Self { slots, policies, ends, .. } = self;
        ends.put(slot, bound, |slot| slots[slot as usize].expires_at(policies));
    }

    /// Evicts policies, with all their domains, until the others fit in the bound; returns what was evicted, including
    /// `evicted`.
    fn evict_for_memory(&mut self, evicted: Option<Evicted>, now: UnixTime) -> Vec<Evicted> {
        let mut evicted: Vec<_> = evicted.into_iter().collect();
        let bound = self.config.max_octets;
        if self.policies.octets() <= bound {
            return evicted;
        }
        let in_order = EvictionRank::ALL.into_iter().flat_map(|rank| self.use_order.oldest_first(rank));
        let candidates = (0..).zip(in_order).filter_map(|(order, slot)| self.candidate(slot, order, now));
        let mut candidates: Vec<_> = candidates.collect();
        let mut classes =
            SizeClasses::of(&mut candidates, |policy| self.policies.policy(policy).map_or(0, Policy::octets));
        while self.policies.octets() > bound - bound / 16 {
            let Some(policy) = classes.next() else { break };
            for candidate in policy {
                evicted.extend(self.evict(candidate.slot, now));
            }
        }
        evicted
    }

    fn candidate(&self, slot: u32, order: u32, now: UnixTime) -> Option<Candidate> {
        let held = &self.slots[slot as usize];
        let applies = held.expires_at(&self.policies) > now;
        Some(Candidate { policy: held.policy()?, slot, applies, reuse: held.reuse, order })
    }

    /// Empties a slot to make room.
    fn evict(&mut self, slot: u32, now: UnixTime) -> Option<Evicted> {
        let evicted = self.take(slot)?;
        self.left_alone.put(evicted.domain.as_str(), &evicted.entry, now);
        Some(evicted)
    }

    /// Empties a slot.
    fn take(&mut self, slot: u32) -> Option<Evicted> {
        let held = &self.slots[slot as usize];
        let taken = held.domain().map(|domain| Evicted { domain, entry: self.entry(slot) });
        let hash = self.hasher.hash(held.name());
        self.by_name.remove(hash, slot);
        self.use_order.unlink(slot);
        self.ends.remove(slot, |slot| self.slots[slot as usize].expires_at(&self.policies));
        self.refreshes.remove(slot, |slot| self.refresh_at[slot as usize]);
        if let Some(policy) = self.slots[slot as usize].policy() {
            self.policies.release(policy);
        }
        self.slots[slot as usize] = Slot::vacant();
        self.vacant.push(slot);
        taken
    }

    /// The slot to evict first, and its rank; an expired one has no rank.
    fn lowest_ranked(&self, now: UnixTime) -> Option<(Option<EvictionRank>, u32)> {
        let of_rank = |rank| self.use_order.oldest_first(rank).next().map(|slot| (Some(rank), slot));
        self.first_expired(now)
            .map(|slot| (None, slot))
            .or_else(|| EvictionRank::ALL.into_iter().find_map(of_rank))
    }

    fn first_expired(&self, now: UnixTime) -> Option<u32> {
        self.ends.first().filter(|&slot| self.slots[slot as usize].expires_at(&self.policies) <= now)
    }

    /// Schedules a refresh for a used domain whose refresh was abandoned for lack of use, or delayed because the clock
    /// stepped back.
    #[cold]
    fn take_up(&mut self, slot: u32, now: UnixTime) {
        if self.refresh_at[slot as usize] > now.saturating_add(MAX_REFRESH_INTERVAL) {
            self.schedule(slot, now);
        }
    }

    /// Schedules the next refresh after an update of a cached domain.
    fn reschedule(&mut self, slot: u32, update: &CacheUpdate, now: UnixTime) {
        let held = &mut self.slots[slot as usize];
        if held.policy().is_none() || matches!(update, CacheUpdate::Store { .. }) {
            self.schedule(slot, now);
            return;
        }
        // An update of a delivery in between does not change the schedule.
        if held.refresh != Refresh::Running {
            return;
        }
        let refresh_at = self.refresh_at[slot as usize];
        match update {
            CacheUpdate::BackOff { back_off, .. } => {
                held.refresh = Refresh::Waiting;
                let entry = held.entry(&self.policies);
                // Taken from the entry, which limits the back-off by the remaining life of the policy.
                let ends =
                    entry.back_offs().iter().find(|held| held.id == back_off.id).map(|held| held.until);
                self.set_refresh(slot, refresh_at.max(ends.unwrap_or(refresh_at)), now);
            }
            CacheUpdate::Keep => {
                held.refresh = Refresh::Waiting;
                let entry = held.entry(&self.policies);
                let back_off_ends = entry.back_offs().iter().map(|back_off| back_off.until).min();
                self.set_refresh(slot, back_off_ends.map_or(refresh_at, |ends| ends.min(refresh_at)), now);
            }
            _ => {}
        }
    }

    /// Schedules the first refresh after a fetch.
    fn schedule(&mut self, slot: u32, now: UnixTime) {
        let held = &mut self.slots[slot as usize];
        held.refresh = Refresh::Waiting;
        let refresh_at = held.policy().and_then(|_| {
            let hasher = SipHasher13::new_with_keys(self.config.seed, HASH_FOR_SPREAD);
            let entry = held.entry(&self.policies);
            entry.policy()?.refresh_at(hasher.hash(held.name()), now)
        });
        self.set_refresh(slot, refresh_at.unwrap_or(NEVER), now);
    }

    fn set_refresh(&mut self, slot: u32, refresh_at: UnixTime, now: UnixTime) {
        self.latest = self.latest.max(now);
        let Self { refresh_at: times, refreshes, config, .. } = self;
        times[slot as usize] = refresh_at;
        let time = |slot: u32| times[slot as usize];
        if refresh_at == NEVER {
            refreshes.remove(slot, time);
        } else {
            refreshes.put(slot, config.max_entries, time);
        }
    }
}

impl fmt::Debug for PolicyCache {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("PolicyCache")
            .field("len", &self.len())
            .field("octets", &self.octets())
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

const NEVER: UnixTime = UnixTime::from_secs(u64::MAX);

/// Slots and list nodes have 32-bit numbers.
const MAX_SLOTS: usize = 1 << 31;

// One seed gives several independent hashes: the times of refreshes can be observed from outside.
const HASH_OF_NAME: u64 = 1;
const HASH_OF_POLICY: u64 = 2;
const HASH_FOR_SPREAD: u64 = 3;
const HASH_FOR_LEFT_ALONE: u64 = 4;

/// Pushes onto a vector whose capacity never exceeds `bound`.
fn push_bounded<T>(vector: &mut Vec<T>, value: T, bound: usize) {
    if vector.len() == vector.capacity() {
        let wanted = (vector.len() * 2).clamp(16, bound.max(vector.len() + 1).max(16));
        vector.reserve_exact(wanted - vector.len());
    }
    vector.push(value);
}
