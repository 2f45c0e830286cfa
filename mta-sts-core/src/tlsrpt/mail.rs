//! The mail that carries a report: everything in it besides the report (RFC 8460, 5.1 and 5.3).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

use super::sender::is_dot_atom;
use super::{Report, ReportPeriod, ReportSender};
use crate::error::{MailError, MailErrorKind};
use crate::name::PolicyDomain;
use crate::time::UnixTime;

/// The report-specific parts of a mail. Compression, MIME, and the signature are left to the caller.
///
/// ```
/// use mta_sts_core::tlsrpt::{MailParts, Report, ReportPeriod, ReportSender};
/// use mta_sts_core::{PolicyDomain, UnixTime};
///
/// let sender = ReportSender::new("tls-reports@sender.example", "Sender Inc.")?;
/// let domain = PolicyDomain::parse("example.com")?;
/// let period = ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000));
/// let id = "2023-11-14.example.com.7f3a@sender.example";
/// // As `Tally::poll_report` gives it.
/// let report = Report::new(sender.organization(), sender.contact(), id, period);
///
/// let parts = MailParts::of(&report, &domain, &sender)?;
/// assert_eq!(
///     parts.subject,
///     "Report Domain: example.com Submitter: sender.example \
///      Report-ID: <2023-11-14.example.com.7f3a@sender.example>"
/// );
/// assert_eq!(parts.file_name, "sender.example!example.com!1699920000!1700006399!7f3a.json.gz");
/// assert!(parts.headers.contains(&("TLS-Report-Domain", "example.com".to_string())));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The mail is a `multipart/report` ([`MailParts::CONTENT_TYPE`]) with two parts: [`text`](Self::text) as `text/plain`
/// in UTF-8, and the JSON of the report compressed with gzip, as [`media_type`](Self::media_type) with
/// [`file_name`](Self::file_name). It is sent from the contact of the sender to the address of the `rua`. If it is
/// signed with DKIM, the signature must include both header fields that begin with `TLS-Report` (RFC 8460, 5.3).
// Meets A39, R68, R69, R70, R71, R72, R73, R74, R76, R77, R84, R85, R86.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MailParts {
    /// The value of `Subject` on one line: fold it if it is too long for a line.
    pub subject: String,
    /// The names and values of other header fields: `TLS-Report-Domain`, `TLS-Report-Submitter`, the mark of an
    /// automatic message (RFC 3834), and the request to deliver it despite TLS failures (RFC 8460, 5.3.1; RFC 8689, 3).
    pub headers: Vec<(&'static str, String)>,
    /// A text for people: lines of at most 78 characters, except for longer names, with line feeds.
    pub text: String,
    /// The name of the attached file.
    pub file_name: String,
    /// The type of the attached file: `application/tlsrpt+gzip`.
    pub media_type: &'static str,
}

impl MailParts {
    /// The `Content-Type` of the whole mail; append a boundary.
    pub const CONTENT_TYPE: &str = "multipart/report; report-type=\"tlsrpt\"";

    /// The parts of the mail with a report about this domain.
    ///
    /// # Errors
    ///
    /// Returns why receivers would not accept it as a report of this sender: the domain of its `contact-info` is
    /// different, its `report-id` is not allowed in a subject, or its period is missing. This never applies to the
    /// reports of [`Tally`](super::Tally).
    // Meets R16, R18.
    pub fn of(report: &Report, domain: &PolicyDomain, sender: &ReportSender) -> Result<Self, MailError> {
        let submitter = sender.submitter().as_str();
        let is_of_sender = report
            .submitter()
            .is_some_and(|named| PolicyDomain::parse(named).is_ok_and(|named| named == *sender.submitter()));
        if !is_of_sender {
            return Err(MailError::new(MailErrorKind::OtherSubmitter));
        }
        let id = report.id().filter(|id| is_msg_id(id)).ok_or(MailError::new(MailErrorKind::BadReportId))?;
        let period = report.period().ok_or(MailError::new(MailErrorKind::MissingPeriod))?;
        let file_name = ReportFileName {
            submitter: sender.submitter().clone(),
            domain: domain.clone(),
            period,
            unique_id: unique_id(id).map(Into::into),
            is_compressed: true,
        };
        Ok(Self {
            subject: format!("Report Domain: {domain} Submitter: {submitter} Report-ID: <{id}>"),
            headers: [
                ("TLS-Report-Domain", domain.as_str()),
                ("TLS-Report-Submitter", submitter),
                ("Auto-Submitted", "auto-generated"),
                ("TLS-Required", "No"),
            ]
            .map(|(name, value)| (name, value.into()))
            .into(),
            text: text_of(report, domain, sender),
            file_name: file_name.to_text(),
            media_type: "application/tlsrpt+gzip",
        })
    }
}

