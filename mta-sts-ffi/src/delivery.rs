//! Policy application: whether an MX host may receive the message (RFC 8461, 4 and 5).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::{
    Authentication, CertificateResult, Conclusion, DanePrecedence, DaneResult, DaneState, Delivery, DnsName,
    EnhancedStatus, HostOutcome, MessageFacts, MessageTls, MxDecision, MxHost, MxVerdict, Policy,
    QueueLifetime, Recheck, Session, SessionDecision, SessionFault, SessionVerdict, TlsMinimum, TlsResult,
    TlsrptRow, tls_required_no,
};

use crate::guard;
use crate::outcome::mtasts_outcome;
use crate::pointer::{array, give, mtasts_bytes, octets_of_all, optional_string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, MTASTS_ERR_ARGUMENT, MTASTS_ERR_NULL, MTASTS_OK, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};
use crate::tlsrpt::{mtasts_policy_type, mtasts_result_type};

/// What a message asks about TLS: one of the MTASTS_MESSAGE_ numbers.
pub type mtasts_message = u32;

/// The message asks nothing about TLS. The default.
pub const MTASTS_MESSAGE_UNSPECIFIED: u32 = 0;
/// REQUIRETLS: send only over authenticated TLS, to hosts that support REQUIRETLS (RFC 8689).
pub const MTASTS_MESSAGE_REQUIRETLS: u32 = 1;
/// "TLS-Required: No": deliver even if the recipient's MTA-STS or DANE forbids it (RFC 8689).
pub const MTASTS_MESSAGE_TLS_REQUIRED_NO: u32 = 2;

/// What the envelope and the header of a message say about TLS: the MTASTS_FACT_ flags that apply, combined with |.
pub type mtasts_message_facts = u32;

/// The MAIL command had REQUIRETLS (RFC 8689, 4).
pub const MTASTS_FACT_REQUIRETLS: u32 = 1;
/// The header has "TLS-Required: No": see mtasts_tls_required_no().
pub const MTASTS_FACT_TLS_REQUIRED_NO: u32 = 2;
/// The reverse path is null: MAIL FROM:<>.
pub const MTASTS_FACT_NULL_REVERSE_PATH: u32 = 4;

/// The minimum that the operator requires of every session: one of the MTASTS_MINIMUM_ numbers.
pub type mtasts_minimum = u32;

/// The operator requires nothing: TLS if it is available. The default.
pub const MTASTS_MINIMUM_OPPORTUNISTIC: u32 = 0;
/// The operator requires TLS, with any certificate.
pub const MTASTS_MINIMUM_ENCRYPTED: u32 = 1;
/// The operator requires TLS with a certificate that is valid for the MX host, or authenticated by DANE.
pub const MTASTS_MINIMUM_AUTHENTICATED: u32 = 2;

/// The precedence for a host that has both DANE and a policy: one of the MTASTS_DANE_PRECEDENCE_ numbers.
pub type mtasts_dane_precedence = u32;

/// If a host has both DANE and a policy, both must pass. The default.
pub const MTASTS_DANE_PRECEDENCE_BOTH: u32 = 0;
/// If DANE passes, MTA-STS is not checked.
pub const MTASTS_DANE_PRECEDENCE_DANE_DECIDES: u32 = 1;

/// What DNS says about DANE for a host before a connection: MTASTS_DANE_NOT_APPLICABLE, MTASTS_DANE_USABLE or
/// MTASTS_DANE_LOOKUP_FAILED.
pub type mtasts_dane = u32;

/// The host provably has no usable TLSA records, or this sender does not use DANE. The default.
pub const MTASTS_DANE_NOT_APPLICABLE: u32 = 0;
/// The host has usable TLSA records: it receives the message only over TLS that matches them.
pub const MTASTS_DANE_USABLE: u32 = 1;
/// DNS failed, or its answer was bogus: the host does not receive the message now.
pub const MTASTS_DANE_LOOKUP_FAILED: u32 = 4;

/// The result of comparing the certificate of a host with its TLSA records: one of the MTASTS_DANE_RESULT_ numbers.
pub type mtasts_dane_result = u32;

