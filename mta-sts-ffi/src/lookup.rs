//! Policy discovery as a state machine (RFC 8461, 3.3, 5.1 and 10.2).

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::time::Duration;

use mta_sts_core::{FetchFailure, Input, Lookup, Output, PolicyDomain, Purpose, TxtFailure, UnixTime};

use crate::config::{milliseconds, mtasts_config, or_default};
use crate::entry::mtasts_entry;
use crate::guard::{self, Guarded};
use crate::name::{
    mtasts_domain, mtasts_domain_policy_host, mtasts_domain_policy_url, mtasts_domain_text,
    mtasts_domain_txt_name,
};
use crate::outcome::mtasts_outcome;
use crate::pointer::{give, mtasts_bytes, octets_of_all, string};
use crate::policy::response;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::NONE;

/// What a lookup is for: one of the MTASTS_PURPOSE_ numbers.
pub type mtasts_purpose = u32;

/// A message is to be delivered (RFC 8461, 5.1, step 1).
pub const MTASTS_PURPOSE_DELIVER: u32 = 1;
/// A cached policy is to be fetched anew before it expires (RFC 8461, 3.3 and 10.2).
pub const MTASTS_PURPOSE_REFRESH: u32 = 2;
/// A message is to be returned since no MX host met the policy: has the owner published another one meanwhile
/// (RFC 8461, 5.1, step 3)? mtasts_delivery_recheck() says what its outcome means for the message.
pub const MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE: u32 = 3;

/// What a lookup wants next: one of the MTASTS_OUTPUT_ numbers.
pub type mtasts_output = u32;

/// Ask DNS for the TXT records of mtasts_lookup_txt_name(); answer with mtasts_lookup_handle_txt(), _txt_not_found()
/// or _txt_failed().
pub const MTASTS_OUTPUT_QUERY_TXT: u32 = 1;
/// Get mtasts_lookup_policy_url() over HTTPS; answer with mtasts_lookup_handle_response() or _fetch_failed().
pub const MTASTS_OUTPUT_FETCH_POLICY: u32 = 2;
/// Nothing more: take the outcome with mtasts_lookup_finish().
pub const MTASTS_OUTPUT_DONE: u32 = 3;

/// One policy discovery: it says what to ask, is told the answers, and ends with an outcome.
///
/// The general flow: mtasts_lookup_new(); then, while mtasts_lookup_poll_output() says MTASTS_OUTPUT_QUERY_TXT or
/// MTASTS_OUTPUT_FETCH_POLICY, do that and call one of mtasts_lookup_handle_...(); then mtasts_lookup_finish(),
/// mtasts_outcome_apply() or mtasts_cache_apply(), and mtasts_lookup_free(). To free it half-way is harmless.
///
/// Lookups know nothing of each other: while one goes on, another of the same domain asks the same questions. A server that
/// looks up many messages at once keeps a table of the domains that are being looked up, and lets later messages wait for
/// that outcome.
pub struct mtasts_lookup {
    lookup: Guarded<Lookup>,
    domain: mtasts_domain,
    timeout: Duration,
    max_body_len: usize,
}

/// Begins a lookup of `domain` for one of the MTASTS_PURPOSE_ numbers, with the `entry` that the cache holds (NULL for
/// none) at the time `now`, in Unix seconds. `config` may be NULL. Nothing of them is kept.
///
/// It may be done at once. Errors: 101 to 109 for the domain; MTASTS_ERR_ARGUMENT for an unknown purpose.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_new(
    domain: *const c_char,
    purpose: mtasts_purpose,
    entry: Option<&mtasts_entry>,
    now: u64,
    config: Option<&mtasts_config>,
    lookup: Option<&mut MaybeUninit<*mut mtasts_lookup>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = lookup.ok_or(Fault::NULL)?;
        // SAFETY: a string as the header wants it.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let purpose = match purpose {
            MTASTS_PURPOSE_DELIVER => Purpose::Deliver,
            MTASTS_PURPOSE_REFRESH => Purpose::Refresh,
            MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE => Purpose::BeforePermanentFailure,
            _ => return Err(Fault::ARGUMENT),
        };
        let (entry, now, config) =
            (entry.map(mtasts_entry::core), UnixTime::from_secs(now), or_default(config));
        let lookup = mtasts_lookup {
            domain: mtasts_domain::new(&domain),
            timeout: config.fetch_limits().timeout(),
            max_body_len: config.fetch_limits().max_body_len(),
            lookup: Guarded::new(Lookup::new(domain, purpose, entry, now, &config)),
        };
        give(out, lookup);
        Ok(())
    })
}

/// What to do next: one of the MTASTS_OUTPUT_ numbers, the same until the next answer. 0 for NULL, and when poisoned: so go on
/// while it is MTASTS_OUTPUT_QUERY_TXT or MTASTS_OUTPUT_FETCH_POLICY, and not until it is MTASTS_OUTPUT_DONE.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_poll_output(lookup: Option<&mtasts_lookup>) -> mtasts_output {
    guard::get(0, || {
        Some(match lookup?.lookup.read().ok()?.poll_output() {
            Output::QueryTxt(_) => MTASTS_OUTPUT_QUERY_TXT,
            Output::FetchPolicy(_) => MTASTS_OUTPUT_FETCH_POLICY,
            Output::Done(_) => MTASTS_OUTPUT_DONE,
        })
    })
}

/// The domain that is looked up: lower case, A-labels. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_domain(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_text(Some(&lookup.domain)))
}

