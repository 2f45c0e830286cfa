//! The datagrams of libtlsrpt, which mail servers send to a collector.
//!
//! ```text
//! {"dpv":"1","d":"example.com","pr":"v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
//!     {"policy-type":2,"policy-domain":"example.com","policy-string":["version: STSv1", ...],"mx-host":["mx.example.com"],
//!     "failure-details":[{"c":204,"s":"192.0.2.1","n":"mx.example.com","h":"mx.example.com","r":"192.0.2.25",
//!     "a":"https://...","f":"reason"}],"t":1,"f":1}]}
//! ```
//!
//! `t` is the number of failures, `f` the final result: 1 for failure. libtlsrpt 0.5.0 omits the version, and `h` is
//! whatever the sender passes: for Postfix, the whole EHLO response.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Display;

use super::event::{self, DatagramFailure, Event, EventPolicy, Failures, OwnedFailure, SessionEnd, Texts};
use super::json_writer::JsonWriter;
use super::strict_json::{Known, Read, StrictFault, StrictJson, once};
use super::{PolicyType, ResultType};
use crate::error::{DatagramError, DatagramErrorKind};
use crate::name::{DnsName, PolicyDomain};

/// A datagram of libtlsrpt about one delivery: the TLS results with an MX host under each policy that was checked.
///
/// ```
/// use mta_sts_core::tlsrpt::Datagram;
///
/// // As Postfix sends it.
/// let datagram = Datagram::parse(
///     br#"{"d": "example.com","pr": "v=TLSRPTv1; rua=mailto:tls@example.com","policies":[
///         {"policy-type":9,"policy-domain": "example.com","t":0,"f":0}]}"#,
/// )?;
/// assert_eq!(datagram.domain().as_str(), "example.com");
/// assert_eq!(datagram.events().count(), 1);
/// # Ok::<(), mta_sts_core::tlsrpt::DatagramError>(())
/// ```
///
/// A mail server that links this crate can send the same to any collector:
///
/// ```
/// use mta_sts_core::tlsrpt::{Datagram, Event, SessionFacts};
/// # use mta_sts_core::*;
/// # let domain = PolicyDomain::parse("example.com")?;
/// # let name = DnsName::parse("mx.example.com")?;
/// # let verdict = Delivery::without_policy().check_session(&MxHost::new(&name), Session::new(TlsResult::NotOffered));
///
/// let mut datagram = Datagram::new(&domain, "v=TLSRPTv1; rua=mailto:tls@example.com");
/// for row in &verdict.rows {
///     datagram.add(&Event::session(&domain, row, SessionFacts::new(&name)));
/// }
/// let json = datagram.to_json()?;
/// // let socket = UnixDatagram::unbound()?; socket.send_to(json.as_bytes(), "/run/tlsrpt/tlsrpt.sock")?;
/// # assert_eq!(Datagram::parse(json.as_bytes())?, datagram);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// It keeps what is counted: names in lower case and A-labels, the name in a greeting, reasons in printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    domain: PolicyDomain,
    record: Box<str>,
    policies: Vec<DatagramPolicy>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct DatagramPolicy {
    policy_type: PolicyType,
    // `None` if it is the recipient domain.
    domain: Option<DnsName>,
    // Each followed by a line feed.
    lines: Box<str>,
    mx_hosts: Box<str>,
    failures: Vec<DatagramFailure>,
    has_failed: bool,
}

impl Datagram {
    /// The maximum length of a datagram, in octets: 64 KiB.
    pub const MAX_LEN: usize = 65_536;

    /// A datagram about deliveries to this domain, with this TLSRPT record. It is empty until an event is added.
    pub fn new(domain: &PolicyDomain, record: &str) -> Self {
        Self { domain: domain.clone(), record: record.into(), policies: Vec::new() }
    }

    /// Adds an event of the same recipient domain; the record of the event is ignored.
    ///
    /// Returns whether it could be added. A datagram cannot express a failed policy discovery with a cached policy,
    /// since each of its policies stands for a session, nor a session of a TLS report, which is not counted, nor an
    /// event of another domain.
    pub fn add(&mut self, event: &Event<'_>) -> bool {
        let Some(end) = event.session.filter(|_| !event.is_of_tlsrpt_report && *event.domain == self.domain)
        else {
            return false;
        };
        self.policies.push(DatagramPolicy {
            policy_type: event.policy.policy_type,
            domain: event.policy.domain.cloned(),
            lines: event.policy.lines.joined(),
            mx_hosts: event.policy.mx_hosts.joined(),
            failures: event.failures().map(DatagramFailure::of).collect(),
            has_failed: end == SessionEnd::Failure,
        });
        true
    }