/// The certificate was not compared with TLSA records. For a host with MTASTS_DANE_USABLE, the message is then not sent
/// over the session.
pub const MTASTS_DANE_RESULT_NOT_CHECKED: u32 = 0;
/// A TLSA record matches the certificate.
pub const MTASTS_DANE_RESULT_PASSED: u32 = 1;
/// No TLSA record matches the certificate.
pub const MTASTS_DANE_RESULT_FAILED: u32 = 2;

/// The result of a TLS attempt, including that of the certificate: one of the MTASTS_TLS_ numbers.
pub type mtasts_tls = u32;

/// The EHLO response did not offer STARTTLS.
pub const MTASTS_TLS_NOT_OFFERED: u32 = 1;
/// The host rejected the STARTTLS command.
pub const MTASTS_TLS_REFUSED: u32 = 2;
/// The handshake failed.
pub const MTASTS_TLS_HANDSHAKE_FAILED: u32 = 3;
/// The TLS version is older than 1.2.
pub const MTASTS_TLS_VERSION_TOO_OLD: u32 = 4;
/// TLS, with an expired certificate.
pub const MTASTS_TLS_CERTIFICATE_EXPIRED: u32 = 5;
/// TLS, with a certificate that is not valid yet.
pub const MTASTS_TLS_CERTIFICATE_NOT_YET_VALID: u32 = 6;
/// TLS, with a certificate without a matching DNS-ID for the host.
pub const MTASTS_TLS_CERTIFICATE_HOST_MISMATCH: u32 = 7;
/// TLS, with a certificate that is not trusted, for any other reason.
pub const MTASTS_TLS_CERTIFICATE_NOT_TRUSTED: u32 = 8;
/// TLS, with a certificate that was not checked.
pub const MTASTS_TLS_CERTIFICATE_NOT_CHECKED: u32 = 9;
/// TLS, with a certificate that is trusted and valid for the host.
pub const MTASTS_TLS_AUTHENTICATED: u32 = 10;

/// The decision about an MX host before a connection: one of the MTASTS_MX_ numbers.
pub type mtasts_mx_decision = u32;

/// Do not connect; continue as if the host were unreachable.
pub const MTASTS_MX_SKIP: u32 = 1;
/// Connect. TLS with a certificate valid for the DNS-ID is required: check the chain and the name.
pub const MTASTS_MX_AUTHENTICATE: u32 = 2;
/// Connect. TLS that matches the TLSA records of the host is required: check these.
pub const MTASTS_MX_AUTHENTICATE_BY_DANE: u32 = 3;
/// Connect. TLS is required, with any certificate.
pub const MTASTS_MX_ENCRYPT: u32 = 4;
/// Connect, with TLS if it is available. In mode testing check the certificate all the same, since its faults are
/// reported.
pub const MTASTS_MX_OPPORTUNISTIC: u32 = 5;
/// Connect. TLS with a certificate that is valid for the DNS-ID and matches the TLSA records of the host is required:
/// check both, and pass both results to mtasts_check_session().
pub const MTASTS_MX_AUTHENTICATE_BY_BOTH: u32 = 6;

/// The decision about a session before the MAIL command: one of the MTASTS_SESSION_ numbers.
pub type mtasts_session_decision = u32;

/// Send the message over this session.
pub const MTASTS_SESSION_DELIVER: u32 = 1;
/// End the session without the message, and try the next MX host.
pub const MTASTS_SESSION_TRY_NEXT_MX: u32 = 2;

/// Whether a message may remain in the queue: one of the MTASTS_QUEUE_ numbers.
pub type mtasts_queue_lifetime = u32;

/// The message may wait longer.
pub const MTASTS_QUEUE_RUNNING: u32 = 1;
/// The message has reached its limit, and would now be returned to its sender.
pub const MTASTS_QUEUE_OVER: u32 = 2;

/// The result of a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE about the policy that no MX host met (RFC 8461,
/// 5.1, step 3): one of the MTASTS_RECHECK_ numbers.
pub type mtasts_recheck = u32;

