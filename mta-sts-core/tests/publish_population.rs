//! Plans of changes beside a population of senders: nobody refuses mail for a step that is done when the plan says so, and
//! somebody does if it is done earlier.
//!
//! Senders compare the id of the record with that of their policy at each message, or use what they hold until it expires. Between
//! them and the domain are resolvers that keep answers for the whole TTL, caches that go on serving a replaced policy, Policy Hosts
//! that do not respond for a while, and queues in which a message waits for days with the MX hosts it was queued for. They send at
//! any moment, above all just before and just after something changes.
#![cfg(feature = "publish")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::time::Duration;

use mta_sts_core::publish::{Action, Facts, History, Plan, SeenRecord, Step, Target, Wait};
use mta_sts_core::{DnsName, Mode, Policy, PolicyDomain, RecordId, UnixTime};

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const START: u64 = 1_700_000_000;

/// The MX hosts that there are; the last is where mail goes once nothing is published any more.
const HOSTS: [&str; 7] =
    ["mx0.test", "mx1.test", "mx2.test", "mx3.test", "mx4.test", "mx5.test", "elsewhere.test"];
const ELSEWHERE: Hosts = 1 << 6;

/// A set of hosts, a bit for each.
type Hosts = u8;

fn names(hosts: Hosts) -> Vec<DnsName> {
    let is_in = |place: &usize| hosts & (1 << place) > 0;
    (0..HOSTS.len()).filter(is_in).map(|place| DnsName::parse(HOSTS[place]).unwrap()).collect()
}

fn set_of(is_in: impl Fn(&str) -> bool) -> Hosts {
    (0..HOSTS.len()).filter(|place| is_in(HOSTS[*place])).fold(0, |hosts, place| hosts | 1 << place)
}

/// What senders make of a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Body {
    is_enforced: bool,
    max_age: u64,
    hosts: Hosts,
}

impl Body {
    fn of(policy: &Policy) -> Self {
        Self {
            is_enforced: policy.mode() == Mode::Enforce,
            max_age: policy.max_age().as_secs(),
            hosts: set_of(|host| policy.matches_mx(host)),
        }
    }
}

/// What had which value from when on.
#[derive(Clone, Debug)]
struct Course<T>(Vec<(u64, T)>);

impl<T: Copy> Course<T> {
    fn at(&self, time: u64) -> Option<T> {
        let later = self.0.partition_point(|(since, _)| *since <= time);
        later.checked_sub(1).map(|place| self.0[place].1)
    }
}

/// What can be seen of a domain, and how long others keep it.
#[derive(Clone, Debug)]
struct World {
    /// What the Policy Host serves; an outage changes nothing here.
    policies: Course<Option<Body>>,
    records: Course<Option<RecordId>>,
    hosts: Course<Hosts>,
    outages: Vec<(u64, u64)>,
    facts: Facts,
}

impl World {
    fn is_down(&self, time: u64) -> bool {
        self.outages.iter().any(|(start, end)| (*start..*end).contains(&time))
    }

    fn fetch(&self, time: u64, is_behind_cache: bool) -> Option<Body> {
        if self.is_down(time) {
            return None;
        }
        let age = if is_behind_cache { spread(&self.facts) } else { 0 };
        // What was never there cannot be cached.
        self.policies.at(time - age).flatten().or_else(|| self.policies.at(time).flatten())
    }

    /// The moments around everything that changes, and those at which what was seen before it is given up.
    fn moments(&self, since: u64) -> Vec<u64> {
        let changes = self.policies.0.iter().map(|(time, _)| *time);
        let changes = changes.chain(self.records.0.iter().map(|(time, _)| *time));
        let changes = changes.chain(self.hosts.0.iter().map(|(time, _)| *time));
        let changes: Vec<_> = changes.chain(self.outages.iter().map(|(_, end)| *end)).collect();
        let (mx_ttl, queue) = (self.facts.mx_ttl().as_secs(), self.facts.queue_lifetime().as_secs());
        let ages = [0, spread(&self.facts), self.facts.record_ttl().as_secs(), mx_ttl, queue, mx_ttl + queue];
        let mut moments: Vec<_> = changes
            .iter()
            .flat_map(|change| ages.iter().map(move |age| change + age))
            .flat_map(|moment| [moment - 1, moment])
            .collect();
        let mut policies: Vec<_> = self.policies.0.iter().filter_map(|(_, body)| *body).collect();
        policies.dedup();
        let expiries = policies.iter().flat_map(|body| {
            changes.iter().flat_map(move |change| [change + body.max_age - 1, change + body.max_age])
        });
        moments.extend(expiries.collect::<Vec<_>>());
        moments.retain(|moment| *moment >= since);
        moments.sort_unstable();
        moments.dedup();
        moments
    }
}

