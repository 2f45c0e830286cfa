use std::collections::{BTreeMap, BTreeSet};

use mta_sts_core::tlsrpt::{Hint, LiveFindings, PolicyType, ReadyRules, ReportPolicy, Whose, Witnesses};
use mta_sts_core::{DnsName, ResultType, UnixTime};

use super::{Answer, Date, Kept, Overview, Sessions, is_of_dane, organization_of};

/// The combined contents of reports about one domain.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DomainOverview {
    /// The name of the domain.
    pub name: String,
    /// The assessment whether its policy can be enforced.
    pub answer: Answer,
    /// Consecutive days, including those without a report: the last 30 days, or up to 90 if reports go back
    /// further. They end today, or with the last report if it is a month old.
    pub days: Vec<Day>,
    /// The organisations that report, those with most sessions first.
    pub submitters: Vec<Submitter>,
    /// The causes of failures by host: first those that are the domain's own, then by number of sessions.
    pub causes: Vec<Cause>,
    /// The policies seen in reports, the latest first.
    pub policies: Vec<SeenPolicy>,
    /// The TLSA records seen in reports, the latest first.
    pub tlsa: Vec<SeenTlsa>,
}

/// The sessions of a domain on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Day {
    /// The day; for a period of several days, the last one.
    pub date: Date,
    /// Sessions that succeeded.
    pub successes: u64,
    /// Sessions that failed because of the domain itself.
    pub yours: u64,
    /// Sessions that failed for a cause that only one sender sees, or without a stated cause.
    pub theirs: u64,
    /// The number of reports about this day.
    pub reports: u64,
    /// Whether a policy was seen for the first time.
    pub has_new_policy: bool,
}

/// An organisation that reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submitter {
    /// The name of the organisation, as in its reports.
    pub name: String,
    /// The number of reports it has sent.
    pub reports: u64,
    /// Sessions that succeeded.
    pub successes: u64,
    /// Sessions that failed.
    pub failures: u64,
    /// The last day that its reports cover.
    pub last_day: Option<Date>,
    /// Whether it validates MTA-STS.
    pub validates: Validates,
    /// The number of days without a report from it, if three or more.
    pub silent_days: Option<u64>,
}

/// Whether a sender validates MTA-STS, according to its reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Validates {
    /// It has seen no policy.
    NoPolicySeen,
    /// It has seen a policy, and does not verify certificates in mode testing, like Postfix.
    EnforceOnly,
    /// It reports sessions, or failures, under a policy.
    Yes,
}

/// A cause of failures at one host.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The MX host, as named in reports. `None` if the policy failed, or if reports name no host.
    pub host: Option<String>,
    /// The explanation of the failure, and its remedy.
    pub hint: Hint,
    /// Whether the domain itself is at fault: two organisations see the failure, or nobody else can cause it.
    pub is_yours: bool,
    /// Whether the policy could not be fetched, or is invalid.
    pub is_of_discovery: bool,
    /// The number of failed sessions.
    pub sessions: u64,
    /// The organisations that have seen it.
    pub organizations: BTreeSet<String>,
    /// The first and the last day.
    pub days: Option<(Date, Date)>,
    /// Addresses of the MX host, at most [`Cause::MOST`].
    pub receiving_ips: BTreeSet<String>,
    /// Addresses of senders, at most [`Cause::MOST`].
    pub sending_ips: BTreeSet<String>,
    /// The result types and reasons that senders wrote, at most [`Cause::MOST`].
    pub reasons: BTreeSet<String>,
}

impl Cause {
    /// The maximum number of addresses and reasons that are kept.
    pub const MOST: usize = 8;
}

/// A policy as seen in reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenPolicy {
    /// Its lines.
    pub lines: Vec<String>,
    /// The first and the last day.
    pub days: Option<(Date, Date)>,
    /// The organisations that have seen it.
    pub organizations: BTreeSet<String>,
    /// The organisations that saw it last and have not seen a later one.
    pub still_used_by: BTreeSet<String>,
    /// Sessions that succeeded under it.
    pub successes: u64,
    /// Sessions that failed under it.
    pub failures: u64,
}

/// TLSA records as seen in reports. DANE has no modes: they are in force at once.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenTlsa {
    /// The records, one per line.
    pub lines: Vec<String>,
    /// The MX hosts that have them, if reports name those.
    pub hosts: BTreeSet<String>,
    /// The first and the last day.
    pub days: Option<(Date, Date)>,
    /// The organisations that have seen them.
    pub organizations: BTreeSet<String>,
    /// Sessions that succeeded under them.
    pub successes: u64,
    /// Sessions that failed under them.
    pub failures: u64,
}

