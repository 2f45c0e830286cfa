//! A year of TLS reports in seconds: two mail servers that count, one of them sends; restarts, deliveries that fail,
//! clocks that step.
//!
//! Everything follows from one seed. `MTASTS_SOAK=1` takes fifty times as many sessions.
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use std::collections::{BTreeMap, BTreeSet};

use mta_sts_core::tlsrpt::{Counted, Datagram, DueReport, ReportDelivery, ReportSender, Tally, TallyConfig};
use mta_sts_core::{PolicyDomain, UnixTime};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
const START: u64 = 1_700_000_000;
const END: u64 = START + 365 * DAY;
const MAX_OCTETS: usize = 8 << 20;
/// Where all reports are mailed to, and nothing else.
const REPORTS: &str = "reports.test";

// Proves R13, R17, R29, R30, R81, R82.
#[test]
fn a_year_of_reports() {
    let sessions_an_hour = if std::env::var_os("MTASTS_SOAK").is_some() { 200 } else { 1 };
    let mut year = Year::new(8460);
    year.run(sessions_an_hour);
    println!("one year: {:?}", year.counts);
    let Counts { counted, delivered, refused, given_up, suppressed, .. } = year.counts;
    assert!(year.sender.is_empty() && year.other.is_empty());
    assert_eq!(counted, delivered + refused + given_up, "each session stands in one report");
    // The year has seen what it was to see.
    assert!(delivered > refused && refused > 0 && given_up > 0 && suppressed > 0);
    assert!(year.counts.restarts > 100 && year.counts.steps > 20 && year.counts.tries > year.counts.reports);
    assert_eq!(year.sender.lost_sessions() + year.other.lost_sessions(), 0);
}

#[derive(Debug, Default)]
struct Counts {
    counted: u64,
    delivered: u64,
    refused: u64,
    given_up: u64,
    suppressed: u64,
    reports: u64,
    tries: u64,
    restarts: u64,
    steps: u64,
    most_octets: usize,
}

struct Year {
    now: u64,
    /// By how much the clock of the sender is wrong.
    ahead: i64,
    random: Random,
    sender: Tally,
    other: Tally,
    /// What each report has said when it was given out last, and which of them have come to an end.
    given: BTreeMap<String, DueReport>,
    ended: BTreeSet<String>,
    counts: Counts,
}

impl Year {
    fn new(seed: u64) -> Self {
        Self {
            now: START,
            ahead: 0,
            random: Random(seed),
            sender: Tally::new(config()),
            other: Tally::new(config()),
            given: BTreeMap::new(),
            ended: BTreeSet::new(),
            counts: Counts::default(),
        }
    }

    fn run(&mut self, sessions_an_hour: u64) {
        while self.now < END {
            self.now += 5 * MINUTE;
            for _ in 0..self.random.below(sessions_an_hour * 2 + 1) / 12 + u64::from(self.random.one_in(12)) {
                self.session();
            }
            if self.random.one_in(12) {
                self.hand_over();
            }
            if self.random.one_in(400) {
                self.restart();
            }
            // A clock that is far off is seen to soon.
            let is_far_off = self.ahead.unsigned_abs() > 2 * DAY;
            if self.random.one_in(if is_far_off { 200 } else { 1000 }) {
                self.step_clock();
            }
            // Whoever sends may be away for hours.
            if !self.random.one_in(20) {
                self.send();
            }
        }
        self.ahead = 0;
        self.hand_over();
        for _ in 0..5 * 24 * 12 {
            self.now += 5 * MINUTE;
            self.send();
        }
    }

    fn clock(&self) -> UnixTime {
        UnixTime::from_secs(self.now.saturating_add_signed(self.ahead))
    }

