//! A year of a mail server in seconds: lookups and the cache against domains whose hosts and name
//! servers fail, publish anew, and disagree.
//!
//! Everything follows from one seed. `MTASTS_SOAK=1` takes ten times as many domains; without
//! optimisation there are few.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use mta_sts_core::{
    CacheConfig, CacheUpdate, FetchFailure, HttpResponse, Input, Lookup, LookupConfig, Output, PolicyCache,
    PolicyDomain, Purpose, RecordId, TxtFailure, UnixTime,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const YEAR: u64 = 365 * DAY;
const START: u64 = 1_700_000_000;
const END: u64 = START + YEAR;

const PROVIDERS: usize = 50;

// Proves S52, S58.
#[test]
fn a_year_of_mail() {
    let domains = match (std::env::var_os("MTASTS_SOAK"), cfg!(debug_assertions)) {
        (Some(_), _) => 100_000,
        (None, false) => 10_000,
        (None, true) => 300,
    };
    let mut simulation = Simulation::new(domains, 8461);
    simulation.run();
    let Simulation { counts, .. } = &simulation;
    println!("{domains} domains, one year: {counts:?}");

    assert_eq!(simulation.faults, [""; 0]);
    // The year has seen what it was to see.
    assert!(counts.lapsed > 0 && counts.failed_refreshes > 0 && counts.refreshes > counts.failed_refreshes);
    assert!(counts.let_go > 0 && counts.junk > 0 && counts.cached_deliveries > 0 && counts.rechecks > 0);
}

/// What happens, at a time that is set before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Mail(usize),
    Junk,
    /// The Policy Host, of a domain alone or of a provider, stops answering, or answers again.
    Host(usize),
    Dns(usize),
    Publish(usize),
    /// If the domain has this policy still, it has just lapsed.
    Lapse(usize, u64),
}

#[derive(Default, Debug)]
struct Counts {
    mails: u64,
    cached_deliveries: u64,
    junk: u64,
    rechecks: u64,
    refreshes: u64,
    failed_refreshes: u64,
    fetches: u64,
    let_go: u64,
    lapsed: u64,
    busiest_hour_of_refreshes: u64,
    most_entries: usize,
}

struct Simulation {
    now: u64,
    random: Random,
    events: BinaryHeap<Reverse<(u64, Event)>>,
    domains: Vec<Domain>,
    // Those of the domains, then those of the providers.
    hosts: Vec<Host>,
    cache: PolicyCache,
    config: LookupConfig,
    refreshes_by_hour: Vec<u64>,
    counts: Counts,
    faults: Vec<String>,
}

struct Domain {
    name: PolicyDomain,
    provider: Option<usize>,
    body: String,
    max_age: u64,
    id: u64,
    old_id: u64,
    /// Until then some name servers still have the old id.
    disagree_until: u64,
    ttl: Duration,
    dns_fails: bool,
    mail_interval: u64,
    mail_ends: u64,
    last_mail: u64,
    fetched_at: u64,
    /// The ids whose policy was asked for of late, and when.
    asked: Vec<(RecordId, u64)>,
}

#[derive(Default)]
struct Host {
    fails: bool,
    outages: Vec<(u64, u64)>,
}

impl Simulation {
    fn new(count: usize, seed: u64) -> Self {
        let cache_config = CacheConfig::new(seed).with_max_entries(count + count / 10);
        let mut simulation = Self {
            now: START,
            random: Random(seed),
            events: BinaryHeap::new(),
            domains: Vec::with_capacity(count),
            hosts: (0..count + PROVIDERS).map(|_| Host::default()).collect(),
            cache: PolicyCache::new(cache_config),
            config: LookupConfig::new(),
            refreshes_by_hour: vec![0; usize::try_from(YEAR / HOUR).unwrap() + 1],
            counts: Counts::default(),
            faults: Vec::new(),
        };
        for number in 0..count {
            let domain = simulation.random.domain(number);
            simulation.domains.push(domain);
            // After an outage of the server, half of the mail is sent in the first hour.
            let first_mail = if simulation.random.one_in(2) {
                simulation.random.below(HOUR)
            } else {
                simulation.random.below(simulation.domains[number].mail_interval)
            };
            simulation.after(first_mail, Event::Mail(number));
            let until_outage = simulation.random.below(60 * DAY);
            simulation.after(until_outage, Event::Host(number));
            let until_failure = simulation.random.below(40 * DAY);
            simulation.after(until_failure, Event::Dns(number));
            let until_publication = simulation.random.below(120 * DAY);
            simulation.after(until_publication, Event::Publish(number));
        }
        for provider in 0..PROVIDERS {
            let until_outage = simulation.random.below(200 * DAY);
            simulation.after(until_outage, Event::Host(count + provider));
        }
        simulation.after(0, Event::Junk);
        simulation
    }

