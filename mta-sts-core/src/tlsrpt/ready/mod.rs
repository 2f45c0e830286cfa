//! Determines whether a policy in mode testing can be enforced: eight conditions, evaluated from reports and a check.

mod facts;
mod rules;
mod sightings;
mod witnesses;

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{self, Write};

pub use facts::{LiveFindings, LiveHost, Served};
pub use rules::{ReadyRule, ReadyRules};
use sightings::Sightings;
pub use witnesses::Witnesses;

use super::{Hint, Report, Whose, datetime};
use crate::name::DnsName;
use crate::time::UnixTime;

const DAY: u64 = 86_400;

/// The day of UTC, counted from 1970-01-01.
const fn day_of(time: UnixTime) -> u64 {
    time.as_secs() / DAY
}

/// The answer whether a policy can be enforced, and what is missing.
///
/// ```
/// use mta_sts_core::tlsrpt::{LiveFindings, LiveHost, ReadyRules, Readiness, Report, ReportPeriod, ReportPolicy};
/// use mta_sts_core::tlsrpt::{Served, Verdict};
/// use mta_sts_core::{DnsName, Policy, PolicyDomain, PolicyType, UnixTime};
///
/// let now = UnixTime::from_secs(1_700_000_000);
/// let domain = PolicyDomain::parse("example.com")?;
/// let policy = Policy::parse(b"version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n")?;
/// let served = Served::new(&domain, &policy).since(UnixTime::from_secs(now.as_secs() - 20 * 86_400));
/// let live = LiveFindings::new().with_host(LiveHost::new(DnsName::parse("mx.example.com")?));
///
/// // A week of reports of one sender.
/// let reports: Vec<_> = (1..=7)
///     .map(|day| {
///         let period = ReportPeriod::of_day(UnixTime::from_secs(now.as_secs() - day * 86_400));
///         let sessions = ReportPolicy::new(PolicyType::Sts, "example.com")
///             .with_mx_hosts(["mx.example.com"])
///             .with_sessions(40, 0);
///         Report::new("Sender", "tls@sender.example", format!("{day}@sender.example"), period).with_policy(sessions)
///     })
///     .collect();
///
/// let readiness = Readiness::assess(&reports, Some(&live), &served, now, &ReadyRules::new());
/// assert!(matches!(readiness.verdict(), Verdict::NotYet { .. }));
/// for shortfall in readiness.shortfalls() {
///     println!("{} {}", shortfall.message(), shortfall.fix());
/// }
/// # let codes: Vec<_> = readiness.shortfalls().map(|shortfall| shortfall.code()).collect();
/// # assert_eq!(codes, ["few-submitters"]);
/// let evidence = readiness.evidence().to_string();
/// assert_eq!(evidence, "no failure of yours in 280 sessions: fewer than 1.08 % fail, at 95 % confidence");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It is based on reports, on a current check, and on what the owner knows; it makes no queries. All days are days of
/// UTC. More days without failures never make a policy less ready, and a failure never makes it readier; the order of
/// the reports makes no difference, and a duplicate report counts once.
///
/// Anybody can write a report: pass only those that you trust.
#[derive(Clone, Debug, PartialEq)]
pub struct Readiness {
    conditions: Vec<Condition>,
    evidence: Evidence,
}

/// Whether to enforce the policy.
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_core::tlsrpt::Verdict;
///
/// fn exit_status(verdict: Verdict) -> u8 {
///     match verdict {
///         Verdict::Ready => 0,
///         Verdict::NotYet { .. } => 1,
///         Verdict::Blocked => 2,
///     }
/// }
/// assert_eq!(exit_status(Verdict::NotYet { earliest: UnixTime::from_secs(1_700_006_400) }), 1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// All conditions are met.
    Ready,
    /// Something is missing that comes with time, mail, or a fix.
    NotYet {
        /// The first day on which all conditions may be met, if all faults are fixed now and there are no new ones.
        earliest: UnixTime,
    },
    /// The owner has to decide about a host, whatever else is missing.
    Blocked,
}

