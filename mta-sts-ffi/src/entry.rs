//! The cache entry of a domain: what is remembered between lookups.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, PoisonError};

use mta_sts_core::{CacheEntry, CacheUpdate, CachedPolicy, PolicyDomain, RecordId, UnixTime};

use crate::guard;
use crate::pointer::{give, octets, optional_string, string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// The cache entry of a domain: its policy or the absence of one, and recent fetch failures.
///
/// An entry may hold an expired policy, which no longer applies: see mtasts_entry_is_valid().
pub struct mtasts_entry {
    entry: CacheEntry,
    policy: Option<mtasts_policy>,
    id: CString,
    back_off_ids: Vec<CString>,
    // One for each requested domain; they stay valid until the entry is freed.
    texts: Mutex<Vec<(PolicyDomain, Arc<CStr>)>>,
}

/// Parses the saved entry of `domain`: `len` octets at `text`, as returned by mtasts_entry_text(). A text of version 1
/// has no domain: it is accepted for any domain.
///
/// Errors: 101 to 109 for the domain; 701 to 709 for the text, with line and octet: it is truncated, damaged, of a
/// future version, or of another domain. Continue as if nothing were remembered.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_parse(
    text: *const u8,
    len: usize,
    domain: *const c_char,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = entry.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        // SAFETY: octets as required by the header.
        give(out, mtasts_entry::new(CacheEntry::parse(unsafe { octets(text, len) }?, &domain)?));
        Ok(())
    })
}

/// Creates an entry for a policy that was fetched in another way: `policy` (which remains the caller's), the `id` of
/// the record before the fetch, `fetched_at`, the time of the request, and `checked_until`, until when the record need
/// not be queried.
///
/// Errors: "bad-id".
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_new(
    policy: Option<&mtasts_policy>,
    id: *const c_char,
    fetched_at: u64,
    checked_until: u64,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let out = entry.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let id = RecordId::parse(unsafe { optional_string(id) }.ok_or(Fault::NULL)?)?;
        let policy = policy.ok_or(Fault::NULL)?.core().clone();
        let fetched_at = UnixTime::from_secs(fetched_at);
        let update = CacheUpdate::Store {
            policy: CachedPolicy::new(policy, id, fetched_at),
            checked_until: UnixTime::from_secs(checked_until),
        };
        give(out, mtasts_entry::new(update.apply_to(None, fetched_at).unwrap_or_default()));
        Ok(())
    })
}

/// The entry of `domain` as text, identical in every store and every language: save it, and parse it with
/// mtasts_entry_parse(). NULL for NULL, and if `domain` is not a domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_text(
    entry: Option<&mtasts_entry>,
    domain: *const c_char,
) -> *const c_char {
    guard::get(NONE, || {
        let entry = entry?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }.ok()?).ok()?;
        let mut texts = entry.texts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, text)) = texts.iter().find(|(known, _)| *known == domain) {
            return Some(text.as_ptr());
        }
        let text: Arc<CStr> = c_string(&entry.entry.to_text(&domain)).into();
        let start = text.as_ptr();
        texts.push((domain, text));
        Some(start)
    })
}

/// The policy, expired or not. NULL if there is none, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_policy(entry: Option<&mtasts_entry>) -> Option<&mtasts_policy> {
    entry?.policy.as_ref()
}

/// Returns 1 if a policy is in force at the time `now`, in Unix seconds, otherwise 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_is_valid(entry: Option<&mtasts_entry>, now: u64) -> i32 {
    guard::get(0, || Some(i32::from(entry?.entry.valid_policy(UnixTime::from_secs(now)).is_some())))
}

/// The id that the record had before the policy was fetched. NULL if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_policy_id(entry: Option<&mtasts_entry>) -> *const c_char {
    entry.filter(|entry| entry.policy.is_some()).map_or(NONE, |entry| entry.id.as_ptr())
}

