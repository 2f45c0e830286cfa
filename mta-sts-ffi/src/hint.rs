//! Explains the failures in a TLS report.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::tlsrpt::{Hint, Whose};
use mta_sts_core::{PolicyType, ResultType};

use crate::guard;
use crate::pointer::{give, give_option, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};
use crate::tlsrpt::{mtasts_policy_type, mtasts_result_type};

/// Who has to act on a failure: one of the MTASTS_WHOSE_ numbers.
pub type mtasts_whose = u32;

/// The operator of the domain, its mail hosts, its policy host or their DNS has to act.
pub const MTASTS_WHOSE_OWNER: u32 = 1;
/// The sender of the report has to act.
pub const MTASTS_WHOSE_SENDER: u32 = 2;
/// The report does not tell who has to act: the owner, the sender, or something between them.
pub const MTASTS_WHOSE_UNCLEAR: u32 = 3;

/// An explanation of a failure: its cause, who has to act, and how to fix it.
pub struct mtasts_hint {
    hint: Hint,
    code: CString,
    cause: CString,
    fix: CString,
}

/// Explains a failure in a report by its `policy_type`, one of the MTASTS_POLICY_TYPE_ numbers, its `result_type`, one
/// of the MTASTS_TLSRPT_ numbers, and its failure-reason-code, `reason`. Pass 0 for a type that RFC 8460 does not
/// register, as returned by mtasts_failure_result_type(); `reason` may be NULL.
///
/// Reasons are in the sender's own words: those of this library, Postfix, OpenSSL, Microsoft, mox, Stalwart and
/// programs in Go are known. Errors: MTASTS_ERR_ARGUMENT for an unknown number; MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_hint_explain(
    policy_type: mtasts_policy_type,
    result_type: mtasts_result_type,
    reason: *const c_char,
    hint: Option<&mut MaybeUninit<*mut mtasts_hint>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = hint.ok_or(Fault::NULL)?;
        let policy_type = known(PolicyType::ALL, policy_type, PolicyType::number)?;
        let result_type = known(ResultType::ALL, result_type, ResultType::number)?;
        // SAFETY: a string as required by the header, if it is there.
        let reason = if reason.is_null() { "" } else { unsafe { string(reason) }? };
        give(out, mtasts_hint::new(Hint::explain(policy_type, result_type, reason)));
        Ok(())
    })
}

/// The hint with this `code`, including the codes of findings; `*hint` becomes NULL for any other.
///
/// Errors: MTASTS_ERR_NULL, MTASTS_ERR_STRING_NOT_UTF8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_hint_from_code(
    code: *const c_char,
    hint: Option<&mut MaybeUninit<*mut mtasts_hint>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = hint.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        give_option(out, Hint::from_code(unsafe { string(code) }?).map(mtasts_hint::new));
        Ok(())
    })
}

/// The stable code of the hint, such as "chain-incomplete": the same for the same fault, whatever the sender calls it.
/// NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_hint_code(hint: Option<&mtasts_hint>) -> *const c_char {
    hint.map_or(NONE, |hint| hint.code.as_ptr())
}

/// Who has to act: one of the MTASTS_WHOSE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_hint_whose(hint: Option<&mtasts_hint>) -> mtasts_whose {
    hint.map_or(0, |hint| match hint.hint.whose() {
        Whose::Owner => MTASTS_WHOSE_OWNER,
        Whose::Sender => MTASTS_WHOSE_SENDER,
        Whose::Unclear => MTASTS_WHOSE_UNCLEAR,
    })
}

/// The word for one of the MTASTS_WHOSE_ numbers, `whose`: "owner", "sender" or "unclear". NULL for an unknown number.
/// It is valid for the lifetime of the process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_whose_word(whose: mtasts_whose) -> *const c_char {
    match whose {
        MTASTS_WHOSE_OWNER => c"owner".as_ptr(),
        MTASTS_WHOSE_SENDER => c"sender".as_ptr(),
        MTASTS_WHOSE_UNCLEAR => c"unclear".as_ptr(),
        _ => NONE,
    }
}

/// What happened, in one sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_hint_cause(hint: Option<&mtasts_hint>) -> *const c_char {
    hint.map_or(NONE, |hint| hint.cause.as_ptr())
}

/// What to do, in one sentence. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_hint_fix(hint: Option<&mtasts_hint>) -> *const c_char {
    hint.map_or(NONE, |hint| hint.fix.as_ptr())
}

/// Frees a hint; one that belongs to a readiness is freed with it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_hint_free(hint: Option<Box<mtasts_hint>>) {
    drop(hint);
}

impl mtasts_hint {
    pub(crate) fn new(hint: Hint) -> Self {
        Self { hint, code: c_string(hint.code()), cause: c_string(hint.cause()), fix: c_string(hint.fix()) }
    }
}

/// The value with a number; `None` for 0.
fn known<T: Copy>(all: &[T], number: u32, number_of: fn(T) -> u16) -> Result<Option<T>, Fault> {
    if number == 0 {
        return Ok(None);
    }
    let found = all.iter().find(|value| u32::from(number_of(**value)) == number);
    found.copied().map(Some).ok_or(Fault::ARGUMENT)
}
