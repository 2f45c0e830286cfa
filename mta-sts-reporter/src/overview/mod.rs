//! The combined contents of many reports: by domain, day, reporting organisation, and cause of failure.

mod answer;
mod date;
mod domain;

use std::collections::BTreeMap;

use mta_sts_core::PolicyDomain;
use mta_sts_core::tlsrpt::{DeviationKind, PolicyType, Report, ReportPolicy};

pub use answer::{Answer, DomainStanding, Enforcement, Headline};
pub use date::Date;
pub use domain::{Cause, Day, DomainOverview, SeenPolicy, SeenTlsa, Submitter, Validates};

use crate::{Authentication, Double, InboxItem, ReceivedReport};

/// A summary of the reports of an [`Inbox`](crate::Inbox).
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_reporter::{Inbox, Overview};
///
/// let mut overview = Overview::new();
/// for item in Inbox::new().read_message(
///     br#"Content-Type: application/tlsrpt+json
///
/// {"organization-name": "Sender", "report-id": "1", "policies": [{
///     "policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
///     "summary": {"total-successful-session-count": 12, "total-failure-session-count": 0}
/// }], "date-range": {"start-datetime": "2026-11-27T00:00:00Z", "end-datetime": "2026-11-27T23:59:59Z"}}"#,
/// ) {
///     overview.add(item);
/// }
/// let domains = overview.domains();
/// assert_eq!((domains[0].name.as_str(), domains[0].sessions), ("example.com", 12));
/// let domain = overview.domain("example.com", None, UnixTime::from_secs(1_795_780_800)).unwrap();
/// assert_eq!(domain.days.last().unwrap().successes, 12);
/// ```
///
/// It holds the added reports, and the JSON of the latest. A duplicate is counted once; of two reports that have
/// the same identity and different contents, the first counts in the sums.
#[derive(Debug, Default)]
pub struct Overview {
    reports: Vec<Kept>,
    raw: RawReports,
    deviations: BTreeMap<(String, &'static str), DeviationCount>,
    unreadable: Vec<UnreadableLine>,
    unreadable_count: u64,
    counts: Counts,
}

/// The amount of input that was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Reports that are counted.
    pub reports: u64,
    /// The counted reports that came in a message with a valid signature.
    pub verified: u64,
    /// Reports that were received before with the same contents.
    pub doubles: u64,
    /// Reports with the identity of an earlier one but different contents.
    pub differing: u64,
    /// Messages without a report, and hidden files.
    pub others: u64,
}

/// A domain that reports are about.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportedDomain {
    /// The name of the domain as in reports, in lower case.
    pub name: String,
    /// The number of reports about it.
    pub reports: u64,
    /// The number of sessions in these reports.
    pub sessions: u64,
    /// The number of these sessions that failed.
    pub failures: u64,
}

/// A deviation from RFC 8460 in the reports of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviationCount {
    /// The organisation.
    pub organization: String,
    /// The kind of deviation.
    pub kind: DeviationKind,
    /// The number of occurrences.
    pub count: u64,
    /// The member of the first occurrence.
    pub path: String,
    /// The file of the first occurrence.
    pub origin: String,
}

/// An input that was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnreadableLine {
    /// Its location.
    pub origin: String,
    /// The stable code of the reason.
    pub code: &'static str,
    /// The reason.
    pub message: String,
}

/// A report that is or may be counted.
#[derive(Debug)]
struct Kept {
    report: Report,
    /// The domain of each of its policies.
    domains: Box<[Box<str>]>,
    /// Whether an earlier report with the same identity is counted instead.
    is_double: bool,
}

/// The JSON of the latest reports, ordered by the end of their period.
#[derive(Debug, Default)]
struct RawReports {
    texts: BTreeMap<(u64, u64), (String, Vec<u8>)>,
    len: usize,
}

impl RawReports {
    const MOST: usize = 100;
    const MAX_LEN: usize = 512 * 1024;

