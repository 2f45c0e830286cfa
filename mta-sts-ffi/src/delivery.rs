//! Policy application: may this MX host have the message (RFC 8461, 4 and 5)?

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::{
    Conclusion, DanePrecedence, DaneState, Delivery, DnsName, EnhancedStatus, HostOutcome, MessageTls,
    MxDecision, MxHost, MxVerdict, Policy, QueueLifetime, Session, SessionDecision, SessionFault,
    SessionVerdict, TlsMinimum, TlsResult, TlsrptRow, tls_required_no,
};

use crate::guard;
use crate::pointer::{array, give, mtasts_bytes, octets_of_all, optional_string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, MTASTS_ERR_ARGUMENT, MTASTS_ERR_NULL, MTASTS_OK, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// The message asks nothing about TLS. The default.
pub const MTASTS_MESSAGE_UNSPECIFIED: u32 = 0;
/// REQUIRETLS: over authenticated TLS to hosts that promise the same, or not at all (RFC 8689).
pub const MTASTS_MESSAGE_REQUIRETLS: u32 = 1;
/// "TLS-Required: No": deliver even where the recipient's MTA-STS or DANE forbids it (RFC 8689).
pub const MTASTS_MESSAGE_TLS_REQUIRED_NO: u32 = 2;

/// The operator demands TLS where it can be had. The default.
pub const MTASTS_MINIMUM_OPPORTUNISTIC: u32 = 0;
/// The operator demands TLS, with any certificate.
pub const MTASTS_MINIMUM_ENCRYPTED: u32 = 1;
/// The operator demands TLS with a certificate that is valid for the MX host, or that DANE vouches for.
pub const MTASTS_MINIMUM_AUTHENTICATED: u32 = 2;

/// Where a host has both DANE and a policy, both must pass. The default.
pub const MTASTS_DANE_PRECEDENCE_BOTH: u32 = 0;
/// Where DANE passes, MTA-STS is not looked at.
pub const MTASTS_DANE_PRECEDENCE_DANE_DECIDES: u32 = 1;

/// The host provably has no usable TLSA records, or this sender does no DANE. The default.
pub const MTASTS_DANE_NOT_APPLICABLE: u32 = 0;
/// The host has usable TLSA records; TLS has not been tried.
pub const MTASTS_DANE_USABLE: u32 = 1;
/// The certificate matches a TLSA record.
pub const MTASTS_DANE_PASSED: u32 = 2;
/// No TLSA record matches, or there was no TLS.
pub const MTASTS_DANE_FAILED: u32 = 3;
/// DNS could not tell, or its answer was bogus.
pub const MTASTS_DANE_LOOKUP_FAILED: u32 = 4;

/// The answer to EHLO had no STARTTLS.
pub const MTASTS_TLS_NOT_OFFERED: u32 = 1;
/// The host refused the command STARTTLS.
pub const MTASTS_TLS_REFUSED: u32 = 2;
/// The handshake failed.
pub const MTASTS_TLS_HANDSHAKE_FAILED: u32 = 3;
/// TLS older than 1.2.
pub const MTASTS_TLS_VERSION_TOO_OLD: u32 = 4;
/// TLS, with a certificate that has expired.
pub const MTASTS_TLS_CERTIFICATE_EXPIRED: u32 = 5;
/// TLS, with a certificate that is not valid yet.
pub const MTASTS_TLS_CERTIFICATE_NOT_YET_VALID: u32 = 6;
/// TLS, with a certificate that has no DNS-ID for the host.
pub const MTASTS_TLS_CERTIFICATE_HOST_MISMATCH: u32 = 7;
/// TLS, with a certificate that is not trusted for any other reason.
pub const MTASTS_TLS_CERTIFICATE_NOT_TRUSTED: u32 = 8;
/// TLS, and nobody looked at the certificate.
pub const MTASTS_TLS_CERTIFICATE_NOT_CHECKED: u32 = 9;
/// TLS, with a certificate that is trusted and valid for the host.
pub const MTASTS_TLS_AUTHENTICATED: u32 = 10;

/// Do not connect; go on as if the host could not be reached.
pub const MTASTS_MX_SKIP: u32 = 1;
/// Connect. Only TLS with a certificate valid for the DNS-ID will do.
pub const MTASTS_MX_AUTHENTICATE: u32 = 2;
/// Connect. Only TLS that the TLSA records of the host vouch for will do.
pub const MTASTS_MX_AUTHENTICATE_BY_DANE: u32 = 3;
/// Connect. Only TLS will do, with any certificate.
pub const MTASTS_MX_ENCRYPT: u32 = 4;
/// Connect, with TLS if it can be had.
pub const MTASTS_MX_OPPORTUNISTIC: u32 = 5;

/// Send the message, over whatever the session is.
pub const MTASTS_SESSION_DELIVER: u32 = 1;
/// End the session without the message, and try the next MX host.
pub const MTASTS_SESSION_TRY_NEXT_MX: u32 = 2;

/// The message may wait longer.
pub const MTASTS_QUEUE_RUNNING: u32 = 1;
/// The message would now be returned to its sender.
pub const MTASTS_QUEUE_OVER: u32 = 2;
/// The message would now be returned, and a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE brought no other policy.
pub const MTASTS_QUEUE_OVER_AND_RECHECKED: u32 = 3;

/// Keep the message, and try again later.
pub const MTASTS_CONCLUSION_DEFER: u32 = 1;
/// Look for a new policy first, for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE.
pub const MTASTS_CONCLUSION_RECHECK_POLICY: u32 = 2;
/// Return the message: it waited for too long (5.4.7).
pub const MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED: u32 = 3;
/// Return the message: REQUIRETLS was asked, and no host had TLS as it wants it (5.7.10).
pub const MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED: u32 = 4;
/// Return the message: REQUIRETLS was asked, and no host knows it (5.7.30).
pub const MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED: u32 = 5;

/// What constrains the delivery of one message to one Policy Domain.
///
/// The general flow: mtasts_delivery_new() and its setters; mtasts_plan() for the MX list, or mtasts_check_mx() before
/// each connection; mtasts_check_session() after each TLS attempt; mtasts_conclude() when no host took the message. The
/// MX list is never filtered: a host that is skipped counts as one that cannot be reached.
pub struct mtasts_delivery {
    policy: Option<Policy>,
    message: MessageTls,
    minimum: TlsMinimum,
    dane_precedence: DanePrecedence,
    is_tlsrpt_report: bool,
}

/// A host of the MX list, as named in its MX record: not the target of its CNAME.
pub struct mtasts_mx_host {
    name: Option<DnsName>,
    dane: DaneState,
    dnssec: bool,
}

/// What to do about an MX host before a connection, and what to report.
pub struct mtasts_mx_verdict {
    decision: u32,
    fault: i32,
    dns_id: Option<CString>,
    rows: Vec<mtasts_tlsrpt_row>,
}

/// The verdicts for a whole MX list, in its order.
pub struct mtasts_mx_plan {
    verdicts: Vec<mtasts_mx_verdict>,
    permits_none: bool,
}

/// What to do with a session before MAIL, and what to report.
pub struct mtasts_session_verdict {
    verdict: SessionVerdict,
    rows: Vec<mtasts_tlsrpt_row>,
}

/// One session, or one host that was skipped, as TLSRPT counts it (RFC 8460, 4.3).
pub struct mtasts_tlsrpt_row {
    row: TlsrptRow,
}

/// What a message asks about TLS, one of the MTASTS_MESSAGE_ numbers, from `requiretls`, whether MAIL
/// had it, `tls_required_no`, whether its header says so, and `null_reverse_path`; each is 0 or not (RFC 8689, 4).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_message_tls(requiretls: i32, tls_required_no: i32, null_reverse_path: i32) -> u32 {
    match MessageTls::of(requiretls != 0, tls_required_no != 0, null_reverse_path != 0) {
        MessageTls::Unspecified => MTASTS_MESSAGE_UNSPECIFIED,
        MessageTls::Requiretls => MTASTS_MESSAGE_REQUIRETLS,
        MessageTls::TlsRequiredNo => MTASTS_MESSAGE_TLS_REQUIRED_NO,
    }
}

