use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use core::net::IpAddr;

use super::datetime;
use super::json::{JsonFault, JsonReader, JsonText, Shape};
use super::report::{DetailFields, Lines, MAX_COUNT, PolicyFields};
use super::{Deviation, FailureDetails, PolicyType, Report, ReportPath, ReportPeriod, ReportPolicy, Word};
use crate::error::{DeviationKind, ReportError, ReportErrorKind};
use crate::time::UnixTime;

/// A report that was read, with its deviations from RFC 8460.
///
/// ```
/// use mta_sts_core::tlsrpt::Report;
///
/// let json = br#"{
///     "organization-name": "Sender Inc.",
///     "date-range": {"start-datetime": "2024-09-03T00:00:00Z", "end-datetime": "2024-09-03T23:59:59Z"},
///     "contact-info": "tls@sender.example",
///     "report-id": "2024-09-03@sender.example",
///     "policies": [{
///         "policy": {"policy-type": "no-policy-found", "policy-domain": "example.com"},
///         "summary": {"total-successful-session-count": "48", "total-failure-session-count": 0}
///     }]
/// }"#;
/// let read = Report::parse(json)?;
/// assert_eq!(read.report.policies()[0].successes(), 48);
/// assert_eq!(read.deviations[0].code(), "count-as-string");
/// assert!(read.into_strict().is_err());
/// # Ok::<(), mta_sts_core::tlsrpt::ReportError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadReport {
    /// The report.
    pub report: Report,
    /// The deviations from RFC 8460 or from I-JSON, in the order in which they were noticed.
    ///
    /// At most [`MAX_DEVIATIONS`](Report::MAX_DEVIATIONS); if there are more, the last is `more-deviations`.
    pub deviations: Vec<Deviation>,
}

impl ReadReport {
    /// The report, if it has no deviations.
    ///
    /// # Errors
    ///
    /// Returns the first deviation.
    pub fn into_strict(self) -> Result<Report, Deviation> {
        self.deviations.first().copied().map_or(Ok(self.report), Err)
    }
}

/// The limits for reading a report; a report that exceeds one is refused.
///
/// ```
/// use mta_sts_core::tlsrpt::{Report, ReportLimits};
///
/// assert_eq!(ReportLimits::new().max_len(), 10 * 1024 * 1024);
/// let limits = ReportLimits::new().with_max_len(20);
/// let error = Report::parse_with(br#"{"organization-name": "Sender"}"#, &limits).unwrap_err();
/// assert_eq!(error.code(), "report-too-large");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportLimits {
    len: usize,
    policies: u32,
    details: u32,
}

impl ReportLimits {
    /// The defaults: 10 MiB, 1,000 policies, 20,000 failure details.
    pub const fn new() -> Self {
        Self { len: 10 * 1024 * 1024, policies: 1_000, details: 20_000 }
    }

    /// Sets the maximum length of the JSON, in octets. Default: 10 MiB (RFC 8460, 5.2, mentions receivers that
    /// accept 10 MB).
    #[must_use]
    pub const fn with_max_len(mut self, octets: usize) -> Self {
        self.len = octets;
        self
    }

    /// Sets the maximum number of policies. Default: 1,000.
    #[must_use]
    pub const fn with_max_policies(mut self, policies: u32) -> Self {
        self.policies = policies;
        self
    }

    /// Sets the maximum number of failure details of all policies together. Default: 20,000.
    #[must_use]
    pub const fn with_max_details(mut self, details: u32) -> Self {
        self.details = details;
        self
    }

    /// The maximum length of the JSON, in octets.
    pub const fn max_len(&self) -> usize {
        self.len
    }

    /// The maximum number of policies.
    pub const fn max_policies(&self) -> u32 {
        self.policies
    }

    /// The maximum number of failure details of all policies together.
    pub const fn max_details(&self) -> u32 {
        self.details
    }
}

impl Default for ReportLimits {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// The maximum number of deviations that are returned.
    pub const MAX_DEVIATIONS: usize = 256;

    /// The maximum length of a text, in octets of UTF-8; a longer one is truncated.
    pub const MAX_TEXT_LEN: usize = 4_096;

    /// The maximum length of a `policy-string`, and of an `mx-host`, in octets of all their texts; the rest is
    /// omitted. No policy is longer (RFC 8461, 3.3).
    pub const MAX_LINES_LEN: usize = 65_536;

    /// Reads a report from uncompressed JSON, with the limits of [`ReportLimits::new`].
    ///
    /// # Errors
    ///
    /// The same as [`parse_with`](Self::parse_with).
    pub fn parse(json: &[u8]) -> Result<ReadReport, ReportError> {
        Self::parse_with(json, &ReportLimits::new())
    }

