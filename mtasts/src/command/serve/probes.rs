//! The daily probes of domains in mode testing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use mta_sts_core::tlsrpt::{Datagram, DueId, DueReport};
use mta_sts_core::{Policy, PolicyDomain, UnixTime};
use mta_sts_reporter::{DueReports, DueReportsError, ReportStore, TestingProbes};
use mta_sts_resolver::{PolicyService, TrustStore};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use super::super::check::now;
use super::probe::{Probe, Prober};
use super::reports::Reports;

/// Probes domains in mode testing, so that a report is evidence for or against enforcing their policy: Postfix verifies no
/// certificate in that mode, and calls every session a success.
///
/// - The first session of a UTC day that nobody has verified has its domain probed, if the session was counted: where no report
///   is wanted, no host is contacted. Sessions count as unverified until the probe has ended.
/// - If every MX host has passed, later sessions of the day count as successes under the policy, as long as that policy is in
///   force. A success does not say which host it went to, so all of them must have passed.
/// - A host that has failed counts as one failed session under the policy: that of the probe itself, which has taken place.
///   The sessions of the mail server still count once each, as unverified, and the totals are those of actual sessions.
/// - If no host has failed, but one could not be reached, nothing is known: sessions count as unverified.
///
/// Domains whose only sessions may be those of mails with reports are not probed. Otherwise a failed probe would lead to a
/// report, its mail to a session, and this to the probe of the next day, for ever (RFC 8460, 3).
///
/// It is bounded: a number of domains a day, 8 at once, a time limit for each. What is known is kept in memory: after a restart,
/// domains are probed again.
#[derive(Debug)]
pub(super) struct Probes {
    prober: Prober,
    today: Mutex<Today>,
    requested: Notify,
}

/// What is known of a day.
#[derive(Debug, Default)]
struct Today {
    day: u64,
    domains: HashMap<PolicyDomain, Known>,
    waiting: VecDeque<(PolicyDomain, Box<str>)>,
    counts: ProbeCounts,
}

/// What is known of a domain on this day.
#[derive(Debug, Default)]
struct Known {
    unchecked: u64,
    report_mails: u64,
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    NotRequested,
    /// It waits, has ended without all hosts passing, or was skipped.
    Requested,
    Passed(Policy),
}

/// Counts of probes since the start, by their result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ProbeCounts {
    pub(super) passed: u64,
    pub(super) failed: u64,
    pub(super) unknown: u64,
    /// Not made, since too many others were waiting.
    pub(super) skipped: u64,
}

impl Probes {
    pub(super) fn new(service: &PolicyService, trust_store: TrustStore, port: u16) -> Self {
        Self {
            prober: Prober::new(service, trust_store, port),
            today: Mutex::default(),
            requested: Notify::new(),
        }
    }

    pub(super) fn counts(&self) -> ProbeCounts {
        self.today().counts
    }

    /// Makes the requested probes, and counts failed sessions, for as long as the future is polled.
    pub(super) async fn run(self: Arc<Self>, reports: Weak<Reports>) {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut running = JoinSet::new();
        loop {
            // The semaphore is never closed.
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (day, domain, record) = self.next().await;
            while running.try_join_next().is_some() {}
            let (probes, reports) = (Arc::clone(&self), Weak::clone(&reports));
            running.spawn(async move {
                let probe = probes.prober.probe(&domain, &record).await;
                drop(place);
                tracing::debug!(%domain, result = probe.code(), "the MX hosts were probed");
                let failures = probes.today().end(day, &domain, probe, now());
                if let (Some(reports), Some(failures)) = (reports.upgrade(), failures) {
                    reports.count(failures);
                }
            });
        }
    }

    /// The next domain to be probed, with its TLSRPT record and the day.
    async fn next(&self) -> (u64, PolicyDomain, Box<str>) {
        loop {
            let next = self.today().next();
            if let Some(next) = next {
                return next;
            }
            self.requested.notified().await;
        }
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        if let Some(known) = self.today().known(domain, now) {
            known.report_mails = known.report_mails.saturating_add(1);
        }
    }

