//! Whether a policy can be enforced: what must hold whatever the reports say.
#![cfg(feature = "tlsrpt")]
#![allow(clippy::unwrap_used, reason = "helpers of tests are not in test functions")]

use mta_sts_core::tlsrpt::{
    Condition, FailureDetails, Hint, LiveFindings, LiveHost, Readiness, ReadyRule, ReadyRules, Report,
    ReportPeriod, ReportPolicy, Served, Verdict,
};
use mta_sts_core::{DnsName, Policy, PolicyDomain, PolicyType, ResultType, UnixTime};
use proptest::prelude::*;
use proptest::sample::select;

const DAY: u64 = 86_400;
/// Noon of the day that the reports of a case are counted back from.
const NOW: u64 = 20_000 * DAY + DAY / 2;
const MX: [&str; 2] = ["mx1.north.test", "mx2.north.test"];

fn domain() -> PolicyDomain {
    PolicyDomain::parse("north.test").unwrap()
}

fn policy() -> Policy {
    Policy::parse(b"version: STSv1\nmode: testing\nmx: mx1.north.test\nmx: mx2.north.test\nmax_age: 86400\n")
        .unwrap()
}

fn healthy() -> LiveFindings {
    MX.iter()
        .fold(LiveFindings::new(), |live, name| live.with_host(LiveHost::new(DnsName::parse(name).unwrap())))
}

/// What is assessed, but for the reports.
#[derive(Clone, Debug)]
struct Scene {
    since: Option<u64>,
    mended: Option<u64>,
    live: Option<LiveFindings>,
    rules: ReadyRules,
}

impl Scene {
    fn assess(&self, reports: &[Report], now: u64) -> Readiness {
        let (domain, policy) = (domain(), policy());
        let mut served = Served::new(&domain, &policy);
        if let Some(since) = self.since {
            served = served.since(UnixTime::from_secs(since));
        }
        if let Some(mended) = self.mended {
            served = served.mended_at(UnixTime::from_secs(mended));
        }
        Readiness::assess(reports, self.live.as_ref(), &served, UnixTime::from_secs(now), &self.rules)
    }
}

/// One report of an organisation on a day, both as numbers.
#[derive(Clone, Debug)]
struct Day {
    organization: u8,
    ago: u64,
    span: u64,
    mx: &'static [&'static str],
    successes: u64,
    failures: Vec<(ResultType, &'static str, Option<&'static str>, u64)>,
    is_postfix: bool,
}

impl Day {
    fn clean(organization: u8, ago: u64, successes: u64) -> Self {
        Self { organization, ago, span: 1, mx: &MX, successes, failures: Vec::new(), is_postfix: false }
    }

    /// The report, its days counted back from `NOW`; those behind it have a negative count.
    fn report(&self, ahead: u64, number: usize) -> Report {
        let last = NOW / DAY + ahead - self.ago;
        let start = UnixTime::from_secs((last + 1 - self.span) * DAY);
        let period = ReportPeriod::new(start, UnixTime::from_secs(last * DAY + DAY - 1)).unwrap();
        let failed = self
            .failures
            .iter()
            .map(|(_, _, _, count)| count)
            .fold(0, |sum: u64, count| sum.saturating_add(*count));
        let policy = ReportPolicy::new(PolicyType::Sts, "north.test")
            .with_lines(["version: STSv1", "mode: testing"])
            .with_lines(self.mx.iter().map(|host| format!("mx: {host}")))
            .with_sessions(self.successes, failed);
        let policy = self.failures.iter().fold(policy, |policy, (result, reason, host, count)| {
            let mut details = FailureDetails::new(*result, *count).with_failure_reason_code(*reason);
            if let Some(host) = host {
                details = details.with_receiving_mx_hostname(*host);
            }
            policy.with_details(details)
        });
        let idx = if self.is_postfix { "Z_idx1_" } else { "Z_" };
        let id = format!("2024-10-04T00:00:00{idx}{number}-{ahead}");
        let name = format!("Sender {}", self.organization);
        Report::new(name, format!("tls@s{}.test", self.organization), id, period).with_policy(policy)
    }
}

fn reports(days: &[Day]) -> Vec<Report> {
    days.iter().enumerate().map(|(number, day)| day.report(0, number)).collect()
}

