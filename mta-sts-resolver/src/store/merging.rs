//! Merges the entries that two processes have for one domain.

use mta_sts_core::{BackOff, CacheEntry, CacheUpdate, UnixTime};

/// Combines the entries `held` and `new`. Of two policies the one that was requested later counts, and the other entry
/// does not change it, according to the rules of [`CacheUpdate::apply_to`].
///
/// ```
/// use mta_sts_core::{CacheUpdate, CachedPolicy, Policy, UnixTime};
/// use mta_sts_resolver::merge_entries;
///
/// let policy = Policy::parse(b"version: STSv1\nmode: none\nmax_age: 604800\n")?;
/// let entry = |id: &str, fetched_at| {
///     let policy = CachedPolicy::new(policy.clone(), id.parse().unwrap(), UnixTime::from_secs(fetched_at));
///     let update = CacheUpdate::Store { policy, checked_until: UnixTime::default() };
///     update.apply_to(None, UnixTime::from_secs(fetched_at)).unwrap()
/// };
/// let now = UnixTime::from_secs(1_700_001_000);
/// let (older, newer) = (entry("1", 1_700_000_000), entry("2", 1_700_000_011));
/// assert_eq!(merge_entries(older.clone(), &newer, now), newer);
/// assert_eq!(merge_entries(newer.clone(), &older, now), newer);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// This is for an [`EntryStore`](crate::EntryStore) that several processes write to:
/// [`EntryStore::put`](crate::EntryStore::put) does this in one atomic step.
pub fn merge_entries(held: CacheEntry, new: &CacheEntry, now: UnixTime) -> CacheEntry {
    let updates = updates(&held, new, now);
    let mut entry = Some(held);
    for update in &updates {
        entry = update.apply_to(entry, now);
    }
    // Nothing in either may be current any more.
    entry.unwrap_or_else(|| new.clone())
}

/// The updates that add to an entry what another one knows.
pub(crate) fn updates(known: &CacheEntry, other: &CacheEntry, now: UnixTime) -> Vec<CacheUpdate> {
    let mut updates = Vec::new();
    let mut in_force = known.valid_policy(now);
    // A policy that has expired by this clock does not replace one in force.
    let policy = other.policy().filter(|policy| in_force.is_none() || policy.is_valid(now));
    if let Some(policy) = policy.filter(|policy| known.policy() != Some(policy)) {
        updates.push(CacheUpdate::Store { policy: policy.clone(), checked_until: other.checked_until() });
        in_force = in_force.filter(|known| known.is_after(policy.fetched_at(), now)).or(Some(policy));
    }
    let is_known =
        |new: &BackOff| known.back_offs().iter().any(|known| known.id == new.id && known.until >= new.until);
    // Without a failure these are ids of replaced policies, and say nothing about fetches of another process.
    if other.policy().is_none() || other.fetch_failures() > 0 {
        // The time of a failed fetch is not stored. A process that knew the policy in force has counted the failure
        // since; for others it is unknown.
        let knew = in_force.is_none_or(|policy| {
            other.policy().is_some_and(|other| !policy.is_after(other.fetched_at(), now))
        });
        let requested_at = if knew { now } else { UnixTime::default() };
        let new = other.back_offs().iter().filter(|back_off| back_off.until > now && !is_known(back_off));
        updates.extend(new.map(|&back_off| CacheUpdate::BackOff { back_off, requested_at }));
    }
    // If a fetch was tried, there was a record.
    if let Some(absence) = other.absence().filter(|absence| absence.until > now)
        && known.back_offs().iter().all(|back_off| back_off.until <= now)
        && known.absence().is_none_or(|known| known.until < absence.until)
    {
        updates.push(CacheUpdate::Absent(absence));
    }
    updates
}