/// Whether a message says "TLS-Required: No", from the `count` values at `values` of all its header fields of that name:
/// 1 or 0. The field must stand once, and say nothing but "No". 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tls_required_no(values: *const mtasts_bytes, count: usize) -> i32 {
    guard::get(0, || {
        // SAFETY: octets as the header wants them.
        let values = unsafe { octets_of_all(values, count) }.ok()?;
        Some(i32::from(tls_required_no(&values)))
    })
}

/// A delivery under `policy`, or under none when it is NULL; the policy stays the caller's and may be freed before.
///
/// The caller frees it with mtasts_delivery_free(); NULL never comes back.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_new(policy: Option<&mtasts_policy>) -> Box<mtasts_delivery> {
    Box::new(mtasts_delivery {
        policy: policy.map(|policy| policy.core().clone()),
        message: MessageTls::Unspecified,
        minimum: TlsMinimum::Opportunistic,
        dane_precedence: DanePrecedence::Both,
        is_tlsrpt_report: false,
    })
}

/// Sets what the message asks about TLS: `message` is one of the MTASTS_MESSAGE_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_message(
    delivery: Option<&mut mtasts_delivery>,
    message: u32,
) -> mtasts_status {
    set(delivery, |delivery| {
        delivery.message = match message {
            MTASTS_MESSAGE_UNSPECIFIED => MessageTls::Unspecified,
            MTASTS_MESSAGE_REQUIRETLS => MessageTls::Requiretls,
            MTASTS_MESSAGE_TLS_REQUIRED_NO => MessageTls::TlsRequiredNo,
            _ => return MTASTS_ERR_ARGUMENT,
        };
        MTASTS_OK
    })
}