/// The name whose TXT records are wanted. It is absolute: no search list applies. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_txt_name(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_txt_name(Some(&lookup.domain)))
}

/// The Policy Host: its certificate must be valid for this DNS-ID, and SNI says it. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_policy_host(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_policy_host(Some(&lookup.domain)))
}

/// The URL to GET. TLS 1.2 or later, no redirect followed, no HTTP cache, no proxy that answers itself. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_policy_url(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_policy_url(Some(&lookup.domain)))
}

/// How long the fetch may take, from the address lookup to the last octet, in milliseconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_fetch_timeout_ms(lookup: Option<&mtasts_lookup>) -> u64 {
    lookup.map_or(0, |lookup| milliseconds(lookup.timeout))
}

/// How long the body may be, in octets: stop reading after it, and answer MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE.
/// 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_max_body_len(lookup: Option<&mtasts_lookup>) -> usize {
    lookup.map_or(0, |lookup| lookup.max_body_len)
}

/// Takes the TXT records of the name, CNAMEs followed: `count` RRs at `rrs`, each with its character-strings joined,
/// the shortest `ttl` on the way to them in seconds, and the time `now` in Unix seconds.
///
/// DNS is asked again after `ttl`, but after no less than 30 seconds and no more than an hour: so 0 does as well where the
/// TTL is not known. An answer without TXT records is one for mtasts_lookup_handle_txt_not_found(); none at `rrs` is the same.
///
/// Errors: "unexpected-input", "already-done"; the lookup stays as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_handle_txt(
    lookup: Option<&mut mtasts_lookup>,
    rrs: *const mtasts_bytes,
    count: usize,
    ttl: u32,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || {
        // SAFETY: octets as the header wants them.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        Ok(Input::txt(&rrs, seconds(ttl)))
    })
}

/// Takes that DNS answers, and that there are no TXT records: NXDOMAIN, or NOERROR without one. `ttl` is how long that may be
/// kept, in seconds (RFC 2308, 5); 0 if DNS did not say. It counts as in mtasts_lookup_handle_txt().
///
/// Any other RCODE, a timeout and a bogus answer belong to mtasts_lookup_handle_txt_failed(): there may be a policy then.
///
/// Errors: "unexpected-input", "already-done"; the lookup stays as it was.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_handle_txt_not_found(
    lookup: Option<&mut mtasts_lookup>,
    ttl: u32,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || Ok(Input::TxtNotFound { ttl: seconds(ttl) }))
}

/// Takes that DNS gave no answer: `failure` is one of the MTASTS_TXT_ numbers.
///
/// Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup stays as it was.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_handle_txt_failed(
    lookup: Option<&mut mtasts_lookup>,
    failure: mtasts_status,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || {
        let failure = TxtFailure::ALL.iter().find(|kind| i32::from(kind.number()) == failure);
        failure.map(|failure| Input::TxtFailed(*failure)).ok_or(Fault::ARGUMENT)
    })
}

/// Takes what the Policy Host answered, its certificate verified for its name: the HTTP `status`, the `content_type`
/// as it was received (NULL if there was none; several joined with commas), `len` octets at `body`.
///
/// An answer that gives no policy is no error of the call: the outcome tells. Errors: "unexpected-input",
/// "already-done"; the lookup stays as it was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_handle_response(
    lookup: Option<&mut mtasts_lookup>,
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
    now: u64,
) -> mtasts_status {
    // SAFETY: a string and octets as the header wants them.
    handle(lookup, now, || Ok(Input::Response(unsafe { response(status, content_type, body, len) }?)))
}

/// Takes that no answer came from the Policy Host, or none that could be trusted: `failure` is one of the MTASTS_FETCH_
/// numbers.
///
/// Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup stays as it was.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_handle_fetch_failed(
    lookup: Option<&mut mtasts_lookup>,
    failure: mtasts_status,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || {
        let failure = FetchFailure::ALL.iter().find(|kind| i32::from(kind.number()) == failure);
        failure.map(|failure| Input::FetchFailed(*failure)).ok_or(Fault::ARGUMENT)
    })
}

/// The outcome, once mtasts_lookup_poll_output() says MTASTS_OUTPUT_DONE. The lookup is still to be freed.
///
/// Errors: MTASTS_ERR_NOT_DONE.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_finish(
    lookup: Option<&mtasts_lookup>,
    outcome: Option<&mut MaybeUninit<*mut mtasts_outcome>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = outcome.ok_or(Fault::NULL)?;
        let Output::Done(outcome) = lookup.ok_or(Fault::NULL)?.lookup.read()?.poll_output() else {
            return Err(Fault::NOT_DONE);
        };
        give(out, mtasts_outcome::new(outcome.clone()));
        Ok(())
    })
}

/// Frees a lookup, done or not. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_free(lookup: Option<Box<mtasts_lookup>>) {
    drop(lookup);
}

fn handle<'a>(
    lookup: Option<&mut mtasts_lookup>,
    now: u64,
    input: impl FnOnce() -> Result<Input<'a>, Fault>,
) -> mtasts_status {
    guard::run(None, || {
        let lookup = lookup.ok_or(Fault::NULL)?;
        let input = input()?;
        lookup.lookup.change(|lookup| lookup.handle_input(input, UnixTime::from_secs(now)))??;
        Ok(())
    })
}

fn seconds(ttl: u32) -> Duration {
    Duration::from_secs(ttl.into())
}