/// One of the eight conditions.
///
/// ```no_run
/// # fn show(readiness: &mta_sts_core::tlsrpt::Readiness) {
/// for condition in readiness.conditions() {
///     println!("{:<8} {}", if condition.is_met() { "ok" } else { "missing" }, condition.rule().message());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    rule: ReadyRule,
    shortfalls: Vec<Shortfall>,
}

/// Something that a condition lacks.
///
/// ```no_run
/// # fn show(readiness: &mta_sts_core::tlsrpt::Readiness) {
/// for shortfall in readiness.shortfalls() {
///     println!("{}: {} {}", shortfall.rule(), shortfall.message(), shortfall.fix());
/// }
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shortfall {
    rule: ReadyRule,
    code: &'static str,
    host: Option<DnsName>,
    hint: Option<Hint>,
    message: String,
    fix: &'static str,
    // `None` if time alone does not help.
    earliest: Option<UnixTime>,
}

/// The amount of evidence for the answer.
///
/// ```no_run
/// # fn show(readiness: &mta_sts_core::tlsrpt::Readiness) {
/// let evidence = readiness.evidence();
/// println!("{} days, {} senders, {} sessions", evidence.days(), evidence.submitters(), evidence.sessions());
/// println!("{evidence}");
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evidence {
    days: u64,
    submitters: usize,
    sessions: u64,
    clean_sessions: u64,
    unverified_sessions: u64,
    unusable_reports: usize,
}

impl Readiness {
    /// Assesses a policy from reports about its domain, a current check, and what its owner knows.
    ///
    /// Without a check the answer is never [`Verdict::Ready`]. Reports may be about any domain: policies of others are
    /// ignored, and so are reports without a period, or with one that ends after tomorrow. Successes count if the list
    /// of `mx` was the same, in periods of at most eight days. Of two reports with the same organisation, `report-id`,
    /// and period, the worse counts. DANE failures are ignored: mode enforce does not affect them.
    ///
    /// It takes time and memory linear in the size of the reports, up to a logarithmic factor.
    // Meets R77.
    pub fn assess<'a>(
        reports: impl IntoIterator<Item = &'a Report>,
        live: Option<&LiveFindings>,
        served: &Served<'_>,
        now: UnixTime,
        rules: &ReadyRules,
    ) -> Self {
        let today = day_of(now);
        let sightings = Sightings::of(reports, served, today);
        let assessment = Assessment::new(&sightings, live, served, now, rules);
        let conditions = ReadyRule::ALL
            .iter()
            .map(|rule| Condition { rule: *rule, shortfalls: assessment.shortfalls(*rule) })
            .collect();
        Self { conditions, evidence: assessment.evidence() }
    }

    /// Whether to enforce the policy.
    pub fn verdict(&self) -> Verdict {
        let mut earliest = UnixTime::from_secs(0);
        for shortfall in self.shortfalls() {
            match shortfall.earliest {
                Some(time) => earliest = earliest.max(time),
                None => return Verdict::Blocked,
            }
        }
        if self.shortfalls().next().is_none() { Verdict::Ready } else { Verdict::NotYet { earliest } }
    }

    /// The eight conditions, in the order of [`ReadyRule::ALL`].
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// What is missing, in the order of the conditions.
    pub fn shortfalls(&self) -> impl Iterator<Item = &Shortfall> {
        self.conditions.iter().flat_map(|condition| &condition.shortfalls)
    }

    /// The amount of evidence for the answer.
    pub const fn evidence(&self) -> Evidence {
        self.evidence
    }
}

impl Condition {
    /// The rule that the condition applies.
    pub const fn rule(&self) -> ReadyRule {
        self.rule
    }

    /// Returns whether nothing is missing.
    pub fn is_met(&self) -> bool {
        self.shortfalls.is_empty()
    }

    /// What is missing.
    pub fn shortfalls(&self) -> &[Shortfall] {
        &self.shortfalls
    }
}

impl Shortfall {
    /// The rule of the condition.
    pub const fn rule(&self) -> ReadyRule {
        self.rule
    }