/// Returns whether a text is a msg-id of RFC 5322, 3.6.4, without the angle brackets and without obsolete forms.
fn is_msg_id(id: &str) -> bool {
    let is_domain_literal = |right: &str| {
        right.strip_prefix('[').and_then(|right| right.strip_suffix(']')).is_some_and(|literal| {
            literal.bytes().all(|octet| octet.is_ascii_graphic() && !b"[]\\".contains(&octet))
        })
    };
    id.split_once('@')
        .is_some_and(|(left, right)| is_dot_atom(left) && (is_dot_atom(right) || is_domain_literal(right)))
}

/// The part that distinguishes two files about the same period: the last label before the `@`, if it is allowed in a
/// file name.
fn unique_id(id: &str) -> Option<&str> {
    let (left, _) = id.split_once('@')?;
    left.rsplit('.').next().filter(|label| is_unique_id(label))
}

/// `unique-id = 1*(ALPHA / DIGIT)`
fn is_unique_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

fn text_of(report: &Report, domain: &PolicyDomain, sender: &ReportSender) -> String {
    let (mut successes, mut failures) = (0_u64, 0_u64);
    for policy in report.policies() {
        successes = successes.saturating_add(policy.successes());
        failures = failures.saturating_add(policy.failures());
    }
    let mut text = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        text,
        "A TLS report (RFC 8460) about mail to\n{domain}\nfrom {}\nis attached.\n\n\
         Sessions that succeeded: {successes}\nSessions that failed:    {failures}\n",
        sender.organization(),
    );
    for policy in report.policies() {
        let _ = write!(
            text,
            "\n{} {}\n  succeeded: {}, failed: {}\n",
            policy.kind(),
            policy.domain().unwrap_or(domain.as_str()),
            policy.successes(),
            policy.failures()
        );
        // If there are many kinds of failures, see the file.
        for details in policy.details().iter().take(MOST_DETAILS) {
            let _ = writeln!(text, "  {} ({})", details.result(), details.failed_sessions());
        }
        if policy.details().len() > MOST_DETAILS {
            text.push_str("  ...\n");
        }
    }
    let _ = write!(text, "\nQuestions: {}\n", sender.contact());
    text
}

const MOST_DETAILS: usize = 10;

/// The subject of a mail with a report (RFC 8460, 5.3).
///
/// ```
/// use mta_sts_core::tlsrpt::ReportSubject;
///
/// let subject = ReportSubject::parse(
///     "Report Domain: example.net Submitter: mail.sender.example.com\r\n Report-ID: <735ff.e317+bf22029@mailexample.net>",
/// )
/// .unwrap();
/// assert_eq!(subject.domain.as_str(), "example.net");
/// assert_eq!(&*subject.report_id, "735ff.e317+bf22029@mailexample.net");
/// ```
///
/// It is only a hint about the report in a mail; the report itself takes precedence (RFC 8460, 5.6).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReportSubject {
    /// The domain that the report is about.
    pub domain: PolicyDomain,
    /// The domain that sent the report.
    pub submitter: PolicyDomain,
    /// The Report-ID, without angle brackets. Some senders use a different one in the report.
    pub report_id: Box<str>,
}