/// There was no such lookup.
pub const MTASTS_RECHECK_NONE: u32 = 0;
/// The policy is still in force, and the domain has no newer one.
pub const MTASTS_RECHECK_UNCHANGED: u32 = 1;
/// Another policy is in force now.
pub const MTASTS_RECHECK_CHANGED: u32 = 2;
/// No policy is in force any more: the domain has removed it.
pub const MTASTS_RECHECK_NO_LONGER_BOUND: u32 = 3;
/// The domain could not be queried, or has a newer policy that could not be fetched.
pub const MTASTS_RECHECK_NOT_CHECKED: u32 = 4;

/// What to do with a message that no MX host accepted: one of the MTASTS_CONCLUSION_ numbers.
pub type mtasts_conclusion = u32;

/// Keep the message in the queue, and try again later. As long as a domain cannot be queried for a newer policy, this
/// is the conclusion.
pub const MTASTS_CONCLUSION_DEFER: u32 = 1;
/// Look for a newer policy first, with MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE, and conclude again with
/// mtasts_delivery_recheck() of its outcome.
pub const MTASTS_CONCLUSION_RECHECK_POLICY: u32 = 2;
/// Return the message: it was in the queue for too long (5.4.7).
pub const MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED: u32 = 3;
/// Return the message: REQUIRETLS was requested, and no host offered the TLS that it requires (5.7.10).
pub const MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED: u32 = 4;
/// Return the message: REQUIRETLS was requested, and no host supports it (5.7.30).
pub const MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED: u32 = 5;
/// Try the MX hosts again immediately, under mtasts_delivery_of() the outcome of the recheck: another policy applies,
/// or none.
pub const MTASTS_CONCLUSION_TRY_AGAIN: u32 = 6;

/// The constraints on the delivery of one message to one Policy Domain.
///
/// The general flow: mtasts_delivery_of() the outcome of a lookup, and the setters; mtasts_plan() for the MX list, or
/// mtasts_check_mx() before each connection; mtasts_check_session() after each TLS attempt; mtasts_conclude() after no
/// host accepted the message. The MX list is never filtered: a skipped host counts as unreachable. A delivery keeps no
/// state between calls: hosts can be tried in parallel, and in any order.
pub struct mtasts_delivery {
    binding: Binding,
    message: MessageTls,
    minimum: TlsMinimum,
    dane_precedence: DanePrecedence,
    is_tlsrpt_report: bool,
}

/// The policy of the recipient domain.
enum Binding {
    Policy(Policy),
    NoPolicy,
    Unknown,
}

/// A host of the MX list, by the name in its MX record: not the target of its CNAME.
pub struct mtasts_mx_host {
    name: Option<DnsName>,
    dane: DaneState,
    dnssec: bool,
}

/// The decision about an MX host before a connection, and what to report.
pub struct mtasts_mx_verdict {
    decision: u32,
    fault: i32,
    dns_id: Option<CString>,
    rows: Vec<mtasts_tlsrpt_row>,
}

/// The verdicts for a whole MX list, in order.
pub struct mtasts_mx_plan {
    verdicts: Vec<mtasts_mx_verdict>,
    permits_none: bool,
}

/// The decision about a session before the MAIL command, and what to report.
pub struct mtasts_session_verdict {
    verdict: SessionVerdict,
    rows: Vec<mtasts_tlsrpt_row>,
}

/// One session, or one skipped host, as counted in TLSRPT (RFC 8460, 4.3).
pub struct mtasts_tlsrpt_row {
    row: TlsrptRow,
}

/// Determines what a message asks about TLS, one of the MTASTS_MESSAGE_ numbers, from its `facts`: the MTASTS_FACT_
/// flags that apply to it, combined with |, or 0. Other bits are ignored.
///
/// REQUIRETLS takes precedence over the header field, and does not apply to a message with a null reverse path (RFC
/// 8689, 4).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_message_tls(facts: mtasts_message_facts) -> mtasts_message {
    let facts = MessageFacts::new()
        .with_requiretls(facts & MTASTS_FACT_REQUIRETLS != 0)
        .with_tls_required_no(facts & MTASTS_FACT_TLS_REQUIRED_NO != 0)
        .with_null_reverse_path(facts & MTASTS_FACT_NULL_REVERSE_PATH != 0);
    match MessageTls::of(facts) {
        MessageTls::Requiretls => MTASTS_MESSAGE_REQUIRETLS,
        MessageTls::TlsRequiredNo => MTASTS_MESSAGE_TLS_REQUIRED_NO,
        _ => MTASTS_MESSAGE_UNSPECIFIED,
    }
}

