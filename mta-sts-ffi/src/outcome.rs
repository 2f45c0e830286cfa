//! What a lookup came to.

use std::ffi::{CString, c_char, c_int};
use std::mem::MaybeUninit;

use mta_sts_core::{
    AppliedPolicy, CacheUpdate, FetchFault, NoPolicy, Outcome, PolicySource, RecordCheck, UnixTime,
};

use crate::entry::mtasts_entry;
use crate::guard;
use crate::pointer::give_option;
use crate::policy::mtasts_policy;
use crate::status::{Fault, mtasts_status};
use crate::text::{NONE, c_string};
use crate::tlsrpt::mtasts_result_type;

/// Where a policy came from: one of the MTASTS_SOURCE_ numbers.
pub type mtasts_source = u32;

/// The policy was remembered from an earlier fetch.
pub const MTASTS_SOURCE_CACHED: u32 = 1;
/// The policy was fetched by this lookup.
pub const MTASTS_SOURCE_FETCHED: u32 = 2;

/// What is to be remembered after a lookup: one of the MTASTS_UPDATE_ numbers.
pub type mtasts_update = u32;

/// Nothing new is to be remembered.
pub const MTASTS_UPDATE_KEEP: u32 = 1;
/// The record was looked at; the policy stays as it is.
pub const MTASTS_UPDATE_CHECKED: u32 = 2;
/// The domain has no usable record.
pub const MTASTS_UPDATE_ABSENT: u32 = 3;
/// The policy of this record id could not be fetched.
pub const MTASTS_UPDATE_BACK_OFF: u32 = 4;
/// A policy was fetched.
pub const MTASTS_UPDATE_STORE: u32 = 5;

/// Whether a lookup has asked the domain for a newer policy than the cached one: one of the MTASTS_RECORD_CHECK_ numbers.
pub type mtasts_record_check = u32;

/// The lookup has not asked: what was remembered was enough.
pub const MTASTS_RECORD_CHECK_NOT_MADE: u32 = 0;
/// DNS has answered, and the domain has no newer policy than the one of the outcome.
pub const MTASTS_RECORD_CHECK_CURRENT: u32 = 1;
/// DNS has not answered, or there is a newer policy that was not fetched.
pub const MTASTS_RECORD_CHECK_FAILED: u32 = 2;

/// What a lookup came to: the policy to apply or why there is none, what to remember, what to report.
pub struct mtasts_outcome {
    outcome: Outcome,
    policy: Option<mtasts_policy>,
    id: CString,
    reason_code: CString,
    // Each with its NUL, one behind the other.
    received_lines: Vec<u8>,
}

/// The policy to apply; its mode may be testing or none. NULL if there is none, and for NULL: then
/// mtasts_outcome_no_policy() says why.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_policy(outcome: Option<&mtasts_outcome>) -> Option<&mtasts_policy> {
    outcome?.policy.as_ref()
}

/// Whether it is known if a policy applies. 0 if not, and for NULL: then the mail waits, and another lookup is made later;
/// mtasts_delivery_of() sees to that.
///
/// To send it as to a domain without MTA-STS would be what an attacker wants who suppresses the record (RFC 8461, 10.2).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_is_known(outcome: Option<&mtasts_outcome>) -> c_int {
    outcome.is_some_and(|outcome| outcome.outcome.is_known()).into()
}

/// Where the policy came from: one of the MTASTS_SOURCE_ numbers. 0 if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_policy_source(outcome: Option<&mtasts_outcome>) -> mtasts_source {
    applied(outcome).map_or(0, |applied| match applied.source {
        PolicySource::Cached => MTASTS_SOURCE_CACHED,
        PolicySource::Fetched => MTASTS_SOURCE_FETCHED,
    })
}

/// The id of the record of the policy. NULL if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_policy_id(outcome: Option<&mtasts_outcome>) -> *const c_char {
    outcome.filter(|outcome| outcome.policy.is_some()).map_or(NONE, |outcome| outcome.id.as_ptr())
}