    fn today(&self) -> MutexGuard<'_, Today> {
        self.today.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TestingProbes for Probes {
    fn have_passed(&self, domain: &PolicyDomain, now: UnixTime) -> bool {
        let Some(passed) = self.today().passed(domain, now) else { return false };
        self.prober.policy(domain).is_some_and(|policy| policy == passed)
    }

    fn note_unchecked(&self, domain: &PolicyDomain, record: &str, now: UnixTime) {
        if self.today().request(domain, record, now) {
            self.requested.notify_one();
        }
    }
}

impl Today {
    /// Begins a new day if the clock says so. A clock that steps back by less than two days stays in the day that has begun, as
    /// does a thread that read it before midnight: no domain is probed twice for that.
    fn turn(&mut self, now: UnixTime) {
        let day = day(now);
        if day > self.day || day + 1 < self.day {
            self.counts.skipped += self.waiting.len() as u64;
            *self = Self { day, counts: self.counts, ..Self::default() };
        }
    }

    /// What is known of a domain; [`None`] if there is no room for it.
    fn known(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<&mut Known> {
        self.turn(now);
        if self.domains.len() >= MAX_DOMAINS && !self.domains.contains_key(domain) {
            return None;
        }
        Some(self.domains.entry(domain.clone()).or_default())
    }

    /// The policy that every MX host has complied with.
    fn passed(&mut self, domain: &PolicyDomain, now: UnixTime) -> Option<Policy> {
        self.turn(now);
        match &self.domains.get(domain)?.state {
            State::Passed(policy) => Some(policy.clone()),
            _ => None,
        }
    }

    /// Requests the probe of a domain after an unverified session, unless it was requested before. Returns whether it was
    /// requested now.
    fn request(&mut self, domain: &PolicyDomain, record: &str, now: UnixTime) -> bool {
        let Some(known) = self.known(domain, now) else {
            self.counts.skipped += 1;
            return false;
        };
        known.unchecked = known.unchecked.saturating_add(1);
        if known.unchecked <= known.report_mails || !matches!(known.state, State::NotRequested) {
            return false;
        }
        known.state = State::Requested;
        if self.waiting.len() >= MAX_WAITING {
            self.counts.skipped += 1;
            return false;
        }
        self.waiting.push_back((domain.clone(), record.into()));
        true
    }

    /// The day, and the next domain to be probed on it.
    fn next(&mut self) -> Option<(u64, PolicyDomain, Box<str>)> {
        let (domain, record) = self.waiting.pop_front()?;
        Some((self.day, domain, record))
    }

    /// Records the result of a probe. Returns the failed sessions to count. Those of a day that is over do not count: the
    /// domain is probed again.
    fn end(&mut self, day: u64, domain: &PolicyDomain, probe: Probe, now: UnixTime) -> Option<Datagram> {
        self.turn(now);
        let is_of_today = self.day == day;
        match probe {
            Probe::Passed(policy) => {
                self.counts.passed += 1;
                if let Some(known) = self.domains.get_mut(domain).filter(|_| is_of_today) {
                    known.state = State::Passed(policy);
                }
                None
            }
            Probe::Failed(failures) => {
                self.counts.failed += 1;
                is_of_today.then_some(failures)
            }
            Probe::Unknown => {
                self.counts.unknown += 1;
                None
            }
        }
    }
}

/// The tally of an outbox that also tells the probes of its mails.
pub(super) struct ProbedReports {
    pub(super) store: ReportStore,
    pub(super) probes: Arc<Probes>,
}

impl DueReports for ProbedReports {
    fn due(&self, now: UnixTime) -> Result<Vec<DueReport>, DueReportsError> {
        DueReports::due(&self.store, now)
    }

    fn taken(&self, reports: &[DueId], now: UnixTime) -> Result<(), DueReportsError> {
        DueReports::taken(&self.store, reports, now)
    }

    fn note_report_mail(&self, domain: &PolicyDomain, now: UnixTime) {
        DueReports::note_report_mail(&self.store, domain, now);
        self.probes.note_report_mail(domain, now);
    }
}

/// The UTC day.
fn day(now: UnixTime) -> u64 {
    now.as_secs() / 86_400
}

const AT_ONCE: usize = 8;
const MAX_WAITING: usize = 1024;
const MAX_DOMAINS: usize = 16_384;

#[cfg(test)]
mod tests {
    use mta_sts_core::tlsrpt::ReportSender;
    use mta_sts_reporter::ReportStoreConfig;
    use mta_sts_resolver::{DnsClient, DnsConfig, PolicyFetcher, Resolver, ServiceConfig};

    use super::*;

    const NOON: UnixTime = UnixTime::from_secs(1_700_049_600);
    const RECORD: &str = "v=TLSRPTv1; rua=mailto:tls@a.test";

    fn domain(number: usize) -> PolicyDomain {
        PolicyDomain::parse(&format!("d{number}.test")).unwrap()
    }

