//! The outcome of a lookup.

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

/// The origin of a policy: one of the MTASTS_SOURCE_ numbers.
pub type mtasts_source = u32;

/// The policy was cached by an earlier fetch.
pub const MTASTS_SOURCE_CACHED: u32 = 1;
/// The policy was fetched by this lookup.
pub const MTASTS_SOURCE_FETCHED: u32 = 2;

/// What to remember after a lookup: one of the MTASTS_UPDATE_ numbers.
pub type mtasts_update = u32;

/// Nothing changes.
pub const MTASTS_UPDATE_KEEP: u32 = 1;
/// The record was checked; the policy stays as it is.
pub const MTASTS_UPDATE_CHECKED: u32 = 2;
/// The domain has no usable record.
pub const MTASTS_UPDATE_ABSENT: u32 = 3;
/// The policy of this record id could not be fetched.
pub const MTASTS_UPDATE_BACK_OFF: u32 = 4;
/// A policy was fetched.
pub const MTASTS_UPDATE_STORE: u32 = 5;

/// Whether a lookup has queried the domain for a newer policy than the cached one: one of the MTASTS_RECORD_CHECK_
/// numbers.
pub type mtasts_record_check = u32;

/// The domain was not queried: the cached entry was enough.
pub const MTASTS_RECORD_CHECK_NOT_MADE: u32 = 0;
/// DNS answered, and the domain has no newer policy than that of the outcome.
pub const MTASTS_RECORD_CHECK_CURRENT: u32 = 1;
/// DNS did not answer, or there is a newer policy that was not fetched.
pub const MTASTS_RECORD_CHECK_FAILED: u32 = 2;

/// The outcome of a lookup: the policy to apply or the reason why there is none, what to remember, and what to report.
pub struct mtasts_outcome {
    outcome: Outcome,
    policy: Option<mtasts_policy>,
    id: CString,
    reason_code: CString,
    // Each with its NUL, concatenated.
    received_lines: Vec<u8>,
}

/// The policy to apply; its mode may be testing or none. NULL if there is none, and for NULL: then
/// mtasts_outcome_no_policy() has the reason.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_policy(outcome: Option<&mtasts_outcome>) -> Option<&mtasts_policy> {
    outcome?.policy.as_ref()
}

/// Returns 1 if it is known whether a policy applies. 0 if not, and for NULL: then the mail waits, and another lookup
/// is made later; mtasts_delivery_of() takes care of that.
///
/// Sending it as if the domain had no MTA-STS is the goal of an attacker who suppresses the record (RFC 8461, 10.2).
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_is_known(outcome: Option<&mtasts_outcome>) -> c_int {
    outcome.is_some_and(|outcome| outcome.outcome.is_known()).into()
}

/// The origin of the policy: one of the MTASTS_SOURCE_ numbers. 0 if there is no policy, and for NULL.
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

/// The reason why no policy applies: one of the MTASTS_NO_POLICY_ numbers. 0 if one does, and for NULL.
///
/// The mail is sent as if the domain had no MTA-STS if mtasts_outcome_is_known(); otherwise it waits.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    no_policy(outcome).map_or(0, |reason| reason.kind().number().into())
}

/// The error of the record, of DNS, or of the fetch, by its own number. 0 if there are no details, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy_detail(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    no_policy(outcome).map_or(0, |reason| match reason {
        NoPolicy::InvalidRecord(kind) => kind.number().into(),
        NoPolicy::DnsFailed(failure) => failure.number().into(),
        NoPolicy::FetchFailed(fault) => number(fault),
        _ => 0,
    })
}

/// The time from which a lookup fetches again, for MTASTS_NO_POLICY_BACKING_OFF, in Unix seconds. 0 otherwise, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_no_policy_until(outcome: Option<&mtasts_outcome>) -> u64 {
    no_policy(outcome).map_or(0, |reason| match reason {
        NoPolicy::BackingOff { until } => until.as_secs(),
        _ => 0,
    })
}

/// The kind of update: one of the MTASTS_UPDATE_ numbers. 0 for NULL.
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

/// Applies the update to `entry`, which your store holds by now (NULL for none), at the time `now` in Unix seconds.
/// `*updated` becomes the entry to store in its place, or NULL if there is nothing left to remember.
///
/// With a mtasts_cache, call mtasts_cache_apply() instead. Processes that share a store must lock it from reading to
/// writing. If the updated entry has another policy in force than the outcome, another process has stored one that was
/// requested later: deliver under that one. Errors: MTASTS_ERR_NULL.
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

/// The result type to count in TLSRPT under policy type "sts": one of the MTASTS_TLSRPT_ numbers. 0 if there is nothing
/// to report, and for NULL.
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

/// The number of lines received in a body that was not a valid policy: the policy-string of the report (RFC 8460, 4.4).
/// Together they take at most twice the octets of the body. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_line_count(outcome: Option<&mtasts_outcome>) -> usize {
    outcome.map_or(0, |outcome| outcome.received_lines().count())
}

/// A line received in such a body, by its index from 0; each run of invalid UTF-8 and control characters is replaced by
/// one U+FFFD. It is searched from the first line on. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_failure_line_get(
    outcome: Option<&mtasts_outcome>,
    index: usize,
) -> *const c_char {
    outcome.and_then(|outcome| outcome.received_lines().nth(index)).map_or(NONE, |line| line.as_ptr().cast())
}

/// The alert for the administrator: the number of the fault because of which a policy could not be refreshed. 0 if
/// there is none, and for NULL. A single failure is no reason to worry: see mtasts_outcome_alert_failures().
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert(outcome: Option<&mtasts_outcome>) -> mtasts_status {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| number(alert.fault))
}

/// The number of failed fetches since the last success, including this one. 0 without an alert, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert_failures(outcome: Option<&mtasts_outcome>) -> u32 {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| alert.failures)
}

/// The last second in which the cached policy protects mail, in Unix seconds. 0 without an alert, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_outcome_alert_expires_at(outcome: Option<&mtasts_outcome>) -> u64 {
    outcome.and_then(|outcome| outcome.outcome.alert).map_or(0, |alert| alert.expires_at.as_secs())
}

/// Whether the domain was queried for a newer policy, and the result: one of the MTASTS_RECORD_CHECK_ numbers.
/// MTASTS_RECORD_CHECK_NOT_MADE for NULL. mtasts_delivery_recheck() tells what it means for a message that would be
/// returned.
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
        // They replace those of the outcome, so they are held once.
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

/// The number of the fault of a fetch: that of the error in the body, if there is one.
fn number(fault: FetchFault) -> i32 {
    match fault {
        FetchFault::Failure(failure) => failure.number().into(),
        FetchFault::Error(error) => Fault::from(error).status(),
    }
}