    /// The stable code: a kebab-case word.
    pub const fn code(&self) -> &'static str {
        self.code
    }

    /// The MX host that it is about.
    pub const fn host(&self) -> Option<&DnsName> {
        self.host.as_ref()
    }

    /// The fault that it is about.
    pub const fn hint(&self) -> Option<Hint> {
        self.hint
    }

    /// What is missing, in one sentence. Text from reports is free of characters that a terminal would interpret.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do, in one sentence.
    pub const fn fix(&self) -> &'static str {
        self.fix
    }

    /// The first day on which the condition may be met, if the fault is fixed now. `None` if the owner has to decide.
    pub const fn earliest(&self) -> Option<UnixTime> {
        self.earliest
    }
}

impl Evidence {
    /// The number of full days for which the list of MX hosts has been served.
    pub const fn days(self) -> u64 {
        self.days
    }

    /// The number of organisations that have reported successes under the policy.
    pub const fn submitters(self) -> usize {
        self.submitters
    }

    /// The number of successful sessions under the policy.
    pub const fn sessions(self) -> u64 {
        self.sessions
    }

    /// The number of those on days after the last failure of the domain's own, and after its fix.
    pub const fn clean_sessions(self) -> u64 {
        self.clean_sessions
    }

    /// The number of further sessions, reported by senders that do not verify in mode testing.
    pub const fn unverified_sessions(self) -> u64 {
        self.unverified_sessions
    }

    /// The number of reports ignored because their period is missing or implausible.
    pub const fn unusable_reports(self) -> usize {
        self.unusable_reports
    }

    /// The share of sessions that may still fail, from 0 to 1: with 95 % confidence it is smaller. After n sessions
    /// without a failure it is 3/n, the rule of three.
    #[expect(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
    pub fn failure_share(self) -> f64 {
        if self.clean_sessions <= 3 { 1.0 } else { 3.0 / self.clean_sessions as f64 }
    }
}

impl fmt::Display for Evidence {
    /// Displays `no failure of yours in 4212 sessions: fewer than 0.08 % fail, at 95 % confidence`, with the share
    /// rounded up.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions = self.clean_sessions;
        if sessions <= 3 {
            return write!(formatter, "{sessions} sessions prove nothing");
        }
        // In hundredths of a percent, rounded up.
        let share = 30_000_u64.div_ceil(sessions);
        write!(
            formatter,
            "no failure of yours in {sessions} sessions: fewer than {}.{:02} % fail, at 95 % confidence",
            share / 100,
            share % 100
        )
    }
}

/// A failure, as evaluated by the conditions.
struct Failure<'a> {
    organization: &'a str,
    hint: Hint,
    host: Option<&'a DnsName>,
    sessions: u64,
    first_day: u64,
    last_day: u64,
    is_yours: bool,
}

struct Assessment<'a> {
    sightings: &'a Sightings,
    live: Option<&'a LiveFindings>,
    served: &'a Served<'a>,
    now: UnixTime,
    today: u64,
    rules: &'a ReadyRules,
    /// The first full day with the list; `None` if it has not been seen yet.
    first_full_day: Option<u64>,
    /// Successes by organisation.
    successes: BTreeMap<&'a str, u64>,
    last_success: Option<u64>,
    unverified: u64,
    failures: Vec<Failure<'a>>,
    /// The last day with a failure of the domain's own, or with its fix.
    last_dirty_day: Option<u64>,
}

impl<'a> Assessment<'a> {
    fn new(
        sightings: &'a Sightings,
        live: Option<&'a LiveFindings>,
        served: &'a Served<'a>,
        now: UnixTime,
        rules: &'a ReadyRules,
    ) -> Self {
        let mut assessment = Self {
            sightings,
            live,
            served,
            now,
            today: day_of(now),
            rules,
            first_full_day: first_full_day(sightings, served),
            successes: BTreeMap::new(),
            last_success: None,
            unverified: 0,
            failures: Vec::new(),
            last_dirty_day: None,
        };
        assessment.count_successes();
        assessment.find_failures();
        assessment
    }