/// The maximum number of rows of a table.
const MOST_ROWS: usize = 500;

/// The number of days without a report after which a sender is considered silent.
const SILENT_DAYS: u64 = 3;

impl Overview {
    /// Returns the combined contents of the reports about a domain, or `None` if there are no reports. Without a check, the answer rests on reports alone.
    pub fn domain(&self, name: &str, live: Option<&LiveFindings>, now: UnixTime) -> Option<DomainOverview> {
        let reports: Vec<&Kept> = self.counted().filter(|kept| kept.is_about(name)).collect();
        if reports.is_empty() {
            return None;
        }
        let policies = policies_of(&reports, name);
        let causes = causes_of(&reports, name);
        let seen = policies.iter().find(|policy| !policy.lines.is_empty());
        let answer = Answer::of(name, &self.reports_of(name), seen, live, now);
        Some(DomainOverview {
            name: name.to_owned(),
            answer,
            days: days_of(&reports, name, &causes, &policies, Date::of(now)),
            submitters: submitters_of(&reports, name, Date::of(now)),
            causes: causes.into_rows(),
            policies,
            tlsa: tlsa_of(&reports, name),
        })
    }
}

fn last_day(kept: &Kept) -> Option<Date> {
    kept.report.period().map(Date::last_of)
}

fn widen(days: &mut Option<(Date, Date)>, day: Option<Date>) {
    if let Some(day) = day {
        *days = Some(days.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
    }
}

fn insert_few(texts: &mut BTreeSet<String>, text: impl FnOnce() -> String) {
    if texts.len() < Cause::MOST {
        texts.insert(text());
    }
}

/// Failures by cause and host.
struct Causes {
    rows: BTreeMap<(Hint, Option<String>), Cause>,
}

/// One failure in a report: its cause, and the number of sessions.
struct Failure<'a> {
    key: (Hint, Option<String>),
    sessions: u64,
    details: Option<&'a mta_sts_core::tlsrpt::FailureDetails>,
}

/// The failures under a policy, including those without an explanation.
fn failures_of(policy: &ReportPolicy) -> Vec<Failure<'_>> {
    let kind = policy.kind().known();
    let mut explained = 0_u64;
    let mut failures = Vec::new();
    for details in policy.details().iter().filter(|details| details.failed_sessions() > 0) {
        explained = explained.saturating_add(details.failed_sessions());
        let reason = details.failure_reason_code().unwrap_or_default();
        let hint = Hint::explain(kind, details.result().known(), reason);
        // A host that is none by its name is told all the same.
        let host = details.receiving_mx_hostname().map(|name| {
            let name = name.trim();
            DnsName::parse(name).map_or_else(|_| name.to_lowercase(), |name| name.as_str().to_owned())
        });
        let key = (hint, host.filter(|host| !host.is_empty()));
        failures.push(Failure { key, sessions: details.failed_sessions(), details: Some(details) });
    }
    let unexplained = policy.failures().saturating_sub(explained);
    if unexplained > 0 {
        let key = (Hint::VALIDATION_FAILURE, None);
        failures.push(Failure { key, sessions: unexplained, details: None });
    }
    failures
}

fn causes_of(reports: &[&Kept], name: &str) -> Causes {
    let mut rows: BTreeMap<(Hint, Option<String>), Cause> = BTreeMap::new();
    for kept in reports {
        let organization = organization_of(&kept.report);
        for failure in kept.policies_of(name).flat_map(failures_of) {
            let (hint, host) = failure.key.clone();
            let cause = rows.entry(failure.key).or_insert_with(|| Cause {
                host,
                hint,
                is_yours: false,
                is_of_discovery: false,
                sessions: 0,
                organizations: BTreeSet::new(),
                days: None,
                receiving_ips: BTreeSet::new(),
                sending_ips: BTreeSet::new(),
                reasons: BTreeSet::new(),
            });
            cause.sessions = cause.sessions.saturating_add(failure.sessions);
            cause.organizations.insert(organization.clone());
            let result = failure.details.and_then(|details| details.result().known());
            let is_of_discovery = result.is_some_and(ResultType::is_of_discovery);
            cause.is_of_discovery |= is_of_discovery;
            // Nobody but the domain itself is at fault, unless it is the sender.
            cause.is_yours |= is_of_discovery && hint.whose() != Whose::Sender;
            widen(&mut cause.days, last_day(kept));
            let Some(details) = failure.details else { continue };
            if let Some(address) = details.receiving_ip() {
                insert_few(&mut cause.receiving_ips, || address.to_string());
            }
            if let Some(address) = details.sending_mta_ip() {
                insert_few(&mut cause.sending_ips, || address.to_string());
            }
            insert_few(&mut cause.reasons, || match details.failure_reason_code() {
                Some(reason) => format!("{}: {reason}", details.result()),
                None => details.result().to_string(),
            });
        }
    }
    let mut causes = Causes { rows };
    causes.find_yours();
    causes
}