/// All senders without failures, on each of these days ahead.
fn busy(days: std::ops::Range<u64>) -> Vec<Report> {
    let senders = |ahead| (0..4).map(move |sender| Day::clean(sender, 0, 1_000_000).report(ahead, 10_000));
    days.flat_map(senders).collect()
}

fn failure() -> impl Strategy<Value = (ResultType, &'static str, Option<&'static str>, u64)> {
    let reasons = [
        (ResultType::CertificateExpired, ""),
        (ResultType::ValidationFailure, "certificate has expired"),
        (ResultType::ValidationFailure, ""),
        (ResultType::ValidationFailure, "mx-mismatch"),
        (ResultType::ValidationFailure, "tls-handshake-failure"),
        (ResultType::CertificateNotTrusted, "no-system-roots"),
        (ResultType::StarttlsNotSupported, ""),
        (ResultType::StsPolicyFetchError, "timeout"),
        (ResultType::StsWebpkiInvalid, ""),
        (ResultType::TlsaInvalid, ""),
    ];
    let hosts =
        [None, Some("mx1.north.test"), Some("mx2.north.test"), Some("old.north.test"), Some("no name")];
    (select(reasons.to_vec()), select(hosts.to_vec()), select(vec![1_u64, 1, 2, 9, 1000, u64::MAX]))
        .prop_map(|((result, reason), host, count)| (result, reason, host, count))
}

const OTHER_LIST: &[&str] = &["mx1.north.test"];

fn day() -> impl Strategy<Value = Day> {
    let failures = prop_oneof![6 => Just(Vec::new()), 1 => prop::collection::vec(failure(), 1..3)];
    let mx = prop_oneof![12 => Just(&MX[..]), 1 => Just(OTHER_LIST)];
    let span = prop_oneof![8 => Just(1_u64), 1 => 2_u64..12];
    (0_u8..4, 0_u64..45, span, mx, 0_u64..60, failures, prop::bool::weighted(0.1)).prop_map(
        |(organization, ago, span, mx, successes, failures, is_postfix)| Day {
            organization,
            ago,
            span,
            mx,
            successes,
            failures,
            is_postfix,
        },
    )
}

fn scene() -> impl Strategy<Value = Scene> {
    let ago = || prop::option::of((0_u64..45).prop_map(|days| NOW - days * DAY));
    let live = prop_oneof![
        8 => Just(Some(healthy())),
        1 => Just(None),
        1 => Just(Some(healthy().with_host(LiveHost::new(DnsName::parse("old.north.test").unwrap()).with_fault(Hint::MX_UNREACHABLE)))),
    ];
    let accepts = prop::bool::weighted(0.7);
    (ago(), prop_oneof![3 => Just(None), 1 => ago()], live, accepts).prop_map(
        |(since, mended, live, accepts)| {
            let mut rules = ReadyRules::new();
            if accepts {
                rules = rules.with_accepted(DnsName::parse("old.north.test").unwrap());
            }
            Scene { since, mended, live, rules }
        },
    )
}

fn world() -> impl Strategy<Value = Vec<Day>> {
    // Most worlds are nearly ready, where a rule makes a difference.
    let steady = (0_u64..45, 0_u64..9).prop_map(|(since, successes)| {
        (0..since).flat_map(|ago| [Day::clean(0, ago, successes), Day::clean(1, ago, 3)]).collect::<Vec<_>>()
    });
    (steady, prop::collection::vec(day(), 0..4)).prop_map(|(steady, more)| [steady, more].concat())
}

/// How good an answer is: the better, the greater.
fn rank(readiness: &Readiness) -> u8 {
    match readiness.verdict() {
        Verdict::Blocked => 0,
        Verdict::NotYet { .. } => 1,
        Verdict::Ready => 2,
    }
}

fn missing(readiness: &Readiness) -> Vec<ReadyRule> {
    let missing = readiness.conditions().iter().filter(|condition| !condition.is_met());
    missing.map(Condition::rule).collect()
}

