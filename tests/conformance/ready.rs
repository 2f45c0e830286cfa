use mta_sts_core::tlsrpt::{
    FailureDetails, Hint, LiveFindings, LiveHost, Readiness, ReadyRules, Report, ReportPeriod, ReportPolicy,
    Served, Verdict,
};
use mta_sts_core::{DnsName, Policy, PolicyDomain, UnixTime};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::files::understand;

const DAY: u64 = 86_400;

/// The domain of all cases, and the policy that it serves.
const DOMAIN: &str = "north.test";
const POLICY: &[u8] =
    b"version: STSv1\nmode: testing\nmx: mx1.north.test\nmx: mx2.north.test\nmax_age: 86400\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Input {
    now: u64,
    /// In days before the midnight that today began with.
    since: Option<f64>,
    mended: Option<f64>,
    live: Option<Live>,
    #[serde(default)]
    rules: Rules,
    reports: Vec<Reports>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Live {
    hosts: Vec<Host>,
    policy_fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    name: String,
    fault: Option<String>,
    expires_in: Option<u64>,
    #[serde(default)]
    renewal_seen: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Rules {
    days: Option<u32>,
    certificate_days: Option<u32>,
    accept: Vec<String>,
}

/// A report for each of some days, or one for all of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Reports {
    from: String,
    /// The first and the last day, counted back from today.
    days: (i64, i64),
    sessions: u64,
    #[serde(default)]
    failures: Vec<Failure>,
    #[serde(default)]
    unexplained: u64,
    #[serde(default)]
    one_report: bool,
    #[serde(default = "sts")]
    kind: String,
    #[serde(default = "domain")]
    domain: String,
    #[serde(default = "testing")]
    mode: String,
    #[serde(default)]
    mx: Option<Vec<String>>,
    mx_hosts: Option<Vec<String>>,
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Failure {
    result_type: String,
    reason: Option<String>,
    host: Option<String>,
    sessions: u64,
}

fn sts() -> String {
    "sts".to_owned()
}

fn domain() -> String {
    DOMAIN.to_owned()
}

fn testing() -> String {
    "testing".to_owned()
}

pub(crate) fn run(input: Value) -> Result<Value, String> {
    let input: Input = understand(input)?;
    let domain = PolicyDomain::parse(DOMAIN).map_err(|error| error.to_string())?;
    let policy = Policy::parse(POLICY).map_err(|error| error.to_string())?;
    let today = input.now / DAY;
    let mut served = Served::new(&domain, &policy);
    if let Some(days) = input.since {
        served = served.since(before(today, days));
    }
    if let Some(days) = input.mended {
        served = served.mended_at(before(today, days));
    }
    let live = input.live.map(|live| live_findings(live, input.now)).transpose()?;
    let rules = rules(input.rules)?;
    let mut reports = Vec::new();
    for (number, each) in input.reports.iter().enumerate() {
        each.write(number, today, &mut reports)?;
    }
    let now = UnixTime::from_secs(input.now);
    let readiness = Readiness::assess(&reports, live.as_ref(), &served, now, &rules);
    Ok(shown(&readiness, today))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few days")]
fn before(today: u64, days: f64) -> UnixTime {
    UnixTime::from_secs(today * DAY - (days * 86_400.0) as u64)
}

fn live_findings(live: Live, now: u64) -> Result<LiveFindings, String> {
    let hint = |code: &str| Hint::from_code(code).ok_or_else(|| format!("{code} is no hint"));
    let mut findings = LiveFindings::new();
    if let Some(code) = live.policy_fault {
        findings = findings.with_policy_fault(hint(&code)?);
    }
    for Host { name, fault, expires_in, renewal_seen } in live.hosts {
        let mut host = LiveHost::new(DnsName::parse(&name).map_err(|error| error.to_string())?);
        if let Some(code) = fault {
            host = host.with_fault(hint(&code)?);
        }
        if let Some(seconds) = expires_in {
            host = host.expires_at(UnixTime::from_secs(now + seconds));
        }
        findings = findings.with_host(if renewal_seen { host.with_renewal_seen() } else { host });
    }
    Ok(findings)
}

fn rules(Rules { days, certificate_days, accept }: Rules) -> Result<ReadyRules, String> {
    let mut rules = ReadyRules::new();
    if let Some(days) = days {
        rules = rules.with_days(days);
    }
    if let Some(days) = certificate_days {
        rules = rules.with_certificate_days(days);
    }
    for name in accept {
        rules = rules.with_accepted(DnsName::parse(&name).map_err(|error| error.to_string())?);
    }
    Ok(rules)
}

impl Reports {
    fn write(&self, number: usize, today: u64, reports: &mut Vec<Report>) -> Result<(), String> {
        let (first, last) = self.days;
        let periods = if self.one_report {
            vec![(first, last)]
        } else {
            (last..=first).map(|day| (day, day)).collect()
        };
        for (first, last) in periods {
            let day = |ago: i64| today.checked_add_signed(-ago).ok_or("there is no such day");
            let start = UnixTime::from_secs(day(first)? * DAY);
            let period = ReportPeriod::new(start, UnixTime::from_secs(day(last)? * DAY + DAY - 1));
            let period = period.ok_or("the last day is before the first")?;
            let id = self.id.clone().unwrap_or_else(|| format!("{number}.{last}@sender.test"));
            reports.push(
                Report::new(self.from.clone(), "tls@sender.test", id, period).with_policy(self.policy()),
            );
        }
        Ok(())
    }

    fn policy(&self) -> ReportPolicy {
        let details = self.failures.iter().map(|failure| failure.sessions);
        let failed = details.fold(self.unexplained, u64::saturating_add);
        let mut policy =
            ReportPolicy::new(self.kind.as_str(), self.domain.clone()).with_sessions(self.sessions, failed);
        if let Some(hosts) = &self.mx_hosts {
            policy = policy.with_mx_hosts(hosts);
        } else {
            let served = || vec!["mx1.north.test".to_owned(), "mx2.north.test".to_owned()];
            let patterns = self.mx.clone().unwrap_or_else(served);
            policy = policy
                .with_lines(["version: STSv1".to_owned(), format!("mode: {}", self.mode)])
                .with_lines(patterns.iter().map(|pattern| format!("mx: {pattern}")));
        }
        for failure in &self.failures {
            let mut details = FailureDetails::new(failure.result_type.as_str(), failure.sessions);
            if let Some(reason) = &failure.reason {
                details = details.with_failure_reason_code(reason.clone());
            }
            if let Some(host) = &failure.host {
                details = details.with_receiving_mx_hostname(host.clone());
            }
            policy = policy.with_details(details);
        }
        policy
    }
}

fn shown(readiness: &Readiness, today: u64) -> Value {
    let (verdict, earliest) = match readiness.verdict() {
        Verdict::Ready => ("ready", None),
        Verdict::NotYet { earliest } => ("not-yet", Some(earliest.as_secs() / DAY - today)),
        Verdict::Blocked => ("blocked", None),
    };
    let missing = readiness.shortfalls().map(|shortfall| {
        json!({
            "rule": shortfall.rule().code(),
            "code": shortfall.code(),
            "host": shortfall.host().map(DnsName::as_str),
            "hint": shortfall.hint().map(|hint| hint.code()),
        })
    });
    let evidence = readiness.evidence();
    json!({
        "verdict": verdict,
        "earliest": earliest,
        "missing": missing.collect::<Vec<_>>(),
        "evidence": {
            "days": evidence.days(),
            "submitters": evidence.submitters(),
            "sessions": evidence.sessions(),
            "clean_sessions": evidence.clean_sessions(),
            "unverified_sessions": evidence.unverified_sessions(),
            "unusable_reports": evidence.unusable_reports(),
        },
    })
}
