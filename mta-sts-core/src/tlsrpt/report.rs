use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use super::{PolicyType, ResultType, Word};
use crate::time::UnixTime;

/// A TLS report of one organisation about a domain, usually for one day (RFC 8460, 4.4).
///
/// ```
/// use mta_sts_core::tlsrpt::{FailureDetails, Report, ReportPeriod, ReportPolicy};
/// use mta_sts_core::{PolicyType, ResultType, UnixTime};
///
/// let period = ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000));
/// let report = Report::new("Sender Inc.", "tls@sender.example", "2023-11-14.7f3a@sender.example", period)
///     .with_policy(
///         ReportPolicy::new(PolicyType::Sts, "example.com")
///             .with_lines(["version: STSv1", "mode: testing", "mx: mx.example.com", "max_age: 604800"])
///             .with_mx_hosts(["mx.example.com"])
///             .with_sessions(4_212, 61)
///             .with_details(
///                 FailureDetails::new(ResultType::CertificateExpired, 61)
///                     .with_receiving_mx_hostname("mx.example.com"),
///             ),
///     );
/// assert_eq!(report.submitter(), Some("sender.example"));
/// assert_eq!(report.policies()[0].details()[0].failed_sessions(), 61);
/// ```
///
/// What a sender omitted is `None`. Everything in a received report is untrusted: it may contain any character, and
/// may be false.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Report {
    pub(super) organization: Option<Box<str>>,
    pub(super) period: Option<ReportPeriod>,
    pub(super) contact: Option<Box<str>>,
    pub(super) id: Option<Box<str>>,
    pub(super) policies: Vec<ReportPolicy>,
}

impl Report {
    /// A report without policies: the reporting organisation (`organization-name`), its mail address
    /// (`contact-info`), the `report-id`, and the period.
    pub fn new(
        organization: impl Into<Box<str>>,
        contact: impl Into<Box<str>>,
        id: impl Into<Box<str>>,
        period: ReportPeriod,
    ) -> Self {
        Self {
            organization: Some(organization.into()),
            period: Some(period),
            contact: Some(contact.into()),
            id: Some(id.into()),
            policies: Vec::new(),
        }
    }

    /// Appends a policy.
    #[must_use]
    pub fn with_policy(mut self, policy: ReportPolicy) -> Self {
        self.policies.push(policy);
        self
    }

    /// Sets the domain of the policies that have none. The file name of a report contains it (RFC 8460, 5.1). The
    /// contents of the report take precedence (RFC 8460, 5.6).
    // Meets R83.
    #[must_use]
    pub fn with_missing_domains(mut self, domain: &str) -> Self {
        for policy in &mut self.policies {
            policy.0.domain.get_or_insert_with(|| domain.into());
        }
        self
    }

    /// The reporting organisation: `organization-name`.
    pub fn organization(&self) -> Option<&str> {
        self.organization.as_deref()
    }

    /// The mail address of the organisation: `contact-info`.
    pub fn contact(&self) -> Option<&str> {
        self.contact.as_deref()
    }

    /// The domain of [`contact`](Self::contact), which must equal `TLS-Report-Submitter` (RFC 8460, 5.3).
    pub fn submitter(&self) -> Option<&str> {
        let (_, domain) = self.contact()?.rsplit_once('@')?;
        let domain = domain.trim_end_matches('>').trim();
        (!domain.is_empty()).then_some(domain)
    }

    /// Returns whether tlsrpt-reporter wrote the report, by the form of its `report-id`:
    /// `2026-11-27T00:00:00Z_idx1_example.com`.
    ///
    /// It writes reports for Postfix, which counts a session under a policy in mode testing as a success without verifying it.
    pub fn is_from_tlsrpt_reporter(&self) -> bool {
        self.id().and_then(|id| id.split_once("Z_idx")).is_some_and(|(_, rest)| {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            digits > 0 && rest.as_bytes().get(digits) == Some(&b'_')
        })
    }

    /// The `report-id`. Together with the organisation and the period it identifies duplicates.
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// The reported period: `date-range`.
    pub const fn period(&self) -> Option<ReportPeriod> {
        self.period
    }

    /// The reported policies, one element for each.
    pub fn policies(&self) -> &[ReportPolicy] {
        &self.policies
    }
}