    /// Parses a datagram.
    ///
    /// The version may be missing or `1`. Invalid UTF-8 is replaced. Unknown members and the number of failures are
    /// ignored. A policy without a domain gets the recipient's, or with DANE that of the first MX host that failed. An
    /// unknown result type counts as `validation-failure`. If the reason is the OpenSSL message for a wrong name, date,
    /// or issuer, `validation-failure` becomes the corresponding result type (RFC 8460, 4.3).
    ///
    /// # Errors
    ///
    /// Returns why nothing in it is counted.
    // Meets R36, R37, R38, R39.
    pub fn parse(datagram: &[u8]) -> Result<Self, DatagramError> {
        if datagram.len() > Self::MAX_LEN {
            return Err(DatagramError::at(DatagramErrorKind::TooLong, 1, Self::MAX_LEN));
        }
        let text =
            core::str::from_utf8(datagram).map_or_else(|_| String::from_utf8_lossy(datagram), Cow::Borrowed);
        let mut json = StrictJson::new(&text);
        let read = json.whole(ReadDatagram::read).map_err(|fault| of_json(fault, json.offset(), datagram))?;
        read.checked().map_err(|kind| DatagramError::at(kind, 1, 0))
    }

    /// The recipient domain.
    pub const fn domain(&self) -> &PolicyDomain {
        &self.domain
    }

    /// The TLSRPT record of the recipient domain, as seen by the sender.
    pub fn record(&self) -> &str {
        &self.record
    }

    /// The events to count, each with the record.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.policies.iter().map(|policy| Event {
            record: Some(&self.record),
            policy: EventPolicy {
                policy_type: policy.policy_type,
                domain: policy.domain.as_ref(),
                lines: Texts::Joined(&policy.lines),
                mx_hosts: Texts::Joined(&policy.mx_hosts),
            },
            session: Some(if policy.has_failed { SessionEnd::Failure } else { SessionEnd::Success }),
            failures: Failures::Of(&policy.failures),
            ..Event::of(&self.domain)
        })
    }

    /// Writes the datagram in the form of libtlsrpt, version 1.
    ///
    /// # Errors
    ///
    /// `datagram-without-policy` and `datagram-too-long`: no collector would count it. Do not send it.
    pub fn to_json(&self) -> Result<String, DatagramError> {
        if self.policies.is_empty() {
            return Err(DatagramError::at(DatagramErrorKind::NoPolicy, 1, 0));
        }
        let mut writer = JsonWriter::new();
        writer.bracket('{');
        writer.text("dpv", VERSION);
        writer.text("d", self.domain.as_str());
        writer.text("pr", &self.record);
        writer.array("policies", &self.policies, |policy, writer| policy.write(&self.domain, writer));
        writer.bracket('}');
        let json = writer.into_text();
        if json.len() > Self::MAX_LEN {
            return Err(DatagramError::at(DatagramErrorKind::TooLong, 1, Self::MAX_LEN));
        }
        Ok(json)
    }
}

impl DatagramPolicy {
    fn write(&self, recipient: &PolicyDomain, writer: &mut JsonWriter) {
        writer.bracket('{');
        writer.number("policy-type", self.policy_type.number().into());
        writer.text("policy-domain", self.domain.as_ref().unwrap_or(recipient.as_name()).as_str());
        for (name, joined) in [("policy-string", &self.lines), ("mx-host", &self.mx_hosts)] {
            if !joined.is_empty() {
                writer.texts(name, joined.split_terminator('\n'));
            }
        }
        if !self.failures.is_empty() {
            writer.array("failure-details", &self.failures, DatagramFailure::write);
        }
        writer.number("t", self.failures.len() as u64);
        writer.number("f", self.has_failed.into());
        writer.bracket('}');
    }
}

impl DatagramFailure {
    fn write(&self, writer: &mut JsonWriter) {
        let text = |name: &str, text: &Option<Box<str>>, writer: &mut JsonWriter| {
            if let Some(text) = text {
                writer.text(name, text);
            }
        };
        writer.bracket('{');
        writer.number("c", self.counted.result_type.number().into());
        if let Some(address) = &self.counted.sending_ip {
            writer.shown("s", address as &dyn Display);
        }
        text("n", &self.counted.mx_host, writer);
        text("h", &self.counted.helo, writer);
        if let Some(address) = &self.counted.receiving_ip {
            writer.shown("r", address as &dyn Display);
        }
        text("a", &self.additional_information, writer);
        text("f", &self.counted.reason, writer);
        writer.bracket('}');
    }
}

