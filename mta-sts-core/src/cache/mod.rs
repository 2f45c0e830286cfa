//! Policies in memory: bounded, and fetched anew before they lapse.
//!
//! # Theory of operation
//!
//! A cache maps Policy Domains to entries. It decides nothing about policies: what an update makes
//! of an entry, [`CacheUpdate::apply_to`] says. It decides two things of its own.
//!
//! **Who goes when it is full.** Senders of junk choose domains as they like, so age alone would let
//! them flush a policy that protects mail. The first of these goes:
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
//! A domain that is worth less than all that is cached does not enter.
//!
//! **Who goes when its policies take too much memory.** Owners of domains choose how long their policies are.
//! Policies are sorted into classes by size, each twice as large as the one before. A policy goes, with all its domains,
//! out of the class that takes the most: first what has expired, then what no mail went to again, then what mail went to
//! again on one day only, and among equals in the order above. So a flood of large policies pushes out large ones, and the
//! small ones stay that nearly all domains have. When it has come to that, a sixteenth of the bound is set free.
//!
//! Of whatever goes or does not enter, the back-offs are kept in a small room of their own until they end, so that a
//! full cache does not make a host that is down be asked at every message.
//!
//! **When a policy is fetched anew.** RFC 8461, 3.3 and 10.2, ask for it while the old one still
//! protects, since DNS alone cannot be trusted to say that nothing has changed.
//!
//! | event | next refresh |
//! |---|---|
//! | a policy is stored | as [`CachedPolicy::refresh_at`](crate::CachedPolicy::refresh_at) says, spread by domain |
//! | [`PolicyCache::poll_refresh`] names the domain | [`PolicyCache::RETRY_INTERVAL`] later, should nothing come of it |
//! | the refresh failed | the same, and not before the back-off ends |
//! | the refresh found its id in back-off | when the back-off ends |
//! | the policy lapsed, or its domain went unused for long | none, until it is used again |
//!
//! The retry interval, half an hour, is half of the shortest life that is refreshed: so a
//! host that answers for longer than it, in the second half of a policy's life, is asked in time. How much
//! earlier one is due than another is a hash of the domain under the caller's seed: it spreads the
//! load of a server that started with many domains at once, and no stranger can tell it.
//!
//! **Never backwards.** Lookups end in another order than they began. [`PolicyCache::apply`] changes
//! what is cached by then, and an older fetch replaces no newer one. Time that steps back makes no
//! policy older, and puts no refresh of a domain in use off: with the next use it is set anew. Time
//! that jumps ahead lets policies expire, and they count again once it is set right, unless something
//! had to go meanwhile.
//!
//! **Once each.** The customers of a provider publish the same policy. Its text is kept once, with the
//! number of its users; entries that are handed out share it.
//!
//! **Load and save.** [`PolicyCache::entries`] gives everything in the order of eviction, and
//! [`PolicyCache::insert`] takes it in that order. What is not saved is when each domain was used:
//! loading counts as a use.
//!
//! # Costs
//!
//! The entries lie in slots, which a hash table keyed by the caller's seed finds by name: a lookup waits for two places
//! in memory, one of the table and the slot. Lists give
//! the order of use, one heap the order of expiry, another that of refreshes. So looking and marking
//! a use take the same time in every cache, and a change takes the logarithm of the number of entries,
//! whatever names strangers choose. Two things cost more, and seldom enough that the mean stays: an
//! insertion that makes the tables grow or tidies them goes through all entries, and
//! [`PolicyCache::poll_refresh`] passes over all that lapsed or went unused since the last call.
//!
//! Who owns domains with policies in earnest, each with a host and its certificate, can push others
//! out, the least recently used first: take a bound with room to spare.

mod heap;
mod left_alone;
mod name_index;
mod policies;
mod size_class;
mod slot;
mod use_order;
mod worth;

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use siphasher::sip::SipHasher13;

use self::heap::SlotHeap;
use self::left_alone::LeftAlone;
use self::name_index::NameIndex;
use self::policies::Policies;
use self::size_class::{Candidate, SizeClasses};
use self::slot::{Refresh, Reuse, Slot};
use self::use_order::UseOrder;
use self::worth::{Worth, expires_at};
use crate::entry::{CacheEntry, CacheUpdate, MAX_REFRESH_INTERVAL};
use crate::name::PolicyDomain;
use crate::policy::Policy;
use crate::time::UnixTime;

