use alloc::boxed::Box;
use alloc::string::String;
use core::net::IpAddr;

use super::{PolicyType, ResultType};
use crate::delivery::TlsrptRow;
use crate::error::SessionFault;
use crate::lookup::Outcome;
use crate::name::{DnsName, PolicyDomain};
use crate::policy::{Mode, Policy};

/// An event that a report counts: a session with an MX host, or a failed policy discovery.
///
/// ```
/// use core::net::IpAddr;
/// use mta_sts_core::tlsrpt::{Event, SessionFacts};
/// use mta_sts_core::*;
///
/// # let policy = Policy::parse(b"version: STSv1\nmode: enforce\nmx: mx.example.com\nmax_age: 604800\n")?;
/// let domain = PolicyDomain::parse("example.com")?;
/// let name = DnsName::parse("mx.example.com")?;
/// let verdict = Delivery::under(&policy).check_session(&MxHost::new(&name), Session::new(TlsResult::NotOffered));
///
/// let facts = SessionFacts::new(&name)
///     .with_policy(&policy)
///     .with_helo("250-mx.example.com\r\n250 SIZE 1048576")
///     .with_receiving_ip(IpAddr::from([192, 0, 2, 25]));
/// for row in &verdict.rows {
///     let event = Event::session(&domain, row, facts).with_record("v=TLSRPTv1; rua=mailto:tls@example.com");
///     assert!(event.has_failed());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Tally::count`](super::Tally::count) counts it, and a [`Datagram`](super::Datagram) passes it to another program.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub(super) domain: &'a PolicyDomain,
    pub(super) record: Option<&'a str>,
    pub(super) is_of_tlsrpt_report: bool,
    pub(super) policy: EventPolicy<'a>,
    pub(super) session: Option<SessionEnd>,
    pub(super) failures: Failures<'a>,
    pub(super) sending_ip: Option<IpAddr>,
}

/// The policy under which an event is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventPolicy<'a> {
    pub(super) policy_type: PolicyType,
    /// The domain or host that it belongs to, if that is not the recipient domain.
    pub(super) domain: Option<&'a DnsName>,
    pub(super) lines: Texts<'a>,
    pub(super) mx_hosts: Texts<'a>,
}

impl EventPolicy<'_> {
    /// A policy of which only the type is known.
    pub(super) const fn bare(policy_type: PolicyType) -> Self {
        Self { policy_type, domain: None, lines: Texts::None, mx_hosts: Texts::None }
    }

    /// Returns whether only its type is known.
    pub(super) fn is_bare(&self) -> bool {
        self.domain.is_none() && self.lines.are("") && self.mx_hosts.are("")
    }
}

/// The final result of a session under its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionEnd {
    Success,
    Failure,
}

/// The failures of an event.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failures<'a> {
    None,
    One(Failure<'a>),
    Of(&'a [DatagramFailure]),
}

/// One failure, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Failure<'a> {
    pub(super) result_type: ResultType,
    pub(super) sending_ip: Option<IpAddr>,
    pub(super) mx_host: Option<&'a str>,
    pub(super) helo: Option<&'a str>,
    pub(super) receiving_ip: Option<IpAddr>,
    pub(super) reason: Option<&'a str>,
}

/// A [`Failure`] that owns its texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OwnedFailure {
    pub(super) result_type: ResultType,
    pub(super) sending_ip: Option<IpAddr>,
    pub(super) mx_host: Option<Box<str>>,
    pub(super) helo: Option<Box<str>>,
    pub(super) receiving_ip: Option<IpAddr>,
    pub(super) reason: Option<Box<str>>,
}

/// A failure in a datagram, with a member that is not counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DatagramFailure {
    pub(super) counted: OwnedFailure,
    pub(super) additional_information: Option<Box<str>>,
}

impl OwnedFailure {
    pub(super) fn of(failure: Failure<'_>) -> Self {
        Self {
            result_type: failure.result_type,
            sending_ip: failure.sending_ip,
            mx_host: failure.mx_host.map(Into::into),
            helo: failure.helo.map(Into::into),
            receiving_ip: failure.receiving_ip,
            reason: failure.reason.map(Into::into),
        }
    }

