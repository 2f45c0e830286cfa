//! The cache beside a slow and obvious one, for the tests and for the fuzz target.

use core::time::Duration;

use mta_sts_core::{
    Absence, BackOff, CacheConfig, CacheEntry, CacheUpdate, CachedPolicy, Evicted, Mode, Policy, PolicyCache,
    PolicyDomain, RecordErrorKind, UnixTime,
};

/// What is done to both, from a first moment on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) max_entries: usize,
    pub(crate) max_octets: usize,
    pub(crate) seed: u64,
    /// Near the year in which 32 bits of seconds end.
    pub(crate) late: bool,
    pub(crate) steps: Vec<Step>,
}

impl Case {
    /// Panics where the two differ.
    pub(crate) fn run(&self) {
        let config = CacheConfig::new(self.seed)
            .with_max_entries(self.max_entries)
            .with_max_octets(self.max_octets)
            .with_unused_for(Duration::from_secs(10 * 86_400));
        let mut cache = PolicyCache::new(config.clone());
        let mut twin = Twin::new(config);
        let mut now = UnixTime::from_secs(if self.late { 4_294_900_000 } else { 1_700_000_000 });
        for step_taken in &self.steps {
            match step_taken {
                Step::Clock(secs) => now = step(now, *secs),
                Step::Get(number) => {
                    assert_eq!(cache.get(&domain(*number), now), twin.get(&domain(*number), now));
                }
                Step::Peek(number) => {
                    assert_eq!(cache.peek(&domain(*number), now), twin.peek(&domain(*number), now));
                }
                Step::Apply(number, update) => {
                    let (domain, update) = (domain(*number), update.at(now));
                    assert_eq!(cache.apply(&domain, &update, now), twin.apply(&domain, &update, now));
                }
                Step::Insert(number, updates) => {
                    let entry = updates
                        .iter()
                        .fold(None, |entry, update| update.at(now).apply_to(entry, now))
                        .unwrap_or_default();
                    let domain = domain(*number);
                    assert_eq!(cache.insert(&domain, entry.clone(), now), twin.insert(&domain, entry, now));
                }
                Step::Remove(number) => {
                    assert_eq!(cache.remove(&domain(*number)), twin.remove(&domain(*number)));
                }
                Step::RemoveExpired => {
                    assert_eq!(cache.remove_expired(now), twin.remove_expired(now));
                }
                Step::PollRefresh => {
                    assert_eq!(cache.poll_refresh(now), twin.poll_refresh(now));
                }
            }
            assert_eq!(cache.len(), twin.len());
            assert!(cache.len() <= self.max_entries);
            assert_eq!(cache.octets(), twin.octets());
            assert!(cache.octets() <= self.max_octets);
            assert_eq!(cache.poll_timeout(), twin.poll_timeout());
        }
        assert_eq!(cache.entries().collect::<Vec<_>>(), twin.entries());
    }
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
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
pub(crate) enum Update {
    Keep,
    Checked(usize, u64),
    Absent(u64),
    BackOff(usize, u64),
    Store { policy: usize, id: usize, ago: i64 },
}

/// How many names there are.
pub(crate) const DOMAINS: usize = 9;

/// Everything by looking at everything.
struct Twin {
    config: CacheConfig,
    places: Vec<Option<Known>>,
    vacant: Vec<usize>,
    uses: u64,
    /// Of domains that found no room: as few as these, none makes another give way.
    left_alone: Vec<(PolicyDomain, Vec<BackOff>)>,
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
    /// 1 where it was got again, 2 where that was on another day than the time before.
    reuse: u8,
}

impl Known {
    fn rank(&self) -> u8 {
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

    /// The time from which it has no rank.
    fn expires_at(&self) -> u64 {
        let policy = self.entry.policy().map(|cached| cached.expires_at().as_secs().saturating_add(1));
        policy.unwrap_or_else(|| self.ends_at())
    }

    fn has_expired(&self, now: UnixTime) -> bool {
        self.expires_at() <= now.as_secs()
    }
}

impl Twin {
    fn new(config: CacheConfig) -> Self {
        Self { config, places: Vec::new(), vacant: Vec::new(), uses: 0, left_alone: Vec::new() }
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
        let mut alone = PolicyCache::new(self.config.clone().with_max_entries(1));
        alone.insert(domain, entry.clone(), now);
        alone.poll_timeout()
    }