/// Sets what the operator demands of every session: `minimum` is one of the MTASTS_MINIMUM_ numbers. No policy lowers it.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_minimum(
    delivery: Option<&mut mtasts_delivery>,
    minimum: u32,
) -> mtasts_status {
    set(delivery, |delivery| {
        delivery.minimum = match minimum {
            MTASTS_MINIMUM_OPPORTUNISTIC => TlsMinimum::Opportunistic,
            MTASTS_MINIMUM_ENCRYPTED => TlsMinimum::Encrypted,
            MTASTS_MINIMUM_AUTHENTICATED => TlsMinimum::Authenticated,
            _ => return MTASTS_ERR_ARGUMENT,
        };
        MTASTS_OK
    })
}

/// Sets what counts where a host has both DANE and a policy: `precedence` is one of the MTASTS_DANE_PRECEDENCE_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_dane_precedence(
    delivery: Option<&mut mtasts_delivery>,
    precedence: u32,
) -> mtasts_status {
    set(delivery, |delivery| {
        delivery.dane_precedence = match precedence {
            MTASTS_DANE_PRECEDENCE_BOTH => DanePrecedence::Both,
            MTASTS_DANE_PRECEDENCE_DANE_DECIDES => DanePrecedence::DaneDecides,
            _ => return MTASTS_ERR_ARGUMENT,
        };
        MTASTS_OK
    })
}

/// Sets whether the message is a TLSRPT report (`is_report`, 0 or not): it goes out despite MTA-STS and DANE, and its sessions are not
/// counted (RFC 8460, 3 and 5.3.1).
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_tlsrpt_report(
    delivery: Option<&mut mtasts_delivery>,
    is_report: i32,
) -> mtasts_status {
    set(delivery, |delivery| {
        delivery.is_tlsrpt_report = is_report != 0;
        MTASTS_OK
    })
}

/// Frees a delivery. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_free(delivery: Option<Box<mtasts_delivery>>) {
    drop(delivery);
}

/// A host of the MX list, of which nothing is known but its `name`, as it came.
///
/// A domain without MX records is its own single MX host, and so is a smart host. What is no host name, such as an
/// address, is no error: such a host is skipped where a policy is enforced or a certificate asked for, and gets the message
/// otherwise. Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_mx_host_new(
    name: *const c_char,
    host: Option<&mut MaybeUninit<*mut mtasts_mx_host>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = host.ok_or(Fault::NULL)?;
        // SAFETY: a string as the header wants it.
        let name = unsafe { optional_string(name) }.ok_or(Fault::NULL)?;
        let name = core::str::from_utf8(name).ok().and_then(|name| DnsName::parse(name).ok());
        give(out, mtasts_mx_host { name, dane: DaneState::NotApplicable, dnssec: false });
        Ok(())
    })
}

/// Sets what DANE says of the host: `dane` is one of the MTASTS_DANE_ numbers from MTASTS_DANE_NOT_APPLICABLE on.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for any other number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_host_set_dane(host: Option<&mut mtasts_mx_host>, dane: u32) -> mtasts_status {
    set(host, |host| {
        host.dane = match dane {
            MTASTS_DANE_NOT_APPLICABLE => DaneState::NotApplicable,
            MTASTS_DANE_USABLE => DaneState::Usable,
            MTASTS_DANE_PASSED => DaneState::Passed,
            MTASTS_DANE_FAILED => DaneState::Failed,
            MTASTS_DANE_LOOKUP_FAILED => DaneState::LookupFailed,
            _ => return MTASTS_ERR_ARGUMENT,
        };
        MTASTS_OK
    })
}

