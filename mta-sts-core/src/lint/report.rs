//! Findings about TLS reports (RFC 8460, 4.4): for whoever writes them.

use alloc::string::ToString;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Draft, Finding, FindingKind, Findings, Severity};
use crate::error::{DeviationKind, LintKind};
use crate::policy::{Policy, Strictness};
use crate::tlsrpt::{
    FailureDetails, JsonReader, Place, PlacedPolicy, PolicyType, ReportLimits, ReportPath, ReportPolicy,
    ResultType, read_report,
};

/// What is to be said of a TLS report: JSON that is not compressed.
///
/// ```
/// use mta_sts_core::lint::{self, Severity};
///
/// let json = br#"{"organization-name": "Sender", "contact-info": "tls@sender.example", "report-id": "1@sender.example",
///     "date-range": {"start-datetime": "2024-09-03T00:00:00Z", "end-datetime": "2024-09-03T23:59:59Z"},
///     "policies": [{"policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
///         "summary": {"total-successful-session-count": "48", "total-failure-session-count": 0}}]}"#;
/// let findings = lint::report(json);
/// assert_eq!(findings[0].code(), "count-as-string");
/// assert_eq!(
///     findings[0].message(),
///     "A count is a string (policies[0].summary.total-successful-session-count).",
/// );
/// assert_eq!((findings[0].line(), &json[findings[0].span()]), (4, &b"\"48\""[..]));
/// assert_eq!(findings[0].help(), "Write the count as a number of JSON.");
/// ```
///
/// Each deviation of [`Report::parse`](crate::tlsrpt::Report::parse) is a finding, with its code and its place; so is what keeps to
/// the grammar and says something else than it is meant to. Of a report that is refused, what was noticed before is told too.
/// What a finding says of senders is here about receivers.
pub fn report(json: &[u8]) -> Vec<Finding> {
    report_with(json, Strictness::Tolerant)
}

/// As [`report`], and with [`Strictness::Abnf`] each deviation is an error, as it is for
/// [`ReadReport::into_strict`](crate::tlsrpt::ReadReport::into_strict).
pub fn report_with(json: &[u8], strictness: Strictness) -> Vec<Finding> {
    let lines = Lines::of(json);
    let mut findings = Findings::new();
    let read = read_report(json, &ReportLimits::new());
    let mut push = |kind: FindingKind, severity: Severity, path: ReportPath, span: Range<usize>| {
        let line = lines.number(span.start);
        findings.push(
            Draft::new(kind, severity, span, line).with_place((!path.is_empty()).then(|| path.to_string())),
        );
    };
    if let Err(error) = &read.report {
        push(error.kind().into(), Severity::Error, error.path(), span_of_error(json, error.offset()));
    }
    if json.starts_with(GZIP) {
        push(LintKind::CompressedReport.into(), Severity::Info, ReportPath::default(), 0..GZIP.len());
    }
    for deviation in &read.deviations {
        let severity = match strictness {
            Strictness::Abnf => Severity::Error,
            _ => severity_of(deviation.kind()),
        };
        let span = match deviation.kind() {
            DeviationKind::ByteOrderMark => 0..BYTE_ORDER_MARK_LEN,
            DeviationKind::TextAfterReport => deviation.offset()..json.len(),
            _ => span_of(json, deviation.offset()),
        };
        push(deviation.kind().into(), severity, deviation.path(), span);
    }
    if let Ok(report) = &read.report {
        let mut look = Look { json, push };
        for (policy, place) in report.policies().iter().zip(&read.places) {
            look.at_policy(policy, place);
        }
        look.at_domains(report.policies(), &read.places);
    }
    findings.into_vec(json.len(), lines.number(json.len()))
}

/// What no grammar forbids.
struct Look<'a, P> {
    json: &'a [u8],
    push: P,
}

impl<P: FnMut(FindingKind, Severity, ReportPath, Range<usize>)> Look<'_, P> {
    fn at_policy(&mut self, policy: &ReportPolicy, place: &PlacedPolicy) {
        if policy.successes() == 0 && policy.failures() == 0 && policy.details().is_empty() {
            self.tell(
                LintKind::PolicyWithoutSessions,
                Severity::Info,
                "policies[].summary",
                place.own,
                &["summary"],
            );
        }
        if differs(policy) {
            let members = ["policy", "mx-host"];
            self.tell(
                LintKind::MxHostDiffers,
                Severity::Warning,
                "policies[].policy.mx-host",
                place.own,
                &members,
            );
        }
        for (details, place) in policy.details().iter().zip(&place.details) {
            self.at_details(policy, details, *place);
        }
    }

    fn at_details(&mut self, policy: &ReportPolicy, details: &FailureDetails, place: Place) {
        if details.failed_sessions() == 0 {
            let path = "policies[].failure-details[].failed-session-count";
            self.tell(LintKind::NoFailedSession, Severity::Info, path, place, &["failed-session-count"]);
        }
        let kinds = (policy.kind().known(), details.result().known());
        if matches!(kinds, (Some(kind), Some(result)) if kind_of(result).is_some_and(|other| other == kind)) {
            let path = "policies[].failure-details[].result-type";
            self.tell(LintKind::ResultOfOtherPolicy, Severity::Warning, path, place, &["result-type"]);
        }
    }

    /// Policies of DANE may be told by the names of MX hosts.
    fn at_domains(&mut self, policies: &[ReportPolicy], places: &[PlacedPolicy]) {
        let of_domain = |policy: &&ReportPolicy| policy.kind().known() != Some(PolicyType::Tlsa);
        let first = policies.iter().find(of_domain).and_then(ReportPolicy::domain);
        let other =
            policies.iter().zip(places).find(|(policy, _)| of_domain(policy) && policy.domain() != first);
        if let Some((_, place)) = other {
            let members = ["policy", "policy-domain"];
            let path = "policies[].policy.policy-domain";
            self.tell(LintKind::SeveralPolicyDomains, Severity::Warning, path, place.own, &members);
        }
    }

    fn tell(
        &mut self,
        kind: LintKind,
        severity: Severity,
        path: &'static str,
        place: Place,
        members: &[&str],
    ) {
        let start = member(self.json, place.offset, members).unwrap_or(place.offset);
        let span = span_of(self.json, start);
        (self.push)(kind.into(), severity, ReportPath::new(path, place.indexes), span);
    }
}

