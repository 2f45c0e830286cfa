//! What one look at a domain says of each state.

use std::collections::{BTreeMap, BTreeSet};

use mta_sts_core::lint::Severity;
use mta_sts_core::publish::{History, ServedPolicy};
use mta_sts_core::{FetchFailure, FetchFault, Mode, NoPolicy, UnixTime};
use mta_sts_resolver::{
    CheckFinding, CheckFindingKind, DnsError, DomainCheck, DomainVerdict, PeerCertificate,
    PolicyFetchErrorKind, SessionCheck,
};

use super::super::published::Known;
use super::super::remarks;
use super::super::sight::Sight;
use super::silence::Silence;
use super::state::State;
use crate::command::check::Remark;

/// What a look at a domain says of each state: that it fails, that nothing can be said now, or else that it is fine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct View {
    pub(super) failing: BTreeMap<State, Told>,
    pub(super) unknown: BTreeSet<State>,
    /// The earliest end of a certificate of the Policy Host or of an MX host.
    pub(super) first_certificate_end: Option<UnixTime>,
}

/// What fails, and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) message: String,
    pub(super) fix: String,
}

impl View {
    /// The view of a check, with what is known of the domain. `silences` are of its reports: `None` if they are not known.
    pub(super) fn of(check: &DomainCheck, known: &Known, silences: Option<&[Silence]>) -> Self {
        let mut view = Self { first_certificate_end: first_certificate_end(check), ..Self::default() };
        view.add_findings(check, known);
        view.add_unknown(check);
        let sight = Sight::of_check(check);
        if let Some(remark) = remarks::id_and_body(&check.domain, &sight, Some(&known.history))
            && remark.severity > Severity::Info
        {
            view.fails(State::IdBody, &remark);
        }
        if let Some(remark) = remarks::removal(&check.domain, &sight, known, check.now) {
            view.fails(State::RemovalReady, &remark);
        }
        match silences {
            Some([first, others @ ..]) => {
                let more =
                    if others.is_empty() { String::new() } else { format!(" ({} more)", others.len()) };
                let told = Told { message: format!("{first}{more}"), fix: Silence::FIX.to_owned() };
                view.failing.insert(State::ReportsSilent, told);
            }
            Some([]) => {}
            None => {
                view.unknown.insert(State::ReportsSilent);
            }
        }
        // A fault that is seen is one, whatever else could not be.
        view.unknown.retain(|state| !view.failing.contains_key(state));
        view
    }

    fn add_findings(&mut self, check: &DomainCheck, known: &Known) {
        let findings = check.findings();
        let counts = |finding: &&CheckFinding| match finding.kind() {
            CheckFindingKind::NoRecord => !is_unpublished(&known.history),
            kind => finding.severity() == Severity::Error || is_alarming(kind),
        };
        for finding in findings.iter().filter(counts) {
            if let Some(state) = State::of(finding.kind()) {
                let message = format!("{}: {}", finding.place(), finding.message());
                self.add(state, &message, finding.fix());
            }
        }
        if check.verdict() == DomainVerdict::NoSuchDomain {
            self.add(
                State::Dns,
                &format!("{}: The domain does not exist.", check.domain),
                "Check the registration of the domain.",
            );
        }
        let texts = [
            (State::Dns, check.domain.txt_name(), check.record_findings()),
            (State::Fetch, check.domain.policy_host(), check.policy_findings()),
        ];
        for (state, place, findings) in texts {
            if let Some(error) = findings.iter().find(|finding| finding.severity() == Severity::Error) {
                self.add(state, &format!("{place}: {}", error.message()), error.help());
            }
        }
    }

