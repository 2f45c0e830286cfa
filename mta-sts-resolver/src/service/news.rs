//! What other machines have stored, and this one does not know.

use std::time::Duration;

use mta_sts_core::{BackOff, CacheEntry, CacheUpdate, UnixTime};

/// What a store says that was not known.
pub(super) struct News {
    pub(super) entry: CacheEntry,
    /// Another policy than the known one is in force.
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

/// How far apart the clocks of machines may be that share a store.
const CLOCK_SKEW: Duration = Duration::from_secs(60);