    /// Reads a report from uncompressed JSON.
    ///
    /// Senders deviate from RFC 8460 in many ways, and a report that cannot be read helps nobody. So everything
    /// that can be understood is read, and a [`Deviation`] is returned: missing or null members, members of
    /// another type, unknown keywords, times in other forms, text that is not UTF-8, and so on. A value that
    /// cannot be understood is omitted. The first of two members with the same name counts, and a count is at
    /// most 2^53 - 1. An element that says neither what it is about nor how often is omitted.
    ///
    /// Whether the report is about one of your domains, and about a plausible period, is for you to check: every
    /// domain and every time from 1970 on is accepted. It takes time linear in the length, and at most four times
    /// the length plus 64 KiB of memory.
    ///
    /// # Errors
    ///
    /// It is not JSON, not an object, has no `policies`, or exceeds a limit: its length, 32 levels of nesting,
    /// the number of policies or of failure details.
    // Meets R34, R47, R48, R49, R50, R51, R52, R55, R56, R57, R58, R59, R60, R61, R62, R63, R64, R65, R66.
    // Meets R88, A34, A37.
    pub fn parse_with(json: &[u8], limits: &ReportLimits) -> Result<ReadReport, ReportError> {
        let mut reader = Reader::new(json, limits);
        let report = reader.whole()?;
        Ok(ReadReport { report, deviations: reader.deviations })
    }
}

/// A report as `lint` reads it.
#[cfg(feature = "lint")]
pub(crate) struct PlacedReport {
    pub(crate) report: Result<Report, ReportError>,
    /// Including those before the error.
    pub(crate) deviations: Vec<Deviation>,
    /// Of each policy.
    pub(crate) places: Vec<PlacedPolicy>,
}

/// Where a policy of a report stands, and where its failure details do.
#[cfg_attr(not(feature = "lint"), allow(dead_code, reason = "lint alone asks where something stands"))]
pub(crate) struct PlacedPolicy {
    pub(crate) own: Place,
    pub(crate) details: Vec<Place>,
}

/// Where an element stands.
#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "lint"), allow(dead_code, reason = "lint alone asks where something stands"))]
pub(crate) struct Place {
    /// Its numbers in a path.
    pub(crate) indexes: [u32; 2],
    /// Its first octet.
    pub(crate) offset: usize,
}

#[cfg(feature = "lint")]
pub(crate) fn read_report(json: &[u8], limits: &ReportLimits) -> PlacedReport {
    let mut reader = Reader::new(json, limits);
    reader.places = Some(Places::default());
    let report = reader.whole();
    let places = reader.places.map_or_else(Vec::new, |places| places.policies);
    PlacedReport { report, deviations: reader.deviations, places }
}

/// Parsing cannot continue because of the fault in the reader.
struct Stop;

/// The members of one kind of object.
trait Member: Copy {
    /// The path of the object.
    const PARENT: &'static str;

    fn of_name(name: &[u8]) -> Option<Self>;

    /// The path of the member.
    fn path(self) -> &'static str;

    fn bit(self) -> u32;
}

/// Declares the members of the object at a path.
macro_rules! members {
    ($name:ident in $parent:literal, $prefix:literal: $($member:ident = $word:literal),*) => {
        #[derive(Clone, Copy)]
        enum $name { $($member),* }

        impl Member for $name {
            const PARENT: &'static str = $parent;

            fn of_name(name: &[u8]) -> Option<Self> {
                match name {
                    $(name if name == $word.as_bytes() => Some(Self::$member),)*
                    _ => None,
                }
            }

            fn path(self) -> &'static str {
                match self { $(Self::$member => concat!($prefix, $word)),* }
            }

            fn bit(self) -> u32 {
                1 << self as u32
            }
        }
    };
}

members! { InReport in "", "":
    Organization = "organization-name", DateRange = "date-range", Contact = "contact-info", Id = "report-id",
    Policies = "policies"
}
members! { InRange in "date-range", "date-range.": Start = "start-datetime", End = "end-datetime" }
members! { InElement in "policies[]", "policies[].":
    Policy = "policy", Summary = "summary", Details = "failure-details"
}
members! { InPolicy in "policies[].policy", "policies[].policy.":
    Type = "policy-type", String = "policy-string", Domain = "policy-domain", MxHost = "mx-host"
}
members! { InSummary in "policies[].summary", "policies[].summary.":
    Successes = "total-successful-session-count", Failures = "total-failure-session-count"
}
members! { InDetails in "policies[].failure-details[]", "policies[].failure-details[].":
    Result = "result-type", SendingIp = "sending-mta-ip", MxHostname = "receiving-mx-hostname",
    MxHelo = "receiving-mx-helo", ReceivingIp = "receiving-ip", Sessions = "failed-session-count",
    Information = "additional-information", Reason = "failure-reason-code"
}

