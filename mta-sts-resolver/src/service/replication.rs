//! Replication between machines that share a store: entries that another machine has stored.

use std::time::Duration;

use mta_sts_core::{BackOff, CacheEntry, CacheUpdate, UnixTime};

/// An entry from the store that this machine did not know.
pub(super) struct ReplicatedEntry {
    pub(super) entry: CacheEntry,
    /// Whether it brings another policy into force.
    pub(super) has_new_policy: bool,
}

/// Adjusts an entry from a machine whose clock is slightly ahead. Otherwise a lookup would see a back-off longer than
/// it ever sets, conclude that the clock has stepped back, and fetch at once.
pub(super) fn adjust_clock(stored: CacheEntry, now: UnixTime, back_off: Duration) -> CacheEntry {
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

/// The tolerated difference between the clocks of machines that share a store.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
