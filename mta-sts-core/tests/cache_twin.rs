//! The cache beside a slow and obvious one: whatever is done, both do the same.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use core::time::Duration;

use mta_sts_core::{
    Absence, BackOff, CacheConfig, CacheEntry, CacheUpdate, CachedPolicy, Evicted, Mode, Policy, PolicyCache,
    PolicyDomain, RecordErrorKind, UnixTime,
};
use proptest::prelude::*;

/// Everything by looking at everything.
struct Twin {
    config: CacheConfig,
    places: Vec<Option<Known>>,
    vacant: Vec<usize>,
    uses: u64,
}

#[derive(Clone)]
struct Known {
    domain: PolicyDomain,
    entry: CacheEntry,
    /// The most recently used has the highest number.
    use_number: u64,
    /// The minute.
    last_used: UnixTime,
    refresh_at: Option<UnixTime>,
    refreshing: bool,
}

impl Known {
    fn worth(&self) -> u8 {
        match self.entry.policy().map(|cached| cached.policy().mode()) {
            Some(Mode::Enforce) => 4,
            Some(Mode::Testing) => 3,
            Some(Mode::None) => 2,
            None => u8::from(!self.entry.back_offs().is_empty()),
        }
    }

    /// From when on nothing in the entry counts.
    fn ends_at(&self) -> u64 {
        let policy = self.entry.policy().map(|cached| cached.expires_at().as_secs().saturating_add(1));
        let absence = self.entry.absence().map(|absence| absence.until.as_secs());
        let back_offs = self.entry.back_offs().iter().map(|back_off| back_off.until.as_secs());
        policy.into_iter().chain(absence).chain(back_offs).max().unwrap_or(0)
    }

    fn has_expired(&self, now: UnixTime) -> bool {
        self.ends_at() <= now.as_secs()
    }
}

impl Twin {
    fn new(config: CacheConfig) -> Self {
        Self { config, places: Vec::new(), vacant: Vec::new(), uses: 0 }
    }

    fn known(&self) -> impl Iterator<Item = (usize, &Known)> {
        self.places.iter().enumerate().filter_map(|(place, known)| Some((place, known.as_ref()?)))
    }

    fn len(&self) -> usize {
        self.known().count()
    }

    fn place_of(&self, domain: &PolicyDomain) -> Option<usize> {
        self.known().find(|(_, known)| known.domain == *domain).map(|(place, _)| place)
    }

    fn next_use(&mut self) -> u64 {
        self.uses += 1;
        self.uses
    }

    /// The jitter is the cache's own secret: a cache that holds this alone tells when it is due.
    fn first_refresh(&self, domain: &PolicyDomain, entry: &CacheEntry, now: UnixTime) -> Option<UnixTime> {
        let mut config = self.config.clone();
        let mut alone = PolicyCache::new(config.set_max_entries(1).clone());
        alone.insert(domain, entry.clone(), now);
        alone.poll_timeout()
    }

    fn peek(&self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let (_, known) = self.known().find(|(_, known)| known.domain == *domain)?;
        (!known.has_expired(now)).then(|| known.entry.clone())
    }

    fn get(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let (place, use_number) = (self.place_of(domain)?, self.next_use());
        let known = self.places[place].as_mut()?;
        known.use_number = use_number;
        known.last_used = minute(now);
        let entry = self.peek(domain, now)?;
        let first_refresh = self.first_refresh(domain, &entry, now);
        let known = self.places[place].as_mut()?;
        let tomorrow = now.saturating_add(Duration::from_secs(86_400));
        if known.refresh_at.is_none_or(|refresh_at| refresh_at > tomorrow) {
            known.refresh_at = first_refresh;
            known.refreshing = false;
        }
        Some(entry)
    }

    fn apply(&mut self, domain: &PolicyDomain, update: &CacheUpdate, now: UnixTime) -> Option<Evicted> {
        let Some(place) = self.place_of(domain) else {
            return update.apply_to(None, now).and_then(|entry| self.admit(domain, entry, now));
        };
        let mut known = self.take(place);
        let worth = known.worth();
        let entry = update.apply_to(Some(known.entry), now)?;
        known.entry = entry;
        if known.worth() != worth {
            known.use_number = self.next_use();
        }
        let first_refresh = self.first_refresh(domain, &known.entry, now);
        let back_off_ends = known.entry.back_offs().iter().map(|back_off| back_off.until).min();
        match update {
            CacheUpdate::Store { .. } => (known.refresh_at, known.refreshing) = (first_refresh, false),
            _ if known.entry.policy().is_none() => (known.refresh_at, known.refreshing) = (None, false),
            CacheUpdate::BackOff(back_off) if known.refreshing => {
                known.refresh_at = known.refresh_at.max(Some(back_off.until));
                known.refreshing = false;
            }
            CacheUpdate::Keep if known.refreshing => {
                known.refresh_at = known.refresh_at.into_iter().chain(back_off_ends).min();
                known.refreshing = false;
            }
            _ => {}
        }
        self.vacant.pop();
        self.places[place] = Some(known);
        None
    }