/// Entries by Policy Domain, bounded in number and in memory, for a mail server that keeps them in memory.
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
/// When it is full, what is worth least goes: what has expired, then absences, entries that only
/// back off, policies of mode none, of mode testing, and at last the least recently used of mode
/// enforce. Whoever makes up domains thus flushes no policy that protects mail. Every eviction is
/// returned.
///
/// It holds what lookups came to, and nothing of those that still go on: see [`Lookup`](crate::Lookup) about several of one
/// domain at once.
///
/// A policy is due for a refresh once a day, or after half its `max_age` if that is shorter, and up
/// to a quarter of that earlier, so that the load is spread. Provided that refreshes are run when
/// they are due, no policy that is in use lapses if its host answers without a break for longer than
/// [`PolicyCache::RETRY_INTERVAL`] in the second half of its life. A `max_age` of less than an hour
/// is not refreshed in the background.
///
/// The methods are of four kinds. [`PolicyCache::peek`], [`PolicyCache::entries`] and the like only
/// look. [`PolicyCache::get`] looks and marks the use. [`PolicyCache::apply`],
/// [`PolicyCache::insert`] and [`PolicyCache::remove`] change what is cached.
/// [`PolicyCache::poll_refresh`] says what to do.
///
/// It is one value without locks. Policies with the same text are kept in memory once.
pub struct PolicyCache {
    config: CacheConfig,
    hasher: SipHasher13,
    slots: Vec<Slot>,
    // When the policy of each slot is to be fetched anew; [`NEVER`] when it is not.
    refresh_at: Vec<UnixTime>,
    // The latest time at which one of them was set: at an earlier one the clock has stepped back.
    latest: UnixTime,
    vacant: Vec<u32>,
    by_name: NameIndex,
    policies: Policies,
    use_order: UseOrder,
    ends: SlotHeap,
    refreshes: SlotHeap,
    left_alone: LeftAlone,
}

/// An entry that the cache holds no more, for want of space.
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
/// Where it had a policy in force, write it to a slower store, or count it: the bound is too low.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evicted {
    /// Whose entry it was.
    pub domain: PolicyDomain,
    /// What was remembered.
    pub entry: CacheEntry,
}

/// How much a cache holds, and for how long.
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
    /// 65,536 entries, 256 MiB of policies, each let go after 180 days without use.
    ///
    /// Take the seed from a source of random numbers, and keep it to yourself: it keys the hash of
    /// the names, which come from strangers, and spreads the refreshes.
    pub const fn new(seed: u64) -> Self {
        Self {
            seed,
            max_entries: 65_536,
            max_octets: 256 << 20,
            unused_for: Duration::from_secs(180 * 86_400),
        }
    }

    /// Sets how many domains are remembered, with a policy or without. Default 65,536.
    ///
    /// An entry takes about 110 octets, and three times as many while it backs off or when names
    /// are very long; the policies come on top ([`CacheConfig::with_max_octets`]). With 0 nothing is cached:
    /// then nothing protects mail from whoever suppresses DNS answers (RFC 8461, 10.2). More than
    /// 2^31 count as that.
    // Meets S104.
    #[must_use]
    pub const fn with_max_entries(mut self, max_entries: usize) -> Self {
        self.max_entries = max_entries;
        self
    }

    /// Sets how many octets the policies may take in memory, each counted once however many domains share it. Default
    /// 256 MiB. A policy takes at most 2.5 times its text and 200 octets; one that takes more than fifteen sixteenths of
    /// this is not cached.
    #[must_use]
    pub const fn with_max_octets(mut self, max_octets: usize) -> Self {
        self.max_octets = max_octets;
        self
    }

    /// Sets how long a domain may go without [`PolicyCache::get`] until its policy is no longer
    /// refreshed, and so expires in the end. Default 180 days; with 0 nothing is refreshed.
    #[must_use]
    pub const fn with_unused_for(mut self, unused_for: Duration) -> Self {
        self.unused_for = unused_for;
        self
    }

    /// How many domains are remembered.
    pub const fn max_entries(&self) -> usize {
        self.max_entries
    }

    /// How many octets the policies may take.
    pub const fn max_octets(&self) -> usize {
        self.max_octets
    }

    /// How long a domain may go unused.
    pub const fn unused_for(&self) -> Duration {
        self.unused_for
    }
}