    /// Counts what was reported since the list has been served.
    fn count_successes(&mut self) {
        for (organization, sighting) in self.sightings.iter() {
            if !self.counts(sighting) {
                continue;
            }
            self.unverified = self.unverified.saturating_add(sighting.unverified);
            if sighting.successes > 0 {
                let sum = self.successes.entry(organization).or_default();
                *sum = sum.saturating_add(sighting.successes);
                self.last_success = self.last_success.max(Some(sighting.last_day));
            }
        }
    }

    /// Returns whether the successes of a report belong to the current list.
    fn counts(&self, sighting: &sightings::Sighting) -> bool {
        let Some(first_full_day) = self.first_full_day else { return false };
        let first = match self.served.since {
            // The report shows the list.
            Some(since) if sighting.has_same_list => day_of(since),
            _ => first_full_day,
        };
        sighting.first_day >= first
    }

    /// Finds the failures, and which of them are the domain's own.
    fn find_failures(&mut self) {
        let mut witnesses = Witnesses::new();
        for (organization, sighting) in self.sightings.iter() {
            for (hint, host) in sighting.failures.keys() {
                witnesses.add(*hint, host.as_ref(), organization);
            }
        }
        let own = witnesses.own_failures(self.rules);
        for (organization, sighting) in self.sightings.iter() {
            for ((hint, host), sessions) in &sighting.failures {
                let host = host.as_ref();
                let is_yours = own.contains(&(*hint, host))
                    || hint.whose() != Whose::Sender && self.is_reproduced(*hint, host);
                if is_yours {
                    self.last_dirty_day = self.last_dirty_day.max(Some(sighting.last_day));
                }
                self.failures.push(Failure {
                    organization,
                    hint: *hint,
                    host,
                    sessions: *sessions,
                    first_day: sighting.first_day,
                    last_day: sighting.last_day,
                    is_yours,
                });
            }
        }
        self.last_dirty_day = self.last_dirty_day.max(self.mended_day());
    }

    /// Returns whether the check shows the same fault now.
    fn is_reproduced(&self, hint: Hint, host: Option<&DnsName>) -> bool {
        self.live.is_some_and(|live| {
            live.hosts()
                .iter()
                .any(|seen| seen.fault() == Some(hint) && host.is_none_or(|host| seen.name() == host))
        })
    }

    fn mended_day(&self) -> Option<u64> {
        self.served.mended_at.map(|time| day_of(time).min(self.today))
    }

    fn full_days(&self) -> u64 {
        self.first_full_day.map_or(0, |first| self.today.saturating_sub(first))
    }

    fn sessions(&self) -> u64 {
        self.successes.values().fold(0, |sum, count| sum.saturating_add(*count))
    }

    fn evidence(&self) -> Evidence {
        let clean = self.sightings.iter().filter(|(_, sighting)| {
            self.counts(sighting) && self.last_dirty_day.is_none_or(|day| sighting.first_day > day)
        });
        Evidence {
            days: self.full_days(),
            submitters: self.successes.len(),
            sessions: self.sessions(),
            clean_sessions: clean.fold(0, |sum, (_, sighting)| sum.saturating_add(sighting.successes)),
            unverified_sessions: self.unverified,
            unusable_reports: self.sightings.unusable,
        }
    }

    fn shortfalls(&self, rule: ReadyRule) -> Vec<Shortfall> {
        let mut found = Found::new(rule, self.today);
        match rule {
            ReadyRule::HostsPass => self.hosts_pass(&mut found),
            ReadyRule::PolicyServed => self.policy_served(&mut found),
            ReadyRule::EnoughDays => self.enough_days(&mut found),
            ReadyRule::EnoughSessions => self.enough_sessions(&mut found),
            ReadyRule::NoFailureOfYours => self.no_failure_of_yours(&mut found),
            ReadyRule::FewOtherFailures => self.few_other_failures(&mut found),
            ReadyRule::SendersVerify => self.senders_verify(&mut found),
            ReadyRule::HostsKnown => self.hosts_known(&mut found),
        }
        found.into_vec()
    }

