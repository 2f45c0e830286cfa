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

/// The purpose of a lookup: one of the MTASTS_PURPOSE_ numbers.
pub type mtasts_purpose = u32;

/// Delivering a message (RFC 8461, 5.1, step 1).
pub const MTASTS_PURPOSE_DELIVER: u32 = 1;
/// Fetching a cached policy again before it expires (RFC 8461, 3.3 and 10.2).
pub const MTASTS_PURPOSE_REFRESH: u32 = 2;
/// Checking for a newer policy before a message is returned because no MX host met the current one (RFC 8461, 5.1, step
/// 3). mtasts_delivery_recheck() tells what the outcome means for the message.
pub const MTASTS_PURPOSE_BEFORE_PERMANENT_FAILURE: u32 = 3;

/// What to do next for a lookup: one of the MTASTS_OUTPUT_ numbers.
pub type mtasts_output = u32;

/// Query DNS for the TXT records of mtasts_lookup_txt_name(); answer with mtasts_lookup_handle_txt(), _txt_not_found()
/// or _txt_failed().
pub const MTASTS_OUTPUT_QUERY_TXT: u32 = 1;
/// Fetch mtasts_lookup_policy_url() over HTTPS; answer with mtasts_lookup_handle_response() or _fetch_failed().
pub const MTASTS_OUTPUT_FETCH_POLICY: u32 = 2;
/// Nothing: take the outcome with mtasts_lookup_finish().
pub const MTASTS_OUTPUT_DONE: u32 = 3;

/// A policy discovery: it says what to query, takes the answers, and ends with an outcome.
///
/// The general flow: mtasts_lookup_new(); then, while mtasts_lookup_poll_output() returns MTASTS_OUTPUT_QUERY_TXT or
/// MTASTS_OUTPUT_FETCH_POLICY, do that and call one of mtasts_lookup_handle_...(); then mtasts_lookup_finish(),
/// mtasts_outcome_apply() or mtasts_cache_apply(), and mtasts_lookup_free(). A lookup can be freed at any point.
///
/// Lookups are independent: two concurrent lookups of one domain make the same queries. A server that looks up many
/// messages at once should keep a table of the domains being looked up, and let later messages wait for the outcome.
pub struct mtasts_lookup {
    lookup: Guarded<Lookup>,
    domain: mtasts_domain,
    timeout: Duration,
    max_body_len: usize,
}

/// Starts a lookup of `domain` for one of the MTASTS_PURPOSE_ numbers, with the cached `entry` (NULL for none) at the
/// time `now`, in Unix seconds. `config` may be NULL. The arguments are not kept.
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
        // SAFETY: a string as required by the header.
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

/// What to do next: one of the MTASTS_OUTPUT_ numbers, the same until the next answer. 0 for NULL, and when poisoned:
/// so loop while it is MTASTS_OUTPUT_QUERY_TXT or MTASTS_OUTPUT_FETCH_POLICY, not until it is MTASTS_OUTPUT_DONE.
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

/// The domain of the lookup: lower case, A-labels. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_domain(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_text(Some(&lookup.domain)))
}

/// The name at which to query TXT records. It is absolute: do not apply a search list. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_txt_name(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_txt_name(Some(&lookup.domain)))
}

/// The Policy Host: its certificate must be valid for this DNS-ID, and SNI must be set to it. NULL for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_policy_host(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_policy_host(Some(&lookup.domain)))
}

/// The URL to GET. Use TLS 1.2 or later; follow no redirects; use no HTTP cache, and no proxy that answers itself. NULL
/// for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_policy_url(lookup: Option<&mtasts_lookup>) -> *const c_char {
    lookup.map_or(NONE, |lookup| mtasts_domain_policy_url(Some(&lookup.domain)))
}

/// The time limit of the fetch, from the address lookup to the last octet, in milliseconds. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_fetch_timeout_ms(lookup: Option<&mtasts_lookup>) -> u64 {
    lookup.map_or(0, |lookup| milliseconds(lookup.timeout))
}

/// The maximum length of the body, in octets: stop reading beyond it, and answer
/// MTASTS_FETCH_POLICY_HOST_BODY_TOO_LARGE. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_max_body_len(lookup: Option<&mtasts_lookup>) -> usize {
    lookup.map_or(0, |lookup| lookup.max_body_len)
}

/// Takes the TXT records of the name, after following CNAMEs: `count` RRs at `rrs`, each with its character-strings
/// concatenated, the shortest `ttl` along the chain in seconds, and the time `now` in Unix seconds.
///
/// DNS is queried again after `ttl`, but not before 30 seconds and not after more than an hour: so pass 0 if the TTL is
/// unknown. For an answer without TXT records use mtasts_lookup_handle_txt_not_found(); a `count` of 0 has the same
/// effect.
///
/// Errors: "unexpected-input", "already-done"; the lookup is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_handle_txt(
    lookup: Option<&mut mtasts_lookup>,
    rrs: *const mtasts_bytes,
    count: usize,
    ttl: u32,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || {
        // SAFETY: octets as required by the header.
        let rrs = unsafe { octets_of_all(rrs, count) }?;
        Ok(Input::txt(&rrs, seconds(ttl)))
    })
}

/// Takes the answer that there are no TXT records: NXDOMAIN, or NOERROR without one. `ttl` is the time for which this
/// may be cached, in seconds (RFC 2308, 5); 0 if DNS gave none. It is clamped as in mtasts_lookup_handle_txt().
///
/// Any other RCODE, a timeout and a bogus answer belong to mtasts_lookup_handle_txt_failed(): there may be a policy.
///
/// Errors: "unexpected-input", "already-done"; the lookup is unchanged.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_lookup_handle_txt_not_found(
    lookup: Option<&mut mtasts_lookup>,
    ttl: u32,
    now: u64,
) -> mtasts_status {
    handle(lookup, now, || Ok(Input::TxtNotFound { ttl: seconds(ttl) }))
}

/// Takes the failure of the DNS query: `failure` is one of the MTASTS_TXT_ numbers.
///
/// Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup is unchanged.
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

/// Takes the response of the Policy Host, after its certificate was verified for its name: the HTTP `status`, the
/// `content_type` as received (NULL if there was none; several joined with commas), `len` octets at `body`.
///
/// A response without a policy is not an error of the call: it is part of the outcome. Errors: "unexpected-input",
/// "already-done"; the lookup is unchanged.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_lookup_handle_response(
    lookup: Option<&mut mtasts_lookup>,
    status: u16,
    content_type: *const c_char,
    body: *const u8,
    len: usize,
    now: u64,
) -> mtasts_status {
    // SAFETY: a string and octets as required by the header.
    handle(lookup, now, || Ok(Input::Response(unsafe { response(status, content_type, body, len) }?)))
}

/// Takes the failure of the fetch: the Policy Host gave no response, or none that could be trusted. `failure` is one of
/// the MTASTS_FETCH_ numbers.
///
/// Errors: "unexpected-input", "already-done", MTASTS_ERR_ARGUMENT; the lookup is unchanged.
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

/// The outcome, after mtasts_lookup_poll_output() has returned MTASTS_OUTPUT_DONE. The lookup still has to be freed.
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