impl fmt::Debug for CacheConfig {
    /// Without the seed, which is nobody's business.
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
    /// After a refresh that came to nothing the next follows 30 minutes after it began, or when the
    /// back-off ends if that is later. So a host that answers for longer than this is asked meanwhile.
    pub const RETRY_INTERVAL: Duration = Duration::from_secs(1800);

    /// A cache without entries. Memory is taken as entries come.
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

    /// How many domains are remembered.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether no domain is remembered.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets the policies take in memory.
    pub const fn octets(&self) -> usize {
        self.policies.octets()
    }

    /// How much it holds, and for how long.
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
    /// What is remembered of a domain, for a delivery; `None` when nothing in it counts any more.
    /// Marks that the domain is in use, either way.
    pub fn get(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let Some(slot) = self.find(domain) else {
            return self.left_alone.get(domain.as_str(), now);
        };
        // Also of an expired entry: mail was for its domain, and a lookup is about to renew it. And
        // before anything else, so that its memory is fetched together with the slot's.
        let held = &mut self.slots[slot as usize];
        let on_another_day = self.use_order.renew(slot, held.worth, now);
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

    /// What is remembered of a domain, as [`PolicyCache::get`] has it, but without marking a use:
    /// for a refresh, or for whoever looks into the cache.
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
    /// Every domain and what is remembered of it, in the order in which they would be evicted,
    /// expired ones apart. To keep them: [`CacheEntry::to_text`]; to have them again, in the same
    /// order: [`PolicyCache::insert`].
    pub fn entries(&self) -> impl Iterator<Item = (PolicyDomain, CacheEntry)> {
        Worth::ALL
            .into_iter()
            .flat_map(|worth| self.use_order.oldest_first(worth))
            .filter_map(|slot| Some((self.slots[slot as usize].domain()?, self.entry(slot))))
    }

    /// Applies what a lookup says to remember to what the cache holds by now
    /// ([`CacheUpdate::apply_to`]), and returns what had to go for it: some other entry, or the very
    /// one, when it is worth less than all others; several, where the policies took too much memory.
    ///
    /// Not a use of a domain that is cached already: a refresh must not keep a domain in use.
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

    /// Remembers an entry as it is, in place of what was cached of the domain, and returns what had
    /// to go for it. To load what was saved; it counts as a use.
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
    /// Forgets a domain.
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
    /// Forgets the entry that expired first, and returns it; `None` when none has expired.
    ///
    /// There is no need to call it: expired entries are harmless, and the first to go for a new one.
    pub fn remove_expired(&mut self, now: UnixTime) -> Option<Evicted> {
        self.first_expired(now).and_then(|slot| self.evict(slot, now))
    }

    /// A domain whose policy is due for a refresh, the longest due first. Run a [`Lookup`] with
    /// [`Purpose::Refresh`] on what [`PolicyCache::peek`] gives, and [`PolicyCache::apply`] what comes
    /// of it.
    ///
    /// Call it until it gives `None`, or as often as you can run lookups: the others stay due. A
    /// domain is not named again until the refresh is applied or [`PolicyCache::RETRY_INTERVAL`] has
    /// passed, so a refresh that was dropped half-way is made up for.
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
    /// When [`PolicyCache::poll_refresh`] next has something to do; a time in the past means now.
    ///
    /// It may change with every call of [`PolicyCache::get`], [`PolicyCache::apply`],
    /// [`PolicyCache::insert`], [`PolicyCache::remove`] and [`PolicyCache::poll_refresh`].
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

    /// Takes in an entry of a domain that has none, if it is worth it.
    fn admit(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Option<Evicted> {
        self.left_alone.remove(domain.as_str());
        let mut evicted = None;
        if self.len() >= self.config.max_entries {
            let worth = (expires_at(&entry) > now).then(|| Worth::of(&entry));
            match self.least_worth(now) {
                Some((least, slot)) if least <= worth => evicted = self.evict(slot, now),
                _ => {
                    self.left_alone.put(domain.as_str(), &entry, now);
                    return Some(Evicted { domain: domain.clone(), entry });
                }
            }
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            push_bounded(&mut self.slots, Slot::vacant(), self.config.max_entries);
            push_bounded(&mut self.refresh_at, NEVER, self.config.max_entries);
            // No more than `MAX_SLOTS`.
            #[allow(clippy::cast_possible_truncation)]
            {
                (self.slots.len() - 1) as u32
            }
        });
        self.fill(slot, domain, entry);
        self.use_order.push(slot, self.slots[slot as usize].worth, now, self.config.max_entries);
        let Self { hasher, slots, by_name, config, .. } = self;
        let hash = |slot: u32| hasher.hash(slots[slot as usize].name());
        by_name.insert(hash(slot), slot, config.max_entries, hash);
        self.schedule(slot, now);
        evicted
    }

    /// Puts another entry into a slot. If it is of another worth it counts as just used.
    fn replace(&mut self, slot: u32, domain: &PolicyDomain, entry: CacheEntry) {
        let worth = self.slots[slot as usize].worth;
        self.fill(slot, domain, entry);
        let new_worth = self.slots[slot as usize].worth;
        if new_worth != worth {
            self.use_order.move_to(slot, new_worth);
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

    /// Lets policies go, with all their domains, until they take less memory than they may; what has gone with `evicted`.
    fn evict_for_memory(&mut self, evicted: Option<Evicted>, now: UnixTime) -> Vec<Evicted> {
        let mut evicted: Vec<_> = evicted.into_iter().collect();
        let bound = self.config.max_octets;
        if self.policies.octets() <= bound {
            return evicted;
        }
        let in_order = Worth::ALL.into_iter().flat_map(|worth| self.use_order.oldest_first(worth));
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

    /// Empties a slot for want of room.
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

    /// The slot to empty first, and what it is worth; an expired one is worth nothing.
    fn least_worth(&self, now: UnixTime) -> Option<(Option<Worth>, u32)> {
        let of_worth = |worth| self.use_order.oldest_first(worth).next().map(|slot| (Some(worth), slot));
        self.first_expired(now).map(|slot| (None, slot)).or_else(|| Worth::ALL.into_iter().find_map(of_worth))
    }

    fn first_expired(&self, now: UnixTime) -> Option<u32> {
        self.ends.first().filter(|&slot| self.slots[slot as usize].expires_at(&self.policies) <= now)
    }

    /// A domain is used that had been let go, or whose refresh the clock has put off by stepping back.
    #[cold]
    fn take_up(&mut self, slot: u32, now: UnixTime) {
        if self.refresh_at[slot as usize] > now.saturating_add(MAX_REFRESH_INTERVAL) {
            self.schedule(slot, now);
        }
    }

    /// When the refresh follows upon an update of a domain that was cached.
    fn reschedule(&mut self, slot: u32, update: &CacheUpdate, now: UnixTime) {
        let held = &mut self.slots[slot as usize];
        if held.policy().is_none() || matches!(update, CacheUpdate::Store { .. }) {
            self.schedule(slot, now);
            return;
        }
        // An update of a delivery in between leaves the schedule alone.
        if held.refresh != Refresh::Running {
            return;
        }
        let refresh_at = self.refresh_at[slot as usize];
        match update {
            CacheUpdate::BackOff { back_off, .. } => {
                held.refresh = Refresh::Waiting;
                let entry = held.entry(&self.policies);
                // As the entry has it: under a policy an id is left alone for no longer than that bears.
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

    /// Sets the first refresh after a fetch.
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

/// Slots and the nodes of their lists have numbers of 32 bits.
const MAX_SLOTS: usize = 1 << 31;

// One seed, several hashes that tell nothing of each other: the times of refreshes can be observed.
const HASH_OF_NAME: u64 = 1;
const HASH_OF_POLICY: u64 = 2;
const HASH_FOR_SPREAD: u64 = 3;
const HASH_FOR_LEFT_ALONE: u64 = 4;

/// Pushes onto a vector that never gets longer than `bound`: it grows to that, not beyond.
fn push_bounded<T>(vector: &mut Vec<T>, value: T, bound: usize) {
    if vector.len() == vector.capacity() {
        let wanted = (vector.len() * 2).clamp(16, bound.max(vector.len() + 1).max(16));
        vector.reserve_exact(wanted - vector.len());
    }
    vector.push(value);
}