impl Causes {
    fn find_yours(&mut self) {
        let names = |cause: &Cause| cause.organizations.iter().map(|name| name.to_lowercase()).collect();
        let organizations: Vec<(_, BTreeSet<String>)> =
            self.rows.iter().map(|(key, cause)| (key.clone(), names(cause))).collect();
        let mut witnesses = Witnesses::new();
        for ((hint, host), names) in &organizations {
            for name in names {
                witnesses.add(*hint, host.as_deref(), name);
            }
        }
        for (hint, host) in witnesses.own_failures(&ReadyRules::new()) {
            if let Some(cause) = self.rows.get_mut(&(hint, host.map(str::to_owned))) {
                cause.is_yours = true;
            }
        }
    }

    fn is_yours(&self, key: &(Hint, Option<String>)) -> bool {
        self.rows.get(key).is_some_and(|cause| cause.is_yours)
    }

    fn into_rows(self) -> Vec<Cause> {
        let mut rows: Vec<_> = self.rows.into_values().collect();
        rows.sort_by_key(|cause| (!cause.is_yours, std::cmp::Reverse(cause.sessions)));
        rows.truncate(MOST_ROWS);
        rows
    }
}

fn days_of(reports: &[&Kept], name: &str, causes: &Causes, policies: &[SeenPolicy], today: Date) -> Vec<Day> {
    const MONTH: u64 = 30;
    const QUARTER: u64 = 90;
    // A report of a day that is still to come is of nobody's clock.
    let known = reports.iter().filter_map(|kept| last_day(kept)).filter(|day| *day <= today.plus(1));
    let days: BTreeSet<Date> = known.collect();
    let Some((oldest, newest)) = days.first().zip(days.last()).map(|(oldest, newest)| (*oldest, *newest))
    else {
        return Vec::new();
    };
    let end = if today.days_since(newest) < MONTH { today.max(newest) } else { newest };
    let len = (end.days_since(oldest) + 1).clamp(MONTH, QUARTER);
    let begin = end.minus(len - 1);
    let starts: BTreeSet<Date> = policies
        .iter()
        .filter_map(|policy| policy.days)
        .map(|(first, _)| first)
        .filter(|day| *day > oldest)
        .collect();
    let mut days: Vec<Day> = (0..len)
        .map(|day| begin.plus(day))
        .map(|date| Day {
            date,
            successes: 0,
            yours: 0,
            theirs: 0,
            reports: 0,
            has_new_policy: starts.contains(&date),
        })
        .collect();
    for kept in reports {
        let Some(date) = last_day(kept).filter(|date| *date >= begin && *date <= end) else { continue };
        let Some(day) = usize::try_from(date.days_since(begin)).ok().and_then(|at| days.get_mut(at)) else {
            continue;
        };
        let Sessions { successes, failures } = kept.sessions_with(name);
        let (mut yours, mut all) = (0_u64, 0_u64);
        for failure in kept.policies_of(name).flat_map(failures_of) {
            all = all.saturating_add(failure.sessions);
            if causes.is_yours(&failure.key) {
                yours = yours.saturating_add(failure.sessions);
            }
        }
        // A session with two faults stands in both, and failed once.
        let yours = if all > failures { yours.min(failures) } else { yours };
        day.reports += 1;
        day.successes = day.successes.saturating_add(successes);
        day.yours = day.yours.saturating_add(yours);
        day.theirs = day.theirs.saturating_add(failures.saturating_sub(yours));
    }
    days
}