    /// Every policy once, with the domains that have it, the first to be evicted first.
    fn policies(&self) -> Vec<(Policy, Vec<usize>)> {
        let mut in_order: Vec<_> = self.known().collect();
        in_order.sort_by_key(|(_, known)| (known.rank(), known.use_number));
        let mut policies: Vec<(Policy, Vec<usize>)> = Vec::new();
        for (place, known) in in_order {
            let Some(policy) = known.entry.policy().map(CachedPolicy::policy) else { continue };
            match policies.iter_mut().find(|(other, _)| other == policy) {
                Some((_, places)) => places.push(place),
                None => policies.push((policy.clone(), vec![place])),
            }
        }
        policies
    }

    fn octets(&self) -> usize {
        self.policies().iter().map(|(policy, _)| octets(policy)).sum()
    }

    /// Lets policies go while they take more than they may.
    fn evict_for_memory(&mut self, evicted: Option<Evicted>, now: UnixTime) -> Vec<Evicted> {
        let mut evicted: Vec<_> = evicted.into_iter().collect();
        let bound = self.config.max_octets();
        if self.octets() <= bound {
            return evicted;
        }
        while self.octets() > bound - bound / 16 {
            let policies = self.policies();
            let class = |policy: &Policy| octets(policy).div_ceil(1024).ilog2();
            let largest = (0..12).max_by_key(|number| {
                policies
                    .iter()
                    .filter(|(policy, _)| class(policy) == *number)
                    .map(|(policy, _)| octets(policy))
                    .sum::<usize>()
            });
            let of_class = policies.iter().filter(|(policy, _)| Some(class(policy)) == largest);
            let rank = |place: &usize| {
                let known = self.places[*place].as_ref().unwrap();
                (!known.has_expired(now), known.reuse, known.rank(), known.use_number)
            };
            let (_, places) = of_class.min_by_key(|(_, places)| places.iter().map(rank).max()).unwrap();
            for place in places.clone() {
                let Known { domain, entry, .. } = self.take(place);
                evicted.extend(self.leave_alone(Some(Evicted { domain, entry }), now));
            }
        }
        evicted
    }

    fn peek(&self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let Some((_, known)) = self.known().find(|(_, known)| known.domain == *domain) else {
            return self.left_alone(domain, now);
        };
        (known.ends_at() > now.as_secs()).then(|| known.entry.clone())
    }

    fn left_alone(&self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let (_, back_offs) = self.left_alone.iter().find(|(left_alone, _)| left_alone == domain)?;
        back_offs.iter().filter(|back_off| back_off.until > now).fold(None, |entry, back_off| {
            CacheUpdate::BackOff { back_off: *back_off, requested_at: now }.apply_to(entry, now)
        })
    }

    fn leave_alone(&mut self, evicted: Option<Evicted>, now: UnixTime) -> Option<Evicted> {
        let Evicted { domain, entry } = evicted?;
        let back_offs: Vec<_> =
            entry.back_offs().iter().filter(|back_off| back_off.until > now).copied().collect();
        if !back_offs.is_empty() {
            self.left_alone.retain(|(left_alone, _)| *left_alone != domain);
            self.left_alone.push((domain.clone(), back_offs));
        }
        Some(Evicted { domain, entry })
    }