/// Sets whether DNSSEC authenticates the name of the host (`authenticated`, 0 or not) (RFC 8689, 4.2.1).
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_host_set_dnssec(
    host: Option<&mut mtasts_mx_host>,
    authenticated: i32,
) -> mtasts_status {
    set(host, |host| {
        host.dnssec = authenticated != 0;
        MTASTS_OK
    })
}

/// Frees a host. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_host_free(host: Option<Box<mtasts_mx_host>>) {
    drop(host);
}

/// Decides about an MX host before a connection.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_check_mx(
    delivery: Option<&mtasts_delivery>,
    host: Option<&mtasts_mx_host>,
    verdict: Option<&mut MaybeUninit<*mut mtasts_mx_verdict>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = verdict.ok_or(Fault::NULL)?;
        let host = host.ok_or(Fault::NULL)?.core();
        give(out, mtasts_mx_verdict::new(&delivery.ok_or(Fault::NULL)?.core().check_mx(&host)));
        Ok(())
    })
}

/// Decides about every host of an MX list: `count` hosts at `hosts`, in their order, none left out.
///
/// Errors: MTASTS_ERR_NULL, also for a host that is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_plan(
    delivery: Option<&mtasts_delivery>,
    hosts: *const Option<&mtasts_mx_host>,
    count: usize,
    plan: Option<&mut MaybeUninit<*mut mtasts_mx_plan>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = plan.ok_or(Fault::NULL)?;
        // SAFETY: an array as the header wants it.
        let hosts = unsafe { array(hosts, count) }?;
        let hosts: Vec<_> = hosts
            .iter()
            .map(|host| host.map(mtasts_mx_host::core).ok_or(Fault::NULL))
            .collect::<Result<_, _>>()?;
        let delivery = delivery.ok_or(Fault::NULL)?.core();
        let plan = delivery.plan(&hosts);
        give(
            out,
            mtasts_mx_plan {
                permits_none: plan.permits_none(),
                verdicts: plan.hosts.iter().map(mtasts_mx_verdict::new).collect(),
            },
        );
        Ok(())
    })
}

/// How many hosts were decided about. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_count(plan: Option<&mtasts_mx_plan>) -> usize {
    plan.map_or(0, |plan| plan.verdicts.len())
}

/// The verdict about a host, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_get(
    plan: Option<&mtasts_mx_plan>,
    index: usize,
) -> Option<&mtasts_mx_verdict> {
    plan?.verdicts.get(index)
}

/// Whether no host may have the message: 1 or 0. There is nothing to connect to then: go to mtasts_conclude(). 0 for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_permits_none(plan: Option<&mtasts_mx_plan>) -> i32 {
    plan.map_or(0, |plan| i32::from(plan.permits_none))
}

/// Frees a plan. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_free(plan: Option<Box<mtasts_mx_plan>>) {
    drop(plan);
}

/// What to do: one of the MTASTS_MX_ numbers. For NULL MTASTS_MX_SKIP.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_decision(verdict: Option<&mtasts_mx_verdict>) -> u32 {
    verdict.map_or(MTASTS_MX_SKIP, |verdict| verdict.decision)
}

/// Why the host is skipped: one of the MTASTS_FAULT_ numbers. 0 if it is not, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_fault(verdict: Option<&mtasts_mx_verdict>) -> mtasts_status {
    verdict.map_or(0, |verdict| verdict.fault)
}

/// The DNS-ID that the certificate must be valid for. NULL where no certificate is asked for, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_dns_id(verdict: Option<&mtasts_mx_verdict>) -> *const c_char {
    verdict.and_then(|verdict| verdict.dns_id.as_ref()).map_or(NONE, |dns_id| dns_id.as_ptr())
}

/// How many rows TLSRPT counts already, of a host that is skipped. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_row_count(verdict: Option<&mtasts_mx_verdict>) -> usize {
    verdict.map_or(0, |verdict| verdict.rows.len())
}

/// A row for TLSRPT, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_row_get(
    verdict: Option<&mtasts_mx_verdict>,
    index: usize,
) -> Option<&mtasts_tlsrpt_row> {
    verdict?.rows.get(index)
}

/// Frees a verdict that mtasts_check_mx() gave; those of a plan go with it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_free(verdict: Option<Box<mtasts_mx_verdict>>) {
    drop(verdict);
}

