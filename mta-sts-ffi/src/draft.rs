//! A policy to be published, and the record that announces it.

use std::ffi::{CString, c_char};
use std::mem::MaybeUninit;
use std::time::Duration;

use mta_sts_core::publish::{Draft, id_of};
use mta_sts_core::{MxPattern, PolicyDomain};

use crate::guard;
use crate::name::host_names;
use crate::pointer::{give, octets, string};
use crate::policy::{mode_of, mtasts_mode, mtasts_policy};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string, mtasts_text};

/// A policy to be published, and the record that announces it (RFC 8461, 3.1 and 3.2). It never changes.
///
/// It is always a policy that senders accept: each mx names hosts that they can find, and the max_age is between a day and
/// a year.
pub struct mtasts_draft {
    draft: Draft,
    domain: CString,
    policy: mtasts_policy,
    id: CString,
    record: CString,
}

/// Makes the policy of `domain` with this `mode`, one of the MTASTS_MODE_ numbers, that names exactly these MX hosts:
/// `count` names at `hosts`. `max_age` is in seconds, from 86400 to 31557600. In mode none it names no host.
///
/// Pass every host in the MX records or, without MX records, the domain's own name. Their order makes no difference: the
/// same policy has the same text and the same id.
///
/// Errors: 101 to 109 for the domain and the hosts; 1501 to 1509, with mtasts_error_name() if a host is at fault;
/// MTASTS_ERR_ARGUMENT for an unknown mode.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_draft_new(
    domain: *const c_char,
    mode: mtasts_mode,
    hosts: *const *const c_char,
    count: usize,
    max_age: u64,
    draft: Option<&mut MaybeUninit<*mut mtasts_draft>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = draft.ok_or(Fault::NULL)?;
        let mode = mode_of(mode)?;
        // SAFETY: strings and an array as required by the header.
        let (domain, hosts) = unsafe { (PolicyDomain::parse(string(domain)?)?, host_names(hosts, count)?) };
        give(out, mtasts_draft::new(Draft::new(&domain, mode, &hosts, Duration::from_secs(max_age))?));
        Ok(())
    })
}

/// Makes the same policy as `draft`, with the `wildcard`, such as "*.mail.example.net", in place of the hosts that it
/// covers. In mode none it is the same.
///
/// Any host below that domain could then receive the mail, so exact names are better (RFC 8461, 10.4).
///
/// Errors: 101 to 109 for the wildcard; 1501 to 1509, with mtasts_error_name(): it is no wildcard, covers no host of the
/// policy, or is below a domain under which anybody may register names.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_draft_with_wildcard(
    draft: Option<&mtasts_draft>,
    wildcard: *const c_char,
    widened: Option<&mut MaybeUninit<*mut mtasts_draft>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = widened.ok_or(Fault::NULL)?;
        let draft = draft.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let wildcard = MxPattern::parse(unsafe { string(wildcard) }?)?;
        give(out, mtasts_draft::new(draft.draft.clone().with_wildcard(wildcard)?));
        Ok(())
    })
}

/// The domain. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_domain(draft: Option<&mtasts_draft>) -> *const c_char {
    draft.map_or(NONE, |draft| draft.domain.as_ptr())
}

/// The policy. mtasts_policy_text() is the body to serve at mtasts_domain_policy_url(), as "text/plain": each of its lines
/// is ended by CRLF. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_policy(draft: Option<&mtasts_draft>) -> Option<&mtasts_policy> {
    Some(&draft?.policy)
}

/// The id of the policy: the first 20 hexadecimal digits of the SHA-256 of its body. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_id(draft: Option<&mtasts_draft>) -> *const c_char {
    draft.map_or(NONE, |draft| draft.id.as_ptr())
}

/// The TXT record to publish at mtasts_domain_txt_name(), as one character-string. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_record(draft: Option<&mtasts_draft>) -> *const c_char {
    draft.map_or(NONE, |draft| draft.record.as_ptr())
}

/// Writes the TXT record as a line of a zone file, without its line end, with a `ttl` in seconds.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_zone_line(
    draft: Option<&mtasts_draft>,
    ttl: u32,
    line: Option<&mut MaybeUninit<*mut mtasts_text>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = line.ok_or(Fault::NULL)?;
        let record = draft.ok_or(Fault::NULL)?.draft.zone_record(Duration::from_secs(ttl.into()));
        give(out, mtasts_text::new(&record.to_string()));
        Ok(())
    })
}

/// Frees a draft. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_draft_free(draft: Option<Box<mtasts_draft>>) {
    drop(draft);
}

/// Returns the id that a draft with this body would have: `len` octets at `body`.
///
/// A body that is served under another id may have been changed without its record; it may also be from another program.
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_draft_id_of(
    body: *const u8,
    len: usize,
    id: Option<&mut MaybeUninit<*mut mtasts_text>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = id.ok_or(Fault::NULL)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_text::new(id_of(unsafe { octets(body, len) }?).as_str()));
        Ok(())
    })
}

impl mtasts_draft {
    pub(crate) fn new(draft: Draft) -> Self {
        Self {
            domain: c_string(draft.domain().as_str()),
            policy: mtasts_policy::new(draft.policy().clone()),
            id: c_string(draft.id().as_str()),
            record: c_string(&draft.record_text()),
            draft,
        }
    }
}