    pub(super) fn as_failure(&self) -> Failure<'_> {
        Failure {
            result_type: self.result_type,
            sending_ip: self.sending_ip,
            mx_host: self.mx_host.as_deref(),
            helo: self.helo.as_deref(),
            receiving_ip: self.receiving_ip,
            reason: self.reason.as_deref(),
        }
    }
}

impl DatagramFailure {
    pub(super) fn of(failure: Failure<'_>) -> Self {
        Self { counted: OwnedFailure::of(failure), additional_information: None }
    }
}

/// What a sender knows of a session besides its verdict, for [`Event::session`].
///
/// ```
/// use mta_sts_core::DnsName;
/// use mta_sts_core::tlsrpt::SessionFacts;
///
/// let name = DnsName::parse("mx.example.com")?;
/// // DANE: what the TLSA records of the host say, each as in a zone file, its data without blanks.
/// let records = ["3 1 1 404EBD7B3BBF74A8409476F9B5A1192192368DEC8AF8B287FDCFC5F17E5D7E64"];
/// let facts = SessionFacts::new(&name).with_tlsa_records(&records);
/// # let _ = facts;
/// # Ok::<(), mta_sts_core::NameError>(())
/// ```
///
/// Everything is optional; unknown facts are omitted from the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct SessionFacts<'a> {
    policy: Option<&'a Policy>,
    tlsa_records: &'a [&'a str],
    mx_host: Option<&'a DnsName>,
    helo: Option<&'a str>,
    sending_ip: Option<IpAddr>,
    receiving_ip: Option<IpAddr>,
    reason: Option<&'a str>,
}

impl<'a> SessionFacts<'a> {
    /// A session with this MX host, by the name in its MX record. If that is not a host name, use
    /// `SessionFacts::default()`.
    pub fn new(mx_host: &'a DnsName) -> Self {
        Self { mx_host: Some(mx_host), ..Self::default() }
    }

    /// Sets the MTA-STS policy of the recipient domain. It is reported with what is counted under MTA-STS.
    #[must_use]
    pub const fn with_policy(mut self, policy: &'a Policy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Sets the TLSA records of the MX host: usage, selector, matching type, and data in hexadecimal, separated by
    /// spaces. They are reported with what is counted under DANE.
    #[must_use]
    pub const fn with_tlsa_records(mut self, records: &'a [&'a str]) -> Self {
        self.tlsa_records = records;
        self
    }

    /// Sets the name of the MX host from its greeting or its EHLO response. The first word is used, without the reply
    /// code; at most 255 octets of it.
    #[must_use]
    pub const fn with_helo(mut self, helo: &'a str) -> Self {
        self.helo = Some(helo);
        self
    }

    /// Sets the local address of the session.
    #[must_use]
    pub const fn with_sending_ip(mut self, address: IpAddr) -> Self {
        self.sending_ip = Some(address);
        self
    }

    /// Sets the address of the MX host.
    #[must_use]
    pub const fn with_receiving_ip(mut self, address: IpAddr) -> Self {
        self.receiving_ip = Some(address);
        self
    }

    /// Sets the `failure-reason-code`, if the sender has more detail than the code of the row, such as a message of
    /// its TLS library. It is used up to the first character that is not printable ASCII, at most 128 octets: a report
    /// should reveal little about the sender (RFC 8460, 8).
    // Meets R46, R91.
    #[must_use]
    pub const fn with_reason(mut self, reason: &'a str) -> Self {
        self.reason = Some(reason);
        self
    }
}