    fn hosts_pass(&self, found: &mut Found) {
        let Some(live) = self.live else {
            return found.add(found.not_checked("No check has looked at the MX hosts."));
        };
        if live.hosts().is_empty() {
            let fix = "Make sure that the domain has MX records, and check again.";
            found.add(found.now("no-mx-host", "The check saw no MX host.", fix));
        }
        for host in live.hosts() {
            let name = host.name();
            let uncovered =
                || self.served.policy.matching_pattern(name).is_none().then_some(Hint::MX_MISMATCH);
            if let Some(fault) = host.fault().filter(|fault| !fault.is_of_dane()).or_else(uncovered) {
                let message = format!("{name}: {}", fault.cause());
                found.add(found.now("host-fails", message, fault.fix()).about(Some(name), Some(fault)));
            } else if let Some(expiry) = host.expiry().filter(|_| !host.renewal_seen()) {
                let left = expiry.saturating_since(self.now).as_secs() / DAY;
                if left < u64::from(self.rules.certificate_days) {
                    let message = format!("{name}: the certificate expires on {}.", date(day_of(expiry)));
                    let fix = Hint::CERTIFICATE_EXPIRES_SOON;
                    let soon = found.now("certificate-expires-soon", message, fix.fix());
                    found.add(soon.about(Some(name), Some(fix)));
                }
            }
        }
    }

    fn policy_served(&self, found: &mut Found) {
        match self.live.map(LiveFindings::policy_fault) {
            None => found.add(found.not_checked("No check has fetched the policy.")),
            Some(Some(fault)) => {
                let now = found.now("policy-not-served", fault.cause(), fault.fix());
                found.add(now.about(None, Some(fault)));
            }
            Some(None) => {}
        }
        let mut causes: BTreeMap<Hint, Group<'_>> = BTreeMap::new();
        for (organization, sighting) in self.sightings.iter() {
            for (hint, sessions) in &sighting.discovery {
                if hint.whose() != Whose::Sender && self.is_within(sighting.last_day, self.rules.served_days)
                {
                    causes.entry(*hint).or_default().add(organization, *sessions, sighting.last_day);
                }
            }
        }
        for (hint, group) in causes {
            let message = format!("{} {}", hint.cause(), group.describe(self.sightings));
            let first_day = clean_from(group.last_day, self.rules.served_days);
            let failed = found.at(first_day, "policy-fetch-failed", message, hint.fix());
            found.add(failed.about(None, Some(hint)));
        }
    }

    fn enough_days(&self, found: &mut Found) {
        let wanted = u64::from(self.rules.days);
        let days = self.full_days();
        if days >= wanted {
            return;
        }
        let (first, message) = match self.first_full_day {
            Some(first) => {
                (first, format!("The list of MX hosts has been served for {days} of {wanted} full days."))
            }
            // A report about today may be the first, unless one about today shows another list.
            None => (
                last_day_of_other_list(self.sightings).map_or(0, |last| last + 1).max(self.today),
                format!(
                    "There are no reports about this list of MX hosts yet; {wanted} full days are needed."
                ),
            ),
        };
        let first_day = first.saturating_add(wanted);
        found.add(found.at(first_day, "few-days", message, "Do not change the list, and wait."));
    }