/// How long a policy may still be fetched that was replaced. All plans here allow for a change of the Policy Host.
fn spread(facts: &Facts) -> u64 {
    facts.policy_cache().max(facts.policy_host_ttl()).as_secs()
}

/// What a sender is like.
#[derive(Clone, Copy, Debug)]
struct Habits {
    compares_ids: bool,
    is_behind_cache: bool,
    keeps_queued_hosts: bool,
}

const ALL_HABITS: [Habits; 8] = {
    let mut all = [Habits { compares_ids: false, is_behind_cache: false, keeps_queued_hosts: false }; 8];
    let mut number = 0;
    while number < 8 {
        all[number] = Habits {
            compares_ids: number & 1 > 0,
            is_behind_cache: number & 2 > 0,
            keeps_queued_hosts: number & 4 > 0,
        };
        number += 1;
    }
    all
};

/// A sender in the middle of its life.
struct Sender<'a> {
    world: &'a World,
    habits: Habits,
    policy: Option<(Body, RecordId, u64)>,
    record: Option<(Option<RecordId>, u64)>,
    hosts: Option<(Hosts, u64)>,
    left_alone: Option<(RecordId, u64)>,
    queued: Vec<(Hosts, u64)>,
}

/// Mail that was refused, or a host of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Refusal {
    time: u64,
    /// No host was left.
    is_whole: bool,
}

impl<'a> Sender<'a> {
    fn new(world: &'a World, habits: Habits) -> Self {
        Self { world, habits, policy: None, record: None, hosts: None, left_alone: None, queued: Vec::new() }
    }

    /// Sends a message, and tries again what is in the queue.
    fn send(&mut self, time: u64) -> Option<Refusal> {
        let hosts = match self.hosts {
            Some((hosts, seen_at)) if time < seen_at + self.world.facts.mx_ttl().as_secs() => hosts,
            _ => {
                let hosts = self.world.hosts.at(time)?;
                self.hosts = Some((hosts, time));
                hosts
            }
        };
        if self.habits.keeps_queued_hosts {
            self.queued.push((hosts, time));
        }
        let policy = self.policy_at(time).filter(|policy| policy.is_enforced)?;
        let lifetime = self.world.facts.queue_lifetime().as_secs();
        let queued = self.queued.iter().filter(|(_, since)| time <= since + lifetime);
        let refusal = |hosts: Hosts| {
            (hosts & !policy.hosts > 0).then_some(Refusal { time, is_whole: hosts & policy.hosts == 0 })
        };
        let refusals = queued.map(|(hosts, _)| *hosts).chain([hosts]).filter_map(refusal);
        refusals.max_by_key(|refusal| refusal.is_whole)
    }

    fn policy_at(&mut self, time: u64) -> Option<Body> {
        let held = self.policy.filter(|(body, _, fetched_at)| time <= fetched_at + body.max_age);
        if let Some((body, ..)) = held.filter(|_| !self.habits.compares_ids) {
            return Some(body);
        }
        let record = match self.record {
            Some((record, seen_at)) if time < seen_at + self.world.facts.record_ttl().as_secs() => record,
            _ => {
                let record = self.world.records.at(time).flatten();
                self.record = Some((record, time));
                record
            }
        };
        let Some(id) = record.filter(|id| held.is_none_or(|(_, held, _)| held != *id)) else {
            return held.map(|(body, ..)| body);
        };
        if self.left_alone.is_some_and(|(alone, until)| alone == id && time < until) {
            return held.map(|(body, ..)| body);
        }
        if let Some(body) = self.world.fetch(time, self.habits.is_behind_cache) {
            self.policy = Some((body, id, time));
            return Some(body);
        }
        self.left_alone = Some((id, time + self.world.facts.retry().as_secs()));
        held.map(|(body, ..)| body)
    }
}

/// Which of its two times each step of a plan is done at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    Earliest,
    Safe,
}

impl Pace {
    fn of(self, step: &Step) -> (u64, Wait) {
        match self {
            Self::Earliest => (step.earliest().as_secs(), step.wait()),
            Self::Safe => (step.safe().as_secs(), step.safe_wait()),
        }
    }