impl<'a> Event<'a> {
    /// The events of a session with an MX host, or of one that its policy prevented: one for each row of the verdict.
    ///
    /// The row determines which policy is reported: the MTA-STS policy with its domain, the TLSA records with the name
    /// of the MX host (RFC 8460, 1.1), or none. A connection that failed before the greeting has no row, and is not
    /// counted (RFC 8460, 4.3.4).
    // Meets R2, A33, A35, A36.
    pub fn session(domain: &'a PolicyDomain, row: &TlsrptRow, facts: SessionFacts<'a>) -> Self {
        let policy_type = row.policy_type;
        let (lines, mx_hosts) = match (policy_type, facts.policy) {
            (PolicyType::Tlsa, _) => (Texts::List(facts.tlsa_records), Texts::None),
            (PolicyType::Sts, Some(policy)) => (Texts::LinesOf(policy), Texts::PatternsOf(policy)),
            _ => (Texts::None, Texts::None),
        };
        let failure = |result_type| Failure {
            result_type,
            sending_ip: facts.sending_ip,
            mx_host: facts.mx_host.map(DnsName::as_str),
            helo: facts.helo.and_then(helo_name),
            receiving_ip: facts.receiving_ip,
            reason: facts.reason.and_then(reason_code).or(row.reason.map(SessionFault::code)),
        };
        Self {
            policy: EventPolicy {
                policy_type,
                domain: facts
                    .mx_host
                    .filter(|name| policy_type == PolicyType::Tlsa && *name != domain.as_name()),
                lines,
                mx_hosts,
            },
            session: Some(row.result_type.map_or(SessionEnd::Success, |_| SessionEnd::Failure)),
            failures: row
                .result_type
                .map_or(Failures::None, |result_type| Failures::One(failure(result_type))),
            ..Self::of(domain)
        }
    }

    /// The event of a failed policy discovery; `None` if the lookup has nothing to report.
    ///
    /// Without a policy it is a failed session under MTA-STS, whose `policy-string` has the lines that were received.
    /// With a cached policy, the following session is counted separately, and the failure is an additional detail: one
    /// session may count for several failures (RFC 8460, 4).
    pub fn discovery(domain: &'a PolicyDomain, outcome: &'a Outcome) -> Option<Self> {
        let failure = outcome.failure.as_ref()?;
        let received_lines = Texts::Joined(failure.received_lines.as_text());
        Some(Self::of_discovery(
            domain,
            failure.result_type,
            failure.reason_code,
            received_lines,
            outcome.policy(),
        ))
    }