impl ReportSubject {
    /// Parses the value of `Subject`, folded or not, with encoded words decoded.
    ///
    /// The angle brackets of the Report-ID are optional, and it need not be a msg-id: large senders write it this way.
    /// Keywords are case-insensitive. `None` for the subject of another mail.
    // Meets R76, R77.
    pub fn parse(subject: &str) -> Option<Self> {
        let mut words = subject.split_ascii_whitespace();
        let mut word = |wanted: &str| words.next().filter(|word| word.eq_ignore_ascii_case(wanted));
        word("Report")?;
        word("Domain:")?;
        let domain = PolicyDomain::parse(words.next()?).ok()?;
        let mut word = |wanted: &str| words.next().filter(|word| word.eq_ignore_ascii_case(wanted));
        word("Submitter:")?;
        let submitter = PolicyDomain::parse(words.next()?).ok()?;
        words.next().filter(|word| word.eq_ignore_ascii_case("Report-ID:"))?;
        let id = words.next()?;
        let id = id.strip_prefix('<').map_or(Some(id), |id| id.strip_suffix('>'))?;
        let is_id = !id.is_empty() && id.bytes().all(|octet| octet.is_ascii_graphic());
        is_id.then(|| Self { domain, submitter, report_id: id.into() })
    }
}

/// The name of a file with a report (RFC 8460, 5.1).
///
/// ```
/// use mta_sts_core::tlsrpt::ReportFileName;
///
/// let name = ReportFileName::parse("mail.sndr.example.com!example.net!1470013207!1470186007!001.json.gz").unwrap();
/// assert_eq!(name.submitter.as_str(), "mail.sndr.example.com");
/// assert_eq!(name.unique_id.as_deref(), Some("001"));
/// assert!(name.is_compressed);
/// assert_eq!(name.to_text(), "mail.sndr.example.com!example.net!1470013207!1470186007!001.json.gz");
/// ```
///
/// It provides the domain of a report without one; the report itself takes precedence (RFC 8460, 5.6). Never use a
/// received name as a path: [`ReportFileName::to_text`] is safe.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ReportFileName {
    /// The domain that sent the report.
    pub submitter: PolicyDomain,
    /// The domain that the report is about.
    pub domain: PolicyDomain,
    /// The reported period.
    pub period: ReportPeriod,
    /// The letters and digits that distinguish two reports about the same period.
    pub unique_id: Option<Box<str>>,
    /// Whether it ends in `.json.gz` instead of `.json`.
    pub is_compressed: bool,
}

impl ReportFileName {
    /// The maximum length of a unique id, in octets.
    const MAX_UNIQUE_ID_LEN: usize = 64;

    /// Parses the name of a file, without folders. `None` for that of another file.
    ///
    /// The extension is case-insensitive. The first octets of a file show more reliably than its name whether it is
    /// compressed.
    // Meets R68, R69, R70, R77.
    pub fn parse(name: &str) -> Option<Self> {
        let ending = |ending: &str| {
            let (stem, end) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
            end.eq_ignore_ascii_case(ending).then_some(stem)
        };
        let (stem, is_compressed) =
            ending(".json.gz").map(|stem| (stem, true)).or_else(|| Some((ending(".json")?, false)))?;
        let mut parts = stem.split('!');
        let submitter = PolicyDomain::parse(parts.next()?).ok()?;
        let domain = PolicyDomain::parse(parts.next()?).ok()?;
        let mut time = || seconds(parts.next()?);
        let period = ReportPeriod::new(time()?, time()?)?;
        let unique_id = match parts.next() {
            Some(id) if is_unique_id(id) && id.len() <= Self::MAX_UNIQUE_ID_LEN => Some(id.into()),
            Some(_) => return None,
            None => None,
        };
        parts.next().is_none().then_some(Self { submitter, domain, period, unique_id, is_compressed })
    }