/// Returns 1 if a message says "TLS-Required: No", otherwise 0; `values` has the `count` values of all its header
/// fields of that name. There must be exactly one such field, with the value "No" alone. 0 for NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_tls_required_no(values: *const mtasts_bytes, count: usize) -> i32 {
    guard::get(0, || {
        // SAFETY: octets as required by the header.
        let values = unsafe { octets_of_all(values, count) }.ok()?;
        Some(i32::from(tls_required_no(&values)))
    })
}

/// Creates a delivery under the outcome of a lookup: its policy, none, or that this could not be determined. The
/// outcome remains the caller's and may be freed afterwards.
///
/// If DNS did not tell whether there is a policy, no host receives the message: connecting is the goal of an attacker
/// who suppresses the record (RFC 8461, 10.2). NULL has the same effect. The caller frees the delivery with
/// mtasts_delivery_free(). Never returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_of(outcome: Option<&mtasts_outcome>) -> Box<mtasts_delivery> {
    let binding =
        outcome.map(mtasts_outcome::core).map_or(Binding::Unknown, |outcome| match outcome.policy() {
            Some(policy) => Binding::Policy(policy.clone()),
            None if outcome.is_known() => Binding::NoPolicy,
            None => Binding::Unknown,
        });
    Box::new(mtasts_delivery::new(binding))
}

/// Creates a delivery under `policy`, which remains the caller's and may be freed afterwards. NULL counts as an unknown
/// policy, as in mtasts_delivery_undetermined().
///
/// The caller frees it with mtasts_delivery_free(). Never returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_under(policy: Option<&mtasts_policy>) -> Box<mtasts_delivery> {
    let binding = policy.map_or(Binding::Unknown, |policy| Binding::Policy(policy.core().clone()));
    Box::new(mtasts_delivery::new(binding))
}

/// Creates a delivery to a domain that provably has no policy. If that is not known, use
/// mtasts_delivery_undetermined().
///
/// The caller frees it with mtasts_delivery_free(). Never returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_without_policy() -> Box<mtasts_delivery> {
    Box::new(mtasts_delivery::new(Binding::NoPolicy))
}

/// Creates a delivery to a domain whose policy could not be determined: the message waits.
///
/// The caller frees it with mtasts_delivery_free(). Never returns NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_undetermined() -> Box<mtasts_delivery> {
    Box::new(mtasts_delivery::new(Binding::Unknown))
}

/// Sets what the message asks about TLS: `message` is one of the MTASTS_MESSAGE_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_message(
    delivery: Option<&mut mtasts_delivery>,
    message: mtasts_message,
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

/// Sets what the operator requires of every session: `minimum` is one of the MTASTS_MINIMUM_ numbers. No policy lowers
/// it.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_minimum(
    delivery: Option<&mut mtasts_delivery>,
    minimum: mtasts_minimum,
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

/// Sets the precedence for a host that has both DANE and a policy: `precedence` is one of the MTASTS_DANE_PRECEDENCE_
/// numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_set_dane_precedence(
    delivery: Option<&mut mtasts_delivery>,
    precedence: mtasts_dane_precedence,
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

/// Sets whether the message is a TLSRPT report (`is_report` is nonzero): it is sent despite failures of MTA-STS and
/// DANE, and its sessions are not counted (RFC 8460, 3 and 5.3.1).
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