    fn get(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<CacheEntry> {
        let Some(place) = self.place_of(domain) else { return self.left_alone(domain, now) };
        let use_number = self.next_use();
        let known = self.places[place].as_mut()?;
        known.use_number = use_number;
        let day = |time: UnixTime| time.as_secs() / 86_400;
        known.reuse = known.reuse.max(if day(known.last_used) == day(now) { 1 } else { 2 });
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

    fn apply(&mut self, domain: &PolicyDomain, update: &CacheUpdate, now: UnixTime) -> Vec<Evicted> {
        let evicted = self.apply_one(domain, update, now);
        self.evict_for_memory(evicted, now)
    }

    fn apply_one(&mut self, domain: &PolicyDomain, update: &CacheUpdate, now: UnixTime) -> Option<Evicted> {
        let Some(place) = self.place_of(domain) else {
            let known = self.left_alone(domain, now);
            let updated = update.apply_to(known.clone(), now);
            if updated == known {
                return None;
            }
            return updated.and_then(|entry| self.admit(domain, entry, now));
        };
        let mut known = self.take(place);
        let rank = known.rank();
        let entry = update.apply_to(Some(known.entry), now)?;
        known.entry = entry;
        if known.rank() != rank {
            known.use_number = self.next_use();
        }
        let first_refresh = self.first_refresh(domain, &known.entry, now);
        let back_off_ends = known.entry.back_offs().iter().map(|back_off| back_off.until).min();
        match update {
            CacheUpdate::Store { .. } => (known.refresh_at, known.refreshing) = (first_refresh, false),
            _ if known.entry.policy().is_none() => (known.refresh_at, known.refreshing) = (None, false),
            CacheUpdate::BackOff { back_off, .. } if known.refreshing => {
                let held = known.entry.back_offs().iter().find(|held| held.id == back_off.id);
                known.refresh_at = known.refresh_at.max(held.map(|held| held.until));
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

    fn insert(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Vec<Evicted> {
        self.remove(domain);
        let evicted = self.admit(domain, entry, now);
        self.evict_for_memory(evicted, now)
    }

    fn admit(&mut self, domain: &PolicyDomain, entry: CacheEntry, now: UnixTime) -> Option<Evicted> {
        self.left_alone.retain(|(left_alone, _)| left_alone != domain);
        let gone = self.admit_or_refuse(domain, entry, now);
        self.leave_alone(gone, now)
    }

    fn admit_or_refuse(
        &mut self,
        domain: &PolicyDomain,
        entry: CacheEntry,
        now: UnixTime,
    ) -> Option<Evicted> {
        let new = Known {
            domain: domain.clone(),
            use_number: self.next_use(),
            last_used: minute(now),
            refresh_at: self.first_refresh(domain, &entry, now),
            refreshing: false,
            reuse: 0,
            entry,
        };
        let evicted = |known: Known| Some(Evicted { domain: known.domain, entry: known.entry });
        let mut gone = None;
        if self.len() >= self.config.max_entries() {
            let least = self.known().min_by_key(|(place, known)| {
                if known.has_expired(now) {
                    (false, 0, known.expires_at(), *place)
                } else {
                    (true, known.rank(), known.use_number, 0)
                }
            });
            let rank = |known: &Known| (!known.has_expired(now)).then(|| known.rank());
            match least.map(|(place, known)| (place, rank(known))) {
                Some((place, least)) if least <= rank(&new) => gone = evicted(self.take(place)),
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
        self.left_alone.retain(|(left_alone, _)| left_alone != domain);
        self.place_of(domain).map(|place| self.take(place).entry)
    }

    fn remove_expired(&mut self, now: UnixTime) -> Option<Evicted> {
        let (place, _) = self
            .known()
            .filter(|(_, known)| known.has_expired(now))
            .min_by_key(|(place, known)| (known.expires_at(), *place))?;
        let Known { domain, entry, .. } = self.take(place);
        self.leave_alone(Some(Evicted { domain, entry }), now)
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
        known.sort_by_key(|known| (known.rank(), known.use_number));
        known.into_iter().map(|known| (known.domain.clone(), known.entry.clone())).collect()
    }
}

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
            Self::Checked(id, until) => {
                CacheUpdate::Checked { id: IDS[*id].parse().unwrap(), checked_at: now, until: later(until) }
            }
            Self::Absent(until) => {
                CacheUpdate::Absent(Absence { reason: RecordErrorKind::SeveralRecords, until: later(until) })
            }
            Self::BackOff(id, until) => {
                let back_off = BackOff { id: IDS[*id].parse().unwrap(), until: later(until) };
                CacheUpdate::BackOff { back_off, requested_at: now }
            }
            Self::Store { policy, id, ago } => {
                let mode = ["enforce", "testing", "none"][policy % 3];
                let max_age = MAX_AGES[policy / 3];
                let filler = "x".repeat(policy % 4 * 900);
                let body = format!(
                    "version: STSv1\nmode: {mode}\nmx: mx.test\nmax_age: {max_age}\nfiller: x{filler}\n"
                );
                let policy = Policy::parse(body.as_bytes()).unwrap();
                CacheUpdate::Store {
                    policy: CachedPolicy::new(policy, IDS[*id].parse().unwrap(), step(now, -ago)),
                    checked_until: later(&300),
                }
            }
        }
    }
}

/// What a policy takes in memory: as much as a cache holds that has nothing else.
fn octets(policy: &Policy) -> usize {
    let mut alone = PolicyCache::new(CacheConfig::new(0));
    let now = UnixTime::from_secs(0);
    let policy = CachedPolicy::new(policy.clone(), "1".parse().unwrap(), now);
    let update = CacheUpdate::Store { policy, checked_until: now };
    alone.apply(&domain(0), &update, now);
    alone.octets()
}

fn minute(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.as_secs() / 60 * 60)
}

fn step(now: UnixTime, secs: i64) -> UnixTime {
    UnixTime::from_secs(now.as_secs().saturating_add_signed(secs))
}
