//! What reports say about a policy, without duplicates and without inconclusive data.

use alloc::collections::btree_map::{BTreeMap, Entry};
use alloc::collections::btree_set::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt::Write;

use super::day_of;
use super::facts::Served;
use crate::name::{DnsName, PolicyDomain};
use crate::policy::Mode;
use crate::tlsrpt::{Hint, PolicyType, Report, ReportPeriod, ReportPolicy, ResultType};

/// The longest period of a report whose successes count, in days: a week, and one day for periods that end at the next
/// midnight.
const LONGEST_PERIOD: u64 = 8;

/// The contents of one report. Its days are days of UTC since 1970.
#[derive(Default)]
pub(super) struct Sighting {
    pub(super) first_day: u64,
    pub(super) last_day: u64,
    /// Successes with the current list of `mx`, or with an unknown one.
    pub(super) successes: u64,
    /// The same, from a sender that does not verify in mode testing.
    pub(super) unverified: u64,
    /// Whether the list is known to be the current one.
    pub(super) has_same_list: bool,
    pub(super) has_other_list: bool,
    /// Failures of sessions, by cause and MX host.
    pub(super) failures: BTreeMap<(Hint, Option<DnsName>), u64>,
    /// Failures to fetch the policy.
    pub(super) discovery: BTreeMap<Hint, u64>,
    /// The MX hosts with failed sessions.
    pub(super) hosts: BTreeMap<DnsName, u64>,
}

/// The contents of all reports, with the names of the organisations that sent them.
pub(super) struct Sightings {
    by_report: BTreeMap<Identity, Sighting>,
    names: BTreeMap<String, String>,
    pub(super) unusable: usize,
}

/// The identity of a report for finding duplicates (RFC 8460, 5.6): organisation, `report-id`, and period.
type Identity = (String, String, ReportPeriod);

impl Sightings {
    pub(super) fn of<'a>(
        reports: impl IntoIterator<Item = &'a Report>,
        served: &Served<'_>,
        today: u64,
    ) -> Self {
        let list = List::of_served(served);
        let mut sightings = Self { by_report: BTreeMap::new(), names: BTreeMap::new(), unusable: 0 };
        for report in reports {
            let name = report.organization().or(report.submitter()).unwrap_or_default().trim();
            let Some(period) =
                report.period().filter(|period| day_of(period.last_day()) <= today.saturating_add(1))
            else {
                sightings.unusable = sightings.unusable.saturating_add(1);
                continue;
            };
            let Some(sighting) = Sighting::of(report, period, served, &list, today) else { continue };
            let organization = name.to_lowercase();
            let shown = sightings.names.entry(organization.clone()).or_insert_with(|| name.to_string());
            if name < shown.as_str() {
                *shown = name.to_string();
            }
            let identity = (organization, report.id().unwrap_or_default().to_string(), period);
            match sightings.by_report.entry(identity) {
                Entry::Vacant(place) => {
                    place.insert(sighting);
                }
                Entry::Occupied(mut same) => same.get_mut().merge(sighting),
            }
        }
        sightings
    }

    /// Each report, with the organisation that sent it.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Sighting)> {
        self.by_report.iter().map(|((organization, ..), sighting)| (organization.as_str(), sighting))
    }

    /// The sanitised names of some organisations: up to three of them, and the number of others.
    pub(super) fn name_all(&self, organizations: &BTreeSet<&str>) -> String {
        const MOST: usize = 3;
        let mut text = String::new();
        for organization in organizations.iter().take(MOST) {
            if !text.is_empty() {
                text.push_str(", ");
            }
            text.push_str(&self.name(organization));
        }
        if organizations.len() > MOST {
            // Writing to a string does not fail.
            let _ = write!(text, " and {} more", organizations.len() - MOST);
        }
        text
    }

    /// The sanitised name of an organisation.
    pub(super) fn name(&self, organization: &str) -> String {
        const MOST_CHARS: usize = 40;
        let name: String =
            self.names.get(organization).into_iter().flat_map(|name| name.chars()).take(MOST_CHARS).collect();
        if name.is_empty() {
            return "an organisation without a name".into();
        }
        format!("{name:?}").trim_matches('"').into()
    }
}

impl Sighting {
    /// What a report says about the domain; `None` if nothing.
    fn of(
        report: &Report,
        period: ReportPeriod,
        served: &Served<'_>,
        list: &List,
        today: u64,
    ) -> Option<Self> {
        let mut sighting = Self {
            first_day: day_of(period.start()).min(today),
            last_day: day_of(period.last_day()).min(today),
            ..Self::default()
        };
        let verifies = !report.is_from_tlsrpt_reporter();
        let mut is_about_domain = false;
        for policy in report.policies() {
            let is_own = policy.domain().is_some_and(|domain| {
                PolicyDomain::parse(domain).is_ok_and(|domain| domain == *served.domain)
            });
            if is_own && policy.kind().known() != Some(PolicyType::Tlsa) {
                is_about_domain = true;
                sighting.count(policy, list, served, verifies);
            }
        }
        is_about_domain.then_some(sighting)
    }