    /// A policy discovery that failed, as [`discovery`](Self::discovery) has it: for a program that keeps an [`Outcome`] in a
    /// form of its own. `policy` is the cached one that applies, if one does.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::Event;
    /// use mta_sts_core::{PolicyDomain, ResultType};
    ///
    /// let domain = PolicyDomain::parse("example.com")?;
    /// let lines = ["version: STSv1", "mode: enforced"];
    /// let event = Event::failed_discovery(&domain, ResultType::StsPolicyInvalid, "bad-mode", &lines, None);
    /// assert!(event.has_failed());
    /// # Ok::<(), mta_sts_core::NameError>(())
    /// ```
    ///
    /// Of the reason what [`SessionFacts::with_reason`] takes counts; lines with control characters are left out.
    pub fn failed_discovery(
        domain: &'a PolicyDomain,
        result_type: ResultType,
        reason: &'a str,
        received_lines: &'a [&'a str],
        policy: Option<&'a Policy>,
    ) -> Self {
        let reason = reason_code(reason).unwrap_or_default();
        Self::of_discovery(domain, result_type, reason, Texts::List(received_lines), policy)
    }

    fn of_discovery(
        domain: &'a PolicyDomain,
        result_type: ResultType,
        reason: &'a str,
        received_lines: Texts<'a>,
        policy: Option<&'a Policy>,
    ) -> Self {
        let (lines, mx_hosts, session) = match policy {
            Some(policy) => (Texts::LinesOf(policy), Texts::PatternsOf(policy), None),
            None => (received_lines, Texts::None, Some(SessionEnd::Failure)),
        };
        Self {
            policy: EventPolicy { policy_type: PolicyType::Sts, domain: None, lines, mx_hosts },
            session,
            failures: Failures::One(Failure {
                result_type,
                sending_ip: None,
                mx_host: None,
                helo: None,
                receiving_ip: None,
                reason: Some(reason).filter(|reason| !reason.is_empty()),
            }),
            ..Self::of(domain)
        }
    }

    /// A successful session without a policy: the starting point for the other fields.
    pub(super) const fn of(domain: &'a PolicyDomain) -> Self {
        Self {
            domain,
            record: None,
            is_of_tlsrpt_report: false,
            policy: EventPolicy::bare(PolicyType::NoPolicyFound),
            session: Some(SessionEnd::Success),
            failures: Failures::None,
            sending_ip: None,
        }
    }

    /// Sets the TLSRPT record of the recipient domain, its strings concatenated.
    ///
    /// If the text is not a valid [`TlsrptRecord`](super::TlsrptRecord), nothing is counted: the domain wants no
    /// reports. Without a record the event is counted, and the record is looked up when the report is due.
    #[must_use]
    pub const fn with_record(mut self, record: &'a str) -> Self {
        self.record = Some(record);
        self
    }

    /// Sets whether the message is itself a TLS report. Such sessions are not counted (RFC 8460, 3); otherwise two
    /// domains would report to each other forever.
    // Meets R17.
    #[must_use]
    pub const fn with_tlsrpt_report(mut self, is_report: bool) -> Self {
        self.is_of_tlsrpt_report = is_report;
        self
    }

    /// Sets another sending address: the public one of a host behind a NAT.
    #[must_use]
    pub const fn with_sending_ip(mut self, address: IpAddr) -> Self {
        self.sending_ip = Some(address);
        self
    }

    /// The event of a mail server that checks nothing under a policy in mode testing, as Postfix: what it calls a success under
    /// such a policy is a session without one. So no owner of a domain takes it as leave to enforce the policy.
    ///
    /// A failure was seen, and stays what it is.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::{Datagram, PolicyType};
    ///
    /// let datagram = Datagram::parse(
    ///     br#"{"d":"example.com","pr":"v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
    ///         {"policy-type":2,"policy-domain":"example.com","policy-string":["version: STSv1","mode: testing"],
    ///         "mx-host":["mx.example.com"],"t":0,"f":0}]}"#,
    /// )?;
    /// let event = datagram.events().next().unwrap();
    /// assert_eq!(event.policy_type(), PolicyType::Sts);
    /// assert_eq!(event.with_testing_unchecked().policy_type(), PolicyType::NoPolicyFound);
    /// # Ok::<(), mta_sts_core::tlsrpt::DatagramError>(())
    /// ```
    #[must_use]
    pub fn with_testing_unchecked(mut self) -> Self {
        let is_success = self.session == Some(SessionEnd::Success);
        if self.policy.policy_type == PolicyType::Sts && is_success && self.policy.lines.are_of_testing() {
            self.policy = EventPolicy::bare(PolicyType::NoPolicyFound);
        }
        self
    }

    /// The recipient domain, which receives the report.
    pub const fn domain(&self) -> &'a PolicyDomain {
        self.domain
    }

    /// The policy type under which the event is counted.
    pub const fn policy_type(&self) -> PolicyType {
        self.policy.policy_type
    }

    /// Returns whether it is counted as a failed session.
    pub fn has_failed(&self) -> bool {
        self.session == Some(SessionEnd::Failure)
    }

    /// The failures, one by one.
    pub(super) fn failures(&self) -> impl Iterator<Item = Failure<'a>> {
        let (one, of): (_, &'a [DatagramFailure]) = match self.failures {
            Failures::None => (None, &[]),
            Failures::One(failure) => (Some(failure), &[]),
            Failures::Of(failures) => (None, failures),
        };
        let sending_ip = self.sending_ip;
        one.into_iter().chain(of.iter().map(|failure| failure.counted.as_failure())).map(
            move |mut failure| {
                // A failed policy discovery did not involve SMTP.
                if failure.mx_host.is_some() || failure.receiving_ip.is_some() || failure.sending_ip.is_some()
                {
                    failure.sending_ip = sending_ip.or(failure.sending_ip);
                }
                failure
            },
        )
    }
}

