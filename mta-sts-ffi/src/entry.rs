//! What is remembered of a domain between two lookups.

use std::ffi::{CStr, CString, c_char};
use std::mem::MaybeUninit;
use std::sync::{Arc, Mutex, PoisonError};

use mta_sts_core::{CacheEntry, CacheUpdate, CachedPolicy, PolicyDomain, RecordId, UnixTime};

use crate::guard;
use crate::pointer::{give, octets, optional_string, string};
use crate::policy::mtasts_policy;
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::{NONE, c_string};

/// What is remembered of a domain: its policy, that it has none, which fetches failed of late.
///
/// An entry may hold a policy that has expired; it is no policy then: see mtasts_entry_is_valid().
pub struct mtasts_entry {
    entry: CacheEntry,
    policy: Option<mtasts_policy>,
    id: CString,
    back_off_ids: Vec<CString>,
    // One for each domain that was asked for; each stays where it is.
    texts: Mutex<Vec<(PolicyDomain, Arc<CStr>)>>,
}

/// Reads the saved entry of `domain` back: `len` octets at `text`, as mtasts_entry_text() gave them. A text of version
/// 1 names no domain: it counts for whichever it is read for.
///
/// Errors: 101 to 109 for the domain; 701 to 709 for the text, with line and octet: cut off, damaged, of a version to come,
/// or of another domain. Go on as if nothing had been remembered.
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
        // SAFETY: a string as the header wants it.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        // SAFETY: octets as the header wants them.
        give(out, mtasts_entry::new(CacheEntry::parse(unsafe { octets(text, len) }?, &domain)?));
        Ok(())
    })
}

/// An entry for a policy that was fetched in another way: `policy` (which stays the caller's), the `id` of the record
/// before the fetch, `fetched_at`, when it was asked for, and `checked_until`, until when the record need not be looked at.
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
        // SAFETY: a string as the header wants it.
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

/// The entry of `domain` as text, the same in every store and every language: keep it, and read it with
/// mtasts_entry_parse(). NULL for NULL, and where `domain` is no domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_entry_text(
    entry: Option<&mtasts_entry>,
    domain: *const c_char,
) -> *const c_char {
    guard::get(NONE, || {
        let entry = entry?;
        // SAFETY: a string as the header wants it.
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

/// Whether a policy is in force at the time `now`, in Unix seconds: 1 or 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_is_valid(entry: Option<&mtasts_entry>, now: u64) -> i32 {
    guard::get(0, || Some(i32::from(entry?.entry.valid_policy(UnixTime::from_secs(now)).is_some())))
}

/// The id that the record had before the policy was fetched. NULL if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_policy_id(entry: Option<&mtasts_entry>) -> *const c_char {
    entry.filter(|entry| entry.policy.is_some()).map_or(NONE, |entry| entry.id.as_ptr())
}

/// When the policy was asked for, in Unix seconds: its answer may have been held back. 0 if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_fetched_at(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.policy()).map_or(0, |policy| policy.fetched_at().as_secs())
}

/// The last second in which the policy is in force, in Unix seconds. 0 if there is no policy, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_expires_at(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.policy()).map_or(0, |policy| policy.expires_at().as_secs())
}

/// When the policy should be asked for again, while it still protects mail (RFC 8461, 3.3 and 10.2), in Unix seconds, for a
/// store of your own: then run a lookup with MTASTS_PURPOSE_REFRESH. A mtasts_cache goes by it.
///
/// That is a day after it was asked for, or half its max_age if that is shorter, and up to a quarter of this earlier: `spread`,
/// any number of the domain's own that you keep, says how much, 0 not at all, so that not all are due at the same time. The
/// greatest number where max_age is less than an hour or the policy has lapsed at the time `now`, which is then fetched when
/// there is mail; if there is no policy, and for NULL.
///
/// A fetch that lies in the future was made before the clock stepped back, and counts as one of `now`: so a time that you have
/// kept, and that is more than a day ahead, comes from before that; take it for due. While refreshes fail the policy stays
/// due: let half an hour pass before the next.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_refresh_at(entry: Option<&mtasts_entry>, spread: u64, now: u64) -> u64 {
    guard::get(u64::MAX, || {
        let policy = entry?.entry.policy()?;
        policy.refresh_at(spread, UnixTime::from_secs(now)).map(UnixTime::as_secs)
    })
}

/// Until when the record need not be asked for again, in Unix seconds; 0 if it must be, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_checked_until(entry: Option<&mtasts_entry>) -> u64 {
    entry.map_or(0, |entry| entry.entry.checked_until().as_secs())
}

/// Why the domain had no usable record, by its MTASTS_ERR_ number. 0 if that is not remembered, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_absence(entry: Option<&mtasts_entry>) -> mtasts_status {
    entry.and_then(|entry| entry.entry.absence()).map_or(0, |absence| absence.reason.number().into())
}

/// Until when it is believed that the domain has no record, in Unix seconds. 0 if that is not remembered, and for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_absence_until(entry: Option<&mtasts_entry>) -> u64 {
    entry.and_then(|entry| entry.entry.absence()).map_or(0, |absence| absence.until.as_secs())
}

/// How many record ids are left alone since their fetch failed: 4 at most. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_count(entry: Option<&mtasts_entry>) -> usize {
    entry.map_or(0, |entry| entry.back_off_ids.len())
}

/// A record id that is left alone, in their order from 0. NULL for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_id(entry: Option<&mtasts_entry>, index: usize) -> *const c_char {
    entry.and_then(|entry| entry.back_off_ids.get(index)).map_or(NONE, |id| id.as_ptr())
}

/// Until when a record id is left alone, in Unix seconds. 0 for NULL, and beyond the last.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entry_back_off_until(entry: Option<&mtasts_entry>, index: usize) -> u64 {
    entry.and_then(|entry| entry.entry.back_offs().get(index)).map_or(0, |back_off| back_off.until.as_secs())
}

/// How many fetches have failed since the policy was fetched. 0 for NULL.
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