    /// Whether a sender of these habits may be refused at this pace: it is what the earliest times do not promise.
    fn allows(self, world: &World, habits: Habits, refusal: Refusal) -> bool {
        if self == Self::Safe {
            return false;
        }
        // An outage after the hosts changed.
        let changed = world.hosts.0.iter().rev().find(|(time, _)| *time <= refusal.time);
        let since = changed.map_or(0, |(time, _)| *time);
        let is_down = world.outages.iter().any(|(start, end)| *start <= refusal.time && *end > since);
        !habits.compares_ids || is_down
    }
}

/// The owner of a domain, who does what plans say.
struct Owner {
    now: u64,
    world: World,
    history: History,
    served: Option<Policy>,
    /// Those that are still to come.
    outages: Vec<(u64, u64)>,
}

impl Owner {
    fn new(facts: Facts, hosts: Hosts) -> Self {
        let domain = PolicyDomain::parse("owner.test").unwrap();
        let mut history = History::new(domain);
        history.note_hosts(&names(hosts), UnixTime::from_secs(START));
        let world = World {
            policies: Course(vec![(START, None)]),
            records: Course(vec![(START, None)]),
            hosts: Course(vec![(START, hosts)]),
            outages: Vec::new(),
            facts,
        };
        Self { now: START, world, history, served: None, outages: Vec::new() }
    }

    /// A domain with a policy that has been served for long.
    fn with_policy(facts: Facts, mode: Mode, hosts: Hosts, max_age: u64) -> Self {
        let mut owner = Self::new(facts, hosts);
        let target = Target::new(mode)
            .with_max_age(Duration::from_secs(max_age))
            .with_testing_period(Duration::ZERO)
            .with_growth(Vec::new());
        owner.follow(&target, Pace::Safe, usize::MAX);
        owner.now += 400 * DAY;
        owner
    }

    fn plan(&self, target: &Target) -> Plan {
        let hosts = names(self.world.hosts.at(self.now).unwrap());
        let mut facts = Facts::new(hosts)
            .with_record_ttl(self.world.facts.record_ttl())
            .with_mx_ttl(self.world.facts.mx_ttl())
            .with_policy_host_ttl(self.world.facts.policy_host_ttl())
            .with_policy_cache(self.world.facts.policy_cache())
            .with_retry(self.world.facts.retry())
            .with_queue_lifetime(self.world.facts.queue_lifetime());
        if let Some(name) = self.world.facts.policy_host() {
            facts = facts.with_policy_host(name.clone());
        }
        // The time for which the former Policy Host is found counts in all plans.
        let target = target.clone().with_policy_host(DnsName::parse(PROVIDER).unwrap());
        Plan::between(&self.history, &target, &facts, UnixTime::from_secs(self.now)).unwrap()
    }

    /// Does the steps one after the other, each after a new plan, and this many at most.
    fn follow(&mut self, target: &Target, pace: Pace, count: usize) {
        let mut done = 0;
        while done < count {
            let plan = self.plan(target);
            let Some(step) = plan.steps().first() else { return };
            let (due, _) = pace.of(step);
            if due > self.now {
                self.pass_to(due);
                continue;
            }
            let needs_host = matches!(
                step.action(),
                Action::PutPolicy(_) | Action::MovePolicyHost(_) | Action::DeletePolicy
            );
            if needs_host && self.world.is_down(self.now) {
                self.pass_to(self.now + HOUR);
                continue;
            }
            self.take(step.action());
            done += 1;
            assert!(
                count < usize::MAX || done < 30,
                "it never ends: {:?} {:?} {:?}",
                target,
                self.history.to_text(),
                plan.steps()
                    .iter()
                    .map(|s| (s.action().clone(), s.earliest(), s.wait().code()))
                    .collect::<Vec<_>>()
            );
        }
    }

    /// Lets time pass to this moment, or to the next outage or the end of it.
    fn pass_to(&mut self, time: u64) {
        let ends = self.world.outages.iter().map(|(_, end)| *end).filter(|end| *end > self.now);
        let end = ends.min().unwrap_or(u64::MAX);
        let start = self.outages.first().map_or(u64::MAX, |(start, _)| *start).max(self.now);
        self.now = time.min(end).min(start);
        if self.now == end {
            self.history.note_policy(self.served.as_ref(), UnixTime::from_secs(self.now));
        }
        if self.now == start {
            let (_, length) = self.outages.remove(0);
            self.world.outages.push((start, start + length));
            self.history.note_policy(None, UnixTime::from_secs(self.now));
        }
    }

