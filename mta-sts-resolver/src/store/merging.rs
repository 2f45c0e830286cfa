//! What two processes know of one domain, made one.

use mta_sts_core::{BackOff, CacheEntry, CacheUpdate, CachedPolicy, UnixTime};

/// What is known of a domain by `held` and by `new` together. Of two policies the one that was asked for later counts, and
/// whatever the other has learnt changes nothing of it, as [`CacheUpdate::apply_to`] has it.
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
/// For an [`EntryStore`](crate::EntryStore) that several processes write to: [`EntryStore::put`](crate::EntryStore::put) does
/// this in one step.
pub fn merge_entries(held: CacheEntry, new: &CacheEntry, now: UnixTime) -> CacheEntry {
    let updates = updates(&held, new, now);
    let mut entry = Some(held);
    for update in &updates {
        entry = update.apply_to(entry, now);
    }
    // Nothing in either may count any more.
    entry.unwrap_or_else(|| new.clone())
}

/// What makes known what another entry says besides.
pub(crate) fn updates(known: &CacheEntry, other: &CacheEntry, now: UnixTime) -> Vec<CacheUpdate> {
    let mut updates = Vec::new();
    let mut in_force = known.valid_policy(now);
    // A policy that has lapsed, by this clock, takes no place of one in force.
    let policy = other.policy().filter(|policy| in_force.is_none() || policy.is_valid(now));
    if let Some(policy) = policy.filter(|policy| known.policy() != Some(policy)) {
        updates.push(CacheUpdate::Store { policy: policy.clone(), checked_until: other.checked_until() });
        in_force = in_force.filter(|known| is_later(known, policy.fetched_at(), now)).or(Some(policy));
    }
    let is_known =
        |new: &BackOff| known.back_offs().iter().any(|known| known.id == new.id && known.until >= new.until);
    // Without a failure they are ids of policies that gave way, and say nothing of another process's fetches.
    if other.policy().is_none() || other.fetch_failures() > 0 {
        // When it was that a fetch failed is not remembered. Whoever knew the policy in force has counted it as failing since;
        // of others nobody can tell.
        let knew = in_force.is_none_or(|policy| {
            other.policy().is_some_and(|other| !is_later(policy, other.fetched_at(), now))
        });
        let requested_at = if knew { now } else { UnixTime::default() };
        let new = other.back_offs().iter().filter(|back_off| back_off.until > now && !is_known(back_off));
        updates.extend(new.map(|&back_off| CacheUpdate::BackOff { back_off, requested_at }));
    }
    // Where a fetch was tried there was a record.
    if let Some(absence) = other.absence().filter(|absence| absence.until > now)
        && known.back_offs().iter().all(|back_off| back_off.until <= now)
        && known.absence().is_none_or(|known| known.until < absence.until)
    {
        updates.push(CacheUpdate::Absent(absence));
    }
    updates
}

/// Whether a policy was asked for after this time. A fetch in the future was made before a clock stepped back.
fn is_later(policy: &CachedPolicy, time: UnixTime, now: UnixTime) -> bool {
    policy.fetched_at() > time && policy.fetched_at() <= now
}