/// Creates a host of the MX list, of which only the `name` is known, as given in the MX record.
///
/// A domain without MX records is its own only MX host, and so is a smart host. A text that is not a host name, such as
/// an IP address, is not an error: such a host is skipped if a policy is enforced or a certificate required, and
/// receives the message otherwise. Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_mx_host_new(
    name: *const c_char,
    host: Option<&mut MaybeUninit<*mut mtasts_mx_host>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = host.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let name = unsafe { optional_string(name) }.ok_or(Fault::NULL)?;
        let name = core::str::from_utf8(name).ok().and_then(|name| DnsName::parse(name).ok());
        give(out, mtasts_mx_host { name, dane: DaneState::NotApplicable, dnssec: false });
        Ok(())
    })
}

/// Sets what DNS says about DANE for the host, before a connection: `dane` is MTASTS_DANE_NOT_APPLICABLE,
/// MTASTS_DANE_USABLE or MTASTS_DANE_LOOKUP_FAILED. The result for its certificate is passed to mtasts_check_session().
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_host_set_dane(
    host: Option<&mut mtasts_mx_host>,
    dane: mtasts_dane,
) -> mtasts_status {
    set(host, |host| {
        host.dane = match dane {
            MTASTS_DANE_NOT_APPLICABLE => DaneState::NotApplicable,
            MTASTS_DANE_USABLE => DaneState::Usable,
            MTASTS_DANE_LOOKUP_FAILED => DaneState::LookupFailed,
            _ => return MTASTS_ERR_ARGUMENT,
        };
        MTASTS_OK
    })
}

/// Sets whether DNSSEC authenticates the name of the host (`authenticated` is nonzero) (RFC 8689, 4.2.1).
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
/// For a sender that learns of its hosts one by one; with the whole list, and what DANE says of each host, use
/// mtasts_plan(), whose verdicts are the same. A `*verdict` of an earlier call is overwritten and not freed: free it
/// first.
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

/// Decides about every host of an MX list: `count` hosts at `hosts`, in order, leaving none out.
///
/// The verdicts are those of mtasts_check_mx(), and mtasts_mx_plan_permits_none() tells whether no connection makes
/// sense. A `*plan` of an earlier call is overwritten and not freed: free it first.
///
/// Errors: MTASTS_ERR_NULL, also if a host is NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_plan(
    delivery: Option<&mtasts_delivery>,
    hosts: *const Option<&mtasts_mx_host>,
    count: usize,
    plan: Option<&mut MaybeUninit<*mut mtasts_mx_plan>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = plan.ok_or(Fault::NULL)?;
        // SAFETY: an array as required by the header.
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

/// The number of hosts in the plan. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_count(plan: Option<&mtasts_mx_plan>) -> usize {
    plan.map_or(0, |plan| plan.verdicts.len())
}

/// The verdict about a host, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_get(
    plan: Option<&mtasts_mx_plan>,
    index: usize,
) -> Option<&mtasts_mx_verdict> {
    plan?.verdicts.get(index)
}

/// Returns 1 if no host may receive the message, otherwise 0. There is nothing to connect to then: continue with
/// mtasts_conclude(). 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_permits_none(plan: Option<&mtasts_mx_plan>) -> i32 {
    plan.map_or(0, |plan| i32::from(plan.permits_none))
}

/// Frees a plan. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_plan_free(plan: Option<Box<mtasts_mx_plan>>) {
    drop(plan);
}

/// The decision: one of the MTASTS_MX_ numbers. MTASTS_MX_SKIP for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_decision(verdict: Option<&mtasts_mx_verdict>) -> mtasts_mx_decision {
    verdict.map_or(MTASTS_MX_SKIP, |verdict| verdict.decision)
}

/// The reason for skipping the host: one of the MTASTS_FAULT_ numbers. 0 if it is not skipped, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_fault(verdict: Option<&mtasts_mx_verdict>) -> mtasts_status {
    verdict.map_or(0, |verdict| verdict.fault)
}

/// The name to authenticate: the DNS-ID that the certificate must match, and with DANE the TLSA base domain. It is set
/// for MTASTS_MX_AUTHENTICATE, _AUTHENTICATE_BY_DANE and _AUTHENTICATE_BY_BOTH; NULL for the others, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_dns_id(verdict: Option<&mtasts_mx_verdict>) -> *const c_char {
    verdict.and_then(|verdict| verdict.dns_id.as_ref()).map_or(NONE, |dns_id| dns_id.as_ptr())
}

