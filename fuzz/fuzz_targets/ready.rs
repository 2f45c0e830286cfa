//! Reports, a check and a day: the answer does not depend on their order or on doubles, a failure never makes it better, and
//! nothing of a stranger's text gets into its sentences unseen.
#![no_main]

use arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use mta_sts_core::tlsrpt::{
    FailureDetails, Hint, LiveFindings, LiveHost, Readiness, ReadyRules, Report, ReportPeriod, ReportPolicy,
    Served, Verdict,
};
use mta_sts_core::{DnsName, Policy, PolicyDomain, PolicyType, ResultType, UnixTime};

const DAY: u64 = 86_400;
/// A noon.
const NOW: u64 = 1_700_049_600;

/// More take longer, and say nothing new.
const MAX_REPORTS: usize = 12;

fuzz_target!(|input: Input| input.check());

#[derive(Debug)]
struct Input {
    reports: Vec<Report>,
    failure: Report,
    live: Option<LiveFindings>,
    since: Option<u64>,
    mended: Option<u64>,
    now: u64,
}

impl Input {
    fn check(mut self) {
        let now = UnixTime::from_secs(self.now);
        let readiness = self.assess();
        assert_eq!(readiness.conditions().len(), 8);
        for shortfall in readiness.shortfalls() {
            let sentences = format!("{} {}", shortfall.message(), shortfall.fix());
            assert!(!sentences.contains(|character: char| character.is_control()), "{sentences:?}");
        }
        match readiness.verdict() {
            Verdict::Ready => assert!(self.live.is_some() && readiness.shortfalls().next().is_none()),
            Verdict::NotYet { earliest } => {
                assert!(earliest.saturating_add(std::time::Duration::from_secs(DAY)) > now, "{earliest:?}");
            }
            Verdict::Blocked => {}
        }
        // Neither the order nor what came twice makes a difference.
        let ordered = self.reports.clone();
        self.reports.reverse();
        self.reports.extend(ordered.iter().step_by(2).cloned());
        assert_eq!(self.assess(), readiness);
        self.reports = ordered;
        // A failure more never makes it readier.
        self.reports.push(self.failure.clone());
        let worse = self.assess();
        assert!(rank(&worse) <= rank(&readiness), "{readiness:?} {worse:?}");
        assert!(worse.evidence().clean_sessions() <= readiness.evidence().clean_sessions());
    }

    fn assess(&self) -> Readiness {
        let domain = PolicyDomain::parse("north.test").expect("it is a name");
        let policy = Policy::parse(
            b"version: STSv1\nmode: testing\nmx: mx1.north.test\nmx: mx2.north.test\nmax_age: 86400\n",
        )
        .expect("it is a policy");
        let mut served = Served::new(&domain, &policy);
        if let Some(since) = self.since {
            served = served.since(UnixTime::from_secs(since));
        }
        if let Some(mended) = self.mended {
            served = served.mended_at(UnixTime::from_secs(mended));
        }
        Readiness::assess(
            &self.reports,
            self.live.as_ref(),
            &served,
            UnixTime::from_secs(self.now),
            &ReadyRules::new(),
        )
    }
}

fn rank(readiness: &Readiness) -> u8 {
    match readiness.verdict() {
        Verdict::Blocked => 0,
        Verdict::NotYet { .. } => 1,
        Verdict::Ready => 2,
    }
}

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(input: &mut Unstructured<'a>) -> Result<Self> {
        let failure = report(input, true, 255)?;
        let mut time = || Ok(bool::arbitrary(input)?.then_some(NOW - u64::from(u8::arbitrary(input)?) * DAY));
        let (since, mended) = (time()?, time()?);
        let live = if below(4, input)? == 0 { None } else { Some(live(input)?) };
        let now = NOW + below(20, input)? as u64 * DAY;
        let mut reports = Vec::new();
        while !input.is_empty() && reports.len() < MAX_REPORTS {
            reports.push(report(input, false, reports.len())?);
        }
        Ok(Self { reports, failure, live, since, mended, now })
    }
}

fn live(input: &mut Unstructured) -> Result<LiveFindings> {
    let mut live = LiveFindings::new();
    for name in ["mx1.north.test", "mx2.north.test", "old.north.test"] {
        let flags = u8::arbitrary(input)?;
        let mut host = LiveHost::new(DnsName::parse(name).expect("it is a name"));
        if flags & 3 == 0 {
            host = host.with_fault(Hint::MX_UNREACHABLE);
        }
        if flags & 12 == 0 {
            host = host.expires_at(UnixTime::from_secs(NOW + u64::from(flags >> 4) * DAY));
        }
        if flags & 16 == 0 || name.starts_with("mx") {
            live = live.with_host(host);
        }
    }
    Ok(live)
}

fn report(input: &mut Unstructured, has_failed: bool, number: usize) -> Result<Report> {
    let sender = below(4, input)?;
    let last = NOW / DAY - below(45, input)? as u64;
    let span = 1 + below(10, input)? as u64;
    let period = ReportPeriod::new(
        UnixTime::from_secs((last + 1 - span) * DAY),
        UnixTime::from_secs(last * DAY + if bool::arbitrary(input)? { DAY - 1 } else { DAY }),
    );
    let id = match below(4, input)? {
        0 => "same".to_owned(),
        1 => format!("2024-10-04T00:00:00Z_idx1_{number}"),
        _ => format!("{number}"),
    };
    let period = period.expect("it ends behind its start");
    let mut report = Report::new(format!("Sender {sender}"), format!("tls@s{sender}.test"), id, period);
    for _ in 0..=below(2, input)? {
        let kind =
            [PolicyType::Sts, PolicyType::Sts, PolicyType::Tlsa, PolicyType::NoPolicyFound][below(4, input)?];
        let domain = ["north.test", "north.test", "North.TEST.", "south.test"][below(4, input)?];
        let hosts = [&["mx1.north.test", "mx2.north.test"][..], &["mx1.north.test"], &["\u{202e}\n"]]
            [below(3, input)?];
        let mut policy = ReportPolicy::new(kind, domain).with_mx_hosts(hosts);
        let successes = if has_failed { 0 } else { count(input)? };
        let details = below(3, input)? + usize::from(has_failed);
        let mut failures = 0_u64;
        for _ in 0..details {
            let result = ResultType::ALL[below(ResultType::ALL.len(), input)?];
            let count = count(input)?;
            failures = failures.saturating_add(count);
            let host =
                ["mx1.north.test", "mx2.north.test", "old.north.test", "no name\u{7}", "\u{1b}[31m.test"]
                    [below(5, input)?];
            let reason =
                ["", "mx-mismatch", "timeout", "no-system-roots", "certificate has expired", "\r\nx"]
                    [below(6, input)?];
            let mut one = FailureDetails::new(result, count).with_receiving_mx_hostname(host);
            if !reason.is_empty() {
                one = one.with_failure_reason_code(reason);
            }
            policy = policy.with_details(one);
        }
        report = report.with_policy(policy.with_sessions(successes, failures));
    }
    Ok(report)
}

fn count(input: &mut Unstructured) -> Result<u64> {
    let number = u8::arbitrary(input)?;
    Ok(if number == 255 { u64::MAX } else { u64::from(number) * 7 })
}

fn below(count: usize, input: &mut Unstructured) -> Result<usize> {
    Ok(usize::from(u8::arbitrary(input)?) % count)
}