const VERSION: &str = "1";

/// The members of a datagram.
struct ReadDatagram<'a> {
    version: Option<Cow<'a, str>>,
    domain: Cow<'a, str>,
    record: Cow<'a, str>,
    policies: Vec<ReadPolicy<'a>>,
}

struct ReadPolicy<'a> {
    policy_type: u16,
    domain: Option<Cow<'a, str>>,
    lines: String,
    mx_hosts: String,
    failures: Vec<ReadFailure<'a>>,
    has_failed: bool,
}

struct ReadFailure<'a> {
    result_type: u16,
    sending_ip: Option<Cow<'a, str>>,
    mx_host: Option<Cow<'a, str>>,
    helo: Option<Cow<'a, str>>,
    receiving_ip: Option<Cow<'a, str>>,
    information: Option<Cow<'a, str>>,
    reason: Option<Cow<'a, str>>,
}

impl<'a> ReadDatagram<'a> {
    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut version, mut domain, mut record, mut policies) = (None, None, None, None);
        json.object(&mut |json, name| match name {
            "dpv" => once(&mut version, json.optional_text()?),
            "d" => once(&mut domain, json.text()?),
            "pr" => once(&mut record, json.text()?),
            "policies" => once(&mut policies, json.elements(ReadPolicy::read)?),
            _ => Ok(Known::No),
        })?;
        Ok(Self {
            version: version.flatten(),
            domain: domain.ok_or(StrictFault::Member)?,
            record: record.ok_or(StrictFault::Member)?,
            policies: policies.ok_or(StrictFault::Member)?,
        })
    }
}

impl<'a> ReadPolicy<'a> {
    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let (mut policy_type, mut domain, mut lines, mut mx_hosts) = (None, None, None, None);
        let (mut failures, mut has_failed) = (None, None);
        json.object(&mut |json, name| match name {
            "policy-type" => once(&mut policy_type, json.number()?),
            "policy-domain" => once(&mut domain, json.optional_text()?),
            "policy-string" => once(&mut lines, joined_lines(json)?),
            "mx-host" => once(&mut mx_hosts, joined_lines(json)?),
            "failure-details" => once(&mut failures, ReadFailure::read_all(json)?),
            "f" => once(&mut has_failed, json.flag()?),
            _ => Ok(Known::No),
        })?;
        Ok(Self {
            policy_type: policy_type.ok_or(StrictFault::Member)?,
            domain: domain.flatten(),
            lines: lines.unwrap_or_default(),
            mx_hosts: mx_hosts.unwrap_or_default(),
            failures: failures.unwrap_or_default(),
            has_failed: has_failed.ok_or(StrictFault::Member)?,
        })
    }
}

impl<'a> ReadFailure<'a> {
    /// None if the member is null.
    fn read_all(json: &mut StrictJson<'a>) -> Read<Vec<Self>> {
        if json.is_null()? { Ok(Vec::new()) } else { json.elements(Self::read) }
    }

    fn read(json: &mut StrictJson<'a>) -> Read<Self> {
        let mut result_type = None;
        let mut texts: [Option<Option<Cow<'a, str>>>; 6] = Default::default();
        json.object(&mut |json, name| {
            if name == "c" {
                return once(&mut result_type, json.number()?);
            }
            match TEXTS.iter().position(|text| *text == name) {
                Some(place) => once(&mut texts[place], json.optional_text()?),
                None => Ok(Known::No),
            }
        })?;
        let [sending_ip, mx_host, helo, receiving_ip, information, reason] = texts.map(Option::flatten);
        let result_type = result_type.ok_or(StrictFault::Member)?;
        Ok(Self { result_type, sending_ip, mx_host, helo, receiving_ip, information, reason })
    }
}

/// The members of a failure that are texts, in the order of their fields.
const TEXTS: [&str; 6] = ["s", "n", "h", "r", "a", "f"];

impl ReadDatagram<'_> {
    fn checked(self) -> Result<Datagram, DatagramErrorKind> {
        if self.version.is_some_and(|version| version != VERSION) {
            return Err(DatagramErrorKind::UnknownVersion);
        }
        if self.policies.is_empty() {
            return Err(DatagramErrorKind::NoPolicy);
        }
        let domain = PolicyDomain::parse(&self.domain).map_err(|_| DatagramErrorKind::BadDomain)?;
        let policies =
            self.policies.into_iter().map(|policy| policy.checked(&domain)).collect::<Result<_, _>>()?;
        Ok(Datagram { domain, record: self.record.into(), policies })
    }
}