    fn insert(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Option<Evicted> {
        self.remove(domain);
        self.admit(domain, entry, now)
    }

    fn admit(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Option<Evicted> {
        let new = Known {
            domain: domain.clone(),
            use_number: self.next_use(),
            last_used: minute(now),
            refresh_at: self.first_refresh(domain, &entry, now),
            refreshing: false,
            entry,
        };
        let evicted = |known: Known| Some(Evicted { domain: known.domain, entry: known.entry });
        let mut gone = None;
        if self.len() >= self.config.max_entries() {
            let least = self.known().min_by_key(|(place, known)| {
                if known.has_expired(now) {
                    (false, 0, known.ends_at(), *place)
                } else {
                    (true, known.worth(), known.use_number, 0)
                }
            });
            let worth = |known: &Known| (!known.has_expired(now)).then(|| known.worth());
            match least.map(|(place, known)| (place, worth(known))) {
                Some((place, least)) if least <= worth(&new) => gone = evicted(self.take(place)),
                _ => return evicted(new),
            }
        }
        let place = self.vacant.pop().unwrap_or(self.places.len());
        if place == self.places.len() {
            self.places.push(None);
        }
        self.places[place] = Some(new);
        gone
    }

    fn take(&mut self, place: usize) -> Known {
        self.vacant.push(place);
        self.places[place].take().unwrap()
    }

    fn remove(&mut self, domain: &PolicyDomain) -> Option<CacheEntry> {
        self.place_of(domain).map(|place| self.take(place).entry)
    }

    fn remove_expired(&mut self, now: UnixTime) -> Option<Evicted> {
        let (place, _) = self
            .known()
            .filter(|(_, known)| known.has_expired(now))
            .min_by_key(|(place, known)| (known.ends_at(), *place))?;
        let Known { domain, entry, .. } = self.take(place);
        Some(Evicted { domain, entry })
    }

    fn poll_refresh(&mut self, now: UnixTime) -> Option<PolicyDomain> {
        loop {
            let (place, _) = self
                .known()
                .filter(|(_, known)| known.refresh_at.is_some_and(|refresh_at| refresh_at <= now))
                .min_by_key(|(place, known)| (known.refresh_at, *place))?;
            let unused_for = self.config.unused_for();
            let known = self.places[place].as_mut()?;
            let unused = now.saturating_since(known.last_used) >= unused_for;
            if unused || known.entry.valid_policy(now).is_none() {
                (known.refresh_at, known.refreshing) = (None, false);
                continue;
            }
            known.refresh_at = Some(now.saturating_add(PolicyCache::RETRY_INTERVAL));
            known.refreshing = true;
            return Some(known.domain.clone());
        }
    }

    fn poll_timeout(&self) -> Option<UnixTime> {
        self.known().filter_map(|(_, known)| known.refresh_at).min()
    }

    fn entries(&self) -> Vec<(PolicyDomain, CacheEntry)> {
        let mut known: Vec<&Known> = self.known().map(|(_, known)| known).collect();
        known.sort_by_key(|known| (known.worth(), known.use_number));
        known.into_iter().map(|known| (known.domain.clone(), known.entry.clone())).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// Seconds by which the clock goes on, or back.
    Clock(i64),
    Get(usize),
    Peek(usize),
    Apply(usize, Update),
    Insert(usize, Vec<Update>),
    Remove(usize),
    RemoveExpired,
    PollRefresh,
}

/// An update with its times relative to the clock.
#[derive(Clone, Debug)]
enum Update {
    Keep,
    Checked(u64),
    Absent(u64),
    BackOff(usize, u64),
    Store { policy: usize, id: usize, ago: i64 },
}

const DOMAINS: usize = 9;

fn domain(number: usize) -> PolicyDomain {
    let name = match number {
        0 => format!("{}.{}.test", "x".repeat(63), "y".repeat(63)),
        1 => "a-name-that-fits-only-with-a-short-id.test".to_owned(),
        _ => format!("d{number}.test"),
    };
    PolicyDomain::parse(&name).unwrap()
}

impl Update {
    fn at(&self, now: UnixTime) -> CacheUpdate {
        const IDS: [&str; 3] = ["1", "20240101000000", "abcdefghijklmnopqrstuvwxyzABCDEF"];
        const MAX_AGES: [u32; 5] = [0, 300, 3600, 100_000, 31_557_600];
        let later = |secs: &u64| now.saturating_add(Duration::from_secs(*secs));
        match self {
            Self::Keep => CacheUpdate::Keep,
            Self::Checked(until) => CacheUpdate::Checked { until: later(until) },
            Self::Absent(until) => {
                CacheUpdate::Absent(Absence { reason: RecordErrorKind::SeveralRecords, until: later(until) })
            }
            Self::BackOff(id, until) => {
                CacheUpdate::BackOff(BackOff { id: IDS[*id].parse().unwrap(), until: later(until) })
            }
            Self::Store { policy, id, ago } => {
                let mode = ["enforce", "testing", "none"][policy % 3];
                let max_age = MAX_AGES[policy / 3];
                let body = format!("version: STSv1\nmode: {mode}\nmx: mx.test\nmax_age: {max_age}\n");
                let policy = Policy::parse(body.as_bytes()).unwrap();
                CacheUpdate::Store {
                    policy: CachedPolicy::new(policy, IDS[*id].parse().unwrap(), step(now, -ago)),
                    checked_until: later(&300),
                }
            }
        }
    }
}

fn minute(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.as_secs() / 60 * 60)
}

fn step(now: UnixTime, secs: i64) -> UnixTime {
    UnixTime::from_secs(now.as_secs().saturating_add_signed(secs))
}

fn update() -> impl Strategy<Value = Update> {
    prop_oneof![
        1 => Just(Update::Keep),
        1 => (0_u64..4000).prop_map(Update::Checked),
        2 => (0_u64..4000).prop_map(Update::Absent),
        2 => (0_usize..3, 0_u64..4000).prop_map(|(id, until)| Update::BackOff(id, until)),
        4 => (0_usize..15, 0_usize..3, prop_oneof![3 => Just(0_i64), 1 => -5000_i64..200_000])
            .prop_map(|(policy, id, ago)| Update::Store { policy, id, ago }),
    ]
}

fn clock() -> impl Strategy<Value = Step> {
    let ahead = 20_i64 * 86_400;
    prop_oneof![8 => 0..4000_i64, 4 => 0..90_000_i64, 1 => 0..ahead, 1 => -100_000..0_i64, 1 => -ahead..ahead * 40]
        .prop_map(Step::Clock)
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => clock(),
        5 => (0..DOMAINS).prop_map(Step::Get),
        1 => (0..DOMAINS).prop_map(Step::Peek),
        8 => (0..DOMAINS, update()).prop_map(|(domain, update)| Step::Apply(domain, update)),
        2 => (0..DOMAINS, proptest::collection::vec(update(), 0..4))
            .prop_map(|(domain, updates)| Step::Insert(domain, updates)),
        1 => (0..DOMAINS).prop_map(Step::Remove),
        1 => Just(Step::RemoveExpired),
        5 => Just(Step::PollRefresh),
    ]
}

proptest! {
    #[test]
    fn the_cache_does_what_its_twin_does(
        max_entries in 0_usize..8,
        seed: u64,
        late in any::<bool>(),
        steps in proptest::collection::vec(a_step(), 1..120),
    ) {
        let mut config = CacheConfig::new(seed);
        config.set_max_entries(max_entries).set_unused_for(Duration::from_secs(10 * 86_400));
        let mut cache = PolicyCache::new(config.clone());
        let mut twin = Twin::new(config);
        // Near the year in which 32 bits of seconds end, too.
        let mut now = UnixTime::from_secs(if late { 4_294_900_000 } else { 1_700_000_000 });
        for step_taken in &steps {
            match step_taken {
                Step::Clock(secs) => now = step(now, *secs),
                Step::Get(number) => {
                    prop_assert_eq!(cache.get(&domain(*number), now), twin.get(&domain(*number), now));
                }
                Step::Peek(number) => {
                    prop_assert_eq!(cache.peek(&domain(*number), now), twin.peek(&domain(*number), now));
                }
                Step::Apply(number, update) => {
                    let (domain, update) = (domain(*number), update.at(now));
                    prop_assert_eq!(cache.apply(&domain, &update, now), twin.apply(&domain, &update, now));
                }
                Step::Insert(number, updates) => {
                    let entry = updates
                        .iter()
                        .fold(None, |entry, update| update.at(now).apply_to(entry, now))
                        .unwrap_or_default();
                    let domain = domain(*number);
                    prop_assert_eq!(
                        cache.insert(&domain, entry.clone(), now),
                        twin.insert(&domain, entry, now)
                    );
                }
                Step::Remove(number) => {
                    prop_assert_eq!(cache.remove(&domain(*number)), twin.remove(&domain(*number)));
                }
                Step::RemoveExpired => {
                    prop_assert_eq!(cache.remove_expired(now), twin.remove_expired(now));
                }
                Step::PollRefresh => {
                    prop_assert_eq!(cache.poll_refresh(now), twin.poll_refresh(now));
                }
            }
            prop_assert_eq!(cache.len(), twin.len());
            prop_assert!(cache.len() <= max_entries);
            prop_assert_eq!(cache.poll_timeout(), twin.poll_timeout());
        }
        prop_assert_eq!(cache.entries().collect::<Vec<_>>(), twin.entries());
    }
}