/// The last second in which the policy is in force, in Unix seconds. 0 if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_policy_expires_at(outcome: Option<&mtasts_outcome>) -> u64 {
    applied(outcome).map_or(0, |applied| applied.expires_at.as_secs())
}

/// Why no policy applies: one of the MTASTS_NO_POLICY_ numbers. 0 if one does, and for NULL.
///
/// The mail goes out as if the domain had no MTA-STS, if mtasts_outcome_is_known(); otherwise it waits.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    no_policy(outcome).map_or(0, |reason| reason.kind().number().into())
}

/// What was wrong with the record, DNS, or the fetch, by its own number. 0 if there is nothing more to tell, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy_detail(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    no_policy(outcome).map_or(0, |reason| match reason {
        NoPolicy::InvalidRecord(kind) => kind.number().into(),
        NoPolicy::DnsFailed(failure) => failure.number().into(),
        NoPolicy::FetchFailed(fault) => number(fault),
        _ => 0,
    })
}

/// From when on a lookup fetches again, for MTASTS_NO_POLICY_BACKING_OFF, in Unix seconds. 0 otherwise, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy_until(outcome: Option<&mtasts_outcome>) -> u64 {
    no_policy(outcome).map_or(0, |reason| match reason {
        NoPolicy::BackingOff { until } => until.as_secs(),
        _ => 0,
    })
}

/// What is to be remembered: one of the MTASTS_UPDATE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_update_kind(outcome: Option<&mtasts_outcome>) -> mtasts_update {
    outcome.map_or(0, |outcome| match outcome.outcome.cache_update {
        CacheUpdate::Keep => MTASTS_UPDATE_KEEP,
        CacheUpdate::Checked { .. } => MTASTS_UPDATE_CHECKED,
        CacheUpdate::Absent(_) => MTASTS_UPDATE_ABSENT,
        CacheUpdate::BackOff { .. } => MTASTS_UPDATE_BACK_OFF,
        CacheUpdate::Store { .. } => MTASTS_UPDATE_STORE,
    })
}

/// Applies what is to be remembered to `entry`, which your store holds by now (NULL for none), at the time `now` in Unix
/// seconds. `*updated` becomes the entry to keep in its place, or NULL when nothing is left worth remembering.
///
/// With a mtasts_cache, call mtasts_cache_apply() instead. Several processes that share a store lock it from the look to the
/// write. Where the updated entry has another policy in force than the outcome, another process has stored one that was asked
/// for later: deliver under that one. Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_apply(
    outcome: Option<&mtasts_outcome>,
    entry: Option<&mtasts_entry>,
    now: u64,
    updated: Option<&mut MaybeUninit<*mut mtasts_entry>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = updated.ok_or(Fault::NULL)?;
        let update = outcome.ok_or(Fault::NULL)?.cache_update();
        let entry = entry.map(|entry| entry.core().clone());
        give_option(out, update.apply_to(entry, UnixTime::from_secs(now)).map(mtasts_entry::new));
        Ok(())
    })
}

/// What to count in TLSRPT under policy type "sts": one of the MTASTS_TLSRPT_ numbers. 0 if there is nothing to report,
/// and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_result_type(outcome: Option<&mtasts_outcome>) -> mtasts_result_type {
    let failure = outcome.and_then(|outcome| outcome.outcome.failure.as_ref());
    failure.map_or(0, |failure| failure.result_type.number().into())
}

/// The failure-reason-code of the report. NULL if there is nothing to report, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_reason_code(outcome: Option<&mtasts_outcome>) -> *const c_char {
    outcome
        .filter(|outcome| outcome.outcome.failure.is_some())
        .map_or(NONE, |outcome| outcome.reason_code.as_ptr())
}

/// How many lines were received when the body was no valid policy: the policy-string of the report (RFC 8460, 4.4). Together
/// they take at most twice the octets of the body. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_line_count(outcome: Option<&mtasts_outcome>) -> usize {
    outcome.map_or(0, |outcome| outcome.received_lines().count())
}

