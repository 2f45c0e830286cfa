//! What other machines have stored, and this one does not know.

use std::time::Duration;

use mta_sts_core::{BackOff, CacheEntry, CacheUpdate, CachedPolicy, UnixTime};

/// What a store says that was not known.
pub(super) struct News {
    pub(super) entry: CacheEntry,
    /// A policy that was fetched later than the known one.
    pub(super) has_policy: bool,
}

/// An entry of a machine whose clock is a little ahead. A lookup takes a back-off that is further ahead than it sets one
/// itself for a trace of a clock that has stepped back, and would fetch at once.
pub(super) fn by_our_clock(stored: CacheEntry, now: UnixTime, back_off: Duration) -> CacheEntry {
    let latest = now.saturating_add(back_off);
    let is_ahead = |until: UnixTime| until > latest && until.saturating_since(latest) <= CLOCK_SKEW;
    if !stored.back_offs().iter().any(|back_off| is_ahead(back_off.until)) {
        return stored;
    }
    let checked_until = stored.checked_until();
    let policy = stored.policy().map(|policy| CacheUpdate::Store { policy: policy.clone(), checked_until });
    let back_offs = stored.back_offs().iter().map(|&BackOff { id, until }| {
        let back_off = BackOff { id, until: if is_ahead(until) { latest } else { until } };
        CacheUpdate::BackOff { back_off, requested_at: now }
    });
    let updates = policy.into_iter().chain(back_offs);
    updates.fold(None, |entry, update| update.apply_to(entry, now)).unwrap_or_default()
}

/// What makes known what is stored besides: a later fetch, and fetches that failed.
pub(super) fn updates(known: &CacheEntry, stored: &CacheEntry, now: UnixTime) -> Vec<CacheUpdate> {
    let mut updates = Vec::new();
    let fetched_at = known.valid_policy(now).map(CachedPolicy::fetched_at);
    if let Some(policy) = stored.valid_policy(now).filter(|policy| Some(policy.fetched_at()) > fetched_at) {
        updates.push(CacheUpdate::Store { policy: policy.clone(), checked_until: stored.checked_until() });
    }
    // Without a failure they are ids of policies that gave way, and say nothing of other machines' fetches.
    if stored.policy().is_none() || stored.fetch_failures() > 0 {
        let is_known = |new: &BackOff| {
            known.back_offs().iter().any(|back_off| back_off.id == new.id && back_off.until >= new.until)
        };
        let new = stored.back_offs().iter().filter(|back_off| back_off.until > now && !is_known(back_off));
        // The store does not know when the policy was asked for; the back-off began five minutes before its end at the
        // latest (RFC 8461, 3.3).
        let requested_at =
            |back_off: &BackOff| UnixTime::from_secs(back_off.until.as_secs().saturating_sub(300));
        updates.extend(
            new.map(|&back_off| CacheUpdate::BackOff { back_off, requested_at: requested_at(&back_off) }),
        );
    }
    updates
}

/// How far apart the clocks of machines may be that share a store.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