/// The number of rows to count in TLSRPT now: those of a skipped host. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_row_count(verdict: Option<&mtasts_mx_verdict>) -> usize {
    verdict.map_or(0, |verdict| verdict.rows.len())
}

/// A row for TLSRPT, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_row_get(
    verdict: Option<&mtasts_mx_verdict>,
    index: usize,
) -> Option<&mtasts_tlsrpt_row> {
    verdict?.rows.get(index)
}

/// Frees a verdict from mtasts_check_mx(); those of a plan are freed with it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mx_verdict_free(verdict: Option<Box<mtasts_mx_verdict>>) {
    drop(verdict);
}

/// Decides about a session, after the TLS attempt and the EHLO that follows: `tls`, the result of the attempt, is one
/// of the MTASTS_TLS_ numbers; `dane_result`, the result of comparing the certificate with the TLSA records, is one of
/// the MTASTS_DANE_RESULT_ numbers; `offers_requiretls` is nonzero if that EHLO response offered REQUIRETLS.
///
/// A host with MTASTS_DANE_USABLE receives the message only with MTASTS_DANE_RESULT_PASSED. If `tls` means that there
/// is no TLS of version 1.2 or later, `dane_result` must be MTASTS_DANE_RESULT_NOT_CHECKED. A `*verdict` of an earlier
/// call is overwritten and not freed: free it first.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown number, and for a DANE result without such TLS: end the
/// session without sending the message.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_check_session(
    delivery: Option<&mtasts_delivery>,
    host: Option<&mtasts_mx_host>,
    tls: mtasts_tls,
    dane_result: mtasts_dane_result,
    offers_requiretls: i32,
    verdict: Option<&mut MaybeUninit<*mut mtasts_session_verdict>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = verdict.ok_or(Fault::NULL)?;
        let host = host.ok_or(Fault::NULL)?.core();
        let session = Session::new(tls_result(tls, dane_result)?).with_requiretls(offers_requiretls != 0);
        let verdict = delivery.ok_or(Fault::NULL)?.core().check_session(&host, session);
        give(out, mtasts_session_verdict { rows: rows(&verdict.rows), verdict });
        Ok(())
    })
}

/// The decision: one of the MTASTS_SESSION_ numbers. MTASTS_SESSION_TRY_NEXT_MX for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_decision(
    verdict: Option<&mtasts_session_verdict>,
) -> mtasts_session_decision {
    match verdict.map(|verdict| verdict.verdict.decision) {
        Some(SessionDecision::Deliver) => MTASTS_SESSION_DELIVER,
        _ => MTASTS_SESSION_TRY_NEXT_MX,
    }
}

/// The reason for not sending the message: one of the MTASTS_FAULT_ numbers. 0 if it may be sent, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_fault(verdict: Option<&mtasts_session_verdict>) -> mtasts_status {
    verdict.and_then(|verdict| verdict.verdict.fault).map_or(0, |fault| fault.number().into())
}

/// The number of rows to count in TLSRPT, successes included: one for each type of policy that was checked. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_session_verdict_row_count(verdict: Option<&mtasts_session_verdict>) -> usize {
    verdict.map_or(0, |verdict| verdict.rows.len())
}

/// A row for TLSRPT, by its index from 0. NULL for NULL, and if the index is out of range.
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

/// The type of policy under which the row is counted: one of the MTASTS_POLICY_TYPE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_policy_type(row: Option<&mtasts_tlsrpt_row>) -> mtasts_policy_type {
    row.map_or(0, |row| row.row.policy_type.number().into())
}

/// The result type: one of the MTASTS_TLSRPT_ numbers. 0 for a row that counts as a success, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_result_type(row: Option<&mtasts_tlsrpt_row>) -> mtasts_result_type {
    row.and_then(|row| row.row.result_type).map_or(0, |result| result.number().into())
}

/// The reason of the `row`, one of the MTASTS_FAULT_ numbers: its mtasts_status_code() is the failure-reason-code. 0 for none, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_tlsrpt_row_reason(row: Option<&mtasts_tlsrpt_row>) -> mtasts_status {
    row.and_then(|row| row.row.reason).map_or(0, |fault| fault.number().into())
}