    fn enough_sessions(&self, found: &mut Found) {
        let tomorrow = self.today.saturating_add(1);
        let (submitters, wanted) = (self.successes.len(), self.rules.submitters);
        if submitters < wanted as usize {
            let message =
                format!("{submitters} of {wanted} organisations have reported sessions under the policy.");
            let fix = "Wait for mail from others; if no reports arrive, check the TLSRPT record.";
            found.add(found.at(tomorrow, "few-submitters", message, fix));
        }
        let sessions = self.sessions();
        let (few, few_days) = self.rules.few_sessions();
        let are_enough =
            sessions >= self.rules.sessions || sessions >= few && self.full_days() >= u64::from(few_days);
        if !are_enough {
            let message = format!(
                "{sessions} sessions were reported under the policy: {} are needed, or {few} and {few_days} full days.",
                self.rules.sessions
            );
            found.add(found.at(tomorrow, "few-sessions", message, "Wait for more mail."));
        }
        let silence = u64::from(self.rules.silent_days);
        let is_silent = |last: &u64| self.today.saturating_sub(last.saturating_add(1)) > silence;
        if let Some(last) = self.last_success.filter(is_silent) {
            let message = format!("The last reported session was on {}.", date(last));
            let fix = "Check whether mail still arrives, and reports at the address of the TLSRPT record.";
            found.add(found.at(tomorrow, "reports-silent", message, fix));
        }
    }

    fn no_failure_of_yours(&self, found: &mut Found) {
        let wanted = u64::from(self.rules.clean_days);
        let Some(last) = self.last_dirty_day.filter(|last| self.is_within(*last, self.rules.clean_days))
        else {
            return;
        };
        let first_day = clean_from(last, self.rules.clean_days);
        let clean = self.today.saturating_sub(last.saturating_add(1));
        let mended = self.mended_day();
        let mut groups: BTreeMap<(Option<&DnsName>, Hint), Group<'_>> = BTreeMap::new();
        for failure in self.failures.iter().filter(|failure| failure.is_yours) {
            let is_open = mended.is_none_or(|day| failure.last_day > day);
            if is_open && self.is_within(failure.last_day, self.rules.clean_days) {
                let group = groups.entry((failure.host, failure.hint)).or_default();
                group.add(failure.organization, failure.sessions, failure.last_day);
            }
        }
        if groups.is_empty() {
            let message = format!(
                "Faults were fixed on {}: {clean} of {wanted} full days since then had no failures.",
                date(last)
            );
            found.add(found.at(first_day, "mended-lately", message, "Wait."));
        }
        for ((host, hint), group) in groups {
            let place = host.map_or_else(String::new, |host| format!("{host}: "));
            let message = format!(
                "{place}{} {} {clean} of {wanted} full days since then had no failures.",
                hint.cause(),
                group.describe(self.sightings)
            );
            let failure = found.at(first_day, "failure-of-yours", message, hint.fix());
            found.add(failure.about(host, Some(hint)));
        }
    }

    fn few_other_failures(&self, found: &mut Found) {
        let mut by_organization: BTreeMap<&str, Vec<&Failure<'_>>> = BTreeMap::new();
        for failure in self.failures.iter().filter(|failure| !failure.is_yours) {
            if self.is_within(failure.last_day, self.rules.clean_days) {
                by_organization.entry(failure.organization).or_default().push(failure);
            }
        }
        let (per_mille, most_days) = self.rules.other_failures();
        for (organization, failures) in by_organization {
            let failed = failures.iter().fold(0_u64, |sum, failure| sum.saturating_add(failure.sessions));
            let successes = self.successes.get(organization).copied().unwrap_or_default();
            let all = u128::from(successes) + u128::from(failed);
            let mut days = days_of(&failures);
            let count =
                |days: &BTreeMap<u64, u64>| days.values().fold(0_u64, |sum, days| sum.saturating_add(*days));
            let are_few = u128::from(failed) * 1000 <= all * u128::from(per_mille);
            let all_days = count(&days);
            if are_few && all_days <= most_days.into() {
                continue;
            }
            // The most frequent one.
            let most = failures.iter().max_by_key(|failure| (failure.sessions, failure.hint));
            let hint = most.map_or(Hint::VALIDATION_FAILURE, |failure| failure.hint);
            let message = format!(
                "{}: {failed} of {all} sessions failed, on {all_days} of the last {} days. {}",
                self.sightings.name(organization),
                self.rules.clean_days,
                hint.cause()
            );
            // More sessions without failures may reduce the share by tomorrow; the days have to pass.
            let mut first_day = self.today.saturating_add(1);
            while count(&days) > most_days.into() {
                let Some((day, _)) = days.pop_first() else { break };
                first_day = clean_from(day, self.rules.clean_days);
            }
            let failures = found.at(first_day, "other-failures", message, hint.fix());
            found.add(failures.about(None, Some(hint)));
        }
    }