    fn take(&mut self, action: &Action) {
        let (time, now) = (UnixTime::from_secs(self.now), self.now);
        match action {
            Action::PutPolicy(draft) | Action::MovePolicyHost(draft) => {
                if matches!(action, Action::MovePolicyHost(_)) {
                    let facts = self.world.facts.clone();
                    self.world.facts = facts.with_policy_host(DnsName::parse(PROVIDER).unwrap());
                }
                self.served = Some(draft.policy().clone());
                self.world.policies.0.push((now, Some(Body::of(draft.policy()))));
                self.history.note_policy(self.served.as_ref(), time);
            }
            Action::PutRecord(id) => {
                self.world.records.0.push((now, Some(*id)));
                self.history.note_record(Some(id), time);
            }
            Action::ChangeMx { add, remove } => {
                let named = |list: &[DnsName]| set_of(|host| list.iter().any(|name| name.as_str() == host));
                let hosts = (self.world.hosts.at(now).unwrap() | named(add)) & !named(remove);
                self.world.hosts.0.push((now, hosts));
                self.history.note_hosts(&names(hosts), time);
            }
            Action::DeleteRecord => {
                self.world.records.0.push((now, None));
                self.history.note_record(None, time);
                // From now on the owner may do whatever he likes.
                self.world.hosts.0.push((now, ELSEWHERE));
            }
            Action::DeletePolicy => {
                self.served = None;
                self.world.policies.0.push((now, None));
                self.history.note_policy(None, time);
            }
            _ => panic!("{action} is new"),
        }
    }
}

const PROVIDER: &str = "mta-sts.provider.test";

/// Who refused, and when it had sent before.
type Witness = (Habits, Vec<u64>, Refusal);

/// The first sender that refuses a host for no reason that the pace allows.
fn witness<T: AsRef<[u64]>>(
    world: &World,
    pace: Pace,
    mut lives: impl Iterator<Item = (Habits, T)>,
) -> Option<Witness> {
    lives.find_map(|(habits, times)| {
        let mut sender = Sender::new(world, habits);
        let refusal = times.as_ref().iter().find_map(|time| sender.send(*time))?;
        let is_allowed = pace.allows(world, habits, refusal);
        (!is_allowed).then(|| (habits, times.as_ref().to_vec(), refusal))
    })
}

/// Senders with two messages, at all moments that matter.
fn every_pair(moments: &[u64]) -> impl Iterator<Item = (Habits, [u64; 2])> {
    ALL_HABITS.iter().flat_map(move |habits| {
        (0..moments.len()).flat_map(move |first| {
            moments[first..].iter().map(move |second| (*habits, [moments[first], *second]))
        })
    })
}

/// Senders with two or three messages, at all moments that matter.
fn every_life(moments: &[u64]) -> impl Iterator<Item = (Habits, [u64; 3])> {
    ALL_HABITS.iter().flat_map(move |habits| {
        (0..moments.len()).flat_map(move |first| {
            (first..moments.len()).flat_map(move |second| {
                moments[second..]
                    .iter()
                    .map(move |third| (*habits, [moments[first], moments[second], *third]))
            })
        })
    })
}

