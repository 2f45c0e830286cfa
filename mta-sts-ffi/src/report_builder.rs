//! Builds a TLS report step by step.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::net::IpAddr;

use mta_sts_core::UnixTime;
use mta_sts_core::tlsrpt::{FailureDetails, Report, ReportPeriod, ReportPolicy, Word};

use crate::guard::{self, Guarded};
use crate::pointer::{give, string};
use crate::report::mtasts_report;
use crate::status::{Fault, mtasts_error, mtasts_status};

/// A report being built: each addition applies to the policy, or the kind of failure, that was added last.
///
/// A mtasts_tally builds its reports itself; this is for programs with counts of their own.
pub struct mtasts_report_builder {
    building: Guarded<Building>,
}

struct Building {
    report: Option<Report>,
    policy: Option<ReportPolicy>,
    // Added to the policy at once.
    lines: Vec<Box<str>>,
    mx_patterns: Vec<Box<str>>,
    details: Option<FailureDetails>,
}

/// Starts a report: of the `organization`, with the mail address `contact` for questions, and the report-id `id`, about
/// the period from `start` to `end`, in Unix seconds, inclusive.
///
/// mtasts_report_json() checks whether it may be written. Errors: MTASTS_ERR_ARGUMENT if it ends before it starts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_new(
    organization: *const c_char,
    contact: *const c_char,
    id: *const c_char,
    start: u64,
    end: u64,
    builder: Option<&mut MaybeUninit<*mut mtasts_report_builder>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = builder.ok_or(Fault::NULL)?;
        // SAFETY: strings as required by the header.
        let (organization, contact, id) = unsafe { (string(organization)?, string(contact)?, string(id)?) };
        let period = ReportPeriod::new(UnixTime::from_secs(start), UnixTime::from_secs(end));
        let report = Report::new(organization, contact, id, period.ok_or(Fault::ARGUMENT)?);
        let building = Building {
            report: Some(report),
            policy: None,
            lines: Vec::new(),
            mx_patterns: Vec::new(),
            details: None,
        };
        give(out, mtasts_report_builder { building: Guarded::new(building) });
        Ok(())
    })
}

/// Appends a policy: its `policy_type`, as returned by mtasts_policy_type_word(), its `domain`, and the numbers of
/// successful and failed sessions under it, `successes` and `failures`.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_add_policy(
    builder: Option<&mut mtasts_report_builder>,
    policy_type: *const c_char,
    domain: *const c_char,
    successes: u64,
    failures: u64,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(builder, policy_type, |building, policy_type| {
            let policy = ReportPolicy::new(policy_type, string(domain)?).with_sessions(successes, failures);
            building.close_policy();
            building.policy = Some(policy);
            Ok(())
        })
    }
}

/// Appends a `line` to the policy: of an MTA-STS policy as received, or a TLSA record. A line feed ends a line.
///
/// Errors: MTASTS_ERR_TOO_EARLY without a policy; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_add_line(
    builder: Option<&mut mtasts_report_builder>,
    line: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(builder, line, |building, line| {
            building.has_policy()?;
            building.lines.push(line.into());
            Ok(())
        })
    }
}

/// Appends an mx `pattern` to the policy, as written in the MTA-STS policy.
///
/// Errors: the same as mtasts_report_builder_add_line().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_add_mx(
    builder: Option<&mut mtasts_report_builder>,
    pattern: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(builder, pattern, |building, pattern| {
            building.has_policy()?;
            building.mx_patterns.push(pattern.into());
            Ok(())
        })
    }
}

/// Appends a kind of failure to the policy: its `result_type`, as returned by mtasts_result_type_word(), and the number
/// of `sessions` affected. Everything else about it is omitted unless it is set.
///
/// Errors: the same as mtasts_report_builder_add_line().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_add_failure(
    builder: Option<&mut mtasts_report_builder>,
    result_type: *const c_char,
    sessions: u64,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(builder, result_type, |building, result_type| {
            building.has_policy()?;
            building.close_details();
            building.details = Some(FailureDetails::new(result_type, sessions));
            Ok(())
        })
    }
}

/// Sets the `address` of the sending mail server, for the last kind of failure.
///
/// Errors: MTASTS_ERR_TOO_EARLY without a failure; MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_sending_mta_ip(
    builder: Option<&mut mtasts_report_builder>,
    address: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, address, |details, text| details.with_sending_mta_ip(Word::<IpAddr>::from(text))) }
}