/// The set of members of an object seen so far.
#[derive(Default)]
struct Seen(u32);

struct Reader<'a> {
    json: JsonReader<'a>,
    limits: &'a ReportLimits,
    deviations: Vec<Deviation>,
    /// The reason for stopping, and its path. It is kept apart from the results, which then fit into registers.
    fault: (ReportErrorKind, &'static str),
    /// The current position: the indexes of the policy and of the failure details.
    indexes: [u32; 2],
    /// The offset of the value being read, or of the end of the object.
    place: usize,
    /// The number of failure details so far.
    details: u32,
    /// The lines of a list, before their number is known.
    lines: String,
    /// Where each policy and its failure details stand, if somebody wants to know.
    places: Option<Places>,
}

#[derive(Default)]
struct Places {
    policies: Vec<PlacedPolicy>,
    // Those of the policy that is read.
    details: Vec<Place>,
}

impl<'a> Reader<'a> {
    fn new(json: &'a [u8], limits: &'a ReportLimits) -> Self {
        Self {
            json: JsonReader::new(json),
            limits,
            deviations: Vec::new(),
            fault: (ReportErrorKind::BadJson, ""),
            indexes: [0; 2],
            place: 0,
            details: 0,
            lines: String::new(),
            places: None,
        }
    }

    fn whole(&mut self) -> Result<Report, ReportError> {
        let read = if self.json.len() > self.limits.len {
            Err(self.stop(ReportErrorKind::TooLarge, ""))
        } else {
            self.report()
        };
        read.map_err(|Stop| {
            let (kind, path) = self.fault;
            ReportError::at(kind, ReportPath::new(path, self.indexes), self.json.offset())
        })
    }

    fn report(&mut self) -> Result<Report, Stop> {
        if self.json.pass(b"\xef\xbb\xbf") {
            self.deviate(DeviationKind::ByteOrderMark, "");
        }
        if self.shape("")? != Shape::Object {
            return Err(self.stop(ReportErrorKind::NotAnObject, ""));
        }
        let mut report =
            Report { organization: None, period: None, contact: None, id: None, policies: Vec::new() };
        let mut has_policies = false;
        let mut seen = Seen::default();
        self.read("", JsonReader::begin_object)?;
        while let Some(member) = self.next_member::<InReport>(&mut seen)? {
            match member {
                InReport::Organization => report.organization = self.boxed_text(member.path())?,
                InReport::DateRange => report.period = self.period()?,
                InReport::Contact => report.contact = self.contact()?,
                InReport::Id => report.id = self.boxed_text(member.path())?,
                InReport::Policies => {
                    if !matches!(self.shape(member.path())?, Shape::Array | Shape::Object) {
                        return Err(self.stop(ReportErrorKind::MissingPolicies, member.path()));
                    }
                    has_policies = true;
                    report.policies = self.policies()?;
                }
            }
        }
        if !has_policies {
            return Err(self.stop(ReportErrorKind::MissingPolicies, ""));
        }
        self.demand(&seen, &[InReport::Organization, InReport::DateRange, InReport::Contact, InReport::Id]);
        if !self.json.is_at_end() {
            self.place = self.json.offset();
            self.deviate(DeviationKind::TextAfterReport, "");
        }
        fill_domains(&mut report.policies);
        Ok(report)
    }

    fn period(&mut self) -> Result<Option<ReportPeriod>, Stop> {
        if !self.begin_object(InReport::DateRange.path())? {
            return Ok(None);
        }
        let (mut start, mut end) = (None, None);
        let mut seen = Seen::default();
        while let Some(member) = self.next_member::<InRange>(&mut seen)? {
            match member {
                InRange::Start => start = self.datetime(member.path())?,
                InRange::End => end = self.datetime(member.path())?,
            }
        }
        self.demand(&seen, &[InRange::Start, InRange::End]);
        Ok(self.period_of(start, end))
    }

    /// The period; that of a day if only one of its times is known.
    fn period_of(&mut self, start: Option<UnixTime>, end: Option<UnixTime>) -> Option<ReportPeriod> {
        let (start, mut end) = match (start, end) {
            (Some(start), Some(end)) => (start, end),
            (Some(time), None) | (None, Some(time)) => return Some(ReportPeriod::of_day(time)),
            (None, None) => return None,
        };
        let path = InRange::PARENT;
        if end > start && ReportPeriod::of_day(end).start() == end {
            self.deviate(DeviationKind::EndAtMidnight, path);
            end = UnixTime::from_secs(end.as_secs() - 1);
        }
        let period = ReportPeriod::new(start, end);
        match period {
            None => self.deviate(DeviationKind::PeriodReversed, path),
            Some(period) if !period.is_one_day() => self.deviate(DeviationKind::NotOneDay, path),
            Some(_) => {}
        }
        period
    }