impl ReadPolicy<'_> {
    fn checked(self, recipient: &PolicyDomain) -> Result<DatagramPolicy, DatagramErrorKind> {
        let policy_type =
            PolicyType::from_number(self.policy_type).ok_or(DatagramErrorKind::UnknownPolicyType)?;
        let failures: Vec<_> =
            self.failures.into_iter().map(|failure| failure.checked(policy_type)).collect();
        let named = self.domain.and_then(|name| DnsName::parse(&name).ok());
        let domain = named.or_else(|| {
            // The TLSA base domain is the name of the MX host (RFC 8460, 1.1).
            let host = failures.iter().find_map(|failure| failure.counted.mx_host.as_deref());
            host.filter(|_| policy_type == PolicyType::Tlsa).and_then(|host| DnsName::parse(host).ok())
        });
        Ok(DatagramPolicy {
            policy_type,
            domain: domain.filter(|name| name != recipient.as_name()),
            lines: self.lines.into(),
            mx_hosts: self.mx_hosts.into(),
            failures,
            has_failed: self.has_failed,
        })
    }
}

/// The maximum length of `additional-information`, in octets.
const MAX_INFORMATION_LEN: usize = 1024;

impl ReadFailure<'_> {
    fn checked(self, policy_type: PolicyType) -> DatagramFailure {
        let ip = |text: Option<Cow<'_, str>>| text.and_then(|text| text.parse().ok());
        let owned = |text: &str| Box::from(text);
        let reason = self.reason.as_ref().and_then(|text| event::reason_code(text)).map(owned);
        let known = ResultType::from_number(self.result_type);
        let told = known.unwrap_or(ResultType::ValidationFailure);
        let reason =
            reason.or_else(|| known.is_none().then(|| format!("libtlsrpt-{}", self.result_type).into()));
        let may_be_told_by_reason = told == ResultType::ValidationFailure && policy_type != PolicyType::Tlsa;
        let by_reason = reason.as_deref().filter(|_| may_be_told_by_reason).and_then(result_type_of_openssl);
        let result_type = by_reason.unwrap_or(told);
        let information = self.information.as_ref();
        DatagramFailure {
            counted: OwnedFailure {
                result_type,
                sending_ip: ip(self.sending_ip),
                mx_host: self.mx_host.and_then(|name| host_name(&name)),
                helo: self.helo.as_ref().and_then(|said| event::helo_name(said)).map(owned),
                receiving_ip: ip(self.receiving_ip),
                reason,
            },
            additional_information: information
                .and_then(|uri| event::cut(uri, MAX_INFORMATION_LEN, |octet| octet.is_ascii_graphic()))
                .map(owned),
        }
    }
}

/// The name of an MX host, or the text in its place.
fn host_name(name: &str) -> Option<Box<str>> {
    DnsName::parse(name)
        .map_or_else(|_| event::unusual_host_name(name).map(Into::into), |name| Some(name.as_str().into()))
}

/// The result type (RFC 8460, 4.3) for a message of OpenSSL's certificate verification. White space may be replaced by
/// underscores, as by Postfix.
fn result_type_of_openssl(reason: &str) -> Option<ResultType> {
    let same = |word: &&str| {
        word.len() == reason.len()
            && word.bytes().zip(reason.bytes()).all(|(wanted, octet)| {
                wanted == octet.to_ascii_lowercase() || (wanted == b'_' && matches!(octet, b' ' | b'-'))
            })
    };
    if same(&"certificate_has_expired") {
        Some(ResultType::CertificateExpired)
    } else if same(&"hostname_mismatch") {
        Some(ResultType::CertificateHostMismatch)
    } else {
        UNTRUSTED.iter().any(same).then_some(ResultType::CertificateNotTrusted)
    }
}