    fn session(&mut self) {
        let domain = format!("domain{}.test", self.random.below(60) * self.random.below(60));
        let failed = self.random.one_in(5);
        let details = if failed {
            format!(
                r#","failure-details":[{{"c":204,"n":"mx.{domain}","h":"h{}.test","r":"192.0.2.{}"}}]"#,
                self.random.below(100),
                self.random.below(250)
            )
        } else {
            String::new()
        };
        let version = self.random.below(3);
        let json = format!(
            r#"{{"d":"{domain}","pr":"v=TLSRPTv1; rua=mailto:tls@{REPORTS}","policies":[{{"policy-type":2,
            "policy-string":["x: {version}"]{details},"f":{}}}]}}"#,
            u8::from(failed)
        );
        let datagram = Datagram::parse(json.as_bytes()).unwrap();
        let (clock, now) = (self.clock(), UnixTime::from_secs(self.now));
        for event in datagram.events() {
            // The clock of the other is right.
            let counted = if self.random.one_in(2) {
                self.sender.count(&event, clock)
            } else {
                self.other.count(&event, now)
            };
            assert!(!matches!(counted, Counted::Not(_)), "{counted:?}");
            self.counts.counted += 1;
        }
    }

    /// The other gives what it has counted to the one that sends.
    fn hand_over(&mut self) {
        let counted = std::mem::replace(&mut self.other, Tally::new(config()));
        let text = counted.to_text();
        self.sender.merge(&Tally::parse(text.as_bytes(), config()).unwrap());
    }

    fn restart(&mut self) {
        self.counts.restarts += 1;
        let text = self.sender.to_text();
        self.sender = Tally::parse(text.as_bytes(), config()).unwrap();
        assert_eq!(self.sender.to_text(), text);
    }

    /// By an hour, by a day, into another year; and most often right again.
    fn step_clock(&mut self) {
        self.counts.steps += 1;
        let before = self.ahead;
        let day = i64::try_from(DAY).unwrap();
        self.ahead = match self.random.below(8) {
            0 => 3600,
            1 => -3600,
            2 => day,
            3 => -day,
            4 => 400 * day,
            5 => -30 * day,
            _ => 0,
        };
        if before.abs_diff(self.ahead) > 2 * DAY {
            // Days come back that were reported long ago: of one that had the same sessions, the id comes back too.
            let is_waiting = |due: &DueReport| !self.ended.contains(due.report.id().unwrap_or_default());
            self.given.retain(|_, due| is_waiting(due));
        }
    }

    fn send(&mut self) {
        let clock = self.clock();
        while let Some(due) = self.sender.poll_report(clock) {
            self.counts.tries += 1;
            assert_ne!(due.domain.as_str(), REPORTS, "a report about reports");
            assert!(due.report.period().unwrap().is_one_day());
            self.check_is_the_same(&due);
            let end = match self.random.below(10) {
                0 => ReportDelivery::Refused,
                1..=5 => ReportDelivery::Failed,
                _ => ReportDelivery::Delivered,
            };
            if end == ReportDelivery::Delivered {
                self.mail(clock);
            }
            // Now and then the process ends before it is told.
            if due.attempt < 7 && end == ReportDelivery::Failed && self.random.one_in(40) {
                self.restart();
                continue;
            }
            let retry_at = self.sender.handle_delivery(&due.id, end, clock);
            let sessions: u64 =
                due.report.policies().iter().map(|policy| policy.successes() + policy.failures()).sum();
            match (end, retry_at) {
                (ReportDelivery::Failed, Some(at)) => {
                    assert!(at > clock);
                    continue;
                }
                (ReportDelivery::Failed, None) => {
                    assert_eq!(due.attempt, 7);
                    self.counts.given_up += sessions;
                }
                (ReportDelivery::Delivered, _) => self.counts.delivered += sessions,
                (ReportDelivery::Refused, _) => self.counts.refused += sessions,
            }
            self.counts.reports += 1;
            self.ended.insert(due.report.id().unwrap().to_owned());
        }
        assert!(self.sender.poll_timeout().is_none_or(|at| at > clock));
        self.counts.most_octets = self.counts.most_octets.max(self.sender.octets());
        assert!(self.sender.octets() <= MAX_OCTETS);
    }

    /// An id stands for one report: at each try it says the same, and it never comes back after its end.
    fn check_is_the_same(&mut self, due: &DueReport) {
        let id = due.report.id().unwrap().to_owned();
        match self.given.get(&id) {
            Some(before) => {
                assert_eq!(before.report, due.report);
                assert!(
                    before.attempt < due.attempt,
                    "{id} {} {} ended {} now {} ahead {}",
                    before.attempt,
                    due.attempt,
                    self.ended.contains(&id),
                    self.now,
                    self.ahead
                );
            }
            None => assert_eq!(due.attempt, 1),
        }
        self.given.insert(id, due.clone());
    }

    /// A report is mailed. The mail server tells of the session like of any other.
    fn mail(&mut self, clock: UnixTime) {
        let json = format!(
            r#"{{"d":"{REPORTS}","pr":"v=TLSRPTv1; rua=mailto:tls@{REPORTS}","policies":[{{"policy-type":9,"f":0}}]}}"#
        );
        self.sender.note_report_mail(&PolicyDomain::parse(REPORTS).unwrap(), clock);
        for event in Datagram::parse(json.as_bytes()).unwrap().events() {
            assert_eq!(self.sender.count(&event, clock), Counted::Whole);
        }
        self.counts.suppressed += 1;
    }
}

fn config() -> TallyConfig {
    TallyConfig::new(8460, ReportSender::new("tls@sender.test", "Sender Inc.").unwrap())
        .with_max_octets(MAX_OCTETS)
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        // xorshift64
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    fn one_in(&mut self, bound: u64) -> bool {
        self.below(bound) == 0
    }
}