/// The period of a report: the `date-range` (RFC 8460, 4.4).
///
/// ```
/// use mta_sts_core::UnixTime;
/// use mta_sts_core::tlsrpt::ReportPeriod;
///
/// let day = ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000));
/// assert_eq!(day.start(), UnixTime::from_secs(1_699_920_000));
/// assert_eq!(day.end(), UnixTime::from_secs(1_700_006_399));
/// assert!(day.is_one_day());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReportPeriod {
    start: UnixTime,
    end: UnixTime,
}

/// The largest count, which is the largest integer of I-JSON (RFC 7493, 2.2).
pub(super) const MAX_COUNT: u64 = (1 << 53) - 1;

/// RFC 8460 counts in days of UTC.
const DAY: u64 = 86_400;

impl ReportPeriod {
    /// The period from `start` to `end`, inclusive; `None` if `end` is before `start`.
    pub fn new(start: UnixTime, end: UnixTime) -> Option<Self> {
        (start <= end).then_some(Self { start, end })
    }

    /// The day of UTC that contains this time, from 00:00:00 to 23:59:59 (RFC 8460, 4.1).
    pub const fn of_day(time: UnixTime) -> Self {
        let start = UnixTime::from_secs(time.as_secs() - time.as_secs() % DAY);
        Self { start, end: start.saturating_add(Duration::from_secs(DAY - 1)) }
    }

    /// The first second of the period.
    pub const fn start(self) -> UnixTime {
        self.start
    }

    /// The last second of the period.
    pub const fn end(self) -> UnixTime {
        self.end
    }

    /// The first second of the last day. A period that ends at midnight ends with the day before.
    pub const fn last_day(self) -> UnixTime {
        let (start, end) = (self.start.as_secs(), self.end.as_secs());
        let is_before_midnight = end % DAY == 0 && start < end;
        UnixTime::from_secs((end / DAY - is_before_midnight as u64) * DAY)
    }

    /// Returns whether it is one whole day of UTC, as required (RFC 8460, 4.1).
    pub fn is_one_day(self) -> bool {
        self == Self::of_day(self.start)
    }
}

/// The results under one policy: an element of `policies` (RFC 8460, 4.4).
///
/// ```
/// use mta_sts_core::PolicyType;
/// use mta_sts_core::tlsrpt::ReportPolicy;
///
/// let policy = ReportPolicy::new(PolicyType::NoPolicyFound, "example.com").with_sessions(12, 0);
/// assert_eq!(policy.kind().known(), Some(PolicyType::NoPolicyFound));
/// assert_eq!((policy.successes(), policy.failures()), (12, 0));
/// assert_eq!(policy.lines().count(), 0);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ReportPolicy(pub(super) Box<PolicyFields>);

/// It is boxed, like [`DetailFields`]: a growing list then moves 8 octets for each element, which bounds the memory
/// that a hostile report takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct PolicyFields {
    pub(super) kind: Word<PolicyType>,
    pub(super) domain: Option<Box<str>>,
    pub(super) lines: Lines,
    pub(super) mx_hosts: Lines,
    pub(super) successes: u64,
    pub(super) failures: u64,
    pub(super) details: Vec<FailureDetails>,
}

impl ReportPolicy {
    /// A policy without sessions: its `policy-type` and `policy-domain`.
    ///
    /// The domain is that of the recipient, or for `tlsa` the TLSA base domain (RFC 8460, 1.1), in A-labels.
    // Meets R2, A33.
    pub fn new(kind: impl Into<Word<PolicyType>>, domain: impl Into<Box<str>>) -> Self {
        Self(Box::new(PolicyFields {
            kind: kind.into(),
            domain: Some(domain.into()),
            lines: Lines::default(),
            mx_hosts: Lines::default(),
            successes: 0,
            failures: 0,
            details: Vec::new(),
        }))
    }