/// Compares the outcome of a lookup for MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE with the policy of the `delivery`: one
/// of the MTASTS_RECHECK_ numbers, for mtasts_conclude(). MTASTS_RECHECK_NOT_CHECKED for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_delivery_recheck(
    delivery: Option<&mtasts_delivery>,
    outcome: Option<&mtasts_outcome>,
) -> mtasts_recheck {
    guard::get(MTASTS_RECHECK_NOT_CHECKED, || {
        Some(match delivery?.core().recheck(outcome?.core()) {
            Recheck::Unchanged => MTASTS_RECHECK_UNCHANGED,
            Recheck::Changed => MTASTS_RECHECK_CHANGED,
            Recheck::NoLongerBound => MTASTS_RECHECK_NO_LONGER_BOUND,
            _ => MTASTS_RECHECK_NOT_CHECKED,
        })
    })
}

/// Decides what to do with the message after no MX host accepted it. For each of the `count` hosts that were tried or
/// skipped, `hosts` has the MTASTS_FAULT_ number of its verdict, or 0 if it was unreachable or answered with a
/// temporary failure; `lifetime` is one of the MTASTS_QUEUE_ numbers; `recheck` is MTASTS_RECHECK_NONE, or the result
/// of mtasts_delivery_recheck() after MTASTS_CONCLUSION_RECHECK_POLICY. `*conclusion` becomes one of the
/// MTASTS_CONCLUSION_ numbers.
///
/// Errors: MTASTS_ERR_NULL; MTASTS_ERR_ARGUMENT for an unknown fault, lifetime or recheck: keep the message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_conclude(
    delivery: Option<&mtasts_delivery>,
    hosts: *const mtasts_status,
    count: usize,
    lifetime: mtasts_queue_lifetime,
    recheck: mtasts_recheck,
    conclusion: Option<&mut MaybeUninit<mtasts_conclusion>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = conclusion.ok_or(Fault::NULL)?;
        // SAFETY: an array as required by the header.
        let hosts = unsafe { array(hosts, count) }?;
        let hosts: Vec<_> = hosts.iter().map(|host| host_outcome(*host)).collect::<Result<_, _>>()?;
        let lifetime = match lifetime {
            MTASTS_QUEUE_RUNNING => QueueLifetime::Running,
            MTASTS_QUEUE_OVER => QueueLifetime::Over,
            _ => return Err(Fault::ARGUMENT),
        };
        let recheck = match recheck {
            MTASTS_RECHECK_NONE => None,
            MTASTS_RECHECK_UNCHANGED => Some(Recheck::Unchanged),
            MTASTS_RECHECK_CHANGED => Some(Recheck::Changed),
            MTASTS_RECHECK_NO_LONGER_BOUND => Some(Recheck::NoLongerBound),
            MTASTS_RECHECK_NOT_CHECKED => Some(Recheck::NotChecked),
            _ => return Err(Fault::ARGUMENT),
        };
        out.write(match delivery.ok_or(Fault::NULL)?.core().conclude(&hosts, lifetime, recheck) {
            Conclusion::RecheckPolicy => MTASTS_CONCLUSION_RECHECK_POLICY,
            Conclusion::TryAgain => MTASTS_CONCLUSION_TRY_AGAIN,
            Conclusion::Bounce(EnhancedStatus::EncryptionNeeded) => {
                MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED
            }
            Conclusion::Bounce(EnhancedStatus::RequiretlsNeeded) => {
                MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED
            }
            // Any other reason counts as a message that was in the queue for too long, until it has a number of its
            // own.
            Conclusion::Bounce(_) => MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED,
            _ => MTASTS_CONCLUSION_DEFER,
        });
        Ok(())
    })
}