/// The time at which the policy was requested, in Unix seconds: the response may have been delayed. 0 if there is no
/// policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_fetched_at(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.policy()).map_or(0, |policy| policy.fetched_at().as_secs())
}

/// The last second in which the policy is in force, in Unix seconds. 0 if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_expires_at(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.policy()).map_or(0, |policy| policy.expires_at().as_secs())
}

/// The time at which the policy should be fetched again, while it still protects mail (RFC 8461, 3.3 and 10.2), in Unix
/// seconds, for users of a store of their own: run a lookup with MTASTS_PURPOSE_REFRESH then. A mtasts_cache uses the
/// same schedule.
///
/// This is a day after the request, or half of max_age if that is shorter, and up to a quarter of that earlier:
/// `spread`, any fixed number for the domain, says how much earlier, with 0 for not at all, so that not all domains are
/// due at the same time. UINT64_MAX if max_age is less than an hour or the policy has expired at the time `now`, since
/// it is then fetched when there is mail; also if there is no policy, and for NULL.
///
/// A fetch time in the future is from before the clock stepped back, and counts as `now`: so if a time that you stored
/// is more than a day ahead, it is also from before that, and the policy is due. While refreshes fail, the policy stays
/// due: wait for half an hour before the next one.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_refresh_at(entry: Option<&mtasts_entry>, spread: u64, now: u64) -> u64 {
    guard::get(u64::MAX, || {
        let policy = entry?.entry.policy()?;
        policy.refresh_at(spread, UnixTime::from_secs(now)).map(UnixTime::as_secs)
    })
}

/// The time until which the record need not be queried again, in Unix seconds; 0 if it must be, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_checked_until(entry: Option<&mtasts_entry>) -> u64 {
    entry.map_or(0, |entry| entry.entry.checked_until().as_secs())
}

/// The reason why the domain had no usable record, as a MTASTS_ERR_ number. 0 if no absence is remembered, and for
/// NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_absence(entry: Option<&mtasts_entry>) -> mtasts_status {
    entry.and_then(|entry| entry.entry.absence()).map_or(0, |absence| absence.reason.number().into())
}

/// The time until which the absence of a record is remembered, in Unix seconds. 0 if none is, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_absence_until(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.absence()).map_or(0, |absence| absence.until.as_secs())
}

/// The number of record ids in back-off: at most 4. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_count(entry: Option<&mtasts_entry>) -> usize {
    entry.map_or(0, |entry| entry.back_off_ids.len())
}

/// A record id in back-off, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_id(entry: Option<&mtasts_entry>, index: usize) -> *const c_char {
    entry.and_then(|entry| entry.back_off_ids.get(index)).map_or(NONE, |id| id.as_ptr())
}

/// The end of the back-off of a record id, in Unix seconds. 0 for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_until(entry: Option<&mtasts_entry>, index: usize) -> u64 {
    entry.and_then(|entry| entry.entry.back_offs().get(index)).map_or(0, |back_off| back_off.until.as_secs())
}

/// The number of fetches that have failed since the policy was fetched. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_fetch_failures(entry: Option<&mtasts_entry>) -> u32 {
    entry.map_or(0, |entry| entry.entry.fetch_failures())
}

/// Frees an entry. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_free(entry: Option<Box<mtasts_entry>>) {
    drop(entry);
}

impl mtasts_entry {
    pub(crate) fn new(entry: CacheEntry) -> Self {
        Self {
            policy: entry.policy().map(|cached| mtasts_policy::new(cached.policy().clone())),
            id: entry.policy().map(|cached| c_string(cached.id().as_str())).unwrap_or_default(),
            back_off_ids: entry.back_offs().iter().map(|back_off| c_string(back_off.id.as_str())).collect(),
            texts: Mutex::default(),
            entry,
        }
    }

    pub(crate) const fn core(&self) -> &CacheEntry {
        &self.entry
    }
}