    fn after(&mut self, secs: u64, event: Event) {
        self.events.push(Reverse((self.now + secs, event)));
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.now)
    }

    fn run(&mut self) {
        loop {
            let refresh = self.cache.poll_timeout().map_or(u64::MAX, UnixTime::as_secs);
            let event = self.events.peek().map_or(u64::MAX, |Reverse((time, _))| *time);
            self.now = self.now.max(refresh.min(event));
            if self.now >= END {
                break;
            }
            if refresh <= event {
                self.refresh();
            } else if let Some(Reverse((_, event))) = self.events.pop() {
                self.happen(event);
            }
            self.counts.most_entries = self.counts.most_entries.max(self.cache.len());
        }
        self.check_load();
        if self.cache.len() > self.cache.config().max_entries() {
            self.faults.push(format!("{} entries", self.cache.len()));
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Mail(number) => self.deliver(number),
            Event::Junk => self.deliver_junk(),
            Event::Host(host) => {
                let Host { fails, outages } = &mut self.hosts[host];
                *fails = !*fails;
                let span = if *fails {
                    outages.push((self.now, u64::MAX));
                    // A provider has people who mend it.
                    let longest = if host < self.domains.len() { 4 * DAY } else { 2 * DAY };
                    self.random.between(5 * MINUTE, longest)
                } else {
                    if let Some(last) = outages.last_mut() {
                        last.1 = self.now;
                    }
                    self.random.between(HOUR, 150 * DAY)
                };
                self.after(span, event);
            }
            Event::Dns(number) => {
                let fails = &mut self.domains[number].dns_fails;
                *fails = !*fails;
                let span = if *fails {
                    self.random.between(MINUTE, 5 * DAY)
                } else {
                    self.random.between(HOUR, 60 * DAY)
                };
                self.after(span, event);
            }
            Event::Publish(number) => {
                let published = self.random.domain(number);
                let domain = &mut self.domains[number];
                domain.old_id = domain.id;
                domain.id += 1;
                if domain.provider.is_none() {
                    (domain.body, domain.max_age) = (published.body, published.max_age);
                }
                // One in a hundred has name servers that never agree.
                let span = if number % 100 == 0 { YEAR } else { self.random.between(MINUTE, DAY) };
                domain.disagree_until = self.now + span;
                let until_next = self.random.between(DAY, 200 * DAY);
                self.after(until_next, event);
            }
            Event::Lapse(number, fetched_at) if self.domains[number].fetched_at == fetched_at => {
                self.lapsed(number);
            }
            Event::Lapse(..) => {}
        }
    }

    fn deliver(&mut self, number: usize) {
        self.counts.mails += 1;
        let now = self.now();
        let domain = &mut self.domains[number];
        domain.last_mail = self.now;
        let (name, interval, ends) = (domain.name.clone(), domain.mail_interval, domain.mail_ends);
        let cached = self.cache.get(&name, now);
        self.counts.cached_deliveries += u64::from(cached.is_some_and(|entry| entry.policy().is_some()));
        self.look_up(number, Purpose::Deliver);
        // No MX host met the policy.
        if self.random.one_in(8) {
            self.counts.rechecks += 1;
            self.look_up(number, Purpose::BeforePermanentFailure);
        }
        if self.now < ends {
            let next = 1 + self.random.below(2 * interval);
            self.after(next, Event::Mail(number));
        }
    }

    /// A domain that never was, made up by a sender of junk.
    fn deliver_junk(&mut self) {
        self.counts.junk += 1;
        let name = PolicyDomain::parse(&format!("junk-{}.test", self.random.next())).unwrap();
        let mut lookup = Lookup::new(name.clone(), Purpose::Deliver, None, self.now(), &self.config);
        lookup.handle_input(Input::TxtNotFound { ttl: Duration::from_secs(HOUR) }, self.now()).unwrap();
        let Output::Done(outcome) = lookup.poll_output() else { panic!("there is nothing more to ask") };
        let evicted = self.cache.apply(&name, &outcome.cache_update, self.now());
        let now = self.now();
        for evicted in evicted.into_iter().filter(|evicted| evicted.entry.valid_policy(now).is_some()) {
            self.faults.push(format!("junk flushed {}", evicted.domain));
        }
        let next = self.random.below(20 * MINUTE);
        self.after(next, Event::Junk);
    }

    fn refresh(&mut self) {
        let Some(name) = self.cache.poll_refresh(self.now()) else {
            self.counts.let_go += 1;
            return;
        };
        let number: usize =
            name.as_str()[1..].split('.').next().and_then(|number| number.parse().ok()).unwrap();
        self.counts.refreshes += 1;
        self.refreshes_by_hour[usize::try_from((self.now - START) / HOUR).unwrap()] += 1;
        if self.now - self.domains[number].last_mail >= self.cache.config().unused_for().as_secs() {
            self.faults.push(format!("{name} is refreshed, but not in use"));
        }
        if !self.look_up(number, Purpose::Refresh) {
            self.counts.failed_refreshes += 1;
        }
    }

    /// Looks a domain up, and says whether a policy was fetched.
    fn look_up(&mut self, number: usize, purpose: Purpose) -> bool {
        let now = self.now();
        let name = self.domains[number].name.clone();
        let cached = self.cache.peek(&name, now);
        let mut lookup = Lookup::new(name.clone(), purpose, cached.as_ref(), now, &self.config);
        let mut id = None;
        let update = loop {
            let ask = match lookup.poll_output() {
                Output::QueryTxt(_) => true,
                Output::FetchPolicy(_) => false,
                Output::Done(outcome) => break outcome.cache_update.clone(),
            };
            if ask {
                let rrs = self.record(number, &mut id);
                lookup.handle_input(rrs, now).unwrap();
            } else {
                // A refresh without a record counts under the cached id.
                let cached_id = cached.as_ref().and_then(|entry| Some(*entry.policy()?.id()));
                let fails = self.host_fails(number);
                self.asked(number, id.or(cached_id).unwrap());
                let answer = match (fails, self.random.below(4)) {
                    (true, 0) => Input::FetchFailed(FetchFailure::Timeout),
                    (true, 1) => Input::FetchFailed(FetchFailure::CertificateExpired),
                    (true, 2) => Input::Response(HttpResponse::new(503, b"")),
                    (true, _) => {
                        Input::Response(HttpResponse::new(200, b"?").with_content_type(b"text/plain"))
                    }
                    (false, _) => {
                        let body = self.domains[number].body.as_bytes();
                        Input::Response(HttpResponse::new(200, body).with_content_type(b"text/plain"))
                    }
                };
                lookup.handle_input(answer, now).unwrap();
            }
        };
        let evicted = self.cache.apply(&name, &update, now);
        for evicted in evicted.into_iter().filter(|evicted| evicted.entry.valid_policy(now).is_some()) {
            self.faults.push(format!("{} had to go, a policy, and there was junk", evicted.domain));
        }
        let CacheUpdate::Store { policy, .. } = update else { return false };
        self.domains[number].fetched_at = self.now;
        let lapse = Event::Lapse(number, self.now);
        self.after(policy.policy().max_age().as_secs() + 1, lapse);
        true
    }

    fn record(&mut self, number: usize, id_seen: &mut Option<RecordId>) -> Input<'static> {
        let random = self.random.next();
        let domain = &self.domains[number];
        if domain.dns_fails {
            return match random % 3 {
                0 => Input::TxtFailed(TxtFailure::Timeout),
                1 => Input::TxtFailed(TxtFailure::ServFail),
                // An attacker, or a slip of its owner.
                _ => Input::TxtNotFound { ttl: domain.ttl },
            };
        }
        let old = self.now < domain.disagree_until && random & 1 == 0;
        let id = if old { domain.old_id } else { domain.id };
        *id_seen = Some(id.to_string().parse().unwrap());
        Input::txt(&[format!("v=STSv1; id={id};")], domain.ttl)
    }

    fn host_fails(&self, number: usize) -> bool {
        let provider = self.domains[number].provider;
        self.hosts[number].fails || provider.is_some_and(|host| self.hosts[self.domains.len() + host].fails)
    }

    /// No host is asked more often than once in 300 s a record id (RFC 8461, 3.3), whether it answers
    /// or not, and whatever its name servers say.
    fn asked(&mut self, number: usize, id: RecordId) {
        self.counts.fetches += 1;
        let domain = &mut self.domains[number];
        domain.asked.retain(|(_, time)| self.now - time < 300);
        if let Some((_, time)) = domain.asked.iter().find(|(asked, _)| *asked == id) {
            let secs = self.now - time;
            self.faults.push(format!("{} asked for {id} again after {secs} s", domain.name));
        }
        domain.asked.push((id, self.now));
    }

    /// A policy has lapsed. So either nobody wanted it, or its host was out of reach.
    fn lapsed(&mut self, number: usize) {
        self.counts.lapsed += 1;
        let domain = &self.domains[number];
        let life = self.now - 1 - domain.fetched_at;
        let wanted = life >= HOUR && self.now - domain.last_mail < self.cache.config().unused_for().as_secs();
        let retry = PolicyCache::RETRY_INTERVAL.as_secs();
        let half = domain.fetched_at + life / 2;
        if wanted && self.longest_answering(number, half, self.now - 1) > retry {
            let name = &domain.name;
            self.faults.push(format!("{name} lapsed, {life} s after its fetch, and its host answered"));
        }
    }

    /// For how long at most the host of a domain answered without a break.
    fn longest_answering(&self, number: usize, start: u64, end: u64) -> u64 {
        let provider = self.domains[number].provider.map(|provider| self.domains.len() + provider);
        let hosts = std::iter::once(number).chain(provider);
        let mut outages: Vec<(u64, u64)> =
            hosts.flat_map(|host| self.hosts[host].outages.iter().copied()).collect();
        outages.push((end, u64::MAX));
        outages.sort_unstable();
        let (mut longest, mut answers_from) = (0, start);
        for (from, until) in outages {
            longest = longest.max(from.min(end).saturating_sub(answers_from));
            answers_from = answers_from.max(until);
        }
        longest
    }

    fn check_load(&mut self) {
        // No hour sees more than three times as many refreshes as hours do on average. The first days
        // are those of the start; the last hour is cut off.
        let hours = &self.refreshes_by_hour[72..self.refreshes_by_hour.len() - 1];
        let mean = hours.iter().sum::<u64>() / hours.len() as u64;
        let busiest = hours.iter().copied().max().unwrap_or(0);
        self.counts.busiest_hour_of_refreshes = busiest;
        if busiest > 3 * mean {
            self.faults.push(format!("{busiest} refreshes in the busiest hour, {mean} on average"));
        }
    }
}