/// The enhanced status code with which to return the message: "5.4.7", "5.7.10", "5.7.30". NULL for a conclusion other
/// than a bounce. It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_conclusion_enhanced_status(conclusion: mtasts_conclusion) -> *const c_char {
    match conclusion {
        MTASTS_CONCLUSION_BOUNCE_DELIVERY_TIME_EXPIRED => c"5.4.7".as_ptr(),
        MTASTS_CONCLUSION_BOUNCE_ENCRYPTION_NEEDED => c"5.7.10".as_ptr(),
        MTASTS_CONCLUSION_BOUNCE_REQUIRETLS_NEEDED => c"5.7.30".as_ptr(),
        _ => NONE,
    }
}

impl mtasts_delivery {
    const fn new(binding: Binding) -> Self {
        Self {
            binding,
            message: MessageTls::Unspecified,
            minimum: TlsMinimum::Opportunistic,
            dane_precedence: DanePrecedence::Both,
            is_tlsrpt_report: false,
        }
    }

    const fn core(&self) -> Delivery<'_> {
        let delivery = match &self.binding {
            Binding::Policy(policy) => Delivery::under(policy),
            Binding::NoPolicy => Delivery::without_policy(),
            Binding::Unknown => Delivery::undetermined(),
        };
        delivery
            .with_message(self.message)
            .with_minimum(self.minimum)
            .with_dane_precedence(self.dane_precedence)
            .with_tlsrpt_report(self.is_tlsrpt_report)
    }
}

impl mtasts_tlsrpt_row {
    pub(crate) const fn core(&self) -> TlsrptRow {
        self.row
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
            MxDecision::AuthenticateByBoth(name) => (MTASTS_MX_AUTHENTICATE_BY_BOTH, 0, Some(name)),
            MxDecision::Encrypt => (MTASTS_MX_ENCRYPT, 0, None),
            MxDecision::Opportunistic => (MTASTS_MX_OPPORTUNISTIC, 0, None),
            _ => (MTASTS_MX_SKIP, SessionFault::PolicyUnknown.number().into(), None),
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

/// Contradictory facts are not a session: without TLS there is no certificate for DANE to check.
const fn tls_result(tls: mtasts_tls, dane: mtasts_dane_result) -> Result<TlsResult, Fault> {
    let certificate = match tls {
        MTASTS_TLS_CERTIFICATE_EXPIRED => CertificateResult::Expired,
        MTASTS_TLS_CERTIFICATE_NOT_YET_VALID => CertificateResult::NotYetValid,
        MTASTS_TLS_CERTIFICATE_HOST_MISMATCH => CertificateResult::HostMismatch,
        MTASTS_TLS_CERTIFICATE_NOT_TRUSTED => CertificateResult::NotTrusted,
        MTASTS_TLS_CERTIFICATE_NOT_CHECKED => CertificateResult::NotChecked,
        MTASTS_TLS_AUTHENTICATED => CertificateResult::Valid,
        _ if dane != MTASTS_DANE_RESULT_NOT_CHECKED => return Err(Fault::ARGUMENT),
        MTASTS_TLS_NOT_OFFERED => return Ok(TlsResult::NotOffered),
        MTASTS_TLS_REFUSED => return Ok(TlsResult::Refused),
        MTASTS_TLS_HANDSHAKE_FAILED => return Ok(TlsResult::HandshakeFailed),
        MTASTS_TLS_VERSION_TOO_OLD => return Ok(TlsResult::VersionTooOld),
        _ => return Err(Fault::ARGUMENT),
    };
    let dane = match dane {
        MTASTS_DANE_RESULT_NOT_CHECKED => DaneResult::NotChecked,
        MTASTS_DANE_RESULT_PASSED => DaneResult::Passed,
        MTASTS_DANE_RESULT_FAILED => DaneResult::Failed,
        _ => return Err(Fault::ARGUMENT),
    };
    Ok(TlsResult::Established(Authentication::new(certificate).with_dane(dane)))
}

fn host_outcome(number: mtasts_status) -> Result<HostOutcome, Fault> {
    if number == 0 {
        return Ok(HostOutcome::Unavailable);
    }
    let fault = SessionFault::ALL.iter().find(|kind| i32::from(kind.number()) == number);
    fault.map(|fault| HostOutcome::Faulted(*fault)).ok_or(Fault::ARGUMENT)
}