/// Whether the patterns are none of those in the lines.
fn differs(policy: &ReportPolicy) -> bool {
    let mut text = alloc::string::String::new();
    for line in policy.lines() {
        text.push_str(line);
        text.push('\n');
    }
    let Ok(applied) = Policy::parse(text.as_bytes()) else { return false };
    let is_in = |pattern: &str| applied.mx_patterns().any(|mx| pattern.eq_ignore_ascii_case(&mx.to_string()));
    policy.mx_hosts().any(|pattern| !is_in(pattern))
}

/// Which policies a result type can never be of.
const fn kind_of(result: ResultType) -> Option<PolicyType> {
    match result {
        ResultType::TlsaInvalid | ResultType::DnssecInvalid | ResultType::DaneRequired => {
            Some(PolicyType::Sts)
        }
        _ if result.is_of_discovery() => Some(PolicyType::Tlsa),
        _ => None,
    }
}

/// Where the value of a member starts, of the object that starts at `start`.
fn member(json: &[u8], start: usize, members: &[&str]) -> Option<usize> {
    let mut reader = JsonReader::new(json.get(start..)?);
    for name in members {
        reader.shape().ok()?;
        reader.begin_object().ok()?;
        while reader.next_member().ok()??.decode(name.len() + 1).text != *name {
            reader.shape().ok()?;
            reader.skip().ok()?;
        }
    }
    reader.shape().ok()?;
    Some(start + reader.offset())
}

/// The octets of the value that starts here; of an object or an array, the bracket.
fn span_of(json: &[u8], start: usize) -> Range<usize> {
    let rest = json.get(start..).unwrap_or_default();
    let len = match rest.first() {
        Some(b'"') => {
            let mut is_escaped = false;
            let end = rest[1..].iter().position(|octet| {
                let is_end = *octet == b'"' && !is_escaped;
                is_escaped = *octet == b'\\' && !is_escaped;
                is_end
            });
            end.map_or(rest.len(), |end| end + 2)
        }
        Some(b'{' | b'[') => 1,
        Some(octet) if octet.is_ascii_alphanumeric() || *octet == b'-' => {
            let is_end = |octet: &u8| matches!(octet, b',' | b']' | b'}') || octet.is_ascii_whitespace();
            rest.iter().position(is_end).unwrap_or(rest.len())
        }
        // Behind the object or array that lacks something.
        _ if json.get(start.wrapping_sub(1)).is_some_and(|octet| matches!(octet, b'}' | b']')) => {
            return start - 1..start;
        }
        _ => 0,
    };
    start..start + len
}

/// What the reader stumbles over: a value, or one octet.
fn span_of_error(json: &[u8], start: usize) -> Range<usize> {
    let value = span_of(json, start);
    if value.start == start && !value.is_empty() { value } else { start..(start + 1).min(json.len()) }
}

/// How much it matters to receivers: whether some refuse the report, or what is told is lost.
const fn severity_of(kind: DeviationKind) -> Severity {
    match kind {
        DeviationKind::MoreDeviations
        | DeviationKind::UnknownMember
        | DeviationKind::LineFeed
        | DeviationKind::MxHostWithoutSts
        | DeviationKind::UnusualAddress
        | DeviationKind::UnusualDatetime
        | DeviationKind::EndAtMidnight => Severity::Info,
        _ => Severity::Warning,
    }
}

/// A text, and how many lines end before each block of it: of a hostile one every octet may end one.
struct Lines<'a> {
    text: &'a [u8],
    before: Vec<u32>,
}

impl<'a> Lines<'a> {
    const BLOCK: usize = 4096;

    fn of(text: &'a [u8]) -> Self {
        let mut ends = 0_u32;
        let before = text.chunks(Self::BLOCK).map(|block| {
            let before = ends;
            ends = ends.saturating_add(ends_in(block));
            before
        });
        Self { text, before: before.collect() }
    }

    /// The number of the line of an octet, counted from 1.
    fn number(&self, at: usize) -> u32 {
        let block = (at / Self::BLOCK).min(self.before.len().saturating_sub(1));
        let before = self.before.get(block).copied().unwrap_or_default();
        before.saturating_add(ends_in(&self.text[block * Self::BLOCK..at])).saturating_add(1)
    }
}

fn ends_in(text: &[u8]) -> u32 {
    let ends = text.iter().filter(|octet| **octet == b'\n').count();
    u32::try_from(ends).unwrap_or(u32::MAX)
}

const BYTE_ORDER_MARK_LEN: usize = 3;

/// How every gzip file begins (RFC 1952, 2.3.1).
const GZIP: &[u8] = b"\x1f\x8b";