/// The generator `SplitMix64`, so that each run is the same.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }

    fn hosts(&mut self) -> Hosts {
        loop {
            let hosts = u8::try_from(self.next() & self.next() & 0x3F).unwrap();
            if hosts > 0 {
                return hosts;
            }
        }
    }

    fn facts(&mut self) -> Facts {
        let seconds = |secs: u64| Duration::from_secs(secs);
        Facts::new(Vec::new())
            .with_record_ttl(seconds(self.of(&[MINUTE, HOUR, DAY])))
            .with_mx_ttl(seconds(self.of(&[5 * MINUTE, HOUR, 2 * DAY])))
            .with_policy_cache(seconds(self.of(&[0, MINUTE, 2 * HOUR])))
            .with_policy_host_ttl(seconds(self.of(&[0, HOUR, DAY])))
            .with_retry(seconds(self.of(&[5 * MINUTE, 2 * HOUR])))
            .with_queue_lifetime(seconds(self.of(&[0, 2 * DAY, 5 * DAY])))
    }

    fn target(&mut self) -> Target {
        let mode = self.of(&[Mode::Enforce, Mode::Enforce, Mode::Testing]);
        let target = if self.one_in(12) { Target::removed() } else { Target::new(mode) };
        let target = target.with_max_age(Duration::from_secs(self.of(&[DAY, 7 * DAY, 30 * DAY, 365 * DAY])));
        let target = if self.one_in(3) { target } else { target.with_hosts(names(self.hosts())) };
        match self.below(3) {
            0 => target,
            1 => target.with_testing_period(Duration::ZERO).with_growth(Vec::new()),
            _ => target.with_testing_period(Duration::from_secs(2 * DAY)),
        }
    }

    /// A sender that sends a few times, mostly at moments that matter.
    fn life(&mut self, moments: &[u64]) -> (Habits, Vec<u64>) {
        let (first, last) = (moments[0], moments[moments.len() - 1]);
        let count = 2 + self.below(4);
        let mut times: Vec<_> = (0..count)
            .map(|_| match self.below(8) {
                0 => first + self.below(last - first + DAY),
                1 => (self.of(moments) + self.below(4)).saturating_sub(2).max(START),
                _ => self.of(moments),
            })
            .collect();
        times.sort_unstable();
        (self.of(&ALL_HABITS), times)
    }
}

/// A domain from nothing, through some changes, each finished or given up for the next one.
fn story(random: &mut Random, pace: Pace) -> Owner {
    let facts = random.facts();
    let hosts = random.hosts();
    let mut owner = if random.one_in(4) {
        Owner::new(facts, hosts)
    } else {
        let mode = random.of(&[Mode::Enforce, Mode::Enforce, Mode::Testing]);
        let max_age = random.of(&[DAY, 7 * DAY, 30 * DAY]);
        Owner::with_policy(facts, mode, hosts, max_age)
    };
    let mut start = owner.now;
    for _ in 0..random.below(3) {
        start += random.below(20 * DAY);
        let length = 1 + random.below(4 * DAY);
        owner.outages.push((start, length));
        start += length + 1;
    }
    for _ in 0..=random.below(4) {
        let target = random.target();
        let count = if random.one_in(2) { usize::MAX } else { usize::try_from(random.below(6)).unwrap() };
        owner.follow(&target, pace, count);
        if owner.world.hosts.at(owner.now) == Some(ELSEWHERE) {
            break;
        }
        if random.one_in(2) {
            owner.pass_to(owner.now + random.below(10 * DAY));
        }
    }
    owner
}

fn count_of_plans() -> u64 {
    if std::env::var_os("MTASTS_SOAK").is_some() { 200_000 } else { 3_000 }
}

// Proves S88, S89, S93.
#[test]
fn no_sender_refuses_mail_for_a_step_that_is_done_in_time() {
    for seed in 0..count_of_plans() {
        let mut random = Random(seed);
        let pace = random.of(&[Pace::Earliest, Pace::Safe]);
        let owner = story(&mut random, pace);
        let moments = owner.world.moments(START);
        let lives: Vec<_> = (0..100).map(|_| random.life(&moments)).collect();
        let found = witness(&owner.world, pace, lives.into_iter());
        assert_eq!(
            found.map(|found| format!("{found:?}")),
            None,
            "seed {seed}, {pace:?}\n{:#?}",
            owner.world
        );
    }
}

/// A change whose plan has to wait, and for what.
struct Change {
    wait: Wait,
    pace: Pace,
    owner: Owner,
    target: Target,
    /// What the owner does in the end, which is safe because of the wait.
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// Nothing more.
    Done,
    /// Goes back to mode testing a second before the wait is over, since a fault has shown; hosts fail once the `max_age` that was
    /// served until then is over.
    RollsBack,
}

impl Change {
    fn new(wait: Wait, pace: Pace, owner: Owner, target: Target) -> Self {
        Self { wait, pace, owner, target, end: End::Done }
    }

