//! Findings about what is published, and how to fix them.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::time::Duration;

use mta_sts_core::lint::{self, Finding, Severity};
use mta_sts_core::{PolicyDomain, Strictness};

use crate::config::{limits, mtasts_config, mtasts_strictness, strictness_of};
use crate::guard;
use crate::name::host_names;
use crate::pointer::{give, mtasts_bytes, octets, octets_of_all, string};
use crate::policy::response;
use crate::report::{MTASTS_REPORT_STRICT, MTASTS_REPORT_TOLERANT, mtasts_report_grammar};
use crate::status::{Fault, mtasts_error, mtasts_status, mtasts_status_code};
use crate::text::{NONE, c_string};

/// The severity of a finding: one of the MTASTS_SEVERITY_ numbers.
pub type mtasts_severity = u32;

/// Harmless, but worth knowing.
pub const MTASTS_SEVERITY_INFO: u32 = 1;
/// Some senders stumble over it, mail may be lost, or the protection is weak.
pub const MTASTS_SEVERITY_WARNING: u32 = 2;
/// Senders that follow RFC 8461 ignore what is published; receivers cannot read the report.
pub const MTASTS_SEVERITY_ERROR: u32 = 3;

/// A list of findings for the owner of a domain, or for the sender of a report, in the order of the text; about 100 at most.
pub struct mtasts_findings {
    findings: Vec<mtasts_finding>,
}

/// One finding. It belongs to its mtasts_findings.
pub struct mtasts_finding {
    finding: Finding,
    message: CString,
    senders: CString,
    help: CString,
}

/// Returns the findings about a policy: `len` octets at `body`, checked with one of the MTASTS_STRICTNESS_ numbers.
///
/// A faulty policy is not an error of the call: it results in findings.
///
/// Errors: MTASTS_ERR_ARGUMENT for an unknown strictness.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_policy(
    body: *const u8,
    len: usize,
    strictness: mtasts_strictness,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        let strictness = strictness_of(strictness).ok_or(Fault::ARGUMENT)?;
        // SAFETY: octets as required by the header.
        let body = unsafe { octets(body, len) }?;
        give(out, mtasts_findings::new(lint::policy_with(body, strictness)));
        Ok(())
    })
}

/// Returns the findings about a policy, as mtasts_lint_policy() does for `body`, `len` and `strictness`, whose domain
/// has these MX hosts: `count` names at `mx_hosts`. They include the hosts that no pattern covers.
///
/// Errors: the same as mtasts_lint_policy(), and 101 to 109 for a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_policy_for_hosts(
    body: *const u8,
    len: usize,
    strictness: mtasts_strictness,
    mx_hosts: *const *const c_char,
    count: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        let strictness = strictness_of(strictness).ok_or(Fault::ARGUMENT)?;
        // SAFETY: octets, an array and strings as required by the header.
        let (body, hosts) = unsafe { (octets(body, len)?, host_names(mx_hosts, count)?) };
        give(out, mtasts_findings::new(lint::policy_for_hosts(body, strictness, &hosts)));
        Ok(())
    })
}

/// Returns the findings about a record: one TXT RR of `len` octets at `txt`, its character-strings concatenated.
///
/// Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_record(
    txt: *const u8,
    len: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_findings::new(lint::record(unsafe { octets(txt, len) }?)));
        Ok(())
    })
}

/// Returns the findings about an RRset: `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
///
/// Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_rrset(
    rrs: *const mtasts_bytes,
    count: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        give(out, mtasts_findings::new(lint::rrset(&rrs)));
        Ok(())
    })
}

/// Returns the findings about a TLSRPT record: one TXT RR of `len` octets at `txt`, its character-strings concatenated.
///
/// Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_tlsrpt_record(
    txt: *const u8,
    len: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_findings::new(lint::tlsrpt_record(unsafe { octets(txt, len) }?)));
        Ok(())
    })
}

/// Returns the findings about the RRset at "_smtp._tls": `count` TXT RRs at `rrs`. The line of a finding is the number
/// of the RR.
///
/// Pass what else you know: the `domain`, or NULL; the `ttl` of the records at the authoritative name server in
/// seconds, or a negative number; `has_mta_sts` is 1 if the domain has an MTA-STS record.
///
/// Errors: 101 to 109 for the domain, MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_tlsrpt_rrset(
    rrs: *const mtasts_bytes,
    count: usize,
    domain: *const c_char,
    ttl: i64,
    has_mta_sts: i32,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        let domain = if domain.is_null() {
            None
        } else {
            // SAFETY: a string as required by the header.
            Some(PolicyDomain::parse(unsafe { string(domain) }?)?)
        };
        let mut facts = lint::TlsrptFacts::new().with_mta_sts(has_mta_sts != 0);
        if let Some(domain) = &domain {
            facts = facts.with_domain(domain);
        }
        if let Ok(ttl) = u64::try_from(ttl) {
            facts = facts.with_ttl(Duration::from_secs(ttl));
        }
        give(out, mtasts_findings::new(lint::tlsrpt_rrset(&rrs, &facts)));
        Ok(())
    })
}