/// Sets the `name` of the MX host, as in its MX record.
///
/// Errors: the same as mtasts_report_builder_set_sending_mta_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_receiving_mx_hostname(
    builder: Option<&mut mtasts_report_builder>,
    name: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, name, |details, text| details.with_receiving_mx_hostname(text)) }
}

/// Sets the name of the MX host from its `greeting`, or from its EHLO response: the first word, at most 255 octets.
///
/// Errors: the same as mtasts_report_builder_set_sending_mta_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_receiving_mx_helo(
    builder: Option<&mut mtasts_report_builder>,
    greeting: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, greeting, |details, text| details.with_receiving_mx_helo(text)) }
}

/// Sets the `address` of the MX host.
///
/// Errors: the same as mtasts_report_builder_set_sending_mta_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_receiving_ip(
    builder: Option<&mut mtasts_report_builder>,
    address: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, address, |details, text| details.with_receiving_ip(Word::<IpAddr>::from(text))) }
}

/// Sets the `uri` of a page with more information.
///
/// Errors: the same as mtasts_report_builder_set_sending_mta_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_additional_information(
    builder: Option<&mut mtasts_report_builder>,
    uri: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, uri, |details, text| details.with_additional_information(text)) }
}

/// Sets the `reason`, a code of yours or a message: at most 128 octets, with "?" for what is not printable ASCII.
///
/// Errors: the same as mtasts_report_builder_set_sending_mta_ip().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_report_builder_set_failure_reason_code(
    builder: Option<&mut mtasts_report_builder>,
    reason: *const c_char,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { set(builder, reason, |details, text| details.with_failure_reason_code(text)) }
}

/// Returns the finished report; the builder starts no other, and still has to be freed.
///
/// Errors: MTASTS_ERR_TOO_EARLY if the builder has already returned its report.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_builder_finish(
    builder: Option<&mut mtasts_report_builder>,
    report: Option<&mut MaybeUninit<*mut mtasts_report>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = report.ok_or(Fault::NULL)?;
        let report = builder.ok_or(Fault::NULL)?.building.change(|building| {
            building.close_policy();
            building.report.take().ok_or(Fault::TOO_EARLY)
        })??;
        give(out, mtasts_report::built(report));
        Ok(())
    })
}

/// Frees a builder, finished or not. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_report_builder_free(builder: Option<Box<mtasts_report_builder>>) {
    drop(builder);
}

impl Building {
    fn has_policy(&self) -> Result<(), Fault> {
        self.policy.as_ref().map(drop).ok_or(Fault::TOO_EARLY)
    }

    fn close_details(&mut self) {
        if let Some(details) = self.details.take() {
            self.policy = self.policy.take().map(|policy| policy.with_details(details));
        }
    }

    fn close_policy(&mut self) {
        self.close_details();
        if let Some(policy) = self.policy.take() {
            let policy = policy.with_lines(self.lines.drain(..)).with_mx_hosts(self.mx_patterns.drain(..));
            self.report = self.report.take().map(|report| report.with_policy(policy));
        }
    }
}

/// Adds a value from a text.
///
/// # Safety
///
/// `text` is a string as required by the header.
unsafe fn add(
    builder: Option<&mut mtasts_report_builder>,
    text: *const c_char,
    add: impl FnOnce(&mut Building, &str) -> Result<(), Fault>,
) -> mtasts_status {
    guard::run(None, || {
        let builder = builder.ok_or(Fault::NULL)?;
        // SAFETY: guaranteed by the caller.
        let text = unsafe { string(text) }?;
        builder.building.change(|building| {
            if building.report.is_none() {
                return Err(Fault::TOO_EARLY);
            }
            add(building, text)
        })?
    })
}

/// Sets a value of the last kind of failure from a text.
///
/// # Safety
///
/// The same as for [`add`].
unsafe fn set(
    builder: Option<&mut mtasts_report_builder>,
    text: *const c_char,
    set: impl FnOnce(FailureDetails, &str) -> FailureDetails,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe {
        add(builder, text, |building, text| {
            building.details = Some(set(building.details.take().ok_or(Fault::TOO_EARLY)?, text));
            Ok(())
        })
    }
}