    /// Appends lines to the `policy-string`: those of an MTA-STS policy as received, with their errors, or one for
    /// each TLSA record.
    ///
    /// A line feed ends a line. What receivers would not read is omitted: the part of a line beyond
    /// [`Report::MAX_TEXT_LEN`], and lines beyond [`Report::MAX_LINES_LEN`] in all. U+FFFD replaces characters that
    /// I-JSON does not allow.
    #[must_use]
    pub fn with_lines<T: AsRef<str>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        self.0.lines.extend(lines);
        self
    }

    /// Appends patterns to the `mx-host`: the `mx` of the policy, in A-labels.
    #[must_use]
    pub fn with_mx_hosts<T: AsRef<str>>(mut self, patterns: impl IntoIterator<Item = T>) -> Self {
        self.0.mx_hosts.extend(patterns);
        self
    }

    /// Sets the numbers of successful and failed sessions, at most 2^53 - 1.
    #[must_use]
    pub fn with_sessions(mut self, successes: u64, failures: u64) -> Self {
        (self.0.successes, self.0.failures) = (successes.min(MAX_COUNT), failures.min(MAX_COUNT));
        self
    }

    /// Appends failure details.
    #[must_use]
    pub fn with_details(mut self, details: FailureDetails) -> Self {
        self.0.details.push(details);
        self
    }

    /// The type of the policy: `policy-type`.
    pub const fn kind(&self) -> &Word<PolicyType> {
        &self.0.kind
    }

    /// The domain of the policy: `policy-domain`.
    pub fn domain(&self) -> Option<&str> {
        self.0.domain.as_deref()
    }

    /// The lines of the policy, or its TLSA records: `policy-string`.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.lines.iter()
    }

    /// The `mx` patterns of the policy: `mx-host`.
    pub fn mx_hosts(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.mx_hosts.iter()
    }

    /// The number of sessions that complied with the policy: `total-successful-session-count`.
    pub const fn successes(&self) -> u64 {
        self.0.successes
    }

    /// The number of failed sessions: `total-failure-session-count`.
    pub const fn failures(&self) -> u64 {
        self.0.failures
    }

    /// The failures, one element for each kind: `failure-details`.
    ///
    /// A session may count in several, so their sum may exceed [`failures`](Self::failures) (RFC 8460, 4).
    pub fn details(&self) -> &[FailureDetails] {
        &self.0.details
    }
}

/// Texts without a line feed, each followed by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Lines(pub(super) Box<str>);

impl Lines {
    fn extend<T: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = T>) {
        let mut text = String::from(core::mem::take(&mut self.0));
        for line in lines {
            for line in line.as_ref().split('\n') {
                let before = text.len();
                let replaced = |char| if is_noncharacter(char) { char::REPLACEMENT_CHARACTER } else { char };
                let fits = |char: &char, len: usize| len + char.len_utf8() <= Report::MAX_TEXT_LEN;
                for char in line.chars().map(replaced) {
                    if !fits(&char, text.len() - before) {
                        break;
                    }
                    text.push(char);
                }
                text.push('\n');
                if text.len() > Report::MAX_LINES_LEN {
                    text.truncate(before);
                }
            }
        }
        self.0 = text.into();
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        self.0.split_terminator('\n')
    }
}

/// One kind of failure under a policy, and the number of sessions affected: an element of `failure-details` (RFC
/// 8460, 4.4).
///
/// ```
/// use core::net::IpAddr;
/// use mta_sts_core::ResultType;
/// use mta_sts_core::tlsrpt::FailureDetails;
///
/// let details = FailureDetails::new(ResultType::ValidationFailure, 3)
///     .with_sending_mta_ip(IpAddr::from([192, 0, 2, 1]))
///     .with_receiving_mx_hostname("mx.example.com")
///     .with_failure_reason_code("mx-mismatch");
/// assert_eq!(details.result().known(), Some(ResultType::ValidationFailure));
/// assert_eq!(details.failure_reason_code(), Some("mx-mismatch"));
/// assert_eq!(details.receiving_ip(), None);
/// ```
///
/// Everything except the result type and the count may be absent.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FailureDetails(pub(super) Box<DetailFields>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct DetailFields {
    pub(super) result: Word<ResultType>,
    pub(super) sending_mta_ip: Option<Word<IpAddr>>,
    pub(super) receiving_mx_hostname: Option<Box<str>>,
    pub(super) receiving_mx_helo: Option<Box<str>>,
    pub(super) receiving_ip: Option<Word<IpAddr>>,
    pub(super) failed_sessions: u64,
    pub(super) additional_information: Option<Box<str>>,
    pub(super) failure_reason_code: Option<Box<str>>,
}

impl FailureDetails {
    /// The maximum length of the name of an MX host, in octets.
    pub const MAX_HELO_LEN: usize = 255;

    /// The maximum length of the reason, in octets.
    pub const MAX_REASON_LEN: usize = 128;

    /// A kind of failure, and the number of sessions affected, at most 2^53 - 1: `result-type` and
    /// `failed-session-count`.
    pub fn new(result: impl Into<Word<ResultType>>, failed_sessions: u64) -> Self {
        Self(Box::new(DetailFields {
            result: result.into(),
            sending_mta_ip: None,
            receiving_mx_hostname: None,
            receiving_mx_helo: None,
            receiving_ip: None,
            failed_sessions: failed_sessions.min(MAX_COUNT),
            additional_information: None,
            failure_reason_code: None,
        }))
    }