/// Whether an answer is at least as good as another one, in each condition.
fn assert_no_worse(better: &Readiness, worse: &Readiness) -> Result<(), TestCaseError> {
    let mut allowed = missing(worse);
    // A failure of one sender is the domain's own as soon as another one sees it.
    if allowed.contains(&ReadyRule::NoFailureOfYours) {
        allowed.push(ReadyRule::FewOtherFailures);
    }
    for rule in missing(better) {
        prop_assert!(allowed.contains(&rule), "{rule} is missing: {better:?}");
    }
    prop_assert!(rank(better) >= rank(worse));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_report_without_failures_makes_nothing_worse(
        scene in scene(), days in world(), organization in 0_u8..5, ago in 0_u64..45, successes in 0_u64..500, is_postfix: bool,
    ) {
        let mut reports = reports(&days);
        let before = scene.assess(&reports, NOW);
        reports.push(Day { is_postfix, ..Day::clean(organization, ago, successes) }.report(0, 20_000));
        assert_no_worse(&scene.assess(&reports, NOW), &before)?;
    }

    #[test]
    fn another_day_without_failures_makes_nothing_worse(scene in scene(), days in world(), ahead in 1_u64..16) {
        let mut reports = reports(&days);
        let mut before = scene.assess(&reports, NOW);
        for ahead in 0..ahead {
            // Today's report comes tomorrow.
            reports.push(Day::clean(0, 0, 2).report(ahead, 30_000));
            let after = scene.assess(&reports, NOW + (ahead + 1) * DAY);
            assert_no_worse(&after, &before)?;
            before = after;
        }
    }

    #[test]
    fn a_failure_never_makes_it_readier(
        scene in scene(), days in world(), mut more in day(), ahead in 0_u64..20, failure in failure(),
    ) {
        let mut reports = reports(&days);
        reports.extend(busy(0..ahead));
        let before = scene.assess(&reports, NOW + ahead * DAY);
        more.successes = 0;
        more.failures.push(failure);
        reports.push(more.report(0, 40_000));
        let after = scene.assess(&reports, NOW + ahead * DAY);
        assert_no_worse(&before, &after)?;
        prop_assert!(after.evidence().clean_sessions() <= before.evidence().clean_sessions());
    }

    #[test]
    fn a_failure_within_a_report_never_makes_it_readier(
        scene in scene(), mut days in world(), failure in failure(), which: prop::sample::Index, ahead in 0_u64..20,
    ) {
        prop_assume!(!days.is_empty());
        let assess = |days: &[Day]| {
            let mut reports = reports(days);
            reports.extend(busy(0..ahead));
            scene.assess(&reports, NOW + ahead * DAY)
        };
        let before = assess(&days);
        let which = which.index(days.len());
        days[which].failures.push(failure);
        assert_no_worse(&before, &assess(&days))?;
    }

    #[test]
    fn neither_order_nor_doubles_make_a_difference(
        scene in scene(), days in world(), seed in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
    ) {
        let mut reports = reports(&days);
        // Two reports with one identity and other contents, too.
        if let Some(day) = days.first() {
            reports.push(Day { successes: day.successes / 2, ..day.clone() }.report(0, 0));
        }
        prop_assume!(!reports.is_empty());
        let expected = scene.assess(&reports, NOW);
        let len = reports.len();
        for index in seed {
            let at = index.index(len);
            let double = reports[at].clone();
            reports.push(double);
            reports.swap(at, len / 2);
        }
        reports.reverse();
        prop_assert_eq!(scene.assess(&reports, NOW), expected);
    }

    #[test]
    fn it_is_ready_on_the_earliest_day_and_not_before(scene in scene(), days in world()) {
        let reports = reports(&days);
        let Verdict::NotYet { earliest } = scene.assess(&reports, NOW).verdict() else { return Ok(()) };
        let earliest = earliest.as_secs() / DAY;
        // All is mended, and mail comes.
        let live = scene.live.as_ref().map_or_else(healthy, |live| {
            live.hosts().iter().fold(LiveFindings::new(), |mended, host| {
                let old = host.name().as_str() == "old.north.test";
                if old { mended } else { mended.with_host(LiveHost::new(host.name().clone())) }
            })
        });
        let mut mended = Scene { live: Some(live), ..scene };
        mended.rules = mended.rules.clone().with_accepted(DnsName::parse("old.north.test").unwrap());
        for today in NOW / DAY..=earliest {
            let ahead = today - NOW / DAY;
            let all = [reports.clone(), busy(0..ahead)].concat();
            let readiness = mended.assess(&all, NOW + ahead * DAY);
            let is_ready = readiness.verdict() == Verdict::Ready;
            let can_be = today == earliest;
            // No mail makes the share of endless failures small.
            let is_endless = days.iter().flat_map(|day| &day.failures).any(|(.., count)| *count == u64::MAX);
            prop_assert!(is_ready == can_be || can_be && is_endless, "{today} {readiness:?}");
        }
    }

    #[test]
    fn reports_of_other_domains_make_no_difference(scene in scene(), days in world(), more in prop::collection::vec(day(), 0..5)) {
        let mut reports = reports(&days);
        let expected = scene.assess(&reports, NOW);
        for (number, day) in more.iter().enumerate() {
            let report = day.report(0, 50_000 + number);
            let stranger = report.policies()[0].details().iter().fold(
                ReportPolicy::new(PolicyType::Sts, "south.test").with_sessions(day.successes, 9),
                |policy, details| policy.with_details(details.clone()),
            );
            let period = report.period().unwrap();
            reports.push(Report::new("Sender 0", "tls@s0.test", format!("s{number}"), period).with_policy(stranger));
        }
        prop_assert_eq!(scene.assess(&reports, NOW), expected);
    }

    #[test]
    fn no_report_makes_it_panic(
        scene in scene(), now: u64, start: u64, end: u64, successes: u64, failures: u64, count: u64, name in ".*", reason in ".*",
    ) {
        let Some(period) = ReportPeriod::new(UnixTime::from_secs(start), UnixTime::from_secs(end)) else { return Ok(()) };
        let policy = ReportPolicy::new(PolicyType::Sts, "North.TEST.")
            .with_lines([&name])
            .with_mx_hosts([&reason])
            .with_sessions(successes, failures)
            .with_details(
                FailureDetails::new(reason.as_str(), count)
                    .with_receiving_mx_hostname(name.clone())
                    .with_failure_reason_code(reason.clone()),
            );
        let report = Report::new(name.clone(), name, reason, period).with_policy(policy);
        let readiness = scene.assess(&[report.clone(), report], now);
        let text: String = readiness.shortfalls().flat_map(|shortfall| shortfall.message().chars()).collect();
        prop_assert!(!text.contains(char::is_control), "{text:?}");
    }
}

