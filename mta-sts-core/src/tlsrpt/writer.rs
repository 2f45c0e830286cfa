use alloc::string::String;
use core::net::IpAddr;

use super::datetime;
use super::json_writer::JsonWriter;
use super::report::{DetailFields, Lines, PolicyFields, is_noncharacter};
use super::{FailureDetails, PolicyType, Report, ReportPath, ReportPolicy, Word};
use crate::error::{ReportError, ReportErrorKind};
use crate::mx::MxPattern;
use crate::name::DnsName;

impl Report {
    /// Writes the report as I-JSON (RFC 7493) on one line, with members in the order of RFC 8460, 4.4. The same
    /// report always gives the same octets, and [`Report::parse`] returns the same report without deviations.
    ///
    /// `None` values are omitted, and so are failure details if there are none. `policy-string` and `mx-host` are
    /// always present, if necessary as empty arrays.
    ///
    /// ```
    /// use mta_sts_core::tlsrpt::{Report, ReportPeriod, ReportPolicy};
    /// use mta_sts_core::{PolicyType, UnixTime};
    ///
    /// let day = ReportPeriod::of_day(UnixTime::from_secs(1_700_000_000));
    /// let report = Report::new("Sender", "tls@sender.example", "1@sender.example", day)
    ///     .with_policy(ReportPolicy::new(PolicyType::NoPolicyFound, "example.com").with_sessions(12, 0));
    /// let json = report.to_json()?;
    /// assert!(json.starts_with(r#"{"organization-name":"Sender","date-range":{"start-datetime":"2023-11-14T"#));
    /// assert_eq!(Report::parse(json.as_bytes())?.into_strict(), Ok(report));
    /// # Ok::<(), mta_sts_core::tlsrpt::ReportError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns what the receiver would misread or refuse, and where: a member required by RFC 8460 is missing; the
    /// period is not one day of UTC; the contact has no domain; a name is not in A-labels or has a trailing dot; a
    /// type is unknown, or an address invalid; a text is empty, too long, or has disallowed characters; the failure
    /// details count fewer sessions than failed.
    // Meets R25, R26, R54.
    pub fn to_json(&self) -> Result<String, ReportError> {
        let mut writer = Writer { json: JsonWriter::new(), indexes: [0; 2] };
        writer
            .report(self)
            .map_err(|(kind, path)| ReportError::at(kind, ReportPath::new(path, writer.indexes), 0))?;
        Ok(writer.json.into_text())
    }
}

