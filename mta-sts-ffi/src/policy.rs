//! The policy of a domain (RFC 8461, 3.2).

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::sync::OnceLock;

use mta_sts_core::{DnsName, HttpResponse, Mode, Policy};

use crate::config::{limits, mtasts_config, mtasts_strictness, strictness_of};
use crate::guard;
use crate::pointer::{give, octets, optional_string, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// How strictly a policy is applied: one of the MTASTS_MODE_ numbers.
pub type mtasts_mode = u32;

/// Do not deliver to a host that fails validation (RFC 8461, 5).
pub const MTASTS_MODE_ENFORCE: u32 = 1;
/// Deliver in any case, and report what would have failed.
pub const MTASTS_MODE_TESTING: u32 = 2;
/// Act as if there were no policy.
pub const MTASTS_MODE_NONE: u32 = 3;

/// A policy: which MX hosts may receive the domain's mail, and how strictly this is applied (RFC 8461, 3.2).
///
/// A match alone is not permission to deliver: in modes testing and none a host that does not match still gets the
/// mail. mtasts_delivery applies the modes.
pub struct mtasts_policy {
    policy: Policy,
    // Created on first use: most callers only match.
    texts: OnceLock<Box<Texts>>,
}

struct Texts {
    mx: Vec<CString>,
    lines: Vec<CString>,
    received: CString,
    written: CString,
}

/// Parses the body of a policy, `len` octets at `body`, tolerating the departures of MTASTS_STRICTNESS_TOLERANT.
///
/// Errors: 301 to 316, with line and octet.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_parse(
    body: *const u8,
    len: usize,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = policy.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_policy::new(Policy::parse(unsafe { octets(body, len) }?)?));
        Ok(())
    })
}

/// Parses the body of a policy, `len` octets at `body`, as strictly as `strictness` says: one of the MTASTS_STRICTNESS_
/// numbers.
///
/// Errors: 301 to 320, with line and octet; MTASTS_ERR_ARGUMENT for an unknown strictness.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_parse_with(
    body: *const u8,
    len: usize,
    strictness: mtasts_strictness,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = policy.ok_or(Fault::NULL)?;
        let strictness = strictness_of(strictness).ok_or(Fault::ARGUMENT)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_policy::new(Policy::parse_with(unsafe { octets(body, len) }?, strictness)?));
        Ok(())
    })
}

/// Parses the policy in the response of a Policy Host, after its certificate was verified: the HTTP `status`, the
/// `content_type` as received (NULL if there was none; several joined with commas, which is refused), `len` octets at
/// `body`. `config` may be NULL.
///
/// Errors: 401 to 405 for the response, 301 to 320 for the body; mtasts_status_result_type() returns the result type
/// for TLSRPT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_from_response(
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
    config: Option<&mtasts_config>,
    policy: Option<&mut MaybeUninit<*mut mtasts_policy>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = policy.ok_or(Fault::NULL)?;
        // SAFETY: a string and octets as required by the header.
        let response = unsafe { response(status, content_type, body, len) }?;
        give(out, mtasts_policy::new(Policy::from_response(&response, &limits(config))?));
        Ok(())
    })
}

/// The mode: one of the MTASTS_MODE_ numbers. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mode(policy: Option<&mtasts_policy>) -> mtasts_mode {
    policy.map_or(0, |policy| number_of_mode(policy.policy.mode()))
}

/// The keyword of a mode: "enforce", "testing", "none". NULL for an unknown number. It is valid for the lifetime of the
/// process.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_mode_word(mode: mtasts_mode) -> *const c_char {
    match mode {
        MTASTS_MODE_ENFORCE => c"enforce".as_ptr(),
        MTASTS_MODE_TESTING => c"testing".as_ptr(),
        MTASTS_MODE_NONE => c"none".as_ptr(),
        _ => NONE,
    }
}

/// The time for which the policy may be used, in seconds from its fetch: 0 to 31557600. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_max_age(policy: Option<&mtasts_policy>) -> u64 {
    policy.map_or(0, |policy| policy.policy.max_age().as_secs())
}

/// The number of mx patterns, including duplicates. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mx_count(policy: Option<&mtasts_policy>) -> usize {
    policy.map_or(0, |policy| policy.policy.mx_patterns().len())
}

/// An mx pattern, by its index from 0: lower case, no trailing dot. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_mx_get(policy: Option<&mtasts_policy>, index: usize) -> *const c_char {
    guard::get(NONE, || policy?.texts().mx.get(index).map(|mx| mx.as_ptr()))
}