    fn add(&mut self, number: u64, received: &ReceivedReport) {
        let end = received.report.period().map_or(0, |period| period.end().as_secs());
        if received.json.len() > Self::MAX_LEN {
            return;
        }
        self.len += received.json.len();
        self.texts.insert((end, number), (received.origin.to_string(), received.json.clone()));
        while self.texts.len() > Self::MOST || self.len > Self::MAX_LEN {
            let Some((_, (_, json))) = self.texts.pop_first() else { return };
            self.len -= json.len();
        }
    }
}

impl Overview {
    /// The maximum number of unread inputs that are listed; further ones are only counted.
    pub const MAX_UNREADABLE: usize = 1_000;

    /// The maximum number of kinds of deviations that are listed separately.
    const MAX_DEVIATIONS: usize = 1_000;

    /// Creates an empty overview.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an item of an inbox.
    pub fn add(&mut self, item: InboxItem) {
        match item {
            InboxItem::Report(received) => self.add_report(*received),
            InboxItem::Unreadable(unreadable) => {
                self.unreadable_count += 1;
                if self.unreadable.len() < Self::MAX_UNREADABLE {
                    self.unreadable.push(UnreadableLine {
                        origin: unreadable.origin().to_string(),
                        code: unreadable.reason().code(),
                        message: unreadable.reason().to_string(),
                    });
                }
            }
            InboxItem::Other(_) => self.counts.others += 1,
        }
    }

    fn add_report(&mut self, received: ReceivedReport) {
        match received.double {
            Some(Double::Same) => {
                self.counts.doubles += 1;
                return;
            }
            Some(Double::Differs) => self.counts.differing += 1,
            None => {
                self.counts.reports += 1;
                self.counts.verified +=
                    u64::from(matches!(received.authentication, Authentication::Verified { .. }));
            }
        }
        self.raw.add(self.reports.len() as u64, &received);
        let organization = organization_of(&received.report);
        for deviation in &received.deviations {
            let key = (organization.clone(), deviation.code());
            if self.deviations.len() >= Self::MAX_DEVIATIONS && !self.deviations.contains_key(&key) {
                continue;
            }
            let counted = self.deviations.entry(key).or_insert_with(|| DeviationCount {
                organization: organization.clone(),
                kind: deviation.kind(),
                count: 0,
                path: deviation.path().to_string(),
                origin: received.origin.to_string(),
            });
            counted.count += 1;
        }
        let domains = domains_of(&received.report);
        self.reports.push(Kept { report: received.report, domains, is_double: received.double.is_some() });
    }

    /// The amount of input that was read.
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The deviations of reports from RFC 8460, by organisation.
    pub fn deviations(&self) -> impl Iterator<Item = &DeviationCount> {
        self.deviations.values()
    }

    /// The first [`MAX_UNREADABLE`](Self::MAX_UNREADABLE) inputs that were not read.
    pub fn unreadable(&self) -> &[UnreadableLine] {
        &self.unreadable
    }

    /// The number of inputs that were not read.
    pub const fn unreadable_count(&self) -> u64 {
        self.unreadable_count
    }

    /// The JSON of the latest reports and their origins, the latest first. Their number is bounded.
    pub fn raw(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.raw.texts.values().rev().map(|(origin, json)| (origin.as_str(), json.as_slice()))
    }

    /// The domains that have reports, those with most sessions first.
    pub fn domains(&self) -> Vec<ReportedDomain> {
        let mut domains: BTreeMap<&str, ReportedDomain> = BTreeMap::new();
        for kept in self.counted() {
            for (name, sessions) in kept.sessions_by_domain() {
                let domain = domains.entry(name).or_insert_with(|| ReportedDomain {
                    name: name.to_owned(),
                    reports: 0,
                    sessions: 0,
                    failures: 0,
                });
                domain.reports += 1;
                domain.sessions = domain.sessions.saturating_add(sessions.all());
                domain.failures = domain.failures.saturating_add(sessions.failures);
            }
        }
        let mut domains: Vec<_> = domains.into_values().collect();
        domains
            .sort_by(|one, other| other.sessions.cmp(&one.sessions).then_with(|| one.name.cmp(&other.name)));
        domains
    }