    fn contact(&mut self) -> Result<Option<Box<str>>, Stop> {
        let path = InReport::Contact.path();
        let contact = self.boxed_text(path)?;
        let is_address = |text: &str| {
            text.rsplit_once('@')
                .is_some_and(|(local_part, domain)| !local_part.is_empty() && is_name(domain))
        };
        if contact.as_deref().is_some_and(|text| !is_address(text)) {
            self.deviate(DeviationKind::BadContact, path);
        }
        Ok(contact)
    }

    fn policies(&mut self) -> Result<Vec<ReportPolicy>, Stop> {
        let path = InReport::Policies.path();
        let mut policies = Vec::new();
        let mut count = 0;
        let mut elements = self.begin_elements(path)?;
        while self.next_element(&mut elements, path)? {
            if count == self.limits.policies {
                return Err(self.stop(ReportErrorKind::TooManyPolicies, path));
            }
            self.indexes = [count, 0];
            count += 1;
            policies.extend(self.policy()?);
        }
        if count == 0 {
            self.place = self.json.offset();
            self.deviate(DeviationKind::NoPolicies, path);
        }
        Ok(policies)
    }

    fn policy(&mut self) -> Result<Option<ReportPolicy>, Stop> {
        if !self.begin_object(InElement::PARENT)? {
            return Ok(None);
        }
        let offset = self.place;
        let mut fields = PolicyFields {
            kind: Word::Other(Box::default()),
            domain: None,
            lines: Lines::default(),
            mx_hosts: Lines::default(),
            successes: 0,
            failures: 0,
            details: Vec::new(),
        };
        let mut kind = None;
        let (mut successes, mut failures) = (None, None);
        let mut seen = Seen::default();
        while let Some(member) = self.next_member::<InElement>(&mut seen)? {
            match member {
                InElement::Policy => kind = self.applied_policy(&mut fields)?,
                InElement::Summary => (successes, failures) = self.summary()?,
                InElement::Details => fields.details = self.all_details()?,
            }
        }
        self.demand(&seen, &[InElement::Policy, InElement::Summary]);
        if kind.is_none() && successes.is_none() && failures.is_none() && fields.details.is_empty() {
            self.deviate(DeviationKind::EmptyElement, InElement::PARENT);
            return Ok(None);
        }
        if let Some(kind) = kind {
            fields.kind = kind;
        }
        let told =
            fields.details.iter().fold(0, |sum: u64, details| sum.saturating_add(details.failed_sessions()));
        if failures.is_some_and(|failures| told < failures) {
            self.deviate(DeviationKind::DetailsBelowTotal, InElement::Details.path());
        }
        if let Some(places) = &mut self.places {
            let own = Place { indexes: self.indexes, offset };
            places.policies.push(PlacedPolicy { own, details: core::mem::take(&mut places.details) });
        }
        fields.successes = successes.unwrap_or_default();
        fields.failures = failures.unwrap_or_else(|| told.min(MAX_COUNT));
        Ok(Some(ReportPolicy(Box::new(fields))))
    }

    /// Reads the `policy` of an element, and returns its type.
    fn applied_policy(&mut self, fields: &mut PolicyFields) -> Result<Option<Word<PolicyType>>, Stop> {
        if !self.begin_object(InPolicy::PARENT)? {
            return Ok(None);
        }
        let mut kind = None;
        let mut mx_hosts_at = 0;
        let mut seen = Seen::default();
        while let Some(member) = self.next_member::<InPolicy>(&mut seen)? {
            let path = member.path();
            match member {
                InPolicy::Type => kind = self.word(path, DeviationKind::UnknownPolicyType)?,
                InPolicy::String => fields.lines = self.lines(path)?,
                InPolicy::Domain => fields.domain = self.name(path)?,
                InPolicy::MxHost => {
                    self.shape(path)?;
                    mx_hosts_at = self.place;
                    fields.mx_hosts = self.lines(path)?;
                    let is_pattern = |text: &str| is_name(text.strip_prefix("*.").unwrap_or(text));
                    if !fields.mx_hosts.iter().all(is_pattern) {
                        self.place = mx_hosts_at;
                        self.deviate(DeviationKind::BadName, path);
                    }
                }
            }
        }
        self.demand(&seen, &[InPolicy::Type, InPolicy::Domain]);
        let known = kind.as_ref().and_then(Word::known);
        if matches!(known, Some(PolicyType::Sts | PolicyType::Tlsa)) {
            self.demand(&seen, &[InPolicy::String, InPolicy::MxHost]);
        }
        if known.is_some_and(|kind| kind != PolicyType::Sts) && fields.mx_hosts != Lines::default() {
            self.place = mx_hosts_at;
            self.deviate(DeviationKind::MxHostWithoutSts, InPolicy::MxHost.path());
        }
        Ok(kind)
    }