/// Returns the findings about a TLS report: `len` octets of uncompressed JSON at `json`. With MTASTS_REPORT_STRICT as the
/// `grammar` each deviation has the severity MTASTS_SEVERITY_ERROR.
///
/// A faulty report is not an error of the call: it results in findings.
///
/// Errors: MTASTS_ERR_ARGUMENT for an unknown grammar, and MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_report(
    json: *const u8,
    len: usize,
    grammar: mtasts_report_grammar,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        let strictness = match grammar {
            MTASTS_REPORT_TOLERANT => Strictness::Tolerant,
            MTASTS_REPORT_STRICT => Strictness::Abnf,
            _ => return Err(Fault::ARGUMENT),
        };
        // SAFETY: octets as required by the header.
        let json = unsafe { octets(json, len) }?;
        give(out, mtasts_findings::new(lint::report_with(json, strictness)));
        Ok(())
    })
}

/// Returns the findings about the response of a Policy Host, including its policy: `status`, `content_type`, `body`,
/// `len` and `config` are as in mtasts_policy_from_response().
///
/// Errors: only MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_response(
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
    config: Option<&mtasts_config>,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: a string and octets as required by the header.
        let response = unsafe { response(status, content_type, body, len) }?;
        give(out, mtasts_findings::new(lint::response(&response, &limits(config))));
        Ok(())
    })
}

/// Returns the findings about the response of a Policy Host, as mtasts_lint_response() does for `status`,
/// `content_type`, `body`, `len` and `config`, whose domain has these MX hosts: `count` names at `mx_hosts`.
///
/// Errors: the same as mtasts_lint_response(), and 101 to 109 for a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_response_for_hosts(
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
    config: Option<&mtasts_config>,
    mx_hosts: *const *const c_char,
    count: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: strings, octets and an array as required by the header.
        let (response, hosts) =
            unsafe { (response(status, content_type, body, len)?, host_names(mx_hosts, count)?) };
        let findings = lint::response_for_hosts(&response, &limits(config), &hosts);
        give(out, mtasts_findings::new(findings));
        Ok(())
    })
}

/// The number of findings. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_findings_count(findings: Option<&mtasts_findings>) -> usize {
    findings.map_or(0, |findings| findings.findings.len())
}

/// A finding, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_findings_get(
    findings: Option<&mtasts_findings>,
    index: usize,
) -> Option<&mtasts_finding> {
    findings?.findings.get(index)
}

/// Frees findings. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_findings_free(findings: Option<Box<mtasts_findings>>) {
    drop(findings);
}

/// The kind of a finding: an error of a parser, by its MTASTS_ERR_ number, a deviation of a report, by its
/// MTASTS_DEVIATION_ number, or one of the MTASTS_LINT_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_status(finding: Option<&mtasts_finding>) -> mtasts_status {
    finding.map_or(0, |finding| finding.finding.kind().number().into())
}

/// The stable code of a finding, as returned by mtasts_status_code(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_code(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |_| mtasts_status_code(mtasts_finding_status(finding)))
}

/// The severity of a finding: one of the MTASTS_SEVERITY_ numbers, in ascending order. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_severity(finding: Option<&mtasts_finding>) -> mtasts_severity {
    finding.map_or(0, |finding| match finding.finding.severity() {
        Severity::Info => MTASTS_SEVERITY_INFO,
        Severity::Warning => MTASTS_SEVERITY_WARNING,
        Severity::Error => MTASTS_SEVERITY_ERROR,
    })
}

/// The line of the text, counted from 1; for an RRset, the number of the RR. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_line(finding: Option<&mtasts_finding>) -> u32 {
    finding.map_or(0, |finding| finding.finding.line())
}

/// The first octet that a finding is about, counted from 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_start(finding: Option<&mtasts_finding>) -> usize {
    finding.map_or(0, |finding| finding.finding.span().start)
}

/// The octet after the last one that a finding is about; equal to the first if the finding is about a position. 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_end(finding: Option<&mtasts_finding>) -> usize {
    finding.map_or(0, |finding| finding.finding.span().end)
}

/// What is wrong, in one sentence that is safe to print. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_message(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |finding| finding.message.as_ptr())
}

/// What senders do about it, in one sentence; of a report, what receivers do. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_senders(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |finding| finding.senders.as_ptr())
}

/// How to fix it, in one sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_help(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |finding| finding.help.as_ptr())
}

impl mtasts_findings {
    fn new(findings: Vec<Finding>) -> Self {
        Self { findings: findings.into_iter().map(mtasts_finding::new).collect() }
    }
}

impl mtasts_finding {
    fn new(finding: Finding) -> Self {
        let (message, help) = (c_string(finding.message()), c_string(finding.help()));
        Self { message, senders: c_string(finding.senders()), help, finding }
    }
}