fn submitters_of(reports: &[&Kept], name: &str, today: Date) -> Vec<Submitter> {
    let mut rows: BTreeMap<String, Submitter> = BTreeMap::new();
    for kept in reports {
        let shown = organization_of(&kept.report);
        let row = rows.entry(shown.to_lowercase()).or_insert_with(|| Submitter {
            name: shown,
            reports: 0,
            successes: 0,
            failures: 0,
            last_day: None,
            validates: Validates::NoPolicySeen,
            silent_days: None,
        });
        let Sessions { successes, failures } = kept.sessions_with(name);
        row.reports += 1;
        row.successes = row.successes.saturating_add(successes);
        row.failures = row.failures.saturating_add(failures);
        row.last_day = row.last_day.max(last_day(kept));
        if kept.policies_of(name).any(|policy| policy.kind().known() == Some(PolicyType::Sts)) {
            let is_postfix = kept.report.is_from_tlsrpt_reporter();
            row.validates =
                row.validates.max(if is_postfix { Validates::EnforceOnly } else { Validates::Yes });
        }
    }
    let newest = rows.values().filter_map(|row| row.last_day).max().unwrap_or_default();
    // The day before is the last that can have been reported on.
    let end = newest.max(today.minus(1)).min(newest.plus(30));
    let mut rows: Vec<_> = rows.into_values().collect();
    for row in &mut rows {
        let silent = row.last_day.map(|day| end.days_since(day));
        row.silent_days = silent.filter(|days| *days >= SILENT_DAYS);
    }
    rows.sort_by_key(|row| std::cmp::Reverse(row.successes.saturating_add(row.failures)));
    rows.truncate(MOST_ROWS);
    rows
}

fn policies_of(reports: &[&Kept], name: &str) -> Vec<SeenPolicy> {
    let mut rows: BTreeMap<Vec<String>, SeenPolicy> = BTreeMap::new();
    let mut last_of: BTreeMap<String, (Date, Vec<String>)> = BTreeMap::new();
    for kept in reports {
        let sts = kept.policies_of(name).filter(|policy| policy.kind().known() == Some(PolicyType::Sts));
        for policy in sts {
            let lines: Vec<String> = policy.lines().map(|line| line.trim_end().to_owned()).collect();
            let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
            // Some senders do not tell, or could not fetch it.
            if lines.is_empty() {
                continue;
            }
            let organization = organization_of(&kept.report);
            if let Some(day) = last_day(kept) {
                let last = last_of.entry(organization.clone()).or_insert_with(|| (day, lines.clone()));
                if day >= last.0 {
                    *last = (day, lines.clone());
                }
            }
            let row = rows.entry(lines).or_insert_with_key(|lines| SeenPolicy {
                lines: lines.clone(),
                days: None,
                organizations: BTreeSet::new(),
                still_used_by: BTreeSet::new(),
                successes: 0,
                failures: 0,
            });
            widen(&mut row.days, last_day(kept));
            row.organizations.insert(organization);
            row.successes = row.successes.saturating_add(policy.successes());
            row.failures = row.failures.saturating_add(policy.failures());
        }
    }
    for (organization, (_, lines)) in last_of {
        if let Some(row) = rows.get_mut(&lines) {
            row.still_used_by.insert(organization);
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    // Of two that were seen on the same last day, the one that appeared later.
    rows.sort_by_key(|row| std::cmp::Reverse(row.days.map(|(first, last)| (last, first))));
    rows.truncate(MOST_ROWS);
    rows
}

fn tlsa_of(reports: &[&Kept], name: &str) -> Vec<SeenTlsa> {
    let mut rows: BTreeMap<Vec<String>, SeenTlsa> = BTreeMap::new();
    for kept in reports {
        for policy in kept.policies_of(name).filter(|policy| is_of_dane(policy)) {
            let lines: Vec<String> = policy.lines().map(str::to_owned).collect();
            let row = rows.entry(lines).or_insert_with_key(|lines| SeenTlsa {
                lines: lines.clone(),
                hosts: BTreeSet::new(),
                days: None,
                organizations: BTreeSet::new(),
                successes: 0,
                failures: 0,
            });
            for host in policy.mx_hosts().chain(policy.domain()) {
                insert_few(&mut row.hosts, || host.to_owned());
            }
            widen(&mut row.days, last_day(kept));
            row.organizations.insert(organization_of(&kept.report));
            row.successes = row.successes.saturating_add(policy.successes());
            row.failures = row.failures.saturating_add(policy.failures());
        }
    }
    let mut rows: Vec<_> = rows.into_values().collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.days.map(|(first, last)| (last, first))));
    rows.truncate(MOST_ROWS);
    rows
}