    /// The reports about a domain, including duplicates with different contents, for
    /// [`Readiness::assess`](mta_sts_core::tlsrpt::Readiness::assess).
    pub fn reports_of(&self, domain: &str) -> Vec<Report> {
        self.reports.iter().filter(|kept| kept.is_about(domain)).map(|kept| kept.report.clone()).collect()
    }

    fn counted(&self) -> impl Iterator<Item = &Kept> {
        self.reports.iter().filter(|kept| !kept.is_double)
    }
}

/// The name of an organisation as in its reports.
fn organization_of(report: &Report) -> String {
    let name = report.organization().or(report.submitter()).unwrap_or_default().trim();
    if name.is_empty() { "an organisation without a name".to_owned() } else { name.to_owned() }
}

fn is_of_dane(policy: &ReportPolicy) -> bool {
    policy.kind().known() == Some(PolicyType::Tlsa)
}

/// The normalized name of a domain, for comparison.
fn normal(name: &str) -> String {
    let name = name.trim();
    PolicyDomain::parse(name).map_or_else(|_| name.to_lowercase(), |domain| domain.as_str().to_owned())
}

/// The domain of each policy in a report. TLSA records may name an MX host; the domain of the other policies is used then.
fn domains_of(report: &Report) -> Box<[Box<str>]> {
    let own = |policy: &ReportPolicy| policy.domain().map(normal).filter(|name| !name.is_empty());
    let of_others = report.policies().iter().filter(|policy| !is_of_dane(policy)).find_map(own);
    let name = |policy: &ReportPolicy| {
        let (first, second) = if is_of_dane(policy) {
            (of_others.clone(), own(policy))
        } else {
            (own(policy), of_others.clone())
        };
        first.or(second).unwrap_or_else(|| "a domain without a name".to_owned()).into()
    };
    report.policies().iter().map(name).collect()
}

/// Sessions with one domain in one report.
#[derive(Clone, Copy, Default)]
struct Sessions {
    successes: u64,
    failures: u64,
}

impl Sessions {
    const fn all(self) -> u64 {
        self.successes.saturating_add(self.failures)
    }

    fn add(&mut self, policy: &ReportPolicy) {
        self.successes = self.successes.saturating_add(policy.successes());
        self.failures = self.failures.saturating_add(policy.failures());
    }
}

impl Kept {
    fn is_about(&self, domain: &str) -> bool {
        self.domains.iter().any(|name| **name == *domain)
    }

    /// The policies of a domain.
    fn policies_of(&self, domain: &str) -> impl Iterator<Item = &ReportPolicy> {
        let policies = self.domains.iter().zip(self.report.policies());
        policies.filter(move |(name, _)| ***name == *domain).map(|(_, policy)| policy)
    }

    fn sessions_with(&self, domain: &str) -> Sessions {
        sessions_of(self.policies_of(domain))
    }

    fn sessions_by_domain(&self) -> BTreeMap<&str, Sessions> {
        let mut policies: BTreeMap<&str, Vec<&ReportPolicy>> = BTreeMap::new();
        for (name, policy) in self.domains.iter().zip(self.report.policies()) {
            policies.entry(name).or_default().push(policy);
        }
        policies.into_iter().map(|(name, policies)| (name, sessions_of(policies.into_iter()))).collect()
    }
}

/// The sessions under some policies. A session may be counted both under TLSA records and under a policy (RFC 8460, 4): those
/// under TLSA records count only if there are no others.
fn sessions_of<'a>(policies: impl Iterator<Item = &'a ReportPolicy>) -> Sessions {
    let (mut of_dane, mut others) = (Sessions::default(), Sessions::default());
    for policy in policies {
        if is_of_dane(policy) { &mut of_dane } else { &mut others }.add(policy);
    }
    if others.all() > 0 { others } else { of_dane }
}
