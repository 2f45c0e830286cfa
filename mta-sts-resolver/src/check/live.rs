//! The input of a check to the question whether a policy can be enforced.

use mta_sts_core::lint::Severity;
use mta_sts_core::tlsrpt::{Hint, LiveFindings, LiveHost};
use mta_sts_core::{DnsName, NoPolicy, PolicyType, ResultType, UnixTime};

use super::DomainCheck;
use super::finding::{CheckFinding, CheckFindingKind as Kind};
use super::host::HostCheck;
use super::session::SessionCheck;

impl DomainCheck {
    /// The current findings, for [`Readiness::assess`](mta_sts_core::tlsrpt::Readiness::assess).
    ///
    /// ```no_run
    /// use mta_sts_core::UnixTime;
    /// use mta_sts_core::tlsrpt::{Readiness, ReadyRules, Report, Served};
    ///
    /// # fn ready(check: &mta_sts_resolver::DomainCheck, reports: &[Report], now: UnixTime) {
    /// if let Some(policy) = check.discovery.outcome.policy() {
    ///     let served = Served::new(&check.domain, policy);
    ///     let live = check.live_findings();
    ///     let readiness = Readiness::assess(reports, Some(&live), &served, now, &ReadyRules::new());
    ///     println!("{:?}", readiness.verdict());
    /// }
    /// # }
    /// ```
    ///
    /// For each MX host it has the worst fault relevant to senders with MTA-STS, at any address, and the expiry of its certificate once
    /// less than a third of its life is left; hosts whose name is not a host name are omitted.
    pub fn live_findings(&self) -> LiveFindings {
        let live = match self.discovery.outcome.applied {
            Ok(_) => LiveFindings::new(),
            Err(reason) => LiveFindings::new().with_policy_fault(policy_fault(reason)),
        };
        let findings = self.findings();
        let hosts = self.hosts.iter().filter_map(|host| {
            let mut seen = LiveHost::new(DnsName::parse(&host.name).ok()?);
            if let Some(fault) = findings.iter().filter(|finding| is_about(finding, host)).find_map(fault) {
                seen = seen.with_fault(fault);
            }
            Some(match end_of_certificate(host, self.now) {
                Some(end) => seen.expires_at(end),
                None => seen,
            })
        });
        hosts.fold(live, LiveFindings::with_host)
    }
}

fn policy_fault(reason: NoPolicy) -> Hint {
    let (result_type, code) = match reason {
        NoPolicy::FetchFailed(fault) => (fault.result_type(), fault.code()),
        NoPolicy::InvalidRecord(kind) => (ResultType::StsPolicyFetchError, kind.code()),
        NoPolicy::DnsFailed(failure) => (ResultType::StsPolicyFetchError, failure.code()),
        reason => (ResultType::StsPolicyFetchError, reason.code()),
    };
    Hint::explain(PolicyType::Sts, result_type, code)
}

/// Returns whether a finding is about a host, at one of its addresses or at all of them.
fn is_about(finding: &CheckFinding, host: &HostCheck) -> bool {
    finding
        .place()
        .strip_prefix(host.name.as_str())
        .is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
}

/// The fault of a host that prevents delivery by senders with MTA-STS. Without a policy findings are less severe, but
/// still faults.
fn fault(finding: &CheckFinding) -> Option<Hint> {
    let kind = finding.kind();
    let is_of_dane = matches!(
        kind,
        Kind::DaneMismatch
            | Kind::DaneWithoutTls
            | Kind::DaneBogus
            | Kind::DaneLookupFailed
            | Kind::DaneUnusable
    );
    let stops_mail = kind.severity() == Severity::Error
        || matches!(kind, Kind::MxUnreachable | Kind::MxAddressLookupFailed | Kind::DnssecBogus);
    (stops_mail && !is_of_dane).then(|| Hint::from_code(kind.code())).flatten()
}

/// The earliest expiry of the certificate or one in its chain, unless a third of its life is left: then it is to be renewed in time,
/// however short its life is.
fn end_of_certificate(host: &HostCheck, now: UnixTime) -> Option<UnixTime> {
    let shown = host.session.as_ref()?.as_ref().ok().and_then(SessionCheck::certificate)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let end = shown.is_in_last_third(now).then(|| shown.first_end())?;
    u64::try_from(end).ok().map(UnixTime::from_secs)
}