/// Decides about a session, after the TLS attempt and the EHLO that follows it: `tls`, how the attempt ended, is
/// one of the MTASTS_TLS_ numbers; `offers_requiretls`, whether that EHLO offered REQUIRETLS, is 0 or not.
///
/// MTASTS_DANE_USABLE must have become MTASTS_DANE_PASSED or _FAILED by then; otherwise it counts as failed.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown result.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_check_session(
    delivery: Option<&mtasts_delivery>,
    host: Option<&mtasts_mx_host>,
    tls: u32,
    offers_requiretls: i32,
    verdict: Option<&mut MaybeUninit<*mut mtasts_session_verdict>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = verdict.ok_or(Fault::NULL)?;
        let host = host.ok_or(Fault::NULL)?.core();
        let session = Session::new(tls_result(tls)?).with_requiretls(offers_requiretls != 0);
        let verdict = delivery.ok_or(Fault::NULL)?.core().check_session(&host, session);
        give(out, mtasts_session_verdict { rows: rows(&verdict.rows), verdict });
        Ok(())
    })
}

/// What to do: one of the MTASTS_SESSION_ numbers. For NULL MTASTS_SESSION_TRY_NEXT_MX.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_decision(verdict: Option<&mtasts_session_verdict>) -> u32 {
    match verdict.map(|verdict| verdict.verdict.decision) {
        Some(SessionDecision::Deliver) => MTASTS_SESSION_DELIVER,
        Some(SessionDecision::TryNextMx) | None => MTASTS_SESSION_TRY_NEXT_MX,
    }
}

/// Why the session may not have the message: one of the MTASTS_FAULT_ numbers. 0 if it may, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_fault(verdict: Option<&mtasts_session_verdict>) -> mtasts_status {
    verdict.and_then(|verdict| verdict.verdict.fault).map_or(0, |fault| fault.number().into())
}

/// How many rows TLSRPT counts, success too: one for each kind of policy that was looked at. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_row_count(verdict: Option<&mtasts_session_verdict>) -> usize {
    verdict.map_or(0, |verdict| verdict.rows.len())
}

/// A row for TLSRPT, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_row_get(
    verdict: Option<&mtasts_session_verdict>,
    index: usize,
) -> Option<&mtasts_tlsrpt_row> {
    verdict?.rows.get(index)
}

/// Frees a verdict. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_free(verdict: Option<Box<mtasts_session_verdict>>) {
    drop(verdict);
}

/// Under which kind of policy the row is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_policy_type(row: Option<&mtasts_tlsrpt_row>) -> u32 {
    row.map_or(0, |row| row.row.policy_type.number().into())
}

/// What went wrong: one of the MTASTS_TLSRPT_ numbers. 0 for a row that counts as a success, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_result_type(row: Option<&mtasts_tlsrpt_row>) -> u32 {
    row.and_then(|row| row.row.result_type).map_or(0, |result| result.number().into())
}

/// The reason of the `row`, one of the MTASTS_FAULT_ numbers: its mtasts_status_code() is the failure-reason-code. 0 for none, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_reason(row: Option<&mtasts_tlsrpt_row>) -> mtasts_status {
    row.and_then(|row| row.row.reason).map_or(0, |fault| fault.number().into())
}

/// Decides what becomes of the message when no MX host took it. For each of the `count` hosts that were tried or skipped, `hosts` has the
/// MTASTS_FAULT_ number of its verdict, or 0 if it could not be reached or answered with a temporary failure; `lifetime` is
/// one of the MTASTS_QUEUE_ numbers. `*conclusion` becomes one of the MTASTS_CONCLUSION_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown fault or lifetime.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_conclude(
    delivery: Option<&mtasts_delivery>,
    hosts: *const mtasts_status,
    count: usize,
    lifetime: u32,
    conclusion: Option<&mut MaybeUninit<u32>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = conclusion.ok_or(Fault::NULL)?;
        // SAFETY: an array as the header wants it.
        let hosts = unsafe { array(hosts, count) }?;
        let hosts: Vec<_> = hosts.iter().map(|host| host_outcome(*host)).collect::<Result<_, _>>()?;
        let lifetime = match lifetime {
            MTASTS_QUEUE_RUNNING => QueueLifetime::Running,
            MTASTS_QUEUE_OVER => QueueLifetime::Over,
            MTASTS_QUEUE_OVER_AND_RECHECKED => QueueLifetime::OverAndRechecked,
            _ => return Err(Fault::ARGUMENT),
        };
        out.write(match delivery.ok_or(Fault::NULL)?.core().conclude(&hosts, lifetime) {
            Conclusion::Defer => MTASTS_CONCLUSION_DEFER,
            Conclusion::RecheckPolicy => MTASTS_CONCLUSION_RECHECK_POLICY,
            Conclusion::Bounce(EnhancedStatus::EncryptionNeeded) => {
                MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED
            }
            Conclusion::Bounce(EnhancedStatus::RequiretlsNeeded) => {
                MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED
            }
            // Any other is a message that waited for too long, until it has a number of its own.
            Conclusion::Bounce(_) => MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED,
        });
        Ok(())
    })
}

