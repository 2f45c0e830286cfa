//! What an entry is worth when space is short, and until when.

use crate::entry::CacheEntry;
use crate::policy::Mode;
use crate::time::UnixTime;

/// What an entry is worth while it has not expired, the least first: that of the best thing in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Worth {
    Absent,
    BackingOff,
    None,
    Testing,
    Enforce,
}

impl Worth {
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

/// The first second in which nothing in the entry counts any more.
pub(super) fn ends_at(entry: &CacheEntry) -> UnixTime {
    let policy = entry.policy().map(|cached| second_after(cached.expires_at()));
    let absence = entry.absence().map(|absence| absence.until);
    let back_off = entry.back_offs().iter().map(|back_off| back_off.until).max();
    policy.max(absence).max(back_off).unwrap_or_default()
}

/// The first second in which the entry is worth nothing: that after its policy, if it has one, since it
/// was for the policy's sake that it was worth more than others.
pub(super) fn expires_at(entry: &CacheEntry) -> UnixTime {
    entry.policy().map_or_else(|| ends_at(entry), |cached| second_after(cached.expires_at()))
}

pub(super) const fn second_after(time: UnixTime) -> UnixTime {
    UnixTime::from_secs(time.as_secs().saturating_add(1))
}
