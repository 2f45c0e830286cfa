//! A TLS report, as it was read or built (RFC 8460, 4.4).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use mta_sts_core::tlsrpt::{Deviation, FailureDetails, ReadReport, Report, ReportLimits, ReportPolicy, Word};
use mta_sts_core::{PolicyType, ResultType};

use crate::guard;
use crate::pointer::{Out, give, octets, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string, mtasts_text};
use crate::tlsrpt::{mtasts_policy_type, mtasts_result_type};

/// How closely a report must keep to RFC 8460: one of the MTASTS_REPORT_ numbers.
pub type mtasts_report_grammar = u32;

/// A report may depart from RFC 8460 as real senders do; mtasts_report_deviation_count() and its like tell where. The default.
pub const MTASTS_REPORT_TOLERANT: u32 = 0;
/// A report must keep to RFC 8460 and to I-JSON; the first deviation is an error.
pub const MTASTS_REPORT_STRICT: u32 = 1;

/// A TLS report: what one organisation saw of TLS with a domain, usually in a day (RFC 8460, 4.4).
///
/// Everything in a report that was received is a stranger's text: it may hold any character but NUL, in whose place stands
/// U+FFFD, and may be untrue. What the sender left out is NULL.
pub struct mtasts_report {
    report: Report,
    deviations: Vec<Deviation>,
    // Made when first asked for: whoever only assesses reports needs none.
    shown: OnceLock<Box<Shown>>,
}

/// What a report says of one policy. It belongs to its mtasts_report.
pub struct mtasts_report_policy {
    kind: Option<PolicyType>,
    kind_word: CString,
    domain: Option<CString>,
    lines: Vec<CString>,
    mx_hosts: Vec<CString>,
    successes: u64,
    failures: u64,
    details: Vec<mtasts_failure>,
}

/// One kind of failure, and how many sessions had it. It belongs to its mtasts_report.
pub struct mtasts_failure {
    result: Option<ResultType>,
    result_word: CString,
    sessions: u64,
    sending_mta_ip: Option<CString>,
    receiving_mx_hostname: Option<CString>,
    receiving_mx_helo: Option<CString>,
    receiving_ip: Option<CString>,
    additional_information: Option<CString>,
    reason_code: Option<CString>,
}

/// A report as strings for C.
struct Shown {
    organization: Option<CString>,
    contact: Option<CString>,
    submitter: Option<CString>,
    id: Option<CString>,
    policies: Vec<mtasts_report_policy>,
    paths: Vec<CString>,
}

/// Reads a report: `len` octets of JSON at `json`, not compressed, with the defaults of mtasts_report_parse_with().
///
/// A report comes compressed with gzip (RFC 8460, 5.2). Unpack it with zlib's inflate(), windowBits 15 + 32, into a buffer of
/// 10 MiB and no more: what does not fit is not to be read, since a file of 10 KiB can unpack to 10 MiB. Where octets are left
/// behind Z_STREAM_END, go on with inflateReset(): a file of gzip may have several members.
///
/// Errors: 1321 to 1328, with mtasts_error_path() and the octet; nothing of such a report counts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_parse(
    json: *const u8,
    len: usize,
    report: Option<&mut MaybeUninit<*mut mtasts_report>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    // SAFETY: as the caller promises.
    unsafe { parse(json, len, MTASTS_REPORT_TOLERANT, &ReportLimits::new(), report, error) }
}

/// Reads a report: `len` octets of JSON at `json`, as closely as `grammar` asks, one of the MTASTS_REPORT_ numbers. One of more
/// than `max_len` octets (0 for the default, 10 MiB), `max_policies` policies (0: 1,000) or `max_failures` kinds of failures in
/// all of them (0: 20,000) is refused.
///
/// Errors: as mtasts_report_parse(); with MTASTS_REPORT_STRICT, 1421 to 1458, one of the MTASTS_DEVIATION_ numbers;
/// MTASTS_ERR_ARGUMENT for an unknown grammar.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_parse_with(
    json: *const u8,
    len: usize,
    grammar: mtasts_report_grammar,
    max_len: usize,
    max_policies: u32,
    max_failures: u32,
    report: Option<&mut MaybeUninit<*mut mtasts_report>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    let mut limits = ReportLimits::new();
    if max_len != 0 {
        limits = limits.with_max_len(max_len);
    }
    if max_policies != 0 {
        limits = limits.with_max_policies(max_policies);
    }
    if max_failures != 0 {
        limits = limits.with_max_details(max_failures);
    }
    // SAFETY: as the caller promises.
    unsafe { parse(json, len, grammar, &limits, report, error) }
}