    fn senders_verify(&self, found: &mut Found) {
        if self.sessions() > 0 {
            return;
        }
        let message = if self.unverified == 0 {
            "No session was reported by a sender that verifies in mode testing.".to_string()
        } else {
            format!(
                "All {} sessions are from senders that do not verify in mode testing, such as Postfix.",
                self.unverified
            )
        };
        let fix = "Wait for reports from other senders.";
        found.add(found.at(self.today.saturating_add(1), "senders-do-not-verify", message, fix));
    }

    fn hosts_known(&self, found: &mut Found) {
        let mut hosts: BTreeMap<&DnsName, Group<'_>> = BTreeMap::new();
        for (organization, sighting) in self.sightings.iter() {
            for (host, sessions) in &sighting.hosts {
                hosts.entry(host).or_default().add(organization, *sessions, sighting.last_day);
            }
        }
        hosts.retain(|host, _| !self.rules.accepted.contains(host));
        let Some(live) = self.live else {
            if !hosts.is_empty() {
                found.add(found.not_checked("No check has compared the hosts of reports with DNS."));
            }
            return;
        };
        for (host, group) in hosts {
            if live.hosts().iter().all(|known| known.name() != host) {
                let message = format!(
                    "{host} is not an MX host in DNS, but reports name it. {}",
                    group.describe(self.sightings)
                );
                let fix = "If it was one of your hosts, accept it; if not, find out who changed your DNS: mail may have gone elsewhere.";
                found.add(found.for_owner("unknown-host", message, fix).about(Some(host), None));
            }
        }
    }

    /// Returns whether fewer than this many full days have passed since a day.
    fn is_within(&self, day: u64, days: u32) -> bool {
        self.today < clean_from(day, days)
    }
}

/// The first day after this many full days without a failure.
fn clean_from(last: u64, days: u32) -> u64 {
    last.saturating_add(1).saturating_add(days.into())
}

/// The maximum number of days with failures, by the last day of their reports.
fn days_of(failures: &[&Failure<'_>]) -> BTreeMap<u64, u64> {
    let mut days = BTreeMap::new();
    for failure in failures {
        // In a period of several days, any of them may have had one.
        let span = failure.last_day.saturating_sub(failure.first_day);
        let more = span.min(failure.sessions.saturating_sub(1));
        let count = days.entry(failure.last_day).or_insert(1_u64);
        *count = count.saturating_add(more);
    }
    days
}

/// The first full day with the current list, if there is evidence for it.
fn first_full_day(sightings: &Sightings, served: &Served<'_>) -> Option<u64> {
    if let Some(since) = served.since {
        return Some(day_of(since) + u64::from(since.as_secs() % DAY > 0));
    }
    let last_other = last_day_of_other_list(sightings);
    let same = sightings.iter().filter(|(_, sighting)| sighting.has_same_list);
    same.map(|(_, sighting)| sighting.first_day).filter(|day| last_other.is_none_or(|last| *day > last)).min()
}

/// The last day on which a report shows another list.
fn last_day_of_other_list(sightings: &Sightings) -> Option<u64> {
    let others = sightings.iter().filter(|(_, sighting)| sighting.has_other_list);
    others.map(|(_, sighting)| sighting.last_day).max()
}

/// Failures of one kind: their number, who reported them, and the last day.
#[derive(Default)]
struct Group<'a> {
    organizations: BTreeSet<&'a str>,
    sessions: u64,
    last_day: u64,
}

impl<'a> Group<'a> {
    fn add(&mut self, organization: &'a str, sessions: u64, day: u64) {
        self.organizations.insert(organization);
        self.sessions = self.sessions.saturating_add(sessions);
        self.last_day = self.last_day.max(day);
    }

