//! What is wrong with what is published, and how to mend it.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::time::Duration;

use mta_sts_core::PolicyDomain;
use mta_sts_core::lint::{self, Finding, Severity};

use crate::config::{limits, mtasts_config, mtasts_strictness, strictness_of};
use crate::guard;
use crate::name::host_names;
use crate::pointer::{give, mtasts_bytes, octets, octets_of_all, string};
use crate::policy::response;
use crate::status::{Fault, mtasts_error, mtasts_status, mtasts_status_code};
use crate::text::{NONE, c_string};

/// How grave a finding is: one of the MTASTS_SEVERITY_ numbers.
pub type mtasts_severity = u32;

/// Harmless, and worth knowing.
pub const MTASTS_SEVERITY_INFO: u32 = 1;
/// Some senders stumble over it, mail may be lost, or the protection is weak.
pub const MTASTS_SEVERITY_WARNING: u32 = 2;
/// Senders that keep to RFC 8461 ignore what is published.
pub const MTASTS_SEVERITY_ERROR: u32 = 3;

/// What the owner of a domain should know of what is published, in the order of the text; 100 and a few at most.
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

/// Findings about a policy: `len` octets at `body`, held to one of the MTASTS_STRICTNESS_ numbers.
///
/// What is wrong with the policy is no error of the call: it is a finding.
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
        // SAFETY: octets as the header wants them.
        let body = unsafe { octets(body, len) }?;
        give(out, mtasts_findings::new(lint::policy_with(body, strictness)));
        Ok(())
    })
}

/// Findings about a policy, as mtasts_lint_policy() gives them for `body`, `len` and `strictness`, whose domain has these MX
/// hosts: `count` names at `mx_hosts`. Those that no pattern covers are told.
///
/// Errors: as mtasts_lint_policy(), and 101 to 109 for a host.
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
        // SAFETY: octets, an array and strings as the header wants them.
        let (body, hosts) = unsafe { (octets(body, len)?, host_names(mx_hosts, count)?) };
        give(out, mtasts_findings::new(lint::policy_for_hosts(body, strictness, &hosts)));
        Ok(())
    })
}

/// Findings about a record: one TXT RR of `len` octets at `txt`, its character-strings joined.
///
/// Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_record(
    txt: *const u8,
    len: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        give(out, mtasts_findings::new(lint::record(unsafe { octets(txt, len) }?)));
        Ok(())
    })
}

/// Findings about an RRset: `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
///
/// Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_rrset(
    rrs: *const mtasts_bytes,
    count: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        give(out, mtasts_findings::new(lint::rrset(&rrs)));
        Ok(())
    })
}

/// Findings about a TLSRPT record: one TXT RR of `len` octets at `txt`, its character-strings joined.
///
/// Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lint_tlsrpt_record(
    txt: *const u8,
    len: usize,
    findings: Option<&mut MaybeUninit<*mut mtasts_findings>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = findings.ok_or(Fault::NULL)?;
        // SAFETY: octets as the header wants them.
        give(out, mtasts_findings::new(lint::tlsrpt_record(unsafe { octets(txt, len) }?)));
        Ok(())
    })
}

/// Findings about the RRset under "_smtp._tls": `count` TXT RRs at `rrs`. The line of a finding is the number of the RR.
///
/// What you know besides is told too: the `domain`, or NULL; the `ttl` of the records in seconds as the name server of
/// the zone says, or a negative number; 1 for `has_mta_sts` where the domain has an MTA-STS record.
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
        // SAFETY: octets as the header wants them.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        let domain = if domain.is_null() {
            None
        } else {
            // SAFETY: a string as the header wants it.
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

/// Findings about the answer of a Policy Host, its policy included: `status`, `content_type`, `body`, `len` and `config`
/// as mtasts_policy_from_response() takes them.
///
/// Errors: MTASTS_ERR_NULL and MTASTS_ERR_ARGUMENT alone.
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
        // SAFETY: a string and octets as the header wants them.
        let response = unsafe { response(status, content_type, body, len) }?;
        give(out, mtasts_findings::new(lint::response(&response, &limits(config))));
        Ok(())
    })
}

/// Findings about the answer of a Policy Host, as mtasts_lint_response() gives them for `status`, `content_type`, `body`, `len`
/// and `config`, whose domain has these MX hosts: `count` names at `mx_hosts`.
///
/// Errors: as mtasts_lint_response(), and 101 to 109 for a host.
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
        // SAFETY: strings, octets and an array as the header wants them.
        let (response, hosts) =
            unsafe { (response(status, content_type, body, len)?, host_names(mx_hosts, count)?) };
        let findings = lint::response_for_hosts(&response, &limits(config), &hosts);
        give(out, mtasts_findings::new(findings));
        Ok(())
    })
}

/// How many findings there are. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_findings_count(findings: Option<&mtasts_findings>) -> usize {
    findings.map_or(0, |findings| findings.findings.len())
}

/// A finding, in their order from 0. NULL for NULL, and beyond the last.
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

/// What a finding is about: a fault that stops a parser, by its MTASTS_ERR_ number, or one of the MTASTS_LINT_ numbers.
/// 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_status(finding: Option<&mtasts_finding>) -> mtasts_status {
    finding.map_or(0, |finding| finding.finding.kind().number().into())
}

/// The stable word of a finding, as mtasts_status_code() gives it. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_code(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |_| mtasts_status_code(mtasts_finding_status(finding)))
}

/// How much a finding matters: one of the MTASTS_SEVERITY_ numbers, the worst the greatest. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_severity(finding: Option<&mtasts_finding>) -> mtasts_severity {
    finding.map_or(0, |finding| match finding.finding.severity() {
        Severity::Info => MTASTS_SEVERITY_INFO,
        Severity::Warning => MTASTS_SEVERITY_WARNING,
        Severity::Error => MTASTS_SEVERITY_ERROR,
    })
}

/// The line of the text, counted from 1; of an RRset, the RR. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_line(finding: Option<&mtasts_finding>) -> u32 {
    finding.map_or(0, |finding| finding.finding.line())
}

/// The first octet that a finding is about, counted from 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_start(finding: Option<&mtasts_finding>) -> usize {
    finding.map_or(0, |finding| finding.finding.span().start)
}

/// The octet after the last that a finding is about; the first, where a finding is about a place. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_end(finding: Option<&mtasts_finding>) -> usize {
    finding.map_or(0, |finding| finding.finding.span().end)
}

/// What is wrong, as one English sentence, safe to print. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_message(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |finding| finding.message.as_ptr())
}

/// What senders make of it, as one English sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_finding_senders(finding: Option<&mtasts_finding>) -> *const c_char {
    finding.map_or(NONE, |finding| finding.senders.as_ptr())
}

/// How to mend it, as one English sentence. NULL for NULL.
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
