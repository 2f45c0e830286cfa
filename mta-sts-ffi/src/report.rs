//! A TLS report, received or built (RFC 8460, 4.4).

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

/// How strictly a report must follow RFC 8460: one of the MTASTS_REPORT_ numbers.
pub type mtasts_report_grammar = u32;

/// A report may deviate from RFC 8460 as real senders do; mtasts_report_deviation_count() and its companions return the
/// deviations. The default.
pub const MTASTS_REPORT_TOLERANT: u32 = 0;
/// A report must follow RFC 8460 and I-JSON; the first deviation is an error.
pub const MTASTS_REPORT_STRICT: u32 = 1;

/// A TLS report of one organisation about a domain, usually for one day (RFC 8460, 4.4).
///
/// Everything in a received report is untrusted: it may contain any character except NUL, which is replaced by U+FFFD,
/// and may be false. What the sender omitted is NULL.
pub struct mtasts_report {
    report: Report,
    deviations: Vec<Deviation>,
    // Created on first use: not needed for assessing reports.
    shown: OnceLock<Box<Shown>>,
}

/// The results under one policy of a report. It belongs to its mtasts_report.
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

/// One kind of failure, and the number of sessions affected. It belongs to its mtasts_report.
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

/// Parses a report: `len` octets of uncompressed JSON at `json`, with the defaults of mtasts_report_parse_with().
///
/// Reports are transferred in gzip form (RFC 8460, 5.2). Decompress them with zlib's inflate(), windowBits 15 + 32,
/// into a buffer of at most 10 MiB: a file of 10 KiB can expand to 10 MiB. If input is left
/// after Z_STREAM_END, continue with inflateReset(): a gzip file may have several members.
///
/// Errors: 1321 to 1328, with mtasts_error_path() and the octet; nothing in such a report can be used.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_parse(
    json: *const u8,
    len: usize,
    report: Option<&mut MaybeUninit<*mut mtasts_report>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { parse(json, len, MTASTS_REPORT_TOLERANT, &ReportLimits::new(), report, error) }
}

/// Parses a report: `len` octets of JSON at `json`, as strictly as `grammar` says, one of the MTASTS_REPORT_ numbers. A
/// report with more than `max_len` octets (0 for the default, 10 MiB), `max_policies` policies (0: 1,000) or
/// `max_failures` kinds of failures in all of them (0: 20,000) is refused.
///
/// Errors: the same as mtasts_report_parse(); with MTASTS_REPORT_STRICT, 1421 to 1458, one of the MTASTS_DEVIATION_
/// numbers; MTASTS_ERR_ARGUMENT for an unknown grammar.
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
    // SAFETY: guaranteed by the caller.
    unsafe { parse(json, len, grammar, &limits, report, error) }
}

/// # Safety
///
/// `json` is octets as required by the header.
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
        // SAFETY: guaranteed by the caller.
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

/// Sets the `domain` of the policies of a report that have none: the one in its file name (RFC 8460, 5.1), see
/// mtasts_report_file_name_domain(). The contents of the report take precedence.
///
/// Policies and strings taken from the report before are no longer valid. Errors: MTASTS_ERR_NULL, and
/// MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_set_missing_domains(
    report: Option<&mut mtasts_report>,
    domain: *const c_char,
) -> mtasts_status {
    guard::run(None, || {
        let report = report.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
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

/// The reporting organisation: "organization-name". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_organization(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.organization.as_ref()))
}

/// The mail address of the organisation: "contact-info". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_contact(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.contact.as_ref()))
}

/// The domain of the contact, which must equal the header field TLS-Report-Submitter (RFC 8460, 5.3). NULL if it is
/// missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_submitter(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.submitter.as_ref()))
}

/// The "report-id": together with the organisation and the period it identifies duplicates. NULL if it is missing, and
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_id(report: Option<&mtasts_report>) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.id.as_ref()))
}

/// Returns 1 if the report has a period, otherwise 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_has_period(report: Option<&mtasts_report>) -> i32 {
    report.map_or(0, |report| report.report.period().is_some().into())
}

/// The first second of the period, in Unix seconds. 0 without a period, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_start(report: Option<&mtasts_report>) -> u64 {
    report.and_then(|report| report.report.period()).map_or(0, |period| period.start().as_secs())
}

/// The last second of the period, in Unix seconds. 0 without a period, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_end(report: Option<&mtasts_report>) -> u64 {
    report.and_then(|report| report.report.period()).map_or(0, |period| period.end().as_secs())
}

/// The number of successful sessions under all policies of the report. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_successes(report: Option<&mtasts_report>) -> u64 {
    total(report, ReportPolicy::successes)
}

/// The number of failed sessions under all policies of the report. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_failures(report: Option<&mtasts_report>) -> u64 {
    total(report, ReportPolicy::failures)
}

fn total(report: Option<&mtasts_report>, count: fn(&ReportPolicy) -> u64) -> u64 {
    let policies = report.map_or(&[][..], |report| report.report.policies());
    policies.iter().map(count).fold(0, u64::saturating_add)
}

/// The number of policies in the report. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_count(report: Option<&mtasts_report>) -> usize {
    report.map_or(0, |report| report.report.policies().len())
}

/// A policy of the report, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_get(
    report: Option<&mtasts_report>,
    index: usize,
) -> Option<&mtasts_report_policy> {
    shown(report)?.policies.get(index)
}