/// # Safety
///
/// `json` is octets as the header wants them.
unsafe fn parse(
    json: *const u8,
    len: usize,
    grammar: mtasts_report_grammar,
    limits: &ReportLimits,
    report: Out<'_, *mut mtasts_report>,
    error: Out<'_, *mut mtasts_error>,
) -> mtasts_status {
    guard::run(error, || {
        let out = report.ok_or(Fault::NULL)?;
        // SAFETY: as the caller promises.
        let json = unsafe { octets(json, len) }?;
        let read = match grammar {
            MTASTS_REPORT_TOLERANT => Report::parse_with(json, limits)?,
            MTASTS_REPORT_STRICT => {
                let report = Report::parse_with(json, limits)?.into_strict()?;
                ReadReport { report, deviations: Vec::new() }
            }
            _ => return Err(Fault::ARGUMENT),
        };
        give(out, mtasts_report { report: read.report, deviations: read.deviations, shown: OnceLock::new() });
        Ok(())
    })
}

/// Gives a `domain` to the policies of a report that have none: the one of its file name (RFC 8460, 5.1), which
/// mtasts_report_file_name_domain() tells. What the report itself says prevails.
///
/// What was taken from the report before, policies and strings, must not be used any more. Errors: MTASTS_ERR_NULL, and
/// MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_set_missing_domains(
    report: Option<&mut mtasts_report>,
    domain: *const c_char,
) -> mtasts_status {
    guard::run(None, || {
        let report = report.ok_or(Fault::NULL)?;
        // SAFETY: a string as the header wants it.
        let domain = unsafe { string(domain) }?;
        let named = report.report.clone().with_missing_domains(domain);
        *report = mtasts_report {
            report: named,
            deviations: std::mem::take(&mut report.deviations),
            shown: OnceLock::new(),
        };
        Ok(())
    })
}

/// The organisation that reports: "organization-name". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_organization(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.organization.as_ref()))
}

/// The mail address to ask: "contact-info". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_contact(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.contact.as_ref()))
}

/// The domain of the contact, which must be that of the header field TLS-Report-Submitter (RFC 8460, 5.3). NULL if it is
/// missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_submitter(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.submitter.as_ref()))
}

/// The "report-id": with the organisation and the period it tells a report that came twice. NULL if it is missing, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_id(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.id.as_ref()))
}

/// Whether the report says which time it is about: 1 or 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_has_period(report: Option<&mtasts_report>) -> i32 {
    report.map_or(0, |report| report.report.period().is_some().into())
}

/// The first second that the report is about, in Unix seconds. 0 without a period, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_start(report: Option<&mtasts_report>) -> u64 {
    report.and_then(|report| report.report.period()).map_or(0, |period| period.start().as_secs())
}

/// The last second that the report is about, in Unix seconds. 0 without a period, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_end(report: Option<&mtasts_report>) -> u64 {
    report.and_then(|report| report.report.period()).map_or(0, |period| period.end().as_secs())
}

/// How many sessions succeeded under all policies of the report. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_successes(report: Option<&mtasts_report>) -> u64 {
    total(report, ReportPolicy::successes)
}

/// How many sessions failed under all policies of the report. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_failures(report: Option<&mtasts_report>) -> u64 {
    total(report, ReportPolicy::failures)
}

fn total(report: Option<&mtasts_report>, count: fn(&ReportPolicy) -> u64) -> u64 {
    let policies = report.map_or(&[][..], |report| report.report.policies());
    policies.iter().map(count).fold(0, u64::saturating_add)
}