#[test]
fn a_report_of_a_year_proves_nothing() {
    let scene =
        Scene { since: Some(NOW - 400 * DAY), mended: None, live: Some(healthy()), rules: ReadyRules::new() };
    let year = |organization| {
        Day { span: 365, ..Day::clean(organization, 1, u64::MAX) }.report(0, organization.into())
    };
    let readiness = scene.assess(&[year(0), year(1)], NOW);
    assert_eq!(missing(&readiness), [ReadyRule::EnoughSessions, ReadyRule::SendersVerify]);
    assert_eq!(readiness.evidence().sessions(), 0);
    // A week is what some senders report on.
    let week = |organization| {
        Day { span: 7, ..Day::clean(organization, 1, u64::MAX) }.report(0, organization.into())
    };
    let readiness = scene.assess(&[week(0), week(1)], NOW);
    assert_eq!(readiness.verdict(), Verdict::Ready);
    // A report counts to 2^53 - 1 at most (I-JSON).
    assert_eq!(readiness.evidence().sessions(), 2 * ((1 << 53) - 1));
}

#[test]
fn a_flood_of_failures_is_told_of_in_part() {
    // 100 senders, each with 400 hosts that it made up, and one that it does not name. With the square of their
    // number this would take an hour.
    let scene =
        Scene { since: Some(NOW - 40 * DAY), mended: None, live: Some(healthy()), rules: ReadyRules::new() };
    let reports: Vec<_> = (0..100)
        .map(|sender: u64| {
            let period = ReportPeriod::of_day(UnixTime::from_secs(NOW - DAY));
            let mut policy = ReportPolicy::new(PolicyType::Sts, "north.test").with_sessions(1, 401);
            for host in 0..400 {
                let details = FailureDetails::new(ResultType::StarttlsNotSupported, 1);
                policy = policy
                    .with_details(details.with_receiving_mx_hostname(format!("h{host}.s{sender}.test")));
            }
            policy = policy.with_details(FailureDetails::new(ResultType::StarttlsNotSupported, 1));
            Report::new(format!("Sender {sender}"), "tls@s.test", format!("{sender}"), period)
                .with_policy(policy)
        })
        .collect();
    let readiness = scene.assess(&reports, NOW);
    assert_eq!(readiness.verdict(), Verdict::Blocked);
    assert!(readiness.shortfalls().count() <= 8 * 100);
}
