//! The eviction rank of an entry, and the time of its expiry.

use crate::entry::CacheEntry;
use crate::policy::Mode;
use crate::time::UnixTime;

/// The rank of an unexpired entry, by the most valuable thing in it; the lowest rank is evicted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum EvictionRank {
    Absent,
    BackingOff,
    None,
    Testing,
    Enforce,
}

impl EvictionRank {
    pub(super) const ALL: [Self; 5] =
        [Self::Absent, Self::BackingOff, Self::None, Self::Testing, Self::Enforce];

    pub(super) fn of(entry: &CacheEntry) -> Self {
        match entry.policy() {
            Some(cached) => match cached.policy().mode() {
                Mode::Enforce => Self::Enforce,
                Mode::Testing => Self::Testing,
                Mode::None => Self::None,
            },
            None if entry.back_offs().is_empty() => Self::Absent,
            None => Self::BackingOff,
        }
    }
}

/// The first second in which nothing in the entry is current.
pub(super) fn ends_at(entry: &CacheEntry) -> UnixTime {
    let policy = entry.policy().map(|cached| second_after(cached.expires_at()));
    let absence = entry.absence().map(|absence| absence.until);
    let back_off = entry.back_offs().iter().map(|back_off| back_off.until).max();
    policy.max(absence).max(back_off).unwrap_or_default()
}

/// The first second in which the entry has no rank: the one after its policy, if it has one, since the
/// policy gave it its rank.
pub(super) fn expires_at(entry: &CacheEntry) -> UnixTime {
    entry.policy().map_or_else(|| ends_at(entry), |cached| second_after(cached.expires_at()))
}

pub(super) const fn second_after(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.as_secs().saturating_add(1))
}