/// How many policies the report tells of. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_count(report: Option<&mtasts_report>) -> usize {
    report.map_or(0, |report| report.report.policies().len())
}

/// A policy of the report, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_get(
    report: Option<&mtasts_report>,
    index: usize,
) -> Option<&mtasts_report_policy> {
    shown(report)?.policies.get(index)
}

/// The kind of the policy: one of the MTASTS_POLICY_TYPE_ numbers. 0 for a word that RFC 8460 does not register, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_type(policy: Option<&mtasts_report_policy>) -> mtasts_policy_type {
    policy.and_then(|policy| policy.kind).map_or(0, |kind| kind.number().into())
}

/// The kind of the policy, as the report says it: "policy-type". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_type_word(policy: Option<&mtasts_report_policy>) -> *const c_char {
    policy.map_or(NONE, |policy| policy.kind_word.as_ptr())
}

/// The domain that the policy is of, for DANE the MX host: "policy-domain". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_domain(policy: Option<&mtasts_report_policy>) -> *const c_char {
    pointer(policy.and_then(|policy| policy.domain.as_ref()))
}

/// How many lines of the policy, or TLSA records, the report has: "policy-string". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_line_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.lines.len())
}

/// A line of the policy, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_line_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> *const c_char {
    pointer(policy.and_then(|policy| policy.lines.get(index)))
}

/// How many mx patterns of the policy the report has: "mx-host". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_mx_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.mx_hosts.len())
}

/// An mx pattern of the policy, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_mx_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> *const c_char {
    pointer(policy.and_then(|policy| policy.mx_hosts.get(index)))
}

/// How many sessions kept the policy: "total-successful-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_successes(policy: Option<&mtasts_report_policy>) -> u64 {
    policy.map_or(0, |policy| policy.successes)
}

/// How many sessions failed: "total-failure-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failures(policy: Option<&mtasts_report_policy>) -> u64 {
    policy.map_or(0, |policy| policy.failures)
}

/// How many kinds of failures the policy has: "failure-details". 0 for NULL.
///
/// A session may count in several, so their sessions may sum up to more than mtasts_report_policy_failures() (RFC 8460, 4).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failure_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.details.len())
}

/// A kind of failure under the policy, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failure_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> Option<&mtasts_failure> {
    policy?.details.get(index)
}

/// What went wrong: one of the MTASTS_TLSRPT_ numbers; mtasts_hint_explain() says what it means. 0 for a word that RFC 8460 does
/// not register, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_result_type(failure: Option<&mtasts_failure>) -> mtasts_result_type {
    failure.and_then(|failure| failure.result).map_or(0, |result| result.number().into())
}

/// What went wrong, as the report says it: "result-type". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_result_word(failure: Option<&mtasts_failure>) -> *const c_char {
    failure.map_or(NONE, |failure| failure.result_word.as_ptr())
}

/// How many sessions had it: "failed-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_sessions(failure: Option<&mtasts_failure>) -> u64 {
    failure.map_or(0, |failure| failure.sessions)
}

/// The address of the sending mail server, or whatever stands in its place: "sending-mta-ip". NULL if it is missing, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_sending_mta_ip(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.sending_mta_ip.as_ref()))
}

/// The name of the MX host, as in its MX record: "receiving-mx-hostname". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_receiving_mx_hostname(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.receiving_mx_hostname.as_ref()))
}

/// What the MX host calls itself: "receiving-mx-helo". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_receiving_mx_helo(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.receiving_mx_helo.as_ref()))
}

/// The address of the MX host, or whatever stands in its place: "receiving-ip". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_receiving_ip(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.receiving_ip.as_ref()))
}

/// The URI of a page that tells more: "additional-information". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_additional_information(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.additional_information.as_ref()))
}

/// The reason, in words of the sender's own: "failure-reason-code". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_reason_code(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.reason_code.as_ref()))
}

/// In how many places the report departs from RFC 8460 or from I-JSON: 256 at most, of more the last is
/// MTASTS_DEVIATION_MORE_DEVIATIONS. 0 for NULL, and for a report that was built.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_count(report: Option<&mtasts_report>) -> usize {
    report.map_or(0, |report| report.deviations.len())
}