    /// What can be seen if each step is done when the plan says so, but those with the wait so much earlier.
    fn world(&self, earlier: u64) -> World {
        let plan = self.owner.plan(&self.target);
        let mut owner = Owner {
            now: self.owner.now,
            world: self.owner.world.clone(),
            history: self.owner.history.clone(),
            served: self.owner.served.clone(),
            outages: Vec::new(),
        };
        let is_waiting = |step: &&Step| self.pace.of(step).1 == self.wait;
        let first = plan.steps().iter().find(is_waiting).expect("the plan has the wait");
        let shown_at = self.pace.of(first).0 - 1;
        for step in plan.steps() {
            let (time, wait) = self.pace.of(step);
            let time = if wait == self.wait { time - earlier } else { time };
            if self.end == End::RollsBack && time > shown_at {
                break;
            }
            owner.now = time;
            owner.take(step.action());
        }
        if self.end == End::RollsBack {
            let last = owner.world.policies.at(shown_at - HOUR - 1).flatten().unwrap();
            owner.now = shown_at;
            owner.follow(&Target::new(Mode::Testing), self.pace, usize::MAX);
            let held_for = if last.is_enforced { last.max_age } else { 0 };
            owner.world.hosts.0.push((shown_at + held_for + spread(&owner.world.facts), ELSEWHERE));
        }
        owner.world
    }

    fn refusal(&self, earlier: u64) -> Option<Witness> {
        let world = self.world(earlier);
        // An outage may have been just before.
        let moments = world.moments(self.owner.now - DAY);
        let pair = witness(&world, self.pace, every_pair(&moments));
        // One message more is worth the time only where somebody has to be found.
        pair.or_else(|| if earlier > 0 { witness(&world, self.pace, every_life(&moments)) } else { None })
    }
}

fn slow_facts() -> Facts {
    Facts::new(Vec::new())
        .with_record_ttl(Duration::from_secs(4 * HOUR))
        .with_mx_ttl(Duration::from_secs(5 * MINUTE))
        .with_policy_cache(Duration::from_secs(2 * HOUR))
        .with_policy_host_ttl(Duration::ZERO)
}

fn enforcing(hosts: Hosts) -> Owner {
    Owner::with_policy(slow_facts(), Mode::Enforce, hosts, 7 * DAY)
}

fn enforced(hosts: Hosts) -> Target {
    Target::new(Mode::Enforce).with_max_age(Duration::from_secs(7 * DAY)).with_hosts(names(hosts))
}

/// A policy was enforced before the history began, and replaced without a new id.
fn with_forgotten_policy() -> Owner {
    let mut owner = enforcing(0b1);
    let testing =
        Policy::parse(b"version: STSv1\nmode: testing\nmx: mx0.test\nmx: mx1.test\nmax_age: 86400\n")
            .unwrap();
    owner.world.policies.0.push((owner.now, Some(Body::of(&testing))));
    let now = UnixTime::from_secs(owner.now);
    let expired = UnixTime::from_secs(owner.now + 7 * DAY + spread(&owner.world.facts));
    let mut history = History::new(owner.history.domain().clone()).with_unknown_until(expired);
    history.note_policy(Some(&testing), now);
    history.note_record(owner.history.record().map(SeenRecord::id), now);
    history.note_hosts(&names(0b1), now);
    (owner.served, owner.history) = (Some(testing), history);
    owner
}

/// The Policy Host did not respond when the new record came up.
fn after_outage() -> Owner {
    let facts = slow_facts()
        .with_record_ttl(Duration::from_secs(MINUTE))
        .with_policy_cache(Duration::ZERO)
        .with_retry(Duration::from_secs(2 * HOUR));
    let mut owner = Owner::with_policy(facts, Mode::Enforce, 0b1, 7 * DAY);
    owner.follow(&enforced(0b10), Pace::Earliest, 2);
    owner.outages.push((owner.now + 1, 3 * HOUR));
    owner.pass_to(owner.now + 1);
    owner.pass_to(owner.now + DAY);
    owner
}