    /// The name, with its domains in lower case and A-labels.
    pub fn to_text(&self) -> String {
        let Self { submitter, domain, period, .. } = self;
        let mut name = format!("{submitter}!{domain}!{}!{}", period.start(), period.end());
        if let Some(id) = &self.unique_id {
            name.push('!');
            name.push_str(id);
        }
        name.push_str(if self.is_compressed { ".json.gz" } else { ".json" });
        name
    }
}

fn seconds(text: &str) -> Option<UnixTime> {
    // In Rust a number may begin with a plus sign, here it may not.
    let is_number = text.bytes().all(|octet| octet.is_ascii_digit());
    text.parse().ok().filter(|_| is_number).map(UnixTime::from_secs)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::super::{FailureDetails, PolicyType, ReportPolicy, ResultType};
    use super::*;
    use std::string::ToString;
    use std::vec;

    fn sender() -> ReportSender {
        ReportSender::new("tls@Sender.Example", "Sender Inc.").unwrap()
    }

    fn domain() -> PolicyDomain {
        PolicyDomain::parse("example.com").unwrap()
    }

    fn report(contact: &str, id: &str) -> Report {
        Report::new("Sender Inc.", contact, id, ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000)))
    }

    // Proves R73, R84, R16, R18.
    #[test]
    fn both_names_stand_in_the_header_and_tls_is_not_required() {
        let parts = MailParts::of(&report("tls@sender.example", "1.ab@sender.example"), &domain(), &sender())
            .unwrap();
        assert_eq!(
            parts.headers,
            vec![
                ("TLS-Report-Domain", "example.com".to_string()),
                ("TLS-Report-Submitter", "sender.example".to_string()),
                ("Auto-Submitted", "auto-generated".to_string()),
                ("TLS-Required", "No".to_string()),
            ]
        );
        assert!(crate::tls_required_no(&[&parts.headers[3].1]));
    }

    // Proves R71, R72, R85, R86.
    #[test]
    fn the_mail_is_a_report_with_a_compressed_file() {
        let parts = MailParts::of(&report("tls@sender.example", "1.ab@sender.example"), &domain(), &sender())
            .unwrap();
        assert_eq!(MailParts::CONTENT_TYPE, "multipart/report; report-type=\"tlsrpt\"");
        assert_eq!(parts.media_type, "application/tlsrpt+gzip");
        assert!(parts.file_name.ends_with(".json.gz"));
    }

    // Proves R74, R76, A39.
    #[test]
    fn a_report_that_nobody_would_take_gets_no_mail() {
        for (contact, id, code) in [
            ("tls@sender.example", "1.ab@sender.example", None),
            ("other@SENDER.example", "a+b@[192.0.2.1]", None),
            ("tls@other.example", "1.ab@sender.example", Some("other-report-submitter")),
            ("tls", "1.ab@sender.example", Some("other-report-submitter")),
            ("tls@sender.example", "2024-09-15T00:00:00Z_example.com", Some("bad-report-id")),
            ("tls@sender.example", "<1@sender.example>", Some("bad-report-id")),
            ("tls@sender.example", "1@sender.example> x: <", Some("bad-report-id")),
            ("tls@sender.example", "1\r\nBcc: x@sender.example", Some("bad-report-id")),
            ("tls@sender.example", "1@2@sender.example", Some("bad-report-id")),
            ("tls@sender.example", "@sender.example", Some("bad-report-id")),
            ("tls@sender.example", "", Some("bad-report-id")),
        ] {
            let parts = MailParts::of(&report(contact, id), &domain(), &sender());
            assert_eq!(parts.as_ref().err().map(MailError::code), code, "{contact:?} {id:?}");
            if let Ok(parts) = parts {
                let subject = ReportSubject::parse(&parts.subject).unwrap();
                assert_eq!(
                    (&*subject.report_id, &subject.domain, &subject.submitter),
                    (id, &domain(), sender().submitter())
                );
                let name = ReportFileName::parse(&parts.file_name).unwrap();
                assert_eq!((&name.domain, &name.submitter), (&domain(), sender().submitter()));
            }
        }
    }

    #[test]
    fn a_person_reads_what_it_comes_to() {
        let details = |count| {
            FailureDetails::new(ResultType::CertificateExpired, count).with_receiving_mx_helo("\u{1b}[31m")
        };
        let policy = (1..=12)
            .fold(ReportPolicy::new(PolicyType::Sts, "example.com").with_sessions(7, 78), |policy, count| {
                policy.with_details(details(count))
            });
        let report = report("tls@sender.example", "1.ab@sender.example")
            .with_policy(policy)
            .with_policy(ReportPolicy::new(PolicyType::Tlsa, "mx.example.com").with_sessions(3, 0));
        let text = MailParts::of(&report, &domain(), &sender()).unwrap().text;
        assert!(text.contains("Sessions that succeeded: 10\nSessions that failed:    78\n"), "{text}");
        assert!(
            text.contains("\nsts example.com\n  succeeded: 7, failed: 78\n  certificate-expired (1)\n"),
            "{text}"
        );
        assert!(text.contains("  certificate-expired (10)\n  ...\n\ntlsa mx.example.com\n"), "{text}");
        assert!(text.ends_with("\nQuestions: tls@sender.example\n"), "{text}");
        // The names that hosts give themselves are only in the file.
        assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{text}");
    }

    // Proves R76, R77.
    #[test]
    fn subjects_of_others_are_read() {
        for (subject, id) in [
            (
                "Report Domain: a.example Submitter: google.com Report-ID: <2024.09.15T00.00.00Z+a.example@google.com>",
                Some("2024.09.15T00.00.00Z+a.example@google.com"),
            ),
            (
                "Report Domain: a.example Submitter: microsoft.com Report-ID: 133456789+a.example",
                Some("133456789+a.example"),
            ),
            (
                "  report domain: A.Example.\r\n\tSubmitter: b.example\r\n Report-ID: <x@y> (comment)",
                Some("x@y"),
            ),
            ("Report Domain: a.example Submitter: b.example Report-ID: <x@y", None),
            ("Report Domain: a.example Submitter: b.example Report-ID: <>", None),
            ("Report Domain: a.example Submitter: b.example", None),
            ("Report Domain: [192.0.2.1] Submitter: b.example Report-ID: <x@y>", None),
            ("Re: Report Domain: a.example Submitter: b.example Report-ID: <x@y>", None),
            ("", None),
        ] {
            assert_eq!(
                ReportSubject::parse(subject).as_ref().map(|subject| &*subject.report_id),
                id,
                "{subject}"
            );
        }
    }

    // Proves R68, R69, R70, R77.
    #[test]
    fn file_names_are_read_and_written() {
        for (name, written) in [
            ("a.example!b.example!1!2.json", Some("a.example!b.example!1!2.json")),
            ("A.Example.!B.example!01!2!x9.JSON.gz", Some("a.example!b.example!1!2!x9.json.gz")),
            #[cfg(feature = "idna")]
            ("b\u{fc}cher.example!b.example!1!2.json", Some("xn--bcher-kva.example!b.example!1!2.json")),
            ("a.example!b.example!2!1.json", None),
            ("a.example!b.example!1!+2.json", None),
            ("a.example!b.example!1!.json", None),
            ("a.example!b.example!1!2!.json", None),
            ("a.example!b.example!1!2!x-1.json", None),
            ("a.example!b.example!1!2!x!y.json", None),
            ("a.example!b.example!1!2.zip", None),
            ("../a.example!b.example!1!2.json", None),
            ("a.example!b.example!1!99999999999999999999.json", None),
            ("json", None),
            ("\u{e9}.json", None),
        ] {
            let read = ReportFileName::parse(name);
            assert_eq!(read.as_ref().map(ReportFileName::to_text).as_deref(), written, "{name}");
            if let Some(read) = read {
                assert_eq!(ReportFileName::parse(&read.to_text()), Some(read));
            }
        }
        assert_eq!(ReportFileName::parse(&format!("a.example!b.example!1!2!{}.json", "x".repeat(65))), None);
    }
}