/// What is unusual there, in their order from 0: one of the MTASTS_DEVIATION_ numbers, with its mtasts_status_code() and its
/// mtasts_status_message(). 0 for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_status(
    report: Option<&mtasts_report>,
    index: usize,
) -> mtasts_status {
    deviation(report, index).map_or(0, |deviation| deviation.kind().number().into())
}

/// The member where it is, as "policies[0].summary"; empty for the report as a whole. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_path(
    report: Option<&mtasts_report>,
    index: usize,
) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.paths.get(index)))
}

/// The octet of the JSON where it was noticed, counted from 0. 0 for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_offset(report: Option<&mtasts_report>, index: usize) -> usize {
    deviation(report, index).map_or(0, Deviation::offset)
}

/// The report as JSON: in one line, I-JSON, in the order of RFC 8460. Pack it with gzip before it is sent (RFC 8460, 5.2): zlib's
/// deflate(), windowBits 15 + 16, into as many octets as deflateBound() says.
///
/// Errors: 1331 to 1340, with mtasts_error_path(): receivers would misread or refuse it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_json(
    report: Option<&mtasts_report>,
    json: Option<&mut MaybeUninit<*mut mtasts_text>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = json.ok_or(Fault::NULL)?;
        give(out, mtasts_text::new(&report.ok_or(Fault::NULL)?.report.to_json()?));
        Ok(())
    })
}

/// Frees a report. NULL is fine. One that belongs to a due report goes with it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_free(report: Option<Box<mtasts_report>>) {
    drop(report);
}

impl mtasts_report {
    /// A report of this machine's own.
    pub(crate) const fn built(report: Report) -> Self {
        Self { report, deviations: Vec::new(), shown: OnceLock::new() }
    }

    pub(crate) const fn core(&self) -> &Report {
        &self.report
    }

    fn shown(&self) -> &Shown {
        self.shown.get_or_init(|| {
            let report = &self.report;
            Box::new(Shown {
                organization: report.organization().map(c_string),
                contact: report.contact().map(c_string),
                submitter: report.submitter().map(c_string),
                id: report.id().map(c_string),
                policies: report.policies().iter().map(mtasts_report_policy::new).collect(),
                paths: self
                    .deviations
                    .iter()
                    .map(|deviation| c_string(&deviation.path().to_string()))
                    .collect(),
            })
        })
    }
}

impl mtasts_report_policy {
    fn new(policy: &ReportPolicy) -> Self {
        Self {
            kind: policy.kind().known(),
            kind_word: word(policy.kind()),
            domain: policy.domain().map(c_string),
            lines: policy.lines().map(c_string).collect(),
            mx_hosts: policy.mx_hosts().map(c_string).collect(),
            successes: policy.successes(),
            failures: policy.failures(),
            details: policy.details().iter().map(mtasts_failure::new).collect(),
        }
    }
}

impl mtasts_failure {
    fn new(details: &FailureDetails) -> Self {
        Self {
            result: details.result().known(),
            result_word: word(details.result()),
            sessions: details.failed_sessions(),
            sending_mta_ip: details.sending_mta_ip().map(word),
            receiving_mx_hostname: details.receiving_mx_hostname().map(c_string),
            receiving_mx_helo: details.receiving_mx_helo().map(c_string),
            receiving_ip: details.receiving_ip().map(word),
            additional_information: details.additional_information().map(c_string),
            reason_code: details.failure_reason_code().map(c_string),
        }
    }
}

fn word<T: std::fmt::Display>(word: &Word<T>) -> CString {
    match word {
        Word::Known(value) => c_string(&value.to_string()),
        Word::Other(text) => c_string(text),
    }
}

fn shown(report: Option<&mtasts_report>) -> Option<&Shown> {
    guard::get(None, || Some(Some(report?.shown())))
}

fn deviation(report: Option<&mtasts_report>, index: usize) -> Option<&Deviation> {
    report?.deviations.get(index)
}

fn pointer(text: Option<&CString>) -> *const c_char {
    text.map_or(NONE, |text| text.as_ptr())
}