    fn count(&mut self, policy: &ReportPolicy, list: &List, served: &Served<'_>, verifies: bool) {
        let kind = policy.kind().known();
        if kind == Some(PolicyType::Sts) {
            let is_same = list.is_of(policy, served);
            let has_sessions =
                policy.successes() > 0 || policy.failures() > 0 || !policy.details().is_empty();
            self.has_other_list |= is_same == Some(false) && has_sessions;
            self.has_same_list |= is_same == Some(true) && policy.successes() > 0;
            // A period of many days says nothing about any of them.
            if is_same != Some(false) && self.last_day - self.first_day < LONGEST_PERIOD {
                let verifies = verifies || mode_of(policy) == Some(Mode::Enforce);
                let count = if verifies { &mut self.successes } else { &mut self.unverified };
                *count = count.saturating_add(policy.successes());
            }
        }
        let mut detailed = 0_u64;
        for details in policy.details() {
            let sessions = details.failed_sessions();
            detailed = detailed.saturating_add(sessions);
            if sessions == 0 {
                continue;
            }
            let hint = Hint::explain(
                kind,
                details.result().known(),
                details.failure_reason_code().unwrap_or_default(),
            );
            let host = details.receiving_mx_hostname().and_then(|name| DnsName::parse(name.trim()).ok());
            if let Some(host) = &host {
                add(&mut self.hosts, host.clone(), sessions);
            }
            match details.result().known() {
                Some(result) if result.is_of_discovery() => add(&mut self.discovery, hint, sessions),
                Some(ResultType::TlsaInvalid | ResultType::DnssecInvalid | ResultType::DaneRequired) => {}
                _ if kind == Some(PolicyType::Sts) && !hint.is_of_dane() => {
                    add(&mut self.failures, (hint, host), sessions);
                }
                _ => {}
            }
        }
        let unexplained = policy.failures().saturating_sub(detailed);
        if kind == Some(PolicyType::Sts) && unexplained > 0 {
            add(&mut self.failures, (Hint::VALIDATION_FAILURE, None), unexplained);
        }
    }

    /// Combines two reports with the same identity but different contents: the worse counts, in either order.
    fn merge(&mut self, other: Self) {
        self.successes = self.successes.min(other.successes);
        self.unverified = self.unverified.min(other.unverified);
        self.has_same_list &= other.has_same_list;
        self.has_other_list |= other.has_other_list;
        keep_most(&mut self.failures, other.failures);
        keep_most(&mut self.discovery, other.discovery);
        keep_most(&mut self.hosts, other.hosts);
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, u64>, key: K, count: u64) {
    let sum = counts.entry(key).or_default();
    *sum = sum.saturating_add(count);
}

fn keep_most<K: Ord>(counts: &mut BTreeMap<K, u64>, others: BTreeMap<K, u64>) {
    for (key, count) in others {
        let most = counts.entry(key).or_default();
        *most = count.max(*most);
    }
}

fn mode_of(policy: &ReportPolicy) -> Option<Mode> {
    fields(policy).find(|(name, _)| name.eq_ignore_ascii_case("mode")).and_then(|(_, mode)| match mode {
        "enforce" => Some(Mode::Enforce),
        "testing" => Some(Mode::Testing),
        "none" => Some(Mode::None),
        _ => None,
    })
}

fn fields(policy: &ReportPolicy) -> impl Iterator<Item = (&str, &str)> {
    policy.lines().filter_map(|line| line.split_once(':')).map(|(name, value)| (name.trim(), value.trim()))
}

/// The `mx` patterns of a policy, in any order.
#[derive(PartialEq, Eq)]
struct List(BTreeSet<String>);

impl List {
    fn of_served(served: &Served<'_>) -> Self {
        Self(set_of(served.policy.mx_patterns().map(|pattern| pattern.to_string())))
    }

    /// Returns whether the policy of a report has this list; `None` if the report does not tell.
    fn is_of(&self, policy: &ReportPolicy, served: &Served<'_>) -> Option<bool> {
        let lower = |pattern: &str| pattern.trim_end_matches('.').to_ascii_lowercase();
        let lines = fields(policy).filter(|(name, _)| name.eq_ignore_ascii_case("mx"));
        let patterns = set_of(lines.map(|(_, pattern)| lower(pattern)));
        if !patterns.is_empty() {
            return Some(patterns == self.0);
        }
        // Some senders write the hosts that they used instead of the patterns.
        let hosts = set_of(policy.mx_hosts().map(|host| lower(host.trim())));
        if !hosts.is_empty() && hosts == self.0 {
            return Some(true);
        }
        let are_covered = hosts.iter().all(|host| self.0.contains(host) || served.policy.matches_mx(host));
        (!are_covered).then_some(false)
    }
}

/// The set of some texts, put in one by one: to collect them is to sort them first, which takes more code than time is saved.
fn set_of(texts: impl Iterator<Item = String>) -> BTreeSet<String> {
    let mut set = BTreeSet::new();
    set.extend(texts);
    set
}