    /// Notes what this look could not show.
    fn add_unknown(&mut self, check: &DomainCheck) {
        use State::{Certificate, Dns, Fetch, IdBody, MxNotCovered, RemovalReady, Starttls};
        let mut unknown = |states: &[State]| self.unknown.extend(states);
        match &check.discovery.outcome.applied {
            Ok(_) => {}
            Err(NoPolicy::LocalFault) => {
                unknown(&[Dns, IdBody, Fetch, Certificate, MxNotCovered, Starttls, RemovalReady]);
            }
            Err(NoPolicy::FetchFailed(FetchFault::Failure(
                FetchFailure::CertificateExpired
                | FetchFailure::CertificateHostMismatch
                | FetchFailure::CertificateNotTrusted,
            ))) => unknown(&[IdBody, Fetch, MxNotCovered, RemovalReady]),
            Err(NoPolicy::FetchFailed(_)) => unknown(&[IdBody, Certificate, MxNotCovered, RemovalReady]),
            // Nothing is fetched without a record.
            Err(_) => unknown(&[IdBody, Fetch, Certificate, MxNotCovered, RemovalReady]),
        }
        let is_local = |error: &mta_sts_resolver::PolicyFetchError| {
            matches!(error.kind(), PolicyFetchErrorKind::LocalFault | PolicyFetchErrorKind::Busy)
        };
        if matches!(&check.discovery.response, Some(Err(error)) if is_local(error)) {
            unknown(&[Fetch]);
        }
        if matches!(check.mx, Err(DnsError::Failed(_))) {
            unknown(&[Certificate, MxNotCovered, Starttls]);
        }
        // A host that is down, or does not talk to this machine, says nothing of its TLS.
        if check.hosts.iter().any(|host| !matches!(host.session, Some(Ok(_)))) {
            unknown(&[Certificate, Starttls]);
        }
    }

    fn fails(&mut self, state: State, remark: &Remark) {
        self.add(state, &format!("{}: {}", remark.place, remark.message), &remark.fix);
    }

    /// Adds a fault; the first one of a state says how to fix it.
    fn add(&mut self, state: State, message: &str, fix: &str) {
        let told =
            self.failing.entry(state).or_insert_with(|| Told { message: String::new(), fix: fix.to_owned() });
        if told.message.len() + message.len() < MAX_MESSAGE {
            let space = if told.message.is_empty() { "" } else { " " };
            told.message.extend([space, message]);
        }
    }
}

/// Returns whether a domain has no record because it was removed (RFC 8461, 8.3), or is only about to be published.
fn is_unpublished(history: &History) -> bool {
    let is_opted_out = |policy: &ServedPolicy| policy.mode() == Mode::None;
    let has_begun = !history.hosts().is_empty();
    history.record().is_none() && history.policies().last().map_or(has_begun, is_opted_out)
}

/// Returns whether it is an alarm, although it may pass, or is only about to happen.
const fn is_alarming(kind: CheckFindingKind) -> bool {
    matches!(
        kind,
        CheckFindingKind::DnssecBogus
            | CheckFindingKind::RecordLookupFailed
            | CheckFindingKind::MxLookupFailed
            | CheckFindingKind::MxAddressLookupFailed
            | CheckFindingKind::PolicyHostLookupFailed
            | CheckFindingKind::PolicyHostTimeout
            | CheckFindingKind::CertificateExpiresSoon
    )
}

fn first_certificate_end(check: &DomainCheck) -> Option<UnixTime> {
    let policy_host = match check.discovery.response.as_ref() {
        Some(Ok(response)) => Some(&response.certificate),
        Some(Err(error)) => error.certificate(),
        None => None,
    };
    let sessions = check.hosts.iter().filter_map(|host| host.session.as_ref()?.as_ref().ok());
    let end = |shown: &PeerCertificate| shown.chain().not_after().unwrap_or(shown.not_after());
    let ends = policy_host.into_iter().chain(sessions.filter_map(SessionCheck::certificate)).map(end);
    ends.min().map(|end| UnixTime::from_secs(u64::try_from(end).unwrap_or_default()))
}

/// A domain with fifty hosts does not need a sentence about each.
const MAX_MESSAGE: usize = 1000;