/// The type of the policy: one of the MTASTS_POLICY_TYPE_ numbers. 0 for a type that RFC 8460 does not register, and
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_type(policy: Option<&mtasts_report_policy>) -> mtasts_policy_type {
    policy.and_then(|policy| policy.kind).map_or(0, |kind| kind.number().into())
}

/// The type of the policy as in the report: "policy-type". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_type_word(policy: Option<&mtasts_report_policy>) -> *const c_char {
    policy.map_or(NONE, |policy| policy.kind_word.as_ptr())
}

/// The domain of the policy, for DANE the MX host: "policy-domain". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_domain(policy: Option<&mtasts_report_policy>) -> *const c_char {
    pointer(policy.and_then(|policy| policy.domain.as_ref()))
}

/// The number of lines of the policy, or of TLSA records, in the report: "policy-string". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_line_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.lines.len())
}

/// A line of the policy, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_line_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> *const c_char {
    pointer(policy.and_then(|policy| policy.lines.get(index)))
}

/// The number of mx patterns of the policy in the report: "mx-host". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_mx_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.mx_hosts.len())
}

/// An mx pattern of the policy, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_mx_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> *const c_char {
    pointer(policy.and_then(|policy| policy.mx_hosts.get(index)))
}

/// The number of sessions that complied with the policy: "total-successful-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_successes(policy: Option<&mtasts_report_policy>) -> u64 {
    policy.map_or(0, |policy| policy.successes)
}

/// The number of failed sessions: "total-failure-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failures(policy: Option<&mtasts_report_policy>) -> u64 {
    policy.map_or(0, |policy| policy.failures)
}

/// The number of kinds of failures under the policy: "failure-details". 0 for NULL.
///
/// A session may count in several, so their sum may exceed mtasts_report_policy_failures() (RFC 8460, 4).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failure_count(policy: Option<&mtasts_report_policy>) -> usize {
    policy.map_or(0, |policy| policy.details.len())
}

/// A kind of failure under the policy, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_policy_failure_get(
    policy: Option<&mtasts_report_policy>,
    index: usize,
) -> Option<&mtasts_failure> {
    policy?.details.get(index)
}

/// The kind of failure: one of the MTASTS_TLSRPT_ numbers; mtasts_hint_explain() explains it. 0 for a type that RFC
/// 8460 does not register, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_result_type(failure: Option<&mtasts_failure>) -> mtasts_result_type {
    failure.and_then(|failure| failure.result).map_or(0, |result| result.number().into())
}

/// The kind of failure as in the report: "result-type". NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_result_word(failure: Option<&mtasts_failure>) -> *const c_char {
    failure.map_or(NONE, |failure| failure.result_word.as_ptr())
}

/// The number of sessions affected: "failed-session-count". 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_sessions(failure: Option<&mtasts_failure>) -> u64 {
    failure.map_or(0, |failure| failure.sessions)
}

/// The address of the sending mail server, or the text in its place: "sending-mta-ip". NULL if it is missing, and for
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

/// The name that the MX host uses for itself: "receiving-mx-helo". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_receiving_mx_helo(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.receiving_mx_helo.as_ref()))
}

/// The address of the MX host, or the text in its place: "receiving-ip". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_receiving_ip(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.receiving_ip.as_ref()))
}

/// The URI of a page with more information: "additional-information". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_additional_information(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.additional_information.as_ref()))
}

/// The reason in the sender's own words: "failure-reason-code". NULL if it is missing, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_failure_reason_code(failure: Option<&mtasts_failure>) -> *const c_char {
    pointer(failure.and_then(|failure| failure.reason_code.as_ref()))
}

/// The number of deviations of the report from RFC 8460 or from I-JSON: at most 256; if there are more, the last is
/// MTASTS_DEVIATION_MORE_DEVIATIONS. 0 for NULL, and for a report that was built.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_count(report: Option<&mtasts_report>) -> usize {
    report.map_or(0, |report| report.deviations.len())
}

/// The kind of a deviation, by its index from 0: one of the MTASTS_DEVIATION_ numbers, with its mtasts_status_code()
/// and its mtasts_status_message(). 0 for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_status(
    report: Option<&mtasts_report>,
    index: usize,
) -> mtasts_status {
    deviation(report, index).map_or(0, |deviation| deviation.kind().number().into())
}

/// The path of the member with a deviation, such as `policies[0].summary`; empty for the report as a whole. NULL for
/// NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_path(
    report: Option<&mtasts_report>,
    index: usize,
) -> *const c_char {
    pointer(shown(report).and_then(|shown| shown.paths.get(index)))
}

/// The octet of the JSON at which the deviation was noticed, counted from 0. 0 for NULL, and if the index is out of
/// range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_deviation_offset(report: Option<&mtasts_report>, index: usize) -> usize {
    deviation(report, index).map_or(0, Deviation::offset)
}

/// Writes the report as I-JSON on one line, in the order of RFC 8460. Compress it with gzip before sending (RFC 8460,
/// 5.2): zlib's deflate(), windowBits 15 + 16, with a buffer of deflateBound() octets.
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

/// Frees a report. NULL is fine. One that belongs to a due report is freed with it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_free(report: Option<Box<mtasts_report>>) {
    drop(report);
}

impl mtasts_report {
    /// A report built by this machine.
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
