//! A policy as the answer to a TLS policy lookup of Postfix.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;

use mta_sts_core::{PolicyDomain, postfix};

use crate::guard;
use crate::name::host_names;
use crate::pointer::{give, string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// The form of an answer: one of the MTASTS_POSTFIX_ numbers.
pub type mtasts_postfix_form = u32;

/// The names, for Postfix 3.4 and later, and for sendmail's FEATURE(sts).
pub const MTASTS_POSTFIX_BASIC: u32 = 0;
/// The names and the policy, for Postfix 3.10.5 and later; Postfix before 3.10 defers all mail to the domain.
pub const MTASTS_POSTFIX_EXTENDED: u32 = 1;
/// The same as MTASTS_POSTFIX_EXTENDED, and mode testing is answered with the level "may".
pub const MTASTS_POSTFIX_EXTENDED_WITH_TESTING: u32 = 2;

/// The answer for mail to a domain.
pub struct mtasts_postfix_answer {
    text: Option<CString>,
}

/// Returns the answer for mail to `domain`, with the patterns of its `policy`, in the `form` given by one of the
/// MTASTS_POSTFIX_ numbers.
///
/// There is no answer in mode none, and in mode testing only with MTASTS_POSTFIX_EXTENDED_WITH_TESTING.
///
/// Errors: 1201 to 1204: give a temporary answer, so that mail waits. 101 to 109 for the domain, MTASTS_ERR_ARGUMENT for
/// an unknown form.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_postfix_tls_policy(
    policy: Option<&mtasts_policy>,
    domain: *const c_char,
    form: mtasts_postfix_form,
    answer: Option<&mut MaybeUninit<*mut mtasts_postfix_answer>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = answer.ok_or(Fault::NULL)?;
        let (policy, form) = (policy.ok_or(Fault::NULL)?.core(), form_of(form)?);
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        give(out, mtasts_postfix_answer::new(postfix::tls_policy(policy, &domain, form)?));
        Ok(())
    })
}

/// Returns the answer for mail to `domain`, with those of its MX hosts, `count` names at `mx_hosts`, that its `policy`
/// covers, in the `form` given by one of the MTASTS_POSTFIX_ numbers.
///
/// Errors: the same as mtasts_postfix_tls_policy(), and "no-permitted-host" if the policy covers none of them; 101 to
/// 109 also for a host.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_postfix_tls_policy_for_hosts(
    policy: Option<&mtasts_policy>,
    domain: *const c_char,
    mx_hosts: *const *const c_char,
    count: usize,
    form: mtasts_postfix_form,
    answer: Option<&mut MaybeUninit<*mut mtasts_postfix_answer>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = answer.ok_or(Fault::NULL)?;
        let (policy, form) = (policy.ok_or(Fault::NULL)?.core(), form_of(form)?);
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        // SAFETY: an array and strings as required by the header.
        let hosts = unsafe { host_names(mx_hosts, count) }?;
        give(out, mtasts_postfix_answer::new(postfix::tls_policy_for_hosts(policy, &domain, &hosts, form)?));
        Ok(())
    })
}

/// The answer: the text after "OK " in the socketmap protocol. NULL if there is none ("NOTFOUND"), and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_postfix_answer_text(answer: Option<&mtasts_postfix_answer>) -> *const c_char {
    answer.and_then(|answer| answer.text.as_ref()).map_or(NONE, |text| text.as_ptr())
}

/// Frees an answer. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_postfix_answer_free(answer: Option<Box<mtasts_postfix_answer>>) {
    drop(answer);
}

impl mtasts_postfix_answer {
    fn new(text: Option<String>) -> Self {
        Self { text: text.map(|text| c_string(&text)) }
    }
}

const fn form_of(number: mtasts_postfix_form) -> Result<postfix::Form, Fault> {
    Ok(match number {
        MTASTS_POSTFIX_BASIC => postfix::Form::Basic,
        MTASTS_POSTFIX_EXTENDED => postfix::Form::Extended,
        MTASTS_POSTFIX_EXTENDED_WITH_TESTING => postfix::Form::ExtendedWithTesting,
        _ => return Err(Fault::ARGUMENT),
    })
}