    fn describe(&self, sightings: &Sightings) -> String {
        let sessions = if self.sessions == 1 { "session" } else { "sessions" };
        let names = sightings.name_all(&self.organizations);
        format!("{} {sessions} ({names}), the last on {}.", self.sessions, date(self.last_day))
    }
}

/// The shortfalls of a condition found so far.
struct Found {
    rule: ReadyRule,
    today: u64,
    shortfalls: Vec<Shortfall>,
    more: u64,
}

impl Found {
    /// Far more than anybody fixes at once; hosts and senders in reports are easily made up.
    const MAX: usize = 100;

    const fn new(rule: ReadyRule, today: u64) -> Self {
        Self { rule, today, shortfalls: Vec::new(), more: 0 }
    }

    fn add(&mut self, shortfall: Shortfall) {
        if self.shortfalls.len() < Self::MAX {
            self.shortfalls.push(shortfall);
        } else if let Some(last) = self.shortfalls.last_mut() {
            // What is not shown still has to be waited for.
            last.earliest = last.earliest.zip(shortfall.earliest).map(|(one, other)| one.max(other));
            self.more = self.more.saturating_add(1);
        }
    }

    fn into_vec(mut self) -> Vec<Shortfall> {
        if let Some(last) = self.shortfalls.last_mut().filter(|_| self.more > 0) {
            // Writing to a string does not fail.
            let _ = write!(last.message, " There are {} more.", self.more);
        }
        self.shortfalls
    }

    fn not_checked(&self, message: &str) -> Shortfall {
        self.now("not-checked", message, "Run `mtasts check DOMAIN`.")
    }

    /// A shortfall that may be gone today, once it is fixed.
    fn now(&self, code: &'static str, message: impl Into<String>, fix: &'static str) -> Shortfall {
        self.at(self.today, code, message, fix)
    }

    fn at(&self, day: u64, code: &'static str, message: impl Into<String>, fix: &'static str) -> Shortfall {
        let earliest = Some(UnixTime::from_secs(day.saturating_mul(DAY)));
        Shortfall { earliest, ..self.for_owner(code, message, fix) }
    }

    /// A shortfall about which the owner has to decide.
    fn for_owner(&self, code: &'static str, message: impl Into<String>, fix: &'static str) -> Shortfall {
        Shortfall {
            rule: self.rule,
            code,
            host: None,
            hint: None,
            message: message.into(),
            fix,
            earliest: None,
        }
    }
}

impl Shortfall {
    fn about(self, host: Option<&DnsName>, hint: Option<Hint>) -> Self {
        Self { host: host.cloned(), hint, ..self }
    }
}

/// A day as `2026-11-27`; one after the year 9999 as the last day of that year.
fn date(day: u64) -> String {
    let time = datetime::format(UnixTime::from_secs(day.saturating_mul(DAY)));
    let mut date = time.unwrap_or_else(|| "9999-12-31".into());
    date.truncate("2026-11-27".len());
    date
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_shown_as_its_date() {
        for (day, shown) in
            [(0, "1970-01-01"), (20_784, "2026-11-27"), (2_932_896, "9999-12-31"), (u64::MAX, "9999-12-31")]
        {
            assert_eq!(date(day), shown);
        }
    }

    #[test]
    fn many_shortfalls_are_counted_and_the_worst_is_waited_for() {
        let mut found = Found::new(ReadyRule::FewOtherFailures, 5);
        (0..200).for_each(|day| found.add(found.at(day, "x", "It fails.", "Wait.")));
        let shortfalls = found.into_vec();
        assert_eq!(shortfalls.len(), Found::MAX);
        let last = &shortfalls[Found::MAX - 1];
        assert_eq!(last.message(), "It fails. There are 100 more.");
        assert_eq!(last.earliest(), Some(UnixTime::from_secs(199 * DAY)));

        let mut found = Found::new(ReadyRule::HostsKnown, 5);
        (0..100).for_each(|_| found.add(found.now("x", "It fails.", "Wait.")));
        found.add(found.for_owner("x", "It fails.", "Decide."));
        assert_eq!(found.into_vec()[Found::MAX - 1].earliest(), None);
    }
}