/// Texts without line feeds, from any source.
#[derive(Clone, Copy, Debug)]
pub(super) enum Texts<'a> {
    None,
    LinesOf(&'a Policy),
    PatternsOf(&'a Policy),
    /// Separated or terminated by line feeds.
    Joined(&'a str),
    List(&'a [&'a str]),
}

impl Texts<'_> {
    /// Passes all of them in pieces, each text followed by a line feed, until one is refused.
    fn all(self, mut takes: impl FnMut(&str) -> bool) -> bool {
        match self {
            Self::None => true,
            Self::LinesOf(policy) => policy.lines().all(|line| takes(line) && takes("\n")),
            Self::PatternsOf(policy) => policy.mx_patterns().all(|pattern| {
                (!pattern.is_wildcard() || takes("*")) && takes(&pattern.without_star()) && takes("\n")
            }),
            Self::Joined(text) => {
                text.split('\n').filter(|line| !line.is_empty()).all(|line| takes(line) && takes("\n"))
            }
            Self::List(texts) => texts
                .iter()
                .filter(|text| !text.is_empty() && !text.contains(char::is_control))
                .all(|text| takes(text) && takes("\n")),
        }
    }

    /// Joins all of them, each followed by a line feed.
    pub(super) fn joined(self) -> Box<str> {
        if let Self::Joined(text) = self {
            let octets = text.as_bytes();
            let has_empty = octets.starts_with(b"\n") || octets.windows(2).any(|pair| pair == b"\n\n");
            if !has_empty && (octets.is_empty() || octets.ends_with(b"\n")) {
                return text.into();
            }
        }
        let mut len = 0;
        self.all(|piece| {
            len += piece.len();
            true
        });
        let mut text = String::with_capacity(len);
        self.all(|piece| {
            text.push_str(piece);
            true
        });
        text.into()
    }

    /// Whether they are the lines of a policy in mode testing, some of which may be missing.
    fn are_of_testing(self) -> bool {
        if let Self::LinesOf(policy) = self {
            return policy.mode() == Mode::Testing;
        }
        let mode = |line: &str| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == "mode").then(|| value.trim() == "testing")
        };
        // Of a field that stands twice the first counts (RFC 8461, 3.2).
        match self {
            Self::Joined(text) => text.split('\n').find_map(mode),
            Self::List(texts) => texts.iter().find_map(|text| mode(text)),
            Self::None | Self::LinesOf(_) | Self::PatternsOf(_) => None,
        }
        .unwrap_or_default()
    }

    /// Returns whether they equal a text made by [`Texts::joined`].
    pub(super) fn are(self, joined: &str) -> bool {
        if matches!(self, Self::Joined(text) if text == joined) {
            return true;
        }
        let mut rest = joined;
        self.all(|piece| match rest.strip_prefix(piece) {
            Some(after) => {
                rest = after;
                true
            }
            None => false,
        }) && rest.is_empty()
    }
}

/// The maximum length of a host name, in octets.
const MAX_HELO_LEN: usize = 255;

/// The maximum length of a `failure-reason-code`, in octets.
const MAX_REASON_LEN: usize = 128;

/// The name in a greeting or response of an MX host: its first word, after the reply code.
pub(super) fn helo_name(said: &str) -> Option<&str> {
    let mut name = said.trim_start_matches(' ');
    // Not only once, so that the name of a name is that name.
    while let Some(after) = after_reply_code(name) {
        name = after.trim_start_matches(' ');
    }
    cut(name, MAX_HELO_LEN, |octet| octet.is_ascii_graphic())
}

fn after_reply_code(said: &str) -> Option<&str> {
    let (code, after) = said.split_at_checked(3)?;
    code.bytes().all(|octet| octet.is_ascii_digit()).then(|| after.strip_prefix(['-', ' ']))?
}

/// A text in place of the name of an MX host, if it is allowed in a report. A part of it would be a different name.
pub(super) fn unusual_host_name(name: &str) -> Option<&str> {
    cut(name, MAX_HELO_LEN, |octet| octet.is_ascii_graphic()).filter(|kept| kept.len() == name.len())
}

/// The part of a reason that is allowed in a report.
pub(super) fn reason_code(reason: &str) -> Option<&str> {
    cut(reason.trim_start(), MAX_REASON_LEN, |octet| octet == b' ' || octet.is_ascii_graphic())
        .map(str::trim_end)
}