/// The fault, and its path.
type Fault = (ReportErrorKind, &'static str);

struct Writer {
    json: JsonWriter,
    indexes: [u32; 2],
}

impl Writer {
    fn report(&mut self, report: &Report) -> Result<(), Fault> {
        self.json.bracket('{');
        self.json.text("organization-name", text(report.organization(), "organization-name")?);
        self.period(report)?;
        let contact = text(report.contact(), "contact-info")?;
        if !contact
            .rsplit_once('@')
            .is_some_and(|(local_part, domain)| !local_part.is_empty() && is_name(domain))
        {
            return Err((ReportErrorKind::BadContact, "contact-info"));
        }
        self.json.text("contact-info", contact);
        self.json.text("report-id", text(report.id(), "report-id")?);
        self.json.name("policies");
        self.json.bracket('[');
        if report.policies().is_empty() {
            return Err((ReportErrorKind::MissingMember, "policies"));
        }
        for policy in report.policies() {
            self.json.separate();
            self.policy(policy)?;
            self.indexes = [self.indexes[0] + 1, 0];
        }
        self.json.bracket(']');
        self.json.bracket('}');
        Ok(())
    }

    fn period(&mut self, report: &Report) -> Result<(), Fault> {
        let path = "date-range";
        let period = report.period().ok_or((ReportErrorKind::MissingMember, path))?;
        let times = (datetime::format(period.start()), datetime::format(period.end()));
        let (Some(start), Some(end), true) = (times.0, times.1, period.is_one_day()) else {
            return Err((ReportErrorKind::NotOneDay, path));
        };
        self.json.name(path);
        self.json.bracket('{');
        self.json.text("start-datetime", &start);
        self.json.text("end-datetime", &end);
        self.json.bracket('}');
        Ok(())
    }

    fn policy(&mut self, policy: &ReportPolicy) -> Result<(), Fault> {
        let PolicyFields { kind, domain, lines, mx_hosts, successes, failures, details } = &*policy.0;
        let path = "policies[].policy.policy-type";
        let kind = kind.known().ok_or((ReportErrorKind::UnknownWord, path))?;
        self.json.bracket('{');
        self.json.name("policy");
        self.json.bracket('{');
        self.json.text("policy-type", kind.as_str());
        self.lines("policy-string", lines);
        let path = "policies[].policy.policy-domain";
        let domain = domain.as_deref().ok_or((ReportErrorKind::MissingMember, path))?;
        self.json.text("policy-domain", name(domain, path)?);
        self.mx_hosts(kind, mx_hosts)?;
        self.json.bracket('}');
        self.json.name("summary");
        self.json.bracket('{');
        self.json.number("total-successful-session-count", *successes);
        self.json.number("total-failure-session-count", *failures);
        self.json.bracket('}');
        let path = "policies[].failure-details";
        let told = details.iter().fold(0, |sum: u64, details| sum.saturating_add(details.failed_sessions()));
        if told < *failures {
            return Err((ReportErrorKind::BelowTotal, path));
        }
        if !details.is_empty() {
            self.json.name("failure-details");
            self.json.bracket('[');
            for details in details {
                self.json.separate();
                self.details(details)?;
                self.indexes[1] += 1;
            }
            self.json.bracket(']');
        }
        self.json.bracket('}');
        Ok(())
    }

    fn mx_hosts(&mut self, kind: PolicyType, patterns: &Lines) -> Result<(), Fault> {
        let path = "policies[].policy.mx-host";
        for pattern in patterns.iter() {
            if kind != PolicyType::Sts {
                return Err((ReportErrorKind::UnexpectedPatterns, path));
            }
            if MxPattern::parse(pattern).is_err() || pattern.ends_with('.') {
                return Err((ReportErrorKind::BadPattern, path));
            }
        }
        self.lines("mx-host", patterns);
        Ok(())
    }

    fn details(&mut self, details: &FailureDetails) -> Result<(), Fault> {
        let DetailFields {
            result,
            sending_mta_ip,
            receiving_mx_hostname,
            receiving_mx_helo,
            receiving_ip,
            failed_sessions,
            additional_information,
            failure_reason_code,
        } = &*details.0;
        let path = "policies[].failure-details[].result-type";
        let result = result.known().ok_or((ReportErrorKind::UnknownWord, path))?;
        self.json.bracket('{');
        self.json.text("result-type", result.as_str());
        self.address(
            "sending-mta-ip",
            sending_mta_ip.as_ref(),
            "policies[].failure-details[].sending-mta-ip",
        )?;
        if let Some(host) = receiving_mx_hostname {
            let path = "policies[].failure-details[].receiving-mx-hostname";
            self.json.text("receiving-mx-hostname", name(host, path)?);
        }
        if let Some(helo) = receiving_mx_helo {
            let path = "policies[].failure-details[].receiving-mx-helo";
            if helo.len() > FailureDetails::MAX_HELO_LEN || !is_graphic(helo) {
                return Err((ReportErrorKind::BadText, path));
            }
            self.json.text("receiving-mx-helo", text(Some(helo), path)?);
        }
        self.address("receiving-ip", receiving_ip.as_ref(), "policies[].failure-details[].receiving-ip")?;
        self.json.number("failed-session-count", *failed_sessions);
        if let Some(uri) = additional_information {
            let path = "policies[].failure-details[].additional-information";
            if !is_graphic(uri) {
                return Err((ReportErrorKind::BadText, path));
            }
            self.json.text("additional-information", text(Some(uri), path)?);
        }
        if let Some(reason) = failure_reason_code {
            let path = "policies[].failure-details[].failure-reason-code";
            if reason.len() > FailureDetails::MAX_REASON_LEN
                || !reason.bytes().all(|octet| matches!(octet, b' '..=b'~'))
            {
                return Err((ReportErrorKind::BadText, path));
            }
            self.json.text("failure-reason-code", text(Some(reason), path)?);
        }
        self.json.bracket('}');
        Ok(())
    }

    fn address(
        &mut self,
        name: &str,
        address: Option<&Word<IpAddr>>,
        path: &'static str,
    ) -> Result<(), Fault> {
        match address {
            None => {}
            Some(Word::Known(address)) => {
                self.json.shown(name, address);
            }
            Some(Word::Other(_)) => return Err((ReportErrorKind::BadAddress, path)),
        }
        Ok(())
    }

    fn lines(&mut self, name: &str, lines: &Lines) {
        self.json.texts(name, lines.iter());
    }
}

/// A required text.
fn text<'a>(text: Option<&'a str>, path: &'static str) -> Result<&'a str, Fault> {
    let text = text.ok_or((ReportErrorKind::MissingMember, path))?;
    let is_good =
        !text.is_empty() && text.len() <= Report::MAX_TEXT_LEN && !text.chars().any(is_noncharacter);
    is_good.then_some(text).ok_or((ReportErrorKind::BadText, path))
}

fn name<'a>(name: &'a str, path: &'static str) -> Result<&'a str, Fault> {
    if is_name(name) { Ok(name) } else { Err((ReportErrorKind::BadName, path)) }
}

/// Returns whether it is a host name in A-labels without a trailing dot.
fn is_name(name: &str) -> bool {
    DnsName::parse(name).is_ok_and(|read| read.as_str().eq_ignore_ascii_case(name))
}

fn is_graphic(text: &str) -> bool {
    text.bytes().all(|octet| octet.is_ascii_graphic())
}