const UNTRUSTED: [&str; 20] = [
    "ca_certificate_key_too_weak",
    "ca_md_too_weak",
    "certificate_chain_too_long",
    "certificate_is_not_yet_valid",
    "certificate_not_trusted",
    "certificate_rejected",
    "certificate_revoked",
    "certificate_signature_failure",
    "ee_certificate_key_too_weak",
    "excluded_subtree_violation",
    "invalid_ca_certificate",
    "path_length_constraint_exceeded",
    "permitted_subtree_violation",
    "self_signed_certificate",
    "self_signed_certificate_in_certificate_chain",
    "unable_to_get_issuer_certificate",
    "unable_to_get_local_issuer_certificate",
    "unable_to_verify_the_first_certificate",
    "unsuitable_certificate_purpose",
    "unsupported_certificate_purpose",
];

/// Texts that become one, a line feed behind each; nothing for null. Blank ones are left out; control characters are replaced.
fn joined_lines(json: &mut StrictJson<'_>) -> Read<String> {
    let mut joined = String::new();
    if !json.is_null()? {
        json.array(&mut |json| {
            push_line(&mut joined, &json.text()?);
            Ok(())
        })?;
    }
    Ok(joined)
}

fn push_line(joined: &mut String, line: &str) {
    let line = line.trim_end_matches(['\r', '\n']);
    if line.trim().is_empty() {
        return;
    }
    if line.bytes().all(|octet| matches!(octet, b' '..=b'~' | b'\t')) {
        joined.push_str(line);
        joined.push('\n');
        return;
    }
    let is_replaced = |char: char| char.is_control() && char != '\t';
    for piece in line.split_inclusive(is_replaced) {
        match piece.strip_suffix(is_replaced) {
            None => joined.push_str(piece),
            Some(kept) => {
                joined.push_str(kept);
                joined.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }
    joined.push('\n');
}

/// Converts a fault of the JSON reader. Its offset counts in the text, where U+FFFD replaces octets that are not UTF-8.
fn of_json(fault: StrictFault, offset_in_text: usize, datagram: &[u8]) -> DatagramError {
    let kind = match fault {
        StrictFault::Syntax => DatagramErrorKind::NotJson,
        StrictFault::Member => DatagramErrorKind::BadMember,
    };
    let offset = offset_in_octets(datagram, offset_in_text);
    let lines = datagram[..offset].iter().filter(|octet| **octet == b'\n').count();
    DatagramError::at(kind, u32::try_from(lines + 1).unwrap_or(u32::MAX), offset)
}

/// Converts an offset in the text that `String::from_utf8_lossy` makes of these octets.
fn offset_in_octets(octets: &[u8], offset_in_text: usize) -> usize {
    let (mut at, mut left) = (0, offset_in_text);
    for chunk in octets.utf8_chunks() {
        let len = chunk.valid().len();
        if left <= len {
            return at + left;
        }
        (at, left) = (at + len + chunk.invalid().len(), left - len);
        if !chunk.invalid().is_empty() {
            left = left.saturating_sub(char::REPLACEMENT_CHARACTER.len_utf8());
        }
    }
    at
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec;

    /// A datagram whose only policy has these members besides the common ones.
    fn with_policy(members: &str) -> String {
        format!(r#"{{"d":"example.com","pr":"v=TLSRPTv1; rua=mailto:a@b","policies":[{{{members}}}]}}"#)
    }

    fn parse(json: &str) -> Result<Datagram, &'static str> {
        Datagram::parse(json.as_bytes()).map_err(|error| error.code())
    }

    fn failures(members: &str) -> Vec<DatagramFailure> {
        parse(&with_policy(members)).unwrap().policies.remove(0).failures
    }

    #[test]
    fn what_is_no_datagram_is_refused() {
        let long = format!(r#"{{"d":"example.com","pr":"{}","policies":[]}}"#, "x".repeat(Datagram::MAX_LEN));
        for (json, code) in [
            ("", "datagram-not-json"),
            ("{", "datagram-not-json"),
            ("5", "bad-datagram-member"),
            ("null", "bad-datagram-member"),
            ("[]", "bad-datagram-member"),
            (r#"{"d":5,"pr":"","policies":[]}"#, "bad-datagram-member"),
            (r#"{"d":"example.com","policies":[]}"#, "bad-datagram-member"),
            (r#"{"d":"example.com","d":"example.net","pr":"","policies":[]}"#, "bad-datagram-member"),
            (r#"{"d":"example.com","pr":"","policies":[1]}"#, "bad-datagram-member"),
            (r#"{"d":"example.com","pr":"","policies":[]}"#, "datagram-without-policy"),
            (r#"{"d":"example.com","pr":"","policies":[]} x"#, "datagram-not-json"),
            (&with_policy(r#""policy-type":9"#), "bad-datagram-member"),
            (&with_policy(r#""policy-type":9,"f":2"#), "bad-datagram-member"),
            (&with_policy(r#""policy-type":9,"f":"0""#), "bad-datagram-member"),
            (&with_policy(r#""policy-type":3,"f":0"#), "unknown-datagram-policy-type"),
            (
                r#"{"dpv":"2","d":"example.com","pr":"","policies":[{"policy-type":9,"f":0}]}"#,
                "unknown-datagram-version",
            ),
            (r#"{"d":"[192.0.2.1]","pr":"","policies":[{"policy-type":9,"f":0}]}"#, "bad-datagram-domain"),
            (&long, "datagram-too-long"),
        ] {
            assert_eq!(parse(json).map(|_| ()), Err(code), "{json:.200}");
        }
    }

    #[test]
    fn a_fault_has_its_place() {
        let error = Datagram::parse(b"{\"d\":\"example.com\",\n\"pr\":7}").unwrap_err();
        assert_eq!((error.line(), error.offset()), (2, 25));
    }

    #[test]
    fn a_place_counts_in_the_octets_that_were_given() {
        for (datagram, offset) in [
            (&b"{\"d\":\"\xff\",\n\"pr\":7}"[..], 15),
            (b"{\"d\":\"\xe2\x82\",\n\"pr\":7}", 16),
            (b"{\"d\":\"\xff\xff\xc3\xa9\xf0\x9f\x98\",\n\"pr\":7}", 21),
            (b"{\"d\":\"\xc3\xa9\",\n\"pr\":7}", 16),
            (b"{\"d\":\xff", 5),
            (b"{\"d\":\"\xff", 7),
        ] {
            let error = Datagram::parse(datagram).unwrap_err();
            assert_eq!(error.offset(), offset, "{datagram:?}");
        }
    }

    #[test]
    fn a_version_may_be_missing_and_members_may_be_new() {
        for json in [
            r#"{"d":"Example.COM.","pr":"x","policies":[{"policy-type":9,"f":0}]}"#,
            r#"{"dpv":"1","d":"example.com","pr":"x","policies":[{"policy-type":9,"policy-domain":"example.com","t":4,"f":false}]}"#,
            r#"{"new":{"a":[1]},"policies":[{"f":0,"policy-type":9,"mx-host":null,"failure-details":null,"x":1}],"pr":"x","d":"example.com"}"#,
        ] {
            let datagram = parse(json).unwrap();
            assert_eq!(datagram.domain().as_str(), "example.com");
            let written = r#"{"dpv":"1","d":"example.com","pr":"x","policies":[{"policy-type":9,"policy-domain":"example.com","t":0,"f":0}]}"#;
            assert_eq!(datagram.to_json().as_deref(), Ok(written));
        }
    }

    #[test]
    fn octets_that_are_no_text_are_replaced() {
        let datagram = Datagram::parse(
            b"{\"d\":\"example.com\",\"pr\":\"\xff\",\"policies\":[{\"policy-type\":9,\"f\":0}]}",
        );
        assert_eq!(datagram.unwrap().record(), "\u{fffd}");
    }

    // Proves R36, R37, R38, R39.
    #[test]
    fn a_reason_of_openssl_tells_the_result_type() {
        let result = |policy_type: u16, reason: &str| {
            failures(&format!(
                r#""policy-type":{policy_type},"failure-details":[{{"c":205,"f":"{reason}"}}],"f":1"#
            ))[0]
                .counted
                .result_type
        };
        for (reason, result_type) in [
            ("unable_to_get_local_issuer_certificate", ResultType::CertificateNotTrusted),
            ("unable to get local issuer certificate", ResultType::CertificateNotTrusted),
            ("self-signed certificate in certificate chain", ResultType::CertificateNotTrusted),
            ("certificate_has_expired", ResultType::CertificateExpired),
            ("Hostname mismatch", ResultType::CertificateHostMismatch),
            ("certificate_has_expired_or_so", ResultType::ValidationFailure),
            ("", ResultType::ValidationFailure),
        ] {
            assert_eq!(result(2, reason), result_type, "{reason}");
            assert_eq!(result(1, reason), ResultType::ValidationFailure, "under DANE: {reason}");
            // Whatever number a future libtlsrpt uses for it.
            let unknown = format!(r#""policy-type":2,"failure-details":[{{"c":299,"f":"{reason}"}}],"f":1"#);
            assert_eq!(failures(&unknown)[0].counted.result_type, result_type, "{reason}");
        }
    }

    #[test]
    fn what_senders_write_is_cut_to_what_a_report_has() {
        let failure = failures(
            r#""policy-type":2,"failure-details":[{"c":299,"s":"fe80::1%eth0","n":"MX.Example.com.",
            "h":"250-mx.example.com\r\n250 SIZE 1","r":"2001:db8:0::1","a":"https://x/ y"}],"f":1"#,
        )
        .remove(0);
        assert_eq!(
            failure,
            DatagramFailure {
                counted: OwnedFailure {
                    result_type: ResultType::ValidationFailure,
                    sending_ip: None,
                    mx_host: Some("mx.example.com".into()),
                    helo: Some("mx.example.com".into()),
                    receiving_ip: "2001:db8::1".parse().ok(),
                    reason: Some("libtlsrpt-299".into()),
                },
                additional_information: Some("https://x/".into()),
            }
        );
    }

    #[test]
    fn no_host_is_told_by_a_part_of_its_name() {
        for (name, told) in [
            ("MX.Example.com.", Some("mx.example.com")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("-x..example.com", Some("-x..example.com")),
            ("mx.example.com\\u0000.example.net", None),
            ("MX.Exam\u{fffd}ple.com", None),
            ("", None),
        ] {
            let details = format!(r#""policy-type":2,"failure-details":[{{"c":201,"n":"{name}"}}],"f":1"#);
            assert_eq!(failures(&details)[0].counted.mx_host.as_deref(), told, "{name:?}");
        }
    }

    // Proves R2, A33.
    #[test]
    fn a_policy_without_domain_has_that_of_the_recipient_or_of_the_host() {
        let domain = |members: &str| parse(&with_policy(members)).unwrap().policies.remove(0).domain;
        let host = DnsName::parse("mx.example.net").ok();
        let details = r#""failure-details":[{"c":205,"n":"mx.example.net"}],"f":1"#;
        assert_eq!(domain(&format!(r#""policy-type":2,{details}"#)), None);
        assert_eq!(domain(&format!(r#""policy-type":1,{details}"#)), host);
        assert_eq!(domain(r#""policy-type":1,"policy-domain":"MX.example.net.","f":0"#), host);
        assert_eq!(domain(r#""policy-type":1,"f":0"#), None);
        assert_eq!(domain(r#""policy-type":2,"policy-domain":"example.com","f":0"#), None);
    }

    #[test]
    fn lines_stay_lines() {
        let policy = parse(&with_policy(
            r#""policy-type":2,"policy-string":["a\r\n"," ","b\nc","","\t d\u0000"],"mx-host":["x"],"f":0"#,
        ))
        .unwrap()
        .policies
        .remove(0);
        assert_eq!((&*policy.lines, &*policy.mx_hosts), ("a\nb\u{fffd}c\n\t d\u{fffd}\n", "x\n"));
    }

    #[test]
    fn only_sessions_of_the_same_domain_are_told() {
        let domain = PolicyDomain::parse("example.com").unwrap();
        let other = PolicyDomain::parse("example.net").unwrap();
        let mut datagram = Datagram::new(&domain, "");
        assert_eq!(datagram.to_json().map_err(|error| error.code()), Err("datagram-without-policy"));
        let beside_a_cached_policy = Event { session: None, ..Event::of(&domain) };
        for event in [Event::of(&other), Event::of(&domain).with_tlsrpt_report(true), beside_a_cached_policy]
        {
            assert!(!datagram.add(&event));
        }
        assert!(datagram.add(&Event::of(&domain)));
        assert_eq!(datagram.policies.len(), 1);
    }

    #[test]
    fn nothing_is_written_that_is_not_read() {
        let domain = PolicyDomain::parse("example.com").unwrap();
        let line = "x".repeat(1000);
        let lines = vec![&*line; 70];
        let event = Event {
            policy: EventPolicy { lines: Texts::List(&lines), ..Event::of(&domain).policy },
            ..Event::of(&domain)
        };
        let mut datagram = Datagram::new(&domain, "");
        datagram.add(&event);
        assert_eq!(datagram.to_json().map_err(|error| error.code()), Err("datagram-too-long"));
    }
}
