//! The tally beside a slow and obvious one, for the tests and for the fuzz target.
//!
//! The twin keeps every event, and makes of them what a report says when it is due.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::IpAddr;

use mta_sts_core::tlsrpt::{
    Counted, Datagram, DueReport, FailureDetails, NotCounted, Report, ReportDelivery, ReportPeriod,
    ReportPolicy, ReportSender, Tally, TallyChange, TallyConfig,
};
use mta_sts_core::{PolicyDomain, PolicyType, ResultType, UnixTime};

/// What is done to both, from a first moment on.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) max_domains: usize,
    pub(crate) seed: u64,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Seconds by which the clock goes on, or back.
    Clock(i64),
    /// An event, so many times.
    Count(Session, usize),
    /// A report was mailed to a domain.
    Mail(usize),
    /// All that is due is given out, and its deliveries end so, in turn.
    Poll(Vec<ReportDelivery>),
    /// The tally is written as text and read again.
    Restart,
    /// A store saves what has changed.
    Save(SaveEnd),
    /// Another tally has counted these, on a day so much later, and is merged.
    Merge(i64, Vec<Session>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum SaveEnd {
    Saved,
    /// The store has it, and the tally never hears of that.
    Unheard,
    Failed,
}

pub(crate) const DOMAINS: usize = 5;
/// More than are told apart.
pub(crate) const POLICIES: usize = 20;
pub(crate) const FAILURES: usize = 200;

/// A session: by numbers its domain, policy, end, and what went wrong.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) domain: usize,
    pub(crate) policy: usize,
    pub(crate) has_failed: bool,
    pub(crate) failures: Vec<usize>,
    pub(crate) has_record: bool,
}

impl Session {
    /// As libtlsrpt tells it.
    fn datagram(&self) -> Datagram {
        let failures: Vec<_> =
            self.failures.iter().map(|number| Failure::of(*number).in_datagram()).collect();
        let policy = match self.policy {
            0 => r#""policy-type":9"#.to_owned(),
            1 => r#""policy-type":2"#.to_owned(),
            number if number % 2 == 0 => {
                format!(
                    r#""policy-type":1,"policy-domain":"mx{number}.test","policy-string":["3 1 1 {number:02}"]"#
                )
            }
            number => format!(
                r#""policy-type":2,"policy-string":["version: STSv1","x: {number}"],"mx-host":["*.mx.test"]"#
            ),
        };
        let json = format!(
            r#"{{"d":"{}","pr":"{}","policies":[{{{policy},"failure-details":[{}],"f":{}}}]}}"#,
            domain(self.domain),
            if self.has_record { RECORD } else { "v=spf1 -all" },
            failures.join(","),
            u8::from(self.has_failed)
        );
        Datagram::parse(json.as_bytes()).expect("the twin's own datagram is one")
    }

    /// What it is counted under: type, domain, lines, patterns.
    fn policy(&self) -> Policy {
        match self.policy {
            0 => Policy::bare(PolicyType::NoPolicyFound),
            1 => Policy::bare(PolicyType::Sts),
            number if number % 2 == 0 => (
                PolicyType::Tlsa,
                Some(format!("mx{number}.test")),
                vec![format!("3 1 1 {number:02}")],
                vec![],
            ),
            number => (
                PolicyType::Sts,
                None,
                vec!["version: STSv1".to_owned(), format!("x: {number}")],
                vec!["*.mx.test".to_owned()],
            ),
        }
    }
}

type Policy = (PolicyType, Option<String>, Vec<String>, Vec<String>);

trait Bare {
    fn bare(policy_type: PolicyType) -> Policy;
}

impl Bare for Policy {
    fn bare(policy_type: PolicyType) -> Self {
        (policy_type, None, vec![], vec![])
    }
}

/// What went wrong, each part of it there or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Failure {
    result: ResultType,
    sending_ip: Option<u8>,
    mx_host: Option<usize>,
    helo: Option<usize>,
    receiving_ip: Option<u8>,
    reason: Option<usize>,
}

impl Failure {
    fn of(number: usize) -> Self {
        Self {
            result: [ResultType::StarttlsNotSupported, ResultType::DnssecInvalid][number % 2],
            sending_ip: (number % 3 > 0).then_some(1),
            mx_host: Some(number % 4),
            helo: (number % 5 > 0).then_some(number),
            receiving_ip: Some(u8::try_from(number % 7).expect("small")),
            reason: (number % 2 > 0).then_some(number % 11),
        }
    }