    fn policy() -> Policy {
        Policy::parse(b"version: STSv1\nmode: testing\nmx: mx.a.test\nmax_age: 604800\n").unwrap()
    }

    fn later(days: u64) -> UnixTime {
        UnixTime::from_secs(NOON.as_secs() + days * 86_400)
    }

    #[test]
    fn a_domain_is_probed_once_a_day() {
        let (mut today, domain) = (Today::default(), domain(1));
        assert!(today.request(&domain, RECORD, NOON));
        assert!(!today.request(&domain, RECORD, NOON));
        assert_eq!(today.passed(&domain, NOON), None);
        let begun = today.day;
        assert!(today.end(begun, &domain, Probe::Passed(policy()), NOON).is_none());
        assert!(!today.request(&domain, RECORD, NOON));
        assert_eq!(today.passed(&domain, NOON), Some(policy()));

        assert_eq!(today.passed(&domain, later(1)), None, "what was seen yesterday says nothing of today");
        assert!(today.request(&domain, RECORD, later(1)));
    }

    #[test]
    fn a_clock_that_steps_back_has_no_domain_probed_twice() {
        let (mut today, domain) = (Today::default(), domain(1));
        assert!(today.request(&domain, RECORD, later(1)));
        assert!(!today.request(&domain, RECORD, NOON));
        assert!(!today.request(&domain, RECORD, later(1)));
        // It had jumped ahead, and was set right.
        assert!(today.request(&domain, RECORD, later(9)));
        assert!(today.request(&domain, RECORD, later(2)));
    }

    #[test]
    fn what_a_probe_saw_counts_on_its_day_only() {
        let (mut today, domain) = (Today::default(), domain(1));
        let failed = || Probe::Failed(Datagram::new(&domain, RECORD));
        today.request(&domain, RECORD, NOON);
        let (begun, probed, _) = today.next().unwrap();
        assert_eq!(probed, domain);
        assert!(today.end(begun, &domain, failed(), NOON).is_some());
        today.request(&domain, RECORD, later(1));
        assert!(today.end(begun, &domain, failed(), later(1)).is_none());
        assert!(today.end(begun, &domain, Probe::Passed(policy()), later(1)).is_none());
        assert_eq!(today.passed(&domain, later(1)), None);
        assert_eq!(today.counts, ProbeCounts { passed: 1, failed: 2, ..ProbeCounts::default() });
    }

    fn probes() -> Arc<Probes> {
        let authority = rcgen::generate_simple_self_signed(["ca.test".to_owned()]).unwrap();
        let trust_store = TrustStore::from_pem(authority.cert.pem().as_bytes()).unwrap();
        let dns = DnsClient::new(DnsConfig::new("127.0.0.1:9".parse().unwrap()));
        let resolver = Resolver::new(dns, PolicyFetcher::new(trust_store.clone()));
        let service = PolicyService::new(resolver, ServiceConfig::new());
        Arc::new(Probes::new(&service, trust_store, 25))
    }

    /// A report about a failed probe would lead to the next one.
    // Proves R17.
    #[tokio::test]
    async fn the_session_of_a_report_has_no_domain_probed() {
        let (probes, domain) = (probes(), domain(1));
        let sender = ReportSender::new("tls@sender.test", "Sender").unwrap();
        let store = ReportStore::in_memory(ReportStoreConfig::new(sender)).unwrap();
        let reports = ProbedReports { store, probes: Arc::clone(&probes) };
        for _ in 0..2 {
            reports.note_report_mail(&domain, NOON);
        }
        for is_requested in [false, false, true, false] {
            probes.note_unchecked(&domain, RECORD, NOON);
            assert_eq!(probes.today().next().is_some(), is_requested);
        }
    }

    #[test]
    fn too_many_domains_are_counted_and_not_probed() {
        let mut today = Today::default();
        for number in 0..MAX_DOMAINS + 10 {
            assert_eq!(today.request(&domain(number), RECORD, NOON), number < MAX_WAITING);
        }
        assert_eq!((today.domains.len(), today.waiting.len()), (MAX_DOMAINS, MAX_WAITING));
        assert_eq!(today.counts.skipped, (MAX_DOMAINS + 10 - MAX_WAITING) as u64);
        // Those that waited until the end of the day are not probed for it.
        assert!(today.request(&domain(MAX_DOMAINS), RECORD, later(1)));
        assert_eq!((today.domains.len(), today.waiting.len()), (1, 1));
        assert_eq!(today.counts.skipped, (MAX_DOMAINS + 10) as u64);
    }
}
