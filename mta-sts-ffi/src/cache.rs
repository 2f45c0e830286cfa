//! A cache of policies in memory: bounded, internally locked, with a schedule for refreshes.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use mta_sts_core::{CacheConfig, CacheEntry, Evicted, PolicyCache, PolicyDomain, UnixTime};

use crate::entry::mtasts_entry;
use crate::guard::{self, Guarded};
use crate::name::{mtasts_domain, mtasts_domain_text};
use crate::outcome::mtasts_outcome;
use crate::pointer::{Out, give, give_option, string};
use crate::status::{Fault, mtasts_error, mtasts_status};
use crate::text::NONE;

/// A cache of entries by Policy Domain, bounded in number and in memory. It locks internally: any thread may use it at
/// any time.
///
/// When it is full, the entry with the lowest rank is evicted: expired ones first, policies of mode enforce last.
/// Made-up domains cannot flush a policy that protects mail.
///
/// It holds the results of finished lookups, and nothing about running ones: concurrent lookups of one domain each
/// query DNS and the Policy Host.
pub struct mtasts_cache {
    cache: Mutex<Guarded<PolicyCache>>,
}

/// A list of entries with their domains: a copy of the contents of a cache, or what was evicted from it.
pub struct mtasts_entries {
    entries: Vec<(mtasts_domain, mtasts_entry)>,
}

/// Creates a cache for `max_entries` domains (0 for the default, 65536) whose policies take at most `max_octets` octets
/// of memory (0 for the default, 256 MiB); a policy is no longer refreshed after `unused_for` seconds without use (0
/// for the default, 180 days).
///
/// A policy shared by many domains counts once. It takes at most 2.5 times the size of its text plus 200 octets; one
/// that takes more than fifteen sixteenths of `max_octets` is not cached. When the limit is reached, policies without
/// repeated use are evicted, from the size class that takes the most.
///
/// Take `seed` from a source of random numbers, and keep it secret: it keys the hash of the names, which attackers
/// choose, and spreads the refreshes.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_new(
    seed: u64,
    max_entries: usize,
    max_octets: usize,
    unused_for: u64,
    cache: Option<&mut MaybeUninit<*mut mtasts_cache>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = cache.ok_or(Fault::NULL)?;
        let mut config = CacheConfig::new(seed);
        if max_entries != 0 {
            config = config.with_max_entries(max_entries);
        }
        if max_octets != 0 {
            config = config.with_max_octets(max_octets);
        }
        if unused_for != 0 {
            config = config.with_unused_for(Duration::from_secs(unused_for));
        }
        give(out, mtasts_cache { cache: Mutex::new(Guarded::new(PolicyCache::new(config))) });
        Ok(())
    })
}

/// The number of cached domains. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_len(cache: Option<&mtasts_cache>) -> usize {
    guard::get(0, || cache?.change(|cache| cache.len()).ok())
}

/// The memory that the policies take, in octets. 0 for NULL, and when poisoned.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_octets(cache: Option<&mtasts_cache>) -> usize {
    guard::get(0, || cache?.change(|cache| cache.octets()).ok())
}

/// Looks up the entry of `domain` for a delivery at the time `now` in Unix seconds, and marks the domain as used.
/// `*entry` becomes NULL if nothing in it is current.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_cache_get(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    now: u64,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { look_up(cache, domain, now, entry, error, PolicyCache::get) }
}

/// The same as mtasts_cache_get(), without marking a use: for a refresh, or for inspection.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_cache_peek(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    now: u64,
    entry: Option<&mut MaybeUninit<*mut mtasts_entry>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    // SAFETY: guaranteed by the caller.
    unsafe { look_up(cache, domain, now, entry, error, |cache, domain, now| cache.peek(domain, now)) }
}

/// # Safety
///
/// `domain` is a string as required by the header.
unsafe fn look_up(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    now: u64,
    entry: Out<'_, *mut mtasts_entry>,
    error: Out<'_, *mut mtasts_error>,
    find: impl FnOnce(&mut PolicyCache, &PolicyDomain, UnixTime) -> Option<CacheEntry>,
) -> mtasts_status {
    guard::run(error, || {
        let out = entry.ok_or(Fault::NULL)?;
        let cache = cache.ok_or(Fault::NULL)?;
        // SAFETY: guaranteed by the caller.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let entry = cache.change(|cache| find(cache, &domain, UnixTime::from_secs(now)))?;
        give_option(out, entry.map(mtasts_entry::new));
        Ok(())
    })
}

/// Applies the update of `outcome` to the entry of `domain` at the time `now`. `*evicted` becomes the entries evicted
/// for it, several if the policies took too much memory, or NULL; `evicted` may be NULL.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_cache_apply(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    outcome: Option<&mtasts_outcome>,
    now: u64,
    evicted: Option<&mut MaybeUninit<*mut mtasts_entries>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let (cache, outcome) = (cache.ok_or(Fault::NULL)?, outcome.ok_or(Fault::NULL)?);
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let gone =
            cache.change(|cache| cache.apply(&domain, outcome.cache_update(), UnixTime::from_secs(now)))?;
        give_evicted(evicted, gone);
        Ok(())
    })
}

/// Replaces the cached entry of `domain` by `entry`, which remains the caller's: for loading saved entries. `*evicted`
/// is as in mtasts_cache_apply(). It counts as a use.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_cache_insert(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    entry: Option<&mtasts_entry>,
    now: u64,
    evicted: Option<&mut MaybeUninit<*mut mtasts_entries>>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let (cache, entry) = (cache.ok_or(Fault::NULL)?, entry.ok_or(Fault::NULL)?.core().clone());
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        let gone = cache.change(|cache| cache.insert(&domain, entry, UnixTime::from_secs(now)))?;
        give_evicted(evicted, gone);
        Ok(())
    })
}