/// A few domains get mail every other minute.
const fn is_busy(number: usize) -> bool {
    number.is_multiple_of(1000)
}

/// `SplitMix64`: good enough to make up a world, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    /// Short spans as often as long ones: each doubling is as likely as the next.
    fn between(&mut self, least: u64, most: u64) -> u64 {
        let doublings = u64::from((most / least).ilog2());
        let scale = least << self.below(doublings + 1);
        (scale + self.below(scale)).min(most)
    }

    fn domain(&mut self, number: usize) -> Domain {
        let provider = (!self.one_in(3)).then(|| usize::try_from(self.below(PROVIDERS as u64)).unwrap());
        let mode = ["enforce", "enforce", "testing", "none"][usize::try_from(self.below(4)).unwrap()];
        let max_age = match self.below(200) {
            0 => 5 * MINUTE,
            1 => HOUR,
            2..4 => self.between(2 * HOUR, 10 * HOUR),
            4..14 => self.between(12 * HOUR, 2 * DAY),
            14..120 => 7 * DAY,
            120..160 => self.between(2 * DAY, 30 * DAY),
            160..190 => self.between(30 * DAY, YEAR),
            _ => 31_557_600,
        };
        let (mode, max_age) = provider.map_or((mode, max_age), |_| ("enforce", 7 * DAY));
        let mx = provider.map_or(format!("mx.d{number}.test"), |provider| format!("*.p{provider}.test"));
        Domain {
            name: PolicyDomain::parse(&format!("d{number}.test")).unwrap(),
            provider,
            body: format!("version: STSv1\nmode: {mode}\nmx: {mx}\nmax_age: {max_age}\n"),
            max_age,
            id: 1,
            old_id: 1,
            disagree_until: 0,
            // Who gets mail all the time has name servers that never agree, and lets nobody remember.
            ttl: Duration::from_secs(if is_busy(number) { 0 } else { self.between(30, 4 * HOUR) }),
            dns_fails: false,
            mail_interval: if is_busy(number) { 2 * MINUTE } else { self.between(8 * HOUR, 60 * DAY) },
            // One in twenty gets no more mail after a while.
            mail_ends: if self.one_in(20) { START + self.below(60 * DAY) } else { END },
            last_mail: 0,
            fetched_at: 0,
            asked: Vec::new(),
        }
    }
}