/// Returns 1 if a pattern covers `host`, given as in an MX record, otherwise 0.
///
/// 0 for NULL, and if it is not a host name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_matches_mx(
    policy: Option<&mtasts_policy>,
    host: *const c_char,
) -> i32 {
    guard::get(0, || {
        // SAFETY: a string as required by the header.
        let host = unsafe { string(host) }.ok()?;
        Some(i32::from(policy?.policy.matches_mx(host)))
    })
}

/// The first pattern that covers `host`. NULL if none does, for NULL, and if it is not a host name.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_policy_matching_mx(
    policy: Option<&mtasts_policy>,
    host: *const c_char,
) -> *const c_char {
    guard::get(NONE, || {
        let policy = policy?;
        // SAFETY: a string as required by the header.
        let host = DnsName::parse(unsafe { string(host) }.ok()?).ok()?;
        let index = policy.policy.mx_patterns().position(|pattern| pattern.matches(&host))?;
        policy.texts().mx.get(index).map(|mx| mx.as_ptr())
    })
}

/// The text as received. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_text(policy: Option<&mtasts_policy>) -> *const c_char {
    guard::get(NONE, || Some(policy?.texts().received.as_ptr()))
}

/// The policy in its canonical form, with lines ended by CRLF; unknown fields are omitted. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_written(policy: Option<&mtasts_policy>) -> *const c_char {
    guard::get(NONE, || Some(policy?.texts().written.as_ptr()))
}

/// The number of lines received, without blank ones: the policy-string of TLSRPT (RFC 8460, 4.4). 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_line_count(policy: Option<&mtasts_policy>) -> usize {
    guard::get(0, || Some(policy?.texts().lines.len()))
}

/// A line as received, without its line end, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_line_get(policy: Option<&mtasts_policy>, index: usize) -> *const c_char {
    guard::get(NONE, || policy?.texts().lines.get(index).map(|line| line.as_ptr()))
}

/// Returns the same policy as a separate handle, which can outlive the object that it is borrowed from. The text is not
/// copied.
///
/// The caller frees it with mtasts_policy_free(). NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_clone(policy: Option<&mtasts_policy>) -> Option<Box<mtasts_policy>> {
    guard::get(None, || Some(Some(Box::new(mtasts_policy::new(policy?.policy.clone())))))
}

/// Frees a policy. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_policy_free(policy: Option<Box<mtasts_policy>>) {
    drop(policy);
}

impl mtasts_policy {
    pub(crate) const fn new(policy: Policy) -> Self {
        Self { policy, texts: OnceLock::new() }
    }

    pub(crate) const fn core(&self) -> &Policy {
        &self.policy
    }

    fn texts(&self) -> &Texts {
        self.texts.get_or_init(|| {
            Box::new(Texts {
                mx: self.policy.mx_patterns().map(|pattern| c_string(&pattern.to_string())).collect(),
                lines: self.policy.lines().map(c_string).collect(),
                received: c_string(self.policy.text()),
                written: c_string(&self.policy.to_string()),
            })
        })
    }
}

/// The number of a mode.
pub(crate) const fn number_of_mode(mode: Mode) -> mtasts_mode {
    match mode {
        Mode::Enforce => MTASTS_MODE_ENFORCE,
        Mode::Testing => MTASTS_MODE_TESTING,
        Mode::None => MTASTS_MODE_NONE,
    }
}

/// The mode with a number.
pub(crate) const fn mode_of(number: mtasts_mode) -> Result<Mode, Fault> {
    match number {
        MTASTS_MODE_ENFORCE => Ok(Mode::Enforce),
        MTASTS_MODE_TESTING => Ok(Mode::Testing),
        MTASTS_MODE_NONE => Ok(Mode::None),
        _ => Err(Fault::ARGUMENT),
    }
}

/// The response of a Policy Host.
///
/// # Safety
///
/// The content type is a string or NULL, the body octets, both as required by the header.
pub(crate) unsafe fn response<'a>(
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
) -> Result<HttpResponse<'a>, Fault> {
    // SAFETY: guaranteed by the caller.
    let (content_type, body) = unsafe { (optional_string(content_type), octets(body, len)?) };
    let response = HttpResponse::new(status, body);
    Ok(match content_type {
        Some(content_type) => response.with_content_type(content_type),
        None => response,
    })
}