/// The longest allowed prefix, all ASCII; `None` if it is empty.
pub(super) fn cut(text: &str, max_len: usize, may_stand: fn(u8) -> bool) -> Option<&str> {
    let len = text.bytes().take(max_len).take_while(|octet| octet.is_ascii() && may_stand(*octet)).count();
    (len > 0).then(|| &text[..len])
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;

    #[test]
    fn a_host_calls_itself_by_the_first_word() {
        for (said, name) in [
            ("mx.example.com", Some("mx.example.com")),
            ("mx.example.com ESMTP Postfix", Some("mx.example.com")),
            ("220 mx.example.com ESMTP", Some("mx.example.com")),
            ("250-mx.example.com\r\n250-PIPELINING\r\n250 SIZE 1048576", Some("mx.example.com")),
            ("250 [192.0.2.1]", Some("[192.0.2.1]")),
            ("123-456.example", Some("456.example")),
            ("12-456.example", Some("12-456.example")),
            ("m\u{fc}x", Some("m")),
            (" 250-mx.example.com", Some("mx.example.com")),
            ("250-250 mx.example.com", Some("mx.example.com")),
            ("250-220-", None),
            ("250-", None),
            ("250 \r\n", None),
            ("\u{202e}x", None),
            ("", None),
        ] {
            assert_eq!(helo_name(said), name, "{said:?}");
            assert_eq!(name.and_then(helo_name), name, "{said:?}, again");
        }
        assert_eq!(helo_name(&"x".repeat(300)).map(str::len), Some(255));
    }

    // Proves R46, R91.
    #[test]
    fn a_reason_is_short_and_printable() {
        for (reason, code) in [
            ("certificate has expired", Some("certificate has expired")),
            ("  tls: bad\r\nX-Header: 1", Some("tls: bad")),
            ("expired \u{1b}[31m", Some("expired")),
            ("\n", None),
            ("\u{fffd}", None),
        ] {
            assert_eq!(reason_code(reason), code, "{reason:?}");
        }
        assert_eq!(reason_code(&"x".repeat(300)).map(str::len), Some(128));
    }

    #[test]
    fn a_success_in_mode_testing_that_was_not_checked_is_one_without_policy() {
        let domain = PolicyDomain::parse("example.com").unwrap();
        let event = |policy_type, lines, session| Event {
            policy: EventPolicy { lines: Texts::Joined(lines), ..EventPolicy::bare(policy_type) },
            session,
            ..Event::of(&domain)
        };
        let (success, failure) = (Some(SessionEnd::Success), Some(SessionEnd::Failure));
        for (lines, is_testing) in [
            ("version: STSv1\nmode: testing\nmx: mx.example.com\n", true),
            ("version: STSv1\nmode:testing\n", true),
            ("mode :\t testing \n", true),
            ("mode: enforce\nmode: testing\n", false),
            ("mode: enforce\n", false),
            ("x-mode: testing\n", false),
            ("mode: testing2\n", false),
            ("", false),
        ] {
            for (policy_type, session, may_be) in [
                (PolicyType::Sts, success, true),
                (PolicyType::Sts, failure, false),
                (PolicyType::Sts, None, false),
                (PolicyType::Tlsa, success, false),
            ] {
                let recounted = event(policy_type, lines, session).with_testing_unchecked();
                let expected = if is_testing && may_be { PolicyType::NoPolicyFound } else { policy_type };
                assert_eq!(recounted.policy_type(), expected, "{lines:?}");
                assert_eq!(
                    recounted.policy.is_bare(),
                    expected == PolicyType::NoPolicyFound || lines.is_empty()
                );
                assert_eq!(recounted.session, session);
            }
        }
    }

    #[test]
    fn texts_are_those_that_they_were_joined_to() {
        let policy = Policy::parse(
            b"version: STSv1\r\nmode: enforce\n\nmx: *.Example.com\nmx: mx.example.net\nmax_age: 604800\n",
        )
        .unwrap();
        for (texts, joined) in [
            (Texts::None, ""),
            (
                Texts::LinesOf(&policy),
                "version: STSv1\nmode: enforce\nmx: *.Example.com\nmx: mx.example.net\nmax_age: 604800\n",
            ),
            (Texts::PatternsOf(&policy), "*.example.com\nmx.example.net\n"),
            (Texts::Joined("a\n\nb"), "a\nb\n"),
            (Texts::Joined("a\nb\n"), "a\nb\n"),
            (Texts::List(&["3 1 1 AB", "a\nb", "", "2 1 1 CD"]), "3 1 1 AB\n2 1 1 CD\n"),
        ] {
            assert_eq!(&*texts.joined(), joined);
            assert!(texts.are(joined));
            for other in ["a\n", "*.example.com\n", "*.example.com\nmx.example.net\nx\n"] {
                assert!(!texts.are(other), "{texts:?} {other}");
            }
        }
    }
}