/// Removes `domain`. It is not an error if it is not cached.
///
/// Errors: 101 to 109 for the domain.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mtasts_cache_remove(
    cache: Option<&mtasts_cache>,
    domain: *const c_char,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || {
        let cache = cache.ok_or(Fault::NULL)?;
        // SAFETY: a string as required by the header.
        let domain = PolicyDomain::parse(unsafe { string(domain) }?)?;
        cache.change(|cache| cache.remove(&domain)).map(drop)
    })
}

/// Removes the entry that expired first, at the time `now`; `*expired` becomes a list with this entry, or NULL if none
/// has expired. There is no need to call it: expired entries are evicted first.
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_remove_expired(
    cache: Option<&mtasts_cache>,
    now: u64,
    expired: Option<&mut MaybeUninit<*mut mtasts_entries>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = expired.ok_or(Fault::NULL)?;
        let gone =
            cache.ok_or(Fault::NULL)?.change(|cache| cache.remove_expired(UnixTime::from_secs(now)))?;
        give_evicted(Some(out), gone);
        Ok(())
    })
}

/// Returns a domain whose policy is due for a refresh at the time `now`, the longest overdue first; `*domain` becomes
/// NULL if there is none. Run a lookup with MTASTS_PURPOSE_REFRESH on the entry from mtasts_cache_peek(), and apply its
/// outcome with mtasts_cache_apply().
///
/// A domain is not returned again until then, or for 30 minutes. Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_poll_refresh(
    cache: Option<&mtasts_cache>,
    now: u64,
    domain: Option<&mut MaybeUninit<*mut mtasts_domain>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = domain.ok_or(Fault::NULL)?;
        let due = cache.ok_or(Fault::NULL)?.change(|cache| cache.poll_refresh(UnixTime::from_secs(now)))?;
        give_option(out, due.map(|domain| mtasts_domain::new(&domain)));
        Ok(())
    })
}

/// The time at which mtasts_cache_poll_refresh() next has something to do, in Unix seconds; a time in the past means
/// now. UINT64_MAX if there is nothing to do, for NULL, and when poisoned. It may change with every call on the cache.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_poll_timeout(cache: Option<&mtasts_cache>) -> u64 {
    guard::get(u64::MAX, || cache?.change(|cache| cache.poll_timeout()).ok()?.map(UnixTime::as_secs))
}

/// Copies every domain and its entry, in order to save them: mtasts_entry_text() of each, for its
/// mtasts_entries_domain(). Load them in this order with mtasts_cache_insert().
///
/// Errors: MTASTS_ERR_NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_entries(
    cache: Option<&mtasts_cache>,
    entries: Option<&mut MaybeUninit<*mut mtasts_entries>>,
) -> mtasts_status {
    guard::run(None, || {
        let out = entries.ok_or(Fault::NULL)?;
        let entries: Vec<_> = cache.ok_or(Fault::NULL)?.change(|cache| cache.entries().collect())?;
        give(out, mtasts_entries::new(entries));
        Ok(())
    })
}

/// Frees a cache. NULL is fine. No other thread may be using it.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_free(cache: Option<Box<mtasts_cache>>) {
    drop(cache);
}

/// The number of entries. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entries_count(entries: Option<&mtasts_entries>) -> usize {
    entries.map_or(0, |entries| entries.entries.len())
}

/// The domain of an entry, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entries_domain(entries: Option<&mtasts_entries>, index: usize) -> *const c_char {
    let item = entries.and_then(|entries| entries.entries.get(index));
    item.map_or(NONE, |(domain, _)| mtasts_domain_text(Some(domain)))
}

/// An entry, by its index from 0. NULL for NULL, and if the index is out of range.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entries_get(
    entries: Option<&mtasts_entries>,
    index: usize,
) -> Option<&mtasts_entry> {
    entries?.entries.get(index).map(|(_, entry)| entry)
}

/// Frees entries. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_entries_free(entries: Option<Box<mtasts_entries>>) {
    drop(entries);
}

/// Panics in the middle of a change, for tests. Installed libraries do not have it: see the feature.
///
/// cbindgen:ignore
#[cfg(feature = "panic-on-demand")]
// The value None never occurs.
#[allow(clippy::missing_panics_doc)]
#[unsafe(no_mangle)]
pub extern "C" fn mtasts_cache_panic(
    cache: Option<&mtasts_cache>,
    error: Option<&mut MaybeUninit<*mut mtasts_error>>,
) -> mtasts_status {
    guard::run(error, || cache.ok_or(Fault::NULL)?.change(|_| panic!("on demand")))
}

impl mtasts_cache {
    /// Works on the cache under its lock.
    fn change<R>(&self, change: impl FnOnce(&mut PolicyCache) -> R) -> Result<R, Fault> {
        // The cache itself records whether a panic left it half changed.
        self.cache.lock().unwrap_or_else(PoisonError::into_inner).change(change)
    }
}

impl mtasts_entries {
    fn new(entries: impl IntoIterator<Item = (PolicyDomain, CacheEntry)>) -> Self {
        let item = |(domain, entry)| (mtasts_domain::new(&domain), mtasts_entry::new(entry));
        Self { entries: entries.into_iter().map(item).collect() }
    }
}

fn give_evicted(
    out: Option<&mut MaybeUninit<*mut mtasts_entries>>,
    evicted: impl IntoIterator<Item = Evicted>,
) {
    let Some(out) = out else { return };
    let mut evicted = evicted.into_iter().map(|evicted| (evicted.domain, evicted.entry)).peekable();
    let entries = evicted.peek().is_some().then(|| mtasts_entries::new(evicted));
    give_option(out, entries);
}