    fn summary(&mut self) -> Result<(Option<u64>, Option<u64>), Stop> {
        if !self.begin_object(InSummary::PARENT)? {
            return Ok((None, None));
        }
        let (mut successes, mut failures) = (None, None);
        let mut seen = Seen::default();
        while let Some(member) = self.next_member::<InSummary>(&mut seen)? {
            match member {
                InSummary::Successes => successes = self.count(member.path())?,
                InSummary::Failures => failures = self.count(member.path())?,
            }
        }
        self.demand(&seen, &[InSummary::Successes, InSummary::Failures]);
        Ok((successes, failures))
    }

    fn all_details(&mut self) -> Result<Vec<FailureDetails>, Stop> {
        let path = InElement::Details.path();
        let mut all = Vec::new();
        let mut elements = self.begin_elements(path)?;
        while self.next_element(&mut elements, path)? {
            if self.details == self.limits.details {
                return Err(self.stop(ReportErrorKind::TooManyDetails, path));
            }
            self.details += 1;
            all.extend(self.failure_details()?);
            self.indexes[1] += 1;
        }
        self.indexes[1] = 0;
        Ok(all)
    }

    fn failure_details(&mut self) -> Result<Option<FailureDetails>, Stop> {
        if !self.begin_object(InDetails::PARENT)? {
            return Ok(None);
        }
        let offset = self.place;
        let (mut result, mut sessions) = (None, None);
        let (mut sending_mta_ip, mut receiving_ip) = (None, None);
        let (mut receiving_mx_hostname, mut receiving_mx_helo) = (None, None);
        let (mut additional_information, mut failure_reason_code) = (None, None);
        let mut seen = Seen::default();
        while let Some(member) = self.next_member::<InDetails>(&mut seen)? {
            let path = member.path();
            match member {
                InDetails::Result => result = self.word(path, DeviationKind::UnknownResultType)?,
                InDetails::SendingIp => sending_mta_ip = self.address(path)?,
                InDetails::MxHostname => receiving_mx_hostname = self.name(path)?,
                InDetails::MxHelo => receiving_mx_helo = self.boxed_text(path)?,
                InDetails::ReceivingIp => receiving_ip = self.address(path)?,
                InDetails::Sessions => sessions = self.count(path)?,
                InDetails::Information => additional_information = self.boxed_text(path)?,
                InDetails::Reason => failure_reason_code = self.boxed_text(path)?,
            }
        }
        self.demand(&seen, &[InDetails::Result, InDetails::Sessions]);
        let (Some(result), Some(failed_sessions)) = (result, sessions) else {
            self.deviate(DeviationKind::EmptyElement, InDetails::PARENT);
            return Ok(None);
        };
        if let Some(places) = &mut self.places {
            places.details.push(Place { indexes: self.indexes, offset });
        }
        Ok(Some(FailureDetails(Box::new(DetailFields {
            result,
            sending_mta_ip,
            receiving_mx_hostname,
            receiving_mx_helo,
            receiving_ip,
            failed_sessions,
            additional_information,
            failure_reason_code,
        }))))
    }
}

/// The building blocks of objects.
impl<'a> Reader<'a> {
    /// The next member that is known and not a duplicate; others are skipped.
    fn next_member<M: Member>(&mut self, seen: &mut Seen) -> Result<Option<M>, Stop> {
        while let Some(name) = self.read(M::PARENT, JsonReader::next_member)? {
            let member = match name.as_plain() {
                Some(octets) => M::of_name(octets),
                None => M::of_name(name.decode(Report::MAX_TEXT_LEN).text.as_bytes()),
            };
            let (kind, path) = match member {
                Some(member) if seen.0 & member.bit() == 0 => {
                    seen.0 |= member.bit();
                    return Ok(Some(member));
                }
                Some(member) => (DeviationKind::DuplicateMember, member.path()),
                None => (DeviationKind::UnknownMember, M::PARENT),
            };
            self.shape(path)?;
            self.deviate(kind, path);
            self.read(M::PARENT, JsonReader::skip)?;
        }
        Ok(None)
    }