fn changes() -> Vec<Change> {
    let (earliest, safe) = (Pace::Earliest, Pace::Safe);
    let rolled_back = |wait, pace, owner, target: Target| Change {
        end: End::RollsBack,
        ..Change::new(wait, pace, owner, target)
    };
    let for_a_day = |hosts| enforced(hosts).with_max_age(Duration::from_secs(DAY));
    let testing = || Owner::with_policy(slow_facts(), Mode::Testing, 0b1, DAY);
    let growing = || Owner::with_policy(slow_facts(), Mode::Enforce, 0b1, DAY);
    let growing = || {
        // Its first day is today.
        let mut owner = growing();
        owner.follow(&Target::new(Mode::Testing), safe, usize::MAX);
        let first = for_a_day(0b1).with_testing_period(Duration::ZERO);
        owner.follow(&first, safe, usize::MAX);
        owner
    };
    vec![
        Change::new(Wait::PolicyCache, earliest, enforcing(0b1), enforced(0b10)),
        Change::new(Wait::RecordTtl, earliest, enforcing(0b1), enforced(0b10)),
        Change::new(Wait::Retry, earliest, after_outage(), enforced(0b10)),
        Change::new(Wait::OldPolicies, safe, enforcing(0b1), enforced(0b10)),
        Change::new(Wait::QueuedMail, earliest, growing(), for_a_day(0b10)),
        Change::new(Wait::QueuedMail, safe, growing(), for_a_day(0b10)),
        Change::new(
            Wait::UnknownPolicies,
            earliest,
            with_forgotten_policy(),
            Target::new(Mode::Testing).with_hosts(names(0b10)),
        ),
        Change::new(
            Wait::UnknownPolicies,
            safe,
            with_forgotten_policy(),
            Target::new(Mode::Testing).with_hosts(names(0b10)),
        ),
        Change::new(Wait::OptOut, earliest, enforcing(0b1), Target::removed()),
        Change::new(Wait::OptOut, safe, enforcing(0b1), Target::removed()),
        rolled_back(
            Wait::TestingPeriod,
            safe,
            testing(),
            Target::new(Mode::Enforce).with_testing_period(Duration::from_secs(401 * DAY)),
        ),
        rolled_back(
            Wait::Growth,
            safe,
            growing(),
            Target::new(Mode::Enforce).with_testing_period(Duration::ZERO),
        ),
    ]
}

// Proves S89, S93.
#[test]
fn some_sender_loses_mail_where_a_wait_is_an_hour_shorter() {
    let changes = changes();
    for change in &changes {
        let name = format!("{} {:?}", change.wait, change.pace);
        let too_early = change.refusal(0);
        assert_eq!(too_early.map(|found| format!("{found:?}")), None, "{name}\n{:#?}", change.world(0));
        let (_, _, refusal) =
            change.refusal(HOUR).unwrap_or_else(|| panic!("nobody needs to wait for {name}"));
        assert!(refusal.is_whole, "{name}");
    }
    // Each wait has its witness.
    for wait in Wait::ALL.iter().filter(|wait| !matches!(wait, Wait::Nothing | Wait::PreviousStep)) {
        assert!(changes.iter().any(|change| change.wait == *wait), "{wait}");
    }
}

// Proves S93.
#[test]
fn hosts_may_fail_once_the_last_policy_that_is_enforced_has_expired() {
    for pace in [Pace::Earliest, Pace::Safe] {
        let mut owner = enforcing(0b1);
        let start = owner.now;
        let target = Target::new(Mode::Testing);
        let plan = owner.plan(&target);
        owner.follow(&target, pace, usize::MAX);
        let settled = match pace {
            Pace::Earliest => plan.settled_at().0.as_secs(),
            Pace::Safe => plan.settled_at().1.as_secs(),
        };
        for earlier in [0, HOUR] {
            let mut world = owner.world.clone();
            world.hosts.0.push((settled - earlier, ELSEWHERE));
            let moments = world.moments(start - 1);
            let found = witness(&world, pace, every_life(&moments));
            assert_eq!(found.is_some(), earlier > 0, "{pace:?} {found:?}");
        }
    }
}

#[test]
fn a_plan_that_is_made_again_after_each_step_is_the_same() {
    for seed in 0..count_of_plans() / 10 {
        let mut random = Random(seed);
        let pace = random.of(&[Pace::Earliest, Pace::Safe]);
        let mut owner = story(&mut random, pace);
        if owner.world.hosts.at(owner.now) == Some(ELSEWHERE) {
            continue;
        }
        owner.outages.clear();
        while owner.world.is_down(owner.now) {
            owner.pass_to(owner.now + DAY);
        }
        let target = random.target();
        let steps = owner.plan(&target).steps().to_vec();
        for (place, step) in steps.iter().enumerate() {
            let rest = owner.plan(&target);
            let shown = |steps: &[Step]| -> Vec<_> {
                steps.iter().map(|step| (step.action().clone(), pace.of(step).0)).collect()
            };
            assert_eq!(shown(rest.steps()), shown(&steps[place..]), "seed {seed}, step {place}");
            owner.now = pace.of(step).0;
            owner.take(step.action());
        }
        assert_eq!(owner.plan(&target).steps(), [], "seed {seed}");
    }
}