/// The enhanced status code to return the message with: "5.4.7", "5.7.10", "5.7.30". NULL for a conclusion that is no
/// bounce. It lives as long as the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_conclusion_enhanced_status(conclusion: u32) -> *const c_char {
    match conclusion {
        MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED => c"5.4.7".as_ptr(),
        MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED => c"5.7.10".as_ptr(),
        MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED => c"5.7.30".as_ptr(),
        _ => NONE,
    }
}

impl mtasts_delivery {
    const fn core(&self) -> Delivery<'_> {
        Delivery::new(self.policy.as_ref())
            .message(self.message)
            .minimum(self.minimum)
            .dane_precedence(self.dane_precedence)
            .tlsrpt_report(self.is_tlsrpt_report)
    }
}

impl mtasts_mx_host {
    const fn core(&self) -> MxHost<'_> {
        MxHost::of(self.name.as_ref()).with_dane(self.dane).with_dnssec(self.dnssec)
    }
}

impl mtasts_mx_verdict {
    fn new(verdict: &MxVerdict<'_>) -> Self {
        let (decision, fault, dns_id) = match verdict.decision {
            MxDecision::Skip(fault) => (MTASTS_MX_SKIP, fault.number().into(), None),
            MxDecision::Authenticate(name) => (MTASTS_MX_AUTHENTICATE, 0, Some(name)),
            MxDecision::AuthenticateByDane(name) => (MTASTS_MX_AUTHENTICATE_BY_DANE, 0, Some(name)),
            MxDecision::Encrypt => (MTASTS_MX_ENCRYPT, 0, None),
            MxDecision::Opportunistic => (MTASTS_MX_OPPORTUNISTIC, 0, None),
        };
        let dns_id = dns_id.map(|name| c_string(name.as_str()));
        Self { decision, fault, dns_id, rows: rows(&verdict.rows) }
    }
}

fn rows(rows: &[TlsrptRow]) -> Vec<mtasts_tlsrpt_row> {
    rows.iter().map(|row| mtasts_tlsrpt_row { row: *row }).collect()
}

fn set<T>(object: Option<&mut T>, set: impl FnOnce(&mut T) -> mtasts_status) -> mtasts_status {
    object.map_or(MTASTS_ERR_NULL, set)
}

const fn tls_result(number: u32) -> Result<TlsResult, Fault> {
    Ok(match number {
        MTASTS_TLS_NOT_OFFERED => TlsResult::NotOffered,
        MTASTS_TLS_REFUSED => TlsResult::Refused,
        MTASTS_TLS_HANDSHAKE_FAILED => TlsResult::HandshakeFailed,
        MTASTS_TLS_VERSION_TOO_OLD => TlsResult::VersionTooOld,
        MTASTS_TLS_CERTIFICATE_EXPIRED => TlsResult::CertificateExpired,
        MTASTS_TLS_CERTIFICATE_NOT_YET_VALID => TlsResult::CertificateNotYetValid,
        MTASTS_TLS_CERTIFICATE_HOST_MISMATCH => TlsResult::CertificateHostMismatch,
        MTASTS_TLS_CERTIFICATE_NOT_TRUSTED => TlsResult::CertificateNotTrusted,
        MTASTS_TLS_CERTIFICATE_NOT_CHECKED => TlsResult::CertificateNotChecked,
        MTASTS_TLS_AUTHENTICATED => TlsResult::Authenticated,
        _ => return Err(Fault::ARGUMENT),
    })
}

fn host_outcome(number: mtasts_status) -> Result<HostOutcome, Fault> {
    if number == 0 {
        return Ok(HostOutcome::Unavailable);
    }
    let fault = SessionFault::ALL.iter().find(|kind| i32::from(kind.number()) == number);
    fault.map(|fault| HostOutcome::Faulted(*fault)).ok_or(Fault::ARGUMENT)
}