    /// Sets the address of the sending mail server.
    #[must_use]
    pub fn with_sending_mta_ip(mut self, address: impl Into<Word<IpAddr>>) -> Self {
        self.0.sending_mta_ip = Some(address.into());
        self
    }

    /// Sets the name of the MX host, as in its MX record.
    #[must_use]
    pub fn with_receiving_mx_hostname(mut self, name: impl Into<Box<str>>) -> Self {
        self.0.receiving_mx_hostname = Some(name.into());
        self
    }

    /// Sets the name from the greeting or the EHLO response of the MX host.
    ///
    /// Only the first word of the text is used, at most [`MAX_HELO_LEN`](Self::MAX_HELO_LEN) octets of it; `?`
    /// replaces non-ASCII characters. A text without a word is not a name.
    #[must_use]
    pub fn with_receiving_mx_helo(mut self, answer: impl AsRef<str>) -> Self {
        let word = answer.as_ref().split_ascii_whitespace().next().unwrap_or_default();
        self.0.receiving_mx_helo = printable(word, Self::MAX_HELO_LEN);
        self
    }

    /// Sets the address of the MX host.
    #[must_use]
    pub fn with_receiving_ip(mut self, address: impl Into<Word<IpAddr>>) -> Self {
        self.0.receiving_ip = Some(address.into());
        self
    }

    /// Sets the URI of a page with more information.
    #[must_use]
    pub fn with_additional_information(mut self, uri: impl Into<Box<str>>) -> Self {
        self.0.additional_information = Some(uri.into());
        self
    }

    /// Sets the reason: an error code of the sender, or its message.
    ///
    /// At most the first [`MAX_REASON_LEN`](Self::MAX_REASON_LEN) octets are used, since a report should reveal
    /// little about the sender (RFC 8460, 8); `?` replaces control characters and non-ASCII characters.
    // Meets R46, R91.
    #[must_use]
    pub fn with_failure_reason_code(mut self, reason: impl AsRef<str>) -> Self {
        self.0.failure_reason_code = printable(reason.as_ref(), Self::MAX_REASON_LEN);
        self
    }

    /// The kind of failure: `result-type`.
    pub const fn result(&self) -> &Word<ResultType> {
        &self.0.result
    }

    /// The number of sessions affected: `failed-session-count`.
    pub const fn failed_sessions(&self) -> u64 {
        self.0.failed_sessions
    }

    /// The address of the sending mail server: `sending-mta-ip`.
    pub const fn sending_mta_ip(&self) -> Option<&Word<IpAddr>> {
        self.0.sending_mta_ip.as_ref()
    }

    /// The name of the MX host: `receiving-mx-hostname`.
    pub fn receiving_mx_hostname(&self) -> Option<&str> {
        self.0.receiving_mx_hostname.as_deref()
    }

    /// The name that the MX host uses for itself: `receiving-mx-helo`.
    pub fn receiving_mx_helo(&self) -> Option<&str> {
        self.0.receiving_mx_helo.as_deref()
    }

    /// The address of the MX host: `receiving-ip`.
    pub const fn receiving_ip(&self) -> Option<&Word<IpAddr>> {
        self.0.receiving_ip.as_ref()
    }

    /// The URI of a page with more information: `additional-information`.
    pub fn additional_information(&self) -> Option<&str> {
        self.0.additional_information.as_deref()
    }

    /// The reason in the sender's own words, which are not standardised: `failure-reason-code`.
    pub fn failure_reason_code(&self) -> Option<&str> {
        self.0.failure_reason_code.as_deref()
    }
}

/// The text in printable ASCII, truncated; `None` if it is empty.
fn printable(text: &str, max_len: usize) -> Option<Box<str>> {
    let is_printable = |char: char| char == ' ' || char.is_ascii_graphic();
    let text: String =
        text.chars().take(max_len).map(|char| if is_printable(char) { char } else { '?' }).collect();
    (!text.is_empty()).then(|| text.into())
}

/// Characters that I-JSON does not allow although they are valid in UTF-8 (RFC 7493, 2.1).
pub(super) const fn is_noncharacter(char: char) -> bool {
    matches!(char, '\u{fdd0}'..='\u{fdef}') || char as u32 & 0xfffe == 0xfffe
}