/// A line that was received, in their order from 0; what is not UTF-8 and control characters are replaced, by one U+FFFD
/// however many stand in a row. It is looked for from the first line on. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_line_get(
    outcome: Option<&mtasts_outcome>,
    index: usize,
) -> *const c_char {
    outcome.and_then(|outcome| outcome.received_lines().nth(index)).map_or(NONE, |line| line.as_ptr().cast())
}

/// What to tell the administrator, since a policy could not be fetched anew: the number of the fault. 0 if there is
/// nothing to tell, and for NULL. Once is no reason to worry: see mtasts_outcome_alert_failures().
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| number(alert.fault))
}

/// How many fetches have failed since the last that succeeded, this one included. 0 without an alert, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert_failures(outcome: Option<&mtasts_outcome>) -> u32 {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| alert.failures)
}

/// The last second in which the cached policy protects mail, in Unix seconds. 0 without an alert, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert_expires_at(outcome: Option<&mtasts_outcome>) -> u64 {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| alert.expires_at.as_secs())
}

/// Whether the domain was asked for a newer policy, and what came of it: one of the MTASTS_RECORD_CHECK_ numbers.
/// MTASTS_RECORD_CHECK_NOT_MADE for NULL. What it means for a message that would be returned, mtasts_delivery_recheck() says.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_record_check(outcome: Option<&mtasts_outcome>) -> mtasts_record_check {
    match outcome.map(|outcome| outcome.outcome.record_check) {
        Some(RecordCheck::NotMade) | None => MTASTS_RECORD_CHECK_NOT_MADE,
        Some(RecordCheck::Current) => MTASTS_RECORD_CHECK_CURRENT,
        Some(_) => MTASTS_RECORD_CHECK_FAILED,
    }
}

/// Frees an outcome. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_free(outcome: Option<Box<mtasts_outcome>>) {
    drop(outcome);
}

impl mtasts_outcome {
    pub(crate) fn new(mut outcome: Outcome) -> Self {
        // In the place of the outcome's own, so that they are held once.
        let lines = outcome.failure.as_mut().map(|failure| core::mem::take(&mut failure.received_lines));
        let received_lines = lines.filter(|lines| !lines.is_empty()).map_or(Vec::new(), |lines| {
            let mut text = lines.into_text().into_bytes();
            text.iter_mut().filter(|octet| **octet == b'\n').for_each(|octet| *octet = 0);
            text.reserve_exact(1);
            text.push(0);
            text
        });
        let failure = outcome.failure.as_ref();
        let applied = outcome.applied.as_ref().ok();
        Self {
            policy: applied.map(|applied| mtasts_policy::new(applied.policy.clone())),
            id: applied.map(|applied| c_string(applied.id.as_str())).unwrap_or_default(),
            reason_code: failure.map(|failure| c_string(failure.reason_code)).unwrap_or_default(),
            received_lines,
            outcome,
        }
    }

    pub(crate) const fn core(&self) -> &Outcome {
        &self.outcome
    }

    fn received_lines(&self) -> impl Iterator<Item = &[u8]> {
        self.received_lines.split_inclusive(|octet| *octet == 0)
    }

    pub(crate) const fn cache_update(&self) -> &CacheUpdate {
        &self.outcome.cache_update
    }
}

fn applied(outcome: Option<&mtasts_outcome>) -> Option<&AppliedPolicy> {
    outcome?.outcome.applied.as_ref().ok()
}

fn no_policy(outcome: Option<&mtasts_outcome>) -> Option<NoPolicy> {
    outcome?.outcome.no_policy()
}

/// The number of what went wrong with a fetch: of the fault in the body, where there is one.
fn number(fault: FetchFault) -> i32 {
    match fault {
        FetchFault::Failure(failure) => failure.number().into(),
        FetchFault::Error(error) => Fault::from(error).status(),
    }
}