    fn in_datagram(self) -> String {
        let mut members = format!(r#""c":{}"#, self.result.number());
        let mut add = |name: &str, value: Option<String>| {
            if let Some(value) = value {
                // Writing to a string does not fail.
                let _ = write!(members, r#","{name}":"{value}""#);
            }
        };
        add("s", self.sending_ip.map(|last| format!("192.0.2.{last}")));
        add("n", self.mx_host.map(|number| format!("mx{number}.test")));
        add("h", self.helo.map(|number| format!("250-helo{number}\\r\\n250 SIZE 1")));
        add("r", self.receiving_ip.map(|last| format!("198.51.100.{last}")));
        add("f", self.reason.map(|number| format!("reason {number}")));
        format!("{{{members}}}")
    }

    /// With the first so many parts left out.
    fn folded(mut self, parts: usize) -> Self {
        let without = [parts > 0, parts > 1, parts > 2, parts > 3, parts > 4];
        if without[0] {
            self.helo = None;
        }
        if without[1] {
            self.sending_ip = None;
        }
        if without[2] {
            self.reason = None;
        }
        if without[3] {
            self.receiving_ip = None;
        }
        if without[4] {
            self.mx_host = None;
        }
        self
    }

    fn reported(self, count: u64) -> FailureDetails {
        let mut details = FailureDetails::new(self.result, count);
        if let Some(last) = self.sending_ip {
            details = details.with_sending_mta_ip(IpAddr::from([192, 0, 2, last]));
        }
        if let Some(number) = self.mx_host {
            details = details.with_receiving_mx_hostname(format!("mx{number}.test"));
        }
        if let Some(number) = self.helo {
            details = details.with_receiving_mx_helo(format!("helo{number}"));
        }
        if let Some(last) = self.receiving_ip {
            details = details.with_receiving_ip(IpAddr::from([198, 51, 100, last]));
        }
        if let Some(number) = self.reason {
            details = details.with_failure_reason_code(format!("reason {number}"));
        }
        details
    }
}

const RECORD: &str = "v=TLSRPTv1; rua=mailto:tls@reports.test";
const DAY: u64 = 86_400;
const RETRIES: [u64; 6] = [300, 900, 2_700, 7_200, 18_000, 54_000];

fn domain(number: usize) -> PolicyDomain {
    PolicyDomain::parse(&format!("domain{number}.test")).expect("the twin's own name is valid")
}

fn config(case: &Case) -> TallyConfig {
    let sender = ReportSender::new("tls@sender.test", "Sender Inc.").expect("the twin's own sender is valid");
    TallyConfig::new(case.seed, sender).with_max_domains(case.max_domains)
}

impl Case {
    /// Panics where the two differ.
    pub(crate) fn run(&self) {
        let mut tally = Tally::new(config(self));
        let mut twin = Twin::new(self);
        let mut store = Store::default();
        let mut now = 1_700_000_000_u64;
        let mut ids = BTreeSet::new();
        for step in &self.steps {
            match step {
                Step::Clock(secs) => now = now.saturating_add_signed(*secs).max(10 * DAY),
                Step::Count(session, times) => {
                    for _ in 0..*times {
                        let datagram = session.datagram();
                        for event in datagram.events() {
                            let counted = tally.count(&event, UnixTime::from_secs(now));
                            let expected = twin.count(session, now);
                            assert_eq!(
                                matches!(counted, Counted::Not(_)),
                                expected.is_err(),
                                "{counted:?} {expected:?}"
                            );
                            if let (Counted::Not(reason), Err(expected)) = (counted, expected) {
                                assert_eq!(reason, expected);
                            }
                        }
                    }
                }
                Step::Mail(number) => {
                    tally.note_report_mail(&domain(*number), UnixTime::from_secs(now));
                    twin.note_mail(*number, now);
                }
                Step::Poll(ends) => poll(&mut tally, &mut twin, now, ends, &mut ids),
                Step::Restart => {
                    let text = tally.to_text();
                    tally = Tally::parse(text.as_bytes(), config(self)).expect("what was written is read");
                    assert_eq!(tally.to_text(), text);
                    twin.restart();
                }
                Step::Save(end) => {
                    store.save(&mut tally, *end);
                    if !matches!(end, SaveEnd::Failed) {
                        let loaded = Tally::parse(store.text().as_bytes(), config(self));
                        assert_eq!(loaded.expect("what was saved is read").to_text(), tally.to_text());
                    }
                }
                Step::Merge(ahead, sessions) => {
                    let mut other = Tally::new(config(&Self { max_domains: usize::MAX, ..self.clone() }));
                    let then = now.saturating_add_signed(*ahead);
                    for session in sessions {
                        for event in session.datagram().events() {
                            other.count(&event, UnixTime::from_secs(then));
                        }
                    }
                    tally.merge(&other);
                    twin.merge(sessions, then);
                }
            }
            assert_eq!(tally.poll_timeout().map(UnixTime::as_secs), twin.poll_timeout(), "{step:?}");
            assert_eq!(tally.lost_sessions(), twin.lost, "{step:?}");
            assert_eq!(tally.is_empty(), twin.poll_timeout().is_none());
        }
    }
}

/// The rows of a store, by the first second of the day and the domain.
#[derive(Default)]
struct Store(BTreeMap<(UnixTime, String), String>);

impl Store {
    fn save(&mut self, tally: &mut Tally, end: SaveEnd) {
        let changes = tally.changes();
        let mark = changes.mark();
        if matches!(end, SaveEnd::Failed) {
            return;
        }
        for change in changes {
            match change {
                TallyChange::Clear => self.0.clear(),
                TallyChange::DeleteDay { day } => self.0.retain(|(of, _), _| *of != day),
                TallyChange::Delete { day, domain } => drop(self.0.remove(&(day, domain))),
                TallyChange::Upsert { day, domain, line } => drop(self.0.insert((day, domain), line)),
            }
        }
        if matches!(end, SaveEnd::Saved) {
            tally.handle_saved(mark);
            assert_eq!(tally.changes().len(), 0);
        }
    }

    fn text(&self) -> String {
        [Tally::FIRST_LINE].into_iter().chain(self.0.values().map(|line| &**line)).collect()
    }
}

/// Gives out all that is due, and tells both what comes of it.
fn poll(tally: &mut Tally, twin: &mut Twin, now: u64, ends: &[ReportDelivery], ids: &mut BTreeSet<String>) {
    let mut given: Vec<DueReport> = Vec::new();
    while let Some(due) = tally.poll_report(UnixTime::from_secs(now)) {
        given.push(due);
    }
    let by_name = |one: &Given, other: &Given| {
        (one.day, &one.domain, one.number).cmp(&(other.day, &other.domain, other.number))
    };
    let mut expected = twin.poll(now);
    expected.sort_by(by_name);
    given.sort_by(|one, other| one.id.cmp(&other.id));
    assert_eq!(given.len(), expected.len());
    for (at, (due, expected)) in given.iter().zip(&expected).enumerate() {
        assert_eq!(due.domain.as_str(), expected.domain);
        assert_eq!(due.report.policies(), expected.report.policies(), "{}", expected.domain);
        assert_eq!(due.report.period().map(|period| period.start().as_secs()), Some(expected.day * DAY));
        assert!(due.report.period().is_some_and(ReportPeriod::is_one_day));
        assert_eq!(due.attempt, expected.attempt);
        let id = due.report.id().expect("there is an id");
        assert!(id.ends_with("@sender.test"), "{id}");
        // A report that was given out before has the id that it had; a new one has a new one.
        assert_eq!(ids.insert(id.to_owned()), expected.attempt == 1, "{id}");
        let end = ends.get(at).copied();
        if let Some(end) = end {
            let retry_at = tally.handle_delivery(&due.id, end, UnixTime::from_secs(now));
            assert_eq!(retry_at.map(UnixTime::as_secs), twin.handle(expected, end, now));
            // Once more changes nothing, when it has come to an end.
            if retry_at.is_none() {
                assert_eq!(tally.handle_delivery(&due.id, end, UnixTime::from_secs(now)), None);
            }
        }
    }
}

/// A report as the twin gives it out.
struct Given {
    day: u64,
    domain: String,
    number: u32,
    attempt: u32,
    report: Report,
}

struct Twin {
    seed: u64,
    max_domains: usize,
    open_day: u64,
    /// By day and domain.
    days: BTreeMap<(u64, String), OfDay>,
    lost: u64,
    first_due: RefCell<BTreeMap<(u64, String), u64>>,
}

#[derive(Clone, Default)]
struct OfDay {
    sessions: Vec<Kept>,
    mails: u64,
    next_number: u32,
    sealed: Option<Sealed>,
}

/// A session, with the policy that it is counted under.
#[derive(Clone)]
struct Kept {
    policy: Policy,
    has_failed: bool,
    failures: Vec<usize>,
}

impl Kept {
    fn of(session: &Session) -> Self {
        Self { policy: session.policy(), has_failed: session.has_failed, failures: session.failures.clone() }
    }
}

#[derive(Clone)]
struct Sealed {
    number: u32,
    attempt: u32,
    due_at: u64,
    sessions: Vec<Kept>,
}

impl Twin {
    fn new(case: &Case) -> Self {
        Self {
            seed: case.seed,
            max_domains: case.max_domains,
            open_day: 0,
            days: BTreeMap::new(),
            lost: 0,
            first_due: RefCell::default(),
        }
    }

    fn see(&mut self, now: u64) {
        let today = now / DAY;
        if self.open_day > today + 2 {
            self.open_day = today;
            let later: Vec<_> =
                self.days.range((today + 1, String::new())..).map(|(key, _)| key.clone()).collect();
            for key in later {
                let of_day = self.days.get_mut(&key).expect("it is there");
                let (sessions, mails) = (of_day.by_policy(), std::mem::take(&mut of_day.mails));
                of_day.sessions.clear();
                self.leave(&key);
                if !sessions.is_empty() || mails > 0 {
                    self.add(today, &key.1, sessions, mails);
                }
            }
            for of_day in self.days.values_mut() {
                if let Some(sealed) = of_day.sealed.as_mut().filter(|sealed| sealed.due_at > now + RETRIES[5])
                {
                    sealed.due_at = now;
                }
            }
            self.drop_days();
        } else if today > self.open_day {
            self.open_day = today;
            self.drop_days();
        }
    }

    fn drop_days(&mut self) {
        let open_day = self.open_day;
        let all: BTreeSet<_> = self.days.keys().map(|(day, _)| *day).collect();
        let waiting: BTreeSet<_> =
            self.days.iter().filter(|(_, of_day)| of_day.is_waiting()).map(|((day, _), _)| *day).collect();
        let over = all.difference(&waiting).filter(|day| **day != open_day);
        let mut distances: Vec<_> = over.map(|day| day.abs_diff(open_day)).collect();
        distances.sort_unstable();
        let furthest = distances.get(3).copied().unwrap_or(u64::MAX);
        self.days.retain(|(day, _), _| waiting.contains(day) || day.abs_diff(open_day) <= furthest);
    }

    /// What nothing waits of is forgotten when its day is over, but for the number of its next report.
    fn leave(&mut self, key: &(u64, String)) {
        let Some(of_day) = self.days.get_mut(key).filter(|of_day| !of_day.is_waiting()) else { return };
        if key.0 == self.open_day {
            return;
        }
        of_day.mails = 0;
        if of_day.next_number == 0 {
            self.days.remove(key);
        }
    }

    fn settle(&mut self, key: &(u64, String)) {
        self.leave(key);
        if !self.days.iter().any(|((day, _), of_day)| *day == key.0 && of_day.is_waiting()) {
            self.drop_days();
        }
    }

    fn has_room(&self, day: u64, domain: &str) -> bool {
        self.days.contains_key(&(day, domain.to_owned()))
            || self.days.keys().filter(|(known, _)| *known == day).count() < self.max_domains
    }

    fn count(&mut self, session: &Session, now: u64) -> Result<(), NotCounted> {
        self.see(now);
        if !session.has_record {
            return Err(NotCounted::NoRecord);
        }
        let name = domain(session.domain).to_string();
        if !self.has_room(self.open_day, &name) {
            return Err(NotCounted::TooManyDomains);
        }
        self.add(self.open_day, &name, vec![Kept::of(session)], 0);
        Ok(())
    }

    fn add(&mut self, day: u64, name: &str, sessions: Vec<Kept>, mails: u64) {
        if self.has_room(day, name) {
            let of_day = self.days.entry((day, name.to_owned())).or_default();
            for session in sessions {
                of_day.add(session);
            }
            of_day.mails += mails;
        } else {
            self.lost += sessions.len() as u64;
        }
    }

    fn note_mail(&mut self, number: usize, now: u64) {
        self.see(now);
        self.add(self.open_day, domain(number).as_str(), Vec::new(), 1);
    }

    fn merge(&mut self, sessions: &[Session], then: u64) {
        let day = then / DAY;
        let day = if self.open_day != 0 && day > self.open_day + 2 { self.open_day } else { day };
        // In the order in which the other has them.
        let mut others: Vec<(String, OfDay)> = Vec::new();
        for session in sessions.iter().filter(|session| session.has_record) {
            let name = domain(session.domain).to_string();
            if !others.iter().any(|(known, _)| *known == name) {
                others.push((name.clone(), OfDay::default()));
            }
            let (_, of_day) = others.iter_mut().find(|(known, _)| *known == name).expect("it is there");
            of_day.add(Kept::of(session));
        }
        for (name, of_day) in others {
            self.add(day, &name, of_day.by_policy(), 0);
        }
    }

    fn restart(&mut self) {
        self.lost = 0;
        // What is not worth keeping is forgotten.
        self.days.retain(|_, of_day| of_day.is_waiting() || of_day.mails > 0 || of_day.next_number > 0);
        // Policies stand in the text in an order of their own, and are counted in it from then on.
        for of_day in self.days.values_mut() {
            of_day.sessions.sort_by(|one, other| {
                let key = |kept: &Kept| (kept.policy.0.as_str(), kept.policy.clone());
                key(one).cmp(&key(other))
            });
        }
        let latest = self.days.iter().rev().find(|(_, of_day)| !of_day.sessions.is_empty());
        self.open_day = latest.map_or(0, |((day, _), _)| *day);
    }

    fn due_at(&self, day: u64, name: &str, of_day: &OfDay) -> Option<u64> {
        match &of_day.sealed {
            Some(sealed) => Some(sealed.due_at),
            None if of_day.sessions.is_empty() => None,
            None => Some(self.first_due(day, name)),
        }
    }

    /// The delay depends on seed, day and domain alone: a fresh tally has the same.
    fn first_due(&self, day: u64, name: &str) -> u64 {
        let mut known = self.first_due.borrow_mut();
        *known.entry((day, name.to_owned())).or_insert_with(|| self.delayed(day, name))
    }

    fn delayed(&self, day: u64, name: &str) -> u64 {
        let mut tally = Tally::new(config(&Case { max_domains: 1, seed: self.seed, steps: Vec::new() }));
        let json = format!(r#"{{"d":"{name}","pr":"{RECORD}","policies":[{{"policy-type":9,"f":0}}]}}"#);
        let datagram = Datagram::parse(json.as_bytes()).expect("the twin's own datagram is one");
        for event in datagram.events() {
            tally.count(&event, UnixTime::from_secs(day * DAY + 7));
        }
        let at = tally.poll_timeout().expect("one is due").as_secs();
        let closed = (day + 1) * DAY + 600;
        assert!((closed + 1..=closed + 14_400).contains(&at), "{at}");
        at
    }

    fn poll_timeout(&self) -> Option<u64> {
        self.days.iter().filter_map(|((day, name), of_day)| self.due_at(*day, name, of_day)).min()
    }

    fn poll(&mut self, now: u64) -> Vec<Given> {
        self.see(now);
        let mut given = Vec::new();
        let keys: Vec<_> = self.days.keys().cloned().collect();
        for (day, name) in keys {
            // What is forgotten may leave something behind that is due.
            while let Some(of_day) = self.days.get(&(day, name.clone())) {
                if self.due_at(day, &name, of_day).is_none_or(|at| at > now) {
                    break;
                }
                let of_day = self.days.get_mut(&(day, name.clone())).expect("it is there");
                if of_day.sealed.is_none() {
                    let sessions = std::mem::take(&mut of_day.sessions);
                    let is_good =
                        sessions.iter().all(|session| !session.has_failed && session.failures.is_empty());
                    if is_good && sessions.len() as u64 <= of_day.mails {
                        of_day.mails -= sessions.len() as u64;
                        self.settle(&(day, name.clone()));
                        continue;
                    }
                    let number = of_day.next_number;
                    of_day.next_number += 1;
                    of_day.sealed = Some(Sealed { number, attempt: 0, due_at: 0, sessions });
                }
                let sealed = of_day.sealed.as_mut().expect("it is sealed");
                if sealed.attempt == 7 {
                    of_day.sealed = None;
                    self.settle(&(day, name.clone()));
                    continue;
                }
                sealed.attempt += 1;
                sealed.due_at = now + RETRIES.get(sealed.attempt as usize - 1).unwrap_or(&RETRIES[5]);
                given.push(Given {
                    day,
                    domain: name.clone(),
                    number: sealed.number,
                    attempt: sealed.attempt,
                    report: report_of(&name, &sealed.sessions),
                });
            }
        }
        given
    }

    fn handle(&mut self, given: &Given, end: ReportDelivery, now: u64) -> Option<u64> {
        let of_day = self.days.get_mut(&(given.day, given.domain.clone()))?;
        let sealed = of_day.sealed.as_mut()?;
        assert_eq!(sealed.number, given.number);
        let retry = RETRIES.get(sealed.attempt as usize - 1).filter(|_| end == ReportDelivery::Failed);
        if let Some(retry) = retry {
            sealed.due_at = now + retry;
            return Some(now + retry);
        }
        of_day.sealed = None;
        self.settle(&(given.day, given.domain.clone()));
        None
    }
}

impl OfDay {
    fn is_waiting(&self) -> bool {
        self.sealed.is_some() || !self.sessions.is_empty()
    }

    /// The first so many policies are told apart; the others are counted under their type alone.
    fn add(&mut self, mut session: Kept) {
        let bare = Policy::bare(session.policy.0);
        let known: BTreeSet<_> = self.sessions.iter().map(|session| &session.policy).collect();
        let apart = known.iter().filter(|policy| ***policy != Policy::bare(policy.0)).count();
        if session.policy != bare && !known.contains(&session.policy) && apart >= Tally::MAX_POLICIES {
            session.policy = bare;
        }
        self.sessions.push(session);
    }

    /// By policy, in the order in which they came.
    fn by_policy(&self) -> Vec<Kept> {
        let mut order: Vec<&Policy> = Vec::new();
        for session in &self.sessions {
            if !order.contains(&&session.policy) {
                order.push(&session.policy);
            }
        }
        let of = |policy: &&Policy| {
            self.sessions.iter().filter(|session| session.policy == **policy).cloned().collect::<Vec<_>>()
        };
        order.iter().flat_map(of).collect()
    }
}

/// What a report says of these sessions.
fn report_of(name: &str, sessions: &[Kept]) -> Report {
    let mut by_policy: BTreeMap<&Policy, Vec<&Kept>> = BTreeMap::new();
    for session in sessions {
        by_policy.entry(&session.policy).or_default().push(session);
    }
    let mut policies = Vec::new();
    for ((policy_type, domain, lines, mx_hosts), sessions) in by_policy {
        let failed = sessions.iter().filter(|session| session.has_failed).count() as u64;
        let failures: Vec<_> = sessions
            .iter()
            .flat_map(|session| &session.failures)
            .map(|number| Failure::of(*number))
            .collect();
        // The least that must be left out for all kinds to have room.
        let folded = (0..=5).map(|parts| {
            let mut kinds: BTreeMap<Failure, u64> = BTreeMap::new();
            for failure in &failures {
                *kinds.entry(failure.folded(parts)).or_default() += 1;
            }
            kinds
        });
        let kinds =
            folded.into_iter().find(|kinds| kinds.len() <= Tally::MAX_DETAILS).expect("result types are few");
        let mut details: Vec<_> = kinds.into_iter().map(|(failure, count)| failure.reported(count)).collect();
        details.sort();
        let policy = ReportPolicy::new(*policy_type, domain.as_deref().unwrap_or(name))
            .with_lines(lines)
            .with_mx_hosts(mx_hosts)
            .with_sessions(sessions.len() as u64 - failed, failed);
        policies.push(details.into_iter().fold(policy, ReportPolicy::with_details));
    }
    policies.sort();
    let period = ReportPeriod::of_day(UnixTime::from_secs(0));
    policies.into_iter().fold(Report::new("", "", "", period), Report::with_policy)
}