    fn read<T>(
        &mut self,
        path: &'static str,
        read: impl FnOnce(&mut JsonReader<'a>) -> Result<T, JsonFault>,
    ) -> Result<T, Stop> {
        read(&mut self.json).map_err(|fault| {
            let kind = match fault {
                JsonFault::Syntax => ReportErrorKind::BadJson,
                JsonFault::EndsEarly => ReportErrorKind::EndsEarly,
                JsonFault::TooDeep => ReportErrorKind::TooDeep,
            };
            self.stop(kind, path)
        })
    }

    #[cold]
    fn stop(&mut self, kind: ReportErrorKind, path: &'static str) -> Stop {
        self.fault = (kind, path);
        Stop
    }

    fn shape(&mut self, path: &'static str) -> Result<Shape, Stop> {
        let shape = self.read(path, JsonReader::shape)?;
        self.place = self.json.offset();
        Ok(shape)
    }

    /// Reports which of these members are missing.
    fn demand<M: Member>(&mut self, seen: &Seen, members: &[M]) {
        self.place = self.json.offset();
        for member in members {
            if seen.0 & member.bit() == 0 {
                self.deviate(DeviationKind::MissingMember, member.path());
            }
        }
    }

    /// Starts an object; skips a value of another type.
    fn begin_object(&mut self, path: &'static str) -> Result<bool, Stop> {
        let shape = self.shape(path)?;
        if shape == Shape::Object {
            self.read(path, JsonReader::begin_object)?;
            return Ok(true);
        }
        self.pass_over(shape, path)?;
        Ok(false)
    }

    /// Starts an array, or treats an object as an array of one.
    fn begin_elements(&mut self, path: &'static str) -> Result<Elements, Stop> {
        match self.shape(path)? {
            Shape::Array => {
                self.read(path, JsonReader::begin_array)?;
                Ok(Elements::InArray)
            }
            Shape::Object => {
                self.deviate(DeviationKind::ObjectForArray, path);
                Ok(Elements::One)
            }
            shape => {
                self.pass_over(shape, path)?;
                Ok(Elements::None)
            }
        }
    }

    fn next_element(&mut self, elements: &mut Elements, path: &'static str) -> Result<bool, Stop> {
        match elements {
            Elements::InArray => self.read(path, JsonReader::next_element),
            Elements::One => {
                *elements = Elements::None;
                Ok(true)
            }
            Elements::None => Ok(false),
        }
    }

    /// Converts the text of a member; `None` for null, for an empty text, and for another type.
    #[inline]
    fn text<T>(&mut self, path: &'static str, make: impl FnOnce(&str) -> T) -> Result<Option<T>, Stop> {
        if self.shape(path)? == Shape::String {
            let text = self.read(path, JsonReader::string)?;
            if let Some(text) = text.as_str(Report::MAX_TEXT_LEN).filter(|text| !text.is_empty()) {
                return Ok(Some(make(text)));
            }
            let text = self.mend(text, path);
            return Ok(if self.is_empty(&text, path) { None } else { Some(make(&text)) });
        }
        self.text_of_another_type(path).map(|text| text.map(make))
    }

    #[cold]
    fn is_empty(&mut self, text: &str, path: &'static str) -> bool {
        if text.is_empty() {
            self.deviate(DeviationKind::EmptyText, path);
        }
        text.is_empty()
    }

    /// A number as written.
    #[cold]
    fn text_of_another_type(&mut self, path: &'static str) -> Result<Option<&'a str>, Stop> {
        let shape = self.shape(path)?;
        if shape != Shape::Number {
            self.pass_over(shape, path)?;
            return Ok(None);
        }
        self.deviate(DeviationKind::WrongType, path);
        let number = self.read(path, JsonReader::number)?;
        Ok(Some(&number[..number.len().min(Report::MAX_TEXT_LEN)]))
    }

    fn boxed_text(&mut self, path: &'static str) -> Result<Option<Box<str>>, Stop> {
        self.text(path, |text| Box::from(text))
    }

    /// A name, which should have only A-labels and no trailing dot.
    fn name(&mut self, path: &'static str) -> Result<Option<Box<str>>, Stop> {
        let name = self.boxed_text(path)?;
        if name.as_deref().is_some_and(|name| !is_name(name)) {
            self.deviate(DeviationKind::BadName, path);
        }
        Ok(name)
    }

    fn word<T>(&mut self, path: &'static str, unknown: DeviationKind) -> Result<Option<Word<T>>, Stop>
    where
        T: Copy,
        Word<T>: for<'t> From<&'t str>,
    {
        let word = self.text(path, |text| Word::from(text))?;
        if word.as_ref().is_some_and(|word| word.known().is_none()) {
            self.deviate(unknown, path);
        }
        Ok(word)
    }

    fn address(&mut self, path: &'static str) -> Result<Option<Word<IpAddr>>, Stop> {
        let address = self.text(path, |text| match Word::from(text) {
            // An IPv4 address has only one form.
            Word::Known(IpAddr::V6(address)) => (Word::from(IpAddr::V6(address)), is_written(text, address)),
            address => (address, true),
        })?;
        let fault = match &address {
            Some((Word::Other(_), _)) => DeviationKind::BadAddress,
            Some((_, false)) => DeviationKind::UnusualAddress,
            _ => return Ok(address.map(|(address, _)| address)),
        };
        self.deviate(fault, path);
        Ok(address.map(|(address, _)| address))
    }

    fn datetime(&mut self, path: &'static str) -> Result<Option<UnixTime>, Stop> {
        let Some(time) = self.text(path, datetime::parse)? else { return Ok(None) };
        let (time, fault) = match time {
            Ok((time, fault)) => (Some(time), fault),
            Err(fault) => (None, Some(fault)),
        };
        if let Some(fault) = fault {
            self.deviate(fault, path);
        }
        Ok(time)
    }

    /// A count, at most 2^53 - 1; `None` if it is not one.
    fn count(&mut self, path: &'static str) -> Result<Option<u64>, Stop> {
        let (count, fault) = match self.shape(path)? {
            Shape::Number => count_of(self.read(path, JsonReader::number)?),
            Shape::String => {
                self.deviate(DeviationKind::CountAsString, path);
                let text = self.read(path, JsonReader::string)?;
                count_of(self.mend(text, path).trim())
            }
            Shape::Null => {
                self.pass_over(Shape::Null, path)?;
                return Ok(None);
            }
            _ => {
                self.read(path, JsonReader::skip)?;
                (None, Some(DeviationKind::BadCount))
            }
        };
        if let Some(fault) = fault {
            self.deviate(fault, path);
        }
        Ok(count)
    }

    /// An array of texts.
    fn lines(&mut self, path: &'static str) -> Result<Lines, Stop> {
        self.lines.clear();
        // Most policies are shorter.
        self.lines.reserve(256);
        match self.shape(path)? {
            Shape::Array => {
                self.read(path, JsonReader::begin_array)?;
                while self.read(path, JsonReader::next_element)? {
                    match self.shape(path)? {
                        Shape::String => self.add_line(path)?,
                        shape => self.pass_over(shape, path)?,
                    }
                }
            }
            Shape::String => {
                self.deviate(DeviationKind::StringForArray, path);
                self.add_line(path)?;
                if self.lines == "\n" {
                    self.lines.clear();
                }
            }
            shape => self.pass_over(shape, path)?,
        }
        if self.lines.starts_with('[') {
            if let Some(lines) = lines_in_string(self.lines.trim_ascii_end()) {
                self.deviate(DeviationKind::ArrayInString, path);
                self.lines = lines;
            }
        }
        Ok(Lines(Box::from(self.lines.as_str())))
    }

    fn add_line(&mut self, path: &'static str) -> Result<(), Stop> {
        let text = self.read(path, JsonReader::string)?;
        if let Some(line) = text.as_str(Report::MAX_TEXT_LEN) {
            self.push_line(line, path);
        } else {
            let line = self.mend(text, path);
            // Without an escape there is no control character.
            if line.contains('\n') {
                self.deviate(DeviationKind::LineFeed, path);
            }
            self.push_line(&line, path);
        }
        Ok(())
    }

    fn push_line(&mut self, line: &str, path: &'static str) {
        if self.lines.len() + line.len() + 1 > Report::MAX_LINES_LEN {
            self.deviate(DeviationKind::TextCut, path);
        } else {
            self.lines.push_str(line);
            self.lines.push('\n');
        }
    }

    /// Decodes a text that has escapes or faults.
    #[cold]
    fn mend(&mut self, text: JsonText<'a>, path: &'static str) -> String {
        let decoded = text.decode(Report::MAX_TEXT_LEN);
        for (is_so, kind) in [
            (decoded.is_broken, DeviationKind::BrokenText),
            (decoded.has_control, DeviationKind::ControlCharacter),
            (decoded.is_cut, DeviationKind::TextCut),
        ] {
            if is_so {
                self.deviate(kind, path);
            }
        }
        decoded.text
    }

    /// Skips a value that cannot be understood.
    #[cold]
    fn pass_over(&mut self, shape: Shape, path: &'static str) -> Result<(), Stop> {
        let kind = if shape == Shape::Null { DeviationKind::NullMember } else { DeviationKind::WrongType };
        self.deviate(kind, path);
        self.read(path, JsonReader::skip)
    }

    #[cold]
    fn deviate(&mut self, kind: DeviationKind, path: &'static str) {
        // The last of them represents all further ones.
        let kind = match self.deviations.len() + 1 {
            ..Report::MAX_DEVIATIONS => kind,
            Report::MAX_DEVIATIONS => DeviationKind::MoreDeviations,
            _ => return,
        };
        let path = if kind == DeviationKind::MoreDeviations { "" } else { path };
        let path = ReportPath::new(path, self.indexes);
        self.deviations.push(Deviation::at(kind, path, self.place));
    }
}

/// The elements of an array, or a single object in place of one.
enum Elements {
    InArray,
    One,
    None,
}

/// Sets the domain of policies without one, if all others have the same.
fn fill_domains(policies: &mut [ReportPolicy]) {
    if policies.iter().all(|policy| policy.domain().is_some()) {
        return;
    }
    let mut domains = policies.iter().filter_map(ReportPolicy::domain);
    let Some(domain) = domains.next().map(Box::<str>::from) else { return };
    if domains.any(|other| *other != *domain) {
        return;
    }
    for policy in policies {
        policy.0.domain.get_or_insert_with(|| domain.clone());
    }
}

/// Returns whether a text can be a name in A-labels without a trailing dot.
fn is_name(text: &str) -> bool {
    const IS_NAME_OCTET: [bool; 256] = {
        let mut table = [false; 256];
        let mut octet = 0_u8;
        while octet.is_ascii() {
            table[octet as usize] = octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.');
            octet += 1;
        }
        table
    };
    text.bytes().all(|octet| IS_NAME_OCTET[usize::from(octet)])
        && !text.is_empty()
        && !text.starts_with('.')
        && !text.ends_with('.')
}

/// Returns whether an address is in its canonical form (RFC 5952).
fn is_written(text: &str, address: core::net::Ipv6Addr) -> bool {
    struct Compare<'a>(&'a str);
    impl Write for Compare<'_> {
        fn write_str(&mut self, part: &str) -> core::fmt::Result {
            self.0 = self.0.strip_prefix(part).ok_or(core::fmt::Error)?;
            Ok(())
        }
    }
    // Common cases are recognised without formatting the address.
    let octets = text.as_bytes();
    let has_leading_zero = (0..octets.len().saturating_sub(1)).any(|at| {
        octets[at] == b'0' && octets[at + 1].is_ascii_hexdigit() && (at == 0 || octets[at - 1] == b':')
    });
    if has_leading_zero || octets.iter().any(u8::is_ascii_uppercase) {
        return false;
    }
    let mut rest = Compare(text);
    write!(rest, "{address}").is_ok() && rest.0.is_empty()
}

fn count_of(number: &str) -> (Option<u64>, Option<DeviationKind>) {
    if !number.is_empty() && number.bytes().all(|octet| octet.is_ascii_digit()) {
        return match number.parse() {
            Ok(count) if count <= MAX_COUNT => (Some(count), None),
            _ => (Some(MAX_COUNT), Some(DeviationKind::CountTooLarge)),
        };
    }
    let is_number = number.starts_with(|char: char| char == '-' || char.is_ascii_digit());
    let Some(number) = number.parse::<f64>().ok().filter(|_| is_number) else {
        return (None, Some(DeviationKind::BadCount));
    };
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is within these bounds")]
    #[allow(
        clippy::cast_precision_loss,
        clippy::float_cmp,
        reason = "2^53 - 1 and what is below it are exact"
    )]
    if number > MAX_COUNT as f64 {
        (Some(MAX_COUNT), Some(DeviationKind::CountTooLarge))
    } else if number <= 0.0 {
        (
            Some(0),
            Some(if number < 0.0 { DeviationKind::NegativeCount } else { DeviationKind::CountAsFraction }),
        )
    } else if number as u64 as f64 == number {
        (Some(number as u64), Some(DeviationKind::CountAsFraction))
    } else {
        (None, Some(DeviationKind::BadCount))
    }
}

/// The lines of a JSON array within a string, as Microsoft writes TLSA records.
fn lines_in_string(text: &str) -> Option<String> {
    let mut json = JsonReader::new(text.as_bytes());
    let mut lines = String::new();
    json.begin_array().ok()?;
    while json.next_element().ok()? {
        lines.push_str(&json.string().ok()?.decode(Report::MAX_TEXT_LEN).text);
        lines.push('\n');
    }
    json.is_at_end().then_some(lines)
}
